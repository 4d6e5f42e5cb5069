//! The SOA of a negative answer, in bytes: composed once for a zone, moved into place for each answer.
//!
//! Input: a zone's apex and SOA. Output: the record as [`Writer`] writes it behind any question in the zone. Every
//! pointer in it leads into the apex at the end of the QNAME or into the record itself, so all of them move by the
//! length of the QNAME. A QNAME that shares more than the apex with the names in the SOA gets no record from here.

use crate::dns::{CanonicalName, Class, Name, Record, Rtype, Section, Writer, name_end};

/// Names longer than this may have more labels than [`Writer`] remembers, which then stops remembering them.
const MAX_QNAME: usize = 128;

/// The record behind the question.
pub struct NegativeSoa {
    record: Box<[u8]>,
    /// The places of pointers in it.
    pointers: Box<[usize]>,
    apex_len: usize,
    /// The labels directly below the apex that MNAME and RNAME go through, lower case, with their length octet.
    taken: Vec<Box<[u8]>>,
}

impl NegativeSoa {
    /// From the apex and the SOA with its negative TTL.
    pub(super) fn new(apex: &Name, soa: &Record) -> Option<Self> {
        let mut writer = Writer::new(usize::from(u16::MAX), 0);
        writer.question(apex.as_wire(), Rtype::SOA, Class::IN);
        if !writer.record(Section::Authority, soa, soa.ttl) {
            return None;
        }
        let message = writer.finish().0;
        let record: Box<[u8]> = message.get(12 + apex.as_wire().len() + 4..)?.into();
        let mut pointers = Vec::new();
        let fixed = skip(&record, 0, &mut pointers)? + 10;
        let rname = skip(&record, fixed, &mut pointers)?;
        skip(&record, rname, &mut pointers)?;
        let mname_end = name_end(&soa.rdata, 0)?;
        let names = [soa.rdata.get(..mname_end)?, soa.rdata.get(mname_end..name_end(&soa.rdata, mname_end)?)?];
        let taken = names.iter().filter_map(|name| top_label(name, apex)).collect();
        Some(Self { record, pointers: pointers.into(), apex_len: apex.as_wire().len(), taken })
    }

    /// Appends the record to a message whose question asks for `qname` (lower case, in the zone); `false` and nothing
    /// added if it would have to look different there.
    #[must_use]
    pub fn append(&self, qname: CanonicalName<'_>, out: &mut Vec<u8>) -> bool {
        let qname = qname.as_wire();
        let Some(below) = qname.len().checked_sub(self.apex_len).filter(|_| qname.len() <= MAX_QNAME) else {
            return false;
        };
        let top = last_label(&qname[..below]);
        if self.taken.iter().any(|label| **label == *top) {
            return false;
        }
        let start = out.len();
        out.extend_from_slice(&self.record);
        for at in &self.pointers {
            let at = start + at;
            let moved = usize::from(u16::from_be_bytes([out[at], out[at + 1]])) + below;
            out[at..at + 2].copy_from_slice(&u16::try_from(moved).unwrap_or_default().to_be_bytes());
        }
        true
    }
}

/// Index after the name at `at`; if it ends in a pointer, that one's place goes into `pointers`.
fn skip(record: &[u8], at: usize, pointers: &mut Vec<usize>) -> Option<usize> {
    let mut pos = at;
    loop {
        match *record.get(pos)? {
            0 => return Some(pos + 1),
            len @ 1..=63 => pos += usize::from(len) + 1,
            _ => {
                pointers.push(pos);
                return Some(pos + 2);
            }
        }
    }
}

/// The label directly below the apex in a name that lies below it.
fn top_label(name: &[u8], apex: &Name) -> Option<Box<[u8]>> {
    let lower = name.to_ascii_lowercase();
    let relative = CanonicalName::of_octets(&lower).strip_suffix(apex.canonical())?;
    (!relative.is_empty()).then(|| last_label(relative).into())
}

/// The last label of a relative name, with its length octet.
fn last_label(relative: &[u8]) -> &[u8] {
    let mut rest = relative;
    loop {
        match rest.first().and_then(|len| rest.get(usize::from(*len) + 1..)) {
            Some(next) if !next.is_empty() => rest = next,
            _ => return rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::Zone;

    fn check(text: &str, qname: &str) -> bool {
        let apex: Name = "b.example".parse().unwrap();
        let zone = Zone::from_text(&apex, text.as_bytes()).0.unwrap();
        let qname: Name = qname.parse().unwrap();
        let question = |writer: &mut Writer| writer.question(qname.as_wire(), Rtype::A, Class::IN);
        let mut plain = Writer::new(1232, 0);
        question(&mut plain);
        let mut whole = Writer::new(1232, 0);
        question(&mut whole);
        let soa = zone.negative_soa().unwrap();
        assert!(whole.record(Section::Authority, &soa, soa.ttl));
        let mut out = plain.finish().0;
        let mut expected = whole.finish().0;
        expected[9] = 0;
        let added = zone.negative().unwrap().append(qname.canonical(), &mut out);
        assert!(!added || out == expected, "{qname}");
        added
    }

    #[test]
    fn the_record_is_the_writers_for_any_name_in_the_zone() {
        let inside = "@ 10 SOA Ns1 hostmaster 1 2 3 4 5\n@ 10 NS ns1\nns1 10 A 10.0.0.1\n";
        let outside = "@ 10 SOA ns.b.Example.org. me.example. 1 2 3 4 5\n@ 10 NS a.\n";
        let same = "@ 10 SOA @ @ 1 2 3 4 5\n@ 10 NS a.\n";
        let nested = "@ 10 SOA a.ns1 x.a.ns1 1 2 3 4 5\n@ 10 NS a.\n";
        for text in [inside, outside, same, nested] {
            for qname in ["b.example", "x.b.example", "a.b.c.b.example", "example.org.b.example", "a.me.b.example"] {
                assert!(check(text, qname));
            }
        }
        for qname in ["ns1.b.example", "x.ns1.b.example", "x.hostmaster.b.example"] {
            assert!(!check(inside, qname), "{qname} shares more than the apex with the SOA");
        }
    }
}
