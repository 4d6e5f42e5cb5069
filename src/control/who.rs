//! The person behind a connection, for the log and the history of changes.
//!
//! Input: the ids that the kernel vouches for. Output: a name; where a login is known of another account, that too.
//! Nothing is decided by it.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Uid, User};

use crate::diag::printable;

/// In `/proc/PID/loginuid`: nobody logged in to start this process.
const NO_LOGIN: u32 = u32::MAX;

/// A process at the other end of a socket, or this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its user.
    pub(crate) uid: u32,
    /// Its primary group.
    pub(crate) gid: u32,
    /// Its process id, if the kernel says.
    pub(crate) pid: Option<i32>,
}

impl Peer {
    /// This process.
    pub(crate) fn own() -> Self {
        let pid = i32::try_from(std::process::id()).ok();
        Self { uid: nix::unistd::geteuid().as_raw(), gid: nix::unistd::getegid().as_raw(), pid }
    }
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    account: String,
    /// The account that was logged in to, where it is another.
    login: Option<String>,
}

impl Who {
    /// Asks the account database, which may be slow. Without an answer the number of the account stands for its name.
    pub(crate) fn of(peer: Peer) -> Self {
        let login = login_uid(peer).filter(|login| *login != peer.uid);
        Self { account: account(peer.uid), login: login.map(account) }
    }

    /// As [`Who::of`], without the database.
    pub(crate) fn by_number(peer: Peer) -> Self {
        Self { account: unnamed(peer.uid), login: None }
    }
}

impl fmt::Display for Who {
    /// `root (logged in as alice)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.account)?;
        match &self.login {
            Some(login) => write!(f, " (logged in as {login})"),
            None => Ok(()),
        }
    }
}

fn account(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| unnamed(uid), |user| printable(&user.name).into_owned())
}

fn unnamed(uid: u32) -> String {
    format!("uid {uid}")
}

/// The user who logged in to start a process. Another process may have its number by now: one of another user says
/// nothing.
fn login_uid(peer: Peer) -> Option<u32> {
    let process = format!("/proc/{}", peer.pid?);
    let login = fs::read_to_string(format!("{process}/loginuid")).ok()?;
    let is_of_peer = fs::metadata(&process).is_ok_and(|file| file.uid() == peer.uid);
    login.trim().parse().ok().filter(|login| is_of_peer && *login != NO_LOGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_to_another_account_is_named_and_an_unknown_account_has_its_number() {
        let who = |login: Option<&str>| Who { account: "root".into(), login: login.map(str::to_owned) };
        assert_eq!(who(Some("alice")).to_string(), "root (logged in as alice)");
        assert_eq!(who(None).to_string(), "root");
        assert_eq!(Who::of(Peer { uid: 0, gid: 0, pid: None }).to_string(), "root");
        let stranger = Peer { uid: 4_000_000_123, gid: 0, pid: None };
        assert_eq!(Who::of(stranger).to_string(), "uid 4000000123");
        assert_eq!(Who::by_number(stranger), Who::of(stranger));
    }

    #[test]
    fn a_process_of_another_user_says_nothing_about_a_login() {
        let own = Peer::own();
        let other = Peer { uid: own.uid + 1, ..own };
        assert_eq!(login_uid(other), None);
        assert_eq!(login_uid(Peer { pid: Some(i32::MAX), ..own }), None, "nor does one that is gone");
    }
}
