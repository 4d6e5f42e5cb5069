//! The check that names in the documents exist: files, functions, tests, and the targets of links.
//!
//! In: the Markdown files of the repository and its Rust source. Out: each name that does not exist, with document and
//! line. A document names a thing in one of these ways; text in code blocks does not count:
//!
//! - `src/zone/check.rs` in backticks: a path from the repository's root. Where a segment has a placeholder in
//!   capitals, such as FORMAT, the folder above it must exist.
//! - a table row with such a file in one cell and only names in backticks in the next: the file defines those names.
//! - a name that starts with `privatelink_dns_` or `process_` and has four words or more, in backticks: a metric.
//! - four words or more with underscores between them, in backticks: a test or another function.
//! - a name that ends in `.case`, in backticks: a file in `tests/cases`.
//! - a link to a relative path, with the heading behind `#`.
//!
//! And the index, `docs/README.md`, leads to every page of the folders that it is about.

mod links;

use std::path::{Path, PathBuf};

use crate::floors::files;

/// The folders whose paths are checked.
const ROOTS: [&str; 11] =
    [".ci", "benches", "config", "contrib", "deploy", "docs", "fuzz", "packaging", "src", "tests", "xtask"];

/// Checks all documents; the error lists the names that do not exist.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let mut source = String::new();
    for folder in ["src", "tests", "xtask", "fuzz/fuzz_targets", "benches"] {
        for file in files(&root.join(folder))? {
            source += &read(&file)?;
        }
    }
    let mut wrong = Vec::new();
    let documents = documents(root)?;
    for document in &documents {
        let shown = document.strip_prefix(root).unwrap_or(document).display().to_string();
        for (line, text) in prose(&read(document)?) {
            let names = missing(root, document, &source, text);
            wrong.extend(names.into_iter().map(|name| format!("{shown}:{line}: {name} does not exist")));
        }
    }
    let pages: Vec<PathBuf> =
        documents.iter().filter_map(|page| page.strip_prefix(root).ok()).map(PathBuf::from).collect();
    let indexed: Vec<PathBuf> =
        pages.into_iter().filter(|page| page.starts_with("docs") || page.starts_with("deploy")).collect();
    let unlisted = links::unlisted(&read(&root.join(links::INDEX))?, &indexed);
    wrong.extend(unlisted.into_iter().map(|page| format!("{}: no link leads to {page}", links::INDEX)));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The Markdown files of the repository. Those below `tests/data` are lists, and no documents.
