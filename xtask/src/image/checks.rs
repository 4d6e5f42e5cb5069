//! What must hold of the image: made twice it is the same, and the tests of `tests/image` pass, which run it.

use std::path::Path;
use std::process::Command;

use super::{Options, make};
use crate::package::step;
use crate::{cargo_with, succeed};

/// Makes the image twice, and runs it. It needs root, as containers do.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    succeed(Command::new(root.join(".ci/tools")).arg("runtime"))?;
    let first = make(root, Options::default())?;
    let again = Options { no_build: true, output: Some("target/image-again".into()), ..Options::default() };
    let second = make(root, again)?;
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if read(&first)? != read(&second)? {
        return Err(format!("not reproducible: {} and {} differ", first.display(), second.display()));
    }
    println!("== both images have the same octets");
    step("the image in a runtime");
    let test = ["test", "--locked", "--test", "image", "--", "--ignored", "--nocapture", "--test-threads", "1"];
    cargo_with(root, &test, &[("CI", "true"), ("IMAGE", &first.display().to_string())])
}
