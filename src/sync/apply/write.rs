//! Replacing files so that a crash leaves the old one or the new one.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ApplyError;
use crate::dns::Serial;
use crate::zone::text::is_managed;

/// The one temporary file: whoever holds the lock writes it. It has no random part, so that an error about it reads the same
/// in every pass and is told once.
const TEMPORARY: &str = ".privatelink-dns.tmp";

/// The file's mode: every server and person on the machine may read zones.
const MODE: u32 = 0o644;

/// The head of a zone file; the serial stands well inside.
const HEAD: u64 = 2048;

/// The zone folder, locked against other syncs for as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Locks the folder and clears away what killed syncs left in it.
    pub(super) fn lock(path: &Path) -> Result<Self, ApplyError> {
        // The first sync of a new installation finds no folder yet.
        fs::create_dir_all(path).map_err(failed(path, "cannot make the zone folder"))?;
        let handle = File::open(path).map_err(failed(path, "cannot open the zone folder"))?;
        match handle.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ApplyError::Busy(path.to_owned())),
            // Some network file systems have no locks; the check of each file before it is replaced remains.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(path, "cannot lock the zone folder")(error)),
        }
        let folder = Self { path: path.to_owned(), handle };
        // Nobody else writes while the folder is locked: what is there was left by a sync that was killed.
        let _ = fs::remove_file(folder.path.join(TEMPORARY));
        Ok(folder)
    }

    /// Makes sure that a file is still what the plan was made for: ours and of this serial, or not there.
    pub(super) fn expect(&self, name: &str, serial: Option<Serial>) -> Result<(), ApplyError> {
        let path = self.path.join(name);
        let mut head = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(HEAD).read_to_end(&mut head).map_err(failed(&path, "cannot read it"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && serial.is_none() => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ApplyError::Changed(path)),
            Err(error) => return Err(failed(&path, "cannot read it")(error)),
        };
        // A file without our header never gets past this line, whatever the plan says. A serial that is not found in ours
        // is no reason to stop: it was edited, and edits of our files do not last.
        let is_expected =
            serial.is_some() && is_managed(&head) && serial_of(&head).is_none_or(|found| Some(found) == serial);
        if is_expected { Ok(()) } else { Err(ApplyError::Changed(path)) }
    }

    /// Replaces a file whole.
    pub(super) fn replace(&self, name: &str, text: &str) -> Result<(), ApplyError> {
        let path = self.path.join(name);
        let mut builder = tempfile::Builder::new();
        builder.prefix(TEMPORARY).rand_bytes(0).permissions(Permissions::from_mode(MODE));
        let mut file =
            builder.tempfile_in(&self.path).map_err(failed(&path, "cannot make a temporary file beside it"))?;
        file.as_file_mut().write_all(text.as_bytes()).map_err(failed(&path, "cannot write"))?;
        // The umask may have taken bits off it.
        file.as_file().set_permissions(Permissions::from_mode(MODE)).map_err(failed(&path, "cannot set its mode"))?;
        file.as_file().sync_all().map_err(failed(&path, "cannot write it to disk"))?;
        file.persist(&path).map_err(|error| failed(&path, "cannot replace it")(error.error))?;
        // Without this the rename itself may be lost with the power.
        self.handle.sync_all().map_err(failed(&path, "cannot write the folder to disk"))
    }
}

/// The serial in the head of a zone file.
fn serial_of(head: &[u8]) -> Option<Serial> {
    let text = String::from_utf8_lossy(head);
    let plain: Vec<&str> = text.lines().filter_map(|line| line.split(';').next()).collect();
    let plain = plain.join(" ").replace(['(', ')'], " ");
    let mut words = plain.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("SOA"));
    words.nth(3)?.parse().ok().map(Serial)
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> ApplyError {
    let path = path.to_owned();
    move |error| ApplyError::Io { path, doing, error }
}
