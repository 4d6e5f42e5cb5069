//! NOTIFY (RFC 1996): which peers are told of which serial, and when again.
//!
//! In: the zones in service and the peers that may have them, the replies, which peers are behind, the time. Out:
//! messages to send. Of a zone that changes many times a second a peer is told once a second; the repetition of a
//! message without an answer comes besides. Never: a socket or a clock.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::Settings;
use crate::dns::tsig::{Key, Keys, sign_query, verify_answer};
use crate::dns::{Name, Opcode, Rcode, Rtype, Serial};
use crate::zone::ZoneSet;
use crate::zone::delta::Soa;

/// The least time between two changes of one zone of which an address is told. Messages that are sent again do not
/// count.
const APART: Duration = Duration::from_secs(1);

/// Tries before a pause: after 1, 2, 4 and more seconds, about four minutes in all.
const TRIES: u32 = 8;

/// The longest time between two tries.
const MAX_BETWEEN: Duration = Duration::from_mins(1);

/// The time until a peer that answered none of them, or refused each, is told again.
const PAUSE: Duration = Duration::from_hours(1);

/// The times until a peer that has acknowledged and does not take the version is told again; then its own REFRESH is to
/// do the rest (RFC 1996 section 3.11).
const AGAIN: [Duration; 3] = [Duration::from_mins(1), Duration::from_mins(5), Duration::from_mins(15)];

/// Peers that are told of a zone for the first time are told one after another: at the start all are.
const SPREAD: Duration = Duration::from_millis(50);

/// The most that the spread adds up to.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// Who is told about what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// The apex.
    pub(crate) zone: Name,
    /// The peer's name.
    pub(crate) peer: Arc<str>,
    /// One of its addresses.
    pub(crate) address: SocketAddr,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// What a peer is known to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It has yet to answer.
    Waiting {
        /// Messages about this serial so far.
        tries: u32,
    },
    /// It has answered.
    Acknowledged,
    /// It has answered with this RCODE, and has not acknowledged the zone since.
    Refused(Rcode),
}

/// All pairs.
#[derive(Default)]
pub(crate) struct Notifier {
    pairs: BTreeMap<Pair, State>,
}

struct State {
    soa: Soa,
    key: Option<Arc<Key>>,
    told: Told,
    tries: u32,
    /// Acknowledgements of this serial.
    acknowledged: usize,
    /// The time of the next message, or of the next look at a peer that has acknowledged; `None` if there is nothing to
    /// say.
    due: Option<Instant>,
    /// The time when a change was last told.
    last: Option<Instant>,
    /// The id and the MAC of the last message.
    sent: Option<(u16, Vec<u8>)>,
}

/// The pairs of these zones and peers, each with the SOA that is in service and the key.
pub(crate) fn wanted(settings: &Settings, keys: &Keys, zones: &ZoneSet) -> Vec<(Pair, Soa, Option<Arc<Key>>)> {
    let mut wanted = Vec::new();
    for peer in settings.peers.iter() {
        let key = peer.key.as_ref().and_then(|key| keys.get(key.canonical())).cloned();
        let seen = peer.seen(zones).into_iter().flat_map(ZoneSet::transferable);
        for hosted in seen.filter(|hosted| peer.may_have(hosted)) {
            let Some(soa) = hosted.zone.as_deref().and_then(Soa::of) else { continue };
            for address in &peer.addresses {
                let pair = Pair { zone: hosted.apex.clone(), peer: Arc::clone(&peer.name), address: *address };
                wanted.push((pair, soa.clone(), key.clone()));
            }
        }
    }
    wanted
}

impl Notifier {
    /// Takes the pairs as they are now; those whose serial changed are told, and others are forgotten.
    pub(crate) fn take(&mut self, wanted: Vec<(Pair, Soa, Option<Arc<Key>>)>, now: Instant) {
        let mut before = std::mem::take(&mut self.pairs);
        let mut spread = Duration::ZERO;
        for (pair, soa, key) in wanted {
            let state = match before.remove(&pair) {
                Some(known) if known.soa.serial == soa.serial => State { key, ..known },
                Some(known) => {
                    let due = known.last.map_or(now, |last| now.max(last + APART));
                    State { soa, key, last: known.last, ..State::new(due) }
                }
                None => {
                    let due = now + spread;
                    spread = (spread + SPREAD).min(MAX_SPREAD);
                    State { soa, key, ..State::new(due) }
                }
            };
            self.pairs.insert(pair, state);
        }
    }

    /// The messages that are due; `today` is the time of day in seconds since 1970, `id` makes ids, `is_behind` says
    /// which peers lack the version in service.
    pub(crate) fn due(
        &mut self,
        (now, today): (Instant, u64),
        is_behind: impl Fn(&Pair) -> bool,
        mut id: impl FnMut() -> u16,
    ) -> Vec<Outgoing> {
        let mut out = Vec::new();
        for (pair, state) in &mut self.pairs {
            if state.due.is_some_and(|due| due <= now) {
                if state.told == Told::Acknowledged && !is_behind(pair) {
                    state.due = None;
                    continue;
                }
                let id = id();
                let mut bytes = message(&pair.zone, &state.soa, id);
                let mac = state.key.as_deref().map(|key| sign_query(key, &mut bytes, today)).unwrap_or_default();
                state.sent(now, (id, mac));
                out.push(Outgoing { to: pair.address, bytes });
            }
        }
        out
    }

