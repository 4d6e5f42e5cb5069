//! Zone transfers over TLS (RFC 9103): what a peer that gets its zones over TLS alone gets, and what it does not.

use std::io::Write;
use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::secondary::{axfr, connect, ixfr, over_udp, receive};
use super::{MANY, PEER, ZONE, answered, soa_query, zone};
use crate::support::client::{Ask, ask, framed, read_framed};
use crate::support::https::{Client, run};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::tls::{BOTH, Encrypted, NAME, Stream, connect as handshake};
use crate::support::wait_until;

/// A server that encrypts, whose peer gets the zone over TLS alone.
fn world(hosts: u32) -> Encrypted {
    let mut world = Encrypted::new();
    world.site = world.site.with_zone(ZONE, &zone(1, hosts)).with_config(&format!("{PEER}tls = true\n"));
    world
}

/// A connection of these versions of TLS, with these protocols offered.
fn by_tls(
    world: &Encrypted,
    server: &Server,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> Stream {
    let mut config = world.authority.client(None, versions);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    handshake(&Arc::new(config), NAME, server.dot()).unwrap()
}

fn answered_by_tls(stream: &mut Stream, query: &[u8]) -> Reply {
    stream.write_all(&framed(query)).unwrap();
    Reply::read(read_framed(stream).unwrap()).unwrap()
}

fn answered_by_https(world: &Encrypted, server: &Server, query: &[u8]) -> Reply {
    let asking = async { Client::connect(&world.client(), server.doh()).await.post(query).await.unwrap() };
    Reply::read(run(asking).body).unwrap()
}

fn is_refused(reply: &Reply) -> bool {
    reply.rcode == "REFUSED" && reply.answer.is_empty() && reply.authority.is_empty()
}

#[test]
fn rfc9103_7_a_whole_zone_and_its_changes_go_over_tls_1_3_on_a_connection_that_goes_on() {
    let world = world(MANY);
    let server = world.site.start();
    let mut stream = by_tls(&world, &server, &[&TLS13], &["dot"]);
    for query in [axfr(ZONE), ixfr(ZONE, 0)] {
        stream.write_all(&framed(&query)).unwrap();
        assert_eq!(receive(&mut stream).unwrap().records.len(), 4 + usize::try_from(MANY).unwrap());
    }
    assert_eq!(answered_by_tls(&mut stream, &ixfr(ZONE, 1)).answer.len(), 1, "it is up to date");
    assert_eq!(answered_by_tls(&mut stream, &soa_query(ZONE)).rcode, "NOERROR");
    let status = world.site.status();
    let (peer, known) = (&status["peers"][0], &status["peers"][0]["zones"][0]);
    assert_eq!((&peer["tls"], &known["transfers"], &known["refused_at"]), (&true.into(), &2.into(), &().into()));
    server.stop();
}

#[test]
fn a_peer_that_gets_its_zone_over_tls_alone_is_refused_it_in_plain_and_over_https() {
    let world = world(5);
    let server = world.site.start();
    for query in [axfr(ZONE), ixfr(ZONE, 0), ixfr(ZONE, 1)] {
        let by_udp = over_udp(server.address(), &query);
        let by_tcp = answered(&mut connect(server.address()), &query);
        let by_https = answered_by_https(&world, &server, &query);
        for reply in [by_udp, by_tcp, by_https] {
            assert!(is_refused(&reply), "{reply}");
        }
    }
    server.stop();
}

#[test]
fn rfc9103_7_1_and_7_2_a_transfer_needs_tls_1_3_and_the_protocol_dot_and_questions_do_not() {
    let world = world(5);
    let server = world.site.start();
    for (versions, protocols) in [(&[&TLS12][..], &["dot"][..]), (&[&TLS13], &[]), (&BOTH, &[])] {
        let mut stream = by_tls(&world, &server, versions, protocols);
        let refused = answered_by_tls(&mut stream, &axfr(ZONE));
        assert!(is_refused(&refused), "{protocols:?}: {refused}");
        assert_eq!(answered_by_tls(&mut stream, &soa_query(ZONE)).answer.len(), 1, "{protocols:?}");
    }
    server.stop();
}

#[test]
fn a_peer_that_may_transfer_in_plain_too_is_refused_what_is_called_tls_and_is_not_xot() {
    let mut world = Encrypted::new();
    world.site = world.site.with_zone(ZONE, &zone(1, 5)).with_config(PEER);
    let server = world.site.start();
    let records = |query: &[u8]| {
        let mut stream = connect(server.address());
        stream.write_all(&framed(query)).unwrap();
        receive(&mut stream).unwrap().records.len()
    };
    assert_eq!(records(&axfr(ZONE)), 9);
    let refused = answered_by_tls(&mut by_tls(&world, &server, &[&TLS12], &["dot"]), &axfr(ZONE));
    assert!(is_refused(&refused), "{refused}");
    server.stop();
}

/// The serial is no secret (RFC 9103 section 3): NOTIFY has it in plain too, and a secondary that asks for it in plain
/// then comes by TLS.
#[test]
fn the_serial_of_a_zone_is_answered_in_plain_also_to_a_peer_that_gets_the_zone_over_tls_alone() {
    let mut world = Encrypted::new();
    world.site.add("[feed]\nrpz = \"rpz.privatelink\"\n");
    world.site.add("[[peers]]\nname = \"p\"\naddress = [\"127.0.0.1:9\"]\nzones = [\"rpz\"]\ntls = true\n");
    let server = world.site.start();
    wait_until("the feed is made", || server.ask("rpz.privatelink", "SOA").answer.len() == 1);
    let refused = ask("rpz.privatelink", "AXFR").tcp().to(server.address());
    assert!(is_refused(&refused), "{refused}");
    let mut stream = by_tls(&world, &server, &[&TLS13], &["dot"]);
    stream.write_all(&framed(&axfr("rpz.privatelink"))).unwrap();
    assert!(receive(&mut stream).unwrap().records.len() > 3);
    server.stop();
}

#[test]
fn status_and_log_name_the_peer_that_asked_in_plain_until_it_has_the_zone_over_tls() {
    let world = world(5);
    let server = world.site.start();
    let known = || world.site.status()["peers"][0]["zones"][0].clone();
    over_udp(server.address(), &ixfr(ZONE, 0));
    assert!(known()["refused_at"].is_null(), "anybody may write the peer's address into a datagram");
    assert!(is_refused(&answered(&mut connect(server.address()), &axfr(ZONE))));
    server.until_says("peer 'p' has lacked the present serial of big.example since", 0);
    let said = world.site.run("status", &[]).all();
    for wanted in ["known by address, over TLS alone", "it did not ask over TLS", "and was REFUSED (tls = true)"] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    let status = world.site.status();
    let answers = status["queries"]["answers"].as_array().unwrap();
    let counted = |one: &&serde_json::Value| one["reason"] == "needs-tls" && one["transport"] == "tcp";
    assert_eq!(answers.iter().find(counted).unwrap()["count"], 1);
    let mut stream = by_tls(&world, &server, &[&TLS13], &["dot"]);
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    receive(&mut stream).unwrap();
    wait_until("it is over", || known()["refused_at"].is_null() && known()["behind_since"].is_null());
    server.stop();
}

#[test]
fn a_peer_is_held_to_tls_from_a_reload_on_and_check_misses_the_listener() {
    let mut world = Encrypted::new();
    world.site = world.site.with_zone(ZONE, &zone(1, 5)).with_config(PEER);
    let server = world.site.start();
    let answer = || answered(&mut connect(server.address()), &axfr(ZONE));
    assert_eq!(answer().rcode, "NOERROR");
    world.site.remove_config("peers");
    world.site.add(&format!("{PEER}tls = true\n"));
    world.site.reload();
    wait_until("it is refused", || is_refused(&answer()));
    world.site.remove_config("dot");
    world
        .site
        .run("check", &[])
        .expect(2, &["tls: the peer gets its zones over TLS alone, and nothing here speaks it"]);
    server.stop();
}

#[test]
fn a_name_in_a_zone_is_answered_to_everybody_whatever_its_peers_need() {
    let world = world(5);
    let server = world.site.start();
    assert_eq!(Ask { opt: None, ..ask("ns.big.example", "A") }.to(server.address()).answer.len(), 1);
    server.stop();
}
