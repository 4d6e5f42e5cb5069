//! TSIG (RFC 8945): messages that are signed with a secret both sides have.
//!
//! In: the TSIG record of a query, [`Keys`], the time. Out: a [`Signer`] for the answer, or the reason why the query's
//! signature is not good. The record itself is read and written here; `key` has the secrets, `verify` the checks in the
//! order of section 5.2, `sign` the digests of section 5.3.

mod key;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use key::{Algorithm, Key, KeyError, Keys};
pub use sign::{Signer, sign_query};
pub use verify::{TsigFailure, verify, verify_answer};

use super::wire::{name_end, read_u16};
use super::writer::count_record;
use super::{Rtype, Section};

/// The class of a TSIG record (section 4.2).
pub(super) const CLASS_ANY: u16 = 255;

/// The errors of a TSIG record (section 3), besides the RCODE of its message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TsigError {
    /// The signature is good.
    #[default]
    None,
    /// The MAC is not that of the message.
    BadSig,
    /// There is no such key, or it is for another algorithm.
    BadKey,
    /// The time of signing is too far from ours.
    BadTime,
    /// The MAC is shorter than this server accepts.
    BadTrunc,
}

impl TsigError {
    /// Its number.
    pub fn code(self) -> u16 {
        match self {
            Self::None => 0,
            Self::BadSig => 16,
            Self::BadKey => 17,
            Self::BadTime => 18,
            Self::BadTrunc => 22,
        }
    }
}

/// The TSIG record of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsig<'a> {
    /// The octets of the message before the record.
    start: usize,
    fields: Fields<'a>,
}

/// The fields of a TSIG record (section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields<'a> {
    /// Names in wire format.
    key: &'a [u8],
    algorithm: &'a [u8],
    /// Seconds since 1970, 48 bits, and the seconds by which clocks may differ.
    time: u64,
    fudge: u16,
    mac: &'a [u8],
    /// The id that the message was signed with.
    id: u16,
    error: u16,
    other: &'a [u8],
}

impl<'a> Tsig<'a> {
    /// Reads the record's owner and RDATA, behind `start` octets of message; `None` if it is malformed (section 5.2:
    /// FORMERR).
    pub(super) fn read(start: usize, owner: &'a [u8], rdata: &'a [u8]) -> Option<Self> {
        let (algorithm, rest) = rdata.split_at_checked(name_end(rdata, 0)?)?;
        let (seconds, rest) = rest.split_first_chunk::<6>()?;
        let (fudge, mac_len) = (read_u16(rest, 0)?, read_u16(rest, 2)?);
        let (mac, rest) = rest.get(4..)?.split_at_checked(mac_len.into())?;
        let (id, error, other_len) = (read_u16(rest, 0)?, read_u16(rest, 2)?, read_u16(rest, 4)?);
        let other = rest.get(6..)?;
        let time = seconds.iter().fold(0, |time, octet| time << 8 | u64::from(*octet));
        let fields = Fields { key: owner, algorithm, time, fudge, mac, id, error, other };
        (other.len() == usize::from(other_len)).then_some(Self { start, fields })
    }
}

impl Fields<'_> {
    /// Adds the record to the message that begins at `start`, as the last one (section 5.1).
    fn append(&self, start: usize, message: &mut Vec<u8>) {
        let Ok(rdata_len) = u16::try_from(rdata_len(self.algorithm, self.mac.len(), self.other.len())) else { return };
        let short = |octets: &[u8]| u16::try_from(octets.len()).unwrap_or_default().to_be_bytes();
        message.extend_from_slice(self.key);
        message.extend_from_slice(&Rtype::TSIG.0.to_be_bytes());
        message.extend_from_slice(&CLASS_ANY.to_be_bytes());
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(&rdata_len.to_be_bytes());
        message.extend_from_slice(self.algorithm);
        message.extend_from_slice(&self.time.to_be_bytes()[2..]);
        message.extend_from_slice(&self.fudge.to_be_bytes());
        message.extend_from_slice(&short(self.mac));
        message.extend_from_slice(self.mac);
        message.extend_from_slice(&self.id.to_be_bytes());
        message.extend_from_slice(&self.error.to_be_bytes());
        message.extend_from_slice(&short(self.other));
        message.extend_from_slice(self.other);
        count_record(&mut message[start..], Section::Additional);
    }
}

/// Octets of the RDATA.
fn rdata_len(algorithm: &[u8], mac: usize, other: usize) -> usize {
    algorithm.len() + 6 + 2 + 2 + mac + 2 + 2 + 2 + other
}

/// Octets of a record.
fn record_len(key: &[u8], algorithm: &[u8], mac: usize, other: usize) -> usize {
    key.len() + 10 + rdata_len(algorithm, mac, other)
}
