//! Tells the binary what it was built from: the commit and the compiler. Both are for `build_info` and `status`; a build
//! without git, from an archive, has no commit unless `PRIVATELINK_DNS_REVISION` names one.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PRIVATELINK_DNS_REVISION");
    println!("cargo:rerun-if-changed=build.rs");
    let named = std::env::var("PRIVATELINK_DNS_REVISION").ok().filter(|revision| !revision.is_empty());
    // A build for tests is not made anew for each commit.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let revision = named.or_else(|| is_release.then(commit).flatten()).unwrap_or_default();
    println!("cargo:rustc-env=PRIVATELINK_DNS_REVISION={revision}");
    let rustc = std::env::var("RUSTC").ok().and_then(|rustc| said(&rustc, &["--version"])).unwrap_or_default();
    println!("cargo:rustc-env=PRIVATELINK_DNS_RUSTC={}", rustc.trim_start_matches("rustc "));
}

/// The commit of the work tree; the build is made again when another one is checked out.
fn commit() -> Option<String> {
    for of in ["HEAD", "logs/HEAD"] {
        if let Some(path) = said("git", &["rev-parse", "--git-path", of]) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    said("git", &["rev-parse", "--short=12", "HEAD"])
}

/// The first line that a program says, if it ends well.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}
