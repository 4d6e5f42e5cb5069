//! The count of each question that an upstream was asked.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::base::Rtype;

use super::answers::Received;
use super::sockets::Transport;
use crate::support::record::{dotted, rtype};

/// The questions by name and type, and the sources of the answers.
#[derive(Default)]
pub(crate) struct Ledger {
    asked: Mutex<BTreeMap<(String, u16), Asked>>,
    seen: Mutex<Vec<Seen>>,
    by_hickory: AtomicU32,
    by_script: AtomicU32,
}

/// The messages that hickory-server answered, and those that a script answered or spoiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) by_hickory: u32,
    pub(crate) by_script: u32,
}

/// A message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) by: Transport,
    pub(crate) from: SocketAddr,
    pub(crate) id: [u8; 2],
    /// In the case in which it came.
    pub(crate) name: String,
    pub(crate) qtype: Rtype,
    pub(crate) has_edns: bool,
    pub(crate) has_ad: bool,
}

/// The count of one question.
#[derive(Default)]
struct Asked {
    /// All messages, repetitions too.
    messages: u32,
    /// Port and id of each query that was no repetition.
    queries: HashSet<(SocketAddr, [u8; 2])>,
}

impl Asked {
    fn questions(&self) -> u32 {
        u32::try_from(self.queries.len()).unwrap_or(u32::MAX)
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u16), Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a message; returns the number of messages with its question, this one included.
    ///
    /// A server that hears nothing in time sends the same again, then without EDNS, then over TCP: the number depends
    /// on the load of the machine. All of that is one question.
    pub(crate) fn count(&self, received: &Received, client: SocketAddr, by: Transport) -> u32 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
            by,
            from: client,
            id: [received.bytes[0], received.bytes[1]],
            name: received.name.clone(),
            qtype: received.qtype,
            has_edns: received.payload.is_some(),
            has_ad: received.bytes[3] & 0x20 != 0,
        });
        let mut ledger = self.lock();
        let asked = ledger.entry((dotted(&received.name), received.qtype.to_int())).or_default();
        asked.messages += 1;
        let is_first_form = by == Transport::Udp && received.payload.is_some();
        if is_first_form || asked.queries.is_empty() {
            asked.queries.insert((client, [received.bytes[0], received.bytes[1]]));
        }
        asked.messages
    }

    /// The number of times this was asked, repetitions left out.
    pub(crate) fn asked(&self, name: &str, qtype: &str) -> u32 {
        self.lock().get(&(dotted(name), rtype(qtype).to_int())).map_or(0, Asked::questions)
    }

    /// True if a question for this name and type came, or for this name and any type.
    pub(crate) fn was_asked(&self, name: &str, qtype: Option<Rtype>) -> bool {
        let (name, qtype) = (dotted(name), qtype.map(Rtype::to_int));
        self.lock().keys().any(|(asked, number)| *asked == name && qtype.is_none_or(|qtype| qtype == *number))
    }

    /// The messages with this name, in order.
    pub(crate) fn seen(&self, name: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|message| dotted(&message.name) == dotted(name)).cloned().collect()
    }

    /// Every question, with a count; the server's own loop probes are none of a client's.
    pub(crate) fn questions(&self) -> Vec<String> {
        let shown = |((name, qtype), asked): (&(String, u16), &Asked)| {
            format!("{name} TYPE{qtype} {}x in {} messages", asked.questions(), asked.messages)
        };
        self.lock().iter().filter(|((name, _), _)| !name.contains(".loop-probe.")).map(shown).collect()
    }

    /// Notes that hickory-server answers a message, and nothing spoils the answer.
    pub(crate) fn note_hickory(&self) {
        self.by_hickory.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a script answers a message, or spoils its answer.
    pub(crate) fn note_script(&self) {
        self.by_script.fetch_add(1, Ordering::Relaxed);
    }

    /// The messages so far.
    pub(crate) fn tally(&self) -> Tally {
        let read = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        Tally { by_hickory: read(&self.by_hickory), by_script: read(&self.by_script) }
    }
}
