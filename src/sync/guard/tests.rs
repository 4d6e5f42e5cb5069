use super::*;
use crate::dns::Serial;
use crate::sync::Records;
use crate::sync::desired::{self, merge};
use crate::sync::plan::{Current, plan};
use crate::sync::source::{Format, Listing, SourceError, parse};
use crate::sync::state::base::Clock;
use proptest::prelude::*;
use std::path::Path;
use std::time::Duration;

const ZONES: [&str; 2] = ["privatelink.blob.core.windows.net", "privatelink.queue.core.windows.net"];

fn listing(text: &str) -> Result<Listing, SourceError> {
    parse("a", Path::new("a.txt"), Format::Auto, format!("{text}\n").into_bytes())
}

/// `n` names of blob and queue each, numbered, and their list.
fn names(range: std::ops::Range<usize>, zone: &str) -> String {
    range.map(|n| format!("acct{n}.{zone} 10.0.0.{n}\n")).collect::<Vec<_>>().concat()
}

fn managed(n: usize) -> Current {
    let owners: Vec<(String, std::net::IpAddr)> =
        (0..n).map(|n| (format!("acct{n}"), format!("10.0.0.{n}").parse().unwrap())).collect();
    Current {
        serial: Some(Serial(7)),
        file: FileState::Managed,
        ttl: Some(10),
        records: Records::from_unsorted(owners.iter().map(|(owner, address)| (owner.as_str(), *address))),
        ..Current::default()
    }
}

fn planned(blob: Current, queue: Current, texts: &[&str]) -> Plan {
    let listings = texts.iter().map(|text| listing(text).unwrap()).collect();
    let wanted = merge(listings, &desired::Settings::of_cloud(crate::azure::Cloud::Public, &[])).unwrap();
    let current = BTreeMap::from([(ZONES[0].parse().unwrap(), blob), (ZONES[1].parse().unwrap(), queue)]);
    plan(wanted, current, 10)
}

fn settings() -> Settings {
    Settings { max_removed: "30%".parse().unwrap() }
}

fn reviewed(plan: Plan, approved: Option<Digest>) -> Review {
    review(plan, &BTreeMap::new(), &settings(), approved)
}

fn refused(plan: Plan) -> UnsafePlan {
    *reviewed(plan, None).held.unwrap()
}

/// What is wrong with a plan for the blob zone alone.
fn reasons(blob: Current, text: &str) -> Vec<HoldReason> {
    let review = reviewed(planned(blob, managed(0), &[text]), None);
    review.held.map(|held| held.zones.into_iter().flat_map(|zone| zone.reasons).collect()).unwrap_or_default()
}

#[test]
fn a_list_with_a_bad_line_makes_no_plan() {
    let error = listing("abc.blob.core.windows.net 10.0.0.4\nnonsense\n").unwrap_err();
    assert!(error.to_string().starts_with("a.txt:2:1: 'nonsense' "));
}

#[test]
fn a_zone_that_would_become_empty_is_unsafe_however_small() {
    assert_eq!(reasons(managed(1), &names(0..3, "queue.core.windows.net")), [HoldReason::Empty { in_service: 1 }]);
}

#[test]
fn removals_above_the_share_are_unsafe_and_up_to_it_they_are_not() {
    assert_eq!(reasons(managed(10), &names(3..10, "blob.core.windows.net")), []);
    let limit = "30%".parse().unwrap();
    let share = HoldReason::Share { updated: 0, deleted: 4, base: 10, allowed: 3, limit };
    assert_eq!(reasons(managed(10), &names(4..10, "blob.core.windows.net")), [share]);
}

#[test]
fn changed_records_count_as_removed_ones_do() {
    let text = names(0..10, "blob.core.windows.net").replace("10.0.0.", "10.1.0.");
    assert!(matches!(reasons(managed(10), &text)[..], [HoldReason::Share { updated: 10, deleted: 0, .. }]));
}

#[test]
fn a_small_zone_has_no_exemption_but_one_record_may_always_change() {
    assert_eq!(reasons(managed(2), &names(1..2, "blob.core.windows.net")), []);
    assert!(matches!(
        reasons(managed(3), &names(2..3, "blob.core.windows.net"))[..],
        [HoldReason::Share { deleted: 2, .. }]
    ));
}

