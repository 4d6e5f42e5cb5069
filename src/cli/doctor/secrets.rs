//! Cuts the secrets out of what goes into a bundle.
//!
//! In: the text of a config, whole or broken. Out: the same text without the values of keys whose names speak of
//! secrets, in comments too, without anything that looks like a key, and the values themselves, so that they can be
//! cut out of messages that quote them.

use std::collections::BTreeSet;

/// What stands in the place of a secret.
pub(super) const CUT: &str = "<cut>";

/// Parts of the names of keys with secrets.
const WORDS: [&str; 7] = ["secret", "password", "passwd", "passphrase", "token", "credential", "key"];

/// Characters of a word without a dot, hyphen or slash that may be a key: 128 bits in hexadecimal.
const LONG: usize = 24;

/// A shorter value stands in too many other places to be cut out of them.
const SHORTEST: usize = 4;

/// A config without its secrets.
#[derive(Debug, Default)]
pub(super) struct Cleaned {
    /// The text.
    pub(super) text: String,
    /// The values that were cut, the longest first.
    secrets: Vec<String>,
}

impl Cleaned {
    /// Of the text of a config.
    pub(super) fn of(text: &str) -> Self {
        let mut values = BTreeSet::new();
        if let Ok(table) = text.parse::<toml::Table>() {
            collect(&toml::Value::Table(table), false, &mut values);
        }
        let mut lines = Vec::new();
        let mut end = None;
        for line in text.lines() {
            lines.push(clean_line(line, &mut end, &mut values));
        }
        let mut secrets: Vec<String> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        secrets.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let mut cleaned = Self { text: String::new(), secrets };
        cleaned.text = without_keys(&cleaned.cut(&(lines.join("\n") + "\n")));
        cleaned
    }

    /// Another text without the same secrets, as they are and as JSON writes them.
    pub(super) fn cut(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            let quoted = serde_json::to_string(secret).unwrap_or_default();
            for form in [quoted.trim_matches('"'), secret] {
                if !form.is_empty() {
                    text = text.replace(form, CUT);
                }
            }
        }
        text
    }
}

/// Whether the name of a key speaks of a secret.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    WORDS.iter().any(|word| key.contains(word))
}

/// A path is no secret; whoever writes the secret itself where its file belongs has no slash in it, most likely.
fn is_path(key: &str, value: &str) -> bool {
    key.to_ascii_lowercase().ends_with("_file") && value.contains('/')
}

/// Every value below a key with such a name.
fn collect(value: &toml::Value, is_below: bool, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let is_kept = value.as_str().is_some_and(|text| is_path(key, text));
                collect(value, (is_below || is_secret(key)) && !is_kept, found);
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| collect(value, is_below, found)),
        toml::Value::String(text) if is_below => {
            found.insert(text.clone());
            // Its lines stand alone in the file.
            found.extend(text.lines().map(str::to_owned));
        }
        other if is_below => drop(found.insert(other.to_string())),
        _ => {}
    }
}

/// A line without the value of such a key. `end` is what ends a value of several lines.
fn clean_line(line: &str, end: &mut Option<&'static str>, values: &mut BTreeSet<String>) -> String {
    if let Some(mark) = *end {
        values.extend(quoted(line));
        values.insert(line.trim().to_owned());
        if line.contains(mark) {
            *end = None;
        }
        return CUT.to_owned();
    }
    let Some((at, value)) = secret_value(line) else { return line.to_owned() };
    values.extend(quoted(value));
    let value = value.trim_start();
    let opens = |mark: &str| value.starts_with(mark) && !value[mark.len()..].contains(mark);
    *end = if opens("\"\"\"") {
        Some("\"\"\"")
    } else if opens("'''") {
        Some("'''")
    } else {
        (value.starts_with('[') && !value.contains(']')).then_some("]")
    };
    format!("{} {CUT}", &line[..at])
}

/// The end of the first `secret... =` in a line, and what stands behind it.
fn secret_value(line: &str) -> Option<(usize, &str)> {
    line.match_indices('=').find_map(|(at, _)| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let start = key.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).map_or(0, |at| at + 1);
        let (key, value) = (&key[start..], &line[at + 1..]);
        (is_secret(key) && !is_path(key, value)).then_some((at + 1, value))
    })
}

/// The texts in quotes.
fn quoted(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for mark in ['"', '\''] {
        found.extend(text.split(mark).skip(1).step_by(2).map(str::to_owned));
    }
    found
}

/// The text without long words of letters and digits: nobody's names are like that, and keys are.
fn without_keys(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+=_~".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|c: char| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(length);
        let is_key = length >= LONG && word.bytes().any(|byte| byte.is_ascii_digit());
        out.push_str(before);
        out.push_str(if is_key { CUT } else { word });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
nsid = "dns-a"
[cookies]
secrets = ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"]
# secrets = ["0badc0de0badc0de0badc0de0badc0de"]
[[keys]]
name = "k1"
secret = 'c2VjcmV0LW9mLXRzaWc='
"quoted token" = "tok-en-1"
[[sources]]
name = "vault"
inline = { password = "pass-word-2", path = "lists/a.txt" }
secret_file = "config/keys/secret"
client.secret = """
line-one-3
line-two-4"""
passphrase = [
  "open-sesame-5",
  'open-barley-6',
]
# an old one: 9f8e7d6c5b4a39281706f5e4d3c2b1a0
"#;

    const SECRETS: [&str; 12] = [
        "00112233445566778899aabbccddeeff",
        "ffeeddccbbaa99887766554433221100",
        "0badc0de0badc0de0badc0de0badc0de",
        "c2VjcmV0LW9mLXRzaWc=",
        "tok-en-1",
        "pass-word-2",
        "line-one-3",
        "line-two-4",
        "open-sesame-5",
        "open-barley-6",
        "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "sesame",
    ];

    #[test]
    fn no_secret_of_a_config_full_of_them_is_left() {
        // What cannot be parsed is cleaned line by line.
        for text in [FULL.to_owned(), format!("{FULL}\nbroken = [\n")] {
            let cleaned = Cleaned::of(&text);
            for secret in SECRETS {
                assert!(!cleaned.text.contains(secret), "{secret} is left in:\n{}", cleaned.text);
            }
            for kept in ["nsid = \"dns-a\"", "name = \"k1\"", "config/keys/secret", "name = \"vault\"", "# an old one:"]
            {
                assert!(cleaned.text.contains(kept), "{kept} is lost in:\n{}", cleaned.text);
            }
        }
    }

    #[test]
    fn a_message_that_quotes_a_secret_loses_it_too() {
        let cleaned = Cleaned::of("[cookies]\nsecrets = [\"not \\\"hex\\\" at all\"]\n");
        let message = r#"{"text":"'not \"hex\" at all' is no secret"}"#;
        assert_eq!(cleaned.cut(message), "{\"text\":\"'<cut>' is no secret\"}");
        assert_eq!(cleaned.cut("'not \"hex\" at all'"), "'<cut>'");
    }
}
