//! Zone transfers by the real binary (RFC 5936, RFC 1995), to secondaries that are slow, ask too much or go away.

mod crowd;
mod secondary;
mod signed;
mod xot;

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use domain::base::Rtype;

use crate::support::client::{Ask, ask, framed, read_framed};
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::support::site::Site;
use crate::support::wait_until;
use secondary::{axfr, connect, ixfr, receive, serial, slow, until_serial};

const ZONE: &str = "big.example";

/// A peer that does not sign.
const PEER: &str = "[[peers]]\nname = \"p\"\naddress = [\"127.0.0.1:9\"]\nzones = [\"big.example\"]\n";

/// A zone with this many hosts: from some thousands on more than the buffers of a connection hold.
fn zone(serial: u32, hosts: u32) -> String {
    let head = format!("$TTL 10\n@ SOA ns h {serial} 60 30 2419200 10\n@ NS ns\nns A 10.0.0.1\n");
    (0..hosts).fold(head, |text, host| text + &format!("host{host} A 10.1.{}.{}\n", host / 250 % 250, host % 250))
}

const MANY: u32 = 10_000;

fn site(hosts: u32) -> Site {
    Site::new().with_zone(ZONE, &zone(1, hosts)).with_config(PEER).with_config("[tcp]\nidle = \"1h\"")
}

fn soa_query(name: &str) -> Vec<u8> {
    Ask { opt: None, ..ask(name, "SOA") }.bytes()
}

/// The answer to a question on a connection.
fn answered(stream: &mut TcpStream, query: &[u8]) -> Reply {
    stream.write_all(&framed(query)).unwrap();
    Reply::read(read_framed(stream).unwrap()).unwrap()
}

