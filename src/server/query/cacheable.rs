//! Cacheable answers, and what the answer cache has to know about them.

use crate::dns::Rcode;
use crate::forward::cache::Validity;
use crate::forward::resolver::chase::{RecordBits, Resolved};

use super::response::Composed;

/// A cacheable answer, without its bytes.
pub(crate) struct Cacheable {
    pub(crate) validity: Validity,
    pub(crate) bits: HeaderBits,
    /// The offsets in the answer of the TTLs that age.
    pub(crate) aging: Vec<u16>,
    /// The offset in the answer at which the records end.
    pub(crate) end: usize,
    /// The name that a hosted zone does not have.
    pub(crate) missed: Option<Box<[u8]>>,
}

/// The parts of an answer that go into the header and the counters.
#[derive(Clone, Copy, Default)]
pub(crate) struct HeaderBits {
    pub(crate) rcode: Rcode,
    pub(crate) authoritative: bool,
    pub(crate) authentic: bool,
    /// The chain ended in a zone of ours.
    pub(crate) rechased: bool,
}

impl Cacheable {
    /// `None` for an answer that is good for one question only.
    pub(crate) fn new(resolved: &Resolved, composed: &Composed, validity: Validity) -> Option<Self> {
        let records = resolved.answer.len() + resolved.authority.len();
        let is_plain = resolved.rcode.is_answer() && resolved.ede.is_none() && resolved.additional.is_empty();
        if composed.truncated || !is_plain || records > RecordBits::CAPACITY {
            return None;
        }
        let ages = |(index, at): (usize, &u16)| resolved.from_upstream.contains(index).then_some(*at);
        Some(Self {
            validity,
            bits: HeaderBits {
                rcode: resolved.rcode,
                authoritative: resolved.authoritative,
                authentic: resolved.authentic,
                rechased: resolved.origin.zone.is_some(),
            },
            aging: composed.ttls.iter().take(records).enumerate().filter_map(ages).collect(),
            end: composed.end,
            missed: resolved.origin.missed.as_ref().map(|name| name.as_wire().into()),
        })
    }
}
