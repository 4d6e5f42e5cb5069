//! The lines of the feed, for zones written out.

use super::*;
use std::sync::Arc;

const BLOB: &str = "privatelink.blob.core.windows.net";
const BACKUP: &str = "privatelink.we.backup.windowsazure.com";
const CORP: &str = "corp.example";

fn zone(apex: &str, lines: &str) -> Zone {
    let text = format!("$TTL 10\n@ 3600 SOA a. b. 1 2 3 4 5\n@ 3600 NS a.\n{lines}");
    let (zone, findings) = Zone::from_text(&apex.parse().unwrap(), text.as_bytes());
    zone.unwrap_or_else(|| panic!("{findings:?}"))
}

fn hosted(apex: &str, on_miss: OnMiss, lines: &str) -> Hosted {
    Hosted::new(apex.parse().unwrap(), on_miss, Some(Arc::new(zone(apex, lines))))
}

/// With the header of sync, so that it has aliases.
fn managed(apex: &str, on_miss: OnMiss, lines: &str) -> Hosted {
    let text = format!("; Written by privatelink-dns\n@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n{lines}");
    let zone = Zone::from_text(&apex.parse().unwrap(), text.as_bytes()).0.map(Arc::new);
    Hosted::new(apex.parse().unwrap(), on_miss, zone)
}

fn apex() -> Name {
    "rpz.privatelink".parse().unwrap()
}

fn feed(zones: impl IntoIterator<Item = Hosted>) -> Feed {
    render(&apex(), &ZoneSet::new(zones), Missing::Kept(None)).unwrap()
}

fn left_out(feed: &Feed) -> Vec<&str> {
    feed.left_out.iter().map(|found| found.text.as_str()).collect()
}

#[test]
fn each_record_has_its_private_and_its_public_name_and_a_zone_that_denies_has_a_wildcard() {
    let feed = feed([
        managed(
            BLOB,
            OnMiss::Forward,
            "acct1 10 A 10.1.0.5\nacct1 10 AAAA fd00::5\n; alias acct1.z7.blob.storage.azure.net acct1\n",
        ),
        managed(BACKUP, OnMiss::NxDomain, "vault1 10 A 10.1.0.9\n"),
    ]);
    assert_eq!(
        feed.text,
        "vault1.privatelink.we.backup.windowsazure.com A 10.1.0.9\n\
         vault1.we.backup.windowsazure.com A 10.1.0.9\n\
         *.privatelink.we.backup.windowsazure.com CNAME .\n\
         acct1.privatelink.blob.core.windows.net A 10.1.0.5\n\
         acct1.blob.core.windows.net A 10.1.0.5\n\
         acct1.z7.blob.storage.azure.net A 10.1.0.5\n\
         acct1.privatelink.blob.core.windows.net AAAA fd00::5\n\
         acct1.blob.core.windows.net AAAA fd00::5\n\
         acct1.z7.blob.storage.azure.net AAAA fd00::5\n"
    );
    assert_eq!((feed.ttl, feed.left_out.len()), (10, 0));
}

#[test]
fn a_hand_written_zone_has_no_public_names_and_keeps_the_types_that_a_policy_may_answer_with() {
    let feed = feed([hosted(
        CORP,
        OnMiss::NxDomain,
        "@ A 10.0.0.1\n@ MX 5 mail\nmail 30 A 10.0.0.2\nt TXT \"a b\"\n_s._tcp SRV 1 2 3 mail\n",
    )]);
    assert_eq!(
        feed.text,
        "corp.example A 10.0.0.1\n\
         corp.example MX 5 mail.corp.example.\n\
         mail.corp.example 30 A 10.0.0.2\n\
         t.corp.example TXT \"a b\"\n\
         _s._tcp.corp.example SRV 1 2 3 mail.corp.example.\n\
         *.corp.example CNAME .\n"
    );
}

