//! Section 1.

use std::path::Path;

use super::{config_of, expect, lists_of};
use crate::cli::doctor::config::{check, unreadable};
use crate::cli::doctor::facts::Lists;
use crate::cli::doctor::finding::{Finding, State};
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::pass::SourceReport;

const GOOD: &str = r#"
    listen = ["10.0.0.4:53"]
    [backup]
    cloud = "public"
    geos = ["we"]
    [sync]
    allowed_targets = ["10.1.0.0/24"]
    [[sources]]
    name = "vault-we"
    path = "we.txt"
"#;

fn checked(toml: &str, lists: &Lists) -> Vec<Finding> {
    check(&config_of(toml), &[], lists, &[])
}

#[test]
fn a_good_config_has_no_finding_worse_than_good() {
    let found = checked(GOOD, &lists_of(&["acct blob 10.1.0.4"]));
    for id in ["PD101", "PD102", "PD103", "PD104", "PD105", "PD106", "PD107", "PD108"] {
        expect(&found, id, State::Good, &[]);
    }
}

#[test]
fn every_problem_of_the_config_is_shown_with_its_place() {
    let problem = |line| Diagnostic::error(Id::CONFIG_BAD_VALUE, Place::line("c.toml", line), "'x' is no address");
    let found = check(&config_of(GOOD), &[problem(3), problem(7)], &Lists::default(), &[]);
    expect(&found, "PD101", State::Problem, &["c.toml:3: 'x' is no address", "c.toml:7:", "privatelink-dns check"]);
    expect(&[unreadable("no config file: looked for a")], "PD101", State::Problem, &["looked for a", "--config FILE"]);
    let misprint = format!("{GOOD}\n[forward]\nupstreams = [\"169.63.129.16\"]");
    expect(&checked(&misprint, &Lists::default()), "PD101", State::Warning, &["misprint", "168.63.129.16"]);
}

#[test]
fn a_config_without_zones_is_a_problem() {
    expect(&checked("listen = [\"10.0.0.4:53\"]", &Lists::default()), "PD102", State::Problem, &["[backup]"]);
    let view = "[backup]\ngeos = [\"we\"]\n[[views]]\nname = \"spoke-a\"\nclients = [\"10.1.0.0/16\"]";
    expect(&checked(view, &Lists::default()), "PD102", State::Warning, &["no source feeds spoke-a", "sources = ["]);
}

#[test]
fn geo_codes_of_the_lists_are_the_line_to_paste() {
    let open = GOOD.replace("geos = [\"we\"]", "");
    let lists = lists_of(&["1-ab-pod01-id1 wcus 10.1.0.4", "1-ab-pod01-id1 ne 10.1.0.5"]);
    expect(&checked(&open, &lists), "PD103", State::Warning, &["geos = [\"ne\", \"wcus\"]"]);
    expect(&checked(&open, &Lists::default()), "PD103", State::Warning, &["no list names a geo code"]);
}

#[test]
fn wide_targets_come_with_the_subnets_that_the_lists_use() {
    let wide = GOOD.replace("10.1.0.0/24", "10.0.0.0/8");
    let lists = lists_of(&["a blob 10.1.0.4", "b blob 10.1.0.200", "c blob 10.2.7.1"]);
    expect(
        &checked(&wide, &lists),
        "PD104",
        State::Warning,
        &["10.0.0.0/8", "allowed_targets = [\"10.1.0.0/24\", \"10.2.7.0/24\"]"],
    );
    expect(&checked(&wide, &Lists::default()), "PD104", State::Good, &[]);
    let many: Vec<String> = (0..20).map(|n| format!("a{n} blob 10.1.{}.4", n * 2)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    expect(&checked(&wide, &lists_of(&many)), "PD104", State::Warning, &["allowed_targets = [\"10.1.0.0/16\"]"]);
}

#[test]
fn access_for_nobody_and_for_everybody_are_told_apart() {
    let with = |access: &str| checked(&format!("{GOOD}\n{access}"), &Lists::default());
    expect(&with("[access]\nallow = []"), "PD105", State::Problem, &["every client is refused"]);
    let open = "[access]\nallow = [\"0.0.0.0/0\"]";
    expect(&with(open), "PD105", State::Problem, &["every address may ask, and without limits"]);
    let limited = format!("{open}\n[limits]\ntrusted = [\"10.0.0.0/8\"]");
    expect(&with(&limited), "PD105", State::Warning, &["within [limits]"]);
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let none = GOOD.split("[[sources]]").next().unwrap();
    expect(&checked(none, &Lists::default()), "PD106", State::Warning, &["nothing fills the zones", "[[sources]]"]);
    let mut source = SourceReport { name: "vault-we".to_owned(), ..SourceReport::default() };
    source.problems.error(|| Diagnostic::error(Id::SOURCE_NO_FILES, Place::source("vault-we"), "names no file"));
    let lists = Lists { sources: vec![source], ..Lists::default() };
    expect(&checked(GOOD, &lists), "PD106", State::Problem, &["source 'vault-we': names no file", "correct the path"]);
}

#[test]
fn a_loopback_address_alone_is_out_of_reach() {
    let local = GOOD.replace("10.0.0.4:53", "127.0.0.1:53");
    expect(&checked(&local, &Lists::default()), "PD107", State::Warning, &["no other machine", "listen = ["]);
}

#[test]
fn secrets_that_others_may_read_are_named_with_the_command() {
    let mut config = config_of(GOOD);
    let place = Place::file(Path::new("/srv/dns/privatelink-dns.toml"));
    config.warnings.push(Diagnostic::warning(Id::CONFIG_EXPOSED, place, "every user may write the config"));
    let found = check(&config, &[], &Lists::default(), &["/srv/dns/keys/secret".into()]);
    expect(
        &found,
        "PD108",
        State::Problem,
        &["every user may write", "chmod o-rw /srv/dns/privatelink-dns.toml /srv/dns/keys/secret"],
    );
}

#[test]
fn peers_that_are_refused_or_lack_a_zone_are_found_and_without_peers_there_is_no_check() {
    let peer = |address: &str| {
        format!("{GOOD}\n[[peers]]\nname = \"bind-hq\"\naddress = [\"{address}\"]\nzones = [\"backup\"]")
    };
    expect(&checked(&peer("10.1.0.53"), &Lists::default()), "PD109", State::Good, &["1 configured: bind-hq"]);
    let outside = checked(&peer("192.0.2.53"), &Lists::default());
    expect(&outside, "PD109", State::Warning, &["192.0.2.53 is not in [access]", "privatelink-dns check"]);
    expect(&outside, "PD101", State::Good, &[]);
    let zones = Diagnostic::warning(Id::PEER_ZONES, Place::file(Path::new("c.toml")), "no such zone is hosted");
    let lists = Lists { peers: vec![zones], ..Lists::default() };
    expect(&checked(&peer("10.1.0.53"), &lists), "PD109", State::Warning, &["no such zone is hosted"]);
    assert!(checked(GOOD, &Lists::default()).iter().all(|finding| finding.id.as_str() != "PD109"));
}
