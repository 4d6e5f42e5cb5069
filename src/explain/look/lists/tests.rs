//! Sources that are away, refused, or hang.

use std::path::Path;

use super::*;
use crate::diag::{Id, Place};
use crate::sync::source::{Format, Kind, Settings as Source};

fn settings(folder: &Path, names: &[&str]) -> Settings {
    let source = |name: &&str| {
        let path = folder.join(format!("{name}.txt"));
        Source { name: (*name).to_owned(), path, kind: Kind::Files(Format::Auto), view: None }
    };
    Settings {
        views: Vec::new(),
        sources: names.iter().map(source).collect(),
        live: Vec::new(),
        zone_dir: folder.to_owned(),
        state: crate::sync::state::State::new(folder.join("state")),
        cloud: None,
        hosted: BTreeSet::new(),
        ttl: Duration::ZERO,
        max_removed: crate::sync::guard::Percent::default(),
        guard_window: Duration::ZERO,
        pass_deadline: Duration::ZERO,
        allowed_targets: Vec::new(),
        interval: Duration::ZERO,
        miss_interval: Duration::ZERO,
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    crate::files::replace(folder, name, ".tmp", 0o600, text.as_bytes()).unwrap();
}

#[test]
fn mentions_come_in_the_order_of_the_config_with_the_error_of_their_list() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "b.txt", "10.0.0.5 acct.blob.core.windows.net\n");
    write(folder.path(), "a.txt", "\n10.0.0.300 acct.queue.core.windows.net\n");
    let file = folder.path().join("a.txt");
    let error = Diagnostic::error(Id::LIST_BAD_ADDRESS, Place::line(&crate::diag::path(&file), 2), "no IP address");
    let settings = settings(folder.path(), &["b", "a", "gone"]);
    let (mentions, away) = Arc::<Searches>::default().search(&settings, "acct", std::slice::from_ref(&error));
    let found: Vec<_> = mentions.iter().map(|one| (&*one.source, one.line, one.refused.is_some())).collect();
    assert_eq!(found, [("b", 1, false), ("a", 2, true)]);
    assert_eq!(mentions[1].service.as_deref(), Some("queue"));
    assert_eq!((away.len(), away[0].source.as_str()), (1, "gone"));
    assert!(away[0].reason.contains("gone.txt"), "{away:?}");
}

#[test]
fn a_source_whose_disk_hangs_is_named_and_not_searched_a_second_time() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "good.txt", "10.0.0.5 acct.blob.core.windows.net\n");
    let searches = Arc::<Searches>::default();
    searches.hanging().insert("share".to_owned());
    let (mentions, away) = searches.search(&settings(folder.path(), &["share", "good"]), "acct", &[]);
    assert_eq!(mentions.len(), 1);
    assert_eq!((away.len(), away[0].source.as_str()), (1, "share"));
    assert!(away[0].reason.contains("still waits for its disk"), "{away:?}");
    assert_eq!(searches.hanging().len(), 1, "the others have come back");
}
