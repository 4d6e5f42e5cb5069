//! A list is read whole or refused: for lists of every form, whatever happened to them on their way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on says so and stops"
)]

#[path = "../support/lists/mod.rs"]
mod support;

mod page;

use std::collections::BTreeMap;

use proptest::prelude::*;

use support::forms::{self, Made, Tape};
use support::naive::{Reading, Taken, missed, read};

fn tapes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..160)
}

/// A list of some form as it was made, and what it came to.
fn made(tape: &mut Tape<'_>) -> (Made, Reading) {
    let made = forms::make(tape);
    let reading = read(made.format, made.text.as_bytes());
    (made, reading)
}

/// What is wrong with a reading of a list as it was made, if anything is.
fn wrong_with_sound(octets: &[u8]) -> Option<(String, String)> {
    let (made, reading) = made(&mut Tape::new(octets));
    let (kind, text) = match reading {
        Reading::Refused(_) if !made.is_plain => return None,
        Reading::Refused(problems) => ("refused".to_owned(), problems),
        Reading::Taken(taken) => breach(&taken, &made.text, &made, made.by_line, true)
            .or_else(|| lost(&taken, &made))
            .map(|text| ("taken".to_owned(), format!("{text}; said: {:#?}", taken.said)))?,
    };
    Some((format!("{} {kind}", made.form), format!("{text}\n{}", made.text)))
}

/// The same for a list that was damaged.
fn wrong_with_damaged(octets: &[u8]) -> Option<(String, String)> {
    let mut tape = Tape::new(octets);
    let made = forms::make(&mut tape);
    let damaged = support::damage::damage(&mut tape, &made.text);
    let Reading::Taken(taken) = read(made.format, damaged.text.as_bytes()) else { return None };
    let text = breach(&taken, &damaged.text, &made, false, damaged.keeps(&made))?;
    let said = &taken.said;
    Some((format!("{}, {}", made.form, damaged.how), format!("{text}; said: {said:#?}\n{}", damaged.text)))
}

/// What a list that was taken must not lack or add; `is_sound` if its text says what it said when it was made.
fn breach(taken: &Taken, text: &str, made: &Made, by_line: bool, is_sound: bool) -> Option<String> {
    let invented = taken.records.difference(&made.truth).next().filter(|_| is_sound);
    missed(taken, text, made.written_as(), by_line)
        .or_else(|| invented.map(|record| format!("nobody listed {record:?}")))
}

fn lost(taken: &Taken, made: &Made) -> Option<String> {
    made.truth.difference(&taken.records).next().map(|record| format!("{record:?} is not read"))
}

proptest! {
    // The same lists in every run; the fuzz target `list_made` looks for others.
    #![proptest_config(ProptestConfig {
        cases: 3000,
        max_shrink_iters: 20_000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(17),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_list_of_any_form_is_read_whole_or_refused(octets in tapes()) {
        let wrong = wrong_with_sound(&octets);
        prop_assert!(wrong.is_none(), "{}", wrong.map(|(kind, text)| format!("{kind}: {text}")).unwrap_or_default());
    }

    #[test]
    fn a_damaged_list_is_read_whole_or_refused(octets in tapes()) {
        let wrong = wrong_with_damaged(&octets);
        prop_assert!(wrong.is_none(), "{}", wrong.map(|(kind, text)| format!("{kind}: {text}")).unwrap_or_default());
    }
}

/// The same octets in every run.
fn octets_of(seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761);
    let octet = |_| {
        // A linear congruential generator; its upper bits are the better ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..160).map(octet).collect()
}

/// Lists that are looked at; `SEEDS` in the environment is for looking longer.
fn seeds() -> u32 {
    std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(6000)
}

/// With `--nocapture`: how often each form is read.
#[test]
fn every_form_is_made_and_read() {
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for seed in 0..4000 {
        let (made, reading) = made(&mut Tape::new(&octets_of(seed)));
        counts.entry(made.form).or_default()[usize::from(matches!(reading, Reading::Taken(_)))] += 1;
    }
    for (form, [refused, taken]) in &counts {
        println!("{form:20} {taken:5} read {refused:5} refused");
    }
    assert_eq!(counts.len(), forms::NUMBER, "{counts:?}");
    // A label that is a number or a word of headers cannot be told from another column without a header.
    for (form, [refused, taken]) in counts {
        assert!(taken > 3 * refused, "{form}: {taken} read, {refused} refused");
    }
}

/// With `--nocapture`: the shortest list of each kind that is read wrongly.
#[test]
fn no_kind_of_list_is_read_wrongly() {
    let mut shortest: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for octets in (0..seeds()).map(octets_of) {
        for (kind, text) in wrong_with_sound(&octets).into_iter().chain(wrong_with_damaged(&octets)) {
            let known = shortest.entry(kind).or_insert((0, text.clone()));
            known.0 += 1;
            if text.len() < known.1.len() {
                known.1 = text;
            }
        }
    }
    for (kind, (count, text)) in &shortest {
        println!("==== {kind}, {count} times\n{text}");
    }
    assert!(shortest.is_empty(), "{:?}", shortest.keys());
}
