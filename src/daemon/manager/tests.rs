use super::*;
use std::os::fd::AsFd;
use std::time::Instant as Clock;

/// A manager's socket in a folder of its own.
struct Listener {
    _folder: tempfile::TempDir,
    socket: UnixDatagram,
    path: std::path::PathBuf,
}

impl Listener {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { _folder: folder, socket, path }
    }

    fn manager(&self, watchdog: Option<Duration>) -> Manager {
        Manager::at(Some(self.path.as_os_str()), watchdog)
    }

    /// All that has come since.
    fn heard(&self) -> Vec<String> {
        std::iter::from_fn(|| received(&self.socket)).collect()
    }
}

fn received(socket: &UnixDatagram) -> Option<String> {
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

#[test]
fn a_status_line_is_sent_when_it_changes_and_not_otherwise() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    for text in ["all well", "all well", "error: x", "error: x", "all well"] {
        manager.status(text);
    }
    assert_eq!(listener.heard(), ["STATUS=all well\n", "STATUS=error: x\n", "STATUS=all well\n"]);
}

#[test]
fn the_words_of_others_stay_on_one_line_and_are_cut_at_a_character() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    manager.status("source 'a\nREADY=1\u{1b}[31m' fails");
    let heard = listener.heard();
    assert_eq!(heard, ["STATUS=source 'a\\nREADY=1\\u{1b}[31m' fails\n"]);
    manager.status(&"ä".repeat(1000));
    assert_eq!(listener.heard(), [format!("STATUS={}…\n", "ä".repeat(STATUS_LENGTH))]);
}

#[test]
fn a_start_asks_for_more_time_now_and_then_and_no_longer_once_it_is_ready() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    let start = Instant::now();
    for second in 0..21 {
        manager.starting("the zones are read", start + Duration::from_secs(second));
    }
    let more = "EXTEND_TIMEOUT_USEC=60000000\n";
    assert_eq!(listener.heard(), [&*format!("STATUS=starting: the zones are read\n{more}"), more, more]);
    manager.ready();
    assert_eq!(listener.heard(), ["READY=1\n"]);
}

#[test]
fn a_manager_that_does_not_read_never_holds_the_server_up_and_gets_the_newest_words_later() {
    let listener = Listener::new();
    let manager = listener.manager(Some(Duration::from_secs(30)));
    let began = Clock::now();
    for n in 0..10_000 {
        manager.status(&format!("status {n}"));
        manager.beat();
    }
    manager.ready();
    manager.stopping("stopping", Duration::from_secs(20));
    assert!(began.elapsed() < Duration::from_secs(20), "nothing waits");
    let first = listener.heard();
    assert!((1..10_000).contains(&first.len()), "its queue was full");
    manager.beat();
    let last = "READY=1\nSTOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=20000000\nWATCHDOG=1\n";
    assert_eq!(listener.heard(), [last]);
}

#[test]
fn the_watchdog_hears_of_each_turn_only_if_it_is_on() {
    let listener = Listener::new();
    listener.manager(None).beat();
    assert_eq!(listener.heard(), [""; 0]);
    listener.manager(Some(Duration::from_secs(30))).beat();
    assert_eq!(listener.heard(), ["WATCHDOG=1\n"]);
}

#[test]
fn the_loop_turns_at_least_twice_in_the_time_of_the_watchdog() {
    let every = |watchdog: u64| beat_every(Some(Duration::from_millis(watchdog)));
    assert_eq!(beat_every(None), BEAT);
    assert_eq!(every(30_000), BEAT);
    assert_eq!(every(500), Duration::from_millis(250));
    assert_eq!(every(1), SHORTEST_BEAT);
}

#[test]
fn a_name_in_the_abstract_namespace_is_a_socket_too() {
    let name = format!("privatelink-dns-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_nonblocking(true).unwrap();
    Manager::at(Some(OsStr::new(&format!("@{name}"))), None).ready();
    assert_eq!(received(&socket).as_deref(), Some("READY=1\n"));
}

#[test]
fn a_socket_that_is_gone_or_of_another_kind_is_no_reason_to_stop() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    drop(listener);
    manager.ready();
    assert!(manager.state().is_deaf);
    let long = format!("/{}", "x".repeat(200));
    for wrong in ["vsock:2:1234", "relative/path", long.as_str()] {
        let manager = Manager::at(Some(OsStr::new(wrong)), None);
        manager.ready();
        assert!(!manager.is_there(), "{wrong}");
    }
    Manager::at(None, Some(Duration::from_secs(1))).beat();
}

#[test]
fn a_manager_that_was_away_hears_what_it_missed() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    std::fs::remove_file(&listener.path).unwrap();
    manager.ready();
    manager.status("all well");
    let again = UnixDatagram::bind(&listener.path).unwrap();
    again.set_nonblocking(true).unwrap();
    manager.beat();
    assert_eq!(received(&again).as_deref(), Some("READY=1\nSTATUS=all well\n"));
    assert!(!manager.state().is_deaf);
}

#[test]
fn descriptors_are_handed_over_in_the_abstract_namespace_too() {
    let name = format!("privatelink-dns-descriptors-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let manager = Manager::at(Some(OsStr::new(&format!("@{name}"))), None);
    let (mut reader, writer) = io::pipe().unwrap();
    manager.hand_over("FDSTORE=1\n", &[writer.as_fd()]).unwrap();
    drop(writer);
    assert_eq!(received(&socket).as_deref(), Some("FDSTORE=1\n"));
    // Whoever takes the words alone has closed what came with them: the pipe is at its end.
    assert_eq!(io::Read::read(&mut reader, &mut [0]).unwrap(), 0);
}

#[test]
fn a_manager_that_does_not_take_descriptors_is_not_waited_for_without_end() {
    let listener = Listener::new();
    let manager = listener.manager(None);
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"x", &listener.path).is_ok() {}
    let (_reader, writer) = io::pipe().unwrap();
    let error = manager.hand_over("FDSTORE=1\n", &[writer.as_fd()]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("does not read"));
}
