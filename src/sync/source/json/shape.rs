//! The length of a JSON value that stands in other text, and the elements of an array. One pass over the octets that
//! keeps nothing, so that no text is too large for it.

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

/// The places behind the commas between the elements of the array at the start of the text, if it is good JSON.
pub(super) fn element_ends(array: &str) -> impl Iterator<Item = usize> {
    let mut marks = Marks::of(array);
    let mut depth = 0_usize;
    std::iter::from_fn(move || {
        loop {
            match marks.next()? {
                (_, b'[' | b'{') => depth += 1,
                (_, b']' | b'}') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return None;
                    }
                }
                (at, _) if depth == 1 => return Some(at + 1),
                _ => {}
            }
        }
    })
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
    use proptest::prelude::*;

    #[test]
    fn a_value_ends_with_its_bracket_whatever_its_strings_and_comments_hold() {
        let whole = "[1, \"]\", \"\\\"]\" /* ] **/, {\"a\": [2]} // ]\r]";
        assert_eq!(value_length(&format!("{whole} [3]")), whole.len());
        for open in ["", "x", "[", "[\"]", "[\"\\", "[/*]", "[//]", "[/*", "[/", "{[}"] {
            assert_eq!(value_length(open), open.len(), "{open}");
        }
    }

    proptest! {
        #[test]
        fn every_mark_is_a_step_forward(text in "[\\[\\]{},\"\\\\/*\r\na]{0,60}") {
            let places: Vec<usize> = Marks::of(&text).map(|(at, _)| at).collect();
            prop_assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
            prop_assert!(value_length(&text) <= text.len());
        }
    }
}
