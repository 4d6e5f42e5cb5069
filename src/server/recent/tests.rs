//! Bounds of the list, on a clock that the test moves.

use super::*;
use proptest::prelude::*;

const WINDOW: Duration = Duration::from_millis(100);

fn vain(name: &str, client: &str) -> Vain {
    let network = ClientNetwork::of(client.parse().unwrap());
    Vain { name: name.parse().unwrap(), rtype: Rtype::A, network, view: None }
}

/// A recorder, and the time that is never in the same window twice.
struct World(Recent, Instant);

impl World {
    fn new() -> Self {
        let start = Instant::now();
        Self(Recent::new(start), start)
    }

    fn later(&mut self, by: Duration) -> Instant {
        self.1 += by;
        self.1
    }

    fn record(&mut self, kind: RecentKind, name: &str, client: &str) -> Recorded {
        let now = self.later(WINDOW);
        self.0.record(kind, vain(name, client), now)
    }

    fn entries(&self) -> Vec<RecentEntry> {
        self.0.entries((self.1, UNIX_EPOCH + Duration::from_secs(1_000_000)))
    }
}

#[test]
fn questions_for_one_name_from_one_network_are_one_entry_with_its_times() {
    let mut world = World::new();
    world.record(RecentKind::Miss, r"A\032b.Example", "10.1.2.3");
    world.later(Duration::from_mins(1));
    world.record(RecentKind::Miss, r"a\032b.example", "10.1.2.200");
    let entry = RecentEntry {
        kind: RecentKind::Miss,
        name: r"a\032b.example".to_owned(),
        rtype: "A".to_owned(),
        network: "10.1.2.0/24".to_owned(),
        view: None,
        count: 2,
        first: 999_939,
        last: 1_000_000,
    };
    assert_eq!(world.entries(), [entry]);
}

#[test]
fn entries_differ_by_kind_name_type_network_and_view() {
    let mut world = World::new();
    world.record(RecentKind::Miss, "a.example", "10.1.2.3");
    world.record(RecentKind::Failure, "a.example", "10.1.2.3");
    world.record(RecentKind::Miss, "b.example", "10.1.2.3");
    world.record(RecentKind::Miss, "a.example", "10.1.3.3");
    world.record(RecentKind::Miss, "a.example", "2001:db8::1");
    let now = world.later(WINDOW);
    let aaaa = Vain { rtype: Rtype::AAAA, ..vain("a.example", "10.1.2.3") };
    world.0.record(RecentKind::Miss, aaaa, now);
    let of_view = Vain { view: "spoke-a".parse().ok(), ..vain("a.example", "10.1.2.3") };
    world.0.record(RecentKind::Miss, of_view, now);
    assert_eq!(world.entries().len(), 7);
    let view = world.entries().iter().find_map(|entry| entry.view.clone());
    assert_eq!(view.as_ref().map(ViewName::as_str), Some("spoke-a"));
}

#[test]
fn an_entry_is_forgotten_after_a_day_and_begins_anew() {
    let mut world = World::new();
    world.record(RecentKind::Failure, "a.example", "10.1.2.3");
    world.later(RECENT_AGE);
    assert_eq!(world.entries(), []);
    world.record(RecentKind::Failure, "a.example", "10.1.2.3");
    assert_eq!(world.entries().iter().map(|entry| (entry.count, entry.first)).collect::<Vec<_>>(), [(1, 1_000_000)]);
}

#[test]
fn a_flood_of_one_kind_leaves_the_entries_of_the_others() {
    let mut world = World::new();
    world.record(RecentKind::Miss, "a.example", "10.1.2.3");
    for n in 0..1000 {
        world.record(RecentKind::Refusal, &format!("n{n}.example"), &format!("198.51.{}.1", n % 256));
    }
    let of = |kind| world.entries().iter().filter(|entry| entry.kind == kind).count();
    assert_eq!((of(RecentKind::Miss), of(RecentKind::Refusal)), (1, RECENT_ENTRIES / 4));
}

