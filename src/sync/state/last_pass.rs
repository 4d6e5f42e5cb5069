//! The last pass that changed something, as the journal has it: what an undo goes back to.
//!
//! Input: the journal. Output: all changes of its last pass, or why they are not all there.

use serde::Deserialize;

use super::changes::{AppliedChange, MAX_BYTES, NAME, OLDER};
use super::{State, StateError};
use crate::diag::{Diagnostic, Id, Place};

/// Octets of the journal that are read: it is begun anew before a pass, not within one.
const MAX_READ: u64 = 4 * MAX_BYTES;

/// The last pass that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastPass {
    /// When it was, as its entries say.
    pub at: String,
    /// Its changes, in the order of the journal.
    pub changes: Vec<AppliedChange>,
}

impl State {
    /// The last pass that changed something; `None` if none did.
    ///
    /// # Errors
    /// If the journal cannot be read, or does not have all of that pass.
    pub(crate) fn last_pass(&self) -> Result<Option<LastPass>, Diagnostic> {
        let cannot = |error: StateError| error.diagnostic(Id::JOURNAL_FAILED);
        let newest = self.read("", NAME, MAX_READ).map_err(cannot)?.filter(|bytes| !bytes.is_empty());
        let bytes = match newest {
            Some(bytes) => Some(bytes),
            // The process that began it anew did not come to write into it.
            None => self.read("", OLDER, MAX_READ).map_err(cannot)?,
        };
        let place = || Place::file(&self.part(NAME));
        last_pass(&bytes.unwrap_or_default()).map_err(|why| {
            Diagnostic::error(Id::JOURNAL_FAILED, place(), format!("the last change cannot be undone: {why}"))
        })
    }
}

/// The line that stands for the changes of a pass beyond those that are kept.
#[derive(Deserialize)]
struct Cut {
    more: u64,
}

/// The entries at the end of a journal that have one time.
fn last_pass(journal: &[u8]) -> Result<Option<LastPass>, String> {
    if !journal.is_empty() && !journal.ends_with(b"\n") {
        return Err("its last entry is not whole".to_owned());
    }
    let mut changes: Vec<AppliedChange> = Vec::new();
    for line in journal.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let Ok(Cut { more }) = serde_json::from_slice(line) {
            // The pass before the last one is none of ours.
            if changes.is_empty() {
                return Err(format!("it was larger than the journal keeps, which lacks {more} records of it"));
            }
            break;
        }
        let change: AppliedChange =
            serde_json::from_slice(line).map_err(|error| format!("an entry of it makes no sense: {error}"))?;
        if changes.first().is_some_and(|last| last.at != change.at) {
            break;
        }
        changes.push(change);
    }
    changes.reverse();
    let at = changes.first().map(|change| change.at.clone());
    Ok(at.map(|at| LastPass { at, changes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: &str, name: &str) -> String {
        format!(
            r#"{{"at":"{at}","zone":"z","name":"{name}.z","type":"A","before":[],"after":["10.0.0.4"],"source":null,"place":null,"approved":false}}"#
        ) + "\n"
    }

    #[test]
    fn the_last_pass_is_all_that_has_the_last_time() {
        let names = |journal: &str| {
            let pass = last_pass(journal.as_bytes()).unwrap();
            pass.map(|pass| pass.changes.into_iter().map(|change| change.name).collect::<Vec<_>>())
        };
        assert_eq!(names(""), None);
        assert_eq!(
            names(&(line("1", "a") + &line("2", "b") + &line("2", "c"))),
            Some(vec!["b.z".into(), "c.z".into()])
        );
        assert_eq!(names(&(line("2", "a") + &line("1", "b"))), Some(vec!["b.z".into()]), "a clock that was set back");
        let before = line("1", "a") + "{\"at\":\"1\",\"more\":7}\n" + &line("2", "b");
        assert_eq!(names(&before), Some(vec!["b.z".into()]), "that was another pass");
    }

    #[test]
    fn a_pass_that_is_not_whole_is_no_last_pass() {
        for (journal, why) in [
            (line("1", "a") + "{\"at\":\"1\",\"more\":7}\n", "lacks 7 records"),
            (line("1", "a") + "{\"at\":\"1\"", "not whole"),
            (line("1", "a") + "nonsense\n", "makes no sense"),
            ("nonsense\n".to_owned() + &line("1", "a"), "makes no sense"),
        ] {
            let said = last_pass(journal.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
