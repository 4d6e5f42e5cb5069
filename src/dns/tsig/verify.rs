//! The checks of a signed query, in the order of RFC 8945 section 5.2: key, MAC, time, length of the MAC.

use super::sign::Signer;
use super::{CLASS_ANY, Fields, Key, Keys, Tsig, TsigError, record_len};
use crate::dns::{NameBuffer, signature_of};

/// The reason why a query's signature is not good, with what its answer says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TsigFailure {
    /// The MAC has an impossible length (section 5.2.2.1): FORMERR.
    Malformed,
    /// The key is not known, or the MAC is not its own: the answer is not signed (section 5.3.2).
    Unsigned(TsigError),
    /// The client has the key: the answer is signed, and says what else is wrong.
    Signed(Box<Signer>),
}

/// Checks a query's TSIG record, at a time in seconds since 1970. The signer is for the query's answers.
pub fn verify(message: &[u8], tsig: &Tsig<'_>, keys: &Keys, now: u64) -> Result<Signer, TsigFailure> {
    let bad_key = || TsigFailure::Unsigned(TsigError::BadKey);
    let name = NameBuffer::new(tsig.fields.key).ok_or_else(bad_key)?;
    let key = keys.get(name.name()).ok_or_else(bad_key)?;
    if !tsig.fields.algorithm.eq_ignore_ascii_case(key.algorithm().wire()) {
        return Err(bad_key());
    }
    let full = key.algorithm().mac_len();
    if tsig.fields.mac.len() > full || tsig.fields.mac.len() < (full / 2).max(10) {
        return Err(TsigFailure::Malformed);
    }
    let (header, body) = unsigned(message, tsig).ok_or(TsigFailure::Malformed)?;
    let variables = variables(name.name().as_wire(), key.algorithm().wire(), tsig);
    if !key.is_mac(&[&header, body, &variables], tsig.fields.mac) {
        return Err(TsigFailure::Unsigned(TsigError::BadSig));
    }
    let signer = |error| Signer::new(key, tsig.fields.mac, tsig.fields.id, (error, tsig.fields.time));
    if now.abs_diff(tsig.fields.time) > u64::from(tsig.fields.fudge) {
        return Err(TsigFailure::Signed(Box::new(signer(TsigError::BadTime))));
    }
    if tsig.fields.mac.len() < full {
        return Err(TsigFailure::Signed(Box::new(signer(TsigError::BadTrunc))));
    }
    Ok(signer(TsigError::None))
}

/// Whether an answer is signed with the key, for the query with this MAC, at about this time (section 5.3.1).
pub fn verify_answer(answer: &[u8], key: &Key, query_mac: &[u8], now: u64) -> bool {
    let Some(tsig) = signature_of(answer) else { return false };
    let (Some(name), Some((header, body))) = (NameBuffer::new(tsig.fields.key), unsigned(answer, &tsig)) else {
        return false;
    };
    let algorithm = key.algorithm().wire();
    let length = u16::try_from(query_mac.len()).unwrap_or_default().to_be_bytes();
    name.name() == key.name().canonical()
        && tsig.fields.algorithm.eq_ignore_ascii_case(algorithm)
        && tsig.fields.mac.len() == key.algorithm().mac_len()
        && key.is_mac(
            &[&length, query_mac, &header, body, &variables(name.name().as_wire(), algorithm, &tsig)],
            tsig.fields.mac,
        )
        && now.abs_diff(tsig.fields.time) <= u64::from(tsig.fields.fudge)
}

/// The message as it was before it was signed: a header with the original id and without the TSIG record in its count,
/// and what follows the header (section 4.3.2).
fn unsigned<'m>(message: &'m [u8], tsig: &Tsig<'_>) -> Option<([u8; 12], &'m [u8])> {
    let mut header: [u8; 12] = *message.first_chunk()?;
    header[..2].copy_from_slice(&tsig.fields.id.to_be_bytes());
    let count = u16::from_be_bytes([header[10], header[11]]).checked_sub(1)?;
    header[10..].copy_from_slice(&count.to_be_bytes());
    Some((header, message.get(12..tsig.start)?))
}

/// The variables of a record that are digested behind the message (section 4.3.3); names in lower case.
fn variables(key: &[u8], algorithm: &[u8], tsig: &Tsig<'_>) -> Vec<u8> {
    super::sign::variables(
        key,
        algorithm,
        (tsig.fields.time, tsig.fields.fudge),
        (tsig.fields.error, tsig.fields.other),
    )
}

impl Tsig<'_> {
    /// Adds the TSIG record of an answer that is not signed (section 5.3.2): the query's own, with the error in place
    /// of a MAC. It is left out if it makes the answer longer than `limit`.
    pub fn append_error(&self, mut message: Vec<u8>, error: TsigError, limit: usize) -> Vec<u8> {
        if message.len() + record_len(self.fields.key, self.fields.algorithm, 0, 0) > limit {
            return message;
        }
        Fields { mac: &[], error: error.code(), other: &[], ..self.fields }.append(0, &mut message);
        message
    }

    /// Whether a record of this class and TTL may be a TSIG record (section 4.2).
    pub(in crate::dns) fn may_have(class: u16, ttl: u32) -> bool {
        class == CLASS_ANY && ttl == 0
    }
}
