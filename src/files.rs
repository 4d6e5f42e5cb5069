//! Floor 0: regular files, read whole within a bound and replaced whole.
//!
//! Input: a path. Output: its bytes or a reason; for writing, a file that is at every moment the old one or the new
//! one. Nothing here waits for a pipe, a device or a socket: the type is checked once the file is open, so that it
//! cannot be swapped in between.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a regular file for reading; symbolic links are followed, since Kubernetes mounts files as links and swaps
/// them.
///
/// # Errors
/// What the system says, or that it is a folder, a pipe, a socket or a device.
pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    open_with(path, OFlag::empty())
}

fn open_with(path: &Path, more: OFlag) -> io::Result<(File, Metadata)> {
    // Without O_NONBLOCK, opening a pipe waits for a writer, and reading a kernel log for its next line.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | more;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe, socket or device, not a regular file"));
    }
    Ok((file, metadata))
}

/// Reads a regular file of at most `max` octets.
///
/// # Errors
/// As [`open`]; `FileTooLarge` above `max`, and `ResourceBusy` if it changed while it was being read.
pub(crate) fn read(path: &Path, max: u64) -> io::Result<(Vec<u8>, Metadata)> {
    read_open(open(path)?, max)
}

/// The same for a path that must not be a symbolic link itself.
///
/// # Errors
/// As [`read`]; the system's ELOOP if it is a link.
pub(crate) fn read_itself(path: &Path, max: u64) -> io::Result<(Vec<u8>, Metadata)> {
    read_open(open_with(path, OFlag::O_NOFOLLOW)?, max)
}

fn read_open((mut file, before): (File, Metadata), max: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {}", size(max)));
    if before.len() > max {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.len()).unwrap_or_default() + 1);
    // It may grow meanwhile, or be longer than it says.
    Read::by_ref(&mut file).take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(too_large());
    }
    let after = file.metadata()?;
    let state = |file: &Metadata| (file.len(), file.mtime(), file.mtime_nsec());
    if state(&before) != state(&after) {
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changed while it was being read"));
    }
    Ok((bytes, before))
}

/// Reads the first `max` octets of a regular file.
///
/// # Errors
/// As [`open`].
pub(crate) fn read_head(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    open(path)?.0.take(max).read_to_end(&mut head)?;
    Ok(head)
}

/// Reads the last `max` octets of a regular file.
///
/// # Errors
/// As [`open`].
pub(crate) fn read_end(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let (mut file, metadata) = open(path)?;
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(max)))?;
    let mut end = Vec::new();
    file.take(max).read_to_end(&mut end)?;
    Ok(end)
}

/// Octets as people say them.
pub(crate) fn size(octets: u64) -> String {
    match octets {
        0..=9_999 => format!("{octets} octets"),
        10_000..=9_999_999 => format!("{} kB", octets >> 10),
        _ => format!("{} MB", octets >> 20),
    }
}

/// What was being done when it failed, for messages, and what the system said.
pub(crate) type Failed = (&'static str, io::Error);

/// Replaces `folder/name` whole: the bytes go to a temporary file of this name in the same folder, to the disk, and
/// into place; the folder goes to the disk behind it, or the rename itself could be lost with the power.
///
/// The temporary file's name has no random part, so that an error about it reads the same each time; the writer
/// holds a lock on the folder.
///
/// # Errors
/// The step that failed. The old file is as it was.
pub(crate) fn replace(folder: &Path, name: &str, temporary: &str, mode: u32, bytes: &[u8]) -> Result<(), Failed> {
    write_and_rename(folder, name, temporary, mode, bytes, true)
}

/// As [`replace`], for files that may be lost with the power: this does not wait for the disk.
///
/// # Errors
/// The step that failed. The old file is as it was.
pub(crate) fn replace_soon(folder: &Path, name: &str, temporary: &str, mode: u32, bytes: &[u8]) -> Result<(), Failed> {
    write_and_rename(folder, name, temporary, mode, bytes, false)
}

fn write_and_rename(
    folder: &Path,
    name: &str,
    temporary: &str,
    mode: u32,
    bytes: &[u8],
    is_lasting: bool,
) -> Result<(), Failed> {
    let because = |doing: &'static str| move |error: io::Error| (doing, error);
    // There is only one writer: a file that is there was left by one that was killed.
    let _ = fs::remove_file(folder.join(temporary));
    let mut builder = tempfile::Builder::new();
    builder.prefix(temporary).rand_bytes(0).permissions(Permissions::from_mode(mode));
    let mut file = builder.tempfile_in(folder).map_err(because("cannot make a temporary file beside it"))?;
    file.as_file_mut().write_all(bytes).map_err(because("cannot write"))?;
    // The umask may have taken bits off it.
    file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(because("cannot set its mode"))?;
    give_to_owner_of(folder, file.as_file()).map_err(because("cannot give it to the folder's owner"))?;
    if is_lasting {
        file.as_file().sync_all().map_err(because("cannot write it to disk"))?;
    }
    file.persist(folder.join(name)).map_err(|error| ("cannot replace it", error.error))?;
    if is_lasting { to_disk(folder) } else { Ok(()) }
}

/// Removes `folder/name` so that it stays removed; one that is not there is no error.
///
/// # Errors
/// The step that failed.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<(), Failed> {
    match fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(("cannot remove it", error)),
        Ok(()) => to_disk(folder),
    }
}

