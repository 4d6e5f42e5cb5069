//! That nothing is counted twice or not at all, whoever counts it.

use proptest::prelude::*;

use super::*;
use crate::dns::Rtype;

const UDP: Transport = Transport::Udp;
const MS: Duration = Duration::from_millis(1);

fn is_sent(answer: &AnswerCount) -> bool {
    answer.response.rcode().is_some()
}

/// Counts these answers in one batch.
fn batch(counters: &mut ShardWriter, transport: Transport, dispositions: &[Disposition], took: Duration) {
    let mut tally = Tally::new(counters, transport);
    for each in dispositions {
        tally.count(*each);
    }
    tally.finish(took);
}

#[test]
fn a_tally_counts_what_is_counted_one_by_one() {
    let (one, batches) = (Counters::default(), Counters::default());
    let all: Vec<Disposition> = dispositions().chain(dispositions()).collect();
    for each in &all {
        one.late(UDP, *each, MS);
    }
    batch(&mut batches.writer(), UDP, &all, MS);
    assert_eq!(one.all(), batches.all());
    assert_eq!(one.answers(), batches.answers());
    assert_eq!(one.response_times(), batches.response_times());
    assert_eq!(one.answers().len(), all.len() / 2);
}

proptest! {
    #[test]
    fn the_answers_the_responses_and_the_histograms_add_up(
        batches in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..70), 0..20_000_000_u64), 0..8),
    ) {
        let counters = Counters::default();
        let kinds: Vec<Disposition> = dispositions().collect();
        let (mut writer, mut sum) = (counters.writer(), Duration::ZERO);
        let mut counted = 0;
        for (udp, picks, micros) in batches {
            let (transport, took) = (if udp { UDP } else { Transport::Tcp }, Duration::from_micros(micros));
            let answers: Vec<Disposition> = picks.iter().map(|pick| *pick.get(&kinds)).collect();
            batch(&mut writer, transport, &answers, took);
            counted += answers.len() as u64;
            sum += answers.iter().filter(|each| each.response.is_sent()).map(|_| took).sum::<Duration>();
        }
        let answers = counters.answers();
        let sent: u64 = answers.iter().filter(|answer| is_sent(answer)).map(|answer| answer.count).sum();
        prop_assert_eq!(answers.iter().map(|answer| answer.count).sum::<u64>(), counted);
        prop_assert_eq!(counters.responses().iter().map(|response| response.count).sum::<u64>(), sent);
        let times = counters.response_times();
        prop_assert_eq!(times.iter().map(|(_, times)| times.count()).sum::<u64>(), sent);
        prop_assert_eq!(times.iter().map(|(_, times)| times.sum).sum::<Duration>(), sum);
        for (class, times) in times {
            let own = answers.iter().filter(|answer| is_sent(answer) && answer.origin.class() == class);
            prop_assert_eq!(times.count(), own.map(|answer| answer.count).sum::<u64>());
        }
    }
}

#[test]
fn the_counts_of_a_worker_stay_when_it_ends_and_workers_do_not_disturb_each_other() {
    let counters = Counters::default();
    let answer = Response::Answered(Rcode::NOERROR).to(Reason::Zone);
    let threads = 4;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..1000).for_each(|_| batch(&mut counters.writer(), UDP, &[answer], MS)));
        }
        let mut before = 0;
        for _ in 0..1000 {
            let now = counters.named("local");
            assert!(now >= before, "a counter went down");
            before = now;
        }
    });
    assert_eq!(counters.named("local"), threads * 1000);
    let expected = AnswerCount {
        transport: UDP,
        reason: answer.reason,
        response: answer.response,
        origin: Origin::Zone,
        count: threads * 1000,
    };
    assert_eq!(counters.answers(), [expected]);
}

