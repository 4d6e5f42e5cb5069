//! The lookup against zones in presentation format.

use super::*;
use crate::dns::rdata::presentation;

fn zone(text: &str) -> Zone {
    let (zone, findings) = Zone::from_text(&"example".parse().unwrap(), text.as_bytes());
    zone.unwrap_or_else(|| panic!("{findings:?}"))
}

fn ask(zone: &Zone, question: &str) -> String {
    let (name, qtype) = question.split_once(' ').unwrap();
    let name: Name = name.parse().unwrap();
    let shown =
        |rrset: RRsetRef<'_>| rrset.rdatas().map(|r| presentation(rrset.rtype(), r)).collect::<Vec<_>>().join(" ");
    match zone.lookup(name.canonical(), qtype.parse().unwrap()) {
        Outcome::Answer(rrset) => shown(rrset),
        Outcome::Cname(rrset) => format!("CNAME {}", shown(rrset)),
        Outcome::Referral { cut, name_servers } => format!("REFERRAL {cut} {}", shown(name_servers)),
        Outcome::Dname { dname, alias } => {
            let leads_to = alias.map_or("YXDOMAIN".to_owned(), |alias| format!("{} {alias}", alias.ttl));
            format!("DNAME {} {leads_to}", dname.owner)
        }
        Outcome::NoData => "NODATA".to_owned(),
        Outcome::NxDomain => "NXDOMAIN".to_owned(),
    }
}

/// The zone of RFC 4592 section 2.2.1.
const RFC4592: &str = "$TTL 3600
@ SOA ns.example.com. hostmaster 1 2 3 4 10
@ NS ns.example.com.
@ NS ns.example.net.
* TXT \"this is a wild card\"
* MX 10 host1
sub.* TXT \"this is not a wild card\"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host1
subdel NS ns.example.com.
subdel NS ns.example.net.
";

#[test]
fn rfc4592_2_2_1_answers_from_wildcards() {
    let zone = zone(RFC4592);
    assert_eq!(ask(&zone, "host3.example MX"), "10 host1.example.");
    assert_eq!(ask(&zone, "host3.example A"), "NODATA");
    assert_eq!(ask(&zone, "foo.bar.example TXT"), "\"this is a wild card\"");
}

#[test]
fn rfc4592_2_2_1_names_that_no_wildcard_answers_for() {
    let zone = zone(RFC4592);
    assert_eq!(ask(&zone, "host1.example MX"), "NODATA", "the name exists");
    assert_eq!(ask(&zone, "sub.*.example MX"), "NODATA", "the name exists");
    assert_eq!(ask(&zone, "_telnet._tcp.host1.example SRV"), "NXDOMAIN", "its closest encloser has no wildcard");
    assert_eq!(ask(&zone, "host.subdel.example A"), "REFERRAL subdel.example. ns.example.com. ns.example.net.");
    assert_eq!(ask(&zone, "ghost.*.example MX"), "NXDOMAIN", "the wildcard itself is the closest encloser");
}

#[test]
fn empty_non_terminals_are_nodata() {
    let zone = zone(RFC4592);
    assert_eq!(ask(&zone, "_tcp.host1.example A"), "NODATA");
    assert_eq!(ask(&zone, "host2.example A"), "NODATA");
}

#[test]
fn a_cut_answers_with_a_referral_but_for_ds() {
    let zone = zone(RFC4592);
    assert_eq!(ask(&zone, "subdel.example NS"), "REFERRAL subdel.example. ns.example.com. ns.example.net.");
    assert_eq!(ask(&zone, "subdel.example DS"), "NODATA");
    assert_eq!(ask(&zone, "example DS"), "NODATA");
    assert_eq!(ask(&zone, "example NS"), "ns.example.com. ns.example.net.");
}

