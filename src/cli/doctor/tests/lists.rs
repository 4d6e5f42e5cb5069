//! Section 4.

use super::{expect, listed, lists_of};
use crate::cli::doctor::facts::{HeldPart, Lists};
use crate::cli::doctor::finding::{Finding, State};
use crate::cli::doctor::lists::check;
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::live::report::{LiveReport, ScopeReport};
use crate::sync::pass::SourceReport;

const NOW: u64 = 1_800_000_000;
const DAY: u64 = 86_400;

/// The names of a vault of today, and an account for each wave.
const VAULT: [&str; 8] = [
    "71-ab-pod01-id1 we 10.1.0.1",
    "71-ab-pod01-rec2 we 10.1.0.2",
    "71-ab-pod01-prot1 we 10.1.0.3",
    "71-ab-pod01-fab1 we 10.1.0.4",
    "wepod01ecs1 blob 10.1.0.5",
    "wepod01ecs1 queue 10.1.0.6",
    "wepod01prot1 blob 10.1.0.7",
    "wepod01prot2 blob 10.1.0.8",
];

fn checked(records: &[&str]) -> Vec<Finding> {
    check(&lists_of(records), NOW)
}

fn source(name: &str, age: u64) -> SourceReport {
    SourceReport { name: name.to_owned(), modified_at: Some(NOW - age), entries: 3, ..SourceReport::default() }
}

#[test]
fn good_lists_of_a_whole_vault_have_no_finding_worse_than_good() {
    let found = check(&Lists { sources: vec![source("we", DAY)], ..lists_of(&VAULT) }, NOW);
    for id in ["PD401", "PD402", "PD403", "PD404", "PD405", "PD406", "PD407", "PD408", "PD409", "PD410"] {
        expect(&found, id, State::Good, &[]);
    }
}

#[test]
fn errors_of_lists_come_with_their_number_and_the_first_line() {
    let error =
        |line| Diagnostic::error(Id::LIST_BAD_ADDRESS, Place::line("we.txt", line), "'10.0.0.300' is no address");
    let mut bad = source("we", DAY);
    bad.problems.error(|| error(3));
    bad.problems.error(|| error(9));
    let found = check(&Lists { sources: vec![bad], config: "c.toml".to_owned(), ..Lists::default() }, NOW);
    expect(&found, "PD401", State::Problem, &["2 errors, the first: we.txt:3", "check --config c.toml"]);
    let warnings = vec![Diagnostic::warning(Id::LIST_SUPERSEDED, Place::line("we.txt", 4), "a later line")];
    expect(&check(&Lists { warnings, ..Lists::default() }, NOW), "PD401", State::Warning, &["we.txt:4"]);
}

#[test]
fn a_list_that_nobody_refreshes_is_old_and_a_live_source_sooner() {
    let old = Lists { sources: vec![source("young", DAY), source("old", 400 * DAY)], ..Lists::default() };
    expect(&check(&old, NOW), "PD402", State::Warning, &["source 'old': no list of it has changed for 400 days"]);
    let scope = |last_complete| ScopeReport { scope: "rg".to_owned(), last_complete, ..ScopeReport::default() };
    let live = |read| Lists {
        sources: vec![source("azure", 400 * DAY)],
        live: vec![LiveReport { source: "azure".to_owned(), scopes: vec![scope(read)], ..LiveReport::default() }],
        ..Lists::default()
    };
    expect(&check(&live(Some(NOW - 30)), NOW), "PD402", State::Good, &[]);
    expect(&check(&live(Some(NOW - 3600)), NOW), "PD402", State::Warning, &["rg was last read whole 1h ago"]);
    expect(&check(&live(None), NOW), "PD402", State::Warning, &["was never read whole"]);
}

#[test]
fn lists_that_disagree_are_a_problem() {
    let conflict = Diagnostic::warning(Id::SOURCES_DISAGREE, Place::zone("z.example"), "a: 10.0.0.1 or 10.0.0.2");
    let lists = Lists { conflicts: (vec![conflict], 7), ..Lists::default() };
    expect(&check(&lists, NOW), "PD403", State::Problem, &["7 names, the first:", "10.0.0.1 or 10.0.0.2", "plan"]);
}

