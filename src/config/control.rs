//! `control`, `control_group` and `approve_group`: the control socket, and who may use it.

use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group as Account};

use super::reader::Section;
use crate::control::rights::{Group, Rights};

/// Octets of a unix socket's path at most (108 with the final zero, unix(7)), less what a fresh socket's name needs.
const MAX_PATH: usize = 95;

/// The control socket: in the zone folder, which is there and ours to write, unless the config says otherwise.
pub(super) fn path(top: &Section<'_>, base: &Path, zone_dir: &Path) -> Option<PathBuf> {
    let path = top.string("control", |text| match text {
        "off" => Ok(None),
        // The system's own limit; a longer path cannot be bound.
        path if base.join(path).as_os_str().len() > MAX_PATH => {
            Err(format!("the path is longer than {MAX_PATH} octets; choose a shorter one, or \"off\""))
        }
        path => Ok(Some(base.join(path))),
    });
    path.unwrap_or_else(|| Some(zone_dir.join(".control.sock")))
}

/// The groups that may use it.
pub(super) fn rights(top: &Section<'_>, has_socket: bool) -> Rights {
    let group = |key| {
        let group = top.word(key, group);
        if group.is_some() && !has_socket {
            top.problem_at(
                key,
                format!("{key}: there is no control socket, because control = \"off\"; remove one of them"),
            );
        }
        group
    };
    Rights { control: group("control_group"), approve: group("approve_group") }
}

/// A group of this machine, by its name or its number.
fn group(text: &str) -> Result<Group, String> {
    if let Ok(gid) = text.parse() {
        let known = Account::from_gid(Gid::from_raw(gid)).ok().flatten();
        return Ok(Group { name: known.map_or_else(|| text.to_owned(), |group| group.name), gid });
    }
    match Account::from_name(text) {
        Ok(Some(group)) => Ok(Group { name: group.name, gid: group.gid.as_raw() }),
        Ok(None) => {
            Err(format!("there is no group '{text}' on this machine; make it (groupadd), or give the number of one"))
        }
        Err(error) => Err(format!("group '{text}': the account database of this machine does not answer: {error}")),
    }
}
