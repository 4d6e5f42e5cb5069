//! A request whose query is its body, until that is whole.
//!
//! In: parts, as the client sends them. Out: the query. The window of the connection opens again only when a body is
//! whole: so bodies that are not hold no more than it in all.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;

use super::request::{MAX_MESSAGE, Refusal};

/// A request whose body comes in parts.
pub(super) struct Body {
    stream: RecvStream,
    pub(super) respond: SendResponse<Bytes>,
    pub(super) message: Vec<u8>,
    /// The time at which the request began.
    pub(super) began: Instant,
}

impl Body {
    pub(super) fn new(stream: RecvStream, respond: SendResponse<Bytes>, began: Instant) -> Self {
        Self { stream, respond, message: Vec::new(), began }
    }

    /// Reads what has come: true at the end of the body, false if the client has taken it back.
    pub(super) fn read(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Refusal>> {
        let read = ready!(self.gather(context));
        self.release();
        Poll::Ready(read)
    }

    fn gather(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Refusal>> {
        loop {
            match ready!(self.stream.poll_data(context)) {
                None => return Poll::Ready(Ok(true)),
                Some(Err(_)) => return Poll::Ready(Ok(false)),
                Some(Ok(part)) if self.message.len() + part.len() > MAX_MESSAGE => {
                    return Poll::Ready(Err(Refusal::TooLong));
                }
                Some(Ok(part)) => self.message.extend_from_slice(&part),
            }
        }
    }

    /// Lets the client send as much again.
    pub(super) fn release(&mut self) {
        let flow = self.stream.flow_control();
        // It fails only where the connection has failed.
        let _ = flow.release_capacity(flow.used_capacity());
    }
}
