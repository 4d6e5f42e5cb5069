//! Answers that an upstream had a part in, on their way to UDP clients: those that come together leave together.
//!
//! In: answers from the forwarder's thread, or a task's. Out: datagrams on the worker's own socket, in batches.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::socket::MsgFlags;

use super::datagrams::{BATCH, Headers, Outgoing, Peer, Route};
use super::road::Late;
use crate::forward::{AfterTurn, Turn};

/// One socket's late answers.
pub(super) struct Lates<P> {
    socket: Arc<UdpSocket>,
    waiting: Mutex<Waiting<P>>,
}

struct Waiting<P> {
    outgoing: Outgoing<P>,
    /// Pending until they are sent. Their number is bounded by that of the questions that may wait.
    answers: Vec<Late>,
}

impl<P: Peer> Lates<P> {
    pub(super) fn new(socket: &Arc<UdpSocket>) -> Arc<Self> {
        let waiting = Waiting { outgoing: Outgoing::new(socket), answers: Vec::with_capacity(BATCH) };
        Arc::new(Self { socket: Arc::clone(socket), waiting: Mutex::new(waiting) })
    }

    /// Takes an answer; it leaves at the end of the turn.
    pub(super) fn push(self: &Arc<Self>, answer: Late, route: Route<P>, turn: &mut Turn) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.answers.is_empty() {
            turn.after(Arc::clone(self) as Arc<dyn AfterTurn>);
        }
        waiting.outgoing.bytes.extend_from_slice(&answer.bytes);
        waiting.outgoing.end_answer(route);
        waiting.answers.push(answer);
    }
}

impl<P: Peer> AfterTurn for Lates<P> {
    fn run(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut headers = Headers::new(waiting.answers.len().min(BATCH), waiting.outgoing.is_wildcard());
        waiting.outgoing.send(&self.socket, &mut headers, MsgFlags::MSG_DONTWAIT);
        waiting.answers.clear();
    }
}
