//! The form of RDATA: which fields the RDATA of a type consists of, where each of them ends.
//!
//! In: a type and bytes. Out: the ends of its fields. Never: a judgement about a type without a row in the table: any
//! bytes are its RDATA (RFC 3597 section 3). Nor about what a field says: numbers that are not assigned, and digests
//! or keys of another length than their algorithm has, are for their reader to judge.

use crate::dns::Rtype;
use crate::dns::wire::read_u16;

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// This number of octets.
    Octets(usize),
    /// A domain name. Its case does not matter (RFC 4034 section 6.2).
    Name,
    /// A domain name that is compared octet by octet (RFC 3597 section 7, RFC 6840 section 5.1). A sender must not
    /// compress it; if one does, it can still be read.
    ExactName,
    /// One or more character-strings (RFC 1035 section 3.3), up to the end.
    Strings,
    /// One octet with a length, and this number of octets.
    Counted,
    /// A type bitmap (RFC 4034 section 4.1.2), which may be empty, up to the end.
    Bitmap,
    /// Service parameters (RFC 9460 section 2.2) up to the end: key, length, value.
    Params,
    /// Any octets up to the end.
    Rest,
}

/// The fields of a type, in order. They fill its RDATA.
pub(super) fn form(rtype: Rtype) -> &'static [Field] {
    use Field::{Bitmap, Counted, ExactName, Name, Octets, Params, Rest, Strings};
    match rtype.0 {
        // A, AAAA LOC
        1 => &[Octets(4)],
        28 | 29 => &[Octets(16)],
        // NS MD MF CNAME MB MG MR PTR, NSAP-PTR, DNAME
        2..=5 | 7..=9 | 12 | 23 | 39 => &[Name],
        // SOA
        6 => &[Name, Name, Octets(20)],
        // MINFO, RP
        14 | 17 => &[Name, Name],
        // MX, AFSDB, RT, KX
        15 | 18 | 21 | 36 => &[Octets(2), Name],
        // PX
        26 => &[Octets(2), Name, Name],
        // SRV
        33 => &[Octets(6), Name],
        // NAPTR
        35 => &[Octets(4), Counted, Counted, Counted, Name],
        // HINFO TXT, X25 ISDN, GPOS, SPF, AVC
        13 | 16 | 19 | 20 | 27 | 99 | 258 => &[Strings],
        // WKS, CERT
        11 | 37 => &[Octets(5), Rest],
        // KEY, DS, DNSKEY, CDS CDNSKEY, URI, DLV
        25 | 43 | 48 | 59 | 60 | 256 | 32769 => &[Octets(4), Rest],
        // SSHFP
        44 => &[Octets(2), Rest],
        // SIG, RRSIG
        24 | 46 => &[Octets(18), Name, Rest],
        // NXT, NSEC
        30 => &[Name, Rest],
        47 => &[ExactName, Bitmap],
        // NSEC3, NSEC3PARAM
        50 => &[Octets(4), Counted, Counted, Bitmap],
        51 => &[Octets(4), Counted],
        // TLSA SMIMEA
        52 | 53 => &[Octets(3), Rest],
        // CSYNC, ZONEMD
        62 => &[Octets(6), Bitmap],
        63 => &[Octets(6), Rest],
        // SVCB HTTPS
        64 | 65 => &[Octets(2), ExactName, Params],
        // LP
        107 => &[Octets(2), ExactName],
        // NID L64, L32 EUI48, EUI64
        104 | 106 => &[Octets(10)],
        105 | 108 => &[Octets(6)],
        109 => &[Octets(8)],
        // CAA
        257 => &[Octets(1), Counted, Rest],
        _ => &[Rest],
    }
}

impl Field {
    /// Whether it is a domain name.
    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name | Self::ExactName)
    }

    /// The end of this field, which begins at `at`; the end of `bytes` is that of the RDATA. `None` if it does not fit.
    ///
    /// A name ends where `name` says: only that differs between a message, in which it may be compressed, and RDATA.
    pub(super) fn end(self, bytes: &[u8], at: usize, name: impl FnOnce(usize) -> Option<usize>) -> Option<usize> {
        let end = match self {
            Self::Octets(count) => at + count,
            Self::Name | Self::ExactName => name(at)?,
            Self::Counted => counted(bytes, at)?,
            Self::Strings => repeated(bytes, counted(bytes, at)?, counted)?,
            Self::Bitmap => repeated(bytes, at, window)?,
            Self::Params => repeated(bytes, at, param)?,
            Self::Rest => bytes.len(),
        };
        (end <= bytes.len()).then_some(end)
    }
}

/// The end of a length octet and what it counts.
fn counted(bytes: &[u8], at: usize) -> Option<usize> {
    Some(at + 1 + usize::from(*bytes.get(at)?))
}

/// The end of one window of a type bitmap: its number, and 1 to 32 octets.
fn window(bytes: &[u8], at: usize) -> Option<usize> {
    let [_, length] = read_u16(bytes, at)?.to_be_bytes();
    (1..=32).contains(&length).then(|| at + 2 + usize::from(length))
}

/// The end of a service parameter.
fn param(bytes: &[u8], at: usize) -> Option<usize> {
    Some(at + 4 + usize::from(read_u16(bytes, at + 2)?))
}

