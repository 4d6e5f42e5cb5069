//! The signature of an answer (RFC 8945).

use crate::dns::Signer;

/// Signs the answer to one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    signer: Signer,
    /// The time at which the query was verified, seconds since 1970: an answer leaves within seconds of it.
    now: u64,
}

impl Signature {
    /// The signature for a query that was verified at this time, seconds since 1970.
    pub(super) fn new(signer: Signer, now: u64) -> Self {
        Self { signer, now }
    }

    /// The octets that an answer grows by.
    pub(super) fn octets(&self) -> usize {
        self.signer.record_len()
    }

    /// Signs the answer.
    pub(super) fn sign(&self, answer: &mut Vec<u8>) {
        self.signer.sign(answer, self.now);
    }

    /// What signs several messages, one after another.
    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }
}
