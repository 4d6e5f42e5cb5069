//! One kind of line end and of blank, for all readers.
//!
//! What ends a line in an editor or on a terminal ends one here: CR, CRLF, VT, FF, NEL (U+0085), U+2028 and U+2029. All
//! blanks of Unicode become spaces, and so do invisible characters at the end of a word; within a word they stay, for
//! the readers to name them. Terminal colours vanish; what else a terminal is told, such as where to write on, stays.

use crate::sync::source::token::is_invisible;

/// What becomes of typographic quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// They become ASCII quotes.
    Plain,
    /// They stay as they are: in an encoding that is only assumed they may be letters.
    Kept,
}

/// The text in its plain form; not even a copy of one that has it already, with LF or CRLF.
pub(super) fn clean(text: String, quotes: Quotes) -> String {
    if is_plain(text.as_bytes()) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if is_plain(line.as_bytes()) {
            out.push_str(line);
        } else {
            clean_line(line, quotes, &mut out);
        }
    }
    cut_at_ctrl_z(&mut out);
    out
}

/// True if nothing has to change: ASCII with no control characters but tabs, LF and CRLF. Written for vector
/// instructions, since it looks at every byte of every list.
fn is_plain(bytes: &[u8]) -> bool {
    let is_odd = |byte: u8| !matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..0x80);
    let Some((&last, before)) = bytes.split_last() else { return true };
    let lone_cr = |byte: u8, next: u8| u8::from(byte == b'\r') & u8::from(next != b'\n');
    let pairs = before.iter().zip(&bytes[1..]);
    let odd = pairs.fold(0, |odd, (&byte, &next)| odd | u8::from(is_odd(byte)) | lone_cr(byte, next));
    odd == 0 && !is_odd(last) && last != b'\r'
}

/// The place of a byte order mark in what may be a comment: the mark of a file that was put behind another one.
pub(super) fn glued_comment(text: &str) -> Option<usize> {
    let mut from = 0;
    let mut marks = text.match_indices('\u{feff}');
    marks.find_map(|(at, _)| {
        // Each octet is looked at once: the next mark looks from here on, or from the start of its line.
        let before = &text[from..at];
        from = at;
        let line = before.rfind('\n').map_or(before, |end| &before[end..]);
        (line.contains('#') || line.contains("//")).then_some(at)
    })
}

fn clean_line(line: &str, quotes: Quotes, out: &mut String) {
    let uncoloured;
    let line = if line.contains('\u{1b}') {
        uncoloured = without_colours(line);
        uncoloured.as_str()
    } else {
        line
    };
    // True behind a character of a word, and behind one that may start a comment.
    let (mut in_word, mut in_comment) = (false, false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match c {
            // CRLF stays as it is.
            '\r' if chars.peek() == Some(&'\n') => '\r',
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            // The mark of a file that was appended.
            '\u{feff}' if out.is_empty() || out.ends_with('\n') => continue,
            // Whether a comment that it stands in goes on in that file nobody can tell: it is refused later.
            '\u{feff}' if in_comment => c,
            c if is_left_out(c) => {
                let start = out.len();
                out.push(c);
                while let Some(more) = chars.next_if(|c| is_left_out(*c)) {
                    out.push(more);
                }
                let is_within = in_word && chars.peek().is_some_and(|next| is_of_word(*next));
                if !is_within {
                    let count = out[start..].chars().count();
                    out.truncate(start);
                    out.extend(std::iter::repeat_n(' ', count));
                }
                continue;
            }
            c if c.is_whitespace() && !c.is_ascii() => ' ',
            c if quotes == Quotes::Plain => plain_quote(c),
            c => c,
        };
        in_word = is_of_word(plain);
        in_comment = plain != '\n' && (in_comment || plain == '#' || (plain == '/' && out.ends_with('/')));
        out.push(plain);
    }
}

/// Invisible characters, of which there is one list; but where a soft hyphen stands a name may be broken.
fn is_left_out(c: char) -> bool {
    is_invisible(c) && c != '\u{ad}'
}

fn is_of_word(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, ',' | ';' | '|' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

fn plain_quote(c: char) -> char {
    match c {
        '“' | '”' | '„' | '«' | '»' => '"',
        '‘' | '’' => '\'',
        other => other,
    }
}

/// DOS programs end a text with Ctrl-Z; what stands behind it but blanks is no end.
fn cut_at_ctrl_z(text: &mut String) {
    let content = text.trim_end().trim_end_matches('\u{1a}');
    if content.len() < text.trim_end().len() {
        text.truncate(content.len());
    }
}

/// Without the ANSI control sequences that change only the looks (`az -o jsonc` colours its output, `grep` what it
/// found). Others stay.
fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(at);
        out.push_str(before);
        let parameters = sequence[1..].strip_prefix('[').unwrap_or_default();
        let end = parameters.find(|c: char| !(' '..='?').contains(&c));
        let is_look = end.is_some_and(|end| parameters[end..].starts_with(['m', 'K', 'h', 'l']));
        if !is_look {
            out.push('\u{1b}');
        }
        // ESC, the bracket, the parameters and the letter; or ESC alone.
        rest = &sequence[end.filter(|_| is_look).map_or(1, |end| end + 3)..];
    }
    out.push_str(rest);
    out
}
