//! `cargo xtask package`: the Debian package, the RPM package, the list of the crates in them (`CycloneDX`) and the
//! checksums, in `target/package`.
//!
//! In: the commit, and the tools that `.ci/tools package` installs. Out: the files, a line for each step and a table of
//! the sizes. The same commit gives the same bytes, on another path too: `--twice` builds both and compares. All dates
//! in the files are that of the commit.

#[cfg(test)]
mod assets;
mod build;
mod checks;
mod notices;
mod sbom;
mod stage;
mod twice;

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use checks::run as check;

use crate::machine::said;
use crate::succeed;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// A program that is built already is packaged.
    no_build: bool,
    /// That program; else the last one that was built.
    binary: Option<PathBuf>,
    /// The version of the Debian package, with its revision, in place of the program's own.
    deb_version: Option<String>,
    /// Where the results go, from the project's folder; else `target/package`.
    output: Option<PathBuf>,
    twice: bool,
}

/// Where things are and when the commit was made, for all steps.
pub(crate) struct Context {
    pub(crate) root: PathBuf,
    /// Where the results go, such as `target/package`.
    pub(crate) out: PathBuf,
    /// What they are made of, such as `target/package/stage`.
    pub(crate) stage: PathBuf,
    /// When the commit was made, seconds since 1970.
    pub(crate) epoch: String,
    /// Of the program, such as `0.1.0`.
    pub(crate) version: String,
    /// Of the packaging, such as `1`.
    revision: String,
    /// What `cargo metadata` says.
    pub(crate) metadata: serde_json::Value,
}

/// Where the packages go.
const FOLDER: &str = "target/package";

/// Makes the packages.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let options = read(arguments)?;
    if options.twice {
        return twice::run(root);
    }
    step("tools");
    succeed(Command::new(root.join(".ci/tools")).arg("package"))?;
    let mut context = Context::new(root, options.deb_version.as_deref(), FOLDER)?;
    if let Some(output) = options.output {
        context.out = context.root.join(output);
    }
    let binary = context.program(options.binary, options.no_build)?;
    stage::fill(&context, &binary)?;
    step("list of crates");
    sbom::write(&context)?;
    step("Debian package");
    deb(&context)?;
    step("RPM package");
    rpm(&context)?;
    finish(&context)
}

const OPTIONS: &str = "--no-build, --binary FILE, --deb-version V, --output FOLDER, --twice";

/// The options of the command line.
fn read(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--no-build" => options.no_build = true,
            "--binary" => options.binary = Some(PathBuf::from(value()?)),
            "--deb-version" => options.deb_version = Some(value()?),
            "--output" => options.output = Some(PathBuf::from(value()?)),
            "--twice" => options.twice = true,
            _ => {
                return Err(format!("'{argument}' is not an option of package; the options are: {OPTIONS}"));
            }
        }
    }
    Ok(options)
}

impl Context {
    /// The results go to a folder of the project's.
    pub(crate) fn new(root: &Path, deb_version: Option<&str>, folder: &str) -> Result<Self, String> {
        let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
        let rustc = said(Command::new("rustc").arg("-vV").current_dir(&root))?;
        let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
        let metadata = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
        let metadata = said(cargo(&root).args(metadata))?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).map_err(|error| error.to_string())?;
        let own = own(&metadata)["version"].as_str().ok_or("cargo metadata does not name the program")?;
        let (version, revision) = split(deb_version.unwrap_or(own));
        let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(epoch) => epoch,
            Err(_) => said(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(&root))?,
        };
        let out = root.join(folder);
        Ok(Self { stage: out.join("stage"), out, epoch, version, revision, metadata, root })
    }

    /// The program to pack: the one given, the last one that was built, or one that is built now.
    pub(crate) fn program(&self, given: Option<PathBuf>, no_build: bool) -> Result<PathBuf, String> {
        match given {
            Some(program) => Ok(program),
            None if no_build => build::last(&self.root),
            None => build::run(self),
        }
    }

    /// What `cargo metadata` says of the program itself.
    pub(crate) fn own(&self) -> &serde_json::Value {
        own(&self.metadata)
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = if program == "cargo" { cargo(&self.root) } else { Command::new(program) };
        // The tools sort names and write dates by these.
        command.current_dir(&self.root).env("SOURCE_DATE_EPOCH", &self.epoch).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command
    }
}

/// What `cargo metadata` says of the program itself; null where it does not know it.
fn own(metadata: &serde_json::Value) -> &serde_json::Value {
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    packages.find(|package| package["name"] == "privatelink-dns").unwrap_or(&serde_json::Value::Null)
}

/// Version and revision of a Debian version; without a revision it is the first.
fn split(version: &str) -> (String, String) {
    let (version, revision) = version.rsplit_once('-').unwrap_or((version, "1"));
    (version.to_owned(), revision.to_owned())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

fn deb(context: &Context) -> Result<(), String> {
    let version = format!("{}-{}", context.version, context.revision);
    let mut command = context.command("cargo");
    command.args(["deb", "--quiet", "--no-build", "--locked", "--deb-version", &version, "--output"]).arg(&context.out);
    succeed(&mut command)
}

fn rpm(context: &Context) -> Result<(), String> {
    let numbers = format!("version = \"{}\"\nrelease = \"{}\"", context.version, context.revision);
    let mut command = context.command("cargo");
    command.args(["generate-rpm", "--auto-req", "builtin", "--set-metadata", &numbers, "--output"]).arg(&context.out);
    succeed(&mut command)
}

/// Writes the checksums and shows what is there.
fn finish(context: &Context) -> Result<(), String> {
    let names = results(&context.out)?;
    let sums = said(Command::new("sha256sum").args(&names).current_dir(&context.out))?;
    write(&context.out.join("SHA256SUMS"), format!("{sums}\n"))?;
    println!("\n{:>10}  file in target/package", "bytes");
    for name in names.iter().map(String::as_str).chain(["SHA256SUMS"]) {
        println!("{:>10}  {name}", size(&context.out.join(name)));
    }
    Ok(())
}

/// The names of the packages and the list of crates, sorted.
fn results(out: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| KINDS.iter().any(|kind| name.ends_with(kind))).collect();
    names.sort();
    Ok(names)
}

/// How the names of the files end that are left for others.
const KINDS: [&str; 3] = [".deb", ".rpm", ".cdx.json"];

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

pub(crate) fn step(what: &str) {
    println!("== {what}");
}

pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_and_an_unknown_one_is_named() {
        let options = read(&words("--no-build --binary a/b --deb-version 0.1.0-2")).unwrap();
        assert_eq!((options.no_build, options.binary, options.twice), (true, Some(PathBuf::from("a/b")), false));
        assert_eq!(options.deb_version.as_deref(), Some("0.1.0-2"));
        assert!(read(&words("--thrice")).unwrap_err().contains("'--thrice' is not an option"));
        assert!(read(&words("--deb-version")).unwrap_err().contains("--deb-version needs a value"));
    }

    #[test]
    fn a_version_without_a_revision_is_the_first_of_its_packaging() {
        assert_eq!(split("0.1.0"), ("0.1.0".to_owned(), "1".to_owned()));
        assert_eq!(split("0.1.0-2"), ("0.1.0".to_owned(), "2".to_owned()));
        assert_eq!(split("0.2.0-rc1-1"), ("0.2.0-rc1".to_owned(), "1".to_owned()));
    }
}