#[test]
fn a_hand_written_or_unreadable_file_is_never_written() {
    let mut by_hand = managed(1);
    by_hand.file = FileState::HandWritten;
    assert_eq!(reasons(by_hand, &names(0..2, "blob.core.windows.net")), [HoldReason::HandWritten]);
    let broken = Current::unreadable("line 3: bad");
    assert!(matches!(reasons(broken, &names(0..2, "blob.core.windows.net"))[..], [HoldReason::Unreadable(_)]));
}

#[test]
fn foreign_records_in_our_file_are_not_lost_without_consent() {
    let mut edited = managed(1);
    edited.foreign.push("www TXT \"x\"".into());
    assert!(matches!(
        reasons(edited, &names(0..2, "blob.core.windows.net"))[..],
        [HoldReason::Foreign { count: 1, .. }]
    ));
}

#[test]
fn an_empty_list_takes_nothing_away_without_consent() {
    let plan = planned(managed(10), managed(0), &["", &names(1..10, "blob.core.windows.net")]);
    let refusal = refused(plan);
    assert!(matches!(refusal.zones[0].reasons[..], [HoldReason::EmptyLists { removed: 1, .. }]));
    assert!(refusal.to_string().contains("a list names no endpoint: a (a.txt)"));
}

#[test]
fn the_guard_holds_the_losses_of_one_zone_and_lets_all_else_in() {
    let blob = names(4..12, "blob.core.windows.net");
    let review = reviewed(planned(managed(10), managed(5), &[&blob, &names(0..7, "queue.core.windows.net")]), None);
    let held = review.held.as_ref().unwrap();
    assert_eq!(held.zones.iter().map(|held| held.zone.id.to_string()).collect::<Vec<_>>(), [ZONES[0]]);
    let [blob, queue] = &review.approved.plan().zones[..] else { panic!("two zones") };
    assert_eq!((blob.counts().created, blob.counts().deleted, blob.after().len()), (2, 0, 12));
    assert_eq!((queue.counts().created, queue.after().len()), (2, 7));
    let [whole, _] = review.view().zones[..] else { panic!("two zones") };
    assert_eq!((whole.counts().created, whole.counts().deleted), (2, 4), "the plan that is shown is whole");
}

#[test]
fn consent_is_for_these_held_changes_only_and_whatever_else_is_planned_does_not_matter() {
    let plan = |n, serial, more: &str| {
        let current = Current { serial: Some(Serial(serial)), ..managed(10) };
        planned(current, managed(0), &[&(names(n..10, "blob.core.windows.net") + more)])
    };
    let digest = refused(plan(5, 7, "")).digest;
    let elsewhere = refused(plan(5, 8, "new.blob.core.windows.net 10.0.0.99\n"));
    assert_eq!(elsewhere.digest, digest, "on another server the serial is another, and a new name is no loss");
    let review = reviewed(plan(5, 7, ""), Some(digest));
    assert!(review.held.is_none() && review.approved.has_consent(&ZONES[0].parse().unwrap()));
    assert_eq!(review.approved.plan().zones[0].after().len(), 5);
    let refusal = reviewed(plan(6, 7, ""), Some(digest)).held.unwrap();
    assert_eq!(refusal.stale, Some(digest));
    let message = refusal.message(ApproveCommand::by_hand("config/privatelink-dns.toml"));
    let command = format!("privatelink-dns sync --approve {} --config config/privatelink-dns.toml", refusal.digest);
    assert!(message.ends_with(&command), "{message}");
    assert!(message.contains("approves other changes"), "{message}");
}

#[test]
fn a_digest_is_read_as_it_is_shown() {
    let digest = refused(planned(managed(10), managed(0), &[&names(5..10, "blob.core.windows.net")])).digest;
    assert_eq!(digest.to_string().parse(), Ok(digest));
    for bad in ["xyz", "", &"0".repeat(31), &"0".repeat(33), "+0123456789abcdef0123456789abcde"] {
        assert!(bad.parse::<Digest>().is_err(), "{bad}");
    }
}

