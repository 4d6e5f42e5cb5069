//! Who keeps a zone file: its first line says so.

/// The first line of every file that sync writes.
pub(crate) const MANAGED_HEADER: &str = "; Written by privatelink-dns";

/// The first line of every file that is made from the zones in service. It is no beginning of the other one: a server
/// that knows no such files takes them for hand-written ones, and does not write them.
pub(crate) const DERIVED_HEADER: &str = "; Derived by privatelink-dns";

/// Who keeps a zone file, and what may become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sync, from lists.
    Managed,
    /// The server, from the other zones in service: for secondaries alone.
    Derived,
    /// A person: it is never written.
    HandWritten,
}

impl Kind {
    /// The octets at the start of a file that are enough to tell.
    pub(crate) const HEAD: u64 = 64;

    /// Of a file that begins with this text.
    pub(crate) fn of(text: &[u8]) -> Self {
        match text {
            _ if text.starts_with(MANAGED_HEADER.as_bytes()) => Self::Managed,
            _ if text.starts_with(DERIVED_HEADER.as_bytes()) => Self::Derived,
            _ => Self::HandWritten,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_the_kind_that_its_first_line_says() {
        for (text, kind) in [
            ("; Written by privatelink-dns.\n@ SOA", Kind::Managed),
            ("; Derived by privatelink-dns from the zones in service.\n", Kind::Derived),
            ("\n; Derived by privatelink-dns\n", Kind::HandWritten),
            ("; written by privatelink-dns\n", Kind::HandWritten),
            ("", Kind::HandWritten),
        ] {
            assert_eq!(Kind::of(text.as_bytes()), kind, "{text}");
            assert!(text.len() as u64 <= Kind::HEAD);
        }
    }
}
