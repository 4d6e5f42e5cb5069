//! Measures a JSON text before it is parsed: the length of a value, its depth, and the memory of its tree. One pass
//! over the octets that keeps nothing, so that no text is too large for it.

/// Brackets within brackets. Azure's deepest lists have about ten; parser and walker go down the stack with each.
pub(super) const MAX_DEPTH: usize = 64;

/// Octets that the tree of one document may take, as reckoned from its marks: half a million endpoints in the shape of
/// `customDnsConfigs`, and no more than a small machine has. A tree is up to a hundred times as large as its text.
pub(super) const MAX_TREE: usize = 512 << 20;

/// The same for JSON in a string of a document, which holds what one endpoint has.
pub(super) const MAX_INNER_TREE: usize = 32 << 20;

/// Octets of the tree for an object: itself and room for four properties, which is the least that a vector takes.
const OBJECT: usize = 512;
/// Octets for an array: itself and room for four values.
const ARRAY: usize = 256;
/// Octets for one more property or value, and what a string in it with escapes takes apart.
const FURTHER: usize = 144;

/// The place in a text where something is wrong, and a text that says so.
pub(super) type Excess = (usize, String);

/// The length of the JSON value at the start of the text: up to its closing bracket, or everything if there is none.
pub(in crate::sync::source) fn value_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, mark) in Marks::of(text) {
        match mark {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Checks that the text can be parsed within bounds; its tree may take at most `max_tree` octets.
pub(super) fn check(text: &str, max_tree: usize) -> Result<(), Excess> {
    let (mut depth, mut tree) = (0_usize, 0_usize);
    for (at, mark) in Marks::of(text) {
        match mark {
            b'{' | b'[' => {
                depth += 1;
                tree += if mark == b'{' { OBJECT } else { ARRAY };
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => tree += FURTHER,
        }
        if depth > MAX_DEPTH {
            return Err((at, format!("brackets nest over {MAX_DEPTH} deep; no list of endpoints does")));
        }
        if tree > max_tree {
            let text = "more JSON than is read at once: split the list into several files, or keep only names and addresses \
                        in it";
            return Err((at, text.to_owned()));
        }
    }
    Ok(())
}

/// Brackets and commas outside of strings and comments, with their places, as the parser sees them. Quotes of another
/// kind are an error to it, so what follows one does not matter.
struct Marks<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Marks<'t> {
    fn of(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// Moves behind the first octet from here on that ends something, and gives it; to the end if there is none.
    fn skip_past(&mut self, is_end: impl Fn(u8) -> bool) -> Option<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| is_end(*byte));
        self.at += end.map_or(rest.len(), |end| end + 1);
        end.map(|end| rest[end])
    }

    fn skip_string(&mut self) {
        // An escaped octet does not end the string.
        while self.skip_past(|byte| matches!(byte, b'"' | b'\\')) == Some(b'\\') {
            self.at += 1;
        }
    }

    fn skip_comment(&mut self) {
        match self.bytes.get(self.at) {
            Some(b'/') => drop(self.skip_past(|byte| matches!(byte, b'\n' | b'\r'))),
            Some(b'*') => {
                self.at += 1;
                while self.skip_past(|byte| byte == b'*').is_some() {
                    if self.bytes.get(self.at) == Some(&b'/') {
                        self.at += 1;
                        return;
                    }
                }
            }
            _ => {}
        }
    }
}

impl Iterator for Marks<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        loop {
            match self.skip_past(|byte| matches!(byte, b'"' | b'/' | b'{' | b'}' | b'[' | b']' | b','))? {
                b'"' => self.skip_string(),
                b'/' => self.skip_comment(),
                mark => return Some((self.at - 1, mark)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonc_parser::ast::{ObjectProp, Value};
    use proptest::prelude::*;

    #[test]
    fn a_value_ends_with_its_bracket_whatever_its_strings_and_comments_hold() {
        let whole = "[1, \"]\", \"\\\"]\" /* ] **/, {\"a\": [2]} // ]\r]";
        assert_eq!(value_length(&format!("{whole} [3]")), whole.len());
        for open in ["", "x", "[", "[\"]", "[\"\\", "[/*]", "[//]", "[/*", "[/", "{[}"] {
            assert_eq!(value_length(open), open.len(), "{open}");
        }
    }

    #[test]
    fn a_tree_is_reckoned_as_no_smaller_than_it_is() {
        assert!(OBJECT >= size_of::<Value<'_>>() + 4 * size_of::<ObjectProp<'_>>());
        assert!(ARRAY >= size_of::<Value<'_>>() + 4 * size_of::<Value<'_>>());
        assert!(FURTHER >= size_of::<ObjectProp<'_>>());
    }

    #[test]
    fn text_that_is_too_deep_or_too_large_is_refused_at_its_place() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&deep(MAX_DEPTH), MAX_TREE), Ok(()));
        assert_eq!(check(&deep(MAX_DEPTH + 1), MAX_TREE).unwrap_err().0, MAX_DEPTH);
        assert_eq!(check("[0,0,0,0]", ARRAY + 3 * FURTHER), Ok(()));
        assert_eq!(check("[0,0,0,0,0]", ARRAY + 3 * FURTHER).unwrap_err().0, 8);
        assert_eq!(check(&"{}".repeat(1000), 1000 * OBJECT), Ok(()));
    }

    proptest! {
        #[test]
        fn every_mark_is_a_step_forward(text in "[\\[\\]{},\"\\\\/*\r\na]{0,60}") {
            let places: Vec<usize> = Marks::of(&text).map(|(at, _)| at).collect();
            prop_assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
            prop_assert!(value_length(&text) <= text.len());
        }

        #[test]
        fn parsed_text_is_as_deep_as_its_marks_say(text in "[\\[\\]{}:,\"\\\\/*\r\n1]{0,24}") {
            let parsed = jsonc_parser::parse_to_ast(&text, &jsonc_parser::CollectOptions::default(), &super::super::options());
            if let Ok(Some(value)) = parsed.map(|parsed| parsed.value) {
                prop_assert_eq!(Marks::of(&text).filter(|(_, mark)| b"[{".contains(mark)).count(), brackets(&value));
            }
        }
    }

    fn brackets(value: &Value<'_>) -> usize {
        match value {
            Value::Array(array) => 1 + array.elements.iter().map(brackets).sum::<usize>(),
            Value::Object(object) => 1 + object.properties.iter().map(|p| brackets(&p.value)).sum::<usize>(),
            _ => 0,
        }
    }
}
