//! Every cause with its words, from made facts; and what holds for any facts.

mod made;
mod properties;

use super::*;
use crate::diag::{Diagnostic, Id, Place as At};
use crate::sync::ledger::ListClaim;
use made::{account, facts, mention, private, public, record, vault};

/// The word of the cause, the headline and the steps.
fn told(facts: &Facts) -> (&'static str, String, Vec<String>) {
    let explained = explain(facts);
    (explained.cause.word(), explained.headline, explained.what_to_do)
}

fn assert_told(facts: &Facts, cause: &str, headline: &str, step: &str) {
    let (word, said, steps) = told(facts);
    assert_eq!((word, said.as_str()), (cause, headline));
    assert!(steps.iter().any(|one| one.contains(step)), "no '{step}' in {steps:#?}");
}

fn refusal() -> Diagnostic {
    let error = Diagnostic::error(Id::LIST_BAD_ADDRESS, At::line("we.txt", 2), "'10.0.0.300' is no IP address");
    error.of_source("team-a")
}

fn held(before: &str, after: &str) -> HeldChange {
    let addresses = |text: &str| text.split(' ').filter_map(|text| text.parse().ok()).collect::<Vec<IpAddr>>();
    let lists = !after.is_empty();
    HeldChange {
        rtype: "A".to_owned(),
        before: addresses(before),
        after: addresses(after),
        source: lists.then(|| "team-a".to_owned()),
        place: lists.then(|| "we.txt:3".to_owned()),
        reasons: vec!["would become empty, with 5 RRsets in service".to_owned()],
        digest: Some("eefb".to_owned()),
    }
}

fn conflict(in_service: &[&str]) -> Disagreement {
    let claim = |source: &str, place: &str, address: &str| ListClaim {
        source: source.to_owned(),
        place: place.to_owned(),
        addresses: vec![address.parse().unwrap()],
    };
    Disagreement {
        rtype: "A".to_owned(),
        in_service: in_service.iter().map(|text| text.parse().unwrap()).collect(),
        claims: vec![claim("team-a", "we.txt:3", "10.1.0.5"), claim("team-b", "b.txt:4", "10.1.0.6")],
    }
}

#[test]
fn a_record_in_service_is_private_for_what_the_lists_say_now() {
    let good = || Facts { record: Some(record()), ..facts(account(), private("10.1.0.5")) };
    assert_told(
        &good(),
        "listed",
        "PRIVATE 10.1.0.5: team-a (we.txt:3) lists it",
        "nslookup acct.blob.core.windows.net",
    );
    let forgotten = Facts { record: Some(ServedRecord { source: None, place: None, ..record() }), ..good() };
    assert_told(
        &forgotten,
        "listed",
        "PRIVATE 10.1.0.5: zone 'privatelink.blob.core.windows.net' has it; which list it is from is not remembered",
        "Nothing",
    );
    let mut changed = good();
    changed.entry.held = vec![held("10.1.0.5", "10.1.0.9")];
    assert_told(
        &changed,
        "listed-change-held",
        "PRIVATE 10.1.0.5: the record stays as it was; 10.1.0.9 of team-a (we.txt:3) waits for consent: would become empty, \
         with 5 RRsets in service",
        "privatelink-dns sync --running --approve eefb --config /etc/p.toml",
    );
    changed.entry.held = vec![held("10.1.0.5", "")];
    assert!(told(&changed).1.contains("its removal, because no list has it any more, waits for consent"));
    let mut frozen = Facts { frozen: Some("audit".to_owned()), ..good() };
    frozen.entry.frozen = vec![held("10.1.0.5", "")];
    assert_told(
        &frozen,
        "listed-frozen",
        "PRIVATE 10.1.0.5: the record stays as it was, because the server is frozen (audit); its removal, because no list \
         has it any more, waits",
        "privatelink-dns thaw --config /etc/p.toml",
    );
    let mut disputed = good();
    disputed.entry.conflicts = vec![conflict(&["10.1.0.5"])];
    assert_told(
        &disputed,
        "listed-conflict",
        "PRIVATE 10.1.0.5: lists disagree, so it stays as it was: team-a (we.txt:3) says 10.1.0.5, team-b (b.txt:4) says \
         10.1.0.6",
        "take the other line out",
    );
    let stale = Facts { lists: vec![refusal()], ..good() };
    assert_told(
        &stale,
        "listed-last-good",
        "PRIVATE 10.1.0.5: team-a had it when its list was last good; the list cannot be used now: we.txt:2: '10.0.0.300' is \
         no IP address",
        "Mend we.txt:2",
    );
}

