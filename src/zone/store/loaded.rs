//! One zone file as it was last read: the zone in service, and what is wrong with the file.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use crate::diag::{self, Diagnostic, Diagnostics, Id, Place};
use crate::dns::Serial;
use crate::zone::history::History;
use crate::zone::overlay::hidden_at_apex;
use crate::zone::{Zone, ZoneId, ZoneSet};

/// Records of a zone whose text is kept for the next version: a smaller one is read whole in some milliseconds.
const LARGE: usize = 10_000;

/// One zone file.
#[derive(Default)]
pub(super) struct Loaded {
    /// Of the last file looked at, good or bad; `None` once it is gone.
    pub(super) file: Option<Fingerprint>,
    pub(super) zone: Option<Arc<Zone>>,
    /// The text that the zone in service was made of, if the next version can be made of it.
    pub(super) text: Option<Vec<u8>>,
    /// Of a view's part: the zone as its clients see it.
    pub(super) seen: Option<Arc<Zone>>,
    pub(super) misses: Arc<AtomicU64>,
    pub(super) history: Arc<History>,
    /// The errors that keep the file with that fingerprint out of service; empty if there are none.
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// Enough to see that a file changed: its inode changes with every rename, its times with every write, the second one
/// even if the first is set back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    modified: Option<SystemTime>,
    changed: (i64, i64),
    length: u64,
    inode: u64,
}

impl Fingerprint {
    pub(super) fn of(file: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let changed = (file.ctime(), file.ctime_nsec());
        Self { modified: file.modified().ok(), changed, length: file.len(), inode: file.ino() }
    }
}

impl Loaded {
    /// A file that was read; the zone before stays in service if it is a bad one.
    pub(super) fn read(id: &ZoneId, path: &Path, text: Vec<u8>, file: Fingerprint, known: &mut Self) -> Self {
        let previous = known.zone.clone();
        let before = known.text.take().zip(previous.as_deref());
        let patched = before.as_ref().and_then(|(before, zone)| zone.patched(before, &text));
        let (zone, findings) = match patched {
            Some(zone) => (Some(zone), Diagnostics::default()),
            None => Zone::from_file(&id.apex, &diag::path(path), &text),
        };
        let text = match &zone {
            Some(zone) => (zone.is_plain && zone.record_count() >= LARGE).then_some(text),
            None => before.map(|(before, _)| before),
        };
        let hidden = zone.as_ref().filter(|_| id.view.is_some()).and_then(hidden_at_apex);
        let stays = match &previous {
            Some(zone) => format!("; serial {} stays in service", zone.serial()),
            None => "; the zone answers SERVFAIL until this is fixed".to_owned(),
        };
        let (errors, mut warnings): (Vec<_>, Vec<_>) = findings.to_vec().into_iter().partition(Diagnostic::is_error);
        warnings.extend(hidden.map(|rtype| {
            let text = format!(
                "the {rtype} record at the apex is not served: the apex of a view's zone is that of the base; put it there"
            );
            Diagnostic::warning(Id::ZONE_APEX_HIDDEN, Place::file(path), text)
        }));
        Self {
            file: Some(file),
            zone: zone.map(Arc::new).or(previous),
            text,
            errors: errors.into_iter().map(|error| error.and(&stays)).collect(),
            warnings,
            ..Self::default()
        }
    }

    /// A file that is not read as a zone because of what its first line says.
    pub(super) fn misplaced(file: Fingerprint, found: Diagnostic, known: &mut Self) -> Self {
        if !found.is_error() {
            return Self { file: Some(file), warnings: vec![found], ..Self::default() };
        }
        let (zone, text) = (known.zone.clone(), known.text.take());
        Self { file: Some(file), zone, text, errors: vec![found], ..Self::default() }
    }

    /// A file that is gone or cannot be read.
    pub(super) fn unreadable(path: &Path, error: &io::Error, known: &mut Self) -> Self {
        let previous = known.zone.clone();
        let text = match &previous {
            Some(zone) => format!("cannot read the zone file: {error}; serial {} stays in service", zone.serial()),
            None => format!("cannot read the zone file: {error}; the zone answers SERVFAIL until it is there"),
        };
        let problem = Diagnostic::error(Id::ZONE_UNREADABLE, Place::file(path), text);
        // A zone that sync has yet to write is not an error; a file that disappeared is.
        let expected = error.kind() == io::ErrorKind::NotFound && previous.is_none();
        let errors = if expected { Vec::new() } else { vec![problem] };
        Self { zone: previous, text: known.text.take(), errors, ..Self::default() }
    }

    /// Whether records are in service that sync wrote.
    pub(super) fn has_written_records(&self) -> bool {
        let has_names = |zone: &Arc<Zone>| zone.rrsets().any(|(owner, _)| !owner.is_empty());
        self.zone.as_ref().is_some_and(|zone| zone.is_managed() && has_names(zone))
    }

    /// Whether it is a file that the server made and that no zone comes from any more.
    pub(super) fn is_stray(&self) -> bool {
        self.warnings.iter().any(|found| found.id == Id::ZONE_STRAY_DERIVED)
    }

    /// Lays a view's part over the zone of the base, or takes what it laid there before.
    pub(super) fn see(&mut self, base: &ZoneSet) {
        let seen = self.seen.take();
        let Some(own) = &self.zone else { return };
        let under = base.under(own.apex());
        self.seen = match (seen, under.and_then(|hosted| hosted.zone.as_ref())) {
            (Some(seen), Some(base)) if seen.is_overlaid_of(own, base) => Some(seen),
            _ => Zone::seen(own, under),
        };
    }
}

/// A warning if a zone takes an earlier serial than it had (RFC 1982).
pub(super) fn serial_back(path: &Path, before: Serial, now: Serial) -> Option<Diagnostic> {
    let text = format!(
        "the serial goes back from {before} to {now}: the zone is served as it is, but a secondary keeps what it has until \
         the serial is above {before} (RFC 1982); was an old file put back?"
    );
    before.is_after(now).then(|| Diagnostic::warning(Id::ZONE_SERIAL_BACK, Place::file(path), text))
}

/// A zone that changed and kept its serial, which nobody does by intent.
pub(super) fn serial_same(path: &Path, before: &Arc<Zone>, now: &Arc<Zone>) -> Option<Diagnostic> {
    let changed = !Arc::ptr_eq(before, now) && before.serial() == now.serial() && before.contents() != now.contents();
    let text = format!(
        "the records changed and the serial is still {}: secondaries keep the old ones; raise the serial (RFC 1982)",
        now.serial()
    );
    changed.then(|| Diagnostic::warning(Id::ZONE_SERIAL_SAME, Place::file(path), text))
}
