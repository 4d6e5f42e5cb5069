//! docs/azure.md is true: its configs are good, its commands run, its role has the rights that are asked for.

use std::path::Path;

use privatelink_dns::config::Config;

use crate::readme::{examples, printed};
use crate::support::azure::identity::{CLIENT, OBJECT};
use crate::support::site::{Ran, Site};

use super::stage;

const PAGE: &str = include_str!("../../../docs/azure.md");

const README: &str = include_str!("../../../README.md");

/// The blocks of this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let found: Vec<String> =
        page.split(&fence).skip(1).filter_map(|part| part.split("```").next()).map(str::to_owned).collect();
    assert!(!found.is_empty(), "the page has no {language}");
    found
}

#[test]
fn the_configs_of_the_page_are_good() {
    let is_live = |block: &String| block.contains("kind");
    for block in blocks(PAGE, "toml").into_iter().chain(blocks(README, "toml").into_iter().filter(is_live)) {
        let (config, problems) = Config::parse(Path::new("/etc/privatelink-dns/privatelink-dns.toml"), &block);
        let problems: Vec<String> =
            problems.iter().filter(|problem| problem.is_error()).map(ToString::to_string).collect();
        assert_eq!(problems, [""; 0], "{block}");
        assert_eq!(config.sync.live.len(), 1, "{block}");
    }
}

#[test]
fn the_role_of_the_page_has_the_rights_that_are_asked_for_and_no_others() {
    let role: serde_json::Value = serde_json::from_str(&blocks(PAGE, "json")[0]).unwrap();
    let mut actions: Vec<&str> = role["Actions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["Microsoft.Network/networkInterfaces/read", "Microsoft.Network/privateEndpoints/read"]);
    // And a read takes no more than that.
    let (azure, site) = stage();
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    for seen in azure.seen("/subscriptions/") {
        let path = seen.target.split('?').next().unwrap().to_owned();
        assert_eq!(seen.method, "GET");
        assert!(path.contains("/privateEndpoints") || path.contains("/networkInterfaces/"), "{path}");
    }
}

#[test]
fn the_commands_of_the_page_print_what_it_shows() {
    let (azure, site) = stage();
    let all = examples(PAGE);
    assert!(all.len() >= 3, "{all:?}");
    for example in all {
        let mut words = example.command.split(' ').skip(1);
        let mut command = site.azure_command(&azure, words.next().unwrap());
        let ran = Ran::from(command.args(words).output().unwrap());
        assert_eq!(ran.code, Some(0), "{example:?}: {ran:#?}");
        for wanted in &example.output {
            assert!(printed(wanted, &ran.all()), "$ {}\nshould print: {wanted}\nbut: {ran:#?}", example.command);
        }
    }
}

/// The messages of the page's table, as far as the scripted Azure can cause them.
#[test]
fn the_messages_of_the_page_are_those_that_are_said() {
    let said = |azure: &crate::support::azure::Azure, site: &Site| site.run_with(azure, "fetch", &[]).all();
    let is_on_the_page = |part: &str| assert!(PAGE.contains(part), "the page does not have: {part}");
    let (azure, site) = stage();
    azure.world().estate.refused.insert("privateendpoints".to_owned());
    let text = said(&azure, &site);
    for part in ["403 AuthorizationFailed: ", " may not Microsoft.Network/privateEndpoints/read here"] {
        assert!(text.contains(part), "{text}");
        is_on_the_page(part.trim());
    }
    assert!(text.contains(OBJECT) || text.contains(CLIENT), "whose right it is: {text}");
    azure.world().estate.refused.clear();
    said(&azure, &site);
    azure.world().estate.blind.insert("privateendpoints".to_owned());
    let text = said(&azure, &site);
    let part = "names no endpoint that is wanted, and its list";
    assert!(text.contains(part), "{text}");
    is_on_the_page(part);
    azure.world().estate.subscriptions.clear();
    assert!(said(&azure, &site).contains("404 SubscriptionNotFound"));
    is_on_the_page("404 SubscriptionNotFound");
}