#[test]
fn private_answers_that_no_list_gives_say_who_gives_them() {
    let zone = Zone { is_managed: false, file: "zones/corp.example.zone".to_owned(), ..made::zone() };
    let by_hand = Facts { zone: Some(zone), place: None, ..facts(account(), private("10.1.0.5")) };
    let why = "PRIVATE 10.1.0.5: zone file zones/corp.example.zone says so, which a person wrote";
    assert_told(&by_hand, "by-hand", why, "edit zones/corp.example.zone");
    let answer = Answer { is_synthesized: true, ..private("10.1.0.5") };
    let down = vec![made::down()];
    let synthesized = Facts { record: Some(record()), upstreams: down, ..facts(account(), answer) };
    assert_told(
        &synthesized,
        "synthesized",
        "PRIVATE 10.1.0.5: upstream 10.0.0.4:53 is down, so this server answers for the public name from its own zone; team-a \
         (we.txt:3) lists it",
        "privatelink-dns status",
    );
    let foreign = Facts { place: None, zone: None, ..facts(account(), public("10.9.0.1")) };
    let why = "PRIVATE 10.9.0.1: upstream 10.0.0.4:53 says so; no list of this server has it";
    assert_told(&foreign, "upstream-private", why, "list the name here");
}

#[test]
fn a_record_that_a_list_has_and_that_is_not_served_says_what_keeps_it_out() {
    let missing = || facts(account(), public("20.60.1.1"));
    let mut waits = missing();
    waits.entry.held = vec![held("", "10.1.0.5")];
    let why = "PUBLIC 20.60.1.1: 10.1.0.5 of team-a (we.txt:3) waits for consent: would become empty, with 5 RRsets in service";
    assert_told(&waits, "held", why, "sync --running --approve eefb");
    waits.entry.held[0].digest = None;
    assert!(told(&waits).2[0].contains("No consent helps"), "{:?}", told(&waits));
    let mut disputed = missing();
    disputed.entry.conflicts = vec![conflict(&[])];
    let why = "PUBLIC 20.60.1.1: lists disagree, and nothing was in service before: team-a (we.txt:3) says 10.1.0.5, team-b \
               (b.txt:4) says 10.1.0.6";
    assert_told(&disputed, "conflict", why, "sync --running");
    let mut pending = missing();
    let endpoint = Some("pe-1".to_owned());
    let left =
        LeftOut { source: "team-a".to_owned(), place: "pe.json:2".to_owned(), endpoint, state: "Pending".to_owned() };
    pending.entry.left_out = vec![left];
    let why = "PUBLIC 20.60.1.1: team-a (pe.json:2) has it, but the connection of private endpoint 'pe-1' is Pending, so nothing \
               goes over it";
    assert_told(&pending, "not-approved", why, "Approve the connection");
    let refused = mention(|one| one.refused = Some(refusal()));
    let refused = Facts { mentions: vec![refused], lists: vec![refusal()], ..missing() };
    let why =
        "PUBLIC 20.60.1.1: team-a (we.txt:15) has it, but the list is refused: we.txt:2: '10.0.0.300' is no IP address";
    assert_told(&refused, "list-refused", why, "Mend we.txt:2");
    let comment = Facts { mentions: vec![mention(|one| one.comment = true)], ..missing() };
    let why = "PUBLIC 20.60.1.1: team-a (we.txt:15) has it, but in a comment";
    assert_told(&comment, "in-comment", why, "a line of their own");
    let error = Diagnostic::error(Id::ZONE_UNWRITABLE, At::zone("privatelink.blob.core.windows.net"), "no space left");
    let full = Facts { mentions: vec![mention(|_| {})], unwritten: vec![error], ..missing() };
    let why = "PUBLIC 20.60.1.1: team-a (we.txt:15) has it, but its zone cannot be written: zone \
               'privatelink.blob.core.windows.net': no space left";
    assert_told(&full, "not-written", why, "Give the disk of zone_dir room");
    let mut frozen = Facts { frozen: Some(String::new()), ..missing() };
    frozen.entry.frozen = vec![held("", "10.1.0.5")];
    let why = "PUBLIC 20.60.1.1: 10.1.0.5 of team-a (we.txt:3) waits, because the server is frozen";
    assert_told(&frozen, "frozen", why, "privatelink-dns thaw");
    let unread = Facts { mentions: vec![mention(|_| {})], ..missing() };
    let why = "PUBLIC 20.60.1.1: team-a (we.txt:15) has it, but the last pass, at 2026-11-26T15:00:00Z, did not make a record of \
               it";
    assert_told(&unread, "not-read", why, "sync --running");
}

