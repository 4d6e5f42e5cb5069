//! Fully qualified names in canonical form.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::canonical::CanonicalName;
use super::wire::{self, MAX_NAME};

/// A fully qualified domain name in canonical form: uncompressed wire format, ASCII letters in lower case (RFC 4034
/// section 6.2). Equal names are equal bytes; the order is the canonical one (section 6.1). A clone shares the bytes,
/// because a query copies its name several times.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Arc<[u8]>);

/// The reason why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// An empty text, or two dots in a row.
    #[error("empty label")]
    EmptyLabel,
    /// A label over 63 octets.
    #[error("label over 63 octets")]
    LongLabel,
    /// A name over 255 octets.
    #[error("name over 255 octets")]
    LongName,
    /// A backslash that is not followed by a character or three digits up to 255.
    #[error("bad escape: a backslash takes one character or three digits up to 255")]
    BadEscape,
}

impl Name {
    /// The root.
    pub fn root() -> Self {
        Self(Arc::new([0]))
    }

    /// Reads an uncompressed wire-format name that fills `wire` exactly, in any case.
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let mut lower = [0; MAX_NAME];
        let lower = lower.get_mut(..wire::name_end(wire, 0).filter(|end| *end == wire.len())?)?;
        lower.copy_from_slice(wire);
        lower.make_ascii_lowercase();
        Some(Self((&*lower).into()))
    }

    /// Reads a possibly compressed name at `at` in `message`. `scratch` is working memory; its old contents are lost.
    pub(super) fn read(message: &[u8], at: usize, scratch: &mut Vec<u8>) -> Option<Self> {
        scratch.clear();
        wire::read_name(message, at, scratch)?;
        scratch.make_ascii_lowercase();
        Some(Self(scratch.as_slice().into()))
    }

    /// The bytes in wire format.
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from left to right, without the root label.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.canonical().labels()
    }

    /// The number of labels, not counting the root label.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// The first label; `None` for the root.
    pub fn first_label(&self) -> Option<&[u8]> {
        self.labels().next()
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let first = usize::from(self.0[0]);
        (first != 0).then(|| Self(self.0[first + 1..].into()))
    }

    /// This name with one more label in front; `None` if the label is invalid or the name gets too long.
    pub fn prepend(&self, label: &[u8]) -> Option<Self> {
        let len = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n))?;
        let mut wire = Vec::with_capacity(self.0.len() + label.len() + 1);
        wire.push(len);
        wire.extend(label.iter().map(u8::to_ascii_lowercase));
        wire.extend_from_slice(&self.0);
        (wire.len() <= MAX_NAME).then(|| Self(wire.into()))
    }

    /// The name, borrowed.
    pub fn canonical(&self) -> CanonicalName<'_> {
        CanonicalName::of_octets(&self.0)
    }

    /// Whether this name is `apex` or below it.
    pub fn is_at_or_below(&self, apex: &Self) -> bool {
        self.canonical().strip_suffix(apex.canonical()).is_some()
    }

    /// This name and each name above it up to the root, as wire-format slices, the longest first.
    pub fn suffixes(&self) -> impl Iterator<Item = &[u8]> {
        self.canonical().suffixes().map(CanonicalName::as_wire)
    }

    /// Presentation format relative to `origin`: `@` for the origin itself, the full name where it lies elsewhere.
    pub fn relative_to(&self, origin: &Self) -> String {
        if self == origin {
            return "@".to_owned();
        }
        if origin.0.len() == 1 || !self.is_at_or_below(origin) {
            return self.to_string();
        }
        let mut text = String::new();
        let mut rest = self.label_count() - origin.label_count();
        for label in self.labels() {
            if rest == 0 {
                break;
            }
            if !text.is_empty() {
                text.push('.');
            }
            push_label(&mut text, label);
            rest -= 1;
        }
        text
    }

    /// Presentation format without the final dot, the usual way to type names.
    pub fn without_dot(&self) -> String {
        let mut text = self.to_string();
        if text.len() > 1 {
            text.pop();
        }
        text
    }
}