#[test]
fn a_vault_lacks_what_most_others_of_its_zone_have() {
    let two = ["id1", "rec2", "prot1", "prot1b", "tel1"].map(|service| format!("72-ab-pod01-{service} we 10.1.0.20"));
    let mut records: Vec<&str> = VAULT.into();
    records.extend(two.iter().map(String::as_str));
    let found = checked(&records);
    expect(&found, "PD404", State::Warning, &["vault 71 in privatelink.we.backup", "'prot1b', 'tel1'"]);
    expect(&found, "PD404", State::Warning, &["vault 72", "'fab1'"]);
    // In another region other stamps are right.
    let elsewhere: Vec<String> = two.iter().map(|text| text.replace(" we ", " ne ")).collect();
    let mut records: Vec<&str> = VAULT.into();
    records.extend(elsewhere.iter().map(String::as_str));
    expect(&checked(&records), "PD404", State::Good, &["2 vaults"]);
}

#[test]
fn a_vault_of_the_first_wave_lacks_its_backup_names() {
    let records = ["71-ab-pod01-id1 we 10.1.0.1", "71-ab-pod01-rec2 we 10.1.0.2"];
    expect(&checked(&records), "PD404", State::Warning, &["no name for 'prot'", "waves"]);
    expect(&checked(&["71-ab-pod01-prot1i we 10.1.0.1"]), "PD404", State::Warning, &["'id', 'rec'"]);
}

#[test]
fn a_channel_account_needs_blob_and_queue() {
    let without = |left_out: &str| checked(&VAULT.into_iter().filter(|text| *text != left_out).collect::<Vec<_>>());
    expect(&without(VAULT[5]), "PD405", State::Warning, &["no queue record: wepod01ecs1"]);
    expect(&without(VAULT[4]), "PD405", State::Warning, &["no blob record: wepod01ecs1"]);
    expect(&checked(&["other blob 10.1.0.1"]), "PD405", State::Good, &[]);
}

#[test]
fn a_vault_without_an_account_for_data_waits_for_the_first_backup() {
    expect(&checked(&VAULT[..6]), "PD406", State::Warning, &["no account with backup data yet", "first backup"]);
    expect(&checked(&VAULT[4..6]), "PD406", State::Good, &[]);
}

#[test]
fn an_address_alone_in_another_subnet_is_named_and_a_wide_subnet_is_not() {
    let mut records: Vec<String> = (1..=9).map(|n| format!("71-ab-pod01-s{n} we 10.1.0.{n}")).collect();
    records.push("71-ab-pod01-s10 we 10.11.0.10".to_owned());
    let all: Vec<&str> = records.iter().map(String::as_str).collect();
    expect(
        &checked(&all),
        "PD407",
        State::Warning,
        &["71-ab-pod01-s10", "10.11.0.10", "9 of vault 71 are in 10.1.0.0/24"],
    );
    let wide: Vec<String> = (0..10).map(|n| format!("71-ab-pod01-s{n} we 10.1.{}.{n}", n % 2)).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    expect(&checked(&wide), "PD407", State::Good, &[]);
}

#[test]
fn an_address_with_two_names_is_named_unless_one_endpoint_has_both() {
    let twice = ["acct1 blob 10.1.0.9", "acct2 blob 10.1.0.9"];
    expect(&checked(&twice), "PD408", State::Warning, &["10.1.0.9: acct1.privatelink", "acct2.privatelink"]);
    expect(&checked(&["acct1 blob 10.1.0.9", "acct1 queue 10.1.0.9"]), "PD408", State::Good, &[]);
    let records =
        twice.map(|text| crate::cli::doctor::facts::Listed { endpoint: Some("pe".to_owned()), ..listed(text) });
    let lists = Lists { records: records.into(), ..Lists::default() };
    expect(&check(&lists, NOW), "PD408", State::Good, &[]);
}

#[test]
fn records_that_no_list_has_and_changes_that_wait_are_told() {
    let held =
        HeldPart { reasons: vec!["zone 'z': 5 of 9 would go".to_owned()], way_out: "sync --approve ab".to_owned() };
    let lists = Lists { unlisted: vec!["old.z (10.0.0.1)".to_owned()], held: Some(held), ..Lists::default() };
    let frozen = Lists { frozen: Some("since noon".to_owned()), config: "c.toml".to_owned(), ..lists.clone() };
    expect(&check(&frozen, NOW), "PD410", State::Warning, &["frozen since noon", "thaw --config c.toml"]);
    let found = check(&lists, NOW);
    expect(&found, "PD409", State::Warning, &["1 in service: old.z (10.0.0.1)", "privatelink-dns plan"]);
    expect(&found, "PD410", State::Problem, &["5 of 9 would go", "sync --approve ab"]);
}
