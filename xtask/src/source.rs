//! Rust source as far as the floors need it: what is left without comments and strings, and the paths in it.

/// The text with comments, string literals and character literals blanked out; line breaks stay.
pub(crate) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skipped(bytes, at);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Index after the comment or literal that starts at `at`; `at` if none does.
fn skipped(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let to = |found: Option<usize>| found.map_or(bytes.len(), |n| at + n);
    match rest {
        [b'/', b'/', ..] => to(rest.iter().position(|b| *b == b'\n')),
        [b'/', b'*', ..] => at + block_comment(rest),
        [b'r', b'#' | b'"', ..] if !is_word(bytes, at) => raw_string(rest).map_or(at, |n| at + n),
        [b'"', ..] => at + quoted(rest),
        [b'\'', b'\\', ..] => to(rest.iter().skip(2).position(|b| *b == b'\'').map(|n| n + 3)),
        [b'\'', _, b'\'', ..] => at + 3,
        _ => at,
    }
}

/// Whether the byte before `at` belongs to a word.
fn is_word(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric() || bytes[before] == b'_')
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of a raw string literal; `None` if it is a raw identifier.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
    let body = &rest[hashes + 2..];
    let found = body.windows(end.len()).position(|window| window == end);
    Some(found.map_or(rest.len(), |n| hashes + 2 + n + end.len()))
}

/// The modules named right after `crate::` or the package's own name, each with its line: in `use` trees and in paths.
pub(crate) fn modules(code: &str, roots: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in roots {
        let start = format!("{root}::");
        for (at, _) in code.match_indices(&start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            found.extend(first_segments(&code[at + start.len()..]).into_iter().map(|name| (line, name)));
        }
    }
    found.sort();
    found
}

/// The first segment of a path, or of each branch of a `{..}` tree.
fn first_segments(rest: &str) -> Vec<String> {
    let Some(tree) = rest.trim_start().strip_prefix('{') else {
        return word(rest).into_iter().collect();
    };
    let (mut depth, mut segments, mut expects) = (0_i32, Vec::new(), true);
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            c if expects && !c.is_whitespace() => {
                segments.extend(word(&tree[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    segments
}

fn word(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(usize, String)> {
        modules(&code_only(text), &["crate"])
    }

    #[test]
    fn paths_and_trees_are_found_with_their_lines() {
        let text =
            "use crate::dns::Name;\nuse crate::{zone::{Zone, ZoneSet}, sync, self as me};\nlet x = crate::azure::f();";
        let expected = [(1, "dns"), (2, "self"), (2, "sync"), (2, "zone"), (3, "azure")];
        assert_eq!(seen(text), expected.map(|(line, name)| (line, name.to_owned())));
    }

    #[test]
    fn a_tree_over_several_lines_is_read_whole() {
        let text = "use crate::{\n    dns::{\n        Name,\n    },\n    zone,\n};";
        assert_eq!(seen(text).len(), 2);
    }

    #[test]
    fn comments_and_strings_do_not_count() {
        let text = "// crate::daemon\n/* crate::cli /* crate::sync */ */\nlet a = \"crate::daemon\\\" crate::x\";\n\
                    let b = r#\"crate::\"daemon\"#; let c = '\"'; use crate::dns;";
        assert_eq!(seen(text), [(4, "dns".to_owned())]);
    }

    #[test]
    fn a_longer_word_before_it_does_not_count() {
        assert_eq!(seen("use mycrate::daemon;"), []);
    }
}
