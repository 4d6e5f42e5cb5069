pub(super) mod document;
mod hostile;
mod states;

use sha2::{Digest, Sha256};

use self::document::{Document, words};
use super::*;
use crate::diag::{Diagnostic, Id, Place};
use crate::status::model::{SourceStatus, ZoneStatus};
use crate::status::verdict::{Finding, Level, Verdict};
use crate::status::views;

#[test]
fn the_policy_allows_the_style_of_the_page_and_nothing_else_that_runs_or_loads() {
    let digest = BASE64.encode(Sha256::digest(STYLE));
    assert!(csp().contains(&format!("style-src 'sha256-{digest}';")), "the style is now sha256-{digest}");
    assert!(csp().starts_with("default-src 'none';"));
    for html in states::all().map(|(_, status)| render(&status, None)) {
        let (_, style) = html.split_once("<style>").unwrap();
        assert_eq!(style.split_once("</style>").unwrap().0, STYLE);
    }
}

#[test]
fn in_each_state_the_page_is_a_document_without_script_that_loads_nothing() {
    for (name, status) in states::all() {
        for refresh in [None, Some(10)] {
            let html = render(&status, refresh);
            let document = Document::read(&html);
            document.is_safe();
            document.is_accessible();
            assert!(html.len() < 60_000, "{name}: {} octets", html.len());
        }
    }
}

#[test]
fn an_empty_status_has_a_sentence_in_each_section() {
    let html = render(&Status::default(), Some(10));
    let document = Document::read(&html);
    document.is_safe();
    document.is_accessible();
    for sentence in [
        "No pass has ended yet.",
        "The config names no source",
        "No zone is hosted yet.",
        "There is no upstream",
        "Nothing was counted yet.",
        "No query was answered yet.",
        "The names are not kept.",
        "No record was changed since the start.",
    ] {
        assert!(document.text().contains(sentence), "{sentence}");
    }
}

#[test]
fn the_headline_and_the_title_say_what_is_wrong() {
    let said = states::all().map(|(_, status)| {
        let html = render(&status, None);
        let document = Document::read(&html);
        (document.title(), document.heading())
    });
    let expected = [
        ("OK – dns-a", "OK all well: 3 zones, 25 records, 2 sources, 1 upstream"),
        ("1 error – dns-a", "Error changes of privatelink.we.backup.windowsazure.com are held back"),
        ("1 error – dns-a", "Error source 'vault-we' fails, its last good lists stay in use"),
        ("1 error – dns-a", "Error no good copy of privatelink.we.backup.windowsazure.com"),
        ("1 error – dns-a", "Error upstream 168.63.129.16:53 does not answer"),
        ("1 warning – dns-a", "Warning peer 'bind-hq' has lacked the present serial of"),
    ];
    for ((title, heading), (expected_title, start)) in said.iter().zip(expected) {
        assert_eq!(title, expected_title);
        assert!(heading.starts_with(start), "{heading}");
    }
}

#[test]
fn a_held_plan_shows_its_reasons_its_age_and_the_very_command() {
    let html = render(&states::held(), None);
    let text = Document::read(&html).text();
    assert!(text.contains("11 of 18 records would go"), "{text}");
    assert!(text.contains(", since 25 min ago"), "{text}");
    assert!(html.contains("<code>privatelink-dns sync --approve 0011 --config /etc/p.toml</code>"));
}

#[test]
fn what_is_wrong_with_a_source_a_zone_or_an_upstream_stands_at_it() {
    let text = |status: Status| Document::read(&render(&status, None)).text();
    let gone = text(states::source_gone());
    assert!(gone.contains("fails, last good lists in use 2 h ago"), "{gone}");
    assert!(gone.contains("error /etc/lists/we.txt:3 the file is gone"), "{gone}");
    let servfail = text(states::servfail());
    assert!(servfail.contains("SERVFAIL: no good copy"), "{servfail}");
    assert!(servfail.contains("error /var/lib/z/we.zone:7 '10.12.0' is no address"), "{servfail}");
    assert!(servfail.contains("vault-prot1.privatelink.we.backup.windowsazure.com A failed 10.1.0.0/24 12 4 s ago"));
    let down = text(states::upstream_down());
    assert!(down.contains("down since 4 min ago"), "{down}");
    assert!(down.contains("Last error 2 s ago : no reply within 1.2 s, 3 times"), "{down}");
    assert!(
        down.contains("new.privatelink.we.backup.windowsazure.com A NXDOMAIN 10.1.0.0/24, view spoke-a 12 4 s ago"),
        "{down}"
    );
}