fn to_disk(folder: &Path) -> Result<(), Failed> {
    let failed = |error| ("cannot write the folder to disk", error);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Makes a folder and those above it that are missing, each for the owner of the one above, closed to others by `mode`.
///
/// # Errors
/// The error of the system.
pub(crate) fn make_folder(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(above, 0o755)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    }
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    give_to_owner_of(above, &File::open(path)?)
}

/// Opens a file to write behind its end, and makes it if it is not there. A link, a pipe, a device or a file with a
/// second name is refused and not waited for: what root writes by hand must not end up where a service's user likes.
///
/// # Errors
/// The error of the system.
pub(crate) fn open_append(path: &Path, mode: u32) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file with one name"))
}

/// What root makes in the folder of a service's user is that user's: an operator's `sync` as root leaves nothing behind
/// that the server cannot write.
///
/// # Errors
/// The error of the system.
pub(crate) fn give_to_owner_of(folder: &Path, file: &File) -> io::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(folder)?;
    let now = file.metadata()?;
    if (owner.uid(), owner.gid()) == (now.uid(), now.gid()) {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Whether a file with a secret is private: for nobody but its owner, as with the keys of other servers. The group may
/// read it if the file is root's, who has then chosen that group: so systemd and Kubernetes (`fsGroup`) hand secrets to
/// a service that is not root.
pub(crate) fn is_private(mode: u32, owner: Option<u32>) -> bool {
    let others = if owner == Some(0) { 0o037 } else { 0o077 };
    mode & others == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    #[test]
    fn a_journal_that_is_a_link_a_pipe_or_a_second_name_is_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("other"), "x").unwrap();
        std::os::unix::fs::symlink(path("other"), path("link")).unwrap();
        fs::hard_link(path("other"), path("name")).unwrap();
        mkfifo(&path("pipe"), Mode::from_bits_truncate(0o600)).unwrap();
        for bad in ["link", "name", "pipe", "."] {
            assert!(open_append(&path(bad), 0o600).is_err(), "{bad}");
        }
        assert_eq!(fs::read_to_string(path("other")).unwrap(), "x");
        assert!(open_append(&path("journal"), 0o600).and_then(|mut file| file.write_all(b"y")).is_ok());
    }

    #[test]
    fn a_pipe_is_refused_instead_of_waited_for_whenever_it_takes_the_files_place() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = read(path, 10).unwrap_err();
            assert!(error.to_string().contains("it is a pipe, socket or device"), "{}: {error}", path.display());
        }
        assert!(read(folder.path(), 10).unwrap_err().to_string().contains("a folder"));
    }

    #[test]
    fn a_file_is_read_whole_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        replace(folder.path(), "a", ".tmp", 0o600, b"0123456789").unwrap();
        let path = folder.path().join("a");
        assert_eq!(read(&path, 10).unwrap().0, b"0123456789");
        assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_head(&path, 3).unwrap(), b"012");
        assert_eq!(read_end(&path, 3).unwrap(), b"789");
        assert_eq!(read_end(&path, 30).unwrap(), b"0123456789");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_file_that_says_it_is_empty_and_is_not_is_held_to_the_bound_too() {
        let error = read(Path::new("/proc/self/smaps"), 64).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_secret_is_for_its_owner_alone_or_for_a_group_that_root_chose() {
        let mine = Some(999);
        for (mode, owner, is_fine) in [
            (0o100_600, mine, true),
            (0o100_400, mine, true),
            (0o100_640, mine, false),
            (0o100_604, mine, false),
            (0o100_620, mine, false),
            (0o100_644, Some(0), false),
            (0o100_640, Some(0), true),
            (0o100_440, Some(0), true),
            (0o100_660, Some(0), false),
            (0o100_640, None, false),
            (0o100_600, None, true),
        ] {
            assert_eq!(is_private(mode, owner), is_fine, "{mode:o} {owner:?}");
        }
    }
}
