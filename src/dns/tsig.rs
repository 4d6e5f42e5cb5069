//! TSIG on queries (RFC 8945): this server has no keys, and answers accordingly.
//!
//! In: the TSIG record of a query. Out: the TSIG record of its answer: error BADKEY, without a MAC (section 5.3.2).
//! Never: a signature that is made or checked.

use super::wire::name_end;
use super::writer::count_record;
use super::{Rtype, Section};

const CLASS_ANY: [u8; 2] = [0, 255];
const BAD_KEY: u16 = 17;

/// The parts of a query's TSIG record that its answer repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsig<'a> {
    /// Names in wire format.
    key: &'a [u8],
    algorithm: &'a [u8],
    /// The time of signing, 48 bits, and the seconds for which it is good, 16 bits.
    time: &'a [u8; 8],
    id: &'a [u8; 2],
}

impl<'a> Tsig<'a> {
    /// From the record's owner and RDATA; `None` if it is malformed (section 5.2: FORMERR).
    pub(super) fn read(owner: &'a [u8], rdata: &'a [u8]) -> Option<Self> {
        let (algorithm, rest) = rdata.split_at_checked(name_end(rdata, 0)?)?;
        let (time, rest) = rest.split_first_chunk()?;
        let (mac_len, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.get(usize::from(u16::from_be_bytes(*mac_len))..)?.split_first_chunk()?;
        let (_error, rest) = rest.split_first_chunk::<2>()?;
        let (other_len, other) = rest.split_first_chunk()?;
        (other.len() == usize::from(u16::from_be_bytes(*other_len))).then_some(Self { key: owner, algorithm, time, id })
    }

    /// Adds the TSIG record for an unknown key to an answer, as the last record (section 5.1). It is left out if it
    /// makes the answer longer than `limit`.
    pub fn append_bad_key(&self, mut message: Vec<u8>, limit: usize) -> Vec<u8> {
        let rdata_len = self.algorithm.len() + self.time.len() + 8;
        let Ok(length) = u16::try_from(rdata_len) else { return message };
        if message.len() + self.key.len() + 10 + rdata_len > limit {
            return message;
        }
        message.extend_from_slice(self.key);
        message.extend_from_slice(&Rtype::TSIG.0.to_be_bytes());
        message.extend_from_slice(&CLASS_ANY);
        message.extend_from_slice(&[0; 4]);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(self.algorithm);
        message.extend_from_slice(self.time);
        message.extend_from_slice(&[0, 0]);
        message.extend_from_slice(self.id);
        message.extend_from_slice(&BAD_KEY.to_be_bytes());
        message.extend_from_slice(&[0, 0]);
        count_record(&mut message, Section::Additional);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RDATA: &[u8] = b"\x0bhmac-sha256\0\0\0\x01\x02\x03\x04\x01\x2c\0\x04MAC!\x12\x34\0\0\0\0";

    #[test]
    fn rfc8945_5_3_2_the_answer_repeats_key_time_and_id_without_a_mac() {
        let tsig = Tsig::read(b"\x03key\0", RDATA).unwrap();
        let answer = tsig.append_bad_key(vec![0; 12], 512);
        let expected =
            b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x1d\x0bhmac-sha256\0\0\0\x01\x02\x03\x04\x01\x2c\0\0\x12\x34\0\x11\0\0";
        assert_eq!((&answer[12..], answer[11]), (&expected[..], 1));
        assert_eq!(tsig.append_bad_key(vec![0; 12], 55).len(), 12, "no room");
    }

    #[test]
    fn a_record_cut_anywhere_is_malformed() {
        for end in 0..RDATA.len() {
            assert_eq!(Tsig::read(b"\0", &RDATA[..end]), None, "{end}");
        }
        assert_eq!(Tsig::read(b"\0", &[RDATA, &[0]].concat()), None);
    }
}
