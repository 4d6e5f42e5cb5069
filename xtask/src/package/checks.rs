//! What others say of the packages: shellcheck of their scripts, lintian and rpmlint of the files, piuparts of what an
//! installation and a purge leave, and the tests in booted containers.
//!
//! In: the commit. Out: an error that says which check failed. It needs root, as containers do.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::step;
use crate::cargo_with;
use crate::succeed;

/// The Debian that the package is tried on.
const SUITE: &str = "bookworm";

/// Builds the packages twice and checks them.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    shellcheck(root)?;
    super::twice::run(root)?;
    let (first, rpm) = (only(&root.join("target/package"), "deb")?, only(&root.join("target/package"), "rpm")?);
    let version = super::Context::new(root, None, super::FOLDER)?.version;
    let next = ["--no-build", "--deb-version", &format!("{version}-2"), "--output", "target/package-next"];
    super::run(root, &next.map(str::to_owned))?;
    let next = only(&root.join("target/package-next"), "deb")?;
    lint(root, &first, &rpm)?;
    step("piuparts: installed, upgraded and purged in a plain Debian, some minutes");
    // systemd's own files are not the package's; every server has them.
    let mut piuparts = Command::new("piuparts");
    piuparts.args(["-d", SUITE, "--fake-essential-packages", "systemd", "--warn-on-others"]).arg(&first);
    succeed(&mut piuparts)?;
    step("the package in booted containers");
    let names = [("PACKAGE", first.display().to_string()), ("PACKAGE_NEXT", next.display().to_string())];
    let variables: Vec<(&str, &str)> = names.iter().map(|(name, path)| (*name, path.as_str())).collect();
    let test = ["test", "--locked", "--test", "package", "--", "--ignored", "--nocapture", "--test-threads", "1"];
    cargo_with(root, &test, &variables)
}

/// What runs as root where a package is installed or removed, below `packaging`.
pub(super) const SCRIPTS: [&str; 5] = ["deb/postinst", "deb/postrm", "rpm/post", "rpm/preun", "rpm/postun"];

fn shellcheck(root: &Path) -> Result<(), String> {
    step("shellcheck");
    let scripts = SCRIPTS.map(|script| root.join("packaging").join(script));
    succeed(Command::new("shellcheck").args(["--shell", "sh"]).args(scripts))
}

fn lint(root: &Path, deb: &Path, rpm: &Path) -> Result<(), String> {
    step("lintian");
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--pedantic", "--fail-on", "error,warning,pedantic"]);
    succeed(lintian.arg(deb))?;
    step("rpmlint");
    succeed(Command::new("rpmlint").arg("--config").arg(root.join("packaging/rpm/rpmlint.toml")).arg(rpm))
}

/// The only file of a kind in a folder.
fn only(folder: &Path, kind: &str) -> Result<PathBuf, String> {
    let names = super::results(folder)?.into_iter().filter(|name| name.ends_with(&format!(".{kind}")));
    match names.collect::<Vec<_>>().as_slice() {
        [name] => Ok(folder.join(name)),
        names => Err(format!("{}: one .{kind} was to be there, not {}", folder.display(), names.len())),
    }
}
