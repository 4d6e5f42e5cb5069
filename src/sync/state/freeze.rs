//! The freeze: while it lasts, sync reads, plans and reviews, and writes no zone file.
//!
//! Input: the order to freeze or to thaw. Output: the file `frozen.json`, which every process that syncs looks at just
//! before it writes, so that the freeze survives a restart. A freeze that cannot be read counts as one: who asked for
//! it did not want anything written.

use std::io;

use serde::{Deserialize, Serialize};

use super::{State, StateError};
use crate::diag::{Diagnostic, Id, Place, printable};
use crate::files;

const NAME: &str = "frozen.json";

/// Octets that are read.
const MAX_BYTES: u64 = 64 << 10;

/// Characters of a reason that are kept.
pub(crate) const MAX_REASON: usize = 300;

/// A freeze.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// When it began, seconds since 1970; 0 if that is not known.
    pub since: u64,
    /// The person who asked for it last.
    pub by: Option<String>,
    /// The person's reason.
    pub reason: Option<String>,
    /// Why there is no more known of it.
    #[serde(skip)]
    pub problem: Option<Diagnostic>,
}

impl Freeze {
    /// From now on. Of a reason that is too long the start is kept.
    pub fn new(now: u64, by: &str, reason: Option<&str>) -> Self {
        let short = |text: &str| printable(&text.trim().chars().take(MAX_REASON).collect::<String>()).into_owned();
        let reason = reason.map(short).filter(|reason| !reason.is_empty());
        Self { since: now, by: Some(by.to_owned()), reason, problem: None }
    }

    /// A freeze of which nothing can be read.
    fn unknown(problem: Diagnostic) -> Self {
        Self { since: 0, by: None, reason: None, problem: Some(problem) }
    }

    /// ` by alice: a wrong list`, as far as it is known.
    pub fn by_whom(&self) -> String {
        by_whom(self.by.as_deref(), self.reason.as_deref())
    }
}

/// ` by alice: a wrong list`, as far as it is known.
pub(crate) fn by_whom(by: Option<&str>, reason: Option<&str>) -> String {
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    by + &reason
}

impl State {
    /// The present freeze; `None` if there is none.
    pub fn frozen(&self) -> Option<Freeze> {
        let found = match self.read("", NAME, MAX_BYTES) {
            Ok(found) => found?,
            // Where there cannot be a file, nobody froze anything.
            Err(error) if error.error.kind() == io::ErrorKind::NotADirectory => return None,
            Err(error) => return Some(Freeze::unknown(error.diagnostic(Id::FROZEN).and(UNREADABLE))),
        };
        Some(serde_json::from_slice(&found).unwrap_or_else(|error| {
            let text = format!("state_dir: it is no freeze that this version can read: {error}{UNREADABLE}");
            Freeze::unknown(Diagnostic::error(Id::FROZEN, Place::file(&self.part(NAME)), text))
        }))
    }

    /// Freezes. A freeze that is there keeps its beginning, and its reason if there is no new one.
    ///
    /// # Errors
    /// If the disk does not take it; then nothing is frozen that was not before.
    pub fn freeze(&self, new: Freeze) -> Result<Freeze, StateError> {
        let freeze = match self.frozen().filter(|before| before.problem.is_none()) {
            Some(before) => Freeze { since: before.since, reason: new.reason.or(before.reason), ..new },
            None => new,
        };
        let bytes = serde_json::to_vec_pretty(&freeze).unwrap_or_default();
        self.write("", NAME, &bytes)?;
        Ok(freeze)
    }

    /// Ends the freeze, and gives what it was.
    ///
    /// # Errors
    /// If the file cannot be removed; then all stays frozen.
    pub fn thaw(&self) -> Result<Option<Freeze>, StateError> {
        let before = self.frozen();
        let failed = |(doing, error)| StateError { path: self.part(NAME), doing, error };
        match before {
            None => Ok(None),
            Some(before) => files::remove(self.folder(), NAME).map(|()| Some(before)).map_err(failed),
        }
    }
}

const UNREADABLE: &str = "; this counts as frozen: no zone file is written until thaw, which removes the file";

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        (folder, state)
    }

    #[test]
    fn a_freeze_lasts_until_thaw_and_a_second_one_keeps_its_beginning() {
        let (_folder, state) = state();
        assert_eq!(state.frozen(), None);
        assert_eq!(state.thaw().unwrap(), None, "nothing to thaw is no error");
        let first = state.freeze(Freeze::new(100, "alice", Some(" a wrong list "))).unwrap();
        assert_eq!(first.by_whom(), " by alice: a wrong list");
        assert_eq!(state.frozen(), Some(first.clone()));
        let second = state.freeze(Freeze::new(200, "bob", None)).unwrap();
        assert_eq!((second.since, second.by_whom().as_str()), (100, " by bob: a wrong list"));
        let third = state.freeze(Freeze::new(300, "bob", Some("another"))).unwrap();
        assert_eq!((third.since, third.reason.as_deref()), (100, Some("another")));
        assert_eq!(state.thaw().unwrap(), Some(third));
        assert_eq!(state.frozen(), None);
    }

    #[test]
    fn a_freeze_that_cannot_be_read_counts_as_one_says_so_and_can_be_thawed() {
        let (_folder, state) = state();
        for damage in [&b""[..], b"{}", b"{\"since\":\"x\"}", b"\xff\xff", &vec![b' '; 100_000]] {
            state.write("", NAME, damage).unwrap();
            let problem = state.frozen().unwrap().problem.unwrap();
            assert!(problem.to_string().contains("counts as frozen"), "{problem}");
            assert!(problem.is_error() && problem.id == Id::FROZEN);
            let mended = state.freeze(Freeze::new(7, "alice", None)).unwrap();
            assert_eq!(state.frozen(), Some(mended), "a new freeze takes its place");
            state.write("", NAME, damage).unwrap();
            assert!(state.thaw().unwrap().is_some());
            assert_eq!(state.frozen(), None);
        }
    }

    #[test]
    fn without_a_folder_for_the_state_nothing_is_frozen() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        assert_eq!(State::new(folder.path().join("none")).frozen(), None);
        assert_eq!(State::new(folder.path().join("file")).frozen(), None);
    }

    #[test]
    fn a_reason_is_short_and_safe_to_show() {
        let freeze = Freeze::new(1, "alice", Some(&format!("a\u{1b}[2J{}", "x".repeat(10_000))));
        let reason = freeze.reason.unwrap();
        assert!(reason.len() < 400 && !reason.contains('\u{1b}'), "{reason}");
        assert_eq!(Freeze::new(1, "alice", Some("  ")).reason, None);
    }
}
