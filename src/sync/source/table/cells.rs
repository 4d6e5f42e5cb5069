//! A line of a table, cut into its cells.

/// How the cells of a table are kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By a character; cells may stand in quotes (RFC 4180).
    Separated(u8),
    /// By two or more blanks, or a tab.
    Blanks,
    /// By any blank.
    Words,
    /// By the places where the drawn line under the header starts anew, in characters.
    Fixed(Vec<usize>),
}

/// A cell without blanks and quotes around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell<'t> {
    pub(super) text: &'t str,
    /// It stood in quotes: `""` in it is one quote.
    pub(super) is_quoted: bool,
}

/// A quoted cell that does not end on its line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

impl Form {
    /// The cells of a line; false if the line does not have this form.
    pub(super) fn split<'t>(&self, line: &'t str, cells: &mut Vec<Cell<'t>>) -> Result<bool, Unclosed> {
        cells.clear();
        match self {
            Self::Separated(b'|') => {
                let inner = line.trim();
                let inner = inner.strip_prefix('|').unwrap_or(inner);
                separated(inner.strip_suffix('|').unwrap_or(inner), b'|', cells)?;
            }
            Self::Separated(separator) => separated(line, *separator, cells)?,
            Self::Blanks => blanks(line.trim(), 2, cells),
            Self::Words => blanks(line.trim(), 1, cells),
            Self::Fixed(starts) => return Ok(fixed(line, starts, cells)),
        }
        Ok(true)
    }
}

fn bare(text: &str) -> Cell<'_> {
    Cell { text: text.trim(), is_quoted: false }
}

fn separated<'t>(line: &'t str, separator: u8, cells: &mut Vec<Cell<'t>>) -> Result<(), Unclosed> {
    let mut rest = line;
    loop {
        // Tabs are blanks too, and may be the separator.
        let start = rest.trim_start_matches(|c| c == ' ' || c == '\t' && separator != b'\t');
        if let Some(inside) = start.strip_prefix('"') {
            let end = closing_quote(inside).ok_or(Unclosed)?;
            let behind = &inside[end + 1..];
            let next = behind.bytes().position(|byte| byte == separator);
            if behind[..next.unwrap_or(behind.len())].trim().is_empty() {
                cells.push(Cell { text: inside[..end].trim(), is_quoted: true });
                let Some(next) = next else { return Ok(()) };
                rest = &behind[next + 1..];
                continue;
            }
        }
        // Quotes within a cell mean nothing.
        let Some(next) = rest.bytes().position(|byte| byte == separator) else {
            cells.push(bare(rest));
            return Ok(());
        };
        cells.push(bare(&rest[..next]));
        rest = &rest[next + 1..];
    }
}

/// The place of the quote that ends a cell; two of them are one in it.
fn closing_quote(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
        match bytes.get(at + 1) {
            Some(b'"') => at += 2,
            _ => return Some(at),
        }
    }
}

/// Cells with at least so many blanks between, or a tab.
fn blanks<'t>(line: &'t str, least: usize, cells: &mut Vec<Cell<'t>>) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let (bytes, mut start, mut at) = (line.as_bytes(), 0, 0);
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| is_blank(byte)).count();
        if run >= least || bytes[at..at + run].contains(&b'\t') {
            cells.push(bare(&line[start..at]));
            start = at + run;
        }
        at += run.max(1);
    }
    cells.push(bare(&line[start..]));
}

fn fixed<'t>(line: &'t str, starts: &[usize], cells: &mut Vec<Cell<'t>>) -> bool {
    let octet = |column: usize| {
        if line.is_ascii() {
            return column.min(line.len());
        }
        line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
    };
    let mut from = 0;
    for start in starts.iter().skip(1).chain([&usize::MAX]) {
        let to = octet(*start);
        // A cell that reaches into the next column, or starts before its own.
        if to < line.len() && !line[..to].ends_with([' ', '\t']) {
            return false;
        }
        cells.push(bare(&line[from..to]));
        from = to;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split<'t>(form: &Form, line: &'t str) -> Vec<&'t str> {
        let mut cells = Vec::new();
        assert!(form.split(line, &mut cells).unwrap(), "{line}");
        cells.into_iter().map(|cell| cell.text).collect()
    }

    #[test]
    fn cells_end_at_separators_outside_of_quotes() {
        let comma = Form::Separated(b',');
        for (line, cells) in [
            ("a,b", vec!["a", "b"]),
            ("a, ,b,", vec!["a", "", "b", ""]),
            ("\"a,b\" , \"c\"\"d\"", vec!["a,b", "c\"\"d"]),
            ("a\"b,c", vec!["a\"b", "c"]),
            ("\"a\"b,c", vec!["\"a\"b", "c"]),
            ("", vec![""]),
        ] {
            assert_eq!(split(&comma, line), cells, "{line}");
        }
        assert_eq!(comma.split("a,\"b", &mut Vec::new()), Err(Unclosed));
        assert_eq!(split(&Form::Separated(b'|'), "| a | `b` |"), ["a", "`b`"]);
        assert_eq!(split(&Form::Separated(b'\t'), "\ta \t b"), ["", "a", "b"]);
    }

    #[test]
    fn cells_end_at_blanks_or_where_the_drawn_line_starts_anew() {
        assert_eq!(split(&Form::Blanks, "a b  c \t d"), ["a b", "c", "d"]);
        assert_eq!(split(&Form::Words, "a b  c"), ["a", "b", "c"]);
        let fixed = Form::Fixed(vec![0, 5, 9]);
        assert_eq!(split(&fixed, "a b  c   d e"), ["a b", "c", "d e"]);
        assert_eq!(split(&fixed, "é    c"), ["é", "c", ""]);
        assert!(!fixed.split("abcdef   d", &mut Vec::new()).unwrap());
    }
}
