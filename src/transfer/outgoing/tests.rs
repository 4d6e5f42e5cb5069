//! Transfers as a secondary reads them: by hickory's decoder, and by `domain`'s TSIG.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::dns::{MAX_QUERY, Message as OurMessage, Name, Rtype};

fn zone(text: &str) -> Arc<Zone> {
    let apex: Name = "z.test".parse().unwrap();
    Arc::new(Zone::from_text(&apex, text.as_bytes()).0.unwrap())
}

fn small() -> Arc<Zone> {
    zone("$TTL 10\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nns A 10.0.0.2\na.b TXT \"x\"\n")
}

/// This many names that begin so, with an address.
fn lines(name: &str, count: usize) -> String {
    (0..count).fold(String::new(), |text, n| text + &format!("{name}{n} A 10.0.0.1\n"))
}

fn query(options: &[u8]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!options.is_empty())];
    message.extend_from_slice(b"\x01Z\x04test\0\0\xfc\0\x01");
    message.extend_from_slice(options);
    assert!(message.len() < MAX_QUERY);
    message
}

fn transfer(message: &[u8], zone: &Arc<Zone>) -> Transfer {
    let query = Query::parse(message).unwrap();
    Granted::new(&query, None, &Peer::named("p"), zone.apex()).begin(Arc::clone(zone), &History::default())
}

fn messages(transfer: &mut Transfer) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    loop {
        let mut out = b"before".to_vec();
        let next = transfer.message(&mut out, 0);
        assert_ne!(next, Next::Broken);
        messages.push(out.split_off(6));
        if next == Next::Done {
            return messages;
        }
    }
}

/// The records in presentation format, in their order.
fn records(messages: &[Vec<u8>]) -> Vec<String> {
    let decoded = messages.iter().map(|bytes| hickory_proto::op::Message::from_vec(bytes).unwrap());
    decoded.flat_map(|message| message.answers.iter().map(ToString::to_string).collect::<Vec<_>>()).collect()
}

#[test]
fn rfc5936_2_2_a_transfer_is_the_soa_all_other_records_and_the_soa_again() {
    let messages = messages(&mut transfer(&query(&[]), &small()));
    let records = records(&messages);
    assert_eq!(records.len(), 6, "{records:#?}");
    assert!(records[0].contains(" SOA ") && records[0].contains(" 7 "), "{}", records[0]);
    assert_eq!(records.first(), records.last());
    assert!(records[1..5].iter().all(|record| !record.contains(" SOA ")));
    assert!(records[4].starts_with("a.b.z.test. 10 IN TXT"), "{}", records[4]);
}

#[test]
fn rfc5936_2_2_1_the_header_is_an_authoritative_answer_and_the_first_message_repeats_the_question() {
    let messages = messages(&mut transfer(&query(&[]), &small()));
    assert_eq!(messages[0][..12], [0x12, 0x34, 0x85, 0, 0, 1, 0, 6, 0, 0, 0, 0]);
    assert_eq!(messages[0][12..24], *b"\x01Z\x04test\0\0\xfc\0\x01", "in the client's case");
}

#[test]
fn rfc6891_7_each_message_has_edns_if_the_query_has() {
    let opt = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";
    let many = lines("n", 3000);
    let zone = zone(&format!("$TTL 10\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n{many}"));
    let messages = messages(&mut transfer(&query(opt), &zone));
    assert!(messages.len() > 1);
    for message in &messages {
        assert!(message.ends_with(b"\0\0\x29\x04\xd0\0\0\x80\0\0\0") && message[11] == 1);
        assert!(message.len() <= 16 << 10);
    }
    assert!(messages[1..].iter().all(|message| message[5] == 0), "the question is in the first one alone");
    assert_eq!(records(&messages).len(), 3000 + 4);
}

#[test]
fn a_record_that_is_longer_than_a_usual_message_has_one_of_its_own() {
    let long = format!("\"{}\" ", "x".repeat(250)).repeat(150);
    let zone =
        zone(&format!("$TTL 10\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nbig TXT {long}\nlast A 10.0.0.9\n"));
    let messages = messages(&mut transfer(&query(&[]), &zone));
    assert_eq!(records(&messages).len(), 6);
    assert!(messages.iter().any(|message| message.len() > 32 << 10));
}

