use super::*;
use crate::zone::Outcome;
use proptest::prelude::*;

const HEAD: &str = "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n";

fn apex() -> Name {
    "example".parse().unwrap()
}

fn zone(lines: &str) -> Zone {
    let (zone, findings) = Zone::from_text(&apex(), format!("{HEAD}{lines}").as_bytes());
    zone.unwrap_or_else(|| panic!("{findings:?}"))
}

fn findings(lines: &str) -> Vec<(u32, String)> {
    let (_, findings) = Zone::from_text(&apex(), format!("{HEAD}{lines}").as_bytes());
    findings
        .to_vec()
        .into_iter()
        .map(|finding| (finding.place.line_number().unwrap_or_default(), finding.text))
        .collect()
}

fn outcome(zone: &Zone, name: &str) -> &'static str {
    let name: Name = format!("{name}.example").to_lowercase().parse().unwrap();
    match zone.lookup(name.canonical(), Rtype::A) {
        Outcome::Answer(_) => "answer",
        Outcome::NoData => "nodata",
        Outcome::NxDomain => "nxdomain",
        _ => "other",
    }
}

#[test]
fn names_above_others_take_a_few_octets_each_however_long_they_are() {
    let octets = |labels: usize| zone(&format!("{} A 10.0.0.1\n", vec!["a"; labels].join("."))).layout.octets();
    let (none, half, whole) = (octets(1), octets(61), octets(121));
    assert_eq!(half - none, 60 * (2 + 6));
    assert_eq!(whole - none, 2 * (half - none), "twice the labels take twice the octets");
}

#[test]
fn a_name_above_others_may_have_records_of_its_own_before_or_behind_them() {
    for lines in
        ["b A 10.0.0.1\na.b A 10.0.0.2\nx.y.b A 10.0.0.3\n", "x.y.b A 10.0.0.3\na.b A 10.0.0.2\nb A 10.0.0.1\n"]
    {
        let zone = zone(lines);
        for (name, expected) in
            [("b", "answer"), ("a.b", "answer"), ("y.b", "nodata"), ("x.y.b", "answer"), ("y", "nxdomain")]
        {
            assert_eq!(outcome(&zone, name), expected, "{name} in {lines}");
        }
        assert_eq!(zone.rrsets().count(), 2 + 3);
    }
}

#[test]
fn a_reverse_zone_of_hosts_all_over_has_all_of_their_names() {
    let nibbles = |n: u32| {
        let spread = u128::from(n.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x1_0000_0001_0000_0001_0000_0001);
        format!("{spread:032x}").chars().map(String::from).collect::<Vec<_>>().join(".")
    };
    let lines = (0..1000).map(|n| nibbles(n) + " PTR host.example.net.\n").collect::<String>();
    let zone = zone(&lines);
    for n in 0..1000 {
        assert_eq!(outcome(&zone, &nibbles(n)), "nodata");
        assert_eq!(outcome(&zone, nibbles(n).split_once('.').unwrap().1), "nodata");
    }
    assert!(zone.layout.octets() < lines.len() * 4, "{} of {}", zone.layout.octets(), lines.len());
}

#[test]
fn more_names_above_others_than_there_may_be_are_an_error_at_their_line() {
    let mut builder = ZoneBuilder::new(&apex(), "example.zone", b"");
    builder.table.ancestors = MAX_ANCESTORS - 3;
    let owner = |labels: usize| [b"\x01a".repeat(labels).as_slice(), b"\x07example\0"].concat();
    for (line, labels) in [(1, 4), (2, 5), (3, 9), (4, 9)] {
        builder.add(Parsed { owner: &owner(labels), rtype: Rtype::A, ttl: 1, rdata: &[10, 0, 0, 1], line });
    }
    let findings = builder.findings.finish();
    assert_eq!(findings.shown().iter().map(|finding| finding.place.line_number()).collect::<Vec<_>>(), [Some(3)]);
    assert!(findings.shown()[0].text.starts_with("up to here there are over 32000000 names"), "{findings:?}");
}

#[test]
fn of_a_million_findings_a_hundred_are_kept_and_the_rest_counted() {
    let all = findings(&"a RRSIG A 8 2 9 20300101000000 20200101000000 1 b. AAAA\na A 10.0.0.1\n".repeat(1000));
    let of = |text: &str| all.iter().filter(|(_, found)| found.contains(text)).count();
    assert_eq!((of("signed zones"), of("duplicate of")), (100, 100));
    assert_eq!(all[200..], [(0, "and 900 more errors".to_owned()), (0, "and 899 more warnings".to_owned())]);
}

#[test]
fn name_servers_are_looked_for_among_the_targets_records_of_every_type() {
    let others = "t TXT x\nt MX 1 @\nt HINFO a b\n";
    assert_eq!(
        findings(&format!("a NS t\n{others}")),
        [(4, "name server 't.example.' has no address in this zone".into())]
    );
    for address in ["t A 10.0.0.1\n", "t AAAA fd00::1\n"] {
        assert_eq!(findings(&format!("a NS t\n{others}{address}")), []);
    }
    let alias = findings("a NS t\nt CNAME x.\n");
    assert_eq!(alias, [(4, "name server 't.example.' is an alias (line 5); name its target".into())]);
}

#[test]
fn every_record_below_a_dname_is_named() {
    let lines: Vec<u32> =
        findings("a.b A 10.0.0.1\na.b AAAA ::1\nb DNAME x.\nc A 10.0.0.1\n").into_iter().map(|f| f.0).collect();
    assert_eq!(lines, [4, 5]);
}

proptest! {
    #[test]
    fn every_name_and_all_above_it_are_there_and_no_other(
        names in prop::collection::vec("[ab](\\.[abc]){0,5}", 1..12), asked in prop::collection::vec("[ab](\\.[abc]){0,5}", 1..12),
    ) {
        let lines = names.iter().map(|name| name.clone() + " A 10.0.0.1\n").collect::<String>();
        let zone = zone(&lines);
        for name in names.iter().chain(&asked) {
            let below = format!(".{name}");
            let expected = match () {
                () if names.contains(name) => "answer",
                () if names.iter().any(|other| other.ends_with(&below)) => "nodata",
                () => "nxdomain",
            };
            prop_assert_eq!(outcome(&zone, name), expected, "{} in {}", name, lines);
        }
    }
}