#[test]
fn a_cname_answers_for_other_types() {
    let zone = zone("@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nw 10 CNAME h\nh 10 A 10.0.0.1\n");
    assert_eq!(ask(&zone, "w.example A"), "CNAME h.example.");
    assert_eq!(ask(&zone, "w.example CNAME"), "h.example.");
    assert_eq!(ask(&zone, "w.example ANY"), "h.example.");
    assert_eq!(ask(&zone, "x.h.example A"), "NXDOMAIN");
}

/// RFC 6672 section 2.2, table 1: QNAME, owner, target, and what the QNAME becomes.
const RFC6672: &[(&str, &str, &str, &str)] = &[
    ("example.com.", "example.com.", "example.net.", "NODATA"),
    ("a.example.com.", "example.com.", "example.net.", "a.example.net."),
    ("a.b.example.com.", "example.com.", "example.net.", "a.b.example.net."),
    ("ab.example.com.", "b.example.com.", "example.net.", "NXDOMAIN"),
    ("foo.example.com.", "example.com.", "example.net.", "foo.example.net."),
    ("a.x.example.com.", "x.example.com.", "example.net.", "a.example.net."),
    ("a.example.com.", "example.com.", "y.example.net.", "a.y.example.net."),
    ("cyc.example.com.", "example.com.", "example.com.", "cyc.example.com."),
    ("cyc.example.com.", "example.com.", "c.example.com.", "cyc.c.example.com."),
    ("shortloop.x.x.", "x.", ".", "shortloop.x."),
    ("shortloop.x.", "x.", ".", "shortloop."),
];

#[test]
fn rfc6672_2_2_a_dname_substitutes_the_names_below_it() {
    for (qname, owner, target, becomes) in RFC6672 {
        let apex: Name = if *owner == "x." { "x" } else { "example.com" }.parse().unwrap();
        let text = format!("{apex} 10 SOA a. b. 1 2 3 4 5\n{apex} 10 NS a.\n{owner} 7 DNAME {target}\n");
        let (zone, findings) = Zone::from_text(&apex, text.as_bytes());
        let zone = zone.unwrap_or_else(|| panic!("{findings:?}"));
        let expected = match *becomes {
            outcome @ ("NODATA" | "NXDOMAIN") => outcome.to_owned(),
            name => format!("DNAME {owner} 7 {qname} 7 IN CNAME {name}"),
        };
        assert_eq!(ask(&zone, &format!("{qname} A")), expected);
    }
}

#[test]
fn rfc6672_3_2_a_name_that_gets_too_long_is_yxdomain() {
    let label = "x".repeat(63);
    let zone = zone(&format!("@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nd 10 DNAME {label}.{label}.{label}.example.\n"));
    let longest = "y".repeat(255 - 9 - 3 * 64 - 1);
    assert!(ask(&zone, &format!("{longest}.d.example A")).contains("CNAME"));
    assert_eq!(ask(&zone, &format!("{longest}y.d.example A")), "DNAME d.example. YXDOMAIN");
}

#[test]
fn a_dname_has_other_data_beside_it_and_a_cut_above_it_hides_it() {
    let zone =
        zone("@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\nd 10 DNAME y.\nd 10 A 10.0.0.1\ncut 10 NS a.\nd.cut 10 DNAME y.\n");
    assert_eq!(ask(&zone, "d.example DNAME"), "y.");
    assert_eq!(ask(&zone, "d.example A"), "10.0.0.1");
    assert_eq!(ask(&zone, "d.example AAAA"), "NODATA");
    assert_eq!(ask(&zone, "x.d.example DS"), "DNAME d.example. 10 x.d.example. 10 IN CNAME x.y.");
    assert_eq!(ask(&zone, "x.d.cut.example A"), "REFERRAL cut.example. a.");
}

#[test]
fn names_outside_the_zone_are_nxdomain() {
    let zone = zone(RFC4592);
    assert_eq!(ask(&zone, "host1.notexample A"), "NXDOMAIN");
    assert_eq!(ask(&zone, r"x\007example A"), "NXDOMAIN");
}

