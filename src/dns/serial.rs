//! SOA serial numbers and their circular order (RFC 1982).

use std::cmp::Ordering;
use std::fmt;

/// An SOA serial number. It has no total order: use [`Serial::compare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// The serial after this one: it wraps from 4294967295 to 1 and never is 0, which some servers read as "unset".
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1).max(1))
    }

    /// RFC 1982 section 3.2. `None` where the two lie exactly half the circle apart and no order is defined.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        match self.0.wrapping_sub(other.0) {
            0 => Some(Ordering::Equal),
            0x8000_0000 => None,
            ahead if ahead < 0x8000_0000 => Some(Ordering::Greater),
            _ => Some(Ordering::Less),
        }
    }

    /// Whether a secondary that holds `other` would take this serial as newer.
    pub fn is_after(self, other: Self) -> bool {
        self.compare(other) == Some(Ordering::Greater)
    }

    /// The later of both; where no order is defined, the first.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if other.is_after(self) { other } else { self }
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn next_wraps_past_zero() {
        assert_eq!(Serial(u32::MAX).next(), Serial(1));
        assert_eq!(Serial(7).next(), Serial(8));
    }

    #[test]
    fn rfc1982_the_order_is_circular() {
        assert!(Serial(1).is_after(Serial(u32::MAX)));
        assert!(!Serial(u32::MAX).is_after(Serial(1)));
        assert_eq!([Serial(u32::MAX).later(Serial(1)), Serial(7).later(Serial(5))], [Serial(1), Serial(7)]);
        assert_eq!(Serial(0).compare(Serial(0x8000_0000)), None);
    }

    proptest! {
        #[test]
        fn next_is_always_after(n: u32) {
            prop_assert!(Serial(n).next().is_after(Serial(n)));
        }
    }
}
