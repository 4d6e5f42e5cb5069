//! TSIG (RFC 8945) on the wire, with `domain`'s implementation as the client.

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::base::iana::{Class, Rtype};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::name::Name;
use domain::base::{Message, MessageBuilder};
use domain::dep::octseq::array::Array;
use domain::rdata::tsig::Time48;
use domain::tsig::{Algorithm, ClientSequence, ClientTransaction, Key};

use super::secondary::{axfr, connect, over_udp, receive};
use super::{MANY, ZONE, answered, zone};
use crate::support::client::framed;
use crate::support::reply::Reply;
use crate::support::site::Site;
use crate::support::wait_until;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";

/// The octets of a TSIG record behind its MAC: id, error, length of the other data.
const BEHIND_MAC: usize = 6;

fn key(name: &str, secret: &[u8], mac_len: Option<usize>) -> Arc<Key> {
    let name: Name<Vec<u8>> = name.parse().unwrap();
    let name = Name::from_octets(Array::try_from(name.as_slice()).unwrap()).unwrap();
    Arc::new(Key::new(Algorithm::Sha256, secret, name, None, mac_len).unwrap())
}

fn question(apex: &str, rtype: Rtype) -> AdditionalBuilder<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(4711);
    let mut builder = builder.question();
    builder.push((&apex.parse::<Name<Vec<u8>>>().unwrap(), rtype, Class::IN)).unwrap();
    builder.additional()
}