#[test]
fn rfc1995_4_a_difference_is_between_two_soas_and_what_is_gone_comes_before_what_is_new() {
    let same = lines("same", 100);
    let version = |serial: u32, own: &str| {
        zone(&format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n{same}{own}"))
    };
    let (one, two) = (version(1, "a A 10.1.0.1\n"), version(2, "b A 10.1.0.2\n"));
    let three = version(3, "b A 10.1.0.2\nc A 10.1.0.3\n");
    let history = History::default().with(&one, &two, usize::MAX).with(&two, &three, usize::MAX);
    let message = query(&[]);
    let query = Query::parse(&message).unwrap();
    let sent = |serial| {
        let granted = Granted::new(&query, None, &Peer::named("p"), three.apex()).since(Serial(serial));
        records(&messages(&mut granted.begin(Arc::clone(&three), &history)))
    };
    let short = |record: &String| {
        let words: Vec<&str> = record.split_whitespace().collect();
        if words[3] == "SOA" { format!("SOA {}", words[6]) } else { format!("{} {}", words[0], words[4]) }
    };
    let changes: Vec<String> = sent(1).iter().map(short).collect();
    let wanted = ["SOA 3", "SOA 1", "a.z.test. 10.1.0.1", "SOA 3", "b.z.test. 10.1.0.2", "c.z.test. 10.1.0.3", "SOA 3"];
    assert_eq!(changes, wanted);
    let whole = sent(7);
    assert_eq!(whole.len(), 106, "a version that is not known");
    assert!(!whole[1].contains(" SOA "));
}

#[test]
fn a_version_that_was_replaced_is_sent_for_another_minute() {
    let (old, new) = (small(), small());
    let mut transfer = transfer(&query(&[]), &old);
    let now = Instant::now();
    assert!(!transfer.is_outdated(Some(&old), now));
    assert!(!transfer.is_outdated(Some(&new), now));
    assert!(!transfer.is_outdated(Some(&new), now + Duration::from_mins(1)));
    assert!(transfer.is_outdated(Some(&new), now + Duration::from_secs(61)));
    assert!(transfer.is_outdated(None, now + Duration::from_secs(61)), "the zone is gone");
}

proptest! {
    #[test]
    fn any_zone_arrives_whole_and_in_order_in_messages_that_decode(
        names in prop::collection::btree_map("[a-z]{1,20}(\\.[a-z]{1,20}){0,3}", (1_u8..20, 0_usize..300), 0..60),
    ) {
        let mut text = "$TTL 10\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n".to_owned();
        for (name, (addresses, length)) in &names {
            for address in 0..*addresses {
                writeln!(text, "{name} A 10.1.0.{address}").unwrap();
            }
            writeln!(text, "{name} TXT \"{}\"", "t".repeat((*length).min(255))).unwrap();
        }
        let zone = zone(&text);
        let messages = messages(&mut transfer(&query(&[]), &zone));
        for message in &messages {
            prop_assert!(OurMessage::parse(message).is_ok());
        }
        prop_assert_eq!(records(&messages).len(), zone.record_count() + 1);
        let wanted: Vec<(Name, Rtype)> = zone
            .rrsets()
            .flat_map(|(owner, rrset)| {
                let owner = Name::from_wire(&[owner, zone.apex().as_wire()].concat()).unwrap();
                vec![(owner, rrset.rtype()); rrset.count().into()]
            })
            .filter(|(_, rtype)| *rtype != Rtype::SOA)
            .collect();
        let sent: Vec<(Name, Rtype)> = messages
            .iter()
            .flat_map(|bytes| hickory_proto::op::Message::from_vec(bytes).unwrap().answers.clone())
            .map(|record| (record.name.to_string().parse().unwrap(), Rtype(u16::from(record.record_type()))))
            .filter(|(_, rtype)| *rtype != Rtype::SOA)
            .collect();
        prop_assert_eq!(sent, wanted);
    }
}