#[test]
fn an_alias_has_the_addresses_that_it_leads_to_through_all_zones_and_the_least_ttl() {
    let feed = feed([
        hosted(CORP, OnMiss::NxDomain, "www 5 CNAME files\nfiles CNAME acct1.blob.core.windows.net.\n"),
        hosted(BLOB, OnMiss::Forward, "acct1 A 10.1.0.5\nacct1 AAAA fd00::5\n"),
    ]);
    for line in [
        "www.corp.example A 10.1.0.5\n",
        "www.corp.example AAAA fd00::5\n",
        "files.corp.example 10 A 10.1.0.5\n",
        "*.corp.example CNAME .\n",
    ] {
        assert!(feed.text.contains(line), "{line}{}", feed.text);
    }
    assert_eq!((feed.ttl, feed.text.matches("CNAME").count()), (5, 1), "the only CNAME denies");
}

#[test]
fn an_alias_of_another_tenant_or_of_itself_is_left_out_and_nothing_of_its_zone_is_denied() {
    let feed = feed([
        hosted(CORP, OnMiss::NxDomain, "a CNAME other.blob.core.windows.net.\nb CNAME c\nc CNAME b\nd CNAME .\n"),
        hosted(BLOB, OnMiss::Forward, "acct1 A 10.1.0.5\n"),
    ]);
    assert_eq!(feed.text.lines().count(), 2, "{}", feed.text);
    let text = left_out(&feed)[0];
    assert!(text.starts_with("zone 'corp.example': the RPZ feed leaves out 4 CNAMEs ('a': "), "{text}");
    assert!(text.contains("it denies no other name of the zone"), "{text}");
}

#[test]
fn rfc4592_wildcards_delegations_and_types_without_a_policy_are_left_out_and_said() {
    let feed = feed([hosted(
        CORP,
        OnMiss::Forward,
        "*.apps A 10.0.0.1\nsub NS ns.sub\nns.sub A 10.0.0.2\nold DNAME elsewhere.\nh HTTPS 1 . alpn=h2\nx A 10.0.0.3\n",
    )]);
    assert_eq!(feed.text, "x.corp.example A 10.0.0.3\n");
    let text = left_out(&feed)[0];
    for said in ["1 wildcard ('*.apps'", "3 RRsets ('sub'", "1 RRset ('h': of type HTTPS"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("denies"), "{text}");
}

#[test]
fn rfc1035_3_1_a_name_over_255_octets_with_the_apex_of_the_feed_is_left_out() {
    // With ".rpz.privatelink." 17 octets more: 255 in all, and 256.
    let owner = |last: usize| format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(last));
    let feed = |last| feed([hosted(CORP, OnMiss::NxDomain, &format!("{} A 10.0.0.1\n", owner(last)))]);
    let longest = feed(255 - 192 - 1 - 13 - 17);
    assert_eq!(longest.left_out.len(), 0, "{:?}", longest.left_out);
    let whole: Name = format!("{}.rpz.privatelink", longest.text.split(' ').next().unwrap()).parse().unwrap();
    assert_eq!(whole.as_wire().len(), 255);
    let too_long = feed(255 - 192 - 1 - 13 - 17 + 1);
    assert_eq!(too_long.text, "");
    assert!(left_out(&too_long)[0].contains("over 255 octets"));
}

#[test]
fn a_zone_that_has_a_public_name_itself_says_what_it_is() {
    let feed = feed([
        hosted(BLOB, OnMiss::Forward, "acct1 A 10.1.0.5\nacct2 A 10.1.0.6\n"),
        hosted("acct1.blob.core.windows.net", OnMiss::NxDomain, "@ A 10.9.9.9\n"),
    ]);
    assert!(feed.text.contains("acct1.blob.core.windows.net A 10.9.9.9\n"), "{}", feed.text);
    assert!(!feed.text.contains("\nacct1.blob.core.windows.net A 10.1.0.5"), "{}", feed.text);
    assert!(feed.text.contains("\nacct2.blob.core.windows.net A 10.1.0.6"), "{}", feed.text);
}

