//! RDATA as bytes: extracted from a message, built for the few types we write, shown in presentation format.
//!
//! RDATA stays in the bytes received, unknown types included (RFC 3597); only names that a sender may have compressed
//! are written out in full.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use domain::base::ParsedName;
use domain::base::iana::Rtype as DomainRtype;
use domain::base::rdata::{ComposeRecordData, ParseAnyRecordData};
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;

use super::wire::{eq_ignore_case, name_end, read_name, read_u32};
use super::{Name, Rtype, Serial, labels};
use form::{Field, form};

mod form;

/// The RDATA at `start..end` of `message`, names in it written out in full; as it came if it has not the form of its
/// type, which [`has_form`] tells.
///
/// `asked` is the QNAME (wire format) if it was sent in random case, else empty. A label of a name that repeats one of
/// its labels has that case from us; it comes out in lower case. `scratch` is working memory; its old contents are
/// lost.
pub(super) fn extract(
    message: &[u8],
    rtype: Rtype,
    start: usize,
    end: usize,
    asked: &[u8],
    scratch: &mut Vec<u8>,
) -> Option<Arc<[u8]>> {
    let raw = message.get(start..end)?;
    let fields = form(rtype);
    let is_whole = fields.iter().any(|field| field.is_name())
        && write_out(&message[..end], fields, start, asked, scratch).is_some();
    Some(if is_whole { scratch.as_slice().into() } else { raw.into() })
}

/// Writes RDATA that ends with `message` into `scratch`.
fn write_out(message: &[u8], fields: &[Field], start: usize, asked: &[u8], scratch: &mut Vec<u8>) -> Option<()> {
    scratch.clear();
    let mut pos = start;
    for field in fields {
        let (from, written) = (pos, scratch.len());
        pos = field.end(message, from, |at| read_name(message, at, scratch))?;
        if !field.is_name() {
            scratch.extend_from_slice(&message[from..pos]);
        } else if *field == Field::Name || scratch.len() - written != pos - from {
            // A signature may cover the case of a name that is compared exactly, unless the sender compressed it.
            lower_as_asked(&mut scratch[written..], asked);
        }
    }
    (pos == message.len()).then_some(())
}

fn lower_as_asked(name: &mut [u8], asked: &[u8]) {
    let mut rest = name;
    while let Some((length, tail)) = rest.split_first_mut().filter(|_| !asked.is_empty()) {
        let Some((label, next)) = tail.split_at_mut_checked(usize::from(*length)) else { return };
        if labels(asked).any(|asked| asked == label) {
            label.make_ascii_lowercase();
        }
        rest = next;
    }
}

/// Whether RDATA has the fields of its type and nothing behind them; its names are not compressed. Any bytes are the
/// RDATA of a type that is not known here (RFC 3597 section 3).
pub fn has_form(rtype: Rtype, rdata: &[u8]) -> bool {
    let name = |at| name_end(rdata, at);
    form(rtype).iter().try_fold(0, |pos, field| field.end(rdata, pos, name)) == Some(rdata.len())
}

/// Whether bytes are valid RDATA of the type, without a compressed name. For unknown types, all bytes are valid.
pub fn is_well_formed(rtype: Rtype, rdata: &[u8]) -> bool {
    let mut parser = Parser::from_ref(rdata);
    let known = AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(DomainRtype::from_int(rtype.0), &mut parser);
    let mut composed = Vec::with_capacity(rdata.len());
    known.is_ok_and(|known| known.compose_rdata(&mut composed).is_ok()) && composed == rdata
}

/// Whether both are the same RDATA: the case of names in it does not matter (RFC 4034 section 6.2).
pub fn is_same(rtype: Rtype, a: &[u8], b: &[u8]) -> bool {
    if a == b || a.len() != b.len() {
        return a == b;
    }
    let mut pos = 0;
    // Length octets are not letters, so equal names end at the same place.
    form(rtype).iter().all(|field| {
        let Some(end) = field.end(a, pos, |at| name_end(a, at)) else { return false };
        let (a, b) = (&a[pos..end], &b[pos..end]);
        pos = end;
        if *field == Field::Name { eq_ignore_case(a, b) } else { a == b }
    }) && pos == a.len()
}