/// The records in presentation format, in an order of their own.
fn sorted(records: &[Rr]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn rfc5936_2_2_a_transfer_has_each_record_of_the_file_once_and_the_soa_first_and_last() {
    let site = site(MANY);
    let server = site.start();
    let mut stream = connect(server.address());
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    let received = receive(&mut stream).unwrap();
    assert!(received.messages.len() > 10, "{}", received.messages.len());
    let (last, records) = received.records.split_last().unwrap();
    assert!(last.rtype == Rtype::SOA && last.same(&records[0]), "{last}");
    let file = Rr::from_zone(&format!("$ORIGIN {ZONE}.\n{}", zone(1, MANY))).unwrap();
    assert!(sorted(records) == sorted(&file), "the records differ");
    assert_eq!(answered(&mut stream, &soa_query(ZONE)).rcode, "NOERROR", "the connection goes on");
    server.stop();
}

#[test]
fn other_questions_of_a_connection_are_answered_while_a_zone_is_sent_on_it_as_it_was_when_that_began() {
    let site = site(MANY);
    let server = site.start();
    let mut stream = slow(server.address(), None);
    let question = Ask { opt: None, ..ask("ns.big.example", "A") }.bytes();
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    let first = read_framed(&mut stream).unwrap();
    site.write_zone(ZONE, &zone(2, 5));
    site.reload();
    until_serial(&server, ZONE, 2);
    stream.write_all(&framed(&question)).unwrap();
    let (mut records, mut after) = (Reply::read(first).unwrap().answer, None);
    while records.iter().filter(|record| record.rtype == Rtype::SOA).count() < 2 {
        let message = read_framed(&mut stream).unwrap();
        if message[..2] == question[..2] {
            after = Some(records.len());
        } else {
            records.extend(Reply::read(message).unwrap().answer);
        }
    }
    assert_eq!(records.len(), 4 + usize::try_from(MANY).unwrap(), "every record of the version that it began with");
    assert_eq!([records.first(), records.last()].map(|soa| soa.map(serial)), [Some(1); 2]);
    assert!(after.is_some_and(|after| after < records.len()), "the answer came {after:?} records after the first");
    server.stop();
}

#[test]
fn rfc5936_4_2_and_rfc1995_2_over_udp_axfr_is_refused_and_ixfr_has_the_soa() {
    let site = site(5);
    let server = site.start();
    let refused = Ask { opt: None, ..ask(ZONE, "AXFR") }.to(server.address());
    assert_eq!((refused.rcode.as_str(), refused.answer.len()), ("REFUSED", 0), "{refused}");
    for serial_there in [0, 1, 2] {
        let soa = secondary::over_udp(server.address(), &ixfr(ZONE, serial_there));
        assert_eq!((soa.answer.len(), soa.answer.first().map(serial)), (1, Some(1)), "{soa}");
    }
    server.stop();
}

#[test]
fn rfc1995_4_a_secondary_gets_the_changes_nothing_or_the_whole_zone_by_the_serial_that_it_has() {
    let site = site(100);
    let server = site.start();
    for more in 1..=3 {
        site.write_zone(ZONE, &(zone(1 + more, 100) + &format!("new A 10.9.0.{more}\n")));
        site.reload();
        until_serial(&server, ZONE, 1 + more);
    }
    let mut stream = connect(server.address());
    let mut sent = |query: Vec<u8>| {
        stream.write_all(&framed(&query)).unwrap();
        receive(&mut stream).unwrap().records
    };
    let lines = |records: &[Rr]| -> Vec<String> {
        let short = |record: &Rr| match record.rtype {
            Rtype::SOA => format!("SOA {}", serial(record)),
            _ => record.data(),
        };
        records.iter().map(short).collect()
    };
    assert_eq!(lines(&sent(ixfr(ZONE, 4))), ["SOA 4"], "it is up to date");
    assert_eq!(lines(&sent(ixfr(ZONE, 9))), ["SOA 4"], "it is ahead");
    assert_eq!(lines(&sent(ixfr(ZONE, 3))), ["SOA 4", "SOA 3", "10.9.0.2", "SOA 4", "10.9.0.3", "SOA 4"]);
    assert_eq!(lines(&sent(ixfr(ZONE, 1))), ["SOA 4", "SOA 1", "SOA 4", "10.9.0.3", "SOA 4"], "one for three changes");
    assert_eq!(sent(ixfr(ZONE, 0)).len(), 105, "a version that is not known");
    server.stop();
}

#[test]
fn rfc1995_3_a_query_for_changes_without_a_serial_is_malformed_and_harms_nobody() {
    let site = site(5);
    let server = site.start();
    let whole = ixfr(ZONE, 1);
    let mut none = whole[..whole.len() - 34].to_vec();
    none[9] = 0;
    let mut other = whole.clone();
    let at = whole.len() - 34 + 3;
    other[at] = 1;
    let mut many = whole.clone();
    many[8..10].fill(0xff);
    let mut short = whole[..whole.len() - 20].to_vec();
    let length = short.len() - 3;
    short[length] = 2;
    for (what, query) in [("none", none), ("an A record", other), ("too many records", many), ("half a SOA", short)] {
        let mut stream = connect(server.address());
        let reply = answered(&mut stream, &query);
        assert_eq!((reply.rcode.as_str(), reply.answer.len()), ("FORMERR", 0), "{what}: {reply}");
    }
    assert_eq!(answered(&mut connect(server.address()), &soa_query(ZONE)).rcode, "NOERROR");
    server.stop();
}

#[test]
fn a_stranger_learns_neither_records_nor_which_zones_there_are() {
    let site = site(5).with_zone("other.example", &zone(1, 5));
    let server = site.start();
    let from = |address: &str, apex: &str| {
        let mut stream = slow(server.address(), Some(address));
        let reply = answered(&mut stream, &axfr(apex));
        assert!(reply.answer.is_empty());
        reply.rcode
    };
    for apex in [ZONE, "other.example", "nowhere.example", "."] {
        assert_eq!(from("127.0.0.2", apex), "REFUSED", "{apex}");
    }
    assert_eq!(from("127.0.0.1", "other.example"), "REFUSED", "a peer, and a zone of others");
    assert_eq!(from("127.0.0.1", "nowhere.example"), "NOTAUTH", "a peer may know what there is");
    server.stop();
}

#[test]
fn a_client_that_closes_its_end_gets_its_zone_whole() {
    let site = site(MANY);
    let server = site.start();
    let mut stream = slow(server.address(), None);
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(receive(&mut stream).unwrap().records.len(), 4 + usize::try_from(MANY).unwrap());
    assert!(read_framed(&mut stream).is_err(), "and then the end");
    server.stop();
}

#[test]
fn more_transfers_than_may_wait_on_a_connection_are_all_sent() {
    let site = site(5);
    let server = site.start();
    let mut stream = connect(server.address());
    let all: Vec<u8> = (0..500).flat_map(|_| framed(&axfr(ZONE))).collect();
    stream.write_all(&all).unwrap();
    for _ in 0..500 {
        assert_eq!(receive(&mut stream).unwrap().records.len(), 9);
    }
    assert_eq!(answered(&mut stream, &soa_query(ZONE)).rcode, "NOERROR", "the connection goes on");
    server.stop();
}

#[test]
fn a_third_transfer_of_a_peer_waits_for_the_first_and_has_the_version_of_then_and_others_do_not_wait() {
    let other = PEER.replace("\"p\"", "\"q\"").replace("127.0.0.1", "127.0.0.2");
    let site = site(MANY).with_config(&other);
    let server = site.start();
    let begun = |from: Option<&str>| {
        let mut stream = slow(server.address(), from);
        stream.write_all(&framed(&axfr(ZONE))).unwrap();
        read_framed(&mut stream).unwrap();
        stream
    };
    let (first, _second) = (begun(None), begun(None));
    let mut third = connect(server.address());
    third.write_all(&framed(&axfr(ZONE))).unwrap();
    for _ in 0..3 {
        assert_eq!(answered(&mut third, &soa_query(ZONE)).answer.len(), 1, "nothing but the answer");
    }
    site.write_zone(ZONE, &zone(2, 5));
    site.reload();
    until_serial(&server, ZONE, 2);
    let mut others = slow(server.address(), Some("127.0.0.2"));
    others.write_all(&framed(&axfr(ZONE))).unwrap();
    assert_eq!(receive(&mut others).unwrap().records.len(), 9);
    drop(first);
    let received = receive(&mut third).unwrap().records;
    assert_eq!((received.first().map(serial), received.len()), (Some(2), 9));
    server.stop();
}

#[test]
fn a_transfer_that_a_client_does_not_take_holds_up_no_end_of_the_server() {
    let site = site(MANY);
    let server = site.start();
    let mut stream = slow(server.address(), None);
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    read_framed(&mut stream).unwrap();
    server.stop();
    assert!(receive(&mut stream).is_err(), "the end comes before the last SOA");
}

#[test]
fn what_a_peer_has_taken_is_in_the_status() {
    let site = site(5);
    let server = site.start();
    let mut stream = connect(server.address());
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    receive(&mut stream).unwrap();
    let shown = |key: &str| site.status()["peers"][0]["zones"][0][key].clone();
    wait_until("the peer has serial 1", || shown("taken") == 1);
    assert_eq!((shown("transfers"), shown("zone")), (1.into(), ZONE.into()));
    server.stop();
}
