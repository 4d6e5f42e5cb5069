//! The sample config has every key, and behind `#` the defaults: `config/privatelink-dns.toml` is the reference.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use privatelink_dns::config::Config;

const SAMPLE: &str = include_str!("../../config/privatelink-dns.toml");

/// Keys and tables that the sample shows by an example, since they have no default or one that depends on something
/// else.
const EXAMPLES: [&str; 28] = [
    "control_group",
    "approve_group",
    "nsid",
    "version",
    "trusted",
    "secrets",
    "allow",
    "hosts",
    "probe",
    "max_in_flight",
    "max_qps",
    "rpz",
    "catalog",
    "address",
    "key",
    "zones",
    "secret_file",
    "[tls]",
    "[dot]",
    "[doh]",
    "[ddr]",
    "[[keys]]",
    "clients",
    "sources",
    "[[peers]]",
    "[[views]]",
    "[[forward.rules]]",
    "[[zones]]",
];

/// Keys in whose place the sample shows another one, and says so: only one of them may be set.
const INSTEAD: [&str; 2] = ["object_id", "resource_id"];

/// A key that no key is like.
const UNKNOWN: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

/// The key or the table's header that a line has behind its `#`.
fn hidden(line: &str) -> Option<&str> {
    let shown = line.strip_prefix("# ")?;
    let word = shown.split([' ', '=']).next()?;
    let is_key =
        word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && shown[word.len()..].trim_start().starts_with('=');
    (is_key || word.starts_with('[') && word.ends_with(']')).then_some(word)
}

/// The sample with the lines that are wanted in front of their `#`.
fn sample(is_wanted: impl Fn(&str) -> bool) -> String {
    let mut wants_table = true;
    let line = |line: &str| {
        let Some(word) = hidden(line) else { return format!("{line}\n") };
        if word.starts_with('[') {
            wants_table = is_wanted(word);
        }
        format!("{}\n", if wants_table && is_wanted(word) { &line[2..] } else { line })
    };
    SAMPLE.lines().map(line).collect()
}

fn read(text: &str) -> (Config, Vec<String>) {
    let (config, problems) = Config::parse(Path::new("/srv/config/privatelink-dns.toml"), text);
    (config, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_keys_behind_a_hash_are_the_defaults() {
    let is_default = |word: &str| !EXAMPLES.contains(&word) && !word.starts_with("[[");
    let (shown, problems) = read(&sample(is_default));
    assert_eq!(problems, [""; 0]);
    let (shown, default) = (format!("{shown:#?}"), format!("{:#?}", read(SAMPLE).0));
    let differ: Vec<_> = shown.lines().zip(default.lines()).filter(|(shown, default)| shown != default).collect();
    assert_eq!(differ, [("", ""); 0], "the sample, the default");
    assert_eq!(shown, default);
}

#[test]
fn the_sample_has_every_key_that_there_is() {
    let whole = sample(|_| true).replace("<32 hex digits>", "00112233445566778899aabbccddeeff");
    assert_eq!(read(&whole).1, [""; 0], "its examples are good");
    let unknown = format!("{UNKNOWN} = 1");
    let (mut text, mut title) = (vec![unknown.as_str()], "the top level".to_owned());
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in whole.lines() {
        text.push(line);
        let word = line.split([' ', '=']).next().unwrap_or_default();
        if word.starts_with('[') {
            let path = word.trim_matches(['[', ']']);
            let (table, name) = path
                .rsplit_once('.')
                .map_or(("the top level".to_owned(), path), |(table, name)| (format!("[{table}]"), name));
            keys.entry(table).or_default().insert(name.to_owned());
            word.clone_into(&mut title);
            text.push(&unknown);
        } else if !word.starts_with('#') {
            keys.entry(title.clone()).or_default().insert(word.to_owned());
        }
    }
    let known = format!("unknown key '{UNKNOWN}' in ");
    let problems = read(&text.join("\n")).1;
    assert!(problems.len() > 10, "{problems:?}");
    for problem in problems {
        let (_, rest) = problem.split_once(&known).unwrap_or_else(|| panic!("{problem}"));
        let (table, all) = rest.split_once("; known keys: ").unwrap_or_else(|| panic!("{problem}"));
        for key in all.split(", ").filter(|key| *key != UNKNOWN) {
            if INSTEAD.contains(&key) && SAMPLE.contains(key) {
                continue;
            }
            assert!(keys.get(table).is_some_and(|shown| shown.contains(key)), "{key} of {table} is not in the sample");
        }
    }
}
