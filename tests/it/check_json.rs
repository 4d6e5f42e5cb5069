//! `check --json` and `check --strict`: the document and the exit codes that docs/check-json.md describes.

use serde_json::{Value, json};

use crate::support::page::{documented, keys};
use crate::support::site::Site;

const PAGE: &str = include_str!("../../docs/check-json.md");
const STATUS_PAGE: &str = include_str!("../../docs/status-json.md");

const GOOD: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const SUPERSEDED: &str = "10.1.0.1 acct.blob.core.windows.net\n10.1.0.2 acct.blob.core.windows.net\n";

/// A site whose geo codes are pinned, so that nothing but its list is worth a word.
fn site(list: &str) -> Site {
    Site::new().with_config("[backup]\ngeos = [\"we\"]").with_list("a.txt", list)
}

/// The document, and the exit code that goes with it.
fn check(site: &Site, arguments: &[&str]) -> (Value, Option<i32>) {
    let ran = site.run("check", &[&["--json"], arguments].concat());
    (serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}")), ran.code)
}

/// The result, and the exit codes without and with `--strict`.
fn results(site: &Site) -> (String, Option<i32>, Option<i32>) {
    let (lax, strict) = (check(site, &[]), check(site, &["--strict"]));
    assert_eq!(lax.0, strict.0, "the document is the same");
    let (json, text) = (&lax.0, site.run("check", &[]));
    assert_eq!((text.code, site.run("check", &["--strict"]).code), (lax.1, strict.1), "{text:?}");
    let shown = json["diagnostics"].as_array().unwrap();
    for found in shown {
        let line = format!("{}: ", found["severity"].as_str().unwrap());
        let said = found["text"].as_str().unwrap();
        assert!(text.stderr.lines().any(|l| l.starts_with(&line) && l.ends_with(said)), "{found}: {text:?}");
    }
    (json["result"].as_str().unwrap().to_owned(), lax.1, strict.1)
}

#[test]
fn a_good_config_is_one_whole_document_on_stdout() {
    let site = site(GOOD);
    let (document, code) = check(&site, &["--strict"]);
    assert_eq!(code, Some(0));
    let wanted = json!({
        "version": 1, "file": site.config_file().display().to_string(), "result": "good", "diagnostics": [],
        "sources": 1, "records": 1, "zones": 3, "live": [], "errors": 0, "warnings": 0, "notes": 0,
    });
    assert_eq!(document, wanted, "{document:#}");
}

#[test]
fn the_keys_and_results_are_those_of_the_page() {
    let (document, _) = check(&site(SUPERSEDED), &[]);
    assert_eq!(keys(&document), documented(PAGE, "# `privatelink-dns check --json`"));
    let found = &document["diagnostics"][0];
    assert_eq!(keys(found), documented(STATUS_PAGE, "## A diagnostic"), "{found:#}");
    let results = ["good", "warnings", "held", "errors"].map(str::to_owned);
    assert_eq!(documented(PAGE, "The result, and the exit code").into_iter().collect::<Vec<_>>().len(), results.len());
    assert!(results.iter().all(|result| documented(PAGE, "The result, and the exit code").contains(result)));
}

#[test]
fn notes_are_good_and_warnings_fail_only_where_that_is_asked_for() {
    let others = format!("{GOOD}10.1.0.7 kv.vault.azure.net\n10.1.0.8 kv2.vault.azure.net\n");
    assert_eq!(results(&site(&others)), ("good".to_owned(), Some(0), Some(0)));
    assert_eq!(results(&site(SUPERSEDED)), ("warnings".to_owned(), Some(0), Some(1)));
    assert_eq!(results(&site("nonsense\n")), ("errors".to_owned(), Some(2), Some(2)));
}

#[test]
fn a_part_that_waits_for_consent_is_held_and_one_that_no_consent_cures_is_an_error() {
    let site = site("10.1.0.1 a.blob.core.windows.net\n10.1.0.2 b.blob.core.windows.net\n");
    site.run("sync", &[]).expect(0, &["2 created"]);
    site.write_list("a.txt", "10.1.0.8 a.blob.core.windows.net\n10.1.0.9 b.blob.core.windows.net\n");
    assert_eq!(results(&site), ("held".to_owned(), Some(0), Some(1)));
    site.write_zone("privatelink.queue.core.windows.net", "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n");
    site.write_list("a.txt", "10.1.0.8 a.queue.core.windows.net\n");
    assert_eq!(results(&site), ("errors".to_owned(), Some(2), Some(2)));
}

#[test]
fn the_numbers_hold_what_is_not_shown_and_the_last_line_has_them() {
    let list: String =
        (0..30).flat_map(|n| [4, 5].map(|a| format!("10.1.{a}.{n} a{n}.blob.core.windows.net\n"))).collect();
    let others = (0..25).map(|n| format!("10.1.0.7 x.service{n}.example\n")).collect::<Vec<_>>().concat();
    let site = site(&format!("{list}{others}"));
    let (document, _) = check(&site, &[]);
    let numbers = ["errors", "warnings", "notes"].map(|kind| document[kind].as_u64().unwrap());
    assert_eq!(numbers, [0, 30, 25], "{document:#}");
    let severities: Vec<&str> =
        document["diagnostics"].as_array().unwrap().iter().map(|found| found["severity"].as_str().unwrap()).collect();
    assert_eq!((severities.len(), severities[20], severities[21]), (42, "warning", "note"), "{document:#}");
    let text = site.run("check", &[]);
    assert!(text.stdout.trim_end().ends_with("3 zones, 30 warnings, 25 notes"), "{text:?}");
    assert!(text.stderr.trim_end().ends_with("and 5 more notes"), "notes come last: {text:?}");
    let strict = site.run("check", &["--strict"]);
    assert!(strict.stderr.trim_end().ends_with("3 zones, 30 warnings, 25 notes"), "{strict:?}");
}

#[test]
fn what_sync_would_refuse_or_hold_check_says() {
    for (address, is_refused) in [
        ("10.20.0.12", false),
        ("20.60.0.1", true),
        ("0.0.0.0", true),
        ("127.0.0.1", true),
        ("2001:db8::1", true),
        ("224.0.0.1", true),
    ] {
        let site = site(&format!("{GOOD}{address} x.blob.core.windows.net\n"));
        let (document, code) = check(&site, &[]);
        let sync = site.run("sync", &[]);
        assert_eq!((code, sync.code), if is_refused { (Some(2), Some(1)) } else { (Some(0), Some(0)) }, "{address}");
        let first = &document["diagnostics"][0];
        assert_eq!(first["id"] == "target-not-allowed", is_refused, "{address}: {document:#}");
        assert_eq!(first["place"]["line"] == 2, is_refused, "{document:#}");
    }
}

#[test]
fn a_config_that_cannot_be_read_is_said_in_the_document_too() {
    let site = site(GOOD);
    site.write_raw_config("listen = [\n");
    let (document, code) = check(&site, &["--strict"]);
    assert_eq!(
        (code, &document["result"], &document["sources"]),
        (Some(2), &json!("errors"), &json!(0)),
        "{document:#}"
    );
    assert_eq!(document["diagnostics"][0]["severity"], "error");
}
