//! What holds for any facts: a headline, a cause with a word, something to do, and no panic.

use proptest::prelude::*;

use super::super::*;
use super::made;
use super::{conflict, held, refusal};
use crate::explain::facts::Client;
use crate::sync::ledger::NameEntry;

fn answers() -> impl Strategy<Value = Answer> {
    let rcode = prop_oneof![Just(Rcode::NoError), Just(Rcode::NxDomain), Just(Rcode::ServFail), Just(Rcode::Other)];
    let end = prop_oneof![
        Just(made::by_zone()),
        Just(made::by_upstream()),
        Just(Teller::Cache),
        Just(Teller::Stale),
        Just(Teller::Special),
        Just(Teller::Unknown),
    ];
    let address = prop_oneof![Just("10.1.0.5"), Just("20.60.1.1"), Just("fd00::5"), Just("2603::1"), Just("")];
    let bits = prop::array::uniform3(any::<bool>());
    (rcode, end, address, bits, any::<Option<u32>>(), any::<Option<String>>()).prop_map(
        |(rcode, end, address, [is_synthesized, has_failed, is_loop], negative_ttl, ede)| Answer {
            rcode,
            rcode_text: format!("{rcode:?}").to_uppercase(),
            data: Vec::from_iter((!address.is_empty()).then(|| address.to_owned())),
            addresses: address.parse().into_iter().collect(),
            chain: vec![Hop { data: "x.privatelink.file.core.windows.net".to_owned(), ttl: 9, ..Hop::default() }],
            end,
            is_synthesized,
            has_failed,
            is_loop,
            negative_ttl,
            ede,
        },
    )
}

fn entries() -> impl Strategy<Value = NameEntry> {
    prop::array::uniform3(any::<bool>()).prop_map(|[is_held, disputed, left]| NameEntry {
        held: Vec::from_iter(is_held.then(|| held("", "10.1.0.5"))),
        conflicts: Vec::from_iter(disputed.then(|| conflict(&[]))),
        left_out: Vec::from_iter(left.then(LeftOut::default)),
        frozen: Vec::from_iter((left && disputed).then(|| held("", "10.1.0.5"))),
    })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let kind = prop_oneof![Just(Kind::Name), Just(Kind::Label), Just(Kind::Address)];
    let place = prop_oneof![Just(None), Just(Some(made::account())), Just(Some(made::vault("we")))];
    let zone = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(has_copy, is_unread, is_managed)| Zone {
        has_copy,
        is_unread,
        is_managed,
        ..made::zone()
    });
    let bits = prop::array::uniform6(any::<bool>());
    let texts = (any::<String>(), any::<Option<String>>(), any::<Option<String>>());
    (kind, prop::option::of(answers()), place, prop::option::of(zone), entries(), bits, texts).prop_map(
        |(kind, answer, place, zone, entry, [served, errors, found, comment, away, client], (text, name, frozen))| {
            Facts {
                kind,
                answer,
                place,
                zone,
                entry,
                record: served.then(made::record),
                lists: Vec::from_iter(errors.then(refusal)),
                unwritten: Vec::from_iter(away.then(refusal)),
                mentions: Vec::from_iter(found.then(|| made::mention(|one| one.comment = comment))),
                upstreams: Vec::from_iter(away.then(made::down)),
                client: client.then(|| Client { address: [10, 0, 0, 1].into(), is_permitted: comment }),
                names: Vec::from_iter(found.then(|| text.clone())),
                now: u64::from(u32::MAX),
                text,
                name,
                frozen,
                ..Facts::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn any_facts_have_a_headline_a_cause_and_something_to_do(facts in any_facts()) {
        let explained = explain(&facts);
        let start = explained.verdict.to_string();
        prop_assert!(explained.headline.starts_with(&start) && explained.headline.contains(": "), "{}", explained.headline);
        prop_assert!(!explained.what_to_do.is_empty() && explained.what_to_do.iter().all(|step| !step.is_empty()));
        let json = serde_json::to_string(&explained).unwrap();
        prop_assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), explained);
    }
}