    /// The time of the next message.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.pairs.values().filter_map(|state| state.due).min()
    }

    /// Takes a message that arrived; one that answers nothing of ours is passed over.
    pub(crate) fn reply(&mut self, from: SocketAddr, bytes: &[u8], (now, today): (Instant, u64)) {
        let Some(reply) = Reply::parse(bytes) else { return };
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let found = self.pairs.iter_mut().find(|(pair, state)| {
            let address = SocketAddr::new(pair.address.ip().to_canonical(), pair.address.port());
            address == from && state.sent.as_ref().is_some_and(|(id, _)| *id == reply.id) && reply.is_about(&pair.zone)
        });
        let Some((_, state)) = found else { return };
        let is_signed =
            |key: &Arc<Key>| state.sent.as_ref().is_some_and(|(_, mac)| verify_answer(bytes, key, mac, today));
        if !state.key.as_ref().is_none_or(is_signed) {
            return;
        }
        state.sent = None;
        match reply.rcode {
            Rcode::NOERROR => state.acknowledge(now),
            // That message is done with (RFC 1996 section 4.8). The next one comes as soon as for a silent peer: this
            // one may hear of a new zone before it has read the catalog that names it.
            rcode => state.told = Told::Refused(rcode),
        }
    }

    /// What each peer was told: the pair, the serial, and what came of it.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&Pair, Serial, Told)> {
        self.pairs.iter().map(|(pair, state)| (pair, state.soa.serial, state.told))
    }
}

impl State {
    fn new(due: Instant) -> Self {
        let soa = Soa { serial: Serial(0), ttl: 0, rdata: Box::default() };
        Self {
            soa,
            key: None,
            told: Told::Waiting { tries: 0 },
            tries: 0,
            acknowledged: 0,
            due: Some(due),
            last: None,
            sent: None,
        }
    }

    /// It was heard; whether the peer takes the version is looked at later.
    fn acknowledge(&mut self, now: Instant) {
        self.told = Told::Acknowledged;
        self.due = AGAIN.get(self.acknowledged).map(|wait| now + *wait);
        (self.acknowledged, self.tries) = (self.acknowledged + 1, 1);
    }

    fn sent(&mut self, now: Instant, sent: (u16, Vec<u8>)) {
        if self.tries == 0 {
            self.last = Some(now);
        }
        self.tries += 1;
        self.told = match self.told {
            Told::Waiting { tries } => Told::Waiting { tries: tries + 1 },
            Told::Acknowledged => Told::Waiting { tries: 1 },
            refused @ Told::Refused(_) => refused,
        };
        self.sent = Some(sent);
        let between = Duration::from_secs(1 << (self.tries - 1).min(6)).min(MAX_BETWEEN);
        let wait = if self.tries < TRIES { between } else { PAUSE };
        self.tries %= TRIES;
        self.due = Some(now + wait);
    }
}

/// The message: the zone's SOA as question and answer (section 3.7).
fn message(zone: &Name, soa: &Soa, id: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&id.to_be_bytes());
    // Opcode NOTIFY, AA.
    out.extend_from_slice(&[Opcode::NOTIFY.0 << 3 | 4, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    out.extend_from_slice(zone.as_wire());
    out.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    // The owner points to the question.
    out.extend_from_slice(&[0xc0, 12]);
    out.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    out.extend_from_slice(&soa.ttl.to_be_bytes());
    out.extend_from_slice(&u16::try_from(soa.rdata.len()).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(&soa.rdata);
    out
}

/// The parts of a reply that are looked at.
struct Reply {
    id: u16,
    rcode: Rcode,
    /// `None` without a question: Unbound refuses with the header alone.
    zone: Option<Name>,
}

impl Reply {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 12] = bytes.first_chunk()?;
        let is_reply = header[2] & 0x80 != 0 && Opcode(header[2] >> 3 & 0xf) == Opcode::NOTIFY;
        let zone = if header[4..6] == [0, 0] {
            None
        } else {
            let end = crate::dns::name_end(bytes, 12)?;
            Some(Name::from_wire(bytes.get(12..end)?)?)
        };
        let rcode = Rcode(u16::from(header[3] & 0xf));
        is_reply.then_some(Self { id: u16::from_be_bytes([header[0], header[1]]), rcode, zone })
    }

    /// An acknowledgement repeats the question, a refusal need not.
    fn is_about(&self, zone: &Name) -> bool {
        match &self.zone {
            Some(own) => own == zone,
            None => self.rcode != Rcode::NOERROR,
        }
    }
}

#[cfg(test)]
mod tests;
