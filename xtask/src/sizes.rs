//! The check of the sizes that CONTRIBUTING.md promises: of files, of functions, and of comment lines.

use std::path::Path;

use crate::floors::files;
use crate::source::code_only;

/// The longest file, lines.
const MAX_FILE: usize = 420;
/// The longest function, lines from its name to its last brace.
const MAX_FUNCTION: usize = 55;
/// The last column of a comment.
const MAX_COLUMN: usize = 120;

/// A function and its length.
struct Function {
    line: usize,
    name: String,
    lines: usize,
}

/// Checks every file below `src`, and prints how long they are; the error lists each breach, with file and line.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let (mut lengths, mut functions, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for file in files(&root.join("src"))? {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        wrong.extend(too_long(&shown, &text));
        lengths.push(text.lines().count());
        functions.extend(functions_of(&text).into_iter().map(|function| function.lines));
    }
    println!("{} files, lines: {}", lengths.len(), spread(&mut lengths));
    println!("{} functions, lines: {}", functions.len(), spread(&mut functions));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The breaches in one file.
fn too_long(file: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_FILE {
        wrong.push(format!("{file}: {lines} lines; at most {MAX_FILE}: give a part of it a file of its own"));
    }
    for Function { line, name, lines } in functions_of(text) {
        if lines > MAX_FUNCTION {
            wrong.push(format!("{file}:{line}: function '{name}' has {lines} lines; at most {MAX_FUNCTION}"));
        }
    }
    for (number, line) in text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > MAX_COLUMN && line.trim_start().starts_with("//") {
            wrong.push(format!("{file}:{}: the comment ends at column {columns}; at most {MAX_COLUMN}", number + 1));
        }
    }
    wrong
}

/// The functions with a body.
fn functions_of(text: &str) -> Vec<Function> {
    let code = code_only(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back();
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') || name.is_empty() {
            continue;
        }
        if let Some(body) = body(&code[at..]) {
            let line = code[..at].matches('\n').count() + 1;
            found.push(Function { line, name, lines: body.matches('\n').count() + 1 });
        }
    }
    found
}

/// The text from a function's name to its last brace; `None` if it has no body.
fn body(code: &str) -> Option<&str> {
    let open = code.find(['{', ';']).filter(|at| code[*at..].starts_with('{'))?;
    let mut depth = 0_usize;
    for (at, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return code.get(..=open + at);
        }
    }
    None
}

/// Median, 90th percentile and maximum.
fn spread(lengths: &mut [usize]) -> String {
    lengths.sort_unstable();
    let at = |share: usize| lengths.get((lengths.len() * share / 100).min(lengths.len().saturating_sub(1)));
    let [median, p90, max] = [50, 90, 100].map(|share| at(share).copied().unwrap_or_default());
    format!("median {median}, 90 % up to {p90}, longest {max}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_functions_and_comments_keep_to_their_sizes() {
        check(&crate::root()).unwrap();
    }

    #[test]
    fn a_breach_is_named_with_its_line() {
        let file = "x\n".repeat(MAX_FILE + 1);
        assert!(too_long("a.rs", &file)[0].starts_with("a.rs: 421 lines; at most 420"));
        let function = format!("fn long() {{\n{}}}\n", "f();\n".repeat(MAX_FUNCTION));
        assert!(too_long("a.rs", &function)[0].starts_with("a.rs:1: function 'long' has 57 lines"));
        let comment = format!("fn f() {{}}\n// {}\n", "x".repeat(120));
        assert_eq!(too_long("a.rs", &comment), ["a.rs:2: the comment ends at column 123; at most 120"]);
    }

    #[test]
    fn a_function_ends_at_its_own_brace() {
        let text = "trait T { fn none(); }\nfn a<F: Fn()>(f: F) {\n    if x { \"}\" }\n}\nfn b() {}\n";
        let found: Vec<(String, usize)> = functions_of(text).into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 3), ("b".to_owned(), 1)]);
    }
}