/// Adds a label in presentation format.
pub(crate) fn push_label(text: &mut String, label: &[u8]) {
    use fmt::Write;
    for &byte in label {
        match byte {
            b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            0x21..=0x7e => text.push(char::from(byte)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
}

impl FromStr for Name {
    type Err = NameError;

    /// Reads presentation format; a final dot may be missing.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "." {
            return Ok(Self::root());
        }
        let mut wire: Vec<u8> = vec![0];
        let mut length_at = 0;
        let mut bytes = text.bytes();
        let mut ended = false;
        while let Some(byte) = bytes.next() {
            ended = false;
            let octet = match byte {
                b'.' => {
                    if wire.len() == length_at + 1 {
                        return Err(NameError::EmptyLabel);
                    }
                    length_at = wire.len();
                    wire.push(0);
                    ended = true;
                    continue;
                }
                b'\\' => unescape(&mut bytes)?,
                other => other.to_ascii_lowercase(),
            };
            wire.push(octet);
            wire[length_at] += 1;
            if wire[length_at] > 63 {
                return Err(NameError::LongLabel);
            }
            if wire.len() > MAX_NAME {
                return Err(NameError::LongName);
            }
        }
        if !ended {
            if wire.len() == length_at + 1 {
                return Err(NameError::EmptyLabel);
            }
            wire.push(0);
        }
        if wire.len() > MAX_NAME {
            return Err(NameError::LongName);
        }
        Ok(Self(wire.into()))
    }
}

/// The octet behind a backslash (RFC 1035 section 5.1).
fn unescape(bytes: &mut std::str::Bytes<'_>) -> Result<u8, NameError> {
    let first = bytes.next().ok_or(NameError::BadEscape)?;
    if !first.is_ascii_digit() {
        return Ok(first.to_ascii_lowercase());
    }
    let mut value = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next().filter(u8::is_ascii_digit).ok_or(NameError::BadEscape)?;
        value = value * 10 + u16::from(digit - b'0');
    }
    u8::try_from(value).map(|octet| octet.to_ascii_lowercase()).map_err(|_| NameError::BadEscape)
}

impl fmt::Display for Name {
    /// Presentation format with the final dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len());
        for label in self.labels() {
            push_label(&mut text, label);
            text.push('.');
        }
        if text.is_empty() {
            text.push('.');
        }
        f.write_str(&text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b): (Vec<&[u8]>, Vec<&[u8]>) = (self.labels().collect(), other.labels().collect());
        a.iter().rev().cmp(b.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn case_and_the_final_dot_make_no_difference() {
        assert_eq!(name("WWW.Example.COM"), name("www.example.com."));
        assert_eq!(name("www.example.com").to_string(), "www.example.com.");
        assert_eq!(name(".").to_string(), ".");
    }

    #[test]
    fn bad_names_are_refused_with_a_reason() {
        assert_eq!("".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!("a..b".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!(".a".parse::<Name>(), Err(NameError::EmptyLabel));
        assert_eq!("x".repeat(64).parse::<Name>(), Err(NameError::LongLabel));
        assert_eq!(vec!["x".repeat(63); 4].join(".").parse::<Name>(), Err(NameError::LongName));
        assert_eq!(r"a\25".parse::<Name>(), Err(NameError::BadEscape));
        assert_eq!(r"a\256".parse::<Name>(), Err(NameError::BadEscape));
    }

    #[test]
    fn at_or_below_respects_label_boundaries() {
        assert!(name("a.example.com").is_at_or_below(&name("example.com")));
        assert!(name("example.com").is_at_or_below(&name("example.com")));
        assert!(name("example.com").is_at_or_below(&Name::root()));
        assert!(!name("notexample.com").is_at_or_below(&name("example.com")));
        assert!(!name(r"a\007example.com").is_at_or_below(&name("example.com")));
    }

    #[test]
    fn rfc4034_6_1_canonical_order() {
        let mut names: Vec<Name> = [
            "z.example",
            r"\200.z.example",
            "example",
            "*.z.example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
        ]
        .map(name)
        .to_vec();
        names.sort();
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "z.example",
            "*.z.example",
            r"\200.z.example",
        ];
        assert_eq!(names, sorted.map(name));
    }

    #[test]
    fn relative_names_are_what_a_zone_file_shows() {
        let origin = name("example.com");
        assert_eq!(name("a.b.example.com").relative_to(&origin), "a.b");
        assert_eq!(origin.relative_to(&origin), "@");
        assert_eq!(name("other.net").relative_to(&origin), "other.net.");
    }

    proptest! {
        #[test]
        fn presentation_format_round_trips(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..12), 0..6)) {
            let mut built = Name::root();
            for label in &labels {
                built = built.prepend(label).unwrap();
            }
            prop_assert_eq!(built.to_string().parse::<Name>().unwrap(), built.clone());
            prop_assert_eq!(Name::from_wire(built.as_wire()).unwrap(), built);
        }

        #[test]
        fn no_text_panics(text in ".{0,300}") {
            if let Ok(parsed) = text.parse::<Name>() {
                prop_assert!(Name::from_wire(parsed.as_wire()).is_some());
            }
        }
    }
}
