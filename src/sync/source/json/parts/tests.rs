use std::path::Path;

use proptest::prelude::*;

use super::super::read_with;
use crate::sync::source::listing::{Entry, Gap, ListingBuilder};
use crate::sync::source::{Listing, SourceError};

/// Elements of every kind: records, labels, endpoints with and without names, names that the list gives again
/// elsewhere, things of others, strings with all that means something outside of them, and faults.
const ELEMENTS: [&str; 27] = [
    r#"{"fqdn": "a.blob.core.windows.net", "ip": "10.0.0.4"}"#,
    r#"{"fqdn": "a.blob.core.windows.net", "ip": "10.0.0.5"}"#,
    r#"{"fqdn": "b.blob.core.windows.net", "ipAddresses": ["10.0.0.6", "fd00::6"]}"#,
    "{\n  \"fqdn\": \"c.queue.core.windows.net\",\n  \"ipAddresses\": [\n    \"10.0.0.7\"\n  ]\n}",
    r#"{"name": "pe-1", "customDnsConfigs": [], "type": "Microsoft.Network/privateEndpoints"}"#,
    r#"{"name": "pe-1", "customDnsConfigs": [{"fqdn": "d.blob.core.windows.net", "ipAddresses": ["10.0.0.8"]}]}"#,
    r#"{"name": "pe-2", "customDnsConfigs": [{"fqdn": "e.blob.core.windows.net", "ipAddresses": ["10.0.0.9"]}]}"#,
    r#"{"privateEndpoint": {"id": "/x/privateEndpoints/pe-3"}, "privateIPAddress": "10.0.0.12", "privateLinkConnectionProperties": {"fqdns": ["f.blob.core.windows.net", "g.queue.core.windows.net"]}}"#,
    r#"{"name": "pe-3", "privateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Pending"}}], "customDnsConfigs": []}"#,
    r#"{"name": "pe-3", "privateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Approved"}}], "customDnsConfigs": []}"#,
    r#"{"note": "a.blob.core.windows.net"}"#,
    r#"{"note": "x.blob.core.windows.net"}"#,
    r#"{"fqdn": "b.blob.core.windows.net", "status": "Pending", "ip": "10.0.0.6"}"#,
    r#"{"fqdn": "b.blob.core.windows.net"}"#,
    r#"{"fqdn": "", "ip": "10.0.0.6"}"#,
    r#"{"fqdn": "vault.example.net", "ip": "10.0.0.6", "text": "], [\", \\"}"#,
    r#"{"CustomDnsConfigsText": "[{\"fqdn\": \"t.blob.core.windows.net\", \"ip\": \"10.0.0.3\"}]"}"#,
    r#"{"fqdn": "ex\u0061mple.blob.core.windows.net", "ip": "10.0.0.10"}"#,
    r#"["row.blob.core.windows.net", "10.0.0.11"]"#,
    r#""alone.blob.core.windows.net""#,
    "/* ], { */ null // a comment, with [\n",
    "{\"a\": [1, 2, [3, {}], \"]\"]}",
    r#"{"nextLink": "https://example.com/2"}"#,
    r#"{"fqdn": "a.blob.core.windows.net", "ip": "10.0.0.300"}"#,
    "{]",
    "\"open",
    "1 2",
];

/// The elements before this one are no faults.
const GOOD: usize = 23;

/// What a list is to everybody else.
#[derive(Debug, PartialEq)]
enum Read {
    Good(Vec<String>, Vec<String>, Vec<Gap>),
    Refused(String, usize),
}

fn builder() -> ListingBuilder {
    ListingBuilder::new("s", Path::new("list.json"))
}

fn in_parts(text: &str, parts: usize) -> Read {
    let mut out = builder();
    read_with(text, parts, &mut out);
    match out.finish() {
        Ok(listing) => good(&listing),
        Err(SourceError(problems)) => Read::Refused(problems.to_string(), problems.total()),
    }
}

fn good(listing: &Listing) -> Read {
    let entry = |entry: Entry<'_>| format!("{entry:?}");
    let warnings = listing.warnings.lines();
    Read::Good(listing.entries().map(entry).collect(), warnings, listing.gaps.clone())
}

