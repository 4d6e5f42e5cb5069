//! The last error of an upstream.
//!
//! In: errors, as often as somebody sends or forges them. Out: the last one, with a text for people. Never: an
//! allocation before somebody asks, or work for more than one error of a kind in a second.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;

/// The time for which an error of the same kind as the last one is not noted.
const PAUSE: Duration = Duration::from_secs(1);

/// The kind of an upstream's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No reply came in time.
    Timeout,
    /// This host cannot send to it, or the network says that it cannot be reached.
    Unreachable,
    /// An ICMP message says that nothing listens on its port.
    RefusedByIcmp,
    /// A reply does not parse.
    Malformed,
    /// Many replies answered nothing that was asked: somebody may be guessing.
    Spoof,
    /// It leads back to this server.
    Loop,
    /// A TCP connection could not be opened, or left a question without an answer.
    Tcp,
}

impl ErrorKind {
    /// The kind of an error that the kernel reports for a socket.
    pub(crate) fn of(errno: Errno) -> Self {
        if errno == Errno::ECONNREFUSED { Self::RefusedByIcmp } else { Self::Unreachable }
    }

    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::RefusedByIcmp => "refused-by-icmp",
            Self::Malformed => "malformed",
            Self::Spoof => "spoof",
            Self::Loop => "loop",
            Self::Tcp => "tcp",
        }
    }

    fn text(self, errno: Option<Errno>) -> String {
        let text = match self {
            Self::Timeout => "no reply in time",
            Self::Unreachable => "it cannot be reached",
            Self::RefusedByIcmp => "nothing listens on its port",
            Self::Malformed => "a reply does not parse",
            Self::Spoof => "many replies answer nothing that was asked; somebody may be guessing",
            Self::Loop => "it leads back to this server",
            Self::Tcp if errno.is_some() => "a TCP connection failed",
            Self::Tcp => "a TCP connection ended without an answer",
        };
        match errno {
            Some(errno) => format!("{text}: {}", errno.desc()),
            None => text.to_owned(),
        }
    }
}

/// An error of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// When it was noted, seconds since 1970.
    pub at: u64,
    /// Its kind.
    pub kind: ErrorKind,
    /// What happened, for people.
    pub text: String,
}

/// The last error, if there ever was one.
#[derive(Debug, Default)]
pub(crate) struct LastError(Mutex<Option<Noted>>);

#[derive(Clone, Copy, Debug)]
struct Noted {
    kind: ErrorKind,
    errno: Option<Errno>,
    since: Instant,
    at: SystemTime,
}

impl LastError {
    fn noted(&self) -> MutexGuard<'_, Option<Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an error, with the system's number for it if there is one.
    pub(crate) fn note(&self, kind: ErrorKind, errno: Option<Errno>, now: Instant) {
        let mut noted = self.noted();
        if noted.is_none_or(|last| last.kind != kind || now.saturating_duration_since(last.since) >= PAUSE) {
            *noted = Some(Noted { kind, errno, since: now, at: SystemTime::now() });
        }
    }

    pub(crate) fn read(&self) -> Option<UpstreamError> {
        let Noted { kind, errno, at, .. } = (*self.noted())?;
        Some(UpstreamError { at: seconds(at), kind, text: kind.text(errno) })
    }
}

/// Seconds since 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The system's number for an error.
pub(crate) fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(error: &LastError) -> Option<(ErrorKind, String)> {
        error.read().map(|error| (error.kind, error.text))
    }

    #[test]
    fn the_last_error_is_kept_and_one_of_the_same_kind_is_noted_once_a_second() {
        let (error, now) = (LastError::default(), Instant::now());
        assert_eq!(error.read(), None);
        error.note(ErrorKind::Unreachable, Some(Errno::EHOSTUNREACH), now);
        let first = (ErrorKind::Unreachable, "it cannot be reached: No route to host".to_owned());
        assert_eq!(last(&error), Some(first.clone()));
        error.note(ErrorKind::Unreachable, Some(Errno::ENETUNREACH), now + PAUSE / 2);
        assert_eq!(last(&error), Some(first), "within the pause");
        error.note(ErrorKind::Unreachable, Some(Errno::ENETUNREACH), now + PAUSE);
        assert_eq!(error.read().unwrap().text, "it cannot be reached: Network is unreachable");
        error.note(ErrorKind::Timeout, None, now + PAUSE);
        assert_eq!(last(&error), Some((ErrorKind::Timeout, "no reply in time".to_owned())), "another kind");
        error.note(ErrorKind::Timeout, None, now);
        assert!(error.read().is_some_and(|error| error.at > 0), "an earlier time does no harm");
    }

    #[test]
    fn only_a_refusal_by_icmp_says_that_nothing_listens() {
        assert_eq!(ErrorKind::of(Errno::ECONNREFUSED), ErrorKind::RefusedByIcmp);
        for errno in [Errno::EHOSTUNREACH, Errno::ENETUNREACH, Errno::EPERM, Errno::EACCES] {
            assert_eq!(ErrorKind::of(errno), ErrorKind::Unreachable);
        }
    }
}
