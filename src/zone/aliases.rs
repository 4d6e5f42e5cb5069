//! Further public names of a zone's records, which sync keeps in comments, because a zone holds no names outside of
//! itself.
//!
//! Input: the last lines of a file that sync wrote, `; alias acct.z12.blob.storage.azure.net acct`. Output: the owner
//! that such a name leads to. The decision when to answer with it is made elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write;

/// The start of each line.
const START: &str = "; alias ";

/// Public names, without final dot and in lower case, each with the owner it leads to, relative to the apex. Sorted, so
/// that the same names are the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(BTreeMap<Box<str>, Box<str>>);

impl Aliases {
    /// Reads the lines at the end of a file that sync wrote. One that makes no sense is a comment like any other.
    pub fn read(text: &[u8]) -> Self {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let lines = text.rsplit(|byte| *byte == b'\n').map_while(|line| line.strip_prefix(START.as_bytes()));
        let pairs = lines.filter_map(|line| std::str::from_utf8(line).ok()?.split_once(' '));
        Self(pairs.map(|(name, owner)| (name.into(), owner.into())).collect())
    }

    /// The lines for the end of a file.
    pub fn write(&self, text: &mut String) {
        for (name, owner) in self.iter() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{START}{name} {owner}");
        }
    }

    /// Adds a name.
    pub fn insert(&mut self, name: &str, owner: &str) {
        self.0.insert(name.into(), owner.into());
    }

    /// Keeps the names that lead to such an owner.
    pub fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.0.retain(|_, owner| keeps(owner));
    }

    /// The owner that a name leads to.
    pub fn owner_of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|owner| &**owner)
    }

    /// Each name with its owner, sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, owner)| (&**name, &**owner))
    }

    /// True if it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_text_is_read_again() {
        let mut aliases = Aliases::default();
        aliases.insert("b.z07.blob.storage.azure.net", "b");
        aliases.insert("a.z33.blob.storage.azure.net", "a");
        let mut text = "@ 3600 NS ns.\na A 10.0.0.1\n".to_owned();
        aliases.write(&mut text);
        assert!(
            text.ends_with("; alias a.z33.blob.storage.azure.net a\n; alias b.z07.blob.storage.azure.net b\n"),
            "{text}"
        );
        assert_eq!(Aliases::read(text.as_bytes()), aliases);
        assert_eq!(aliases.owner_of("b.z07.blob.storage.azure.net"), Some("b"));
        assert_eq!(aliases.owner_of("b.z08.blob.storage.azure.net"), None);
    }

    #[test]
    fn other_lines_are_no_aliases() {
        for text in ["", "\n", "; alias x y\na A 10.0.0.1\n", "; alias x\n", "; alias \u{fffd}\n", "; Alias x y\n"] {
            assert!(Aliases::read(text.as_bytes()).is_empty(), "{text}");
        }
        assert!(Aliases::read(b"; alias \xff y\n").is_empty());
    }
}
