//! Upstreams whose answers over UDP are truncated, and what they do on TCP: one question may hang, and a connection may
//! end, without harm to other questions.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;

use crate::support::burst::Burst;
use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::{Draft, Faults, Script, ScriptedReply};
use crate::support::wait_until;

/// Good names of the upstream.
const GOOD: usize = 25;
/// Names whose answer never comes over TCP, nor any that is asked later on the same connection.
const HANGING: usize = 100;

/// These networks have no limits of their own, and a question that hangs waits longer than a test runs.
const CONFIG: &str = "[forward]\ntimeout = \"60s\"\n[limits]\ntrusted = [\"127.0.0.0/8\"]\n";

fn good(number: usize) -> String {
    format!("good{number}.example")
}

fn hanging(number: usize) -> String {
    format!("hanging{number}.example")
}

/// An upstream that truncates every answer over UDP, and has these faults too.
fn upstream(faults: &str) -> Upstream {
    let record = |zone: String, number: usize| zone + &format!("{}. 60 A 192.0.2.{number}\n", good(number));
    let records = (0..GOOD).fold(String::new(), record);
    let mut script = Script::with_faults(&records, &format!("truncate {faults}"));
    let stall = Faults { stall_tcp: true, ..Faults::default() };
    script.replies = (0..HANGING)
        .map(|number| ScriptedReply {
            name: hanging(number),
            qtype: None,
            draft: Draft { faults: stall.clone(), ..Draft::default() },
        })
        .collect();
    Upstream::scripted(script)
}

fn site(upstream: &Upstream) -> Site {
    Site::new().with_upstream(upstream).with_config(CONFIG)
}

/// Asks for the first good names at once, and checks that each has its own answer.
fn all_resolve(server: &Server, count: usize, from: Ipv4Addr) {
    let address = server.address();
    let answers: Vec<Vec<String>> = thread::scope(|scope| {
        let ask = |number| move || ask(&good(number), "A").from(IpAddr::V4(from)).to(address).addresses();
        let clients: Vec<_> = (0..count).map(|number| scope.spawn(ask(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for (number, addresses) in answers.into_iter().enumerate() {
        assert_eq!(addresses, [format!("192.0.2.{number}")], "{}", good(number));
    }
}

/// A client's questions for the first hanging names, once the upstream has got them over TCP.
fn hang(site: &Site, server: &Server, count: usize, from: Ipv4Addr) -> Burst {
    let mut client = Burst::new(from, server.address());
    client.send((0..count).map(|number| ask(&hanging(number), "A")));
    let truncated = || site.status()["upstreams"][0]["counts"]["tcp_truncated"].as_u64();
    wait_until("they are asked over TCP", || truncated() == Some(count as u64));
    client
}

#[test]
fn an_answer_that_never_comes_over_tcp_holds_up_no_other_of_the_same_client() {
    let upstream = upstream("");
    let site = site(&upstream);
    let server = site.start();
    let mut client = hang(&site, &server, 20, Ipv4Addr::LOCALHOST);
    all_resolve(&server, 5, Ipv4Addr::LOCALHOST);
    assert_eq!(client.take(), 0, "they hang to this moment");
}

#[test]
fn a_network_whose_questions_all_hang_over_tcp_keeps_no_place_from_another() {
    let upstream = upstream("");
    let site = site(&upstream);
    let server = site.start();
    let mut client = hang(&site, &server, HANGING, Ipv4Addr::new(127, 0, 1, 1));
    all_resolve(&server, GOOD, Ipv4Addr::new(127, 0, 2, 1));
    assert_eq!(client.take(), 0, "they hang to this moment");
}

#[test]
fn an_upstream_that_closes_the_connection_after_each_answer_answers_all_questions() {
    let upstream = upstream("close-after-tcp");
    let server = site(&upstream).start();
    all_resolve(&server, GOOD, Ipv4Addr::LOCALHOST);
    server.stop();
}

#[test]
fn an_upstream_that_answers_the_first_question_of_a_connection_only_answers_all_questions() {
    let upstream = upstream("first-of-tcp");
    let server = site(&upstream).start();
    for number in 0..5 {
        assert_eq!(server.resolves(&good(number)), [format!("192.0.2.{number}")]);
    }
    all_resolve(&server, GOOD, Ipv4Addr::LOCALHOST);
    server.stop();
}

#[test]
fn an_error_without_a_question_over_tcp_is_the_clients_answer() {
    let faults = Faults { bare: true, drop_udp: true, ..Faults::default() };
    let draft = Draft { rcode: 5, faults, ..Draft::default() };
    let reply = ScriptedReply { name: good(0), qtype: None, draft };
    let upstream = Upstream::scripted(Script { replies: vec![reply], ..Script::default() });
    let server = site(&upstream).start();
    assert_eq!(ask(&good(0), "A").to(server.address()).rcode, "REFUSED");
    server.stop();
}
