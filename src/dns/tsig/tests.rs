//! TSIG beside `domain`'s: what it signs is verified here, and what is signed here it verifies; then every way to
//! forge.

use std::sync::Arc;

use domain::base::iana::{Class, Rtype};
use domain::base::name::Name as DomainName;
use domain::base::{Message, MessageBuilder};
use domain::rdata::tsig::Time48;
use domain::tsig::{self as peer, ClientSequence, ClientTransaction};
use proptest::prelude::*;

use super::*;
use crate::dns::{Query, Rcode};

const NOW: u64 = 1_800_000_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn ours(algorithm: Algorithm) -> Keys {
    Keys::new([Key::new("Key.Example".parse().unwrap(), algorithm, SECRET).unwrap()])
}

fn theirs(algorithm: Algorithm, signing_len: Option<usize>) -> Arc<peer::Key> {
    let algorithm = algorithm.name().parse().unwrap();
    let name = "kEY.example".parse::<DomainName<Vec<u8>>>().unwrap();
    let name = DomainName::from_octets(domain::dep::octseq::array::Array::try_from(name.as_slice()).unwrap()).unwrap();
    Arc::new(peer::Key::new(algorithm, SECRET, name, None, signing_len).unwrap())
}

fn time(seconds: u64) -> Time48 {
    Time48::from_u64(seconds)
}

/// A question of `domain`'s, before it is signed.
fn question() -> domain::base::message_builder::AdditionalBuilder<Vec<u8>> {
    let mut builder = MessageBuilder::new_vec();
    builder.header_mut().set_id(4711);
    let mut builder = builder.question();
    builder.push((&"We.Example".parse::<DomainName<Vec<u8>>>().unwrap(), Rtype::SOA, Class::IN)).unwrap();
    builder.additional()
}

/// A question that is signed, and what verifies its answer.
fn signed(algorithm: Algorithm, seconds: u64) -> (Vec<u8>, ClientTransaction<Arc<peer::Key>>) {
    let mut builder = question();
    let transaction = ClientTransaction::request(theirs(algorithm, None), &mut builder, time(seconds)).unwrap();
    (builder.finish(), transaction)
}

fn verified(message: &[u8], keys: &Keys) -> Result<Signer, TsigFailure> {
    let query = Query::parse(message).unwrap();
    verify(message, &query.tsig.unwrap(), keys, NOW)
}

