//! A list is read whole or refused, and one that is accepted becomes zone files that load with the same records.

use std::collections::BTreeMap;
use std::path::Path;

use privatelink_dns::azure::Cloud;
use privatelink_dns::dns::{Name, Serial};
use privatelink_dns::sync::apply::render;
use privatelink_dns::sync::desired::{self, merge};
use privatelink_dns::sync::plan::{Current, plan};
use privatelink_dns::sync::source::{Format, Listing, parse};
use privatelink_dns::zone::Zone;

use crate::made::damage::damage;
use crate::made::forms::{self, Tape};
use crate::made::naive::{Reading, decoded, missed, read};

/// Seconds.
const TTL: u32 = 10;

/// Makes a list from a tape, damages it or not, and reads it.
pub fn hold_made(octets: &[u8]) {
    let mut tape = Tape::new(octets);
    let made = forms::make(&mut tape);
    let (text, how, is_gentle) = if tape.below(2) == 0 {
        (made.text.clone(), "as it was made", true)
    } else {
        let damaged = damage(&mut tape, &made.text);
        let keeps = damaged.keeps(&made);
        (damaged.text, damaged.how, keeps)
    };
    match read(made.format, text.as_bytes()) {
        Reading::Refused(problems) => assert!(!made.is_plain || how != "as it was made", "{problems}\n{text}"),
        Reading::Taken(taken) => {
            let invented: Vec<_> = taken.records.difference(&made.truth).collect();
            assert!(
                !is_gentle || !is_long_run() || invented.is_empty(),
                "nobody listed {invented:?}: {}, {how}\n{text}",
                made.form
            );
        }
    }
    hold(made.format, text.as_bytes());
}

/// Reads the list and, if it is accepted, goes all the way to zones.
pub fn hold(format: Format, data: &[u8]) {
    let listing = match parse("fuzz", Path::new("list"), format, data.to_vec()) {
        Ok(listing) => listing,
        Err(problems) => {
            let shown = problems.to_string();
            assert!(shown.starts_with("list"), "a problem begins with its place: {shown}");
            return;
        }
    };
    // A line feed takes a byte or more, and so does an escape for it in JSON and TOML.
    let lines = u32::try_from(data.len()).unwrap_or(u32::MAX).saturating_add(1);
    for entry in listing.entries() {
        assert!((1..=lines).contains(&entry.line), "line {} of {lines}", entry.line);
    }
    hold_bounds(&listing);
    if is_long_run() {
        hold_whole(format, data);
    }
    let settings = desired::Settings::of_cloud(Cloud::Public, &[]);
    let Ok(state) = merge(vec![listing.clone()], &settings) else { return };
    let wanted = plan(state, BTreeMap::new(), TTL);
    let mut written = BTreeMap::new();
    for zone in &wanted.zones {
        let text = render(&zone.id.apex, Serial(1), TTL, zone.after(), zone.aliases());
        written.insert(zone.id.clone(), load(&zone.id.apex, &text));
    }
    // The written files are the desired state: a second plan is empty.
    let state = merge(vec![listing], &settings);
    let again = plan(state.expect("it was accepted just now"), written, TTL);
    for zone in &again.zones {
        let changes: Vec<_> = zone.changes().map(|change| (change.action(), change.owner().to_owned())).collect();
        assert!(changes.is_empty() && zone.foreign.is_empty(), "{}: {changes:?} {:?}", zone.id, zone.foreign);
        assert!(!zone.needs_writing(), "{}", zone.id);
    }
}

/// True in a run of a minute or more (`cargo xtask fuzz`). A short one looks for crashes and for what goes over a bound:
/// where the scan and a reader see a mutated list differently, a person has to judge.
fn is_long_run() -> bool {
    std::env::var_os("FUZZ_LONG").is_some()
}

/// Every name of ours is a record or something is said about it, and every record is in the text.
fn hold_whole(format: Format, data: &[u8]) {
    let (Reading::Taken(taken), Some(text)) = (read(format, data), decoded(data)) else { return };
    let breach = missed(&taken, &text, format, format == Format::Text);
    assert!(breach.is_none(), "{breach:?}; said: {:#?}\n{text}", taken.said);
}

/// A list and each part of it stay within their bounds.
fn hold_bounds(listing: &Listing) {
    assert!(listing.len() <= Listing::MAX_ENTRIES);
    let mut of_statement = BTreeMap::new();
    for entry in listing.entries() {
        let records = of_statement.entry((entry.round, entry.statement)).or_insert(0);
        *records += 1;
        assert!(*records <= Listing::MAX_RECORDS, "line {} makes too many", entry.line);
    }
}

fn load(apex: &Name, text: &str) -> Current {
    let (zone, findings) = Zone::from_text(apex, text.as_bytes());
    let zone = zone.unwrap_or_else(|| panic!("our own file does not load: {findings:?}\n{text}"));
    assert!(findings.is_empty(), "{findings:?}\n{text}");
    Current::of(&zone)
}
