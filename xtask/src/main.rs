//! The project's own checks as one command: `cargo xtask check` runs them all, `cargo xtask floors` one of them.
//! `cargo xtask fuzz`, `soak` and `busy` take minutes and are not among them; `cargo xtask acceptance` takes hours and
//! runs those. `cargo xtask package` makes what is installed, `cargo xtask image` what runs in containers.

mod acceptance;
mod busy;
mod floors;
mod fuzz;
mod image;
mod machine;
mod package;
mod page;
mod paths;
mod sizes;
mod source;
mod stages;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str =
    "usage: cargo xtask check | floors | paths | sizes | fuzz [SECONDS] [TARGET...] | soak [SECONDS] [EVENT...]
                   | man | busy [TIMES] [FILTER...] | acceptance [--minutes N] [STAGE...]
                   | package [--no-build | --binary FILE] [--deb-version V] [--output FOLDER] | package --twice
                   | image [--no-build | --binary FILE] [--output FOLDER]
  check   format, clippy, floors, paths, sizes, tests, documentation, and cargo-deny where it is installed
  floors  only that imports go down, from floor to floor
  paths   only that files, functions and tests that the documents name exist
  sizes   only how long files and functions are, and how wide comments
  man     writes the man pages in packaging/man anew
  fuzz    every fuzz target for SECONDS (20); needs cargo-fuzz and a C++ compiler
  soak    the release binary under load for SECONDS (60) while its upstreams fail at random, and while
          each EVENT happens: sync, reload, kill
  busy    all tests, or those with a FILTER in their names, TIMES (3) beside a busy loop for each core
  acceptance  all that takes long, each STAGE for its full turn or for N minutes, with what it needs
          installed; writes docs/acceptance.md
  package the .deb, the .rpm, the list of crates and their sums, in target/package; --no-build takes the last
          program that was built, --binary any; --twice builds the commit on two paths and compares the sums
  image   the container image, an archive of the OCI in target/image; --no-build and --binary as above";

fn main() -> ExitCode {
    let root = root();
    let mut arguments = std::env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match verb.as_str() {
        "check" => check(&root),
        "floors" => floors::check(&root.join("src")),
        "paths" => paths::check(&root),
        "sizes" => sizes::check(&root),
        "man" => man(&root),
        "fuzz" => fuzz::run(&root, &rest),
        "soak" => soak(&root, &rest),
        "busy" => busy::run(&root, &rest),
        "package" => package::run(&root, &rest),
        "image" => image::run(&root, &rest),
        "acceptance" => acceptance::run(&root, &rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// Runs all checks; the first failure ends the run.
fn check(root: &Path) -> Result<(), String> {
    cargo(root, &["fmt", "--all", "--check"])?;
    cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    println!("== floors");
    floors::check(&root.join("src"))?;
    println!("== paths");
    paths::check(root)?;
    println!("== sizes");
    sizes::check(root)?;
    cargo(root, &["test", "--workspace", "--locked"])?;
    cargo(root, &["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])?;
    if Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        cargo(root, &["deny", "check", "licenses", "bans", "sources"])?;
    } else {
        println!("== SKIPPED cargo deny: it is not installed (cargo install cargo-deny --locked)");
    }
    println!("== all checks passed");
    Ok(())
}

/// Runs the soak for the given seconds, with the given events; both arguments are optional.
fn soak(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (seconds, events) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u64>().is_ok() => (first.as_str(), rest),
        _ => ("60", arguments),
    };
    let status = Command::new("cargo")
        .args(["test", "--release", "--locked", "--test", "soak", "--", "--ignored", "--nocapture"])
        .current_dir(root)
        .env("SOAK_SECONDS", seconds)
        .env("SOAK_EVENTS", events.join(" "))
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    status.success().then_some(()).ok_or_else(|| "the soak failed".to_owned())
}

/// Has the test of the man pages write them.
fn man(root: &Path) -> Result<(), String> {
    cargo_with(root, &["test", "--locked", "--test", "it", "man::"], &[("UPDATE_MAN", "1")])
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    cargo_with(root, arguments, &[("RUSTDOCFLAGS", "-D warnings")])
}

fn cargo_with(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    println!("== cargo {}", arguments.join(" "));
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    status.success().then_some(()).ok_or_else(|| format!("cargo {} failed", arguments.join(" ")))
}

/// Runs a command to its end; an error names it.
fn succeed(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
