//! The end of a list that has no end of its own: whether it was cut off in its last word.
//!
//! A download or copy that stops in the middle leaves `10.20.0.1` of `10.20.0.12`, which is an address too. JSON ends
//! with a bracket; lines of text end with a line end, though editors on Windows often leave the last one away. So only
//! a last word that may have gone on is worth a warning, and nothing is removed for want of what it may have been.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::listing::ListingBuilder;
use super::token::quoted;
use super::words::is_state;
use crate::azure::names::{locate, mentions};

/// Adds a gap if the last line may have been cut off.
pub(super) fn check(text: &str, out: &mut ListingBuilder) {
    let (above, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let Some(word) = last_word(last).filter(|word| may_go_on(word) || is_cut_label(last, word)) else { return };
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
    word.contains('.') && locate(word, &mut String::new()).is_err()
}

/// True if this word, at the end of its line, may be the first label of a name: the line starts with its address, as
/// in a hosts file, or has an address and no name of ours yet.
fn is_cut_label(line: &str, word: &str) -> bool {
    let is_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !word.chars().all(is_label) || is_state(word) {
        return false;
    }
    let is_separator = |c: char| c.is_whitespace() || ",;|".contains(c);
    let mut before = line[..line.len() - word.len()].split(is_separator).filter(|word| !word.is_empty());
    let is_address = |word: Option<&str>| word.is_some_and(|word| word.parse::<IpAddr>().is_ok());
    is_address(before.next()) || mentions(line).next().is_none() && before.any(|word| is_address(Some(word)))
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
    fn wherever_a_list_is_cut_off_it_is_refused_or_has_a_gap_or_lost_whole_lines_alone() {
        let name = "4611686018427300002-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
        for line in [
            format!("10.13.0.44 {name}"),
            format!("{name} 10.13.0.44"),
            format!("10.13.0.44\t{name}\t# rec2"),
            format!("{name},10.13.0.44,Approved"),
            format!("10.13.0.44 {name} other.blob.core.windows.net"),
        ] {
            let whole = format!("10.13.0.9 first.blob.core.windows.net\n{line}");
            let first = whole.find('\n').unwrap() + 1;
            for cut in first + 1..whole.len() {
                let read = parse("s", Path::new("l"), Format::Auto, whole.as_bytes()[..cut].to_vec());
                let has_all = |listing: &crate::sync::source::Listing| listing.len() > line.matches("windows").count();
                // Nothing shows that a further name was to come behind a whole one.
                let is_whole = whole[..cut].trim_end().ends_with(&format!("10.13.0.44 {name}"));
                let is_safe =
                    read.as_ref().map_or(is_whole, |listing| is_whole || !listing.gaps.is_empty() || has_all(listing));
                assert!(is_safe || read.is_err(), "{:?}", &whole[..cut]);
            }
        }
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
