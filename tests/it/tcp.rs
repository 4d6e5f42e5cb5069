//! TCP as RFC 7766 and RFC 9210 want it, under clients that mean no good.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::client::{ask, framed, read_framed};
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::{SOON, wait_until};

const OURS: &str = "acct.privatelink.blob.core.windows.net";

fn site() -> Site {
    Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n")
}

fn connect(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

fn query(name: &str) -> Vec<u8> {
    framed(&ask(name, "A").bytes())
}

/// True if a question on this connection is answered.
fn answers(stream: &mut TcpStream) -> bool {
    stream.write_all(&query(OURS)).is_ok() && read_framed(stream).is_ok()
}

/// True once the server has ended the connection, by a FIN or a reset; waits for it.
fn ends(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 512]) {
        Ok(length) => length == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

fn still_serves(server: &Server) {
    assert_eq!(server.resolves(OURS), ["10.1.0.1"]);
}

#[test]
fn rfc7766_6_2_1_1_a_slow_answer_does_not_hold_up_those_behind_it() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let server = site().with_upstream(&upstream).start();
    let mut stream = connect(server.address());
    let (slow, quick) = (query("slow.example"), query(OURS));
    stream.write_all(&[slow.clone(), quick.clone()].concat()).unwrap();
    assert_eq!(read_framed(&mut stream).unwrap()[..2], quick[2..4]);
    upstream.release();
    assert_eq!(read_framed(&mut stream).unwrap()[..2], slow[2..4]);
    server.stop();
}

#[test]
fn more_questions_than_may_wait_are_all_answered() {
    let upstream = Upstream::serving("");
    let server = site().with_upstream(&upstream).start();
    let mut stream = connect(server.address());
    let all: Vec<u8> = (0..500).flat_map(|n| query(&format!("n{n}.example"))).collect();
    stream.write_all(&all).unwrap();
    for _ in 0..500 {
        read_framed(&mut stream).unwrap();
    }
    server.stop();
}

#[test]
fn answers_still_come_to_a_client_that_has_closed_its_end() {
    let server = site().start();
    let mut stream = connect(server.address());
    stream.write_all(&[query(OURS), query(OURS)].concat()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(read_framed(&mut stream).is_ok(), "the first answer");
    assert!(read_framed(&mut stream).is_ok(), "the second answer");
    assert!(ends(&mut stream), "and then the end");
    server.stop();
}

const IDLE: Duration = Duration::from_millis(700);

/// A connection in use. Should this machine leave it unused for longer than the idle time, the server may end it, and
/// another takes its place.
struct InUse {
    server: SocketAddr,
    stream: TcpStream,
    /// When the last question was sent that was answered.
    asked: Instant,
}

impl InUse {
    fn new(server: SocketAddr) -> Self {
        let asked = Instant::now();
        Self { server, stream: connect(server), asked }
    }

    fn ask(&mut self) {
        let now = Instant::now();
        if answers(&mut self.stream) {
            self.asked = now;
            return;
        }
        assert!(self.asked.elapsed() >= IDLE, "it ended {:?} after it was used", self.asked.elapsed());
        *self = Self::new(self.server);
    }
}

#[test]
fn an_idle_connection_ends_and_one_in_use_does_not() {
    let server = site().with_config("[tcp]\nidle = \"700ms\"").start();
    let (mut idle, mut used) = (connect(server.address()), InUse::new(server.address()));
    assert!(answers(&mut idle));
    idle.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    wait_until("the idle one ends", || {
        used.ask();
        ends(&mut idle)
    });
    used.ask();
    server.stop();
}

#[test]
fn rfc7766_3_a_connection_that_waits_for_an_answer_is_not_idle() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let server = site().with_upstream(&upstream).with_config("[tcp]\nidle = \"700ms\"").start();
    let mut waiting = InUse::new(server.address());
    waiting.stream.write_all(&query("slow.example")).unwrap();
    wait_until("the question is upstream", || upstream.asked("slow.example", "A") > 0);
    let mut idle = connect(server.address());
    assert!(ends(&mut idle), "one that came later and waits for nothing");
    waiting.asked = Instant::now();
    upstream.release();
    assert!(read_framed(&mut waiting.stream).is_ok(), "later than the idle time");
    // And the idle time begins with the answer.
    waiting.ask();
    server.stop();
}

