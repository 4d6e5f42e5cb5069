//! Starting, stopping, restarting.

use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::client::{Ask, ask};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::{has_ipv6, wait_until};

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

#[test]
fn it_is_ready_only_when_the_first_pass_is_served() {
    let server = Site::new().with_list("a.txt", LIST).start();
    assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"], "the first question after the ready line");
    server.stop();
}

#[test]
fn several_listen_addresses_answer_over_udp_and_tcp() {
    let mut listen = vec!["127.0.0.1:0", "127.0.0.2:0"];
    if has_ipv6() {
        listen.push("[::1]:0");
    }
    let site = Site::new().with_list("a.txt", LIST).with_config(&format!("listen = {listen:?}"));
    let server = site.start();
    assert_eq!(server.addresses().len(), listen.len());
    for address in server.addresses() {
        assert_eq!(ask(NAME, "A").to(*address).addresses(), ["10.1.0.1"], "{address}");
        assert_eq!(ask(NAME, "A").tcp().to(*address).addresses(), ["10.1.0.1"], "{address} TCP");
    }
    server.stop();
}

#[test]
fn sigterm_ends_it_with_code_0() {
    let server = Site::new().with_list("a.txt", LIST).start();
    server.stop();
}

#[test]
fn sigint_ends_it_with_code_0_too() {
    let mut server = Site::new().with_list("a.txt", LIST).start();
    server.signal(Signal::SIGINT);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn sigusr1_and_sigusr2_cause_a_line_and_nothing_else() {
    let mut server = Site::new().with_list("a.txt", LIST).start();
    for (signal, said) in [(Signal::SIGUSR1, "SIGUSR1 has no effect"), (Signal::SIGUSR2, "SIGUSR2 has no effect")] {
        server.signal(signal);
        server.until_says(said, 0);
    }
    server.until_says("privatelink-dns reload --config /", 0);
    assert!(server.runs());
    assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn a_second_signal_ends_it_at_once_while_it_drains() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let mut server = Site::new().with_list("a.txt", LIST).with_upstream(&upstream).start();
    let address = server.address();
    let asking = std::thread::spawn(move || ask("slow.example", "A").patience(Duration::from_secs(1)).try_to(address));
    wait_until("the question is upstream", || upstream.asked("slow.example", "A") > 0);
    server.signal(Signal::SIGTERM);
    server.until_says("draining", 0);
    server.signal(Signal::SIGINT);
    assert_eq!(server.ended().code(), Some(0));
    server.until_says("a second signal: stopping at once", 0);
    assert!(asking.join().unwrap().is_err(), "the answer never came");
}

/// A server whose upstream holds its answers, and that has been told to end while this question waits.
fn draining(question: Ask) -> (Upstream, Server, JoinHandle<Result<Reply, String>>) {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let server = Site::new().with_list("a.txt", LIST).with_upstream(&upstream).start();
    let address = server.address();
    let asking = std::thread::spawn(move || question.try_to(address));
    wait_until("the question is upstream", || upstream.asked("slow.example", "A") > 0);
    server.signal(Signal::SIGTERM);
    server.until_says("draining", 0);
    (upstream, server, asking)
}

/// Our own names are answered, more often than a queue of one read could explain.
fn answers(server: &Server) {
    for _ in 0..20 {
        assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"]);
        assert_eq!(ask(NAME, "A").tcp().to(server.address()).addresses(), ["10.1.0.1"], "a new connection");
    }
}

/// Ends a server that waits for its upstream.
fn drains(question: Ask) {
    let (upstream, mut server, asking) = draining(question);
    answers(&server);
    assert!(!asking.is_finished(), "before the last answer");
    upstream.release();
    assert_eq!(asking.join().unwrap().unwrap().addresses(), ["192.0.2.1"]);
    assert_eq!(server.ended().code(), Some(0));
    assert!(TcpStream::connect(server.address()).is_err(), "nobody listens any more");
}

#[test]
fn a_question_in_flight_is_still_answered_while_it_drains_and_so_are_others() {
    drains(ask("slow.example", "A"));
}

#[test]
fn a_question_in_flight_over_tcp_is_still_answered_while_it_drains_and_so_are_others() {
    drains(ask("slow.example", "A").tcp());
}

#[test]
fn an_upstream_that_never_replies_keeps_the_server_from_its_end_for_a_while_and_from_no_answer() {
    let (_upstream, mut server, asking) = draining(ask("slow.example", "A").patience(Duration::from_secs(1)));
    assert!(asking.join().unwrap().is_err(), "there is no answer");
    answers(&server);
    assert_eq!(server.ended().code(), Some(0));
    server.until_says("stopped", 0);
}

#[test]
fn a_restart_with_every_source_away_serves_the_same_answers() {
    let site = Site::new().with_list("a.txt", LIST);
    site.start().stop();
    let zone = site.zone("privatelink.blob.core.windows.net");
    std::fs::remove_file(site.list_path("a.txt")).unwrap();
    let server = site.start();
    assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"]);
    server.stop();
    assert_eq!(site.zone("privatelink.blob.core.windows.net"), zone, "no change in, no byte changed");
}

#[test]
fn a_restart_without_a_change_writes_nothing() {
    let site = Site::new().with_list("a.txt", LIST);
    site.start().stop();
    let written = || std::fs::metadata(site.path("zones/privatelink.blob.core.windows.net.zone")).unwrap().modified();
    let before = written().unwrap();
    site.start().stop();
    assert_eq!(written().unwrap(), before);
}
