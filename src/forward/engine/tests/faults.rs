//! One upstream that answers badly.

use super::super::tests::*;
use crate::dns::{Message, Rcode, Record};

#[tokio::test]
async fn a_question_is_answered_with_the_records_and_flags_that_came() {
    let mut world = World::of(|got| {
        let mut reply = got.good();
        reply[3] |= 0x20;
        now(reply)
    });
    let reply = world.ask("www.example").await.unwrap();
    assert_eq!((reply.rcode, reply.authentic, reply.chain), (Rcode::NOERROR, true, Chain::Whole));
    assert_eq!(reply.answer, [address(&question("www.example").name, 1)]);
    assert_eq!(reply.upstream, Some(world.forwarder.status()[0].address));
}

#[tokio::test]
async fn rcodes_come_back_as_they_came() {
    let mut world = World::of(|got| {
        let rcode: u16 = got.name().to_string()[1..].trim_end_matches('.').parse().unwrap();
        now(got.reply(Rcode(rcode), &[]))
    });
    for rcode in [1, 2, 3, 4, 5, 9] {
        assert_eq!(world.ask(&format!("r{rcode}")).await.unwrap().rcode, Rcode(rcode));
    }
}

#[tokio::test]
async fn junk_that_arrives_first_is_ignored_and_the_wait_goes_on() {
    let mut world = World::of(|got| {
        let good = got.good();
        let mut wrong_id = good.clone();
        wrong_id[0] ^= 1;
        let mut wrong_question = good.clone();
        wrong_question[13] ^= 1;
        let mut a_query = good.clone();
        a_query[2] &= 0x7f;
        let junk = [wrong_id, wrong_question, a_query, b"x".to_vec(), good];
        junk.into_iter().map(|bytes| (5 * MS, bytes)).collect()
    });
    assert_eq!(world.ask("www.example").await.unwrap().answer.len(), 1);
    assert_eq!(world.asked(0), 1);
    let counts = world.counts(0);
    assert_eq!((counts.junk_id, counts.junk_question, counts.junk_form), (1, 1, 2));
}

#[tokio::test]
async fn a_reply_that_does_not_parse_is_followed_at_once_by_a_query_without_edns_and_a_later_good_reply_counts() {
    let malformed = |got: &Got| got.good()[..got.good().len() - 3].to_vec();
    let mut world = World::of(move |got| now(if got.query().edns.is_some() { malformed(got) } else { got.good() }));
    let (reply, took) = world.timed("www.example").await;
    assert!(reply.is_ok() && took == Duration::ZERO, "{took:?}");
    assert_eq!((world.asked(0), world.counts(0).edns_fallback, world.counts(0).junk_form), (2, 1, 1));
    let mut world = World::of(move |got| {
        let is_first = got.number == 0;
        if is_first { vec![(Duration::ZERO, malformed(got)), (5 * MS, got.good())] } else { vec![] }
    });
    let (reply, took) = world.timed("www.example").await;
    assert!(reply.is_ok() && took == 5 * MS, "{took:?}");
}

#[tokio::test]
async fn a_flood_of_wrong_ids_moves_the_question_to_tcp() {
    let mut world = World::of(|got| {
        let good = got.good();
        if got.tcp {
            return now(good);
        }
        let guess = |id: u16| {
            let mut forged = got.reply(Rcode::NOERROR, &[address(&got.name(), 66)]);
            forged[..2].copy_from_slice(&(u16::from_be_bytes([good[0], good[1]]) ^ id).to_be_bytes());
            (Duration::ZERO, forged)
        };
        (1..50).map(guess).chain([(Duration::ZERO, good.clone())]).collect()
    });
    assert_eq!(world.ask("www.example").await.unwrap().answer[0].rdata[3], 1);
    assert_eq!((world.counts(0).tcp_spoofed, world.asked_over_tcp(0)), (1, 1));
}

#[tokio::test]
async fn an_upstream_that_lower_cases_is_asked_again_in_lower_case_and_remembered() {
    let mut world = World::of(|got| {
        let mut reply = got.good();
        reply[12..].make_ascii_lowercase();
        now(reply)
    });
    for number in 0..5 {
        let name = format!("abcdefghijklmnopqrstuvwxyz{number}.example");
        assert_eq!(world.ask(&name).await.unwrap().answer.len(), 1);
    }
    assert_eq!(world.counts(0).case_fallback, 2);
    assert_eq!(world.asked(0), 7);
}

#[tokio::test]
async fn an_upstream_that_answers_formerr_to_edns_is_asked_plain_and_remembered() {
    for with_question in [true, false] {
        let mut world = World::of(move |got| {
            if got.query().edns.is_none() {
                return now(got.good());
            }
            let mut reply = got.bytes[..12].to_vec();
            reply[2..12].copy_from_slice(&[0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]);
            if with_question {
                reply[5] = 1;
                reply.extend_from_slice(&got.bytes[12..got.bytes.len() - 11]);
            }
            now(reply)
        });
        for number in 0..4 {
            assert_eq!(world.ask(&format!("n{number}")).await.unwrap().rcode, Rcode::NOERROR);
        }
        assert_eq!((world.asked(0), world.counts(0).edns_fallback), (6, 2), "{with_question}");
    }
}

