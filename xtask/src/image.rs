//! `cargo xtask image`: the container image, as an archive of the Open Container Initiative (OCI) in `target/image`.
//!
//! In: the commit, the `dist` program, and the libraries and certificates of this machine's Debian. Out: one file that
//! `podman load`, `docker load` and `skopeo copy` read, and its checksum. It is written here, so that neither root nor
//! a daemon is needed, and the same program gives the same bytes: all dates are the commit's, all owners numbers.

mod checks;
mod debian;
mod files;
mod layer;
mod layout;

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use checks::run as check;

use crate::machine::said;
use crate::package::{Context, step, write};
use crate::succeed;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// A program that is built already goes in.
    no_build: bool,
    /// That program; else the last one that was built.
    binary: Option<PathBuf>,
    /// Where the results go, from the project's folder; else `target/image`.
    output: Option<String>,
}

/// Makes the image.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    make(root, read(arguments)?).map(|_| ())
}

/// Makes the image; returns its file.
fn make(root: &Path, options: Options) -> Result<PathBuf, String> {
    step("tools");
    succeed(Command::new(root.join(".ci/tools")).arg("image"))?;
    let context = Context::new(root, None, options.output.as_deref().unwrap_or("target/image"))?;
    let binary = context.program(options.binary, options.no_build)?;
    clear(&context.out)?;
    let program = context.stripped(&binary)?;
    step("libraries, certificates, licences");
    let files = files::all(&context, &program)?;
    step("archive");
    let layer = layer::compressed(&context, &files)?;
    let about = About::of(&context, &program)?;
    let name = format!("privatelink-dns-{}-{}.oci.tar", about.version, about.architecture);
    let image = context.out.join(&name);
    write(&image, layout::archive(&context, &layer, &about)?)?;
    let sum = said(Command::new("sha256sum").arg(&name).current_dir(&context.out))?;
    write(&context.out.join("SHA256SUMS"), format!("{sum}\n"))?;
    println!("\n{:>10}  octets of files in the image", files.iter().map(files::Entry::size).sum::<usize>());
    println!("{:>10}  {}", std::fs::metadata(&image).map_or(0, |metadata| metadata.len()), image.display());
    Ok(image)
}

const OPTIONS: &str = "--no-build, --binary FILE, --output FOLDER";

/// The options of the command line.
fn read(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--no-build" => options.no_build = true,
            "--binary" => options.binary = Some(PathBuf::from(value()?)),
            "--output" => options.output = Some(value()?),
            _ => return Err(format!("'{argument}' is not an option of image; the options are: {OPTIONS}")),
        }
    }
    Ok(options)
}

/// Removes what an earlier run left.
fn clear(out: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(out) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", out.display())),
        _ => Ok(()),
    }
}

/// What the image says of itself.
struct About {
    version: String,
    /// The commit, as the program names it; empty where it does not.
    revision: String,
    /// The time of the commit (RFC 3339).
    created: String,
    /// As the OCI writes it, such as `amd64`.
    architecture: &'static str,
    description: String,
    licenses: String,
    /// Where the source is, if `Cargo.toml` says so.
    source: Option<String>,
}

impl About {
    fn of(context: &Context, program: &Path) -> Result<Self, String> {
        let said_of_itself = said(Command::new(program).arg("--version"))?;
        let line = |key: &str| said_of_itself.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        let commit = line("commit").and_then(|commit| commit.split_whitespace().next()).unwrap_or_default();
        let target = line("target").unwrap_or_default();
        let own = context.own();
        let text = |key: &str| own[key].as_str().map(str::to_owned);
        let date = format!("--date=@{}", context.epoch);
        Ok(Self {
            version: context.version.clone(),
            revision: if commit == "not" { String::new() } else { commit.to_owned() },
            created: said(Command::new("date").args(["--utc", "+%Y-%m-%dT%H:%M:%SZ", &date]))?,
            architecture: architecture(target)?,
            description: text("description").unwrap_or_default(),
            licenses: text("license").unwrap_or_default(),
            source: text("repository"),
        })
    }
}

/// The OCI's name of the processor in a target of Rust's.
fn architecture(target: &str) -> Result<&'static str, String> {
    match target.split('-').next() {
        Some("x86_64") => Ok("amd64"),
        Some("aarch64") => Ok("arm64"),
        _ => Err(format!("'{target}' has no architecture that an image is made for: x86_64 or aarch64")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_and_an_unknown_one_is_named() {
        let options = read(&words("--no-build --binary a/b --output c")).unwrap();
        let expected = Options { no_build: true, binary: Some(PathBuf::from("a/b")), output: Some("c".to_owned()) };
        assert_eq!(options, expected);
        assert!(read(&words("--push")).unwrap_err().contains("'--push' is not an option of image"));
        assert!(read(&words("--binary")).unwrap_err().contains("--binary needs a value"));
    }

    #[test]
    fn a_processor_that_no_image_is_made_for_is_named() {
        assert_eq!(architecture("x86_64-unknown-linux-gnu, dist"), Ok("amd64"));
        assert_eq!(architecture("aarch64-unknown-linux-gnu"), Ok("arm64"));
        assert!(architecture("riscv64gc-unknown-linux-gnu").unwrap_err().contains("riscv64gc"));
    }
}