#[test]
fn a_name_in_no_list_says_what_is_nearest_to_it() {
    let missing = || facts(account(), public("20.60.1.1"));
    assert_told(&missing(), "unlisted", "PUBLIC 20.60.1.1: no list has 'acct' for blob", "portal: DNS configuration");
    let queue = mention(|one| {
        one.record = Some("acct.privatelink.queue.core.windows.net".to_owned());
        one.service = Some("queue".to_owned());
    });
    let other = Facts { mentions: vec![queue], ..missing() };
    let why = "PUBLIC 20.60.1.1: no list has 'acct' for blob; team-a (we.txt:15) has it for queue";
    assert_told(&other, "other-service", why, "acct.privatelink.blob.core.windows.net");
    let away =
        Diagnostic::error(Id::LIST_UNREADABLE, At::line("we.txt", None), "cannot read the list").of_source("team-a");
    let hidden = Facts { lists: vec![away], ..missing() };
    let why = "PUBLIC 20.60.1.1: no list that can be read has 'acct' for blob; source 'team-a' cannot be read: we.txt: cannot \
               read the list";
    assert_told(&hidden, "list-unreadable", why, "Mend source 'team-a'");
    let vault = facts(vault("we"), made::denied(made::by_zone()));
    let why = "FAILED NXDOMAIN: no list has '1-ab-pod01-fc1' for backup in geo 'we'";
    assert_told(&vault, "unlisted", why, "1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com");
}

#[test]
fn a_public_answer_that_no_list_can_change_says_why() {
    let hop = Facts { record: Some(record()), ..facts(account(), public("20.60.1.1")) };
    let why = "PUBLIC 20.60.1.1: team-a (we.txt:3) lists it with 10.1.0.5, but public DNS does not lead \
               'acct.blob.core.windows.net' through acct.privatelink.blob.core.windows.net: the connection of the private endpoint \
               is probably not approved, or the account has none";
    assert_told(&hop, "no-privatelink-hop", why, "Private endpoint connections");
    let file = "acct.privatelink.file.core.windows.net";
    let lead = Hop { rtype: "CNAME".to_owned(), data: file.to_owned(), ..Hop::default() };
    let answer = Answer { chain: vec![lead], ..public("20.60.1.1") };
    let elsewhere = Facts { place: None, zone: None, ..facts(account(), answer) };
    let why = "PUBLIC 20.60.1.1: the chain leads to 'acct.privatelink.file.core.windows.net', in zone \
               'privatelink.file.core.windows.net', which is not hosted here";
    assert_told(&elsewhere, "privatelink-not-hosted", why, "[[zones]]");
    let named = |name: &str| {
        let name = Some(name.to_owned());
        Facts { name, place: None, zone: None, ..facts(account(), public("20.60.1.1")) }
    };
    let why = "PUBLIC 20.60.1.1: a name of Key Vault, which is not hosted here";
    assert_told(&named("kv.vault.azure.net"), "service-not-hosted", why, "Nothing");
    let why = "PUBLIC 20.60.1.1: this is no name of a private endpoint, so the public address is right";
    assert_told(&named("www.example"), "no-endpoint-name", why, "Nothing");
    let mut china = account();
    (china.cloud, china.zone) = (crate::azure::Cloud::China, "privatelink.blob.core.chinacloudapi.cn".to_owned());
    let china = Facts { zone: None, ..facts(china, public("20.60.1.1")) };
    let why = "PUBLIC 20.60.1.1: this is a name of the china cloud, and [backup] says cloud = \"public\"";
    assert_told(&china, "other-cloud", why, "cloud = \"china\"");
}

