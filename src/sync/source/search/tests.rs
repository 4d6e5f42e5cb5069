//! Accounts in the texts of lists.

use super::*;
use crate::sync::source::Format;

const BLOB: &str = "a1.privatelink.blob.core.windows.net";

fn found(text: &[u8], label: &str) -> Vec<Found> {
    let mut found = Vec::new();
    search_list(Path::new("we.txt"), text.to_vec(), label, &mut found);
    found
}

#[test]
fn an_account_is_found_in_every_spelling_with_the_record_that_is_meant() {
    for text in [
        "10.1.0.5 a1.blob.core.windows.net",
        "10.1.0.5\tA1.privatelink.blob.core.windows.net.",
        "a1.z33.blob.storage.azure.net 10.1.0.5",
        "a1 \t privatelink.blob.core.windows.net \t 10.1.0.5",
        "{\"fqdn\": \"a1.blob.core.windows.net\", \"ipAddresses\": [\"10.1.0.5\"]}",
        "| a1 | blob.core.windows.net | 10.1.0.5 |",
        "see https://a1.blob.core.windows.net/c",
    ] {
        let [one] = &found(text.as_bytes(), "a1")[..] else { panic!("{text}") };
        assert_eq!((one.record.as_deref(), one.service, one.line), (Some(BLOB), Some(Service::Blob), 1), "{text}");
        assert!(!one.is_comment, "{text}");
    }
    let utf16: Vec<u8> =
        "\u{feff}\r\na1.blob.core.windows.net 10.1.0.5\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(found(&utf16, "a1")[0].line, 2);
}

#[test]
fn only_the_whole_label_is_found() {
    for text in ["xa1.blob.core.windows.net", "a1x.blob.core.windows.net", "a1-b a-a1 a1_", "b1"] {
        assert_eq!(found(text.as_bytes(), "a1"), [], "{text}");
    }
    let [one] = &found(b"the account a1 is new", "a1")[..] else { panic!() };
    assert_eq!((&one.record, one.service), (&None, None));
    assert_eq!(found(b"a1", ""), []);
}

#[test]
fn comments_are_told_from_lines_that_count() {
    for (text, is_comment) in [
        ("# 10.1.0.5 a1.blob.core.windows.net", true),
        ("  ; a1.blob.core.windows.net", true),
        ("// a1.blob.core.windows.net", true),
        ("10.1.0.6 b.blob.core.windows.net # and a1.blob.core.windows.net", true),
        ("10.1.0.5 a1.blob.core.windows.net # new", false),
    ] {
        assert_eq!(found(text.as_bytes(), "a1")[0].is_comment, is_comment, "{text}");
    }
}

#[test]
fn a_text_that_cannot_be_decoded_is_searched_as_far_as_it_is_plain() {
    let found = found(b"\xff\xff\x00\na1.blob.core.windows.net 10.1.0.5\n", "a1");
    assert_eq!((found[0].line, found[0].record.as_deref()), (2, Some(BLOB)));
}

#[test]
fn the_places_of_a_source_are_bounded_and_a_missing_list_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("we.txt");
    let source = Settings { name: "we".to_owned(), path: path.clone(), kind: Kind::Files(Format::Auto), view: None };
    assert!(search(&source, "a1").unwrap_err().contains("we.txt"));
    crate::files::replace(folder.path(), "we.txt", ".tmp", 0o600, "a1.blob.core.windows.net\n".repeat(1000).as_bytes())
        .unwrap();
    let found = search(&source, "a1").unwrap();
    assert_eq!(found.len(), MAX_FOUND);
    assert!(found[0].file.ends_with("we.txt"));
}
