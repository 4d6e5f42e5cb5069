//! `plan --json`: the document that docs/plan-json.md describes, key by key.

use serde_json::{Value, json};

use crate::support::page::{documented, keys};
use crate::support::site::Site;

const PAGE: &str = include_str!("../../docs/plan-json.md");
const BLOB: &str = "privatelink.blob.core.windows.net";
const QUEUE: &str = "privatelink.queue.core.windows.net";

/// The document of a site, and the exit code that goes with it.
fn plan(site: &Site) -> (Value, Option<i32>) {
    let ran = site.run("plan", &["--json"]);
    (serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}")), ran.code)
}

fn line(site: &Site, list: &str, line: usize) -> String {
    format!("{}:{line}", site.list_path(list).display())
}

const BEFORE: [&str; 2] = [
    "10.1.0.1 acct.blob.core.windows.net\n10.1.0.3 same.blob.core.windows.net\n10.1.0.7 q.queue.core.windows.net\n",
    "10.1.0.3 same.blob.core.windows.net\n",
];
const AFTER: [&str; 2] = [
    "10.1.0.9 acct.z1.blob.storage.azure.net\n10.1.0.2 new.blob.core.windows.net\n\
     10.1.0.3 same.blob.core.windows.net\n",
    "10.1.0.4 same.blob.core.windows.net\n",
];

/// Two lists: one changes an address, adds a name and an alias and loses a queue, the other contradicts it in one name.
fn changed() -> Site {
    let site = Site::new().with_list("a.txt", BEFORE[0]).with_list("b.txt", BEFORE[1]);
    site.run("sync", &[]).expect(0, &["2 created"]);
    site.write_list("a.txt", AFTER[0]);
    site.write_list("b.txt", AFTER[1]);
    site
}

#[test]
fn a_first_plan_is_one_whole_document_on_stdout() {
    let site = Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n");
    let (document, code) = plan(&site);
    assert_eq!(code, Some(3), "there are changes");
    let blob = json!({
        "zone": BLOB, "file": "absent", "serial": null, "write": true,
        "in_service": 0, "created": 1, "updated": 0, "deleted": 0,
        "changes": [{
            "action": "create", "owner": "acct", "type": "A", "before": [], "after": ["10.1.0.1"],
            "source": "a.txt", "place": line(&site, "a.txt", 1),
        }],
        "aliases": [], "held": [],
    });
    let queue = json!({
        "zone": QUEUE, "file": "absent", "serial": null, "write": true,
        "in_service": 0, "created": 0, "updated": 0, "deleted": 0,
        "changes": [], "aliases": [], "held": [],
    });
    let wanted = json!({
        "version": 1, "changes": true, "digest": null, "refused": [], "problems": [], "zones": [blob, queue],
        "warnings": [], "warnings_total": 0, "notes": [], "notes_total": 0,
    });
    assert_eq!(document, wanted, "{document:#}");
}

#[test]
fn a_plan_without_changes_has_every_zone_and_nothing_to_do() {
    let site = Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n");
    site.run("sync", &[]).expect(0, &["1 created"]);
    let (document, code) = plan(&site);
    assert_eq!(code, Some(0));
    assert_eq!(document["changes"], false);
    for (zone, in_service) in document["zones"].as_array().unwrap().iter().zip([1, 0]) {
        assert_eq!(zone["file"], "managed", "{zone:#}");
        assert_eq!(zone["write"], false, "{zone:#}");
        assert_eq!(zone["in_service"], in_service, "{zone:#}");
        assert_eq!(zone["changes"], json!([]), "{zone:#}");
        assert!(zone["serial"].is_u64(), "{zone:#}");
    }
}

#[test]
fn the_keys_are_those_of_the_page() {
    let view = "[[views]]\nname = \"spoke-a\"\nclients = [\"127.0.1.0/24\"]";
    let (document, _) = plan(&changed().with_config(view));
    assert_eq!(keys(&document), documented(PAGE, "# `privatelink-dns plan --json`"));
    let zones = document["zones"].as_array().unwrap();
    let (of_view, of_base): (Vec<_>, Vec<_>) = zones.iter().partition(|zone| zone["view"] == "spoke-a");
    assert_eq!((of_base.len(), of_view.len()), (2, 2), "{document:#}");
    let all = documented(PAGE, "A zone:");
    for zone in of_view {
        assert_eq!(keys(zone), all);
    }
    // The base has no view.
    let without_view = all.into_iter().filter(|key| key != "view").collect();
    for zone in of_base {
        assert_eq!(keys(zone), without_view);
    }
}

#[test]
fn a_held_plan_has_what_waits_and_why() {
    let site = changed();
    let (document, code) = plan(&site);
    assert_eq!(code, Some(5), "a part of it waits");
    let digest = document["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 32, "{digest}");
    assert!(digest.bytes().all(|octet| octet.is_ascii_hexdigit()), "{digest}");
    assert_eq!(document["refused"].as_array().unwrap().len(), 1, "{document:#}");
    assert!(document["refused"][0].as_str().unwrap().contains(QUEUE), "{document:#}");
    let [blob, queue] = document["zones"].as_array().unwrap().as_slice() else { panic!("two zones: {document:#}") };
    let update = json!({
        "action": "update", "owner": "acct", "type": "A", "before": ["10.1.0.1"], "after": ["10.1.0.9"],
        "source": "a.txt", "place": line(&site, "a.txt", 1),
    });
    let create = json!({
        "action": "create", "owner": "new", "type": "A", "before": [], "after": ["10.1.0.2"],
        "source": "a.txt", "place": line(&site, "a.txt", 2),
    });
    assert_eq!(blob["changes"], json!([update, create]), "sorted by owner");
    let alias = json!({ "action": "create", "name": "acct.z1.blob.storage.azure.net", "owner": "acct" });
    assert_eq!(blob["aliases"], json!([alias]));
    let claim = |list: &str, number: usize, address: &str| {
        let place = line(&site, list, number);
        json!({ "source": list, "place": place, "addresses": [address] })
    };
    let held = json!({
        "owner": "same", "type": "A", "in_service": ["10.1.0.3"],
        "claims": [claim("a.txt", 3, "10.1.0.3"), claim("b.txt", 1, "10.1.0.4")],
    });
    assert_eq!(blob["held"], json!([held]));
    let delete = json!({
        "action": "delete", "owner": "q", "type": "A", "before": ["10.1.0.7"], "after": [],
        "source": null, "place": null,
    });
    assert_eq!(queue["changes"], json!([delete]));
    for (zone, counts) in [(blob, [2, 1, 1, 0]), (queue, [1, 0, 0, 1])] {
        for (key, count) in ["in_service", "created", "updated", "deleted"].into_iter().zip(counts) {
            assert_eq!(zone[key], count, "{key} of {zone:#}");
        }
    }
}

#[test]
fn a_bad_line_and_a_hand_written_file_are_said_in_the_document_too() {
    let by_hand = "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n";
    let bad = "10.1.0.1 acct.blob.core.windows.net\nnonsense\n";
    let site = Site::new().with_list("a.txt", bad).with_zone(QUEUE, by_hand);
    let (document, code) = plan(&site);
    assert_eq!(code, Some(1), "{document:#}");
    assert!(document["problems"][0].as_str().unwrap().contains("a.txt:2"), "{document:#}");
    let queue = document["zones"].as_array().unwrap().iter().find(|zone| zone["zone"] == QUEUE).unwrap();
    assert_eq!(queue["file"], "hand-written");
    assert_eq!(queue["write"], false);
}
