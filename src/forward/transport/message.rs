//! The bytes of a query, and whether a datagram answers it: pure.
//!
//! In: a question, an id and random bits; later a datagram. Out: the query; for the datagram a [`Match`]. Never: an
//! accepted datagram without the id and the whole question, letter for letter where the case was random (RFC 5452
//! section 9.1, draft-vixie-dnsext-dns0x20).

use crate::dns::{Class, Rtype, UDP_PAYLOAD};
use crate::forward::question::Question;

const HEADER: usize = 12;

/// How to write a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryForm {
    /// Whether it has an OPT record.
    pub(crate) edns: bool,
    /// Whether the letters of the QNAME are in random case.
    pub(crate) mixed: bool,
    /// Whether it has the AD flag if the client set that.
    pub(crate) ad: bool,
}

impl QueryForm {
    /// The form that everything on the way has to know.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { edns: false, mixed: false, ad: false };
    /// The form that gives up nothing.
    #[cfg(test)]
    pub(crate) const FULL: Self = Self { edns: true, mixed: true, ad: true };
}

/// Writes the query: RD, and CD, AD and DO as asked; never an option. Without EDNS there is no DO and no AD: everything
/// on the way has to know that form.
pub(crate) fn query(id: u16, question: &Question, form: QueryForm, mut random: impl FnMut() -> u64) -> Box<[u8]> {
    let name = question.name.as_wire();
    let mut out = Vec::with_capacity(HEADER + name.len() + 4 + 11);
    out.extend_from_slice(&id.to_be_bytes());
    let authentic_data = form.edns && form.ad && question.authentic_data;
    out.extend_from_slice(&[0x01, u8::from(authentic_data) << 5 | u8::from(question.checking_disabled) << 4]);
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(form.edns)]);
    out.extend_from_slice(name);
    if form.mixed {
        mix_case(&mut out[HEADER..], &mut random);
        set_a_capital(&mut out[HEADER..]);
    }
    out.extend_from_slice(&question.rtype.0.to_be_bytes());
    out.extend_from_slice(&Class::IN.0.to_be_bytes());
    if form.edns {
        out.push(0);
        out.extend_from_slice(&Rtype::OPT.0.to_be_bytes());
        out.extend_from_slice(&UDP_PAYLOAD.to_be_bytes());
        out.extend_from_slice(&[0, 0, u8::from(question.dnssec_ok) << 7, 0, 0, 0]);
    }
    out.into()
}

/// Sets the case of each letter by a random bit. Length octets are below 64, so none of them is a letter.
fn mix_case(name: &mut [u8], random: &mut impl FnMut() -> u64) {
    for chunk in name.chunks_mut(64) {
        let mut bits = random();
        for byte in chunk {
            if byte.is_ascii_lowercase() {
                *byte ^= u8::from(bits & 1 != 0) << 5;
            }
            bits >>= 1;
        }
    }
}

/// Makes a capital of the last letter if chance has made none: the reply shows whether the upstream keeps capitals.
fn set_a_capital(name: &mut [u8]) {
    if !name.iter().any(u8::is_ascii_uppercase)
        && let Some(last) = name.iter_mut().rfind(|byte| byte.is_ascii_lowercase())
    {
        last.make_ascii_uppercase();
    }
}

/// The relation of a datagram to the query it came for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// The answer.
    Answer,
    /// The answer except for the case of the name, which the upstream did not keep.
    CaseMismatch,
    /// A header without a question and records, such as the FORMERR of servers that do not know EDNS, and the REFUSED
    /// of Unbound. Over UDP a client cannot be answered with it, since one need not know the question to forge it; but
    /// it is a reason to ask in another way.
    Bare,
    /// The answer to another question.
    OtherQuestion,
    /// Not a response to a query at all.
    Junk,
}

/// The id of a datagram long enough to be a message.
pub(crate) fn id(datagram: &[u8]) -> Option<u16> {
    (datagram.len() >= HEADER).then(|| u16::from_be_bytes([datagram[0], datagram[1]]))
}

/// Judges a datagram whose id has matched.
pub(crate) fn judge(query: &[u8], datagram: &[u8]) -> Match {
    let Some(header) = datagram.first_chunk::<HEADER>() else {
        return Match::Junk;
    };
    if header[2] & 0xf8 != 0x80 {
        return Match::Junk;
    }
    if header[4..6] == [0, 0] {
        // There may be an OPT record.
        let is_bare = header[6..11] == [0; 5] && header[11] <= 1;
        return if is_bare { Match::Bare } else { Match::Junk };
    }
    if header[4..6] != [0, 1] {
        return Match::Junk;
    }
    let asked = question_of(query);
    let Some(echoed) = datagram.get(HEADER..HEADER + asked.len()) else {
        return Match::OtherQuestion;
    };
    if echoed == asked {
        Match::Answer
    } else if same_but_for_case(asked, echoed) {
        Match::CaseMismatch
    } else {
        Match::OtherQuestion
    }
}

/// Whether a query that [`query`] wrote asks for this name and type, whatever its flags: a reply to one of two such
/// queries fits the other in all but id and case.
pub(crate) fn asks_for(query: &[u8], question: &Question) -> bool {
    let (name, asked) = (question.name.as_wire(), question_of(query));
    let rtype = question.rtype.0.to_be_bytes();
    asked.len() == name.len() + 4 && asked[name.len()..][..2] == rtype && asked[..name.len()].eq_ignore_ascii_case(name)
}

