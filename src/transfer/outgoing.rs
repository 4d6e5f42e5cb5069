//! A transfer to a secondary: a value from which the connection pulls one message after another, as the client takes
//! them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::message::{Head, Message};
use super::settings::Peer;
use crate::dns::{Name, Query, Serial, Signer};
use crate::zone::delta::{Delta, Soa};
use crate::zone::history::History;
use crate::zone::{Cursor, Hosted, ViewName, Zone, ZoneSet};

/// The time that a transfer of a version may go on after that version was replaced: each such transfer keeps a whole
/// zone in memory.
pub(crate) const MAX_KEPT: Duration = Duration::from_mins(1);

/// A query for a transfer that is granted, before its first message. It keeps no zone in memory, however long it waits
/// for its place, and begins with the version that is in service then.
pub(crate) struct Granted {
    head: Head,
    signer: Option<Signer>,
    peer: Arc<str>,
    view: Option<ViewName>,
    apex: Name,
    /// The version that the client has; `None` if it wants the whole zone.
    since: Option<Serial>,
}

/// The messages that are still to be sent.
pub(crate) struct Transfer {
    head: Head,
    signer: Option<Signer>,
    peer: Arc<str>,
    view: Option<ViewName>,
    zone: Arc<Zone>,
    /// The changes, where the secondary has an earlier version; else the whole zone is sent.
    changes: Option<Delta>,
    /// What comes next.
    next: Part,
    is_first: bool,
    /// When another version was first seen in its place.
    replaced: Option<Instant>,
}

/// The parts of a transfer, in their order: those of a whole zone (RFC 5936 section 2.2), and between the first and the
/// last SOA in place of the records those of a difference (RFC 1995 section 4).
#[derive(Clone, Copy)]
enum Part {
    /// The SOA of the version that is sent.
    First,
    /// The records of the zone behind this place.
    Records(Cursor),
    /// The SOA of the version that the secondary has.
    OldSoa,
    /// The records that are gone, behind this place.
    Removed(usize),
    /// The SOA of the version that is sent.
    NewSoa,
    /// The records that are new, behind this place.
    Added(usize),
    /// The SOA again.
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

impl Granted {
    /// The whole zone with this apex, for a peer; `signer` signs the messages, if the query was signed.
    pub(crate) fn new(query: &Query<'_>, signer: Option<Signer>, peer: &Peer, apex: &Name) -> Self {
        let head = Head::new(query, apex.as_wire());
        Self { head, signer, peer: Arc::clone(&peer.name), view: peer.view.clone(), apex: apex.clone(), since: None }
    }

    /// What changed since the version with this serial.
    #[must_use]
    pub(crate) fn since(self, serial: Serial) -> Self {
        Self { since: Some(serial), ..self }
    }

    /// The peer's name.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// The zone in service, as the peer sees it.
    pub(crate) fn hosted<'z>(&self, zones: &'z ZoneSet) -> Option<&'z Hosted> {
        zones.seen_in(self.view.as_ref())?.get(&self.apex)
    }

    /// Begins with the version in service: its changes if the client's version is known and they take no more than half
    /// of its octets, else all of it.
    pub(crate) fn begin(self, zone: Arc<Zone>, history: &History) -> Transfer {
        let changes = self.since.and_then(|serial| history.since(serial, zone.octets() / 2));
        let changes = changes.filter(|changes| changes.to().serial == zone.serial());
        let Self { head, signer, peer, view, .. } = self;
        Transfer { head, signer, peer, view, zone, changes, next: Part::First, is_first: true, replaced: None }
    }
}

impl Transfer {
    /// The zone in service, as the peer sees it.
    pub(crate) fn hosted<'z>(&self, zones: &'z ZoneSet) -> Option<&'z Hosted> {
        zones.seen_in(self.view.as_ref())?.get(self.zone.apex())
    }

    /// The peer's name.
    pub(crate) fn peer(&self) -> &Arc<str> {
        &self.peer
    }

    /// Whether all records are sent; else those that changed.
    pub(crate) fn is_whole(&self) -> bool {
        self.changes.is_none()
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
        now.saturating_duration_since(*self.replaced.get_or_insert(now)) > MAX_KEPT
    }

    /// Appends the next message, signed at this time, seconds since 1970.
    pub(crate) fn message(&mut self, out: &mut Vec<u8>, now: u64) -> Next {
        let start = out.len();
        let Self { head, signer, zone, changes, next, .. } = self;
        let mut message = Message::new(head, self.is_first, signer.as_ref(), out);
        self.is_first = false;
        while let Some(part) = step(&mut message, zone, changes.as_ref(), next) {
            *next = part;
        }
        if message.records() == 0 {
            out.truncate(start);
            return Next::Broken;
        }
        message.finish(signer.as_mut(), now);
        if matches!(next, Part::End) { Next::Done } else { Next::More }
    }
}

/// Puts the next part into a message. The result is the part behind it; `None` if the message is full or this was the
/// end, with `next` where the next message goes on.
fn step(message: &mut Message<'_>, zone: &Zone, changes: Option<&Delta>, next: &mut Part) -> Option<Part> {
    let own_soa = |message: &mut Message<'_>| Soa::of(zone).is_some_and(|soa| message.push(&soa.record()));
    match (*next, changes) {
        (Part::First, None) => own_soa(message).then_some(Part::Records(Cursor::default())),
        (Part::First, Some(_)) => own_soa(message).then_some(Part::OldSoa),
        (Part::Records(from), _) => match zone.walk(from, |record| message.push(record)) {
            Some(place) => stop(next, Part::Records(place)),
            None => Some(Part::Last),
        },
        (Part::OldSoa, Some(changes)) => message.push(&changes.from().record()).then_some(Part::Removed(0)),
        (Part::Removed(from), Some(changes)) => match changes.removed().walk(from, |record| message.push(record)) {
            Some(place) => stop(next, Part::Removed(place)),
            None => Some(Part::NewSoa),
        },
        (Part::NewSoa, Some(changes)) => message.push(&changes.to().record()).then_some(Part::Added(0)),
        (Part::Added(from), Some(changes)) => match changes.added().walk(from, |record| message.push(record)) {
            Some(place) => stop(next, Part::Added(place)),
            None => Some(Part::Last),
        },
        (Part::Last, _) => own_soa(message).then_some(Part::End),
        (Part::End | Part::OldSoa | Part::Removed(_) | Part::NewSoa | Part::Added(_), _) => None,
    }
}

/// The message is full; the next one goes on at a place.
fn stop(next: &mut Part, place: Part) -> Option<Part> {
    *next = place;
    None
}

#[cfg(test)]
mod tests;
