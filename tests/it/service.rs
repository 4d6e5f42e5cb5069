//! The service manager: what it hears of the server, by the socket that `NOTIFY_SOCKET` names.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::hangs::shim;
use crate::support::server::{Server, fails_to_start};
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::{SOON, wait_until};

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

/// A service manager that only listens.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    heard: Vec<String>,
}

impl Manager {
    fn new(site: &Site) -> Self {
        let path = site.path("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self { socket, path, heard: Vec::new() }
    }

    fn command(&self, site: &Site) -> Command {
        let mut command = site.command("serve");
        command.env("NOTIFY_SOCKET", &self.path).env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
        command
    }

    /// The next assignment.
    fn next(&mut self) -> String {
        if self.heard.is_empty() {
            let mut buffer = [0; 4096];
            let length = self.socket.recv(&mut buffer).expect("the server says something");
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            self.heard = text.lines().rev().map(str::to_owned).collect();
        }
        self.heard.pop().expect("a message has lines")
    }

    /// Everything up to an assignment that begins so, and that one last.
    fn until(&mut self, begins: &str) -> Vec<String> {
        let mut heard = Vec::new();
        let deadline = Instant::now() + SOON;
        while Instant::now() < deadline {
            heard.push(self.next());
            if heard.last().is_some_and(|last| last.starts_with(begins)) {
                return heard;
            }
        }
        panic!("no '{begins}' in {heard:#?}")
    }

    /// Takes what has come.
    fn drain(&mut self) {
        self.heard.clear();
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }
}

fn site() -> Site {
    Site::new().with_list("a.txt", LIST).with_config("[sync]\ninterval = \"1s\"\nmax_removed = \"100%\"")
}

#[test]
fn it_is_told_of_the_start_that_it_is_ready_how_it_is_and_of_the_stop() {
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1");
    let site = site().with_upstream(&upstream);
    let mut manager = Manager::new(&site);
    let server = Server::start(manager.command(&site));
    let start = manager.until("STATUS=");
    let first = start.last().unwrap();
    assert!(first.starts_with("STATUS=starting: "), "the zones are read, or the lists if that was quick: {first}");
    manager.until("EXTEND_TIMEOUT_USEC=");
    manager.until("READY=1");
    let status = manager.until("STATUS=all well: ");
    assert!(status.last().unwrap().ends_with(" records, 1 source, 1 upstream"), "{status:#?}");
    site.rename_list("a.txt", "10.1.0.300 acct.blob.core.windows.net\n");
    let status = manager.until("STATUS=error: source 'a.txt' ");
    let last = status.last().unwrap();
    assert!(last.ends_with('…') || last.contains("a.txt:1"), "{last}");
    site.rename_list("a.txt", LIST);
    manager.until("STATUS=all well: ");
    server.signal(Signal::SIGTERM);
    let end = manager.until("STOPPING=1");
    assert!(!end.iter().any(|heard| heard.starts_with("STATUS=error")), "{end:#?}");
    assert!(manager.next().starts_with("STATUS=stopping (SIGTERM): "));
    assert_eq!(manager.next(), "EXTEND_TIMEOUT_USEC=11000000", "the time to drain, and some more");
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn ready_comes_after_the_zones_and_a_start_on_a_slow_disk_gets_more_time_and_keeps_the_watchdog_quiet() {
    let mut site = site();
    std::fs::create_dir(site.path("hangs")).unwrap();
    site.add("zone_dir = \"hangs\"\ncontrol = \"control.sock\"");
    std::fs::write(site.path("flag"), "").unwrap();
    let mut manager = Manager::new(&site);
    let mut command = manager.command(&site);
    command.env("LD_PRELOAD", shim()).env("HANG_WHILE", site.path("flag")).env("WATCHDOG_USEC", "200000");
    let server = Server::begin(command);
    let mut heard = manager.until("EXTEND_TIMEOUT_USEC=");
    // Twenty turns of the loop.
    (0..20).for_each(|_| heard.extend(manager.until("WATCHDOG=1")));
    assert!(!heard.contains(&"READY=1".to_owned()), "{heard:#?}");
    std::fs::remove_file(site.path("flag")).unwrap();
    manager.until("READY=1");
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn the_watchdog_hears_of_a_loop_that_turns_while_a_list_hangs_and_of_none_that_stands_still() {
    let site = site().with_config("[[sources]]\nname = \"far\"\npath = \"hangs/far.txt\"");
    std::fs::create_dir(site.path("hangs")).unwrap();
    std::fs::write(site.path("hangs/far.txt"), "10.1.0.2 far.blob.core.windows.net\n").unwrap();
    let mut manager = Manager::new(&site);
    let mut command = manager.command(&site);
    command.env("LD_PRELOAD", shim()).env("HANG_WHILE", site.path("flag")).env("WATCHDOG_USEC", "200000");
    let server = Server::start(command);
    std::fs::write(site.path("flag"), "").unwrap();
    site.rename_list("a.txt", "10.1.0.9 acct.blob.core.windows.net\n");
    wait_until("a pass hangs", || site.status()["sync"]["running_since"].is_u64());
    manager.drain();
    (0..20).for_each(|_| drop(manager.until("WATCHDOG=1")));
    server.signal(Signal::SIGSTOP);
    manager.drain();
    manager.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // One may have been under way.
    let late = (0..2).filter(|_| manager.socket.recv(&mut [0; 4096]).is_ok()).count();
    assert!(late < 2, "a process that stands still says nothing");
    manager.socket.set_read_timeout(Some(SOON)).unwrap();
    server.signal(Signal::SIGCONT);
    manager.until("WATCHDOG=1");
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn lameduck_and_drain_get_the_time_that_they_need_and_keep_the_watchdog_quiet() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let site = site().with_upstream(&upstream).with_config("[admin]\nlisten = \"127.0.0.1:0\"\nlameduck = \"2s\"");
    let mut manager = Manager::new(&site);
    let mut command = manager.command(&site);
    command.env("WATCHDOG_USEC", "200000");
    let mut server = Server::start(command);
    let address = server.address();
    let asking = std::thread::spawn(move || crate::support::client::ask("slow.example", "A").try_to(address));
    wait_until("the question is upstream", || upstream.asked("slow.example", "A") > 0);
    server.signal(Signal::SIGTERM);
    manager.until("STOPPING=1");
    let status = manager.next();
    assert!(status.starts_with("STATUS=stopping (SIGTERM): /ready says 503; queries are answered until 2"));
    assert_eq!(manager.next(), "EXTEND_TIMEOUT_USEC=13000000");
    (0..5).for_each(|_| drop(manager.until("WATCHDOG=1")));
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.until_says("draining", 0);
    manager.drain();
    (0..5).for_each(|_| drop(manager.until("WATCHDOG=1")));
    upstream.release();
    assert_eq!(asking.join().unwrap().unwrap().addresses(), ["192.0.2.1"]);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn a_start_that_fails_leaves_its_reason_in_the_status_line() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut site = site();
    let mut manager = Manager::new(&site);
    site.write_raw_config("listen = [\"127.0.0.1:0\"]\nzone_dri = \"zones\"\n");
    assert_eq!(fails_to_start(manager.command(&site)).code, Some(2));
    let why = manager.next();
    assert!(why.starts_with("STATUS=failed: ") && why.contains("privatelink-dns.toml:2:1: unknown key"), "{why}");
    site.add(&format!("listen = [\"{address}\"]"));
    assert_eq!(fails_to_start(manager.command(&site)).code, Some(1));
    let why = manager.next();
    assert!(why.starts_with("STATUS=failed: ") && why.contains(&address), "{why}");
}

#[test]
fn a_manager_that_never_reads_holds_nothing_up() {
    let site = site();
    let manager = Manager::new(&site);
    let mut command = manager.command(&site);
    command.env("WATCHDOG_USEC", "40000");
    let server = Server::start(command);
    // The queue of its socket is full long before.
    wait_until("the loop has turned often", || {
        site.status()["at"].as_u64() > site.status()["server"]["started"].as_u64().map(|at| at + 2)
    });
    site.rename_list("a.txt", "10.1.0.9 acct.blob.core.windows.net\n");
    server.until_resolves(NAME, "10.1.0.9");
    server.stop();
}