#[tokio::test]
async fn an_upstream_that_says_badvers_is_asked_plain_and_no_client_hears_of_it() {
    for knows_plain in [true, false] {
        let mut world = World::of(move |got| {
            if got.query().edns.is_none() {
                return now(if knows_plain { got.good() } else { got.reply(Rcode::FORMERR, &[]) });
            }
            let mut reply = got.bytes.clone();
            reply[2] |= 0x80;
            // The upper bits of the RCODE.
            let at = reply.len() - 6;
            reply[at] = 1;
            now(reply)
        });
        let rcode = world.ask("www.example").await.unwrap().rcode;
        assert!(if knows_plain { rcode == Rcode::NOERROR } else { rcode.0 <= 0xf }, "{rcode}");
    }
}

#[tokio::test]
async fn an_upstream_that_drops_edns_is_asked_plain_and_after_some_of_that_remembered() {
    let mut world = World::of(|got| if got.query().edns.is_some() { vec![] } else { now(got.good()) });
    let first = world.all((0..3).map(|number| format!("n{number}"))).await;
    // The same datagram again after one wait, without EDNS after two more.
    assert!(first.iter().all(|(reply, took)| reply.is_ok() && *took >= 1200 * MS), "{first:?}");
    let (reply, took) = world.timed("later").await;
    assert!(reply.is_ok() && took == Duration::ZERO, "{took:?}");
}

#[tokio::test]
async fn lost_packets_do_not_make_a_client_that_wants_signatures_lose_edns() {
    let mut world = World::of(|got| if got.tcp || got.query().edns.is_none() { now(got.good()) } else { vec![] });
    let question = Question { dnssec_ok: true, ..question("www.example") };
    let place = world.pose(0, question, None, Duration::from_secs(9));
    assert!(world.answer(&place).await.0.is_ok());
    assert_eq!((world.counts(0).edns_fallback, world.asked_over_tcp(0)), (0, 1));
}

#[tokio::test]
async fn a_slow_upstream_is_answered_when_it_answers() {
    let mut world = World::of(|got| vec![(2000 * MS, got.good())]);
    let (reply, took) = world.timed("www.example").await;
    assert!(reply.is_ok() && took == 2000 * MS, "{took:?}");
}

#[tokio::test]
async fn forty_links_and_a_loop_are_marked() {
    let mut world = World::of(|got| {
        let name = |n: usize| if n == 0 { got.name() } else { format!("n{n}.example").parse().unwrap() };
        let last = if got.name().to_string().starts_with("loop") { 2 } else { 40 };
        let link = |n: usize| {
            let target = if last == 2 && n == 1 { name(0) } else { name(n + 1) };
            Record { owner: name(n), rtype: Rtype::CNAME, ttl: 60, rdata: target.as_wire().into() }
        };
        now(got.reply(Rcode::NOERROR, &(0..last).map(link).collect::<Vec<_>>()))
    });
    assert_eq!(world.ask("long.example").await.unwrap().chain, Chain::TooLong);
    assert_eq!(world.ask("loop.example").await.unwrap().chain, Chain::Loop);
}

#[tokio::test]
async fn every_question_alone_has_a_port_and_an_id_of_its_own() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut world = World::of(move |got| {
        log.lock().unwrap().push((got.from.port(), got.query().header.id));
        now(got.good())
    });
    for number in 0..6 {
        world.ask(&format!("n{number}")).await.unwrap();
        world.pass(crate::forward::transport::socket::MAX_AGE).await;
    }
    let mut ports: Vec<u16> = seen.lock().unwrap().iter().map(|(port, _)| *port).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 6);
}

#[tokio::test]
async fn a_sent_question_carries_do_cd_and_our_payload_and_nothing_else() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut world = World::of(move |got| {
        log.lock().unwrap().push(got.bytes.clone());
        now(got.good())
    });
    let question = Question { dnssec_ok: true, checking_disabled: true, ..question("www.example") };
    let place = world.pose(0, question, None, Duration::from_secs(5));
    world.answer(&place).await.0.unwrap();
    let bytes = seen.lock().unwrap().remove(0);
    let query = crate::dns::Query::parse(&bytes).unwrap();
    assert!(query.dnssec_ok() && query.header.cd && query.header.rd);
    assert_eq!(query.edns.unwrap().options().count(), 0);
    assert!(Message::parse(&bytes).is_ok());
}

#[tokio::test]
async fn an_answer_from_another_address_is_never_heard() {
    let other = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut world = World::of(move |got| {
        let forged = got.reply(Rcode::NOERROR, &[address(&got.name(), 66)]);
        // The kernel may report at once that the port is closed.
        let _ = other.send_to(&forged, got.from);
        vec![(20 * MS, got.good())]
    });
    assert_eq!(world.ask("www.example").await.unwrap().answer[0].rdata[3], 1);
}

#[tokio::test]
async fn a_second_answer_is_late_and_not_a_guess() {
    let mut world = World::of(|got| (0..30).map(|_| (Duration::ZERO, got.good())).collect());
    let replies = world.all((0..20).map(|number| format!("n{number}"))).await;
    assert!(replies.iter().all(|(reply, _)| reply.is_ok()));
    let counts = world.counts(0);
    assert_eq!((counts.junk_id, counts.tcp_spoofed), (0, 0));
}
