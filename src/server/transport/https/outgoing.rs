//! Replies on their way to the client.
//!
//! In: heads and bodies. Out: frames of HTTP/2, as far as the client's windows let them through. All octets that the
//! client has not taken are counted, whether its windows or its socket stop them.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::Response;

/// The replies of a connection.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Bodies that the client's windows do not let through.
    unsent: Vec<(SendStream<Bytes>, Bytes)>,
    /// Octets of bodies that HTTP/2 has and the socket has not taken.
    handed: usize,
}

impl Outgoing {
    /// Octets of bodies that the client has not taken.
    pub(super) fn octets(&self) -> usize {
        self.handed + self.unsent.iter().map(|(_, body)| body.len()).sum::<usize>()
    }

    /// Notes that the socket has taken all that HTTP/2 had.
    pub(super) fn flushed(&mut self) {
        self.handed = 0;
    }

    /// Sends a reply as far as the client's windows let it through. A client that has taken its request back has none.
    pub(super) fn send(&mut self, mut respond: SendResponse<Bytes>, head: Response<()>, body: Bytes) {
        let Ok(mut stream) = respond.send_response(head, body.is_empty()) else { return };
        if body.is_empty() {
            return;
        }
        stream.reserve_capacity(body.len());
        if stream.capacity() < body.len() {
            return self.unsent.push((stream, body));
        }
        self.handed += body.len();
        let _ = stream.send_data(body, true);
    }

    /// Sends what waits for the client's windows; true if some of it left, or is not wanted any more.
    pub(super) fn send_unsent(&mut self, context: &mut Context<'_>) -> bool {
        let Self { unsent, handed } = self;
        let (handed_before, before) = (*handed, unsent.len());
        unsent.retain_mut(|(stream, body)| {
            loop {
                let room = match stream.capacity() {
                    0 => match stream.poll_capacity(context) {
                        Poll::Pending => return true,
                        Poll::Ready(Some(Ok(room))) => room,
                        Poll::Ready(_) => return false,
                    },
                    room => room,
                };
                let part = body.split_to(room.min(body.len()));
                *handed += part.len();
                if stream.send_data(part, body.is_empty()).is_err() || body.is_empty() {
                    return false;
                }
            }
        });
        *handed > handed_before || unsent.len() < before
    }
}
