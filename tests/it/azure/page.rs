//! docs/azure.md is true: its role has the rights that are asked for, its messages are said. `tests/it/docs.rs` has its
//! commands and configs.

use crate::support::azure::identity::{CLIENT, OBJECT};
use crate::support::site::Site;

use super::stage;

const PAGE: &str = include_str!("../../../docs/azure.md");

/// The blocks of this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let found: Vec<String> =
        page.split(&fence).skip(1).filter_map(|part| part.split("```").next()).map(str::to_owned).collect();
    assert!(!found.is_empty(), "the page has no {language}");
    found
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