fn documents(root: &Path) -> Result<Vec<PathBuf>, String> {
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && !name.starts_with('.') && !["target", "data"].contains(&&*name) {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The lines outside code blocks, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence && !line.starts_with("    ") {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// The names in a line that do not exist. Links start at the document, paths at `root`.
fn missing(root: &Path, document: &Path, source: &str, line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for span in spans(line) {
        let exists = match span {
            _ if is_path(span) => exists(root, span),
            _ if is_kind(span, "case") && !span.contains('*') => root.join("tests/cases").join(span).exists(),
            _ if is_metric(span) => source.contains(&format!("\"{span}")),
            _ if is_sentence(span) => defines(source, span),
            _ => true,
        };
        wrong.extend((!exists).then(|| format!("`{span}`")));
    }
    let text = |file: &Path| read(file).ok();
    wrong.extend(links::targets(line).filter_map(|target| links::wrong(document, target, &text)));
    wrong.extend(undefined(root, line));
    wrong
}

/// The names of a table row that the file in the cell before them does not define.
fn undefined(root: &Path, line: &str) -> Vec<String> {
    let cells: Vec<&str> = line.strip_prefix('|').map_or_else(Vec::new, |row| row.split('|').map(str::trim).collect());
    let mut wrong = Vec::new();
    for pair in cells.windows(2) {
        let [file] = spans(pair[0])[..] else { continue };
        if pair[0].len() == file.len() + 2 && is_path(file) && is_kind(file, "rs") && is_only_spans(pair[1]) {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let names = spans(pair[1]).into_iter().filter(|name| !has_item(&text, name));
            wrong.extend(names.map(|name| format!("`{name}` in {file}")));
        }
    }
    wrong
}

/// Whether a cell holds only names in backticks, with commas between them.
fn is_only_spans(cell: &str) -> bool {
    cell.split('`').step_by(2).all(|between| between.chars().all(|c| c == ',' || c == ' '))
}

/// The texts between backticks.
fn spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn is_path(span: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    span.contains('/') && span.chars().all(is_plain) && ROOTS.contains(&span.split('/').next().unwrap_or_default())
}

fn is_kind(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == extension)
}

/// Whether a path exists, as far as it has no placeholder.
fn exists(root: &Path, path: &str) -> bool {
    let is_placeholder = |part: &&str| part.chars().take_while(char::is_ascii_uppercase).count() > 2;
    let fixed: Vec<&str> = path.split('/').take_while(|part| !is_placeholder(part)).collect();
    // A README is a file and not a placeholder.
    root.join(path).exists() || (fixed.len() < path.split('/').count() && root.join(fixed.join("/")).is_dir())
}

/// Whether a name is that of a metric; the source has it in quotes.
fn is_metric(span: &str) -> bool {
    is_sentence(span) && (span.starts_with("privatelink_dns_") || span.starts_with("process_"))
}

/// Whether a name is that of a test.
fn is_sentence(span: &str) -> bool {
    span.matches('_').count() > 2 && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a source defines the last segment of a path such as `Zone::lookup`, and names those before it.
fn has_item(source: &str, item: &str) -> bool {
    let (path, name) = item.rsplit_once("::").unwrap_or(("", item));
    defines(source, name) && path.split("::").all(|segment| source.contains(segment))
}

/// Whether a source defines a function, type or constant of that name.
fn defines(source: &str, name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    ["fn ", "struct ", "enum ", "trait ", "const ", "type ", "mod "].iter().any(|keyword| {
        let found = format!("{keyword}{name}");
        source.match_indices(&found).any(|(at, _)| is_end(&source[at + found.len()..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(line: &str) -> Vec<String> {
        let root = crate::root();
        missing(&root, &root.join("docs/page.md"), "fn a_list_is_served_by_its_event() {}", line)
    }

    #[test]
    fn the_documents_name_existing_things() {
        check(&crate::root()).unwrap();
    }

    #[test]
    fn a_path_must_exist_and_a_placeholder_needs_its_folder() {
        assert_eq!(wrong("`xtask/src/paths.rs`, `src/zone/`, `tests/cases/README.md`, `sync/plan.rs`"), [""; 0]);
        assert_eq!(wrong("`src/sync/source/FORMAT.rs`, `src/nowhere/FORMAT.rs`"), ["`src/nowhere/FORMAT.rs`"]);
        assert_eq!(wrong("`src/zone/x.rs` and `docs/x.md`"), ["`src/zone/x.rs`", "`docs/x.md`"]);
    }

    #[test]
    fn a_row_names_things_that_its_file_defines() {
        assert_eq!(wrong("| step | `xtask/src/source.rs` | `code_only` |"), [""; 0]);
        assert_eq!(
            wrong("| `xtask/src/source.rs` | `Nowhere::code_only` |"),
            ["`Nowhere::code_only` in xtask/src/source.rs"]
        );
        assert_eq!(wrong("| `xtask/src/paths.rs` | `spans`, `span` |"), ["`span` in xtask/src/paths.rs"]);
        assert_eq!(wrong("| `xtask/src/paths.rs` | then `span` |"), [""; 0]);
    }

    #[test]
    fn tests_and_cases_must_exist() {
        assert_eq!(wrong("`a_list_is_served_by_its_event`, `max_removed`, `rechase.case`"), [""; 0]);
        assert_eq!(wrong("`a_list_is_served_by_its`"), ["`a_list_is_served_by_its`"]);
        assert_eq!(wrong("`nothing.case`"), ["`nothing.case`"]);
    }

    #[test]
    fn links_start_at_the_document_and_code_blocks_do_not_count() {
        assert_eq!(wrong("[a](threat-model.md#assets), [b](https://example.org/x)"), [""; 0]);
        assert_eq!(wrong("[a](../README.md), [b](NEWS.md)"), ["link NEWS.md"]);
        assert_eq!(prose("a\n```\nb\n```\n    c\nd"), [(1, "a"), (6, "d")]);
    }
}
