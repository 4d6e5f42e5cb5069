//! The scripted upstream: a reply that its script spells out goes before hickory-server's, and faults are applied to
//! either.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::answers::{Received, datagrams, whole};
use super::ledger::Ledger;
use super::ordinary::Zones;
use super::script::{Faults, Script};
use super::sockets::{Reaction, Serve, Then, Transport};

pub(crate) struct Scripted {
    script: Mutex<Script>,
    zones: Arc<Zones>,
    pub(crate) ledger: Arc<Ledger>,
    /// The number of times that held answers were released.
    releases: watch::Sender<u32>,
}

/// The part of the script that a question meets, as it was when the question came.
struct Turn {
    received: Received,
    /// The reply that is spelled out, if there is one.
    reply: Option<Vec<u8>>,
    faults: Faults,
    releases: watch::Receiver<u32>,
}

impl Scripted {
    pub(crate) fn new(script: Script, zones: Arc<Zones>) -> Self {
        Self { script: Mutex::new(script), zones, ledger: Arc::default(), releases: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.lock());
    }

    pub(crate) fn release(&self) {
        let mut script = self.lock();
        script.faults.hold = false;
        self.releases.send_modify(|count| *count += 1);
    }

    /// Counts a question and looks up its part of the script; `None` if it gets no answer.
    fn consider(&self, message: &[u8], client: SocketAddr, by: Transport) -> Option<Turn> {
        let received = Received::read(message)?;
        let script = self.lock();
        let count = self.ledger.count(&received, client, by);
        let reply = script.reply(&received.name, received.qtype);
        let faults = script.faults(&received.name, &reply.map(|draft| draft.faults.clone()).unwrap_or_default());
        let is_scripted = reply.is_some() || faults != Faults::default();
        if is_scripted {
            self.ledger.note_script();
        } else {
            self.ledger.note_hickory();
        }
        let transport = if by == Transport::Udp { faults.drop_udp } else { faults.drop_tcp };
        let is_silent = received.meets(&faults.objections).is_some_and(|objection| objection.rcode.is_none());
        if count <= faults.drop || transport || is_silent {
            return None;
        }
        let reply = reply.map(|draft| whole(&received, draft));
        Some(Turn { received, reply, faults, releases: self.releases.subscribe() })
    }
}

impl Serve for Scripted {
    async fn react(&self, message: &[u8], client: SocketAddr, by: Transport) -> Reaction {
        let Some(mut turn) = self.consider(message, client, by) else { return Reaction::default() };
        let then = turn.faults.then();
        if by == Transport::Tcp && (turn.faults.close_tcp || turn.faults.stall_tcp) {
            return Reaction { then, ..Reaction::default() };
        }
        tokio::time::sleep(turn.faults.delay).await;
        if turn.faults.hold {
            // The sender lives as long as this.
            let _released = turn.releases.changed().await;
        }
        let reply = match turn.reply {
            Some(reply) => reply,
            None => match self.zones.answer(message, client, by).await {
                Some(reply) => reply,
                None => return Reaction::default(),
            },
        };
        let messages = datagrams(&turn.received, reply, &turn.faults, by);
        Reaction { messages, from_elsewhere: turn.faults.wrong_source, then }
    }
}

impl Faults {
    /// The end of a TCP connection's turn.
    fn then(&self) -> Then {
        if self.close_tcp || self.close_after_tcp {
            Then::Close
        } else if self.first_of_tcp || self.stall_tcp {
            Then::Stall
        } else {
            Then::GoOn
        }
    }
}
