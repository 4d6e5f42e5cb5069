//! The README's examples are true: each `console` block is run, line by line.
//!
//! In such a block a line that starts with `$ ` is a command, and the lines below it must each appear in what it
//! prints, with `...` for anything. `cargo run --release --` becomes the binary under test, `-p 5300` its real
//! port; a `serve` runs until the end of the README.

use std::process::Command;

use crate::support::server::Server;
use crate::support::site::{BINARY, Site};

const README: &str = include_str!("../../README.md");

/// A command and the lines below it.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
}

pub(crate) fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (line.trim_end(), inside) {
            ("```console", _) => inside = true,
            ("```", true) => inside = false,
            (line, true) => match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push(Example { command: command.to_owned(), output: Vec::new() }),
                (None, Some(example)) if !line.is_empty() => example.output.push(line.to_owned()),
                _ => {}
            },
            _ => {}
        }
    }
    examples
}

/// True if `wanted` is among the lines: words in order, `...` for anything between them.
pub(crate) fn printed(wanted: &str, lines: &str) -> bool {
    lines.lines().any(|line| {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut rest = squeezed(line);
        squeezed(wanted).split("...").map(str::trim).all(|part| match rest.find(part) {
            Some(at) => {
                rest.drain(..at + part.len());
                true
            }
            None => false,
        })
    })
}

/// The shipped config and lists in a folder of their own, on any port.
fn shipped() -> Site {
    let site = Site::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/");
    for entry in std::fs::read_dir(format!("{shipped}endpoints")).unwrap() {
        let path = entry.unwrap().path();
        site.write_list(&path.file_name().unwrap().to_string_lossy(), std::fs::read(&path).unwrap());
    }
    let config = std::fs::read_to_string(format!("{shipped}privatelink-dns.toml")).unwrap();
    assert!(config.contains("127.0.0.1:5300"), "the README's port is the config's");
    let config = config.replace("127.0.0.1:5300", "127.0.0.1:0").replace("[\"system\"]", "[\"127.0.0.1:9\"]");
    site.write_raw_config(&config);
    site
}

fn has_dig() -> bool {
    Command::new("dig").arg("-v").output().is_ok()
}

#[test]
fn the_readme_has_examples() {
    let examples = examples(README);
    assert!(examples.iter().any(|example| example.command.contains("serve")), "{examples:?}");
    assert!(examples.iter().any(|example| example.command.starts_with("dig ")), "{examples:?}");
}

#[test]
fn the_readmes_examples_are_true() {
    let site = shipped();
    let mut server: Option<Server> = None;
    for example in examples(README) {
        let command = example.command.trim_end_matches('&').trim();
        if command.starts_with("git ") || command.starts_with("cd ") {
            continue;
        }
        if command.ends_with(" serve") {
            server = Some(site.start());
            continue;
        }
        if command.starts_with("dig ") && !has_dig() {
            assert!(std::env::var_os("CI").is_none(), "dig is missing, and CI is set");
            println!("SKIPPED {command}: dig is not installed");
            continue;
        }
        let port = server.as_ref().map_or(5300, |server| server.address().port());
        let line = command
            .replace("cargo run --release --", BINARY)
            .replace("cargo run -q --release --", BINARY)
            .replace("-p 5300", &format!("-p {port}"));
        let output = Command::new("sh").arg("-c").arg(&line).current_dir(site.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        for wanted in &example.output {
            assert!(printed(wanted, &said), "$ {command}\nshould print: {wanted}\nbut printed:\n{said}");
        }
    }
    server.expect("the README starts a server").stop();
}

#[test]
fn examples_are_found_and_compared_as_written() {
    let found = examples("text\n```console\n$ a b\nout ... line\n\n$ c &\n```\n```toml\n$ no\n```\n");
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].command, "a b");
    assert_eq!(found[0].output, ["out ... line"]);
    assert_eq!(found[1].command, "c &");
    assert!(printed("a ... c", "x\nz a   b c d"));
    assert!(!printed("a ... c", "c b a"));
}
