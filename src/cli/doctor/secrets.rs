//! Cuts the secrets out of what goes into a bundle.
//!
//! In: the text of a config. Out: the keys that are known to hold no secret with their values, all other values cut,
//! no comment; nothing of a text that does not parse. And the values that look like secrets, so that they can be cut
//! out of messages that quote them.

use std::collections::BTreeSet;

/// What stands in the place of a secret.
pub(super) const CUT: &str = "<cut>";

/// Parts of the names of keys with secrets.
const WORDS: [&str; 7] = ["secret", "password", "passwd", "passphrase", "token", "credential", "key"];

/// The keys whose values are shown. What is not here is cut: nobody knows what people write into keys of their own.
const KNOWN: &[&str] = &[
    "allow",
    "allowed_targets",
    "approve_group",
    "case_randomization",
    "cert",
    "client_ca",
    "client_id",
    "clients",
    "cloud",
    "control",
    "control_group",
    "enabled",
    "endpoints",
    "errors",
    "format",
    "forwarded",
    "geos",
    "guard_window",
    "handshakes",
    "hosts",
    "identity",
    "idle",
    "interval",
    "kind",
    "lameduck",
    "level",
    "listen",
    "max_connections",
    "max_entries",
    "max_in_flight",
    "max_negative_ttl",
    "max_per_client",
    "max_qps",
    "max_removed",
    "max_ttl",
    "min_ttl",
    "min_version",
    "miss_interval",
    "name",
    "names",
    "negative",
    "nsid",
    "object_id",
    "on_miss",
    "pass_deadline",
    "path",
    "private_dns_zones",
    "probe",
    "public_names",
    "queries",
    "recent",
    "scopes",
    "services",
    "special_names",
    "stale",
    "state_dir",
    "subnets",
    "suffix",
    "tenant",
    "timeout",
    "trusted",
    "ttl",
    "upstreams",
    "vaults",
];

/// Further keys with plain values.
const MORE: &[&str] = &["arm", "authority", "resource_id", "version", "zone_dir"];

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
        let shown = match text.parse::<toml::Table>() {
            Ok(mut table) => {
                collect(&toml::Value::Table(table.clone()), false, &mut values);
                keep_known(&mut table);
                toml::to_string(&table).unwrap_or_default()
            }
            // Which part of it is a secret nobody can tell.
            Err(_) => {
                "# the config is no TOML, so nothing of it is shown; check.json says where it breaks\n".to_owned()
            }
        };
        let mut end = None;
        for line in text.lines() {
            clean_line(line, &mut end, &mut values);
        }
        let mut secrets: Vec<String> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        secrets.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let mut cleaned = Self { text: String::new(), secrets };
        cleaned.text = without_keys(&cleaned.cut(&shown));
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

/// Cuts every value that is not known to be plain.
fn keep_known(table: &mut toml::Table) {
    for (key, value) in table.iter_mut() {
        match value {
            toml::Value::Table(inner) => keep_known(inner),
            toml::Value::Array(items) if items.iter().all(toml::Value::is_table) => {
                items.iter_mut().filter_map(toml::Value::as_table_mut).for_each(keep_known);
            }
            toml::Value::String(path) if is_file(key, path) => {}
            _ if !is_known(key) => *value = CUT.into(),
            toml::Value::String(text) => *text = without_access(text),
            toml::Value::Array(items) => {
                for item in items {
                    *item = item.as_str().map(without_access).map_or_else(|| item.clone(), Into::into);
                }
            }
            _ => {}
        }
    }
}

/// Whether a value is the path of a secret's file, and not the secret itself in its place.
fn is_file(key: &str, path: &str) -> bool {
    ["secret_file", "certificate_file"].contains(&key) && std::path::Path::new(path).is_file()
}

fn is_known(key: &str) -> bool {
    KNOWN.contains(&key) || MORE.contains(&key)
}

/// A URL without who asks and what for: the rest of a text behind `?`, and what stands before `@`.
fn without_access(text: &str) -> String {
    let text = text.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = text.split_once("://") else {
        return if text.lines().count() > 1 { CUT.to_owned() } else { text.to_owned() };
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
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

/// The values of such a key in a line, comments too. `end` is what ends a value of several lines.
fn clean_line(line: &str, end: &mut Option<&'static str>, values: &mut BTreeSet<String>) {
    if let Some(mark) = *end {
        values.extend(quoted(line));
        values.insert(line.trim().to_owned());
        if line.contains(mark) {
            *end = None;
        }
        return;
    }
    let Some(value) = secret_value(line) else { return };
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
}

/// What stands behind the first `secret... =` in a line.
fn secret_value(line: &str) -> Option<&str> {
    line.match_indices('=').find_map(|(at, _)| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let start = key.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).map_or(0, |at| at + 1);
        let (key, value) = (&key[start..], &line[at + 1..]);
        (is_secret(key) && !is_path(key, value)).then_some(value)
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
        for text in [FULL.to_owned(), format!("{FULL}\nbroken = [\n")] {
            let cleaned = Cleaned::of(&text);
            for secret in SECRETS {
                assert!(!cleaned.text.contains(secret), "{secret} is left in:\n{}", cleaned.text);
            }
        }
        let whole = Cleaned::of(FULL).text;
        for kept in ["nsid = \"dns-a\"", "name = \"k1\"", "name = \"vault\""] {
            assert!(whole.contains(kept), "{kept} is lost in:\n{whole}");
        }
        assert!(!whole.contains('#'), "a comment is left in:\n{whole}");
    }

    #[test]
    fn only_what_is_known_to_be_plain_is_shown() {
        let text = r#"
# old client secret: Abc8Q~xyz.secretvalue-0
listen = ["127.0.0.1:53"] # pw: hunter2
arm = "https://armuser:ARMPASS1@arm.example/x?sig=ab%2Fcd"
invented = "tr-ICKY"
"sec\u0072et" = "hidden-7"
secret_file = "Sec8Q~/with-slash"
certificate_file = """-----BEGIN PRIVATE KEY-----
MIIE/+==
"""
path = "https://x.example/c?sv=1&sig=ab"
[x.credentials]
name = "plain"
user = "u-8"
"#;
        let cleaned = Cleaned::of(text).text;
        for secret in ["Abc8Q", "hunter2", "ARMPASS1", "armuser", "sig=", "tr-ICKY", "hidden-7", "Sec8Q", "MIIE", "u-8"]
        {
            assert!(!cleaned.contains(secret), "{secret} is left in:\n{cleaned}");
        }
        for kept in ["127.0.0.1:53", "https://arm.example/x", "https://x.example/c"] {
            assert!(cleaned.contains(kept), "{kept} is lost in:\n{cleaned}");
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
