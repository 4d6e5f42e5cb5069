//! The time that a connection may take: for its next request, for the rest of a request, and for the answer.
//!
//! In: what happens on the connection, and when. Out: the moment at which it is cut off.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// From the first octet of a request to the end of its headers; for the first request from the start.
const HEAD: Duration = Duration::from_secs(5);

/// From the end of the headers until the client has taken the whole answer.
const ANSWER: Duration = Duration::from_secs(10);

/// Between an answer and the next request.
const IDLE: Duration = Duration::from_secs(30);

/// The timeouts of one connection.
pub(super) struct Timeouts(Mutex<(Phase, Instant)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next request has yet to begin.
    Idle,
    /// The headers of a request arrive.
    Head,
    /// The answer is being made and sent.
    Answer,
}

impl Timeouts {
    pub(super) fn new(now: Instant) -> Arc<Self> {
        Arc::new(Self(Mutex::new((Phase::Head, now + HEAD))))
    }

    fn state(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Octets of a request came.
    fn received(&self, now: Instant) {
        let mut state = self.state();
        if state.0 == Phase::Idle {
            *state = (Phase::Head, now + HEAD);
        }
    }

    /// A request is whole.
    pub(super) fn asked(&self, now: Instant) {
        *self.state() = (Phase::Answer, now + ANSWER);
    }

    /// All that was to be sent has been taken.
    fn sent(&self, now: Instant) {
        let mut state = self.state();
        if state.0 == Phase::Answer {
            *state = (Phase::Idle, now + IDLE);
        }
    }

    /// The time that is left.
    fn left(&self, now: Instant) -> Duration {
        self.state().1.saturating_duration_since(now)
    }

    /// Waits until the connection has taken too long.
    pub(super) async fn is_over(&self) {
        loop {
            match self.left(Instant::now()) {
                Duration::ZERO => return,
                left => tokio::time::sleep(left).await,
            }
        }
    }
}

/// A stream that reports to its timeouts.
pub(super) struct Timed<S> {
    stream: S,
    timeouts: Arc<Timeouts>,
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, timeouts: Arc<Timeouts>) -> Self {
        Self { stream, timeouts }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.timeouts.received(Instant::now());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.timeouts.sent(Instant::now());
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_an_exchange_has_its_time_and_drips_win_none() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let timeouts = Timeouts::new(start);
        timeouts.received(at(4));
        assert_eq!(timeouts.left(at(4)), Duration::from_secs(1), "octets of the first request win no time");
        timeouts.asked(at(4));
        timeouts.received(at(5));
        assert_eq!(timeouts.left(at(5)), Duration::from_secs(9), "nor does a client that sends while it is answered");
        timeouts.sent(at(6));
        assert_eq!(timeouts.left(at(6)), IDLE);
        timeouts.sent(at(30));
        assert_eq!(timeouts.left(at(30)), Duration::from_secs(6), "nothing was sent");
        timeouts.received(at(30));
        timeouts.received(at(34));
        assert_eq!(timeouts.left(at(34)), Duration::from_secs(1));
        assert_eq!(timeouts.left(at(99)), Duration::ZERO);
    }
}
