//! JSON in strings: `CustomDnsConfigsText` holds as JSON what `CustomDnsConfigs` may have lost to PowerShell's depth
//! limit.

use std::collections::HashMap;

use super::arena::Node;

/// Keys of an object whose values stand in a string beside them too, in lower case. Looked up once for each property,
/// of which there may be as many as there are octets.
pub(super) struct Twins(HashMap<String, bool>);

impl Twins {
    pub(super) fn of(object: Node<'_>) -> Self {
        let mut known = HashMap::new();
        for child in object.children() {
            let key = child.key();
            if let Some(of) = key.len().checked_sub(TEXT_SUFFIX.len()).filter(|_| is_text_key(key)) {
                // The first of equal keys counts, as for all others.
                let replaces = || child.string().is_some_and(is_json_text);
                known.entry(key[..of].to_ascii_lowercase()).or_insert_with(replaces);
            }
        }
        Self(known)
    }

    /// True if the text is to be read instead of the value with this key.
    pub(super) fn replace(&self, key: &str) -> bool {
        !self.0.is_empty() && self.0.get(&key.to_ascii_lowercase()).is_some_and(|replaces| *replaces)
    }
}

/// The end of the key of such a string, in lower case.
const TEXT_SUFFIX: &str = "text";

fn is_text_key(key: &str) -> bool {
    key.len() > TEXT_SUFFIX.len()
        && key.get(key.len() - TEXT_SUFFIX.len()..).is_some_and(|end| end.eq_ignore_ascii_case(TEXT_SUFFIX))
}

/// The JSON in the string beside a value.
pub(super) fn json_in_string<'a>(key: &str, node: Node<'a>) -> Option<&'a str> {
    node.string().filter(|text| is_text_key(key) && is_json_text(text))
}

fn is_json_text(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}