/// An answer to the question, before it is signed.
fn answer(question: &[u8], rcode: Rcode) -> Vec<u8> {
    let end = 12 + b"\x02we\x07example\0".len() + 4;
    let mut answer = question[..end].to_vec();
    (answer[2], answer[3]) = (0x84, u8::try_from(rcode.0).unwrap());
    answer[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
    answer
}

#[test]
fn rfc8945_5_2_and_5_3_1_queries_and_answers_are_signed_as_another_implementation_signs_them() {
    for algorithm in Algorithm::ALL {
        let (message, transaction) = signed(algorithm, NOW);
        let signer = verified(&message, &ours(algorithm)).unwrap();
        let (mut answer, length) = (answer(&message, Rcode::NOERROR), signer.record_len());
        let before = answer.len();
        signer.sign(&mut answer, NOW + 2);
        assert_eq!(answer.len() - before, length, "{algorithm:?}");
        let mut read = Message::from_octets(answer).unwrap();
        transaction.answer(&mut read, time(NOW + 1)).unwrap();
    }
}

#[test]
fn rfc8945_5_3_1_each_message_of_a_transfer_is_signed_and_depends_on_the_one_before() {
    for algorithm in Algorithm::ALL {
        let mut builder = question();
        let mut sequence = ClientSequence::request(theirs(algorithm, None), &mut builder, time(NOW)).unwrap();
        let message = builder.finish();
        let mut signer = verified(&message, &ours(algorithm)).unwrap();
        for _ in 0..5 {
            let mut part = answer(&message, Rcode::NOERROR);
            signer.sign_next(0, &mut part, NOW);
            sequence.answer(&mut Message::from_octets(part).unwrap(), time(NOW)).unwrap();
        }
        let mut skipped = answer(&message, Rcode::NOERROR);
        signer.sign_next(0, &mut skipped, NOW);
        let mut next = answer(&message, Rcode::NOERROR);
        signer.sign_next(0, &mut next, NOW);
        let error = sequence.clone().answer(&mut Message::from_octets(next).unwrap(), time(NOW)).unwrap_err();
        assert!(format!("{error:?}").contains("BadSig"), "{error:?}");
        sequence.done().unwrap();
    }
}

#[test]
fn rfc8945_5_3_1_a_query_of_ours_is_verified_there_and_its_answer_here() {
    let ours = Key::new("key.example".parse().unwrap(), Algorithm::HmacSha384, SECRET).unwrap();
    let mut query = question().finish();
    let mac = sign_query(&ours, &mut query, NOW);
    let mut read = Message::from_octets(query.clone()).unwrap();
    let key = theirs(Algorithm::HmacSha384, None);
    let transaction = peer::ServerTransaction::request(&key, &mut read, time(NOW)).unwrap().unwrap();
    let answer = {
        let builder = MessageBuilder::new_vec().start_answer(&read, domain::base::iana::Rcode::NOERROR).unwrap();
        let mut builder = builder.additional();
        transaction.answer(&mut builder, time(NOW + 1)).unwrap();
        builder.finish()
    };
    assert!(verify_answer(&answer, &ours, &mac, NOW));
    assert!(!verify_answer(&answer, &ours, &mac, NOW + 1000), "too late");
    assert!(!verify_answer(&answer, &ours, &mac[1..], NOW), "the answer to another query");
    let other = Key::new("key.example".parse().unwrap(), Algorithm::HmacSha384, &[7; 48]).unwrap();
    assert!(!verify_answer(&answer, &other, &mac, NOW));
    for end in 0..answer.len() {
        assert!(!verify_answer(&answer[..end], &ours, &mac, NOW), "{end}");
    }
    assert!(!verify_answer(&question().finish(), &ours, &mac, NOW), "no signature");
}

#[test]
fn rfc8945_5_2_1_a_key_that_is_not_known_or_is_for_another_algorithm_is_badkey() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW);
    for keys in [Keys::default(), ours(Algorithm::HmacSha512)] {
        assert_eq!(verified(&message, &keys), Err(TsigFailure::Unsigned(TsigError::BadKey)));
    }
}

#[test]
fn rfc8945_5_2_2_a_message_that_was_changed_anywhere_is_badsig_or_no_longer_such_a_message() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW);
    let keys = ours(Algorithm::HmacSha256);
    // The header's id alone may change: the original one is in the record (section 4.3.2).
    for at in 2..message.len() {
        let mut forged = message.clone();
        forged[at] ^= 1;
        let Some(tsig) = Query::parse(&forged).ok().and_then(|query| query.tsig) else { continue };
        assert!(verify(&forged, &tsig, &keys, NOW).is_err(), "octet {at}");
    }
    let mut renumbered = message.clone();
    renumbered[0] ^= 0xff;
    assert!(verified(&renumbered, &keys).is_ok());
}

#[test]
fn rfc8945_5_2_3_another_time_than_ours_is_badtime() {
    for (seconds, is_good) in [(NOW - 300, true), (NOW + 300, true), (NOW - 301, false), (NOW + 301, false), (0, false)]
    {
        let (message, _) = signed(Algorithm::HmacSha256, seconds);
        match verified(&message, &ours(Algorithm::HmacSha256)) {
            Ok(_) => assert!(is_good, "{seconds}"),
            Err(TsigFailure::Signed(_)) => assert!(!is_good, "{seconds}"),
            other => panic!("{seconds}: {other:?}"),
        }
    }
}

/// By Python's `hmac`, because `domain` 0.12.3 digests eight octets of the time where the record has six.
#[test]
fn rfc8945_5_2_3_the_answer_to_badtime_is_signed_and_has_both_times() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW - 301);
    let Err(TsigFailure::Signed(signer)) = verified(&message, &ours(Algorithm::HmacSha256)) else { panic!() };
    let mut answer = answer(&message, Rcode::NOTAUTH);
    let (before, length) = (answer.len(), signer.record_len());
    signer.sign(&mut answer, NOW);
    assert_eq!(answer.len() - before, length);
    let tail = &answer[answer.len() - 12 - 32..];
    let tail = tail.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"));
    // MAC, the query's id, BADTIME, and six octets of our time.
    assert_eq!(tail, "013196ebeb725fa8cde54694b1f877adb27bba20d866e31968223320402165de12670012000600006b49d200");
    let time_at = answer.len() - 12 - 32 - 4 - 6;
    assert_eq!(answer[time_at..time_at + 6], (NOW - 301).to_be_bytes()[2..], "the client's time");
}