fn array(elements: &[&str], separator: &str, behind: &str) -> String {
    format!("# above\n[\n{}\n]{behind}", elements.join(separator))
}

/// True if the text was read in parts and not from its start to its end.
fn is_in_parts(text: &str, parts: usize) -> bool {
    super::read(text, text.find('[').unwrap(), parts, &mut builder()).is_some()
}

proptest! {
    #[test]
    fn a_list_in_parts_is_the_whole_list(
        elements in prop::collection::vec(prop::sample::select(&ELEMENTS[..GOOD]), 0..40),
        separator in prop::sample::select(vec![",", ",\n", "\n, // x, ]\n"]),
        behind in prop::sample::select(vec!["", "\n# more\n[{\"fqdn\": \"z.blob.core.windows.net\", \"ip\": \"10.9.0.1\"}]"]),
        parts in 2..6_usize,
    ) {
        let text = array(&elements, separator, behind);
        prop_assert_eq!(in_parts(&text, parts), in_parts(&text, 1), "{}", text);
    }

    #[test]
    fn a_bad_list_in_parts_is_refused_like_the_whole_list(
        mut elements in prop::collection::vec(prop::sample::select(&ELEMENTS[..]), 1..20),
        (bad, at) in (prop::sample::select(&ELEMENTS[GOOD..]), 0..20_usize),
        (cut, parts) in (0..400_usize, 2..6_usize),
    ) {
        elements.insert(at.min(elements.len()), bad);
        let text = array(&elements, ",", "");
        prop_assert_eq!(in_parts(&text, parts), in_parts(&text, 1), "{}", text);
        let cut = text.get(..text.len().saturating_sub(cut)).unwrap_or_default();
        prop_assert_eq!(in_parts(cut, parts), in_parts(cut, 1), "{}", cut);
    }
}

#[test]
fn a_long_array_is_read_in_parts_and_a_broken_one_is_not() {
    let records = |extra: &str| {
        let all: Vec<String> =
            (0..50).map(|n| format!("{{\"fqdn\": \"a{n}.blob.core.windows.net\", \"ip\": \"10.0.0.{n}\"}}")).collect();
        format!("[{}{extra}]", all.join(","))
    };
    for parts in 2..6 {
        assert!(is_in_parts(&records(""), parts) && is_in_parts(&records(","), parts));
        assert!(is_in_parts(&records(", {\"fqdn\": \"x\", \"ip\": \"10.0.0.300\"}"), parts), "a bad entry is an entry");
        for broken in [",{", ",,1", " 1", ",\"", ",{]"] {
            assert!(!is_in_parts(&records(broken), parts), "{broken}");
        }
    }
    assert!(!is_in_parts("[]", 4) && !is_in_parts("[1]", 4) && !is_in_parts("[[1, 2, 3, 4, 5, 6]]", 4));
}

#[test]
fn a_comma_that_is_none_of_the_array_ends_no_part() {
    // Quotes that the reader does not take as such hide what stands between them.
    for text in ["['\"', 1, 2, '\"', 3, 4]", "[1, 2, /* 3, \" */ 4, 5, 6]", "[[1, 2, 3], [4, 5, 6]], 7, 8]"] {
        for parts in 2..6 {
            assert_eq!(in_parts(text, parts), in_parts(text, 1), "{text}");
        }
    }
}

#[test]
fn more_open_questions_than_are_kept_are_counted_as_in_one_part() {
    let alone: Vec<String> = (0..3000).map(|n| format!("{{\"note\": \"x{n}.blob.core.windows.net\"}}")).collect();
    let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
    let (few, many) = (array(&alone, ",", ""), array(&[&alone[..], &alone[..]].concat(), ",", ""));
    assert!(is_in_parts(&few, 2) && !is_in_parts(&many, 2));
    assert_eq!(in_parts(&few, 2), in_parts(&few, 1));
    assert_eq!(in_parts(&many, 2), in_parts(&many, 1));
}
