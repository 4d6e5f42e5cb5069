use std::path::Path;

use crate::diag::{Diagnostic, Id, Severity};
use crate::sync::source::{Entry, Format, Gap, Listing, SourceError, parse};

const NAME: &str = "fqdn = \"a.blob.core.windows.net\"\n";
const ADDRESS: &str = "address = \"10.0.0.4\"\n";
const ENDPOINT: &str = "private_endpoint = \"rg/pe-1\"\n";

fn read(text: &str) -> Result<Listing, SourceError> {
    parse("s", Path::new("l.toml"), Format::Toml, text.as_bytes().to_vec())
}

fn entry(keys: &[&str]) -> String {
    format!("[[endpoint]]\n{}", keys.concat())
}

fn problem(text: &str) -> (Id, String) {
    let SourceError(problems) = read(text).unwrap_err();
    let first: Diagnostic = problems.shown()[0].clone();
    (first.id, first.to_string())
}

/// The one warning or note.
fn said(listing: &Listing) -> (Severity, Id, String) {
    let [only] = listing.warnings.shown() else { panic!("{:?}", listing.warnings) };
    (only.severity, only.id, only.to_string())
}

#[test]
fn an_entry_may_name_its_endpoint_and_its_states() {
    let text = entry(&[NAME, ADDRESS, ENDPOINT, "connection = \" approved\"\nprovisioning = \"Succeeded\"\n"]);
    let listing = read(&text).unwrap();
    let all: Vec<Entry<'_>> = listing.entries().collect();
    assert_eq!((all.len(), all[0].line, all[0].endpoint), (1, 2, Some("rg/pe-1")));
    assert!(listing.warnings.is_empty() && listing.gaps.is_empty());
    let failed = read(&entry(&[NAME, ADDRESS, ENDPOINT, "provisioning = \"Failed\"\n"])).unwrap();
    assert_eq!((failed.len(), said(&failed).1), (1, Id::LIST_PROVISIONING));
}

#[test]
fn whatever_is_not_approved_is_not_published_and_a_note_says_so() {
    for state in ["Pending", "Rejected", " disconnected ", "Removed", "SomethingNew"] {
        let connection = format!("connection = \"{state}\"\n");
        for keys in [&[ENDPOINT, &connection][..], &[NAME, ENDPOINT, &connection], &[NAME, ADDRESS, &connection]] {
            let listing = read(&entry(keys)).unwrap();
            let (severity, id, text) = said(&listing);
            assert_eq!((severity, id), (Severity::Note, Id::LIST_NOT_CONNECTED), "{text}");
            assert!(listing.is_empty() && listing.gaps.is_empty());
        }
    }
    let listing = read(&entry(&[ENDPOINT, "connection = \"Pending\"\n"])).unwrap();
    let expected = "l.toml:2: private endpoint 'rg/pe-1' is not published: the connection is Pending, not Approved";
    assert_eq!(said(&listing).2, expected);
}

#[test]
fn an_endpoint_without_names_or_addresses_is_a_gap_of_that_endpoint() {
    let gap = vec![Gap::Endpoint("rg/pe-1".into())];
    for keys in [
        &[ENDPOINT][..],
        &[NAME, ENDPOINT],
        &[ADDRESS, ENDPOINT],
        &[NAME, "addresses = []\n", ENDPOINT],
        &["fqdn = \" \"\n", ADDRESS, ENDPOINT],
    ] {
        let listing = read(&entry(keys)).unwrap();
        let (severity, id, text) = said(&listing);
        assert_eq!((severity, id), (Severity::Warning, Id::LIST_INCOMPLETE), "{text}");
        assert_eq!((&listing.gaps, listing.len()), (&gap, 0));
    }
    let updating = read(&entry(&[ENDPOINT, "provisioning = \"Updating\"\n"])).unwrap();
    assert_eq!((said(&updating).0, &updating.gaps), (Severity::Note, &gap), "as it should be, so no warning");
}

#[test]
fn a_name_alone_and_an_address_alone_are_refused_with_their_line() {
    assert_eq!(
        problem(&entry(&["\n", NAME])),
        (
            Id::LIST_NO_ADDRESS,
            "l.toml:3: 'a.blob.core.windows.net' has no address: write it beside the name, as address = \"10.0.0.4\""
                .to_owned()
        )
    );
    let nameless = "an entry without a name: write fqdn and address";
    for text in [entry(&[ADDRESS]), entry(&[]), entry(&["private_endpoint = \"\"\n"]), "endpoint = [{}]".to_owned()] {
        let (id, said) = problem(&text);
        assert!(id == Id::LIST_NO_NAME && said.ends_with(nameless), "{said}");
    }
    for keys in [&[NAME, "address = \"x\"\n"][..], &[ENDPOINT, "address = \"x\"\n"], &[NAME, "addresses = [\"x\"]\n"]] {
        assert_eq!(problem(&entry(keys)).0, Id::LIST_BAD_ADDRESS);
    }
    assert_eq!(problem(&entry(&[NAME, ADDRESS, "states = \"x\"\n"])).0, Id::LIST_SYNTAX);
}

#[test]
fn a_list_that_says_that_it_is_empty_is_as_good_as_any() {
    for text in ["endpoint = []\n", "# nothing\nendpoints = []", &entry(&[ENDPOINT, "connection = \"Pending\"\n"])] {
        let listing = read(text).unwrap();
        assert!(listing.is_empty() && listing.gaps.is_empty());
        assert!(listing.warnings.shown().iter().all(|found| found.id != Id::LIST_EMPTY), "{text}");
    }
    for text in ["", "# nothing\n"] {
        assert_eq!(said(&read(text).unwrap()).1, Id::LIST_EMPTY, "{text}");
    }
}

#[test]
fn every_entry_has_its_own_line_whatever_the_order_of_its_keys() {
    let text = [entry(&[ADDRESS, NAME]), entry(&[ENDPOINT, ADDRESS, NAME]), entry(&[ADDRESS]), entry(&[NAME])].concat();
    let SourceError(problems) = read(&text).unwrap_err();
    let lines: Vec<String> = problems.shown().iter().map(ToString::to_string).collect();
    assert!(lines[0].starts_with("l.toml:8: an entry") && lines[1].starts_with("l.toml:11: "), "{lines:?}");
}
