//! Borrowed names in canonical form: wire format, letters in lower case (RFC 4034 section 6.2). Zones are looked up by
//! them, and labels are walked here.

use std::fmt;

/// A whole name, down to the root's empty label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalName<'a>(&'a [u8]);

impl<'a> CanonicalName<'a> {
    /// A name from octets that are known to be canonical: those of a [`super::Name`], or a copy of them.
    pub(crate) fn of_octets(wire: &'a [u8]) -> Self {
        debug_assert!(!wire.iter().any(u8::is_ascii_uppercase), "a name in lower case");
        Self(wire)
    }

    /// Wire format.
    pub fn as_wire(self) -> &'a [u8] {
        self.0
    }

    /// The labels without the root's, the first one first.
    pub fn labels(self) -> impl Iterator<Item = &'a [u8]> {
        labels(self.0)
    }

    /// This name and each name above it up to the root.
    pub fn suffixes(self) -> impl Iterator<Item = Self> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let own = next?;
            next = own.parent();
            Some(own)
        })
    }

    /// The name without its first label; `None` for the root.
    pub fn parent(self) -> Option<Self> {
        split_label(self.0).map(|(_, rest)| Self(rest))
    }

    /// The labels in front of `suffix`, none if it is the same name; `None` if this name is not at or below it.
    pub fn strip_suffix(self, suffix: CanonicalName<'_>) -> Option<&'a [u8]> {
        let cut = self.0.len().checked_sub(suffix.0.len())?;
        if self.0[cut..] != *suffix.0 {
            return None;
        }
        let mut at = 0;
        while at < cut {
            at += usize::from(self.0[at]) + 1;
        }
        (at == cut).then(|| &self.0[..cut])
    }
}

impl fmt::Debug for CanonicalName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.labels().map(String::from_utf8_lossy)).finish()
    }
}

/// The labels of a whole name in wire format, or of one that ends before the root.
pub fn labels(wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = wire;
    std::iter::from_fn(move || {
        let (label, tail) = split_label(rest)?;
        rest = tail;
        Some(label)
    })
}

/// The first label and the rest; `None` at the root.
fn split_label(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = wire.split_first().filter(|(len, _)| **len > 0)?;
    rest.split_at_checked(usize::from(*len))
}

/// Space for a name of up to [`NameBuffer::CAPACITY`] octets in canonical form, without allocation.
pub struct NameBuffer {
    octets: [u8; Self::CAPACITY],
    len: usize,
}

impl NameBuffer {
    /// The longest name that fits, octets; hardly any is longer.
    pub const CAPACITY: usize = 128;

    /// Reads a whole name in wire format, letters in any case; `None` if it is longer than the capacity.
    pub fn new(wire: &[u8]) -> Option<Self> {
        let mut octets = [0; Self::CAPACITY];
        octets.get_mut(..wire.len())?.copy_from_slice(wire);
        // A length octet is below 64, so it is not a letter.
        octets[..wire.len()].make_ascii_lowercase();
        Some(Self { octets, len: wire.len() })
    }

    /// The name.
    pub fn name(&self) -> CanonicalName<'_> {
        CanonicalName(&self.octets[..self.len])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Name;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn labels_and_suffixes_lead_to_the_root() {
        let name = name("a.Bc.example");
        let labels: Vec<&[u8]> = name.canonical().labels().collect();
        assert_eq!(labels, [&b"a"[..], b"bc", b"example"]);
        let lengths: Vec<usize> = name.canonical().suffixes().map(|name| name.as_wire().len()).collect();
        assert_eq!(lengths, [14, 12, 9, 1]);
        assert_eq!(Name::root().canonical().parent(), None);
    }

    #[test]
    fn a_suffix_ends_at_a_label() {
        let stripped = |whole: &str, suffix: &str| {
            name(whole).canonical().strip_suffix(name(suffix).canonical()).map(<[u8]>::to_vec)
        };
        assert_eq!(stripped("a.b.example", "example"), Some(b"\x01a\x01b".to_vec()));
        assert_eq!(stripped("example", "example"), Some(vec![]));
        assert_eq!(stripped("a.example", "."), Some(b"\x01a\x07example".to_vec()));
        assert_eq!(stripped("example", "a.example"), None);
        assert_eq!(stripped("a.example", "other"), None);
        // "\001a" inside a label looks like a label of its own.
        assert_eq!(stripped("x\\001a.example", "a.example"), None);
    }

    #[test]
    fn a_buffer_holds_a_name_in_lower_case_or_none() {
        let buffer = NameBuffer::new(b"\x01A\x02bC\0").unwrap();
        assert_eq!(buffer.name(), name("a.bc").canonical());
        assert!(NameBuffer::new(&[0; NameBuffer::CAPACITY + 1]).is_none());
    }
}
