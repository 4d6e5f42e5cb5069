//! Sections 6 and 7.

use std::collections::BTreeMap;
use std::net::{IpAddr, TcpListener};

use super::{expect, lists_of};
use crate::azure::Cloud;
use crate::cli::doctor::clients;
use crate::cli::doctor::facts::Lists;
use crate::cli::doctor::finding::State;
use crate::cli::doctor::reach::{Outcome, Reach, check};
use crate::server::views::{ViewSettings, Views};

fn reach(outcomes: &[(&str, Outcome)], left: usize) -> Reach {
    let outcomes: BTreeMap<IpAddr, Outcome> =
        outcomes.iter().map(|(address, outcome)| (address.parse().unwrap(), *outcome)).collect();
    Reach { outcomes, left }
}

#[test]
fn refused_silent_and_unreachable_are_told_apart() {
    let found = check(Some(&reach(
        &[
            ("10.1.0.1", Outcome::Open),
            ("10.1.0.2", Outcome::Refused),
            ("10.1.0.3", Outcome::Silent),
            ("10.1.0.4", Outcome::Unreachable),
        ],
        7,
    )));
    expect(&found, "PD601", State::Problem, &["1 of 4 refuse the connection", "10.1.0.2"]);
    expect(&found, "PD601", State::Problem, &["1 of 4 do not answer", "10.1.0.3", "network security group"]);
    expect(&found, "PD601", State::Problem, &["there is no route: 10.1.0.4"]);
    expect(&found, "PD601", State::Skipped, &["7 were not tried"]);
    let open = check(Some(&reach(&[("10.1.0.1", Outcome::Open)], 0)));
    expect(&open, "PD601", State::Good, &["1 answer at TCP 443"]);
    expect(&check(None), "PD601", State::Skipped, &["--connect"]);
    expect(&check(Some(&Reach::default())), "PD601", State::Skipped, &["no address is listed"]);
}

#[test]
fn each_listed_address_is_tried_once() {
    let open = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port();
    let lists = lists_of(&["a blob 127.0.0.1", "b blob 127.0.0.1", "c blob 127.0.0.77"]);
    let found = Reach::at(&lists, port);
    assert_eq!(found.outcomes.len(), 2);
    assert_eq!(found.outcomes[&"127.0.0.1".parse::<IpAddr>().unwrap()], Outcome::Open);
    assert_eq!(found.outcomes[&"127.0.0.77".parse::<IpAddr>().unwrap()], Outcome::Refused);
}

#[test]
fn no_more_addresses_than_the_bound_are_tried() {
    let many: Vec<String> = (0..300).map(|n| format!("a{n} blob 127.1.{}.{}", n / 250, n % 250 + 1)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let found = Reach::at(&lists_of(&many), free);
    assert_eq!((found.outcomes.len(), found.left), (256, 44));
}

#[test]
fn the_commands_for_a_client_have_a_name_that_is_listed() {
    let lists = lists_of(&["1-ab-pod01-id1 we 10.1.0.1", "acct blob 10.1.0.4"]);
    let found = clients::check(&lists, &["10.0.0.4".to_owned()], Cloud::Public, &Views::default());
    let texts = [
        "Resolve-DnsName acct.blob.core.windows.net -Type A",
        "10.1.0.4: right",
        "10.0.0.4, or a resolver that forwards to it blob.core.windows.net, queue.core.windows.net, ",
        "-Port 443",
    ];
    expect(&found, "PD701", State::Good, &texts);
    let none = clients::check(&Lists::default(), &[], Cloud::UsGov, &Views::default());
    let texts = ["<account>", "nslookup ignores the NRPT", "backup.windowsazure.us"];
    expect(&none, "PD701", State::Good, &texts);
    assert!(!none[0].fact.contains("views:"), "there are none");
}

#[test]
fn the_clients_of_each_view_are_named_and_a_thousand_views_are_not_a_thousand_lines() {
    let views = |number: usize| {
        let view = |at: usize| ViewSettings {
            name: format!("spoke-{at}").parse().unwrap(),
            clients: vec![format!("10.{}.{}.0/24", at / 256, at % 256).parse().unwrap()],
            listen: if at == 1 { vec!["10.0.0.5:53".parse().unwrap()] } else { Vec::new() },
        };
        Views::new((0..number).map(view).collect())
    };
    let found = |number| clients::check(&Lists::default(), &[], Cloud::Public, &views(number));
    let texts = ["    spoke-0: 10.0.0.0/24\n    spoke-1: 10.0.1.0/24, whoever asks 10.0.0.5:53", "docs/views.md"];
    expect(&found(2), "PD701", State::Good, &texts);
    assert!(!found(2)[0].fact.contains("more views"), "all are shown");
    let many = found(1_000);
    assert!(many[0].fact.contains("and 980 more views"), "{}", many[0].fact);
    assert!(many[0].fact.lines().count() < 40, "{}", many[0].fact);
}
