//! The man pages in `packaging/man` are those that are made here: the overview and a page for each verb from the
//! command line as clap knows it, the page of the config from the sample config. `cargo xtask man` writes them.
//!
//! A page has no date and nothing of the machine that made it, so that two builds have equal pages.

mod config;
mod overview;
mod page;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/man");

/// Set, it has the test write the pages.
const WRITE: &str = "UPDATE_MAN";

/// All pages, by the names of their files.
fn pages() -> BTreeMap<String, String> {
    let mut program = privatelink_dns::cli::command().disable_help_subcommand(true);
    program.build();
    let verbs = program.get_subcommands().map(|verb| {
        let name = verb.get_name();
        (format!("privatelink-dns-{name}.8"), verbs::page(verb))
    });
    let mut pages: BTreeMap<_, _> = verbs.collect();
    pages.insert("privatelink-dns.8".to_owned(), overview::page(&program));
    pages.insert("privatelink-dns.toml.5".to_owned(), config::page());
    pages
}

/// The pages on disk.
fn written() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().map(Result::unwrap);
    let read = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(read).collect()
}

/// What a page on disk is, if it is not as it should be.
fn difference(wanted: Option<&String>, found: Option<&String>) -> Option<String> {
    match (wanted, found) {
        (Some(_), None) => Some("is missing".to_owned()),
        (None, _) => Some("belongs to no verb".to_owned()),
        (Some(wanted), Some(found)) if wanted == found => None,
        (Some(wanted), Some(found)) => {
            let number = wanted.lines().zip(found.lines()).take_while(|(wanted, found)| wanted == found).count();
            let line = |text: &str| text.lines().nth(number).unwrap_or("the end").to_owned();
            Some(format!("line {} should be '{}' and is '{}'", number + 1, line(wanted), line(found)))
        }
    }
}

#[test]
fn the_man_pages_are_those_of_the_verbs_and_of_the_sample_config() {
    let wanted = pages();
    if std::env::var_os(WRITE).is_some() {
        let folder = Path::new(FOLDER);
        std::fs::create_dir_all(folder).unwrap();
        for name in written().keys().filter(|name| !wanted.contains_key(*name)) {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        for (name, text) in &wanted {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    let found = written();
    let names: BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    let wrong: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((name, difference(wanted.get(name), found.get(name))?)))
        .map(|(name, why)| format!("packaging/man/{name}: {why}"))
        .collect();
    assert!(wrong.is_empty(), "{}\nto write the pages anew, run: cargo xtask man", wrong.join("\n"));
}

#[test]
fn a_page_that_is_missing_one_that_differs_and_one_too_many_are_named() {
    let (page, other) = ("a\nb\n".to_owned(), "a\nc\n".to_owned());
    assert_eq!(difference(Some(&page), Some(&page)), None);
    assert_eq!(difference(Some(&page), None).unwrap(), "is missing");
    assert_eq!(difference(None, Some(&page)).unwrap(), "belongs to no verb");
    assert_eq!(difference(Some(&page), Some(&other)).unwrap(), "line 2 should be 'b' and is 'c'");
}

#[test]
fn every_page_that_a_page_points_to_is_there() {
    let pages = pages();
    for (name, text) in &pages {
        for word in text.replace("\\-", "-").replace("\\fR", "").split(|c: char| c.is_whitespace() || c == ',') {
            let Some(at) = word.find("privatelink-dns").filter(|_| word.contains('(')) else { continue };
            let target = word[at..].replace('(', ".").replace([')', '.'], " ").trim().replace(' ', ".");
            assert!(pages.contains_key(&target), "{name} points to {target}");
        }
    }
}
