//! A signature is good only for the message that was signed: another implementation says so too.

use std::sync::Arc;

use domain::base::Message;
use domain::base::name::Name;
use domain::dep::octseq::array::Array;
use domain::rdata::tsig::Time48;
use domain::tsig::{Algorithm, Key, ServerTransaction};
use privatelink_dns::dns::tsig::{Keys, TsigFailure, sign_query, verify, verify_answer};
use privatelink_dns::dns::{Query, signature_of};

use crate::server::{OTHERS, PEERS, key};

/// The time at which messages are signed, seconds since 1970.
const SIGNED: u64 = 1_800_000_000;

/// What signs, as a label.
const ALGORITHM: &[u8] = b"\x0bhmac-sha256";

/// The first two octets are how far the verifier's clock is ahead; the next three say which octet is changed, and how;
/// the rest is the message that is signed.
pub fn hold(data: &[u8]) {
    let Some(([ahead, off, at_high, at_low, change], message)) =
        data.split_first_chunk::<5>().map(|(how, rest)| (*how, rest))
    else {
        return;
    };
    as_it_came(message);
    let Ok(query) = Query::parse(message) else { return };
    if query.tsig.is_some() || message.get(10..12) == Some(&[0xff, 0xff]) {
        return;
    }
    let (own, mut signed) = (key(PEERS), message.to_vec());
    let mac = sign_query(&own, &mut signed, SIGNED);
    let now = (SIGNED + u64::from(u16::from_be_bytes([ahead, off]))).saturating_sub(1 << 14);
    let is_in_time = now.abs_diff(SIGNED) <= 300;
    let before = signed.clone();
    let at = usize::from(u16::from_be_bytes([at_high, at_low])) % signed.len();
    signed[at] ^= change;
    let is_good = verdict(&signed, now);
    // The message's own id is not signed, and letters of names in the record may change their case.
    if signed == before {
        assert_eq!(is_good, is_in_time, "as it was signed, at {now}");
    } else if at >= 2 && at < message.len() {
        assert!(!is_good, "octet {at} is another one");
    }
    // It reads every record, and refuses a message for one that means nothing to us. It knows an algorithm by small
    // letters alone, though RFC 8945 section 4.3.3 signs the name in its canonical form.
    let is_question_alone = message.get(6..12) == Some(&[0; 6]);
    let is_small = signed.windows(ALGORITHM.len()).any(|octets| octets == ALGORITHM);
    if is_good && is_question_alone && is_small {
        assert!(is_good_for_domain(&signed, now), "another implementation refuses {signed:02x?}");
    }
    assert!(!verify_answer(&signed, &own, &mac, now), "a query is no answer to itself");
}

/// Octets that nobody signed have no good signature; the keys know no secret that they could have been signed with.
fn as_it_came(message: &[u8]) {
    let _ = signature_of(message);
    assert!(!verify_answer(message, &key(OTHERS), &[1; 32], SIGNED));
    if let Ok(Query { tsig: Some(tsig), .. }) = Query::parse(message) {
        assert!(verify(message, &tsig, &Keys::default(), SIGNED).is_err());
    }
}

/// Whether the message is a query that its key has signed, at this time.
fn verdict(message: &[u8], now: u64) -> bool {
    let Ok(Query { tsig: Some(tsig), .. }) = Query::parse(message) else { return false };
    match verify(message, &tsig, &Keys::new([key(PEERS), key(OTHERS)]), now) {
        Ok(_) => true,
        Err(TsigFailure::Malformed | TsigFailure::Unsigned(_) | TsigFailure::Signed(_)) => false,
    }
}

fn is_good_for_domain(message: &[u8], now: u64) -> bool {
    let name = Name::from_octets(Array::try_from(&b"\x02k1\0"[..]).expect("short")).expect("a name");
    let key = Arc::new(Key::new(Algorithm::Sha256, &[7; 32], name, None, None).expect("a key"));
    let Ok(mut message) = Message::from_octets(message.to_vec()) else { return false };
    matches!(ServerTransaction::request(&key, &mut message, Time48::from_u64(now)), Ok(Some(_)))
}
