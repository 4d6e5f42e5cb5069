//! Reads the lists of a live source: one file for each scope, which [`crate::sync::live`] writes whole.
//!
//! No copy of them is kept: they lie in `state_dir` already, and hold what the last complete read found. A list that is
//! not there yet, or damaged, makes its source silent: it may hold any record, so none is removed for want of it.

use std::path::Path;

use super::{Bounds, Reading, checked, read_bytes};
use crate::diag::{Diagnostic, Id, Place};
use crate::sync::MAX_BYTES;
use crate::sync::live::report::LiveReport;
use crate::sync::source::{Listing, LiveList, Settings, SourceError};

/// Reads the list of every scope.
pub(super) fn read(source: &Settings, lists: &[LiveList], report: &Path, bounds: Bounds<'_>) -> Reading {
    let report = LiveReport::load(report).unwrap_or_default();
    let mut reading = Reading::default();
    // All lists of a source together may be as large as one list.
    let mut left = MAX_BYTES;
    for list in lists {
        match read_one(source, list, bounds, &mut left) {
            Ok((listing, modified)) => {
                let scope = report.scopes.iter().find(|scope| scope.scope.eq_ignore_ascii_case(&list.scope));
                let read_at = scope.and_then(|scope| scope.last_complete).unwrap_or(modified);
                reading.add(listing, read_at, modified);
            }
            Err(problems) => {
                reading.is_silent = true;
                for problem in problems {
                    reading.problems.push(problem.of_source(&source.name));
                }
            }
        }
    }
    reading
}

/// A list, and the time when it last changed, seconds since 1970.
fn read_one(
    source: &Settings,
    list: &LiveList,
    bounds: Bounds<'_>,
    left: &mut u64,
) -> Result<(Listing, u64), Vec<Diagnostic>> {
    if list.path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(vec![unread(source, list)]);
    }
    let damaged = || {
        let text = format!(
            "the list of {} cannot be used: the next read of Azure replaces this file; until then no record is removed for \
             want of it",
            list.scope
        );
        Diagnostic::error(Id::LIST_UNREADABLE, Place::file(&list.path), text)
    };
    let (bytes, stamp) = read_bytes(&list.path, *left)
        .map_err(|(id, problem)| vec![damaged(), Diagnostic::error(id, Place::file(&list.path), problem)])?;
    *left = left.saturating_sub(bytes.len() as u64);
    let listing = checked(source, &list.path, bounds, bytes)
        .map_err(|SourceError(problems)| [damaged()].into_iter().chain(problems.to_vec()).collect::<Vec<_>>())?;
    Ok((listing, stamp.modified()))
}

fn unread(source: &Settings, list: &LiveList) -> Diagnostic {
    let of_view = source.view.as_ref().map(|view| format!(" for view '{view}'")).unwrap_or_default();
    let text = format!(
        "{}{of_view} has not been read yet ('serve' reads it by itself, 'fetch' at once); until then no record is removed for want of \
         it",
        list.scope
    );
    Diagnostic::warning(Id::AZURE_UNREAD, Place::source(&source.name), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::desired::Limits;
    use crate::sync::source::{EntryBudget, Kind};
    use crate::sync::state::State;
    use crate::sync::state::lists::Stamp;

    const LIST: &str = "[[endpoint]]\nfqdn = \"a.blob.core.windows.net\"\naddress = \"10.0.0.4\"\n";

    /// A source with these scopes, whose lists are named like them, in this folder.
    fn source(folder: &Path, scopes: &[&str]) -> Settings {
        let list = |scope: &&str| LiveList { scope: (*scope).to_owned(), path: folder.join(format!("{scope}.toml")) };
        let kind = Kind::Live { lists: scopes.iter().map(list).collect(), report: folder.join("report.json") };
        Settings { name: "s".to_owned(), path: folder.to_owned(), kind, view: None }
    }

    fn write(folder: &Path, name: &str, text: &str) {
        crate::files::replace(folder, name, ".tmp", 0o600, text.as_bytes()).unwrap();
    }

    fn reading(source: &Settings, state: &State) -> Reading {
        crate::sync::source::read(source, &Limits::any(), state, &EntryBudget::default(), 9)
    }

    #[test]
    fn a_scope_without_a_list_makes_the_source_silent_and_the_others_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        write(folder.path(), "a.toml", LIST);
        let read = reading(&source(folder.path(), &["a", "b"]), &state);
        assert_eq!((read.listings.len(), read.is_silent), (1, true));
        let problems = read.problems.to_vec();
        assert!(problems.len() == 1 && problems[0].id == Id::AZURE_UNREAD && !problems[0].is_error(), "{problems:?}");
        assert!(problems[0].to_string().starts_with("source 's': b has not been read yet"), "{problems:?}");
    }

    #[test]
    fn a_damaged_list_is_named_and_nothing_is_removed_for_want_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        for damaged in [&LIST[..LIST.len() - 3], "\0\0\0", "[[endpoint]]\nfqdn = 1\n"] {
            write(folder.path(), "a.toml", damaged);
            let read = reading(&source(folder.path(), &["a"]), &state);
            assert!(read.listings.is_empty() && read.is_silent, "{damaged}");
            let problems = read.problems.to_vec();
            assert!(problems[0].text.contains("the next read of Azure replaces this file"), "{problems:?}");
            assert!(problems.len() > 1 && problems.iter().all(|found| found.source.as_deref() == Some("s")));
        }
    }

    #[test]
    fn a_list_is_as_old_as_the_last_complete_read_of_its_scope() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        write(folder.path(), "a.toml", LIST);
        let source = source(folder.path(), &["a"]);
        assert!(reading(&source, &state).read_at.is_some_and(|at| at > 1_000_000_000), "by the file itself");
        write(folder.path(), "report.json", r#"{"scopes": [{"scope": "A", "last_complete": 77}]}"#);
        assert_eq!(reading(&source, &state).read_at, Some(77));
        write(folder.path(), "report.json", "{");
        assert!(reading(&source, &state).problems.is_empty(), "a damaged report is none");
    }

    #[test]
    fn what_was_kept_while_the_source_was_one_of_files_is_forgotten_once_azure_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().join("state"));
        let old = Path::new("/lists/old.txt");
        state.keep_list("s", old, (7, Stamp::default()), b"b.blob.core.windows.net 10.0.0.5\n").unwrap();
        let source = source(folder.path(), &["a"]);
        assert!(reading(&source, &state).is_silent && state.kept_list("s", old).is_some());
        write(folder.path(), "a.toml", LIST);
        assert_eq!(reading(&source, &state).listings.len(), 1);
        assert!(state.kept_list("s", old).is_none());
    }
}