/// A or AAAA RDATA and its type.
pub fn address(ip: IpAddr) -> (Rtype, Box<[u8]>) {
    match ip {
        IpAddr::V4(v4) => (Rtype::A, Box::new(v4.octets())),
        IpAddr::V6(v6) => (Rtype::AAAA, Box::new(v6.octets())),
    }
}

/// The address in A or AAAA RDATA.
pub fn to_address(rtype: Rtype, rdata: &[u8]) -> Option<IpAddr> {
    match rtype {
        Rtype::A => <[u8; 4]>::try_from(rdata).ok().map(IpAddr::from),
        Rtype::AAAA => <[u8; 16]>::try_from(rdata).ok().map(IpAddr::from),
        _ => None,
    }
}

/// The numbers of an SOA, in seconds where they are times (RFC 1035 section 3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoaNumbers {
    /// The version of the zone.
    pub serial: Serial,
    /// How often a secondary checks the serial.
    pub refresh: u32,
    /// How soon it tries again.
    pub retry: u32,
    /// How long it serves without contact.
    pub expire: u32,
    /// The cap on negative TTLs (RFC 2308 section 4).
    pub minimum: u32,
}

/// The numbers at the end of SOA RDATA.
pub fn soa_numbers(rdata: &[u8]) -> Option<SoaNumbers> {
    let at = rdata.len().checked_sub(20)?;
    let number = |index: usize| read_u32(rdata, at + 4 * index);
    Some(SoaNumbers {
        serial: Serial(number(0)?),
        refresh: number(1)?,
        retry: number(2)?,
        expire: number(3)?,
        minimum: number(4)?,
    })
}

/// SOA RDATA with another serial; `None` if it is too short to have one.
pub(crate) fn with_serial(rdata: &[u8], serial: Serial) -> Option<Vec<u8>> {
    let at = rdata.len().checked_sub(20)?;
    let mut numbered = rdata.to_vec();
    numbered.get_mut(at..at + 4)?.copy_from_slice(&serial.0.to_be_bytes());
    Some(numbered)
}

/// SOA RDATA.
pub fn soa(mname: &Name, rname: &Name, numbers: &SoaNumbers) -> Box<[u8]> {
    let mut out = Vec::with_capacity(mname.as_wire().len() + rname.as_wire().len() + 20);
    out.extend_from_slice(mname.as_wire());
    out.extend_from_slice(rname.as_wire());
    for number in [numbers.serial.0, numbers.refresh, numbers.retry, numbers.expire, numbers.minimum] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.into()
}

/// Presentation format; types without a known one are shown in the form of RFC 3597.
pub fn presentation(rtype: Rtype, rdata: &[u8]) -> String {
    if let Some(ip) = to_address(rtype, rdata) {
        return ip.to_string();
    }
    decode(rtype, rdata).unwrap_or_else(|| generic(rdata))
}

fn decode(rtype: Rtype, rdata: &[u8]) -> Option<String> {
    let mut parser = Parser::from_ref(rdata);
    let known = AllRecordData::<&[u8], ParsedName<&[u8]>>::parse_any_rdata(DomainRtype::from_int(rtype.0), &mut parser);
    let known = known.ok().filter(|known| parser.remaining() == 0 && !matches!(known, AllRecordData::Unknown(_)))?;
    Some(known.display_zonefile(DisplayKind::Simple).to_string())
}

