//! A zone folder that cannot be written: the old zone is served, one clear error, and it heals by itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::support::server::Server;
use crate::support::site::Site;

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
    const NOBODY: u32 = 65534;
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
