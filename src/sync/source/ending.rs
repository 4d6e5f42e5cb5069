//! The end of a list that has no end of its own: whether it was cut off in its last word.
//!
//! A download or copy that stops in the middle leaves `10.20.0.1` of `10.20.0.12`, which is an address too. JSON ends
//! with a bracket; lines of text end with a line end, though editors on Windows often leave the last one away. So only
//! a last word that may have gone on is worth a warning, and nothing is removed for want of what it may have been.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::listing::ListingBuilder;
use super::token::quoted;
use crate::azure::names::{NotHosted, locate};

/// Adds a gap if the last line may have been cut off.
pub(super) fn check(text: &str, out: &mut ListingBuilder) {
    let (above, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let Some(word) = last_word(last).filter(|word| may_go_on(word)) else { return };
    let line = super::lines::feeds(above.as_bytes()) + 1 + u32::from(above.len() < text.len() - last.len());
    out.gap(line, None, || {
        format!(
            "'{}' ends the list without a line end: was the list cut off here? If it is whole, put a line end there",
            quoted(word)
        )
    });
}

/// The word at the very end of a line, unless a comment is there.
fn last_word(line: &str) -> Option<&str> {
    let is_end = |c: char| c.is_whitespace() || ",;|=\"'`()[]{}".contains(c);
    let word = line.rsplit(is_end).next()?;
    let before = &line[..line.len() - word.len()];
    let is_comment = |sign: &str| word.starts_with(sign) || before.split(is_end).any(|word| word.starts_with(sign));
    (!word.is_empty() && !is_comment("#") && !is_comment("//")).then_some(word)
}

/// True if more characters behind this word could make another address or name of it. A name of ours is complete.
fn may_go_on(word: &str) -> bool {
    if word.parse::<Ipv4Addr>().is_ok() {
        let last = word.rsplit('.').next().unwrap_or_default();
        return last != "0" && format!("{last}0").parse::<u8>().is_ok();
    }
    if word.parse::<Ipv6Addr>().is_ok() {
        return word.rsplit(':').next().is_some_and(|last| last.len() < 4);
    }
    word.contains('.') && locate(word, &mut String::new()) == Err(NotHosted::Elsewhere)
}

#[cfg(test)]
mod tests {
    use crate::sync::source::{Format, parse};
    use std::path::Path;

    fn warnings(text: &str) -> Vec<String> {
        let listing = parse("s", Path::new("l"), Format::Auto, text.as_bytes().to_vec()).unwrap();
        assert_eq!(listing.gaps.len(), listing.warnings.total());
        listing.warnings.lines()
    }

    #[test]
    fn a_last_address_that_may_be_cut_off_is_a_gap_and_a_record() {
        for (end, line) in [("10.20.0.1", 2), ("10.20.0.25", 2), ("fd00::4", 2), ("10.2.0.4 a.vault.azure", 2)] {
            let text = format!("10.0.0.4 a.blob.core.windows.net\nb.blob.core.windows.net {end}");
            let expected =
                format!("l:{line}: '{}' ends the list without a line end", end.split(' ').next_back().unwrap());
            assert!(warnings(&text)[0].starts_with(&expected), "{:?}", warnings(&text));
            assert_eq!(warnings(&(text + "\n")), [""; 0]);
        }
        assert!(warnings("a.blob.core.windows.net 10.0.0.4")[0].starts_with("l:1: "));
    }

    #[test]
    fn a_last_word_that_cannot_go_on_needs_no_line_end() {
        for text in [
            "a.blob.core.windows.net 10.20.0.26",
            "a.blob.core.windows.net 10.20.0.120",
            "10.20.0.1 a.blob.core.windows.net",
            "10.20.0.1 a.blob.core.windows.net # 10.20.0.1",
            "\"a.blob.core.windows.net\",\"10.20.0.1\"",
            "| a.blob.core.windows.net | 10.20.0.1 |",
            "a.blob.core.windows.net 10.20.0.1\n# 10.20.0.1",
            "[{\"fqdn\": \"a.blob.core.windows.net\", \"ip\": \"10.20.0.1\"}]",
        ] {
            assert_eq!(warnings(text), [""; 0], "{text}");
        }
    }
}
