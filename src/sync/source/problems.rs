//! The reasons why a line of text is refused, as messages: the word, what is wrong with it, the one thing to do.

use super::token::{Token, TokenKind, quoted};
use super::words::{is_fragment, mentions_ours};
use crate::diag::Id;

/// A problem with a line.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) id: Id,
    pub(super) text: String,
    /// The octet of the line where it is.
    pub(super) at: Option<usize>,
}

fn at(token: &Token<'_>, id: Id, text: String) -> Fault {
    Fault { id, text, at: Some(token.start) }
}

pub(super) fn too_many_words(most: usize) -> Fault {
    let text = format!("over {most} words on one line: did the file lose its line feeds?");
    Fault { id: Id::LIST_TOO_LARGE, text, at: None }
}

/// A word that is no good whatever else is on the line.
pub(super) fn broken(token: &Token<'_>) -> Fault {
    let word = quoted(token.text);
    match token.kind {
        TokenKind::CutOff if token.text.starts_with("System.") => flattened(token),
        TokenKind::CutOff => {
            let text = format!("'{word}' is cut off: list it again with a wider screen, or as JSON");
            at(token, Id::LIST_CUT_OFF, text)
        }
        TokenKind::Hidden(hidden) => {
            let code = u32::from(hidden);
            let text = format!("'{word}' holds the invisible character U+{code:04X}: type the word anew");
            at(token, Id::LIST_BAD_NAME, text)
        }
        _ => at(token, Id::LIST_BAD_ADDRESS, format!("'{word}' is not an IP address{}", address_advice(token.text))),
    }
}

fn address_advice(text: &str) -> &'static str {
    match text {
        _ if text.contains('/') => ": write the address without the length of its network",
        _ if text.contains(':') && text.contains('.') => ": write the address without a port",
        _ => "",
    }
}

pub(super) fn other_type(token: &Token<'_>) -> Fault {
    let text = format!(
        "a record of type {} has no address of a name: only A and AAAA records belong in a list",
        quoted(token.text).to_uppercase()
    );
    at(token, Id::LIST_NO_ADDRESS, text)
}

pub(super) fn comment(token: &Token<'_>) -> Fault {
    let text = "the line starts like a comment of another language: start comments with '#'".to_owned();
    at(token, Id::LIST_SYNTAX, text)
}

pub(super) fn compared(token: &Token<'_>) -> Fault {
    let text = format!("'{}' marks a line of a comparison, which is no list: give the list itself", quoted(token.text));
    at(token, Id::LIST_SYNTAX, text)
}

pub(super) fn removal(token: &Token<'_>) -> Fault {
    let text = format!("'{}' takes a record away, and a list says what is there: remove the line", quoted(token.text));
    at(token, Id::LIST_SYNTAX, text)
}

pub(super) fn two_zones(token: &Token<'_>) -> Fault {
    let text = format!(
        "'{}' is the second name of a zone on the line, and a line takes one label and its zone: write the full name",
        quoted(token.text)
    );
    at(token, Id::LIST_AMBIGUOUS, text)
}

pub(super) fn other_zone(name: &Token<'_>, zone: &str) -> Fault {
    let text = format!(
        "'{}' does not lie in the zone beside it, '{}': keep one of the two on the line",
        quoted(name.text),
        quoted(zone)
    );
    at(name, Id::LIST_AMBIGUOUS, text)
}

pub(super) fn zone_alone(zone: &Token<'_>) -> Fault {
    let text = format!(
        "'{}' is the name of a zone, not of a record in it: put the label of the record before it",
        quoted(zone.text)
    );
    at(zone, Id::LIST_BAD_NAME, text)
}

pub(super) fn which_label(zone: &Token<'_>, words: &[&str]) -> Fault {
    let words: Vec<String> = words.iter().map(|word| format!("'{}'", quoted(word))).collect();
    let text = format!(
        "which word is the label of the record in '{}': {}? Put a header above the columns (Name,Zone,IP), or write the \
         full name",
        quoted(zone.text),
        words.join(" or ")
    );
    at(zone, Id::LIST_AMBIGUOUS, text)
}

/// A name of ours with something else in its word; `before` is the word in front of it.
pub(super) fn unclean(token: &Token<'_>, before: Option<&str>) -> Fault {
    let word = quoted(token.text);
    let is_dnsmasq = token.text.starts_with('/')
        && before.is_some_and(|before| ["address", "server", "local"].iter().any(|key| before.ends_with(key)));
    if is_dnsmasq {
        let text = format!("'{word}' of dnsmasq stands for all names below it too: write host-record=NAME,ADDRESS");
        return at(token, Id::LIST_BAD_NAME, text);
    }
    if token.text.contains("://") {
        return at(
            token,
            Id::LIST_BAD_NAME,
            format!("'{word}' is an address of a web page: write the host name alone"),
        );
    }
    let odd = token.text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    let text = match odd {
        Some(odd) if odd.is_ascii_graphic() => {
            format!("'{word}' is not a host name: '{odd}' cannot stand in one; write the name alone")
        }
        Some(odd) => format!(
            "'{word}' is not a host name: the character U+{:04X} cannot stand in one; type the name anew",
            u32::from(odd)
        ),
        None => format!("'{word}' is not a full host name: write the name whole"),
    };
    at(token, Id::LIST_BAD_NAME, text)
}

