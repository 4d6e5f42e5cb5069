//! The rights of groups on the control socket, and who did what: by the real binary, under other ids.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use crate::support::site::{BINARY, Ran, Site};
use crate::support::wait_until;

const BLOB: &str = "privatelink.blob.core.windows.net";
const SOCKET: &str = "zones/.control.sock";

/// Numbers that no account has: the kernel's word on the primary group is all there is.
const ADMINS: u32 = 61_001;
const LEADS: u32 = 61_002;
const STRANGERS: u32 = 61_003;
const GROUPS: &str = "control_group = 61001\napprove_group = \"61002\"\n[sync]\ninterval = \"1h\"\n";

fn accounts(network: u8) -> String {
    (0..20).map(|n| format!("10.{network}.0.{n} acct{n}.blob.core.windows.net\n")).collect::<Vec<_>>().concat()
}

/// Twenty accounts in service, and a config that other users may read; `None` where this user cannot become another.
fn site() -> Option<Site> {
    let site = Site::new().with_list("a.txt", accounts(1)).with_config(GROUPS);
    site.sync();
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED: only root can become another user");
        return None;
    }
    for folder in ["", "config", "zones"] {
        std::fs::set_permissions(site.path(folder), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    Some(site)
}

/// A binary that every user may run.
fn binary(site: &Site) -> PathBuf {
    let copy = site.path("privatelink-dns");
    if !copy.exists() {
        // A link where it can be one: the binary of a test is large.
        if std::fs::hard_link(BINARY, &copy).is_err() {
            std::fs::copy(BINARY, &copy).unwrap();
        }
    }
    copy
}

/// Runs a verb as this user and group.
fn run_as(site: &Site, id: u32, arguments: &[&str]) -> Ran {
    let mut command = std::process::Command::new(binary(site));
    command.args(arguments).arg("--config").arg(site.config_file()).uid(id).gid(id).current_dir("/");
    Ran::from(command.output().unwrap())
}

fn digest(site: &Site) -> String {
    site.status()["sync"]["pass"]["held"]["digest"].as_str().unwrap().to_owned()
}

/// One line on the socket, and the reply.
fn says(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_group_may_ask_another_may_consent_and_strangers_are_told_what_they_lack() {
    let Some(site) = site() else { return };
    let server = site.start();
    assert_eq!(std::fs::metadata(site.path(SOCKET)).unwrap().permissions().mode() & 0o777, 0o666);
    let asks: [&[&str]; 3] = [&["status"], &["flush", "www.example"], &["sync", "--running"]];
    let consents: [&[&str]; 4] =
        [&["sync", "--running", "--approve", "eefb3f0b5d6c7e88a1b2c3d4e5f60718"], &["freeze"], &["thaw"], &["reload"]];
    for verb in asks {
        run_as(&site, ADMINS, verb).expect(0, &[]);
        run_as(&site, LEADS, verb).expect(0, &[]);
        run_as(&site, STRANGERS, verb).expect(1, &["you may not ask", "control_group", "approve_group"]);
    }
    for verb in consents {
        run_as(&site, ADMINS, verb).expect(1, &["you may not decide this", "group '61002' (approve_group)"]);
        run_as(&site, STRANGERS, verb).expect(1, &["you may not ask"]);
    }
    assert!(site.status()["sync"]["frozen"].is_null(), "nothing was done");
    run_as(&site, LEADS, &["freeze", "for", "now"]).expect(0, &[]);
    assert_eq!(site.status()["sync"]["frozen"]["by"], "uid 61002");
    run_as(&site, LEADS, &["thaw"]).expect(0, &[]);
    run_as(&site, LEADS, &["reload"]).expect(0, &["config read"]);
    let log = server.stop();
    for line in ["the sync is frozen", "the sync is thawed", "reload by the control socket"] {
        let said = log.lines().find(|said| said.contains(line)).unwrap_or_else(|| panic!("no '{line}' in {log}"));
        assert!(said.contains("uid 61002"), "{said}");
    }
}

#[test]
fn an_approval_by_the_socket_is_for_one_pass_and_the_log_the_journal_and_status_say_who() {
    let Some(site) = site() else { return };
    let server = site.start();
    site.write_list("a.txt", accounts(2));
    let held = run_as(&site, ADMINS, &["sync", "--running"]);
    let command = format!("sync --running --approve {} --config {}", digest(&site), site.config_file().display());
    held.expect(5, &[&command]);
    server.until_says(&command, 0);
    site.run("plan", &[])
        .expect(5, &["run: privatelink-dns sync --approve", &format!("--config {}", site.config_file().display())]);
    let stale = digest(&site);
    site.write_list("a.txt", accounts(3));
    run_as(&site, LEADS, &["sync", "--running", "--approve", &stale]).expect(5, &["approves other changes"]);
    assert_eq!(server.resolves(&format!("acct7.{BLOB}")), ["10.1.0.7"]);
    run_as(&site, LEADS, &["sync", "--running", "--approve", &digest(&site)]).expect(0, &[BLOB]);
    assert_eq!(server.resolves(&format!("acct7.{BLOB}")), ["10.3.0.7"], "right after the verb");
    let change = site.status()["changes"][0].clone();
    assert_eq!((&change["approved"], &change["by"]), (&true.into(), &"uid 61002".into()));
    let journal = std::fs::read_to_string(site.path("zones/.state/changes.jsonl")).unwrap();
    let (first, last) = (journal.lines().next().unwrap(), journal.lines().last().unwrap());
    assert!(last.contains("\"by\":\"uid 61002\"") && !first.contains("\"by\""), "{first}\n{last}");
    site.write_list("a.txt", accounts(4));
    site.run("sync", &["--running"]).expect(5, &["--approve"]);
    let log = server.stop();
    assert!(log.lines().any(|line| line.contains("consent to held changes") && line.contains("uid 61002")), "{log}");
}

#[test]
fn a_reload_gives_and_takes_rights() {
    let Some(mut site) = site() else { return };
    site.remove_config("control_group");
    site.remove_config("approve_group");
    let server = site.start();
    let mode = || std::fs::metadata(site.path(SOCKET)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    run_as(&site, ADMINS, &["status"]).expect(1, &["refused the connection", "control_group"]);
    site.add("control_group = 61001");
    std::fs::set_permissions(site.config_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    site.reload();
    run_as(&site, ADMINS, &["status", "--live"]).expect(0, &[]);
    run_as(&site, ADMINS, &["freeze"]).expect(1, &["it needs root or the server's own user"]);
    site.add("control_group = 61003");
    std::fs::set_permissions(site.config_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    site.reload();
    run_as(&site, ADMINS, &["status", "--live"]).expect(1, &["you may not ask"]);
    site.remove_config("control_group");
    site.reload();
    assert_eq!(std::fs::metadata(site.path(SOCKET)).unwrap().permissions().mode() & 0o777, 0o600);
    server.stop();
}

#[test]
fn strangers_and_members_that_stay_connected_keep_nobody_out() {
    let Some(site) = site() else { return };
    let server = site.start();
    let socket = site.path(SOCKET);
    // Connections of root that say nothing: they have all places but one.
    let _silent: Vec<UnixStream> = (0..15).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let script = format!(
        "import socket,time\nall=[]\nfor n in range(40):\n s=socket.socket(socket.AF_UNIX); s.connect({:?}); all.append(s)\n\
         print('ready',flush=True)\ntime.sleep(600)\n",
        socket.display().to_string()
    );
    let mut crowd = Vec::new();
    for id in [STRANGERS, ADMINS] {
        let mut python = std::process::Command::new("python3");
        python.args(["-c", &script]).uid(id).gid(id).stdout(std::process::Stdio::piped());
        let Ok(mut child) = python.spawn() else {
            assert!(std::env::var_os("CI").is_none(), "python3 is missing");
            println!("SKIPPED: no python3");
            return;
        };
        let mut ready = [0; 5];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        crowd.push(child);
    }
    wait_until("root is served", || site.run("status", &["--live"]).code == Some(0));
    run_as(&site, LEADS, &["status", "--live"]).expect(0, &[]);
    for mut child in crowd {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    server.stop();
}

#[test]
fn a_group_that_is_not_there_and_groups_without_a_socket_are_errors_with_their_line() {
    let site = Site::new();
    site.write_raw_config(
        "listen = [\"127.0.0.1:0\"]\ncontrol_group = \"no-such-group\"\n[backup]\ncloud = \"public\"\n",
    );
    site.run("check", &[]).expect(2, &["privatelink-dns.toml:2:", "there is no group 'no-such-group'"]);
    site.write_raw_config("control = \"off\"\n\napprove_group = \"root\"\n[backup]\ncloud = \"public\"\n");
    site.run("check", &[]).expect(2, &["privatelink-dns.toml:3:", "there is no control socket"]);
    site.write_raw_config("control_group = true\n[backup]\ncloud = \"public\"\n");
    site.run("check", &[]).expect(2, &["privatelink-dns.toml:1:", "control_group: expected a string"]);
}

#[test]
fn without_groups_the_owner_consents_by_the_socket_and_a_digest_of_the_wrong_form_is_a_usage_error() {
    let site = Site::new().with_list("a.txt", accounts(1)).with_config("[sync]\ninterval = \"1h\"\n");
    let server = site.start();
    site.write_list("a.txt", accounts(2));
    site.run("sync", &["--running"]).expect(5, &["--running --approve"]);
    site.run("sync", &["--running", "--approve", "x"]).expect(2, &["32 hexadecimal digits"]);
    let reply = says(&site.path(SOCKET), "{\"do\":\"sync\",\"approve\":\"x\"}\n");
    assert!(reply.starts_with("{\"refused\":") && reply.contains("32 hexadecimal digits"), "{reply}");
    site.run("sync", &["--running", "--approve", &digest(&site)]).expect(0, &[BLOB]);
    assert!(site.status()["changes"][0]["by"].is_string());
    server.stop();
}
