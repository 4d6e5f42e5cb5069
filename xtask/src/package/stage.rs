//! What the packages are made of: the stripped program, its completions, what is compressed, and copies of the
//! repository's files with the commit's date. `[package.metadata.deb]` and `[package.metadata.generate-rpm]` in `Cargo.toml` name the files.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Context, notices, results, step, write};
use crate::machine::said;
use crate::succeed;

/// What `dh_strip` asks of strip.
const STRIPPED: [&str; 3] = ["--strip-all", "--remove-section=.comment", "--remove-section=.note"];

/// Fills the folder anew, and removes older packages.
pub(super) fn fill(context: &Context, binary: &Path) -> Result<(), String> {
    clear(context)?;
    let program = context.stripped(binary)?;
    step("completions, man pages, changelogs, notices");
    completions(context, &program)?;
    man_pages(context)?;
    let changelog =
        std::fs::read(context.root.join("CHANGELOG.md")).map_err(|error| format!("CHANGELOG.md: {error}"))?;
    compressed(context, "changelog", &changelog)?;
    context.notices()?;
    write(&context.stage.join("changelog.Debian"), debian_changelog(context)?)?;
    copies(context)
}

impl Context {
    /// A copy of the program without symbols, in the stage.
    pub(crate) fn stripped(&self, binary: &Path) -> Result<PathBuf, String> {
        step(&format!("program: {}", binary.display()));
        let bytes = std::fs::read(binary).map_err(|error| format!("{}: {error}", binary.display()))?;
        let program = self.stage.join("privatelink-dns");
        write(&program, bytes)?;
        succeed(self.command("strip").args(STRIPPED).arg(&program))?;
        succeed(self.command("chmod").arg("755").arg(&program))?;
        Ok(program)
    }

    /// The compressed notices of the crates, in the stage.
    pub(crate) fn notices(&self) -> Result<PathBuf, String> {
        compressed(self, "THIRD-PARTY", notices::of(&self.metadata)?.as_bytes())?;
        Ok(self.stage.join("THIRD-PARTY.gz"))
    }
}

/// What the repository holds and an RPM package shows the dates of.
pub(super) const COPIED: [&str; 9] =
    ["README.md", "CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "docs", "contrib", "deploy", "packaging"];

/// Copies files of the repository and gives all that is staged the commit's date: a file that is older would keep its
/// own, which a clone does not have.
fn copies(context: &Context) -> Result<(), String> {
    succeed(context.command("cp").arg("-r").args(COPIED).arg(&context.stage))?;
    // Its own runs change this page, and it is for people who work on the project.
    succeed(context.command("rm").arg(context.stage.join("docs/acceptance.md")))?;
    let date = format!("--date=@{}", context.epoch);
    succeed(context.command("find").arg(&context.stage).args(["-exec", "touch", "--no-dereference", &date, "{}", "+"]))
}

/// Removes what an earlier run left.
fn clear(context: &Context) -> Result<(), String> {
    for name in results(&context.out).unwrap_or_default() {
        let old = context.out.join(name);
        std::fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
    }
    match std::fs::remove_dir_all(&context.stage) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{}: {error}", context.stage.display())),
        _ => Ok(()),
    }
}

/// The completions of each shell, under the names by which it finds them.
fn completions(context: &Context, program: &Path) -> Result<(), String> {
    for (shell, file) in [("bash", "privatelink-dns"), ("zsh", "_privatelink-dns"), ("fish", "privatelink-dns.fish")] {
        let output = Command::new(program).args(["completions", shell]).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("privatelink-dns completions {shell}: {}\n{why}", output.status));
        }
        write(&context.stage.join(shell).join(file), output.stdout)?;
    }
    Ok(())
}

/// The pages of `packaging/man`, each in the folder of its section.
fn man_pages(context: &Context) -> Result<(), String> {
    let folder = context.root.join("packaging/man");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let (Some(name), Some(section)) = (path.file_name(), path.extension()) else { continue };
        let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        compressed(context, &format!("man{}/{}", section.display(), name.display()), &text)?;
    }
    Ok(())
}

/// Writes a file by `gzip`, without its name and date.
fn compressed(context: &Context, name: &str, text: &[u8]) -> Result<(), String> {
    let plain = context.stage.join(name);
    write(&plain, text)?;
    succeed(context.command("gzip").args(["-9", "--no-name", "--force"]).arg(&plain))
}

/// The changelog of the packaging, in Debian's form.
fn debian_changelog(context: &Context) -> Result<String, String> {
    let maintainer = context.own()["metadata"]["deb"]["maintainer"].as_str().ok_or("no maintainer")?;
    let date = said(context.command("date").args(["-R", "-d", &format!("@{}", context.epoch)]))?;
    Ok(format!(
        "privatelink-dns ({}-{}) unstable; urgency=medium\n\n  * Packaged as in the project itself; changelog.gz says \
         what has changed.\n\n -- {maintainer}  {date}\n",
        context.version, context.revision
    ))
}