#[test]
fn a_name_without_an_address_says_who_denies_it() {
    let up = || made::denied(made::by_upstream());
    let public_name = Some("1-ab-pod01-fc1.we.backup.windowsazure.com".to_owned());
    let name = "1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com";
    let served = ServedRecord { name: name.to_owned(), ..record() };
    let backup = Facts { name: public_name, record: Some(served), ..facts(vault("we"), up()) };
    let why = "FAILED NXDOMAIN: public DNS has no names of a vault without 'privatelink'; agents ask for \
               1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com, which is 10.1.0.5 here";
    assert_told(&backup, "backup-public-name", why, "privatelink-dns explain 1-ab-pod01-fc1.privatelink.we");
    let mut geo = vault("ne");
    let away = Facts { zone: None, ..facts(geo.clone(), up()) };
    let why =
        "FAILED NXDOMAIN: zone 'privatelink.ne.backup.windowsazure.com' is not hosted: geo code 'ne' is not in geos";
    assert_told(&away, "geo-not-hosted", why, "add \"ne\" to geos");
    geo.geo_problem = Some(GeoProblem::Region("we"));
    (geo.geo, geo.record) = ("westeurope".to_owned(), "x.privatelink.westeurope.backup.windowsazure.com".to_owned());
    let region = Facts { zone: None, ..facts(geo, up()) };
    let why = "FAILED NXDOMAIN: 'westeurope' is the name of a region, and its geo code is 'we'";
    assert_told(&region, "region-name", why, "x.privatelink.we.backup.windowsazure.com");
    let bad = Facts { place: None, zone: None, misspelt: Some(NotHosted::NoGeo), ..facts(account(), up()) };
    assert_told(&bad, "bad-name", "FAILED NXDOMAIN: the name has no geo code before 'backup'", "Correct the name");
    let nobody = Facts { place: None, zone: None, ..facts(account(), up()) };
    let why = "FAILED NXDOMAIN: upstream 10.0.0.4:53 says that the name does not exist";
    assert_told(&nobody, "no-such-name", why, "how the name is spelt");
    let zone = Zone { is_managed: false, file: "zones/corp.example.zone".to_owned(), ..made::zone() };
    let hand = Facts { place: None, zone: Some(zone), ..facts(account(), made::denied(made::by_zone())) };
    let why = "FAILED NXDOMAIN: zone file zones/corp.example.zone does not have the name";
    assert_told(&hand, "not-in-zone", why, "add it to zones/corp.example.zone");
    let empty = Answer { rcode_text: "NOERROR".to_owned(), end: made::by_zone(), ..Answer::default() };
    let aaaa = Facts { rtype: "AAAA".to_owned(), record: Some(record()), ..facts(account(), empty) };
    let why = "FAILED NOERROR: 'acct.blob.core.windows.net' exists and has no AAAA record; acct.privatelink.blob.core.windows.net \
               is 10.1.0.5";
    assert_told(&aaaa, "no-data", why, "Nothing");
}

#[test]
fn a_name_without_an_answer_says_what_has_failed() {
    let failed = || facts(account(), made::failed());
    let zone = |is_unread| Zone { has_copy: false, is_unread, ..made::zone() };
    let copy = Facts { zone: Some(zone(false)), ..failed() };
    let why = "FAILED SERVFAIL: no good copy of zone 'privatelink.blob.core.windows.net' has been read: zones/z.zone was never read";
    assert_told(&copy, "no-good-copy", why, "Mend zones/z.zone");
    let unread = Facts { zone: Some(zone(true)), lists: vec![refusal()], ..failed() };
    let why = "FAILED SERVFAIL: no list has been read yet, and the geo codes are learnt from lists: we.txt:2: '10.0.0.300' is no \
               IP address";
    assert_told(&unread, "no-list-read", why, "geos");
    let down = Facts { upstreams: vec![made::down()], ..failed() };
    let why = "FAILED SERVFAIL: no upstream answers: 10.0.0.4:53 is down (no reply in time)";
    assert_told(&down, "upstream-down", why, "168.63.129.16");
    let looping = Trouble { state: State::Looping, ..made::down() };
    let loops = Facts { upstreams: vec![looping], ..failed() };
    let why = "FAILED SERVFAIL: upstream 10.0.0.4:53 leads back to this server";
    assert_told(&loops, "upstream-loop", why, "does not forward to this server");
    let answer =
        Answer { has_failed: false, end: made::by_upstream(), ede: Some("bogus".to_owned()), ..made::failed() };
    let error = facts(account(), answer);
    let why = "FAILED SERVFAIL: upstream 10.0.0.4:53 gave no answer that can be used: bogus";
    assert_told(&error, "upstream-failed", why, "by hand");
    let address = "10.9.9.9".parse().unwrap();
    let client = Some(super::super::facts::Client { address, is_permitted: false });
    let stranger = Facts { client, record: Some(record()), ..facts(account(), private("10.1.0.5")) };
    let why = "FAILED REFUSED: client 10.9.9.9 is not in [access] allow";
    assert_told(&stranger, "not-allowed", why, "allow in [access]");
    let other = Answer { rcode: Rcode::Other, rcode_text: "REFUSED".to_owned(), ..Answer::default() };
    let why = "FAILED REFUSED: the answer says no more than that";
    assert_told(&facts(account(), other), "other", why, "privatelink-dns status");
}