#[test]
fn a_network_that_asks_for_random_names_replaces_only_entries_of_its_own() {
    let mut world = World::new();
    for n in 0..20 {
        world.record(RecentKind::Miss, "a.example", &format!("10.1.{n}.3"));
    }
    for n in 0..1000 {
        world.record(RecentKind::Miss, &format!("n{n}.example"), "10.9.9.9");
    }
    let entries = world.entries();
    let others = entries.iter().filter(|entry| entry.name == "a.example").count();
    assert_eq!((others, entries.len() - others), (20, RECENT_ENTRIES / 8));
    assert_eq!(entries[0].name, "n999.example", "the last first");
}

#[test]
fn a_window_has_a_budget_and_a_network_a_share_of_it_and_the_rest_is_counted() {
    let World(recent, now) = World::new();
    let ask = |n: usize, client: &str| recent.record(RecentKind::Miss, vain(&format!("n{n}.example"), client), now);
    let flood: Vec<Recorded> = (0..20).map(|n| ask(n, "10.9.9.9")).collect();
    assert!(flood[..SHARE].iter().all(|recorded| *recorded == Recorded::Yes));
    assert!(flood[SHARE..].iter().all(|recorded| *recorded == Recorded::OverShare));
    let has_budget = |kind, now| recent.has_budget(kind, vain("a", "10.1.200.1").network, now);
    assert!(!recent.has_budget(RecentKind::Miss, vain("a", "10.9.9.1").network, now), "not even a lock is taken");
    assert!(has_budget(RecentKind::Miss, now), "another network");
    assert_eq!(ask(0, "10.1.1.1"), Recorded::Yes, "another network");
    let more = (1..100).filter(|n| ask(*n, &format!("10.1.{n}.1")) == Recorded::Yes).count();
    assert_eq!(more, BUDGET - SHARE - 1);
    assert!(!has_budget(RecentKind::Miss, now) && has_budget(RecentKind::Failure, now));
    assert!(has_budget(RecentKind::Miss, now + WINDOW), "the next window");
    let recorded: u64 = recent.entries((now, UNIX_EPOCH)).iter().map(|entry| entry.count).sum();
    assert_eq!(recorded + recent.unrecorded(), 20 + 1 + 99);
}

#[test]
fn a_question_is_not_recorded_while_somebody_else_records() {
    let mut world = World::new();
    let held = world.0.kinds[RecentKind::Miss as usize].entries.lock().unwrap();
    assert_eq!(world.0.record(RecentKind::Miss, vain("a.example", "10.1.2.3"), world.1), Recorded::Busy);
    drop(held);
    assert_eq!((world.entries().len(), world.0.unrecorded()), (0, 1));
    assert_eq!(world.record(RecentKind::Miss, "a.example", "10.1.2.3"), Recorded::Yes);
}

#[test]
fn turned_off_it_stores_nothing_and_drops_what_was_there() {
    let mut world = World::new();
    world.record(RecentKind::Miss, "a.example", "10.1.2.3");
    world.0.enable(false);
    world.record(RecentKind::Miss, "b.example", "10.1.2.3");
    assert_eq!(world.entries(), []);
    world.0.enable(true);
    world.record(RecentKind::Miss, "c.example", "10.1.2.3");
    assert_eq!(world.entries().len(), 1);
}

proptest! {
    #[test]
    fn whatever_is_asked_the_list_is_bounded_and_nothing_is_lost_uncounted(
        asked in prop::collection::vec((0..3_usize, 0..400_u16, 0..20_u8, 0..50_u64), 0..600),
    ) {
        let mut world = World::new();
        for (kind, name, network, wait) in &asked {
            let now = world.later(Duration::from_millis(*wait));
            let vain = vain(&format!("n{name}.example"), &format!("10.0.{network}.1"));
            world.0.record(RecentKind::ALL[*kind], vain, now);
        }
        let entries = world.entries();
        prop_assert!(entries.len() <= RECENT_ENTRIES);
        let recorded: u64 = entries.iter().map(|entry| entry.count).sum();
        prop_assert!(recorded + world.0.unrecorded() <= asked.len() as u64);
        prop_assert!(entries.iter().all(|entry| entry.first <= entry.last && entry.count > 0));
    }
}