/// A signed question, and what verifies its answer.
fn signed(rtype: Rtype, key: &Arc<Key>, time: Time48) -> (Vec<u8>, ClientTransaction<Arc<Key>>) {
    let mut builder = question(ZONE, rtype);
    let transaction = ClientTransaction::request(Arc::clone(key), &mut builder, time).unwrap();
    (builder.finish(), transaction)
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn ago(seconds: u64) -> Time48 {
    Time48::from_u64(seconds_now() - seconds)
}

/// The error and the length of the MAC of an answer's TSIG record; `None` if it has no such record.
fn tsig(reply: &Reply) -> Option<(u16, usize)> {
    let record = reply.additional.last().filter(|record| record.rtype == Rtype::TSIG)?;
    let number = |at: usize| u16::from_be_bytes([record.rdata[at], record.rdata[at + 1]]);
    let mac = b"\x0bhmac-sha256\0".len() + 6 + 2;
    let len = usize::from(number(mac));
    Some((number(mac + 2 + len + 2), len))
}

fn write_key(site: &Site, name: &str, secret: &[u8]) {
    let path = site.path(name);
    let _none = fs::remove_file(&path);
    fs::write(&path, STANDARD.encode(secret)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn key_section(site: &Site, name: &str) -> String {
    format!("[[keys]]\nname = \"{name}\"\nsecret_file = \"{}\"\n", site.path(name).display())
}

fn peer_section(name: &str, key: Option<&str>, zone: &str) -> String {
    let key = key.map(|key| format!("key = \"{key}\"\n")).unwrap_or_default();
    format!("[[peers]]\nname = \"{name}\"\naddress = [\"127.0.0.1:9\"]\n{key}zones = [\"{zone}\"]\n")
}

/// `k1` may have the zone, `k2` another one; a client at this address that does not sign may have it too.
fn site(hosts: u32) -> Site {
    let site = Site::new().with_zone(ZONE, &zone(1, hosts)).with_zone("other.example", &zone(1, 5));
    let mut sections = peer_section("unsigned", None, ZONE);
    for (name, secret, zone) in [("k1", SECRET, ZONE), ("k2", OTHER, "other.example")] {
        write_key(&site, name, secret);
        sections += &(key_section(&site, name) + &peer_section(name, Some(name), zone));
    }
    site.with_config(&sections)
}

#[test]
fn rfc8945_5_3_1_every_message_of_a_signed_transfer_is_signed() {
    let site = site(MANY);
    let server = site.start();
    let mut builder = question(ZONE, Rtype::AXFR);
    let mut sequence = ClientSequence::request(key("K1", SECRET, None), &mut builder, Time48::now()).unwrap();
    let mut stream = connect(server.address());
    stream.write_all(&framed(&builder.finish())).unwrap();
    let received = receive(&mut stream).unwrap();
    assert!(received.messages.len() > 10, "{}", Reply::read(received.messages[0].clone()).unwrap());
    for message in received.messages {
        assert!(Reply::read(message.clone()).is_ok_and(|reply| tsig(&reply) == Some((0, 32))));
        sequence.answer(&mut Message::from_octets(message).unwrap(), Time48::now()).unwrap();
    }
    sequence.done().unwrap();
    assert_eq!(received.records.len(), 4 + usize::try_from(MANY).unwrap());
    server.stop();
}

#[test]
fn rfc8945_5_3_a_signed_question_has_a_signed_answer_whatever_it_is_about() {
    let site = site(5);
    let server = site.start();
    for rtype in [Rtype::SOA, Rtype::A, Rtype::ANY, Rtype::NS] {
        let (query, transaction) = signed(rtype, &key("k2", OTHER, None), Time48::now());
        for bytes in [over_udp(server.address(), &query).bytes, answered(&mut connect(server.address()), &query).bytes]
        {
            transaction.answer(&mut Message::from_octets(bytes).unwrap(), Time48::now()).unwrap();
        }
    }
    server.stop();
}

/// A way to forge, and the answer: RCODE, error of the TSIG record, octets of its MAC.
type Forged = (&'static str, Vec<u8>, &'static str, Option<(u16, usize)>);

/// The MAC of a signed message, cut to this length.
fn with_mac(message: &[u8], length: u8) -> Vec<u8> {
    let mac = message.len() - BEHIND_MAC - 32;
    let mut cut = message[..mac + usize::from(length)].to_vec();
    cut.extend_from_slice(&message[message.len() - BEHIND_MAC..]);
    cut[mac - 1] = length;
    // The length of the RDATA is before algorithm, time, fudge and the length of the MAC.
    let at = mac - 2 - 2 - 6 - b"\x0bhmac-sha256\0".len() - 1;
    cut[at] -= 32 - length;
    cut
}

fn forgeries(rtype: Rtype) -> Vec<Forged> {
    let own = key("k1", SECRET, None);
    let by = |key: &Arc<Key>, time| signed(rtype, key, time).0;
    let good = by(&own, Time48::now());
    let unsigned = question(ZONE, rtype).finish();
    let record = &good[unsigned.len()..];
    let with = |more: &[u8], counts: [(usize, u8); 2]| {
        let mut message = [&good[..], more].concat();
        for (at, count) in counts {
            message[at] = count;
        }
        message
    };
    let mut changed = good.clone();
    changed[unsigned.len() - 3] ^= 1;
    let mut mac = good.clone();
    let last = mac.len() - BEHIND_MAC - 1;
    mac[last] ^= 1;
    let mut class = good.clone();
    class[unsigned.len() + b"\x02k1\0".len() + 3] = 1;
    vec![
        ("a key that nobody has", by(&key("k3", SECRET, None), Time48::now()), "NOTAUTH", Some((17, 0))),
        ("another secret", by(&key("k1", OTHER, None), Time48::now()), "NOTAUTH", Some((16, 0))),
        ("another key's name", by(&key("k2", SECRET, None), Time48::now()), "NOTAUTH", Some((16, 0))),
        ("another question", changed, "NOTAUTH", Some((16, 0))),
        ("another MAC", mac, "NOTAUTH", Some((16, 0))),
        ("an old message", by(&own, ago(1000)), "NOTAUTH", Some((18, 32))),
        ("an old message of somebody else", by(&key("k1", OTHER, None), ago(1000)), "NOTAUTH", Some((16, 0))),
        ("half a MAC", by(&key("k1", SECRET, Some(16)), Time48::now()), "NOTAUTH", Some((22, 32))),
        ("a MAC of five octets", with_mac(&good, 5), "FORMERR", None),
        ("no MAC", with_mac(&good, 0), "FORMERR", None),
        ("two records", with(record, [(11, 2), (11, 2)]), "FORMERR", None),
        ("a record behind it", with(b"\0\0\x29\x04\xd0\0\0\0\0\0\0", [(11, 2), (11, 2)]), "FORMERR", None),
        ("65,535 answers", with(b"", [(6, 0xff), (7, 0xff)]), "FORMERR", None),
        ("the record as an answer", with(b"", [(7, 1), (11, 0)]), "FORMERR", None),
        ("class IN", class, "FORMERR", None),
        ("an octet less", good[..good.len() - 1].to_vec(), "FORMERR", None),
    ]
}

/// A client that signs is known by its key: this address, unsigned, gets the zone.
#[test]
fn rfc8945_5_2_a_forged_query_has_the_answer_of_its_fault_no_record_and_no_right_of_its_address() {
    let site = site(5);
    let server = site.start();
    for rtype in [Rtype::SOA, Rtype::AXFR] {
        for (what, query, rcode, error) in forgeries(rtype) {
            let by_tcp = answered(&mut connect(server.address()), &query);
            for reply in [over_udp(server.address(), &query), by_tcp] {
                assert_eq!((reply.rcode.as_str(), tsig(&reply)), (rcode, error), "{what}: {reply}");
                assert!(reply.answer.is_empty() && reply.authority.is_empty(), "{what}: {reply}");
            }
        }
    }
    let (others, transaction) = signed(Rtype::AXFR, &key("k2", OTHER, None), Time48::now());
    let refused = answered(&mut connect(server.address()), &others);
    assert_eq!(refused.rcode, "REFUSED", "a good key for another zone: {refused}");
    transaction.answer(&mut Message::from_octets(refused.bytes).unwrap(), Time48::now()).unwrap();
    let mut stream = connect(server.address());
    stream.write_all(&framed(&axfr(ZONE))).unwrap();
    assert_eq!(receive(&mut stream).unwrap().records.len(), 9, "without a signature");
    server.stop();
}

/// The MAC of such an answer is checked beside the code: `domain` 0.12.3 digests eight octets of the time in place of six.
#[test]
fn rfc8945_5_2_3_a_client_whose_clock_is_wrong_gets_the_servers_time_beside_its_own() {
    let site = site(5);
    let server = site.start();
    let asked = seconds_now() - 100_000;
    let (query, _) = signed(Rtype::AXFR, &key("k1", SECRET, None), Time48::from_u64(asked));
    let reply = answered(&mut connect(server.address()), &query);
    let record = reply.additional.last().expect("a TSIG record");
    let (behind_name, end) = (&record.rdata[b"\x0bhmac-sha256\0".len()..], record.rdata.len());
    let seconds = |octets: &[u8]| octets.iter().fold(0, |time, octet| time << 8 | u64::from(*octet));
    assert_eq!((seconds(&behind_name[..6]), tsig(&reply)), (asked, Some((18, 32))), "the client's time: {reply}");
    let (now, there) = (seconds_now(), seconds(&record.rdata[end - 6..]));
    assert!(now.abs_diff(there) <= 300, "the server's time is {there}, and here it is {now}");
    server.stop();
}

#[test]
fn rfc8945_5_3_an_answer_that_does_not_fit_with_its_signature_is_truncated_and_signed() {
    let text = format!("text TXT \"{}\" \"{}\"\n", "x".repeat(250), "y".repeat(180));
    let site = site(5);
    site.write_zone(ZONE, &(zone(2, 5) + &text));
    let server = site.start();
    let mut builder = question(&format!("text.{ZONE}"), Rtype::TXT);
    let plain = builder.clone().finish();
    let unsigned = over_udp(server.address(), &plain);
    assert!(!unsigned.truncated() && unsigned.answer.len() == 1, "{unsigned}");
    let transaction = ClientTransaction::request(key("k1", SECRET, None), &mut builder, Time48::now()).unwrap();
    let query = builder.finish();
    let cut = over_udp(server.address(), &query);
    assert!(cut.truncated() && cut.answer.is_empty() && cut.bytes.len() <= 512, "{cut}");
    let whole = answered(&mut connect(server.address()), &query);
    assert!(!whole.truncated() && whole.answer.len() == 1, "{whole}");
    for reply in [cut, whole] {
        transaction.answer(&mut Message::from_octets(reply.bytes).unwrap(), Time48::now()).unwrap();
    }
    server.stop();
}

/// Whether a secondary that signs with this secret gets the zone.
fn has(server: SocketAddr, name: &str, secret: &[u8]) -> bool {
    let (query, _) = signed(Rtype::AXFR, &key(name, secret, None), Time48::now());
    let reply = answered(&mut connect(server), &query);
    assert!(reply.answer.is_empty() || reply.rcode == "NOERROR", "{reply}");
    !reply.answer.is_empty()
}

#[test]
fn a_key_is_replaced_by_a_reload_with_two_at_a_time_and_with_a_new_secret_in_its_file() {
    let mut site = site(5);
    let server = site.start();
    let answers = |name: &str, secret: &[u8]| has(server.address(), name, secret);
    assert!(answers("k1", SECRET) && !answers("k3", OTHER));
    write_key(&site, "k3", OTHER);
    site.add(&(key_section(&site, "k3") + &peer_section("k3", Some("k3"), ZONE)));
    site.reload();
    assert!(answers("k1", SECRET) && answers("k3", OTHER), "both");
    site.remove_config("keys");
    site.remove_config("peers");
    site.add(&(key_section(&site, "k3") + &peer_section("k3", Some("k3"), ZONE)));
    site.reload();
    assert!(!answers("k1", SECRET) && answers("k3", OTHER), "the new one alone");
    write_key(&site, "k3", SECRET);
    site.reload();
    wait_until("the new secret is in service", || answers("k3", SECRET));
    assert!(!answers("k3", OTHER));
    server.stop();
}
