//! A transfer to a secondary: a value from which the connection pulls one message after another, as the client takes
//! them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::message::{Head, Message};
use crate::dns::{Query, Rtype, Signer};
use crate::zone::{Cursor, RecordRef, Zone};

/// The time that a transfer of a version may go on after that version was replaced: each such transfer keeps a whole
/// zone in memory.
const REPLACED_FOR: Duration = Duration::from_secs(60);

/// A query for a transfer that is granted.
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a Query<'a>,
    /// Signs the messages, if the query was signed.
    pub(crate) signer: Option<Signer>,
    /// The peer's name.
    pub(crate) peer: Arc<str>,
}

/// The messages that are still to be sent.
pub(crate) struct Transfer {
    head: Head,
    signer: Option<Signer>,
    peer: Arc<str>,
    zone: Arc<Zone>,
    /// What comes next.
    next: Part,
    is_first: bool,
    /// When another version was first seen in its place.
    replaced: Option<Instant>,
}

/// The parts of a transfer.
enum Part {
    /// The SOA, with which a transfer begins (RFC 5936 section 2.2).
    First,
    /// The records behind this place.
    Records(Cursor),
    /// The SOA again, with which it ends.
    Last,
    /// Nothing.
    End,
}

/// What a connection does after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is more.
    More,
    /// The transfer is complete.
    Done,
    /// It cannot go on: the connection ends, and the secondary asks again.
    Broken,
}

impl Transfer {
    /// The whole zone (RFC 5936).
    pub(crate) fn whole(asked: Asked<'_>, zone: Arc<Zone>) -> Self {
        let head = Head::new(asked.query, zone.apex().as_wire());
        let Asked { signer, peer, .. } = asked;
        Self { head, signer, peer, zone, next: Part::First, is_first: true, replaced: None }
    }

    /// The peer's name.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// The zone, in the version that is sent.
    pub(crate) fn zone(&self) -> &Arc<Zone> {
        &self.zone
    }

    /// Whether the version has been out of service for too long; `present` is the one that is in service now.
    pub(crate) fn is_outdated(&mut self, present: Option<&Arc<Zone>>, now: Instant) -> bool {
        if present.is_some_and(|present| Arc::ptr_eq(present, &self.zone)) {
            return false;
        }
        now.saturating_duration_since(*self.replaced.get_or_insert(now)) > REPLACED_FOR
    }

    /// Appends the next message, signed at this time, seconds since 1970.
    pub(crate) fn message(&mut self, out: &mut Vec<u8>, now: u64) -> Next {
        let start = out.len();
        let Self { head, signer, zone, next, .. } = self;
        let mut message = Message::new(head, self.is_first, signer.as_ref(), out);
        self.is_first = false;
        fill(&mut message, zone, next);
        if message.records() == 0 {
            out.truncate(start);
            return Next::Broken;
        }
        message.finish(signer.as_mut(), now);
        if matches!(next, Part::End) { Next::Done } else { Next::More }
    }
}

/// Fills a message as far as it goes.
fn fill(message: &mut Message<'_>, zone: &Zone, next: &mut Part) {
    loop {
        *next = match next {
            Part::First if push_soa(message, zone) => Part::Records(Cursor::default()),
            Part::Records(from) => match zone.walk(*from, |record| message.push(record)) {
                Some(place) => {
                    *next = Part::Records(place);
                    return;
                }
                None => Part::Last,
            },
            Part::Last if push_soa(message, zone) => Part::End,
            Part::First | Part::Last | Part::End => return,
        };
    }
}

fn push_soa(message: &mut Message<'_>, zone: &Zone) -> bool {
    let Some(soa) = zone.soa() else { return false };
    soa.rdatas()
        .next()
        .is_some_and(|rdata| message.push(&RecordRef { owner: &[], rtype: Rtype::SOA, ttl: soa.ttl(), rdata }))
}

#[cfg(test)]
mod tests;
