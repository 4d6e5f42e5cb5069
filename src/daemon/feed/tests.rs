use super::*;
use crate::diag::{Id, Place};
use crate::zone::{Hosted, OnMiss};

fn settings() -> Settings {
    Settings { rpz: "rpz.privatelink".parse().ok(), catalog: None, view: None }
}

fn zones(apex: &str) -> Arc<ZoneSet> {
    Arc::new(ZoneSet::new([Hosted::new(apex.parse().unwrap(), OnMiss::NxDomain, None)]))
}

fn made(outcome: Outcome) -> Made {
    Made { apex: "rpz.privatelink".parse().unwrap(), outcome, left_out: Vec::new() }
}

fn failed() -> Outcome {
    Outcome::Failed(Diagnostic::error(Id::FEED_FAILED, Place::Server, "disk full"))
}

#[test]
fn ten_thousand_changes_in_a_second_are_made_once_and_the_last_of_them_is_made_too() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(Outcome::Written)])), Duration::ZERO, start);
    for change in 0..10_000_u32 {
        let at = start + Duration::from_micros(99) * change;
        assert!(!work.take(&settings(), &zones(&format!("z{change}.example")), at), "{change}");
    }
    assert!(work.take(&settings(), &zones("z9999.example"), start + PAUSE));
    work.made(&Ok(Some(vec![made(Outcome::Written)])), Duration::ZERO, start + PAUSE);
    assert!(!work.take(&settings(), &zones("z9999.example"), start + PAUSE * 9), "nothing changed");
}

#[test]
fn a_making_that_wrote_nothing_lets_the_next_change_in_at_once() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(Outcome::Same)])), Duration::ZERO, start);
    assert!(work.take(&settings(), &zones("b.example"), start));
    work.made(&Ok(Some(vec![made(Outcome::Written)])), Duration::ZERO, start);
    assert_eq!(work.due(&settings(), &zones("c.example"), start), Some(start + PAUSE));
}

#[test]
fn what_a_large_feed_takes_it_leaves_to_others_twice() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(Outcome::Written)])), Duration::from_secs(3), start);
    assert!(!work.take(&settings(), &zones("b.example"), start + Duration::from_secs(5)));
    assert!(work.take(&settings(), &zones("b.example"), start + Duration::from_secs(6)));
}

#[test]
fn a_failure_is_kept_for_the_status_and_tried_again_without_a_change() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(failed())])), Duration::ZERO, start);
    assert_eq!(work.found(&settings(), Degraded::new(), true)["rpz.privatelink"][0].text, "disk full");
    assert!(!work.take(&settings(), &zones("a.example"), start + PAUSE));
    assert!(work.take(&settings(), &zones("a.example"), start + RETRY));
    work.made(&Ok(Some(vec![made(Outcome::Same)])), Duration::ZERO, start + RETRY);
    assert!(work.found(&settings(), Degraded::new(), true).is_empty());
}

#[test]
fn a_frozen_sync_and_a_busy_folder_are_no_failures_and_the_feed_is_made_afterwards() {
    let start = Instant::now();
    for made in [Ok(None), Err(ApplyError::Busy("zones".into()))] {
        let mut work = FeedWork::default();
        assert!(work.take(&settings(), &zones("a.example"), start));
        work.made(&made, Duration::ZERO, start);
        assert!(work.found(&settings(), Degraded::new(), true).is_empty());
        assert!(work.take(&settings(), &zones("a.example"), start + PAUSE));
    }
}

#[test]
fn a_file_that_another_task_finds_lost_is_made_anew_and_one_that_cannot_be_made_is_no_endless_loop() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    let gone = || Degraded::from([("rpz.privatelink".to_owned(), Vec::new())]);
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(Outcome::Same)])), Duration::ZERO, start);
    assert_eq!(work.found(&settings(), gone(), true).len(), 1);
    assert!(!work.take(&settings(), &zones("a.example"), start + RETRY), "it was made just now");
    work.found(&settings(), gone(), false);
    assert!(work.take(&settings(), &zones("a.example"), start + RETRY));
}

#[test]
fn without_a_feed_there_is_nothing_to_make_and_nothing_wrong() {
    let (mut work, start) = (FeedWork::default(), Instant::now());
    assert!(work.take(&settings(), &zones("a.example"), start));
    work.made(&Ok(Some(vec![made(failed())])), Duration::ZERO, start);
    assert!(work.found(&Settings::default(), Degraded::new(), false).is_empty());
    assert_eq!(work.due(&Settings::default(), &zones("b.example"), start + RETRY), None);
}
