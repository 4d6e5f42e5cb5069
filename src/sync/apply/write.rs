//! Zone files replaced so that a crash leaves the old one or the new one.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::ApplyError;
use crate::dns::Serial;
use crate::files;
use crate::zone::store::{file_name, file_of, folder_of};
use crate::zone::{Kind, ZoneId};

/// The one temporary file: the holder of the lock writes it.
const TEMPORARY: &str = ".privatelink-dns.tmp";

/// The file that is locked while zones are written. Only the folder's owner can open it, so only the owner can hold
/// it: the folder itself could be locked by every user who may read it.
const LOCK: &str = ".privatelink-dns.lock";

/// A zone file's mode: every server and person on the machine may read zones.
const MODE: u32 = 0o644;

/// Octets at the start of a zone file; the serial stands well inside.
const HEAD_LEN: usize = 2048;

/// The zone folder, locked against other syncs for as long as this lives.
pub(crate) struct ZoneFolder {
    path: PathBuf,
    _lock: File,
}

impl ZoneFolder {
    /// Locks the folder and clears away what killed syncs left in it.
    pub(crate) fn lock(path: &Path) -> Result<Self, ApplyError> {
        // The first sync of a new installation finds no folder yet.
        files::make_folder(path, 0o755).map_err(failed(path, "cannot make the zone folder"))?;
        let lock = open_lock(path).map_err(failed(path, "cannot make the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ApplyError::Busy(path.to_owned())),
            // Some network file systems have no locks; the check of each file before it is replaced remains.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(path, "cannot lock the zone folder")(error)),
        }
        // No other process writes while the folder is locked: this file was left by a sync that was killed.
        let _ = fs::remove_file(path.join(TEMPORARY));
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Makes sure that a file is still what the plan was made for: ours and of this serial, or not there.
    pub(super) fn expect(&self, zone: &ZoneId, serial: Option<Serial>) -> Result<(), ApplyError> {
        let path = file_of(&self.path, zone);
        let head = match files::read_head(&path, HEAD_LEN as u64) {
            Ok(head) => head,
            Err(error) if error.kind() == io::ErrorKind::NotFound && serial.is_none() => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ApplyError::Changed(path)),
            Err(error) => return Err(failed(&path, "cannot read it")(error)),
        };
        // A file without our header never gets past this line. A file of ours with another serial was edited; edits of
        // our files do not last, so it is written.
        let is_expected = serial.is_some()
            && Kind::of(&head) == Kind::Managed
            && serial_of(&head).is_none_or(|found| Some(found) == serial);
        if is_expected { Ok(()) } else { Err(ApplyError::Changed(path)) }
    }

    /// Replaces a zone's file whole; the folder of a view is made when it gets its first one.
    pub(crate) fn replace(&self, zone: &ZoneId, text: &str) -> Result<(), ApplyError> {
        let folder = folder_of(&self.path, zone.view.as_ref());
        if zone.view.is_some() {
            make_of_view(&folder)?;
        }
        files::replace(&folder, &file_name(&zone.apex), TEMPORARY, MODE, text.as_bytes())
            .map_err(|(doing, error)| failed(&file_of(&self.path, zone), doing)(error))
    }
}

/// Makes the folder of a view. A link in its place would have root write wherever its owner likes.
fn make_of_view(folder: &Path) -> Result<(), ApplyError> {
    if fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()) {
        let error = io::Error::new(io::ErrorKind::NotADirectory, "it is a symbolic link");
        return Err(failed(folder, "cannot use the folder of the view")(error));
    }
    files::make_folder(folder, 0o755).map_err(failed(folder, "cannot make the folder of the view"))
}

fn open_lock(folder: &Path) -> io::Result<File> {
    // A link in its place would have us lock, or make, a file elsewhere.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags.bits());
    let file = options.open(folder.join(LOCK))?;
    files::give_to_owner_of(folder, &file)?;
    Ok(file)
}

/// The serial in the first lines of a zone file.
pub(crate) fn serial_of(text: &[u8]) -> Option<Serial> {
    let head = text.get(..HEAD_LEN).unwrap_or(text);
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