/// One zone over time: lists come, the guard has its say, what passes is in service.
struct World {
    current: Current,
    base: Base,
    /// Seconds.
    now: u64,
}

impl World {
    /// A zone that holds this list since long ago.
    fn new(list: &str) -> Self {
        let mut world = Self { current: managed(0), base: Base::default(), now: 1_000_000 };
        assert!(world.pass(list, None).is_none());
        world.base.reset();
        world
    }

    fn clock(&self) -> Clock {
        Clock { now: self.now * 1000, window: Duration::from_mins(10) }
    }

    /// One pass; what the guard holds back.
    fn pass(&mut self, list: &str, approved: Option<Digest>) -> Option<Box<UnsafePlan>> {
        let id: ZoneId = ZONES[0].parse().unwrap();
        let plan = planned(self.current.clone(), managed(0), &[list]);
        self.base.expire(self.clock());
        let review = review(plan, &BTreeMap::from([(id.clone(), self.base.clone())]), &settings(), approved);
        let zone = &review.approved.plan().zones[0];
        let is_first = self.current.records.is_empty();
        if review.approved.has_consent(&id) || is_first {
            self.base.reset();
        } else {
            self.base.record(zone, self.clock());
        }
        self.current.records = zone.after().clone();
        review.held
    }

    /// How many of the first `n` accounts still have their first address.
    fn right(&self, n: usize) -> usize {
        let is_right = |n: &usize| {
            let (owner, address) = (format!("acct{n}"), format!("10.0.0.{n}"));
            self.current.records.iter().any(|record| record.owner == owner && record.address.to_string() == address)
        };
        (0..n).filter(is_right).count()
    }
}

/// So many accounts that nobody has.
fn made_up(n: usize) -> String {
    names(0..n, "blob.core.windows.net").replace("acct", "x").replace(" 10.0.0.", " 10.1.0.1 # ")
}

/// `n` accounts of which the first `moved` are elsewhere.
fn moved(n: usize, moved: usize) -> String {
    names(0..moved, "blob.core.windows.net").replace("10.0.0.", "10.66.0.") + &names(moved..n, "blob.core.windows.net")
}

#[test]
fn made_up_names_do_not_enlarge_the_whole() {
    let mut world = World::new(&moved(200, 0));
    let made_up = made_up(600);
    assert!(world.pass(&(moved(200, 0) + &made_up), None).is_none(), "they are no loss");
    let held = world.pass(&(moved(200, 200) + &made_up), None).unwrap();
    assert_eq!(world.right(200), 200);
    assert!(held.to_string().contains("200 of 200 RRsets"), "{held}");
}

#[test]
fn small_steps_add_up_until_a_window_has_passed() {
    let mut world = World::new(&moved(200, 0));
    for step in 1..=20 {
        world.now += 1;
        world.pass(&moved(200, step * 10), None);
    }
    assert_eq!(world.right(200), 140, "30 % and no more");
    world.now += 600 + 600 / 50;
    assert!(world.pass(&moved(200, 120), None).is_none(), "what was then is the base now");
    assert_eq!(world.right(200), 80);
    assert!(world.pass(&moved(200, 121), None).is_some());
}

#[test]
fn removals_in_small_steps_add_up_too() {
    let mut world = World::new(&moved(200, 0));
    for gone in (10..200).step_by(10) {
        world.now += 1;
        world.pass(&names(gone..200, "blob.core.windows.net"), None);
    }
    assert_eq!(world.right(200), 140);
}

#[test]
fn to_and_fro_is_no_way_round_and_the_way_back_is_free() {
    let mut world = World::new(&moved(10, 0));
    assert!(world.pass(&moved(10, 3), None).is_none());
    assert!(world.pass(&moved(10, 0), None).is_none(), "back where it was");
    assert_eq!(world.right(10), 10);
    assert!(world.pass(&moved(10, 3), None).is_none());
    assert!(world.pass(&moved(10, 4), None).is_some());
    assert_eq!(world.right(10), 7);
}