fn generic(rdata: &[u8]) -> String {
    let mut text = format!("\\# {}", rdata.len());
    if !rdata.is_empty() {
        text.push(' ');
    }
    for byte in rdata {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_shown_as_rfc3597_has_it() {
        assert_eq!(presentation(Rtype(65280), &[1, 0xab]), r"\# 2 01ab");
        assert_eq!(presentation(Rtype(65280), &[]), r"\# 0");
        assert_eq!(presentation(Rtype::MX, &[1]), r"\# 1 01", "too short for its type");
    }

    #[test]
    fn known_types_are_shown_as_a_zone_file_has_them() {
        assert_eq!(presentation(Rtype::TXT, b"\x03a b"), "\"a b\"");
        assert_eq!(presentation(Rtype::MX, b"\0\x0a\x01H\0"), "10 H.");
    }

    #[test]
    fn rdata_in_the_form_of_unknown_types_is_held_to_its_type() {
        assert!(is_well_formed(Rtype::A, &[10, 0, 0, 1]));
        assert!(!is_well_formed(Rtype::A, &[10, 0, 0]));
        assert!(!is_well_formed(Rtype::A, &[10, 0, 0, 1, 1]));
        assert!(is_well_formed(Rtype::MX, b"\0\x0a\x01H\0"));
        assert!(!is_well_formed(Rtype::MX, &[0, 10, 0xc0, 0]), "a pointer");
        assert!(is_well_formed(Rtype(65400), &[]));
    }

    #[test]
    fn case_in_names_does_not_change_rdata() {
        assert!(is_same(Rtype::NS, b"\x01a\0", b"\x01A\0"));
        assert!(is_same(Rtype::MX, b"\0A\x01a\0", b"\0A\x01A\0"));
        assert!(!is_same(Rtype::MX, b"\0A\x01a\0", b"\0a\x01a\0"), "other numbers");
        assert!(!is_same(Rtype::TXT, b"\x01a", b"\x01A"));
        let naptr = |name: &[u8]| [b"\0d\0\x0a\x01S\0\0", name].concat();
        assert!(is_same(Rtype(35), &naptr(b"\x01a\0"), &naptr(b"\x01A\0")));
        assert!(!is_same(Rtype::NSEC, b"\x01a\0", b"\x01A\0"), "RFC 6840 section 5.1");
    }

    #[test]
    fn rfc3597_4_a_name_in_rdata_is_written_out_in_full() {
        // In front of the RDATA stands `com.`, to which a pointer leads.
        const SIG: &[u8] = b"\0\x01\x08\x02\0\0\x0e\x10\0\0\0\0\0\0\0\0\0\x01";
        for (rtype, front, back, shown) in [
            ("NS", &b""[..], &b""[..], "a.com."),
            ("SOA", b"\0", &[0; 20], ". a.com. 0 0 0 0 0"),
            ("MX", b"\0\x05", b"", "5 a.com."),
            ("SRV", b"\0\0\0\x64\x01\x85", b"", "0 100 389 a.com."),
            ("NAPTR", b"\0\x64\0\x0a\x01S\x07SIP+D2U\0", b"", "100 10 \"S\" \"SIP+D2U\" \"\" a.com."),
            ("RRSIG", SIG, b"\xff", "A 8 2 3600 0 0 1 a.com. /w=="),
            ("NSEC", b"", b"\0\x01\x40", "a.com. A"),
            ("HTTPS", b"\0\0", b"", "0 a.com."),
            // The library knows no text for these; the RDATA is as long as the names in full make it.
            ("SIG", SIG, b"\xff", r"\# 26 0001080200000e1000000000000000000001016103636f6d00ff"),
            ("TYPE30", b"", b"\x40", r"\# 8 016103636f6d0040"),
        ] {
            let rtype: Rtype = rtype.parse().unwrap();
            let message = [b"\x03com\0", front, b"\x01a\xc0\0", back].concat();
            let full = extract(&message, rtype, 5, message.len(), &[], &mut Vec::new()).unwrap();
            assert!(has_form(rtype, &full) && !has_form(rtype, &message[5..]), "{rtype}");
            assert_eq!(presentation(rtype, &full), shown, "{rtype}");
        }
    }

    #[test]
    fn rdata_that_does_not_fill_its_length_stays_as_it_came_and_is_known_by_its_form() {
        let message = [1, b'a', 0, 9, 9];
        for (rtype, end) in [(Rtype::CNAME, 5), (Rtype::CNAME, 2), (Rtype::SOA, 5)] {
            let rdata = extract(&message, rtype, 0, end, &[], &mut Vec::new());
            assert_eq!(rdata.as_deref(), Some(&message[..end]));
            assert!(!has_form(rtype, &message[..end]), "{rtype}");
        }
    }

    #[test]
    fn soa_numbers_survive_the_round_trip() {
        let numbers = SoaNumbers { serial: Serial(7), refresh: 1, retry: 2, expire: 3, minimum: 10 };
        assert_eq!(soa_numbers(&soa(&Name::root(), &Name::root(), &numbers)), Some(numbers));
    }
}