#[test]
fn rfc8945_5_2_2_1_a_truncated_mac_is_badtrunc_and_a_shorter_one_than_half_is_formerr() {
    let truncated = |length| {
        let mut builder = question();
        let key = theirs(Algorithm::HmacSha256, Some(length));
        ClientTransaction::request(key, &mut builder, time(NOW)).unwrap();
        builder.finish()
    };
    let message = truncated(16);
    assert!(matches!(verified(&message, &ours(Algorithm::HmacSha256)), Err(TsigFailure::Signed(_))));
    // The last octets are MAC, id, error and the length of the other data.
    let mut wrong = message.clone();
    let mac_end = wrong.len() - 6;
    wrong[mac_end - 1] ^= 1;
    assert_eq!(
        verified(&wrong, &ours(Algorithm::HmacSha256)),
        Err(TsigFailure::Unsigned(TsigError::BadSig)),
        "a wrong MAC, before its length is looked at"
    );
    let rdlength_at = mac_end - 16 - 10 - Algorithm::HmacSha256.wire().len() - 2;
    let mut short = message.clone();
    short.drain(mac_end - 1..mac_end);
    short[rdlength_at + 1] -= 1;
    short[mac_end - 17] = 15;
    assert_eq!(verified(&short, &ours(Algorithm::HmacSha256)), Err(TsigFailure::Malformed));
}

#[test]
fn rfc8945_5_3_2_an_answer_for_an_unknown_key_repeats_the_query_s_record_without_a_mac() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW);
    let query = Query::parse(&message).unwrap();
    let tsig = query.tsig.unwrap();
    let answer = tsig.append_error(vec![0; 12], TsigError::BadKey, 512);
    let (start, end) = (tsig.start, message.len());
    let mac_at = end - 6 - 32;
    let expected = [&message[start..mac_at - 2], &[0, 0], &message[end - 6..end - 4], &[0, 17, 0, 0]].concat();
    let rdlength_at = tsig.fields.key.len() + 8;
    assert_eq!(answer[12..12 + rdlength_at], expected[..rdlength_at]);
    assert_eq!(answer[12 + rdlength_at + 2..], expected[rdlength_at + 2..]);
    assert_eq!(answer[11], 1, "it is counted");
    assert_eq!(tsig.append_error(vec![0; 12], TsigError::BadKey, answer.len() - 1).len(), 12, "no room");
}

#[test]
fn a_record_cut_anywhere_is_malformed() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW);
    let start = Query::parse(&message).unwrap().tsig.unwrap().start;
    let rdata = &message[start + b"\x03key\x07example\0".len() + 10..];
    assert!(Tsig::read(0, b"\0", rdata).is_some());
    for end in 0..rdata.len() {
        assert_eq!(Tsig::read(0, b"\0", &rdata[..end]), None, "{end}");
    }
    assert_eq!(Tsig::read(0, b"\0", &[rdata, &[0]].concat()), None);
}

#[test]
fn rfc8945_4_2_a_record_of_another_class_or_with_a_ttl_is_malformed() {
    let (message, _) = signed(Algorithm::HmacSha256, NOW);
    let type_at = Query::parse(&message).unwrap().tsig.unwrap().start + b"\x03key\x07example\0".len();
    for at in type_at + 2..type_at + 8 {
        let mut other = message.clone();
        other[at] ^= 1;
        assert!(Query::parse(&other).is_err(), "{at}");
    }
}

#[test]
fn a_key_never_shows_its_secret() {
    let keys = format!("{:?}", ours(Algorithm::HmacSha256));
    assert!(keys.contains("key.example hmac-sha256") && !keys.contains("0123"), "{keys}");
}

proptest! {
    #[test]
    fn any_octets_behind_a_question_are_verified_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        counts in any::<[u8; 2]>(),
    ) {
        let mut message = question().finish();
        message[10..12].copy_from_slice(&counts);
        message.extend_from_slice(&octets);
        if let Some(tsig) = Query::parse(&message).ok().and_then(|query| query.tsig) {
            prop_assert!(verify(&message, &tsig, &ours(Algorithm::HmacSha256), NOW).is_err());
        }
    }
}