/// QNAME, QTYPE and QCLASS of a query that [`query`] wrote.
fn question_of(query: &[u8]) -> &[u8] {
    let opt = if query.get(11) == Some(&1) { 11 } else { 0 };
    query.get(HEADER..query.len().saturating_sub(opt)).unwrap_or_default()
}

/// The type and the class have no case.
fn same_but_for_case(asked: &[u8], echoed: &[u8]) -> bool {
    let Some(cut) = asked.len().checked_sub(4) else {
        return false;
    };
    asked[cut..] == echoed[cut..] && asked[..cut].eq_ignore_ascii_case(&echoed[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Query;
    use proptest::prelude::*;

    fn question(name: &str) -> Question {
        Question {
            name: name.parse().unwrap(),
            rtype: Rtype::A,
            dnssec_ok: true,
            checking_disabled: true,
            authentic_data: false,
        }
    }

    fn answered(query: &[u8]) -> Vec<u8> {
        let mut reply = query.to_vec();
        reply[2] |= 0x80;
        reply
    }

    const FORM: QueryForm = QueryForm::FULL;

    #[test]
    fn a_query_reads_back_as_it_was_asked_and_carries_no_option() {
        let bytes = query(7, &question("www.example"), FORM, || 0b1010);
        let parsed = Query::parse(&bytes).unwrap();
        assert!(parsed.header.rd && parsed.header.cd && !parsed.header.ad && parsed.dnssec_ok());
        assert_eq!(parsed.qname, b"\x03WwW\x07example\0");
        let edns = parsed.edns.unwrap();
        assert_eq!((edns.payload, edns.options().count()), (UDP_PAYLOAD, 0));
    }

    #[test]
    fn a_plain_query_has_no_opt_and_no_ad() {
        let question = Question { authentic_data: true, dnssec_ok: false, ..question("www.example") };
        let bytes = query(7, &question, QueryForm::PLAIN, || u64::MAX);
        let parsed = Query::parse(&bytes).unwrap();
        assert_eq!((parsed.qname, parsed.edns, parsed.header.ad), (&b"\x03www\x07example\0"[..], None, false));
    }

    #[test]
    fn rfc6840_5_7_a_query_has_ad_only_if_the_client_set_it() {
        for (authentic_data, ad) in [(true, true), (true, false), (false, true)] {
            let question = Question { authentic_data, dnssec_ok: false, ..question("www.example") };
            let bytes = query(7, &question, QueryForm { ad, ..FORM }, || 0);
            assert_eq!(Query::parse(&bytes).unwrap().header.ad, authentic_data && ad);
        }
    }

    #[test]
    fn the_answer_is_told_from_datagrams_that_only_look_like_it() {
        let asked = query(7, &question("www.example"), FORM, || 0x5555);
        let good = answered(&asked);
        assert_eq!(judge(&asked, &good), Match::Answer);
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut reply = good.clone();
            change(&mut reply);
            judge(&asked, &reply)
        };
        assert_eq!(with(&|r| r[2] &= 0x7f), Match::Junk, "a query");
        assert_eq!(with(&|r| r[2] |= 0x28), Match::Junk, "another opcode");
        assert_eq!(with(&|r| r[13] ^= 0x20), Match::CaseMismatch);
        assert_eq!(with(&|r| r[13] ^= 0x01), Match::OtherQuestion, "another name");
        assert_eq!(with(&|r| r[26] ^= 0x10), Match::OtherQuestion, "another type");
        assert_eq!(with(&|r| r[28] ^= 0x20), Match::OtherQuestion, "another class");
        assert_eq!(with(&|r| r.truncate(20)), Match::OtherQuestion, "cut short");
        assert_eq!(judge(&asked, &[0, 7, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]), Match::Bare);
        assert_eq!(judge(&asked, &[0, 7, 0x81, 0x83, 0, 0, 0, 1, 0, 0, 0, 0]), Match::Junk, "an answer to no question");
    }

    #[test]
    fn queries_that_differ_in_flags_form_and_case_alone_ask_for_the_same() {
        for form in [FORM, QueryForm::PLAIN] {
            let asked = query(7, &question("www.example"), form, || 0x5555);
            let other = Question { dnssec_ok: false, authentic_data: true, ..question("www.example") };
            assert!(asks_for(&asked, &other));
            assert!(!asks_for(&asked, &Question { rtype: Rtype::AAAA, ..other }));
            assert!(!asks_for(&asked, &question("www.exampl")) && !asks_for(&asked, &question("ww.example")));
            assert!(!asks_for(&[], &question("www.example")));
        }
    }

    proptest! {
        #[test]
        fn no_datagram_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let asked = query(7, &question("www.example"), FORM, || 0x5555);
            let _ = (id(&bytes), judge(&asked, &bytes), judge(&bytes, &asked));
        }

        #[test]
        fn a_name_with_a_letter_always_has_a_capital(bits in any::<u64>(), name in "[a-c0-9]{0,2}[a-c][0-9]{0,2}") {
            for bits in [bits, 0] {
                let bytes = query(7, &question(&name), FORM, || bits);
                prop_assert!(bytes[12..].iter().take(name.len() + 1).any(u8::is_ascii_uppercase));
            }
        }

        #[test]
        fn the_case_is_all_that_randomness_changes(bits in any::<u64>()) {
            let bytes = query(7, &question("a-1.example"), FORM, || bits);
            let mut reply = bytes.to_vec();
            reply[2] |= 0x80;
            prop_assert_eq!(reply[12..25].to_ascii_lowercase(), b"\x03a-1\x07example\0");
        }
    }
}
