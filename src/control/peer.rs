//! The peer of a connection: its ids from the kernel, its groups from the account database.
//!
//! The database may be at the other end of a network: it is asked on a thread of its own kind, a few at a time, and for
//! a short time.

use std::ffi::CString;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::{Gid, Uid, User, getgrouplist};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::rights::{Group, Rights, Standing};
use super::who::{Peer, Who};

/// The time that the account database may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Questions to the database at one time: a thread waits for each, and may do so for as long as the database likes.
const QUESTIONS: usize = 8;

/// The account database.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    questions: Arc<Semaphore>,
    timeout: Duration,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self { questions: Arc::new(Semaphore::new(QUESTIONS)), timeout: TIMEOUT }
    }

    /// What is known of a peer other than the owner.
    pub(super) async fn standing(&self, peer: Peer, rights: &Rights) -> Standing {
        let known = Standing::Other {
            in_control: is_primary(peer, rights.control.as_ref()),
            in_approve: is_primary(peer, rights.approve.as_ref()),
        };
        if matches!(known, Standing::Other { in_approve: true, .. }) || !rights.has_groups() {
            return known;
        }
        let rights = rights.clone();
        // What the kernel says of the primary group holds without the database.
        let fallback =
            if matches!(known, Standing::Other { in_control: true, .. }) { known } else { Standing::Unknown };
        self.ask(move || standing(peer, &rights)).await.unwrap_or(fallback)
    }

    /// The person; a number where the database does not say.
    pub(super) async fn who(&self, peer: Peer) -> Who {
        self.ask(move || Who::of(peer)).await.unwrap_or_else(|| Who::by_number(peer))
    }

    async fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let asked = async {
            let permit = Arc::clone(&self.questions).acquire_owned().await.ok()?;
            let work = move || {
                let answer = question();
                drop(permit);
                answer
            };
            tokio::task::spawn_blocking(work).await.ok()
        };
        tokio::time::timeout(self.timeout, asked).await.ok().flatten()
    }
}

/// The other end of a connection, as the kernel vouches for it.
pub(super) fn peer_of(stream: &UnixStream) -> Option<Peer> {
    let peer = stream.peer_cred().ok()?;
    Some(Peer { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() })
}

fn is_primary(peer: Peer, group: Option<&Group>) -> bool {
    group.is_some_and(|group| group.gid == peer.gid)
}

/// Asks the database.
fn standing(peer: Peer, rights: &Rights) -> Standing {
    let groups = groups(peer.uid);
    let is_member =
        |group: Option<&Group>| is_primary(peer, group) || group.is_some_and(|group| groups.contains(&group.gid));
    Standing::Other { in_control: is_member(rights.control.as_ref()), in_approve: is_member(rights.approve.as_ref()) }
}

/// Every group of an account.
fn groups(uid: u32) -> Vec<u32> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return Vec::new() };
    let Ok(name) = CString::new(user.name) else { return Vec::new() };
    getgrouplist(&name, user.gid).unwrap_or_default().into_iter().map(Gid::as_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_in_its_own_group_by_the_database_and_a_stranger_by_the_kernel_alone() {
        let group = |gid: u32| Some(Group { name: gid.to_string(), gid });
        let rights = Rights { control: group(0), approve: group(4_000_000_001) };
        let peer = |uid, gid| Peer { uid, gid, pid: None };
        let other = |in_control, in_approve| Standing::Other { in_control, in_approve };
        assert_eq!(standing(peer(0, 4_000_000_000), &rights), other(true, false));
        assert_eq!(standing(peer(4_000_000_000, 4_000_000_001), &rights), other(false, true));
        assert_eq!(standing(peer(4_000_000_000, 4_000_000_000), &rights), other(false, false));
    }

    #[tokio::test]
    async fn a_database_that_never_answers_takes_no_more_than_its_questions_and_its_time() {
        let accounts = Accounts { timeout: Duration::from_millis(1), ..Accounts::new() };
        let (stop, hangs) = std::sync::mpsc::channel::<()>();
        let hangs = Arc::new(std::sync::Mutex::new(hangs));
        let hang = || {
            let hangs = Arc::clone(&hangs);
            move || {
                let _ended = hangs.lock().unwrap().recv();
            }
        };
        for _ in 0..3 * QUESTIONS {
            assert_eq!(accounts.ask(hang()).await, None);
        }
        assert_eq!(accounts.questions.available_permits(), 0, "the threads that wait are no more than these");
        drop(stop);
    }
}
