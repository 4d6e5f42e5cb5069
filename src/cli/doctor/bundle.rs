//! `--bundle`: one tar with what support asks for, without secrets.
//!
//! In: the findings, and the output of other verbs, each of which runs as a process of its own with a bound on its
//! time. Out: a new file that its owner alone may read. Lists and secret files are never in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::secrets::Cleaned;
use super::{Server, json};
use crate::cli::doctor::finding::Section;
use crate::config::Config;
use crate::files;
use crate::forward::RESOLV_CONF;

/// The time for each program that is run.
const PATIENCE: Duration = Duration::from_secs(15);

/// The time between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Octets of a program's output, and of a file, that are kept.
const MAX: u64 = 8 << 20;

/// Changes of the journal, and lines of the log.
const LAST: usize = 200;

/// What goes into it.
pub(super) struct Contents<'c> {
    pub(super) config: Option<&'c Config>,
    pub(super) server: &'c Server,
    pub(super) sections: &'c [Section],
    /// Seconds since 1970.
    pub(super) at: u64,
}

/// Writes the bundle; the names of its files.
///
/// # Errors
/// If the file is there already, or the disk does not take it.
pub(super) fn write(path: &Path, contents: &Contents<'_>) -> io::Result<Vec<&'static str>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = fill(&file, contents).and_then(|names| file.sync_all().map(|()| names));
    if written.is_err() {
        // Half a bundle is none.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn fill(file: &File, contents: &Contents<'_>) -> io::Result<Vec<&'static str>> {
    let text = contents.config.map(|config| text_of(&config.file)).unwrap_or_default();
    let cleaned = Cleaned::of(&text);
    let mut archive = tar::Builder::new(file);
    let mut names = Vec::new();
    for (name, text) in parts(contents) {
        let text = cleaned.cut(&text);
        append(&mut archive, (name, &text), contents.at)?;
        names.push(name);
    }
    append(&mut archive, ("config.toml", &cleaned.text), contents.at)?;
    names.push("config.toml");
    archive.finish()?;
    Ok(names)
}

fn append(archive: &mut tar::Builder<&File>, (name, text): (&str, &str), at: u64) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(at);
    header.set_cksum();
    archive.append_data(&mut header, name, text.as_bytes())
}

/// Every file but the config.
fn parts(contents: &Contents<'_>) -> Vec<(&'static str, String)> {
    let mut parts = vec![("doctor.json", json::text(contents.sections, contents.at))];
    if let Some(status) = contents.server.status() {
        parts.push(("status.json", serde_json::to_string_pretty(status).unwrap_or_default()));
    }
    if let Some(config) = contents.config {
        for (name, verb) in [("check.json", "check"), ("plan.json", "plan")] {
            let mut command = Command::new(std::env::current_exe().unwrap_or_default());
            command.args([verb, "--json", "--config"]).arg(&config.file);
            parts.push((name, output(command)));
        }
        parts.push(("changes.jsonl", last_lines(&text_of(&config.sync.state.journal()))));
    }
    let mut journal = Command::new("journalctl");
    journal.args(["--unit=privatelink-dns", "--lines=200", "--no-pager", "--output=short-iso"]);
    parts.push(("log.txt", output(journal)));
    parts.push(("resolv.conf", text_of(Path::new(RESOLV_CONF))));
    parts.push(("versions.txt", versions(contents.server)));
    parts
}

fn versions(server: &Server) -> String {
    let ours = format!("{} {}", env!("CARGO_PKG_VERSION"), env!("PRIVATELINK_DNS_REVISION"));
    let theirs = server.status().map(|status| format!("{} {}", status.server.version, status.server.revision));
    let system = rustix::system::uname();
    format!(
        "this program: {}\nthe server: {}\nthe compiler: {}\nthe system: {} {}\n",
        ours.trim_end(),
        theirs.as_deref().map_or("not running", str::trim_end),
        env!("PRIVATELINK_DNS_RUSTC"),
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy()
    )
}

/// A file's text, or the reason why there is none.
fn text_of(path: &Path) -> String {
    match files::read_head(path, MAX) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("# {}: {error}\n", crate::diag::path(path)),
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut last = lines[lines.len().saturating_sub(LAST)..].join("\n");
    last.push('\n');
    last
}

/// What a program says, or else what it complains of, or why there is neither.
fn output(command: Command) -> String {
    let name = command.get_program().to_string_lossy().into_owned();
    run(command).unwrap_or_else(|error| format!("'{name}' could not be run: {error}\n"))
}

fn run(mut command: Command) -> io::Result<String> {
    // A file takes whatever comes: a pipe that nobody empties would hold the program up.
    let (mut said, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(errors.try_clone()?).spawn()?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long"));
        }
        std::thread::sleep(LOOK);
    }
    let mut bytes = Vec::new();
    said.rewind()?;
    said.take(MAX).read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        errors.rewind()?;
        errors.take(MAX).read_to_end(&mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
