//! Sockets that the service manager keeps over a restart: its descriptor store (`sd_notify(3)`).
//!
//! In: the sockets in use. Out: the same sockets at the next start, with the queries that came meanwhile. Without a
//! service manager nothing happens here.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;

use listenfd::ListenFd;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing::info;

use super::log;
use super::manager::Manager;
use crate::diag::{Diagnostic, Id, Place};
use crate::server::{Adopted, KeptSockets, ListenAddresses, Listeners};

/// Has the service manager keep what comes with it, under the name of our sockets, and without polling: a socket stays
/// in the store whatever happens to it.
const STORE: &str = "FDSTORE=1\nFDNAME=listen\nFDPOLL=0\n";

/// Has the service manager close all of that name.
const FORGET: &str = "FDSTOREREMOVE=1\nFDNAME=listen\n";

/// Descriptors in one message at most: the kernel's limit.
const MOST: usize = 253;

/// Descriptors that are taken at most; a process that is to have more is misled.
const MOST_KEPT: usize = 4096;

/// The time to wait until the service manager has closed what it shall keep no longer.
const FORGET_TIMEOUT: u16 = 2000;

/// Takes the sockets that the service manager hands over. To be called once, before anything else opens a descriptor.
pub(crate) fn kept_sockets() -> KeptSockets {
    let read = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let is_ours = read("LISTEN_PID").is_some_and(|pid| u32::try_from(pid) == Ok(std::process::id()));
    if !is_ours || read("LISTEN_FDS").is_none_or(|count| count > MOST_KEPT) {
        return KeptSockets::default();
    }
    let mut all = ListenFd::from_env();
    let (mut udp, mut tcp) = (Vec::new(), Vec::new());
    for number in 0..all.len() {
        // Each attempt leaves what is of another kind in its place.
        udp.extend(all.take_udp_socket(number).ok().flatten());
        tcp.extend(all.take_tcp_listener(number).ok().flatten());
        // Of no use here, and closed: other programs that we start shall not have them.
        if let Ok(Some(other)) = all.take_raw_fd(number) {
            let _ = nix::unistd::close(other);
        }
    }
    KeptSockets::new(udp, tcp)
}

/// Chooses the kept sockets that `listen` needs. If others were kept, they are closed, here and in the store, before
/// anything is bound: they would be in the way.
pub(super) fn adopt(kept: KeptSockets, listen: &ListenAddresses, workers: usize, manager: &Manager) -> Adopted {
    let (adopted, closed) = kept.adopt(listen, workers);
    if adopted.count() > 0 {
        info!(
            sockets = adopted.count(),
            "took over the sockets that the service manager kept, with the queries in them"
        );
    }
    if !closed.is_empty() {
        info!(sockets = closed.join(", "), "closed kept sockets that 'listen' does not name");
        if let Err(error) = manager.hand_over(FORGET, &[]).and_then(|()| barrier(manager)) {
            log::found(&not_closed(&error));
        }
    }
    adopted
}

/// Has the service manager keep these sockets and no others.
pub(super) fn keep(listeners: &Listeners, manager: &Manager) {
    if !manager.is_there() {
        return;
    }
    let sockets = listeners.descriptors();
    let room = std::env::var("FDSTORE").ok().and_then(|text| text.parse::<usize>().ok());
    if let Some(room) = room.filter(|room| *room < sockets.len()) {
        log::found(&too_few(room, sockets.len()));
    }
    let mut parts = sockets.chunks(MOST);
    let stored =
        manager.hand_over(FORGET, &[]).and_then(|()| parts.try_for_each(|part| manager.hand_over(STORE, part)));
    if let Err(error) = stored {
        log::found(&not_kept(&error));
    }
}

/// Waits until the service manager has done what it was told: then it closes the pipe that it gets here.
fn barrier(manager: &Manager) -> io::Result<()> {
    let (ours, its) = io::pipe()?;
    manager.hand_over("BARRIER=1", &[its.as_fd()])?;
    drop(its);
    match poll(&mut [PollFd::new(ours.as_fd(), PollFlags::POLLIN)], PollTimeout::from(FORGET_TIMEOUT))? {
        0 => Err(io::Error::new(ErrorKind::TimedOut, "no reply")),
        _ => Ok(()),
    }
}

fn not_closed(error: &io::Error) -> Diagnostic {
    warning(format!(
        "the service manager did not confirm that it closed the old sockets ({error}): queries that reach one of them get \
         no answer; stop the service once, then start it"
    ))
}

fn too_few(room: usize, wanted: usize) -> Diagnostic {
    warning(format!(
        "the service manager keeps {room} of {wanted} sockets over a restart: queries that arrive at the others meanwhile \
         are lost; in the unit, set FileDescriptorStoreMax={wanted} or more"
    ))
}

fn not_kept(error: &io::Error) -> Diagnostic {
    warning(format!(
        "the service manager cannot keep the sockets over a restart ({error}): queries that arrive during a restart are lost"
    ))
}

fn warning(text: String) -> Diagnostic {
    Diagnostic::warning(Id::SOCKETS_NOT_KEPT, Place::Server, text)
}
