//! The image's only layer: a tar, compressed by gzip.
//!
//! In: files. Out: its octets, plain and compressed. Nothing of this machine is in it: no name of a user, no time but
//! the commit's.

use tar::{Builder, EntryType, Header};

use super::files::Entry;
use crate::machine::said;
use crate::package::{Context, write};
use crate::succeed;

/// The key of a file's capabilities in a tar, as GNU tar, umoci, Docker and containerd write it.
const CAPABILITIES: &str = "SCHILY.xattr.security.capability";

/// `CAP_NET_BIND_SERVICE` as permitted and not in effect (`struct vfs_cap_data`, version 2, capability.h): a program with
/// a capability in effect cannot be started at all where the container may not have it.
const NET_BIND_SERVICE: [u8; 20] = [0, 0, 0, 2, 0, 1 << 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A layer.
pub(super) struct Layer {
    pub(super) compressed: Vec<u8>,
    /// SHA-256 of the tar before it was compressed.
    pub(super) plain_digest: String,
}

/// The layer with these files.
pub(super) fn compressed(context: &Context, files: &[Entry]) -> Result<Layer, String> {
    let time = context.epoch.parse().map_err(|_| format!("'{}' is no time", context.epoch))?;
    let file = context.stage.join("layer.tar");
    write(&file, tar(files, time).map_err(|error| format!("layer: {error}"))?)?;
    let sum = said(context.command("sha256sum").arg(&file))?;
    succeed(context.command("gzip").args(["-9", "--no-name", "--force"]).arg(&file))?;
    let compressed = file.with_extension("tar.gz");
    let compressed = std::fs::read(&compressed).map_err(|error| format!("{}: {error}", compressed.display()))?;
    let plain_digest = sum.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(Layer { compressed, plain_digest })
}

fn tar(files: &[Entry], time: u64) -> std::io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for entry in files {
        if entry.may_bind {
            tar.append_pax_extensions([(CAPABILITIES, &NET_BIND_SERVICE[..])])?;
        }
        append(&mut tar, entry, time)?;
    }
    tar.into_inner()
}

/// Adds a file or a folder.
pub(super) fn append(tar: &mut Builder<Vec<u8>>, entry: &Entry, time: u64) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(if entry.bytes.is_some() { EntryType::Regular } else { EntryType::Directory });
    header.set_size(entry.size() as u64);
    header.set_mode(entry.mode);
    header.set_uid(entry.owner);
    header.set_gid(entry.owner);
    header.set_mtime(time);
    tar.append_data(&mut header, &entry.path, entry.bytes.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_capability_is_that_of_low_ports_as_permitted_alone() {
        let number = |at: usize| u32::from_le_bytes(NET_BIND_SERVICE[at..at + 4].try_into().unwrap());
        // Version 2 without the flag that puts it into effect; permitted; inheritable; the upper halves of both.
        assert_eq!([0, 4, 8, 12, 16].map(number), [0x0200_0000, 1 << 10, 0, 0, 0]);
    }

    #[test]
    fn a_file_keeps_its_path_owner_mode_time_and_capability() {
        let entry = Entry { may_bind: true, owner: 7, ..Entry::program("a/b", b"text".to_vec()) };
        let tar = tar(&[entry], 5).unwrap();
        let mut archive = tar::Archive::new(&*tar);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let extension = entry.pax_extensions().unwrap().unwrap().next().unwrap().unwrap();
        assert_eq!((extension.key(), extension.value_bytes()), (Ok(CAPABILITIES), &NET_BIND_SERVICE[..]));
        let header = entry.header().clone();
        assert_eq!((header.uid().unwrap(), header.mode().unwrap(), header.mtime().unwrap()), (7, 0o755, 5));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!((entry.path().unwrap().display().to_string(), text), ("a/b".to_owned(), "text".to_owned()));
    }
}