#[test]
fn rfc2308_3_the_negative_ttl_is_the_lesser_of_soa_ttl_and_minimum() {
    assert_eq!(zone(RFC4592).negative_soa().unwrap().ttl, 10);
    assert_eq!(zone("@ 3 SOA a. b. 1 2 3 4 10\n@ 10 NS a.\n").negative_soa().unwrap().ttl, 3);
}

fn findings(text: &str) -> Vec<(u32, String)> {
    let (zone, findings) = Zone::from_text(&"example".parse().unwrap(), text.as_bytes());
    assert_eq!(zone.is_none(), findings.has_errors());
    findings
        .to_vec()
        .into_iter()
        .map(|finding| (finding.place.line_number().unwrap_or_default(), finding.text))
        .collect()
}

#[test]
fn each_semantic_error_names_its_line() {
    let top = "@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n";
    let bad = |rest: &str| findings(&format!("{top}{rest}")).remove(0);
    assert_eq!(bad("x 10 A 10.0.0.1\nx 10 CNAME y\n").0, 3);
    assert_eq!(bad("x 10 CNAME y\nx 10 CNAME z\n").0, 4);
    assert_eq!(bad("x.other. 10 A 10.0.0.1\n").0, 3);
    assert_eq!(bad("@ 10 SOA c. d. 1 2 3 4 5\n").1, "a second SOA record; remove one");
    assert_eq!(bad("x 10 SOA c. d. 1 2 3 4 5\n"), (3, "SOA below the apex; a file holds one zone".to_owned()));
    assert_eq!(
        bad("x 10 CNAME y\nx 10 DNAME y\n"),
        (4, "'x.example.' has a CNAME (line 3), so it cannot have DNAME records".to_owned())
    );
    assert_eq!(bad("x 10 DNAME y\nx 10 DNAME z\n").1, "'x.example.' has a second DNAME (first: line 3)");
    assert_eq!(
        bad("x 10 NS a.\nx 10 DNAME z\n"),
        (3, "'x.example.' has a DNAME (line 4), so it cannot have NS records".to_owned())
    );
    let below = "'a.b.x.example.' lies below the DNAME of line 3; remove one of them";
    assert_eq!(bad("x 10 DNAME y\na.b.x 10 A 10.0.0.1\n"), (4, below.to_owned()));
    assert_eq!(bad("@ 10 DNAME y.\nx 10 A 10.0.0.1\n").0, 4, "a DNAME at the apex leaves no other name");
    assert_eq!(bad("x 10 A \\# 3 0a0000\n"), (3, "the octets behind \\# are not RDATA of this type".to_owned()));
    assert_eq!(bad("x 10 NS a.\nx 10 NS A.\n"), (4, "duplicate of the record in line 3".to_owned()));
    assert_eq!(
        bad("x 10 NS y\ny 10 CNAME z\n"),
        (3, "name server 'y.example.' is an alias (line 4); name its target".to_owned())
    );
    assert_eq!(bad("x 2147483648 A 10.0.0.1\n").0, 3);
    let many = (0..=255).fold(String::new(), |text, n| text + &format!("x 10 TXT {n:0255}\n"));
    assert_eq!(bad(&many), (3, "256 records of one type at one name do not fit into any answer".to_owned()));
    assert!(bad("*.x 10 NS a.\n").1.starts_with("NS at a wildcard: "));
    assert_eq!(bad("x 10 A 10.0.0.1\nx 20 A 10.0.0.2\n").0, 4, "a warning");
    assert_eq!(bad("x 10 A 10.0.0.1\nx 10 A 10.0.0.1\n"), (4, "duplicate of the record in line 3".to_owned()));
    assert_eq!(bad("@ 10 NS ns\n").1, "name server 'ns.example.' has no address in this zone");
    let empty = findings("");
    assert_eq!(empty.len(), 2, "{empty:?}");
    let syntax = findings("@ 10 SOA oops\n@ 10 NS a.\nx A 1\n");
    assert_eq!(syntax.iter().map(|f| f.0).collect::<Vec<_>>(), [1, 3], "a broken SOA is not also a missing one");
}