#[test]
fn each_peer_has_its_zones_and_what_it_lacks_and_without_peers_there_is_no_section() {
    let html = render(&states::peer_behind(), None);
    let text = Document::read(&html).text();
    for wanted in [
        "Peers 1 of 2 behind 15 transferred",
        "bind-hq key k1 privatelink.we.backup.windowsazure.com behind since 21 min ago 1764122390 1 h ago 3",
        "10.1.0.53:53 has not answered NOTIFY, sent 8 times",
        "bind-hq key k1 rpz.privatelink up to date 7 30 s ago 12",
        "lab known by address none of its zones is hosted here no zone",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
    assert!(!render(&states::well(), None).contains("id=\"peers\""));
}

#[test]
fn it_loads_again_only_where_that_is_wanted_and_can_be_stopped() {
    let moving = render(&states::well(), Some(10));
    assert!(moving.contains(r#"<meta http-equiv="refresh" content="10" />"#) && moving.contains("?refresh=off"));
    let still = render(&states::well(), None);
    assert!(!still.contains("http-equiv") && still.contains("?refresh=10"));
}

#[test]
fn a_thousand_of_everything_is_a_page_that_says_how_many_more_there_are() {
    let zone = |n: usize| ZoneStatus { zone: format!("z{n}.example"), serial: Some(1), ..ZoneStatus::default() };
    let error = |n: usize| Diagnostic::error(Id::LIST_SYNTAX, Place::line("we.txt", 1), format!("error {n}"));
    let finding = |n: usize| Finding { level: Level::Error, text: format!("finding {n}"), what_to_do: None };
    let source = |n: usize| SourceStatus {
        name: format!("source-{n}"),
        errors: (0..1_000).map(error).collect(),
        ..SourceStatus::default()
    };
    let mut status = states::well();
    status.zones = (0..1_000).map(zone).collect();
    status.zones.last_mut().unwrap().serial = None;
    status.sources = (0..1_000).map(source).collect();
    status.changes = std::iter::repeat_n(status.changes[0].clone(), 1_000).collect();
    status.upstreams = std::iter::repeat_n(status.upstreams[0].clone(), 1_000).collect();
    status.recent.entries = std::iter::repeat_n(states::upstream_down().recent.entries[0].clone(), 1_000).collect();
    status.verdict = Verdict { findings: (0..1_000).map(finding).collect(), ..Verdict::default() };
    let html = render(&status, None);
    assert!(html.len() < 500_000, "{} octets", html.len());
    let text = Document::read(&html).text();
    for more in ["980 more findings", "950 more sources", "900 more zones", "950 more upstreams", "950 more changes"] {
        assert!(text.contains(&format!("and {more}")), "{more}");
    }
    assert!(
        text.contains(
            "and 990 more: privatelink-dns status --config /etc/privatelink-dns/privatelink-dns.toml has them"
        )
    );
    assert!(text.contains("z999.example"), "the zone that is not served is among those shown");
}

#[test]
fn a_view_is_one_line_and_a_part_of_it_is_shown_only_if_it_is_wrong() {
    let page = |zones: Vec<ZoneStatus>| {
        let status = Status { zones, ..states::well() };
        Document::read(&render(&status, None)).text()
    };
    let troubled = page(views::tests::troubled(1_000));
    for wanted in [
        "spoke-0000/z.example",
        "spoke-0000 1 of 1 zone SERVFAIL 1 0 0",
        "spoke-0001 1 of 1 zone from the last good copy 1 4 5",
        "spoke-0002 served 1 4 0",
        "and 900 more views",
    ] {
        assert!(troubled.contains(wanted), "{wanted}\n{troubled}");
    }
    assert!(!troubled.contains("spoke-0002/z.example"), "nothing is wrong with it");
    assert!(!page(views::tests::zones(0)).contains("Views"), "there are none");
}

#[test]
fn a_source_and_a_change_say_which_view_they_are_for() {
    let mut status = states::well();
    let view = "spoke-a".parse().ok();
    (status.sources[0].view, status.changes[0].view) = (view.clone(), view);
    let text = Document::read(&render(&status, None)).text();
    for wanted in ["for view spoke-a, file: ", "A in view spoke-a"] {
        assert_eq!(text.matches(wanted).count(), 1, "{wanted}\n{text}");
    }
}

#[test]
fn all_well_reads_so() {
    let html = render(&states::well(), Some(10));
    let read = Document::read(&html).lines();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin/page/tests/well.txt");
    let expected = std::fs::read_to_string(golden).unwrap();
    assert!(read == words(&expected), "the page reads:\n{}", read.join("\n"));
}
