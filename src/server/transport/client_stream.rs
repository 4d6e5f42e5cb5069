//! The octets of a connection to a client: TCP, or TLS on top of it.
//!
//! In: octets to send. Out: how many the client took, and the end of a connection in one of two ways. Never: a look at
//! a message.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream to a client.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The connection below it.
    fn socket(&self) -> &TcpStream;
}

impl ClientStream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

/// Prepares a connection that was just accepted.
pub(crate) fn prepare(socket: &TcpStream) {
    // Without this the kernel may hold small answers back; if it cannot be set, they are merely later.
    let _ = socket.set_nodelay(true);
}

/// Sends what the client takes at once: the octets that need not be given again, and whether all of them have left.
pub(crate) async fn send_now<S: ClientStream>(stream: &mut S, octets: &[u8]) -> io::Result<(usize, bool)> {
    poll_fn(|context| Poll::Ready(try_send(stream, octets, context))).await
}

fn try_send<S: ClientStream>(stream: &mut S, octets: &[u8], context: &mut Context<'_>) -> io::Result<(usize, bool)> {
    let mut sent = 0;
    while sent < octets.len() {
        match Pin::new(&mut *stream).poll_write(context, &octets[sent..]) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(written) => sent += written?,
            Poll::Pending => return Ok((sent, false)),
        }
    }
    match Pin::new(stream).poll_flush(context) {
        Poll::Ready(flushed) => flushed.map(|()| (sent, true)),
        Poll::Pending => Ok((sent, false)),
    }
}

/// Ends a connection whose answers have all left; TLS says so to the client (RFC 8446 section 6.1).
pub(crate) async fn close<S: ClientStream>(stream: &mut S) {
    poll_fn(|context| {
        try_close(stream, context);
        Poll::Ready(())
    })
    .await;
}

/// The same, by somebody who polls.
pub(crate) fn try_close<S: ClientStream>(stream: &mut S, context: &mut Context<'_>) {
    // A client that takes nothing any more is not waited for.
    let _ = Pin::new(stream).poll_shutdown(context);
}

/// Ends a connection whose client does not take its answers, and makes the kernel discard them too.
pub(crate) fn cut_off<S: ClientStream>(stream: &S) {
    // If this fails, the kernel goes on trying to send, and nothing worse happens.
    let _ = SockRef::from(stream.socket()).set_linger(Some(Duration::ZERO));
}