#[test]
fn a_message_that_trickles_in_is_not_waited_for() {
    let server = site().with_config("[tcp]\nidle = \"700ms\"").start();
    let mut stream = connect(server.address());
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let octets = query(OURS).into_iter().cycle().map(|_| 0);
    let mut octets = [255, 255].into_iter().chain(octets);
    wait_until("the connection ends", || {
        // Fails once it has ended.
        stream.write_all(&[octets.next().unwrap()]).is_err() || ends(&mut stream)
    });
    still_serves(&server);
    server.stop();
}

#[test]
fn a_client_that_asks_and_does_not_take_the_answers_is_cut_off() {
    let many: String = (0..120).fold(String::new(), |zone, n| zone + &format!("many 60 A 10.9.0.{n}\n"));
    let zone =
        format!("$TTL 60\n@ SOA ns.big.example. h.big.example. 1 2 3 4 5\n@ NS ns.big.example.\nns A 10.0.0.1\n{many}");
    let site = site().with_zone("big.example", &zone).with_config("[tcp]\nidle = \"700ms\"");
    let server = site.start();
    let mut stream = connect(server.address());
    stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    let questions: Vec<u8> = (0..500).flat_map(|_| query("many.big.example")).collect();
    wait_until("the connection ends", || {
        let written = stream.write(&questions);
        written.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    });
    still_serves(&server);
    server.stop();
}

#[test]
fn when_the_share_of_a_client_is_taken_its_longest_idle_connection_goes() {
    let site = site().with_config("[tcp]\nidle = \"1h\"\nmax_per_client = 3");
    let server = site.start();
    let mut streams: Vec<TcpStream> = (0..3).map(|_| connect(server.address())).collect();
    for at in [2, 1, 0] {
        assert!(answers(&mut streams[at]));
        // The answer is here before it is written down when it went.
        server.until_idle();
    }
    let mut fourth = connect(server.address());
    assert!(answers(&mut fourth), "the new one");
    assert!(ends(&mut streams[2]), "the one that was idle for longest");
    assert!(answers(&mut streams[0]), "the one that was used last");
    assert!(answers(&mut streams[1]), "the one that was used before it");
    assert_eq!(site.counted("tcp_displaced"), 1);
    assert_eq!(site.counted("tcp_rejected"), 0);
    assert_eq!(site.status()["queries"]["connections"], 3);
    server.stop();
}

#[test]
fn the_limit_holds_over_all_listen_addresses() {
    let site = site().with_config("listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]\n[tcp]\nmax_connections = 2");
    let server = site.start();
    let mut streams: Vec<TcpStream> =
        server.addresses().iter().map(|address| connect(*address)).chain([connect(server.address())]).collect();
    wait_until("the first has gone", || site.counted("tcp_displaced") == 1);
    assert_eq!(streams.iter_mut().filter_map(|stream| answers(stream).then_some(())).count(), 2);
    server.stop();
}

#[test]
fn without_descriptors_udp_goes_on_and_so_does_tcp_when_there_are_some_again() {
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1");
    let site = site().with_upstream(&upstream);
    let mut command = Command::new("sh");
    let serve = site.command("serve");
    command.arg("-c").arg("ulimit -n 48; exec \"$0\" \"$@\"").arg(serve.get_program()).args(serve.get_args());
    command.current_dir(site.path(""));
    let server = Server::start(command);
    let mut streams: Vec<TcpStream> = (0..200).map(|_| connect(server.address())).collect();
    for _ in 0..20 {
        still_serves(&server);
    }
    assert!(answers(streams.last_mut().unwrap()), "the newest has a place");
    drop(streams);
    wait_until("TCP is served", || answers(&mut connect(server.address())));
    server.stop();
}