pub(super) fn fragment(token: &Token<'_>) -> Fault {
    let text =
        format!("'{}' is a piece of a name that was broken at a blank: write the name in one word", quoted(token.text));
    at(token, Id::LIST_BAD_NAME, text)
}

pub(super) fn left_over(token: &Token<'_>) -> Fault {
    let text = format!(
        "'{}' is the label of a vault's record, and the name beside it is another: write the full name of each on a line of \
         its own",
        quoted(token.text)
    );
    at(token, Id::LIST_AMBIGUOUS, text)
}

/// Neither a name nor an address on the line.
pub(super) fn nothing(tokens: &[Token<'_>]) -> Fault {
    let is_option = |token: &&Token<'_>| {
        let rest = token.text.strip_prefix('-').unwrap_or_default();
        rest.trim_start_matches('-').starts_with(|c: char| c.is_ascii_alphabetic())
    };
    let text = match tokens.iter().find(is_option) {
        Some(_) => "a command, not what it prints: give its output, or names and addresses".to_owned(),
        None => format!(
            "'{}' starts a line with neither an address nor a full host name; start comments with '#'",
            quoted(tokens.first().map_or("", |token| token.text))
        ),
    };
    Fault { id: Id::LIST_NO_ADDRESS, text, at: tokens.first().map(|token| token.start) }
}

pub(super) fn address_alone(token: &Token<'_>) -> Fault {
    at(token, Id::LIST_NO_NAME, "an address without a host name: put both on one line".to_owned())
}

pub(super) fn no_zone(token: &Token<'_>) -> Fault {
    at(token, Id::LIST_NO_NAME, format!("'{}' has no zone: write the full name", quoted(token.text)))
}

/// `other` is a word of the line that may stand for the address.
pub(super) fn no_address(name: &Token<'_>, other: Option<&Token<'_>>) -> Fault {
    let name_text = quoted(name.text);
    let text = match other {
        Some(other) => {
            format!("'{name_text}' has no address: '{}' is none; write its IP address beside it", quoted(other.text))
        }
        None => format!("'{name_text}' has no address: write its IP address beside it"),
    };
    at(name, Id::LIST_NO_ADDRESS, text)
}

/// `names` is the number of names on the line.
pub(super) fn two_addresses(token: Option<&Token<'_>>, names: usize) -> Fault {
    let text = if names > 1 {
        "several names and several addresses on one line: list each name with its own address, one a line"
    } else {
        "more than one address: a line takes one; write {10.0.0.4, 10.0.0.5} if the name has both"
    };
    Fault { id: Id::LIST_AMBIGUOUS, text: text.to_owned(), at: token.map(|token| token.start) }
}

/// A type name of PowerShell where a value should be.
pub(super) fn flattened(token: &Token<'_>) -> Fault {
    let text = format!("'{}' stands for what PowerShell cut off: use `ConvertTo-Json -Depth 10`", quoted(token.text));
    at(token, Id::LIST_CUT_OFF, text)
}

/// A word where an address belongs.
pub(super) fn no_ip(token: &Token<'_>) -> Fault {
    at(token, Id::LIST_BAD_ADDRESS, format!("'{}' is not an IP address", quoted(token.text)))
}

/// A label in a table without a column of zones.
pub(super) fn no_zone_in_table(label: &Token<'_>) -> Fault {
    let text = format!(
        "'{}' has no zone: add a column ZoneName, for instance with `Get-DnsServerResourceRecord -ZoneName ZONE -RRType A | \
         Select-Object HostName,@{{n='ZoneName';e={{'ZONE'}}}},@{{n='IP';e={{$_.RecordData.IPv4Address}}}} | Export-Csv \
         list.csv`",
        quoted(label.text)
    );
    at(label, Id::LIST_NO_NAME, text)
}

/// Refuses what is no name where names belong.
pub(super) fn check_name(token: &Token<'_>) -> Result<(), Fault> {
    match token.kind {
        TokenKind::Address(_) | TokenKind::BadAddress => {
            let text = format!("'{}' is an address where a host name belongs", quoted(token.text));
            Err(Fault { id: Id::LIST_NO_NAME, text, at: Some(token.start) })
        }
        TokenKind::CutOff | TokenKind::Hidden(_) => Err(broken(token)),
        _ if !token.is_clean && mentions_ours(token.text) && !token.text.starts_with(['<', '*']) => {
            Err(unclean(token, None))
        }
        _ if is_fragment(token) => Err(fragment(token)),
        _ => Ok(()),
    }
}
