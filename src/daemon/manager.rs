//! What the service manager is told: that the server is ready, how it is, that it stops, that its loop turns
//! (`sd_notify(3)`, `Type=notify` of systemd.service(5)).
//!
//! In: words of the daemon. Out: datagrams to the socket that `NOTIFY_SOCKET` names; without one, nothing. The socket
//! never waits: what the manager does not take at once is kept, newest words only, and offered again a second later.

use std::env;
use std::ffi::OsStr;
use std::fmt::Write;
use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use sd_notify::NotifyState;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::diag::{self, Diagnostic, Id, Place};

/// The time between two turns of the loop, unless the watchdog wants them oftener.
const BEAT: Duration = Duration::from_secs(1);

/// The shortest such time, whatever the watchdog wants.
const SHORTEST_BEAT: Duration = Duration::from_millis(20);

/// The further time that a start asks for as long as the loop turns, and how often.
const MORE_TIME: Duration = Duration::from_mins(1);
const MORE_EACH: Duration = Duration::from_secs(10);

/// The characters of a status line that are shown: `systemctl status` gives it one line.
const STATUS_LENGTH: usize = 160;

/// The time that a manager has to take descriptors.
const PATIENCE: Duration = Duration::from_secs(2);

/// The service manager, if there is one.
pub(super) struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// The time after which the manager takes a silent server for hung; `None` if it does not look.
    watchdog: Option<Duration>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Message,
    /// The last status line.
    status: String,
    /// The last time that a start asked for more time.
    extended: Option<Instant>,
    /// True while messages do not arrive, which is said once.
    is_deaf: bool,
}

/// What the manager has yet to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Message {
    ready: bool,
    stopping: bool,
    status: Option<String>,
    extend: Option<Duration>,
    watchdog: bool,
}

impl Message {
    /// The datagram; empty if there is nothing to say.
    fn text(&self) -> String {
        let extend = self.extend.map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
        let parts = [
            self.ready.then_some(NotifyState::Ready),
            self.stopping.then_some(NotifyState::Stopping),
            self.status.as_deref().map(NotifyState::Status),
            extend.map(NotifyState::ExtendTimeoutUsec),
            self.watchdog.then_some(NotifyState::Watchdog),
        ];
        let mut text = String::new();
        for part in parts.into_iter().flatten() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{part}");
        }
        text
    }
}

/// One line, safe to show, and not longer than people read.
fn status_line(text: &str) -> String {
    let text = diag::printable(text);
    match text.char_indices().nth(STATUS_LENGTH) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.into_owned(),
    }
}

/// The address that `NOTIFY_SOCKET` names: a path, or a name in the abstract namespace behind `@`.
fn address(named: &OsStr) -> io::Result<SocketAddr> {
    match named.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        [b'/', ..] => SocketAddr::from_pathname(named),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it is neither a path nor a name behind '@'")),
    }
}

/// Half of the time of the watchdog at most, so that one late turn of the loop does no harm.
fn beat_every(watchdog: Option<Duration>) -> Duration {
    watchdog.map_or(BEAT, |time| (time / 2).clamp(SHORTEST_BEAT, BEAT))
}

impl Manager {
    /// The manager that started this process, as the environment names it.
    pub(super) fn of_environment() -> Self {
        let named = env::var_os("NOTIFY_SOCKET").filter(|named| !named.is_empty());
        Self::at(named.as_deref(), sd_notify::watchdog_enabled().filter(|time| !time.is_zero()))
    }

    fn at(named: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let open = |named| {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok((socket, address(named)?))
        };
        let socket = named.and_then(|named| open(named).inspect_err(cannot_hear).ok());
        Self { socket, watchdog, state: Mutex::default() }
    }

    /// True if anybody listens.
    pub(super) fn is_there(&self) -> bool {
        self.socket.is_some()
    }

