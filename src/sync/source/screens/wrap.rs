//! JSON on a screen whose lines the console broke.
//!
//! A console breaks a line that is wider than itself wherever its width ends, in the middle of a name too, and starts
//! the rest below the first character of the value. A string of JSON has no line end in it (RFC 8259 section 7), so
//! such a break in a string can only be the console's, and the string is what it was without it.

use std::borrow::Cow;

/// The JSON without the breaks that a console made in its strings. `indent` is where the value starts in its line, in
/// octets. The text keeps its number of lines: each string takes its line ends behind it.
pub(super) fn rejoined(json: &str, indent: usize) -> Cow<'_, str> {
    if indent == 0 || !json.contains('\n') {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut is_escaped, mut breaks) = (false, false, 0);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        if in_string
            && c == '\n'
            && let Some(tail) = below(&rest[1..], indent)
        {
            out.truncate(out.trim_end_matches([' ', '\r']).len());
            breaks += 1;
            rest = tail;
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
        if c == '"' && !is_escaped {
            in_string = !in_string;
            out.extend(std::iter::repeat_n('\n', std::mem::take(&mut breaks)));
        }
        is_escaped = in_string && c == '\\' && !is_escaped;
    }
    Cow::Owned(out)
}

/// The line without the blanks under the label; `None` if something else stands there.
fn below(line: &str, indent: usize) -> Option<&str> {
    let (blanks, tail) = line.split_at_checked(indent)?;
    let is_rest = blanks.bytes().all(|byte| byte == b' ') && !tail.starts_with([' ', '\t']);
    is_rest.then_some(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_a_console_broke_is_whole_again_and_the_lines_are_as_many() {
        let broken = "[\n    {\"Fqdn\": \"a.blob.core.win \r\n   dows.net\",\n    \"Ip\": \"10.0.\n   0.4\"}\n  ]";
        let whole = "[\n    {\"Fqdn\": \"a.blob.core.windows.net\"\n,\n    \"Ip\": \"10.0.0.4\"\n}\n  ]";
        assert_eq!(rejoined(broken, 3), whole);
    }

    #[test]
    fn a_break_that_is_not_the_consoles_stays_and_is_refused_later() {
        for text in ["[\"a.blob\n.core\"]", "[\"a.blob\n     .core\"]", "[\"a\\\"\", \n   1]", "[1,\n   2]"] {
            assert_eq!(rejoined(text, 3), text);
        }
        assert_eq!(rejoined("[\"a\\\\\",\n   1]", 3), "[\"a\\\\\",\n   1]");
    }
}
