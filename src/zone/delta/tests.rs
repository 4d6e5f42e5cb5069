use proptest::prelude::*;

use super::*;
use crate::dns::Name;

/// Names with their addresses and the TTL.
type Names = BTreeMap<String, (u32, Vec<u8>)>;

/// A record: owner, type, TTL, RDATA.
type Own = (Vec<u8>, Rtype, u32, Vec<u8>);

fn zone(serial: u32, names: &Names, is_reversed: bool) -> Zone {
    let mut lines: Vec<String> = names
        .iter()
        .flat_map(|(name, (ttl, hosts))| hosts.iter().map(move |host| format!("{name} {ttl} A 10.0.0.{host}\n")))
        .collect();
    if is_reversed {
        lines.reverse();
    }
    let text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns\nns A 10.9.9.9\n{}", lines.concat());
    Zone::from_text(&"z.test".parse::<Name>().unwrap(), text.as_bytes()).0.unwrap()
}

/// The same as the server would write it for secondaries alone: it has no index.
fn derived(zone: Zone) -> Zone {
    Zone { index: hashbrown::HashTable::new(), ..zone }
}

/// The records in order, as far as a transfer sends them.
fn records(zone: &Zone) -> Vec<Own> {
    let mut records = Vec::new();
    zone.walk(crate::zone::Cursor::default(), |record| {
        records.push((record.owner.to_vec(), record.rtype, record.ttl, record.rdata.to_vec()));
        true
    });
    records.sort();
    records
}

/// What a secondary that has the one version has after it took the difference; an error for a record that it cannot
/// take.
fn taken(old: &Zone, delta: &Delta) -> Result<Vec<Own>, String> {
    let mut have = records(old);
    for record in delta.removed().iter() {
        let own = (record.owner.to_vec(), record.rtype, record.ttl, record.rdata.to_vec());
        let at = have.iter().position(|have| *have == own).ok_or(format!("{own:?} is not there"))?;
        have.remove(at);
    }
    for record in delta.added().iter() {
        let own = (record.owner.to_vec(), record.rtype, record.ttl, record.rdata.to_vec());
        if have.contains(&own) {
            return Err(format!("{own:?} is there already"));
        }
        have.push(own);
    }
    have.sort();
    Ok(have)
}

fn names() -> impl Strategy<Value = Names> {
    let hosts = prop::collection::btree_set(1_u8..30, 1..25).prop_map(|hosts| hosts.into_iter().collect());
    prop::collection::btree_map("[a-d](\\.[a-d]){0,2}", (prop_oneof![Just(10_u32), Just(20)], hosts), 0..8)
}

proptest! {
    #[test]
    fn a_secondary_that_takes_a_difference_has_the_new_version_whatever_the_order_of_the_files(
        versions in prop::collection::vec((names(), any::<bool>()), 2..5),
        is_derived in any::<bool>(),
    ) {
        let zones: Vec<Zone> = versions
            .iter()
            .zip(1..)
            .map(|((names, is_reversed), serial)| zone(serial, names, *is_reversed))
            .map(|zone| if is_derived { derived(zone) } else { zone })
            .collect();
        let deltas: Vec<Delta> =
            zones.windows(2).map(|pair| Delta::between(&pair[0], &pair[1], usize::MAX).unwrap()).collect();
        for (pair, delta) in zones.windows(2).zip(&deltas) {
            prop_assert_eq!(taken(&pair[0], delta), Ok(records(&pair[1])));
            prop_assert!(Delta::between(&pair[0], &pair[1], delta.octets()).is_some());
            if delta.octets() > 0 {
                prop_assert_eq!(Delta::between(&pair[0], &pair[1], delta.octets() - 1), None);
            }
        }
        let condensed = Delta::condensed(&deltas).unwrap();
        let (first, last) = (&zones[0], zones.last().unwrap());
        prop_assert_eq!(taken(first, &condensed), Ok(records(last)));
        prop_assert_eq!((condensed.from().serial, condensed.to().serial), (first.serial(), last.serial()));
        prop_assert!(condensed.octets() <= deltas.iter().map(Delta::octets).sum::<usize>());
    }
}

#[test]
fn a_change_that_was_taken_back_is_not_in_a_condensed_difference() {
    let names = |hosts: &[u8]| Names::from([("a".to_owned(), (10, hosts.to_vec()))]);
    let zones = [zone(1, &names(&[1]), false), zone(2, &names(&[2]), false), zone(3, &names(&[1]), false)];
    let deltas: Vec<Delta> =
        zones.windows(2).map(|pair| Delta::between(&pair[0], &pair[1], usize::MAX).unwrap()).collect();
    assert_eq!(Delta::condensed(&deltas).unwrap().octets(), 0);
}

#[test]
fn a_derived_zone_in_one_order_needs_no_table_of_its_names() {
    let all: Vec<String> = (0..500).map(|n| format!("n{n:03}")).collect();
    let version = |serial, left_out: &[usize]| {
        let kept = all.iter().enumerate().filter(|(n, _)| !left_out.contains(n));
        derived(zone(serial, &kept.map(|(_, name)| (name.clone(), (10, vec![1]))).collect(), false))
    };
    for (left_out, then, changed, is_in_step) in [
        (vec![], vec![499], 1, true),
        (vec![0, 1, 250], vec![], 3, true),
        (vec![7], vec![8], 2, true),
        ((100..160).collect(), (160..220).collect(), 120, true),
        ((100..200).collect(), (200..300).collect(), 200, false),
    ] {
        let (old, new) = (version(1, &left_out), version(2, &then));
        let mut delta = Delta::new(Soa::of(&old).unwrap(), Soa::of(&new).unwrap());
        assert_eq!(delta.in_step(&old, &new, usize::MAX), is_in_step, "{then:?}");
        let delta = Delta::between(&old, &new, usize::MAX).unwrap();
        let records_changed = delta.removed().iter().count() + delta.added().iter().count();
        assert_eq!((records_changed, taken(&old, &delta)), (changed, Ok(records(&new))), "{then:?}");
    }
}
