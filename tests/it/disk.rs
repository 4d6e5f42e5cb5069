//! A zone folder that cannot be written: the old zone is served, one clear error, and it heals by itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::server::Server;
use crate::support::site::{BINARY, Ran, Site};

/// A user of every machine, who owns nothing.
const NOBODY: u32 = 65534;

const NAME: &str = "name0.privatelink.blob.core.windows.net";

/// Enough names that the zone file is larger than the file size that is left.
fn list(version: u8) -> String {
    let line = |n: u16| format!("name{n}.blob.core.windows.net 10.{version}.{}.{}\n", n / 250, n % 250);
    (0..500).map(line).collect()
}

fn site() -> Site {
    Site::new().with_list("a.txt", list(1)).with_config("[sync]\nmax_removed = \"100%\"\ninterval = \"1s\"")
}

/// Goes through a time in which nothing can be written.
fn breaks_and_heals(site: &Site, server: Server, spoil: impl Fn(&Server), mend: impl Fn(&Server), error: &str) {
    server.until_resolves(NAME, "10.1.0.0");
    spoil(&server);
    let before = server.stderr().len();
    site.rename_list("a.txt", list(2));
    server.until_says(error, before);
    for _ in 0..3 {
        site.run("sync", &["--running"]).expect(1, &[error, "the file on disk is the last good one"]);
        assert_eq!(server.resolves(NAME), ["10.1.0.0"], "the old zone is served");
    }
    site.shown(&[error]);
    let said = server.stderr()[before..].matches(error).count();
    assert_eq!(said, 1, "one error, not one a pass:\n{}", &server.stderr()[before..]);
    mend(&server);
    // The next look at the lists comes by itself.
    server.until_resolves(NAME, "10.2.0.0");
    server.until_says("the sync is good again", before);
    site.shown(&[]);
    assert!(!site.shown(&[]).contains(error));
    server.stop();
}

/// As full as a disk can be made without one: no file may grow past 4 KiB.
#[test]
fn a_disk_without_room_leaves_the_old_zone_in_service_and_heals() {
    let site = site();
    let serve = site.command("serve");
    // A program that runs out of room is not killed for it, as SIGXFSZ would.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    let limit = |server: &Server, size: &str| {
        let (pid, size) = (server.pid().to_string(), format!("--fsize={size}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &size]).status().unwrap().success());
    };
    let server = Server::start(command);
    let (spoil, mend) = (|server: &Server| limit(server, "4096"), |server: &Server| limit(server, "unlimited"));
    breaks_and_heals(&site, server, spoil, mend, "is not written");
}

#[test]
fn a_folder_that_cannot_be_written_leaves_the_old_zone_in_service_and_heals() {
    let site = site();
    let mut command = site.command("serve");
    if nix::unistd::geteuid().is_root() {
        // Permissions do not stop root.
        let program = site.path("privatelink-dns");
        // Copied by a program of its own: a descriptor open for writing here may live on in another test's child, and a
        // file that is written cannot be run.
        assert!(Command::new("cp").arg(command.get_program()).arg(&program).status().unwrap().success());
        fs::set_permissions(site.path(""), Permissions::from_mode(0o755)).unwrap();
        chown(site.path("zones"), Some(NOBODY), Some(NOBODY)).unwrap();
        let mut other = Command::new(program);
        other.args(command.get_args()).uid(NOBODY).gid(NOBODY);
        command = other;
    }
    let server = Server::start(command);
    let mode = |mode: u32| {
        let folder = site.path("zones");
        move |_: &Server| fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap()
    };
    breaks_and_heals(&site, server, mode(0o555), mode(0o755), "cannot make a temporary file beside it");
}

#[test]
fn a_user_who_may_not_see_the_zones_or_the_state_is_refused_and_told_who_may() {
    let site =
        Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n").with_config("state_dir = \"state\"");
    site.sync();
    let is_root = nix::unistd::geteuid().is_root();
    let program = site.path("privatelink-dns");
    assert!(Command::new("cp").arg(BINARY).arg(&program).status().unwrap().success());
    let mode = |folder: &str, mode: u32| {
        // Permissions do not stop root, who becomes another user for this.
        let mode = if is_root || mode & 0o7 != 0 { mode } else { 0 };
        fs::set_permissions(site.path(folder), Permissions::from_mode(mode)).unwrap();
    };
    for folder in ["", "config", "zones"] {
        mode(folder, 0o755);
    }
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).arg("--config").arg(site.config_file()).current_dir("/");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ran::from(command.output().unwrap())
    };
    let verbs: [&[&str]; 4] = [&["plan"], &["plan", "--json"], &["sync"], &["sync", "--undo"]];
    for (folder, key) in [("zones", "zone_dir"), ("state", "state_dir")] {
        mode(folder, 0o750);
        for verb in verbs {
            let ran = run(verb);
            ran.expect(
                1,
                &[&format!("{key}: cannot read it: Permission denied"), "nothing was done", ": sudo privatelink-dns "],
            );
            assert!(ran.stdout.is_empty() && !ran.all().contains("frozen"), "{ran:#?}");
        }
        mode(folder, 0o755);
    }
    mode("zones", 0o750);
    run(&["query", "acct.privatelink.blob.core.windows.net"]).expect(
        1,
        &[
            "zone_dir: cannot read it",
            ": sudo privatelink-dns query acct.privatelink.blob.core.windows.net A --config /",
        ],
    );
    mode("zones", 0o755);
    run(&["query", "acct.privatelink.blob.core.windows.net"]).expect(0, &["10.1.0.1"]);
}
