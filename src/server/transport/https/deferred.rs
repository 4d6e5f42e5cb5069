//! A stream whose octets leave when the connection has done all that there is to do, and not with each frame of HTTP/2.
//!
//! In: octets that h2 writes and wants flushed. Out: the same, many answers in one record of TLS. The connection
//! flushes by the handle before it sleeps: nothing waits here for longer.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::server::transport::client_stream::{self, ClientStream};

/// Octets after which no more is taken until some have left.
const FULL: usize = 16 << 10;

/// Octets of memory that stay when all have left.
const KEPT: usize = 4 << 10;

/// The stream that h2 has.
pub(super) struct Deferred<S>(Arc<Mutex<Inner<S>>>);

/// The connection's hold on it.
pub(super) struct Flusher<S>(Arc<Mutex<Inner<S>>>);

struct Inner<S> {
    stream: S,
    buffer: Vec<u8>,
    sent: usize,
    /// Whether octets wait for the connection; those of the handshake do not.
    defers: bool,
    /// Whether h2 has octets for which there was no room.
    is_full: bool,
    /// Octets that the stream has taken since the start.
    left: u64,
}

/// The two sides of a stream.
pub(super) fn deferred<S>(stream: S) -> (Deferred<S>, Flusher<S>) {
    let inner =
        Arc::new(Mutex::new(Inner { stream, buffer: Vec::new(), sent: 0, defers: false, is_full: false, left: 0 }));
    (Deferred(Arc::clone(&inner)), Flusher(inner))
}

/// Both sides are of one task, so that nobody ever waits for the lock.
fn lock<S>(inner: &Mutex<Inner<S>>) -> MutexGuard<'_, Inner<S>> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: AsyncWrite + Unpin> Inner<S> {
    fn write_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.buffer.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.buffer[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => {
                    self.sent += sent;
                    self.left += sent as u64;
                }
            }
        }
        self.buffer.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    fn flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_out(context))?;
        // An idle connection holds little memory for answers.
        if self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }
}

impl<S: AsyncWrite + Unpin> Flusher<S> {
    /// Has all octets leave; pending while the client does not take them, those that h2 still has among them.
    pub(super) fn flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        let flushed = inner.flush(context);
        // There is room now: h2 has been told to come again.
        if inner.is_full && matches!(flushed, Poll::Ready(Ok(()))) { Poll::Pending } else { flushed }
    }

    /// Octets that wait here.
    pub(super) fn octets(&self) -> usize {
        lock(&self.0).buffer.capacity()
    }

    /// Octets that the client's side has taken since the start of the connection.
    pub(super) fn left(&self) -> u64 {
        lock(&self.0).left
    }

    /// Keeps octets back from now on.
    pub(super) fn defer(&self) {
        lock(&self.0).defers = true;
    }

    /// Ends the stream, whose octets have all left.
    pub(super) async fn close(&self)
    where
        S: ClientStream,
    {
        poll_fn(|context| {
            client_stream::try_close(&mut lock(&self.0).stream, context);
            Poll::Ready(())
        })
        .await;
    }

    /// Looks at the stream below.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut lock(&self.0).stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Deferred<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.0).stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Deferred<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = lock(&self.0);
        if inner.buffer.len() >= FULL {
            inner.is_full = true;
            ready!(inner.write_out(context))?;
        }
        inner.is_full = false;
        for part in parts {
            inner.buffer.extend_from_slice(part);
        }
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        if inner.defers { Poll::Ready(Ok(())) } else { inner.flush(context) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        ready!(inner.flush(context))?;
        Pin::new(&mut inner.stream).poll_shutdown(context)
    }
}
