//! The signatures of answers (RFC 8945 section 5.3): one message, or the messages of a transfer one after another.

use std::sync::Arc;

use super::{CLASS_ANY, Fields, Key, TsigError, record_len};

/// Seconds by which the client's clock may differ from ours (section 10).
const FUDGE: u16 = 300;

/// Signs the answers to one query.
#[derive(Clone, PartialEq, Eq)]
pub struct Signer {
    key: Arc<Key>,
    /// The MAC before: the query's, then that of the last message.
    previous: Vec<u8>,
    /// The id that the query was signed with.
    id: u16,
    error: TsigError,
    /// The time of the query's signature, seconds since 1970.
    asked: u64,
    /// Whether a message has been signed.
    has_begun: bool,
}

impl Signer {
    pub(super) fn new(key: &Arc<Key>, mac: &[u8], id: u16, (error, asked): (TsigError, u64)) -> Self {
        Self { key: Arc::clone(key), previous: mac.to_vec(), id, error, asked, has_begun: false }
    }

    /// The key.
    pub fn key(&self) -> &Arc<Key> {
        &self.key
    }

    /// The octets that a message grows by.
    pub fn record_len(&self) -> usize {
        let algorithm = self.key.algorithm();
        let other = if self.error == TsigError::BadTime { 6 } else { 0 };
        record_len(self.key.name().as_wire(), algorithm.wire(), algorithm.mac_len(), other)
    }

    /// Signs the one message that answers the query, at a time in seconds since 1970.
    pub fn sign(&self, message: &mut Vec<u8>, now: u64) {
        self.append(0, message, now);
    }

    /// Signs the next of several messages that answer the query; it begins at `start` in a buffer.
    pub fn sign_next(&mut self, start: usize, out: &mut Vec<u8>, now: u64) {
        self.previous = self.append(start, out, now);
        self.has_begun = true;
    }

    /// Adds the record to a message; its MAC is what the next message's depends on.
    fn append(&self, start: usize, out: &mut Vec<u8>, now: u64) -> Vec<u8> {
        let (name, algorithm) = (self.key.name().as_wire(), self.key.algorithm().wire());
        let now_48 = &now.to_be_bytes()[2..];
        // Section 5.2.3: the client's time is repeated, so that it can verify the answer, and ours is beside it.
        let (time, other): (u64, &[u8]) =
            if self.error == TsigError::BadTime { (self.asked, now_48) } else { (now, &[]) };
        let previous_len = u16::try_from(self.previous.len()).unwrap_or_default().to_be_bytes();
        let rest = if self.has_begun {
            // Section 5.3.1: later messages digest the timers alone.
            timers((time, FUDGE))
        } else {
            variables(name, algorithm, (time, FUDGE), (self.error.code(), other))
        };
        let mac = self.key.mac(&[&previous_len, &self.previous, &out[start..], &rest]);
        let (id, error) = (self.id, self.error);
        Fields { key: name, algorithm, time, fudge: FUDGE, mac: &mac, id, error: error.code(), other }
            .append(start, out);
        mac
    }
}

/// Signs a query of ours, at a time in seconds since 1970; its MAC is what the answer's signature depends on.
pub fn sign_query(key: &Key, query: &mut Vec<u8>, now: u64) -> Vec<u8> {
    let (name, algorithm) = (key.name().as_wire(), key.algorithm().wire());
    let mac = key.mac(&[query, &variables(name, algorithm, (now, FUDGE), (0, &[]))]);
    let id = query.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    Fields { key: name, algorithm, time: now, fudge: FUDGE, mac: &mac, id, error: 0, other: &[] }.append(0, query);
    mac
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({:?} {:?})", self.key, self.error)
    }
}

/// The variables of a record that are digested (section 4.3.3).
pub(super) fn variables(key: &[u8], algorithm: &[u8], times: (u64, u16), (error, other): (u16, &[u8])) -> Vec<u8> {
    let other_len = u16::try_from(other.len()).unwrap_or_default();
    [
        key,
        &CLASS_ANY.to_be_bytes(),
        &[0; 4],
        algorithm,
        &timers(times),
        &error.to_be_bytes(),
        &other_len.to_be_bytes(),
        other,
    ]
    .concat()
}

/// The timers, which later messages digest alone.
fn timers((time, fudge): (u64, u16)) -> Vec<u8> {
    [&time.to_be_bytes()[2..], &fudge.to_be_bytes()].concat()
}
