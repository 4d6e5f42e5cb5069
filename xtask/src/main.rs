//! The project's own checks as one command: `cargo xtask check` runs them all, `cargo xtask floors` one of them.

mod floors;
mod fuzz;
mod source;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: cargo xtask check | floors | fuzz [SECONDS] [TARGET ...]
  check   format, clippy, floors, tests, documentation, and cargo-deny where it is installed
  floors  only that imports go down, from floor to floor
  fuzz    every fuzz target for some time; needs cargo-fuzz";

fn main() -> ExitCode {
    let root = root();
    let verb = std::env::args().nth(1).unwrap_or_default();
    let rest: Vec<String> = std::env::args().skip(2).collect();
    let result = match verb.as_str() {
        "check" => check(&root),
        "floors" => floors::check(&root.join("src")),
        "fuzz" => fuzz::run(&root, &rest),
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

/// Everything, and the first failure ends it.
fn check(root: &Path) -> Result<(), String> {
    cargo(root, &["fmt", "--all", "--check"])?;
    cargo(root, &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    println!("== floors");
    floors::check(&root.join("src"))?;
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

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    println!("== cargo {}", arguments.join(" "));
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    status.success().then_some(()).ok_or_else(|| format!("cargo {} failed", arguments.join(" ")))
}
