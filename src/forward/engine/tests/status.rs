//! What an upstream's status says: its last error, its round trips, its probes.

use super::super::tests::*;
use crate::dns::{Rcode, Record};

fn silent(_: &Got) -> Replies {
    vec![]
}

fn status(world: &World) -> UpstreamStatus {
    world.forwarder.status().remove(0)
}

/// The kind and the text of the first upstream's last error, after a question and this much time.
async fn last_error(mut world: World, time: Duration) -> Option<(ErrorKind, String)> {
    let _place = world.pose(0, question("www.example"), None, Duration::from_mins(1));
    world.pass(time).await;
    status(&world).last_error.map(|error| (error.kind, error.text))
}

#[test]
fn every_counter_failure_and_kind_of_error_is_documented() {
    use ErrorKind::{Loop, Malformed, RefusedByIcmp, Spoof, Tcp, Timeout, Unreachable};
    let page = include_str!("../../../../docs/status-json.md");
    let counts = Counts::default();
    let kinds = [Timeout, Unreachable, RefusedByIcmp, Malformed, Spoof, Loop, Tcp].map(ErrorKind::name);
    let failures = counts.failures().map(|(reason, _)| reason);
    let names = counts.named().map(|(name, _)| name).chain(kinds).chain(failures);
    let missing: Vec<&str> = names.filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/status-json.md does not have {missing:?}");
}

#[tokio::test]
async fn an_upstream_that_answers_has_no_error() {
    assert_eq!(last_error(World::of(|got| now(got.good())), 5000 * MS).await, None);
}

#[tokio::test]
async fn silence_is_a_timeout_once_the_wait_is_over() {
    assert_eq!(last_error(World::of(silent), MS).await, None);
    let found = last_error(World::of(silent), 500 * MS).await;
    assert_eq!(found, Some((ErrorKind::Timeout, "no reply in time".to_owned())));
}

#[tokio::test]
async fn a_closed_port_refuses_by_icmp_and_a_refusal_of_the_kernel_has_its_reason() {
    let mut cast = Cast::default();
    cast.nobody();
    let (kind, text) = last_error(cast.begin(), Duration::ZERO).await.unwrap();
    assert_eq!((kind, text.as_str()), (ErrorKind::RefusedByIcmp, "nothing listens on its port: Connection refused"));
    let mut cast = Cast::default();
    cast.unroutable();
    let (kind, text) = last_error(cast.begin(), Duration::ZERO).await.unwrap();
    assert_eq!((kind, text.as_str()), (ErrorKind::Unreachable, "it cannot be reached: Permission denied"));
}

#[tokio::test]
async fn a_reply_that_does_not_parse_and_one_whose_records_do_not_are_malformed() {
    let cut = |got: &Got| {
        let mut reply = got.good();
        reply.pop();
        now(reply)
    };
    let evasive = |got: &Got| {
        let record = Record { rdata: [10, 0, 0].into(), ..address(&got.name(), 66) };
        now(got.reply(Rcode::NOERROR, &[record]))
    };
    for world in [World::of(cut), World::of(evasive)] {
        let (kind, _) = last_error(world, MS).await.unwrap();
        assert_eq!(kind, ErrorKind::Malformed);
    }
}

#[tokio::test]
async fn many_wrong_ids_are_a_sign_that_somebody_guesses() {
    let guesses = |got: &Got| {
        let wrong = |number: u8| {
            let mut reply = got.good();
            reply[0] ^= number;
            (Duration::ZERO, reply)
        };
        (1..=8).map(wrong).collect()
    };
    let mut world = World::of(guesses);
    let _place = world.pose(0, question("www.example"), None, Duration::from_mins(1));
    world.pass(MS).await;
    let found = status(&world);
    assert_eq!(found.last_error.map(|error| error.kind), Some(ErrorKind::Spoof));
    assert_eq!(found.counts.failures().into_iter().find(|(reason, _)| *reason == "spoof"), Some(("spoof", 8)));
}

#[tokio::test]
async fn a_change_of_the_state_has_its_time_and_a_loop_is_an_error() {
    let mut world = World::of(silent);
    world.turn().await;
    assert_eq!((status(&world).state, status(&world).since), (State::Up, None), "since the start");
    assert!(world.forwarder.is_probe(&world.probes(0)[0]));
    world.pass(1000 * MS).await;
    let found = status(&world);
    assert!(found.state == State::Looping && found.since.is_some_and(|at| at > 0));
    assert_eq!(found.last_error.map(|error| error.kind), Some(ErrorKind::Loop));
}

#[tokio::test]
async fn probes_are_no_queries_and_each_accepted_answer_has_its_round_trip() {
    let mut world = World::of(|got| vec![(30 * MS, got.good())]);
    for number in 0..3 {
        world.ask(&format!("n{number}")).await.unwrap();
    }
    let found = status(&world);
    assert_eq!((found.counts.sent, found.counts.received, found.counts.probes), (3, 3, 1));
    assert_eq!((found.round_trips.count(), found.round_trips.sum), (3, 90 * MS));
    let place = found.round_trips.counts.iter().position(|count| *count == 3).unwrap();
    assert!(found.round_trips.bounds[place - 1] < 30 * MS && 30 * MS <= found.round_trips.bounds[place]);
}