/// The same zones, some without a good copy.
fn without(zones: &[Hosted], missing: &[&str]) -> ZoneSet {
    ZoneSet::new(zones.iter().cloned().map(|hosted| {
        let is_missing = missing.contains(&hosted.apex.without_dot().as_str());
        Hosted { zone: hosted.zone.filter(|_| !is_missing), ..hosted }
    }))
}

fn all() -> [Hosted; 3] {
    [
        managed(BLOB, OnMiss::Forward, "acct1 10 A 10.1.0.5\n; alias acct1.z7.blob.storage.azure.net acct1\n"),
        managed(BACKUP, OnMiss::NxDomain, "vault1 10 A 10.1.0.9\n"),
        hosted(CORP, OnMiss::NxDomain, "x A 10.0.0.1\n"),
    ]
}

#[test]
fn a_zone_without_a_good_copy_keeps_what_the_feed_had_of_it_line_by_line() {
    let zones = all();
    let first = feed(zones.clone());
    let before = zone("rpz.privatelink", &first.text);
    for missing in [&[BLOB][..], &[BACKUP], &[CORP], &[BLOB, BACKUP, CORP]] {
        let second = render(&apex(), &without(&zones, missing), Missing::Kept(Some(&before))).unwrap();
        assert_eq!(second.text, first.text, "{missing:?}");
    }
    let [mut blob, backup, _] = zones;
    blob.zone = Some(Arc::new(zone(BLOB, "acct2 A 10.1.0.7\n")));
    let changed = without(&[blob, backup], &[BACKUP]);
    let text = render(&apex(), &changed, Missing::Kept(Some(&before))).unwrap().text;
    assert!(text.contains("acct2.blob") && !text.contains("acct1.") && !text.contains("corp.example"), "{text}");
    assert!(text.contains("vault1.we.backup") && text.contains("*.privatelink.we.backup"), "{text}");
}

#[test]
fn a_cname_into_a_zone_without_a_good_copy_keeps_the_addresses_that_it_had() {
    let zones = [
        hosted(CORP, OnMiss::NxDomain, "www CNAME acct1.blob.core.windows.net.\n"),
        hosted(BLOB, OnMiss::Forward, "acct1 A 10.1.0.5\n"),
    ];
    let first = feed(zones.clone());
    let before = zone("rpz.privatelink", &first.text);
    let second = render(&apex(), &without(&zones, &[BLOB]), Missing::Kept(Some(&before))).unwrap();
    assert_eq!((&second.text, second.left_out.len()), (&first.text, 0));
    let checked = render(&apex(), &without(&zones, &[BLOB]), Missing::LeftOut).unwrap();
    assert_eq!(checked.left_out.len(), 0, "nobody knows yet what it leads to");
}

#[test]
fn without_an_earlier_feed_none_is_made_while_a_zone_has_no_good_copy() {
    let zones = without(&all(), &[BLOB]);
    assert_eq!(render(&apex(), &zones, Missing::Kept(None)).unwrap_err().waits_for, [BLOB]);
    assert!(render(&apex(), &zones, Missing::LeftOut).is_ok());
}

#[test]
fn while_nobody_knows_the_geo_codes_the_feed_keeps_the_backup_zones_it_had() {
    let before = zone("rpz.privatelink", &feed(all()).text);
    let [blob, ..] = all();
    let zones = ZoneSet::new([blob]).with_unread("backup.windowsazure.com".parse().ok());
    let text = render(&apex(), &zones, Missing::Kept(Some(&before))).unwrap().text;
    assert!(text.contains("vault1.we.backup.windowsazure.com A 10.1.0.9\n"), "{text}");
    assert!(text.contains("*.privatelink.we.backup.windowsazure.com CNAME .\n"), "{text}");
}

#[test]
fn a_derived_zone_is_not_in_the_feed() {
    let feed = render(
        &apex(),
        &ZoneSet::new(all()).with_derived([hosted("rpz.privatelink", OnMiss::NxDomain, "x A 10.0.0.1\n")]),
        Missing::Kept(None),
    );
    assert_eq!(feed.unwrap().text, self::feed(all()).text);
}
