//! The pages and their blocks: what stands between two fences, the commands in it, and what they print.

use std::path::{Path, PathBuf};

/// A page by its path from the root of the repository.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What stands between two fences, without the indentation of the first one.
#[derive(Debug)]
pub(crate) struct Block<'p> {
    /// The `## ` heading above it; empty above the first one.
    pub(crate) heading: &'p str,
    /// The first word behind the fence.
    pub(crate) language: &'p str,
    /// The line of the first fence.
    pub(crate) line: usize,
    pub(crate) lines: Vec<&'p str>,
}

/// A command, and the lines below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// The line of the page.
    pub(crate) line: usize,
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
}

/// All pages of the repository but the changelog, which is about what once was.
pub(crate) fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // Below tests/data are lists that were written as Markdown.
            if path.is_dir() && !name.starts_with('.') && !["target", "data"].contains(&name.as_str()) {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "md") && name != "CHANGELOG.md" {
                found.push(page(root, &path));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn page(root: &Path, path: &PathBuf) -> Page {
    let name = path.strip_prefix(root).unwrap().display().to_string();
    Page { name, text: std::fs::read_to_string(path).unwrap() }
}

/// The blocks of a page.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let (mut heading, mut indent, mut is_inside) = ("", 0, false);
    for (index, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (fence, found.last_mut()) {
            (Some(_), _) if is_inside => is_inside = false,
            (Some(rest), _) => {
                indent = line.len() - line.trim_start().len();
                is_inside = true;
                let language = rest.split_whitespace().next().unwrap_or_default();
                found.push(Block { heading, language, line: index + 1, lines: Vec::new() });
            }
            (None, Some(block)) if is_inside => block.lines.push(line.get(indent..).unwrap_or_default()),
            (None, _) => heading = line.strip_prefix("## ").unwrap_or(heading),
        }
    }
    assert!(!is_inside, "a block without an end: {:?}", found.last());
    found
}

/// The indented lines that stand outside of blocks, each with its line.
pub(crate) fn indented(text: &str) -> Vec<(usize, &str)> {
    outside(text).filter_map(|(line, text)| Some((line, text.strip_prefix("    ")?))).collect()
}

/// The lines that stand outside of blocks.
fn outside(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_inside ^= is_fence;
        (!is_inside && !is_fence).then_some((index + 1, line))
    })
}

/// The spans in backticks that stand outside of blocks, each with its line. One may go on in the next line of its
/// paragraph; a row of a table is a paragraph of its own.
pub(crate) fn spans(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_open, mut last) = (false, 0);
    for (number, line) in outside(text) {
        let is_row = line.starts_with('|');
        is_open &= number == last + 1 && !line.trim().is_empty() && !is_row;
        last = number;
        for (index, part) in line.split('`').enumerate() {
            match (is_open ^ (index % 2 == 1), found.last_mut()) {
                (true, Some((_, span))) if index == 0 => span.extend([" ", part.trim_start()]),
                (true, _) => found.push((number, part.to_owned())),
                (false, _) => {}
            }
        }
        is_open ^= line.matches('`').count() % 2 == 1;
        is_open &= !is_row;
    }
    found
}

impl Block<'_> {
    /// The commands of the block: in `console` the lines behind `$ `, with what they print below; in `sh` all lines. A
    /// command goes on behind a backslash at the end of its line.
    pub(crate) fn examples(&self) -> Vec<Example> {
        let is_console = self.language == "console";
        let mut found: Vec<Example> = Vec::new();
        let mut goes_on = false;
        for (index, line) in self.lines.iter().enumerate() {
            let line_of_page = self.line + index + 1;
            let (text, is_command) = match line.strip_prefix("$ ") {
                Some(command) if is_console => (command, true),
                _ => (*line, !is_console),
            };
            match found.last_mut() {
                Some(example) if goes_on => example.command.extend([" ", part(text)]),
                _ if is_command && (text.trim().is_empty() || text.starts_with('#')) => continue,
                _ if is_command => {
                    found.push(Example { line: line_of_page, command: part(text).to_owned(), output: Vec::new() });
                }
                Some(example) => example.output.push(text.trim_end().to_owned()),
                None => panic!("line {line_of_page}: output without a command: {line}"),
            }
            goes_on = (goes_on || is_command) && text.ends_with('\\');
        }
        found
    }
}

/// A line of a command without the backslash at its end.
fn part(text: &str) -> &str {
    text.strip_suffix('\\').unwrap_or(text).trim()
}

#[test]
fn blocks_have_their_heading_language_and_lines() {
    let text = "```toml\na = 1\n```\n## 1. One\ntext `a b`\n1. x\n\n   ```sh\n   a\n     b\n   ```\n";
    let found = blocks(text);
    assert_eq!(found.len(), 2);
    assert_eq!(
        (found[0].heading, found[0].language, found[0].line, &found[0].lines[..]),
        ("", "toml", 1, &["a = 1"][..])
    );
    assert_eq!((found[1].heading, found[1].language, &found[1].lines[..]), ("1. One", "sh", &["a", "  b"][..]));
    let spans = |text: &str| spans(text).into_iter().map(|(line, span)| format!("{line}: {span}")).collect::<Vec<_>>();
    assert_eq!(spans(text), ["5: a b"]);
    assert_eq!(spans("`a\nb` and `c`\n\n| `d |\ne `f`"), ["1: a b", "2: c", "4: d |", "5: f"]);
    assert_eq!(indented("    a\n```sh\n    b\n```\n   c"), [(1, "a")]);
}

#[test]
fn commands_have_what_they_print_below_them() {
    let example = |line, command: &str, output: &[&str]| Example {
        line,
        command: command.to_owned(),
        output: output.iter().map(|text| (*text).to_owned()).collect(),
    };
    let console = "```console\n$ a b\nout\n\n$ c \\\n    d\n# no comment\n```\n";
    assert_eq!(blocks(console)[0].examples(), [example(2, "a b", &["out", ""]), example(5, "c d", &["# no comment"])]);
    let sh = "```sh\n# comment\na b\n\nc \\\n    d\n```\n";
    assert_eq!(blocks(sh)[0].examples(), [example(3, "a b", &[]), example(5, "c d", &[])]);
}