    /// Ticks for the loop: one a second, or more where the watchdog wants more. A loop that was stopped does not make
    /// up for those that it missed.
    pub(super) fn beats(&self) -> Interval {
        let mut beats = tokio::time::interval(beat_every(self.watchdog));
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beats
    }

    /// The loop turned.
    pub(super) fn beat(&self) {
        self.tell(|state| state.waiting.watchdog = self.watchdog.is_some());
    }

    /// The start goes on, and this is what it does; a start that takes long gets more time.
    pub(super) fn starting(&self, doing: &str, now: Instant) {
        self.tell(|state| {
            state.say(&format!("starting: {doing}"));
            if state.extended.is_none_or(|last| now >= last + MORE_EACH) {
                state.extended = Some(now);
                state.waiting.extend = Some(MORE_TIME);
            }
        });
    }

    /// Queries are answered, each zone from a good copy or with SERVFAIL.
    pub(super) fn ready(&self) {
        self.tell(|state| {
            state.waiting.extend = None;
            state.waiting.ready = true;
        });
    }

    /// How the server is, in a line.
    pub(super) fn status(&self, text: &str) {
        self.tell(|state| state.say(text));
    }

    /// The server stops, for this reason, and needs this time for it.
    pub(super) fn stopping(&self, text: &str, time: Duration) {
        self.tell(|state| {
            state.say(text);
            state.waiting.stopping = true;
            state.waiting.extend = Some(time);
        });
    }

    /// The server does not start, or ends by itself; the first line of the reason stays in view.
    pub(super) fn failed(&self, why: &str) {
        self.status(&format!("failed: {}", why.lines().next().unwrap_or_default()));
    }

    /// Says something that comes with descriptors, and waits until the manager has taken it. Without a manager nothing
    /// happens.
    ///
    /// # Errors
    /// If the manager does not take it in time, or is not there any more.
    pub(super) fn hand_over(&self, words: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let Some((_, address)) = &self.socket else { return Ok(()) };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect_addr(address)?;
        let numbers: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&numbers)];
        let rights = if numbers.is_empty() { &[] } else { &rights[..] };
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(words.as_bytes())], rights, MsgFlags::empty(), None) {
            Ok(_) => Ok(()),
            Err(Errno::EAGAIN) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not read what it is told")),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Does the work, and tells the manager that the loop turns meanwhile.
    pub(super) async fn while_beating<T>(&self, work: impl Future<Output = T>, mut each: impl FnMut()) -> T {
        let mut beats = self.beats();
        tokio::pin!(work);
        loop {
            tokio::select! {
                // The first tick comes at once: work that takes no time is told of too.
                biased;
                _ = beats.tick() => {
                    each();
                    self.beat();
                }
                done = &mut work => return done,
            }
        }
    }

    fn tell(&self, what: impl FnOnce(&mut State)) {
        let Some((socket, address)) = &self.socket else { return };
        let mut state = self.state();
        what(&mut state);
        let text = state.waiting.text();
        if text.is_empty() {
            return;
        }
        match socket.send_to_addr(text.as_bytes(), address) {
            Ok(_) => (state.waiting, state.is_deaf) = (Message::default(), false),
            // Its queue is full: the same is offered with the next turn of the loop.
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {}
            Err(failed) => {
                if !std::mem::replace(&mut state.is_deaf, true) {
                    cannot_hear(&failed);
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes a status line, if it is a new one.
    fn say(&mut self, text: &str) {
        let line = status_line(text);
        if self.status != line {
            self.status.clone_from(&line);
            self.waiting.status = Some(line);
        }
    }
}

fn cannot_hear(why: &io::Error) {
    let text = format!(
        "the service manager cannot be reached at NOTIFY_SOCKET ({why}): queries are answered, but systemd does not see \
         that the server is ready and may stop it at TimeoutStartSec; check NotifyAccess= and the sandbox of the unit"
    );
    super::log::found(&Diagnostic::warning(Id::MANAGER_UNREACHABLE, Place::Server, text));
}

#[cfg(test)]
mod tests;