#[test]
fn messages_are_counted_by_family_and_a_mapped_address_is_ipv4() {
    let counters = Counters::default();
    let mut writer = counters.writer();
    for (transport, client) in
        [(UDP, "192.0.2.1:53"), (UDP, "[::ffff:192.0.2.1]:53"), (UDP, "[2001:db8::1]:53"), (Transport::Tcp, "[::1]:53")]
    {
        let mut tally = Tally::new(&mut writer, transport);
        tally.message(client.parse().unwrap());
        tally.finish(MS);
    }
    let found = counters.messages().into_iter().map(|each| (each.transport.name(), each.family.name(), each.count));
    let counted: Vec<_> = found.filter(|(.., count)| *count > 0).collect();
    assert_eq!(counted, [("udp", "ipv4", 2), ("udp", "ipv6", 1), ("tcp", "ipv6", 1)]);
    assert_eq!(counters.messages().len(), 2 * Transport::ALL.len(), "each that there may be");
    assert_eq!((counters.named("udp_queries"), counters.named("tcp_queries")), (3, 1));
}

#[test]
fn queries_are_counted_by_type() {
    let counters = Counters::default();
    let mut writer = counters.writer();
    let mut tally = Tally::new(&mut writer, UDP);
    for qtype in [Rtype::A, Rtype::HTTPS, Rtype(65_280), Rtype::A] {
        tally.qtype(qtype);
    }
    tally.finish(MS);
    let found: Vec<_> = counters.qtypes().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(found, [("A", 2), ("HTTPS", 1), ("other", 1)]);
    assert_eq!(counters.qtypes().len(), 14);
}

#[test]
fn a_response_is_counted_by_what_the_client_sees() {
    let counters = Counters::default();
    for response in [
        Response::Answered(Rcode::NXDOMAIN),
        Response::Truncated(Rcode::NXDOMAIN),
        Response::Slipped,
        Response::RateLimited,
        Response::Dropped,
    ] {
        counters.late(UDP, response.to(Reason::Zone), MS);
    }
    let found = counters.responses().into_iter().map(|each| (each.rcode, each.origin.name(), each.count));
    assert_eq!(found.collect::<Vec<_>>(), [("NOERROR", "zone", 1), ("NXDOMAIN", "zone", 2)]);
    assert_eq!(counters.response_times()[Class::Zone as usize].1.count(), 3);
}

#[test]
fn every_reason_origin_class_response_and_counter_is_documented() {
    let page = include_str!("../../../docs/status-json.md");
    let documented: std::collections::BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let answers = dispositions().flat_map(|each| {
        let response = Some(each.response.name()).filter(|name| name.bytes().all(|byte| !byte.is_ascii_uppercase()));
        [each.reason.name(), each.reason.origin().name()].into_iter().chain(response)
    });
    let classes = Class::ALL.map(Class::name);
    let counters = Counters::default().all().into_iter().map(|(name, _)| name);
    let missing: Vec<&str> = answers.chain(classes).chain(counters).filter(|name| !documented.contains(name)).collect();
    assert!(missing.is_empty(), "docs/status-json.md does not have {missing:?}");
}

#[test]
fn an_answer_is_in_the_sums_that_it_belongs_to() {
    let counters = Counters::default();
    let count = |transport, disposition| counters.late(transport, disposition, MS);
    count(UDP, Response::Answered(Rcode::NXDOMAIN).to(Reason::Zone));
    count(Transport::Tcp, Response::Answered(Rcode::NOERROR).to(Reason::Rechased));
    count(UDP, Response::Truncated(Rcode::NOERROR).to(Reason::Rechased));
    count(UDP, Response::Slipped.to(Reason::Zone));
    count(UDP, Response::RateLimited.to(Reason::NotAllowed));
    count(UDP, Response::Answered(Rcode::SERVFAIL).to(Reason::Failed));
    let counted: Vec<_> = counters.all().into_iter().filter(|(_, count)| *count > 0).collect();
    let expected = [
        ("refused_access", 1),
        ("local", 1),
        ("forwarded", 2),
        ("rechased", 2),
        ("servfail", 1),
        ("truncated", 1),
        ("limited_refused", 1),
        ("limited_negative", 1),
        ("slipped", 1),
    ];
    assert_eq!(counted, expected);
}