/// The end of as many parts as there are.
fn repeated(bytes: &[u8], mut at: usize, part: impl Fn(&[u8], usize) -> Option<usize>) -> Option<usize> {
    while at < bytes.len() {
        at = part(bytes, at)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::dns::Rtype;
    use crate::dns::rdata::{extract, has_form, is_same, is_well_formed, presentation};

    fn judge(row: &str) -> bool {
        let (rtype, rdata) = read(row);
        has_form(rtype, &rdata)
    }

    /// The type and the RDATA in the form of RFC 3597 section 5, without the length; `_` parts the fields.
    fn read(row: &str) -> (Rtype, Vec<u8>) {
        let (rtype, rdata) = row.split_once(' ').unwrap_or((row, ""));
        let digits: Vec<u8> = rdata.bytes().filter(u8::is_ascii_hexdigit).collect();
        let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        (rtype.parse().unwrap(), digits.chunks(2).map(octet).collect())
    }

    const GOOD: &[&str] = &[
        "A 0a000001",
        "AAAA 20010db8000000000000000000000001",
        "NS 0161_00",
        "CNAME 00",
        "SOA 00_0161_00_00000001_00000002_00000003_00000004_00000005",
        "MX 000a_0161_00",
        "TXT 00",
        "TXT 0161_026263",
        "SRV 0000_0064_0185_0161_00",
        "DS 0001_08_02_aabb",
        "DS 0000_00_00",
        "DNSKEY 0100_03_08_01",
        "RRSIG 0001_08_02_00000e10_00000000_00000000_0001_0161_00_aa",
        "SIG 0001_08_02_00000e10_00000000_00000000_0001_0161_00_aa",
        "TYPE30 0161_00_40",
        "NSEC 0161_00_0006_400000000003",
        "NSEC 00",
        "NAPTR 0064_000a_0153_00_00_0161_00",
        "SVCB 0000_0161_00",
        "HTTPS 0001_00_0001_0003_026832_0004_0004_0a000001",
        "NSEC3 01_00_000a_00_01aa",
        "NSEC3 01_00_000a_02aabb_01aa_0001_40",
        "NSEC3PARAM 01_00_0000_00",
        "TYPE29 00121613_00000000_00000000_00000000",
        "SSHFP 01_01_aa",
        "TLSA 03_01_01_aa",
        "CAA 00_05_6973737565_63",
        "TYPE256 0001_0001_61",
        "HINFO 01_61_00",
        // Nothing is known here of these.
        "TYPE65280",
        "TYPE65280 c000",
        "TYPE45 00",
    ];

    #[test]
    fn rdata_with_the_fields_of_its_type_has_its_form() {
        for row in GOOD {
            assert!(judge(row), "{row}");
        }
    }

    #[test]
    fn rdata_that_is_cut_short_or_too_long_has_not_the_form_of_its_type() {
        for row in [
            "A",
            "A 0a0000",
            "A 0a00000100",
            "A 20010db8000000000000000000000001",
            "AAAA 0a000001",
            "AAAA",
            "AAAA 20010db800000000000000000000000100",
            "NS",
            "NS 0161",
            "NS 0161_00_00",
            "CNAME c00c",
            "PTR 41",
            "SOA 00_0161_00_00000001_00000002_00000003_00000004",
            "SOA 00_00_00000001_00000002_00000003_00000004_00000005_00",
            "MX 000a",
            "MX 00",
            "TXT",
            "TXT 0261",
            "TXT 0161_02",
            "SRV 0000_0064_01",
            "SRV 0000_0064_0185_0161_00_00",
            "DS 0001_08",
            "DNSKEY 0100_03",
            "RRSIG 0001_08_02_00000e10_00000000_00000000_0001_0161",
            "TYPE30 0161",
            "NSEC 0161_00_00",
            "NSEC 0161_00_0000",
            "NSEC 0161_00_0002_40",
            "NAPTR 0064_000a_0153_00_00",
            "NAPTR 0064_000a_0153_00_05_0161_00",
            "SVCB 0000",
            "HTTPS 0001_00_0001",
            "HTTPS 0001_00_0001_0003_0268",
            "NSEC3 01_00_000a_05_aa",
            "NSEC3 01_00_000a_00_01aa_0021",
            "NSEC3PARAM 01_00_0000_00_00",
            "TYPE29 00121613_00000000_00000000",
            "SSHFP 01",
            "TLSA 0301",
            "CAA 00_0a_69",
            "TYPE256 0001_00",
            "HINFO",
        ] {
            assert!(!judge(row), "{row}");
        }
    }

    proptest! {
        #[test]
        fn what_another_library_reads_as_rdata_of_its_type_has_its_form(
            (rtype, mut rdata) in prop::sample::select(GOOD).prop_map(read),
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<u8>()), 0..4),
        ) {
            for (at, kind, octet) in changes {
                let at = at.index(rdata.len() + 1);
                match kind {
                    0 => rdata.insert(at, octet),
                    1 if at < rdata.len() => drop(rdata.remove(at)),
                    _ => rdata.iter_mut().skip(at).take(1).for_each(|old| *old = octet),
                }
            }
            let has_form = has_form(rtype, &rdata);
            // The library does not know all types, and takes a TXT without a string (RFC 1035 section 3.3.14: one or
            // more).
            let is_exempt = presentation(rtype, &rdata).starts_with(r"\#") || rtype == Rtype::TXT && rdata.is_empty();
            prop_assert!(has_form || is_exempt || !is_well_formed(rtype, &rdata), "{} {}", rtype, presentation(rtype, &rdata));
            // In a message it is the same, unless a pointer in it leads somewhere.
            let message = [b"\x01A\x03Com\0", &rdata[..]].concat();
            let full = extract(&message, rtype, 7, message.len(), b"\x01A\x03Com\0", &mut Vec::new()).unwrap();
            prop_assert!(!has_form || full.eq_ignore_ascii_case(&rdata));
            prop_assert!(is_same(rtype, &rdata, &rdata) && is_same(rtype, &full, &rdata) || !has_form || full[..] != rdata);
        }
    }
}
