//! Rust source as far as the floors need it: the code without comments and strings, and the paths in it.

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

/// Every path in the code that starts with one of these words, each with its line; the branches of a `{..}` tree are
/// separate paths.
pub(crate) fn paths(code: &str, roots: &[&str]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for root in roots {
        let start = format!("{root}::");
        for (at, _) in code.match_indices(&start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            found.extend(branches(&code[at..]).into_iter().map(|path| (line, path)));
        }
    }
    found.sort();
    found
}

/// The paths of one `use` tree, or the one path that an expression begins with.
fn branches(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let _ = branch(text, &mut Vec::new(), &mut found);
    found
}

/// Reads one branch behind `path`; returns the rest of the text.
fn branch<'t>(text: &'t str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() || rest.starts_with('}') {
                return rest.get(1..).unwrap_or_default();
            }
            let before = rest.len();
            rest = branch(rest, &mut path.clone(), found).trim_start();
            // Skips `as name`, and anything else before the next branch.
            rest = rest[rest.find([',', '}']).unwrap_or(rest.len())..].trim_start_matches(',');
            if rest.len() == before {
                return rest;
            }
        }
    }
    let Some(name) = word(text) else {
        found.push(path.clone());
        return text;
    };
    let rest = &text[name.len()..];
    path.push(name);
    if let Some(rest) = rest.strip_prefix("::") {
        return branch(rest, path, found);
    }
    found.push(path.clone());
    rest
}

/// The code without the module of tests at its end.
pub(crate) fn without_tests(code: &str) -> &str {
    let tests = code.find("#[cfg(test)]\nmod tests");
    &code[..tests.unwrap_or(code.len())]
}

fn word(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(usize, String)> {
        let paths = paths(&code_only(text), &["crate"]);
        paths.into_iter().map(|(line, path)| (line, path.join("::"))).collect()
    }

    fn expected(paths: &[(usize, &str)]) -> Vec<(usize, String)> {
        paths.iter().map(|(line, path)| (*line, (*path).to_owned())).collect()
    }

    #[test]
    fn paths_and_trees_are_found_whole_with_their_lines() {
        let text = "use crate::dns::Name;\nuse crate::{zone::{Zone, set::ZoneSet as Set}, sync::*, self as me};\n\
                    let x = crate::azure::f(crate::dns::g());";
        let paths = [
            (1, "crate::dns::Name"),
            (2, "crate::self"),
            (2, "crate::sync"),
            (2, "crate::zone::Zone"),
            (2, "crate::zone::set::ZoneSet"),
            (3, "crate::azure::f"),
            (3, "crate::dns::g"),
        ];
        assert_eq!(seen(text), expected(&paths));
    }

    #[test]
    fn a_tree_over_several_lines_is_read_whole() {
        let text = "use crate::{\n    dns::{\n        Name,\n    },\n    zone,\n};";
        assert_eq!(seen(text), expected(&[(1, "crate::dns::Name"), (1, "crate::zone")]));
    }

    #[test]
    fn comments_and_strings_do_not_count() {
        let text = "// crate::daemon\n/* crate::cli /* crate::sync */ */\nlet a = \"crate::daemon\\\" crate::x\";\n\
                    let b = r#\"crate::\"daemon\"#; let c = '\"'; use crate::dns;";
        assert_eq!(seen(text), expected(&[(4, "crate::dns")]));
    }

    #[test]
    fn a_longer_word_before_it_does_not_count() {
        assert_eq!(seen("use mycrate::daemon;"), []);
    }

    #[test]
    fn the_tests_at_the_end_are_left_out() {
        assert_eq!(without_tests("use a;\n#[cfg(test)]\nmod tests { use b; }"), "use a;\n");
    }
}
