//! One zone file as it was last read: the zone in service, and what is wrong with the file.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::Serial;
use crate::zone::history::History;
use crate::zone::overlay::hidden_at_apex;
use crate::zone::{Zone, ZoneId, ZoneSet};

/// One zone file.
#[derive(Default)]
pub(super) struct Loaded {
    /// Of the last file looked at, good or bad; `None` once it is gone.
    pub(super) file: Option<Fingerprint>,
    pub(super) zone: Option<Arc<Zone>>,
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
    pub(super) fn read(id: &ZoneId, path: &Path, text: &[u8], file: Fingerprint, previous: Option<Arc<Zone>>) -> Self {
        let (zone, findings) = Zone::from_file(&id.apex, &diag::path(path), text);
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
            errors: errors.into_iter().map(|error| error.and(&stays)).collect(),
            warnings,
            ..Self::default()
        }
    }

    /// A file that is not read as a zone because of what its first line says.
    pub(super) fn misplaced(file: Fingerprint, found: Diagnostic, previous: Option<Arc<Zone>>) -> Self {
        let (zone, errors, warnings) =
            if found.is_error() { (previous, vec![found], Vec::new()) } else { (None, Vec::new(), vec![found]) };
        Self { file: Some(file), zone, errors, warnings, ..Self::default() }
    }

    /// A file that is gone or cannot be read.
    pub(super) fn unreadable(path: &Path, error: &io::Error, previous: Option<Arc<Zone>>) -> Self {
        let text = match &previous {
            Some(zone) => format!("cannot read the zone file: {error}; serial {} stays in service", zone.serial()),
            None => format!("cannot read the zone file: {error}; the zone answers SERVFAIL until it is there"),
        };
        let problem = Diagnostic::error(Id::ZONE_UNREADABLE, Place::file(path), text);
        // A zone that sync has yet to write is not an error; a file that disappeared is.
        let expected = error.kind() == io::ErrorKind::NotFound && previous.is_none();
        let errors = if expected { Vec::new() } else { vec![problem] };
        Self { zone: previous, errors, ..Self::default() }
    }

    /// Whether it is a file that the server made and that no zone comes from any more.
    pub(super) fn is_stray(&self) -> bool {
        self.warnings.iter().any(|found| found.id == Id::ZONE_STRAY_DERIVED)
    }

    /// Lays a view's part over the zone of the base, or takes what it laid there before. Without a good copy of both
    /// there is nothing: what the part lacks is the base's to say.
    pub(super) fn see(&mut self, base: &ZoneSet) {
        let seen = self.seen.take();
        let Some(own) = &self.zone else { return };
        self.seen = match base.get(own.apex()) {
            Some(hosted) => hosted.zone.as_ref().and_then(|base| match seen {
                Some(seen) if seen.is_overlaid_of(own, base) => Some(seen),
                _ => Zone::overlaid(own, base),
            }),
            None if base.is_unread(own.apex()) => None,
            None => Some(Arc::clone(own)),
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
