//! The names of ours in a text of any kind, for the question whether a reader has missed one.
//!
//! Input: a text of any length. Output: each longest run of a host name's characters that ends like a name of ours and
//! has an owner in front. Zones themselves, wildcards and what stands in a resource id (`/subscriptions/...`) are not
//! records and so not among them. Whether a run can be a record is asked elsewhere, with [`super::locate()`].

use super::{NotHosted, PRIVATELINK, locate};

/// The names of ours in a text, in its order.
pub fn mentions(text: &str) -> impl Iterator<Item = &str> {
    Mentions { text, at: 0, in_id: false, buffer: String::new() }
}

/// The iterator of [`mentions`]. It looks at every octet once.
struct Mentions<'t> {
    text: &'t str,
    at: usize,
    /// Behind `/subscriptions/` or `/providers/`, up to the end of the word.
    in_id: bool,
    buffer: String,
}

impl<'t> Iterator for Mentions<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if !is_of_name(byte) {
                self.in_id &= !ends_id(byte);
                self.at += 1;
                continue;
            }
            let start = self.at;
            let length = bytes[start..].iter().position(|byte| !is_of_name(*byte)).unwrap_or(bytes.len() - start);
            self.at = start + length;
            let run = &self.text[start..self.at];
            self.in_id |= start > 0 && bytes[start - 1] == b'/' && is_id_label(run);
            let name = run.trim_matches('.');
            // What stands in front may be an owner with a character that no host name has.
            let is_headless = start > 0 && !bytes[start - 1].is_ascii();
            let is_ours = is_ours(name, &mut self.buffer)
                || is_headless && locate(name, &mut self.buffer) == Err(NotHosted::Apex);
            if !self.in_id && is_ours {
                return Some(name);
            }
        }
        None
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// True for what cannot stand in a resource id, which people also put between quotes and commas.
fn ends_id(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'\'' | b',' | b';' | b'|')
}

fn is_id_label(run: &str) -> bool {
    ["subscriptions", "providers"].iter().any(|label| run.eq_ignore_ascii_case(label))
}

fn is_ours(name: &str, buffer: &mut String) -> bool {
    match locate(name, buffer) {
        Err(NotHosted::Elsewhere | NotHosted::Apex) => false,
        // Dots in a row in front of the suffix say that something was cut off; others are prose.
        Err(NotHosted::Truncated) => name.rsplit("..").next().is_some_and(|end| end != name && is_ours_or_apex(end)),
        Err(NotHosted::NoGeo) => name.split('.').next().is_some_and(|first| !first.eq_ignore_ascii_case(PRIVATELINK)),
        Ok(_) | Err(_) => true,
    }
}

fn is_ours_or_apex(end: &str) -> bool {
    !matches!(locate(end.trim_matches('.'), &mut String::new()), Err(NotHosted::Elsewhere))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<&str> {
        mentions(text).collect()
    }

    #[test]
    fn names_of_ours_are_found_in_every_kind_of_text() {
        for (text, name) in [
            ("acct.blob.core.windows.net", "acct.blob.core.windows.net"),
            ("https://Acct.Blob.Core.Windows.Net:443/x", "Acct.Blob.Core.Windows.Net"),
            ("**a.privatelink.queue.core.windows.net.**", "a.privatelink.queue.core.windows.net"),
            (
                "x=1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com,y",
                "1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com",
            ),
            ("\u{200e}a.z33.blob.storage.azure.net\u{200e}", "a.z33.blob.storage.azure.net"),
            ("-a.blob.core.windows.net", "-a.blob.core.windows.net"),
            ("4123...blob.core.windows.net", "4123...blob.core.windows.net"),
            ("a.privatelink.backup.windowsazure.com", "a.privatelink.backup.windowsazure.com"),
            ("zone.\u{180e}z33.blob.storage.azure.net", "z33.blob.storage.azure.net"),
            ("zone\u{180e}.z33.blob.storage.azure.net", "z33.blob.storage.azure.net"),
            ("/subscriptions/1/x a.blob.core.windows.net", "a.blob.core.windows.net"),
        ] {
            assert_eq!(found(text), [name], "{text}");
        }
        assert_eq!(found("a.blob.core.windows.net/b.blob.core.usgovcloudapi.net").len(), 2);
    }

    #[test]
    fn zones_wildcards_ids_and_other_services_are_no_names_of_ours() {
        for text in [
            "privatelink.blob.core.windows.net",
            "blob.core.windows.net.",
            "we.backup.windowsazure.com privatelink.we.backup.windowsazure.com privatelink.backup.windowsazure.com",
            "*.blob.core.windows.net <x>.blob.core.windows.net privatelink.{region}.backup.windowsazure.com",
            "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/a.blob.core.windows.net",
            "a.vault.azure.net acct.file.core.windows.net a.web.core.windows.net.example.com",
            "and so on... x",
            "",
        ] {
            assert!(found(text).is_empty(), "{text}: {:?}", found(text));
        }
    }

    proptest! {
        #[test]
        fn every_name_that_can_be_a_record_is_found(
            before in "[ \",;<>:|\u{e9}(]{0,3}", owner in "[a-z0-9]{1,9}", after in "[ \",;<>:|\u{e9})/]{0,3}",
        ) {
            let name = format!("{owner}.privatelink.blob.core.windows.net");
            let text = format!("{before}{name}{after}");
            prop_assert_eq!(found(&text), [name.as_str()]);
        }
    }
}