#[test]
fn addresses_and_labels_are_explained_too() {
    let of = |kind, text: &str, names: &[&str]| Facts {
        kind,
        text: text.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Facts::default()
    };
    let listed = of(Kind::Address, "10.1.0.5", &["a.example", "b.example"]);
    let why = "PRIVATE 10.1.0.5: in service for a.example and 1 more";
    assert_told(&listed, "address-listed", why, "privatelink-dns explain a.example");
    let unlisted = of(Kind::Address, "10.9.9.9", &[]);
    assert_told(&unlisted, "address-unlisted", "FAILED 10.9.9.9: no record in service has this address", "the name");
    let mut label = of(Kind::Label, "acct", &[]);
    let why = "FAILED acct: no hosted zone has a name that begins with it";
    assert_told(&label, "label-unknown", why, "privatelink-dns explain acct.blob.core.windows.net");
    label.mentions = vec![mention(|_| {})];
    assert!(told(&label).1.ends_with("; team-a (we.txt:15) has it in its text"), "{:?}", told(&label));
}

#[test]
fn remarks_say_what_else_is_worth_knowing() {
    let text = str::to_owned;
    let remarks = |facts: &Facts| explain(facts).remarks;
    let plain = || facts(account(), public("20.60.1.1"));
    assert_eq!(remarks(&Facts { record: Some(record()), ..facts(account(), private("10.1.0.5")) }), [""; 0]);
    let near = Facts { nearest: vec![text("acct1.z"), text("acc.z")], ..plain() };
    assert!(
        remarks(&near).contains(&text("spelt almost alike, and in service: acct1.z, acc.z")),
        "{:?}",
        remarks(&near)
    );
    let refused = Facts { refused: vec![text("10.2.0.0/24"); 5], ..plain() };
    let said =
        "lately refused when they asked for it: 10.2.0.0/24, 10.2.0.0/24, 10.2.0.0/24 (see [access] and [limits])";
    assert!(remarks(&refused).contains(&text(said)), "{:?}", remarks(&refused));
    let chain = vec![Hop { by: made::by_upstream(), data: text("store.core.windows.net"), ..Hop::default() }];
    let hop = facts(account(), Answer { chain, ..public("20.60.1.1") });
    assert!(remarks(&hop)[0].contains("no private endpoint with an approved connection"), "{:?}", remarks(&hop));
    let nobody = facts(account(), made::denied(made::by_upstream()));
    assert_eq!(remarks(&nobody), ["public DNS says that there is no such account: is the name spelt right?"]);
    let degraded = vec![Diagnostic::error(Id::ZONE_SYNTAX, At::line("z.zone", 3), "no such type")];
    let stale = Facts { zone: Some(Zone { degraded, ..made::zone() }), ..plain() };
    assert_eq!(remarks(&stale), ["the zone is served from its last good contents: z.zone:3: no such type"]);
    let away = super::super::model::NotSearched { source: text("share"), reason: text("no answer within 2 s") };
    let away = Facts { not_searched: vec![away], is_ledger_cut: true, frozen: Some(text("audit")), ..plain() };
    assert_eq!(remarks(&away).len(), 3, "{:?}", remarks(&away));
    let label = Facts { kind: Kind::Label, names: vec![text("a.z"), text("a.y")], note: Some("a note"), ..plain() };
    assert_eq!(remarks(&label), ["a note", "the label is in service as: a.z, a.y"]);
}