#[test]
fn a_record_that_came_within_the_window_may_go_again_and_makes_no_room_for_others() {
    let mut world = World::new(&moved(10, 0));
    assert!(world.pass(&(moved(10, 0) + "typo.blob.core.windows.net 10.0.0.99\n"), None).is_none());
    assert!(world.pass(&(moved(10, 3) + "right.blob.core.windows.net 10.0.0.99\n"), None).is_none());
    assert_eq!(world.right(10), 7);
}

#[test]
fn an_address_of_the_other_family_moves_a_name_as_much_as_a_change_does() {
    let widened = |n| moved(10, 0) + &names(0..n, "blob.core.windows.net").replace("10.0.0.", "fd00::");
    let mut world = World::new(&moved(10, 0));
    assert!(world.pass(&widened(3), None).is_none());
    let held = world.pass(&widened(4), None).unwrap();
    assert!(held.to_string().contains("4 of 10 RRsets"), "{held}");
    assert_eq!(world.current.records.len(), 13, "three of them have AAAA");
    assert!(world.pass(&(moved(10, 0) + "new.blob.core.windows.net 10.0.0.99 fd00::99\n"), None).is_none());
}

#[test]
fn consent_makes_what_follows_from_it_the_base() {
    let mut world = World::new(&moved(10, 0));
    let digest = world.pass(&moved(10, 5), None).unwrap().digest;
    assert!(world.pass(&moved(10, 5), Some(digest)).is_none());
    assert_eq!(world.right(10), 5);
    assert!(world.pass(&moved(10, 8), None).is_none(), "three of ten again");
    assert!(world.pass(&moved(10, 9), None).is_some());
}

#[test]
fn a_zone_that_is_filled_may_have_any_size_and_that_is_its_base() {
    let many = made_up(20_000);
    let mut world = World { current: managed(0), base: Base::default(), now: 1_000_000 };
    assert!(world.pass(&many, None).is_none());
    let mut world = World::new(&moved(10, 0));
    let held = world.pass(&(moved(10, 0) + &many), None).unwrap();
    assert!(held.to_string().contains("20000 RRsets would be added"), "{held}");
    assert_eq!((world.current.records.len(), held.is_approvable()), (10, true));
}

#[test]
fn shares_are_percentages() {
    assert_eq!("30%".parse::<Percent>().unwrap().to_string(), "30%");
    for bad in ["30", "101%", "-1%", "%", "x%"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is safe stays safe when less is removed, or more is allowed.
    #[test]
    fn the_guard_is_monotone(total in 1..30usize, gone in 0..30usize, fewer in 0..30usize, limit in 0..=100u8, wider in 0..=100u8) {
        let gone = gone.min(total);
        let fewer = fewer.min(gone);
        let verdict = |gone: usize, limit: u8| {
            let text = names(gone..total, "blob.core.windows.net") + "# nothing\n";
            let settings = Settings { max_removed: Percent::new(limit).unwrap() };
            let plan = planned(managed(total), managed(0), &[&text]);
            review(plan, &BTreeMap::new(), &settings, None).held.is_none()
        };
        if verdict(gone, limit) {
            prop_assert!(verdict(fewer, limit));
            prop_assert!(verdict(gone, limit.max(wider)));
        }
    }

    /// However a list changes from pass to pass, within a window no more than the limit of what was there is lost.
    #[test]
    fn within_a_window_no_road_leads_past_the_limit(
        steps in prop::collection::vec((prop::collection::vec((0..12usize, 0..4u8), 0..14), 0..40usize), 1..12)
    ) {
        let total = 12;
        let mut world = World::new(&moved(total, 0));
        for (edits, made_up) in steps {
            let mut list: Vec<Option<u8>> = vec![Some(0); total];
            for (account, fate) in edits {
                list[account] = fate.checked_sub(1);
            }
            let line = |(n, fate): (usize, &Option<u8>)| {
                fate.map(|network| format!("acct{n}.blob.core.windows.net 10.{network}.0.{n}\n")).unwrap_or_default()
            };
            let mut text: String = list.iter().enumerate().map(line).collect();
            text += &self::made_up(made_up);
            text += "# a list that names nothing is another matter\n";
            world.now += 7;
            world.pass(&text, None);
            prop_assert!(world.right(total) >= total - total * 30 / 100, "{}", world.right(total));
        }
    }
}
