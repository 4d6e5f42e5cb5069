use super::current::write_relative;
use super::*;
use crate::dns::{Name, Serial};
use crate::sync::desired::DesiredState;
use crate::sync::desired::{self, merge};
use crate::sync::records::Records;
use crate::sync::source::{Format, made, parse};
use crate::sync::state::provenance::ZoneProvenance;
use crate::zone::ZoneId;
use std::collections::BTreeMap;
use std::path::Path;

const BLOB: &str = "privatelink.blob.core.windows.net";
const QUEUE: &str = "privatelink.queue.core.windows.net";

fn id(text: &str) -> ZoneId {
    text.parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn managed(records: &[(&str, &str)]) -> Current {
    let records = records.iter().map(|(owner, address)| (*owner, address.parse().unwrap()));
    Current {
        serial: Some(Serial(7)),
        file: FileState::Managed,
        ttl: Some(10),
        records: Records::from_unsorted(records),
        ..Current::default()
    }
}

fn wanted(texts: &[(&str, &str)]) -> DesiredState {
    let listings = texts.iter().map(|(source, text)| {
        parse(source, Path::new(&format!("{source}.txt")), Format::Auto, format!("{text}\n").into_bytes()).unwrap()
    });
    merge(listings.collect(), &desired::Settings::of_cloud(crate::azure::Cloud::Public, &[])).unwrap()
}

/// The plan for a blob zone; the queue zone is there and empty.
fn planned(blob: Current, texts: &[(&str, &str)]) -> Plan {
    let current = BTreeMap::from([(id(BLOB), blob), (id(QUEUE), managed(&[]))]);
    plan(wanted(texts), current, 10)
}

fn text(plan: &Plan) -> String {
    let mut out = Vec::new();
    write_text(&plan.view(), &mut out).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}

fn everything() -> Plan {
    let current = managed(&[("abc", "10.0.0.4"), ("def", "10.0.0.5"), ("ghi", "10.0.0.6"), ("same", "10.0.0.9")]);
    planned(
        current,
        &[
            (
                "a",
                "new.blob.core.windows.net fd00::1\ndef.z3.blob.storage.azure.net 10.0.0.15\nsame.blob.core.windows.net 10.0.0.9\n\
                 ghi.blob.core.windows.net 10.0.0.6",
            ),
            ("b", "ghi.blob.core.windows.net 10.0.0.16"),
        ],
    )
}

#[test]
fn a_plan_reads_zone_by_zone_with_origins_and_what_is_held_back() {
    assert_eq!(
        text(&everything()),
        format!(
            "{BLOB}: serial 7, 4 in service, 1 to create, 1 to change, 1 to remove, 1 held back, 1 alias to change\n\
             \x20 - abc  A     10.0.0.4         in no list\n\
             \x20 ~ def  A     10.0.0.5 -> 10.0.0.15  a (a.txt:2)\n\
             \x20 + new  AAAA  fd00::1          a (a.txt:1)\n\
             \x20 + alias def.z3.blob.storage.azure.net of def\n\
             \x20 ! ghi  A     10.0.0.6 stays   sources disagree: a (a.txt:4) says 10.0.0.6, b (b.txt:1) says 10.0.0.16; \
             take one of them out\n\
             {QUEUE}: serial 7, 0 in service, no changes\n"
        )
    );
}

#[test]
fn colours_only_wrap_lines() {
    let mut out = Vec::new();
    write_text(&everything().view(), &mut out).unwrap();
    let coloured = String::from_utf8(out).unwrap();
    assert!(coloured.contains("\u{1b}[31m  - abc"));
    let plain = coloured.split('\u{1b}').map(|part| part.split_once('m').filter(|_| part.starts_with('[')));
    let plain: String = plain.map(|part| part.map_or("", |(_, rest)| rest)).collect();
    assert_eq!(plain, text(&everything()));
}

#[test]
fn json_is_the_documented_contract() {
    let mut out = Vec::new();
    let digest = Digest::of(everything().zones.iter().map(|zone| (zone, Scope::Losses)));
    let remarks = Remarks { refused: vec!["too much".into()], digest: Some(digest), problems: vec!["bad line".into()] };
    write_json(&everything().view(), &remarks, &mut out).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["refused"][0], "too much");
    assert_eq!((&json["digest"], &json["problems"][0]), (&digest.to_string().into(), &"bad line".into()));
    let zone = &json["zones"][0];
    assert_eq!((&zone["zone"], &zone["file"], &zone["serial"]), (&BLOB.into(), &"managed".into(), &7.into()));
    assert_eq!((&zone["created"], &zone["updated"], &zone["deleted"]), (&1.into(), &1.into(), &1.into()));
    let alias = serde_json::json!({ "action": "create", "name": "def.z3.blob.storage.azure.net", "owner": "def" });
    assert_eq!(zone["aliases"], serde_json::json!([alias]));
    let update = serde_json::json!({
        "action": "update", "owner": "def", "type": "A", "before": ["10.0.0.5"], "after": ["10.0.0.15"],
        "source": "a", "place": "a.txt:2",
    });
    assert_eq!(zone["changes"][1], update);
    assert_eq!(zone["changes"][0]["source"], serde_json::Value::Null);
    assert_eq!(zone["held"][0]["claims"][1]["place"], "b.txt:1");
    let document = include_str!("../../../docs/plan-json.md");
    for object in [&json, zone, &update, &alias, &zone["held"][0], &zone["held"][0]["claims"][0]] {
        for key in object.as_object().unwrap().keys() {
            assert!(document.contains(&format!("`{key}`")), "{key} is not documented");
        }
    }
}

#[test]
fn a_held_record_stays_whatever_the_lists_say() {
    let plan = everything();
    let after: Vec<&str> = plan.zones[0].after().iter().map(|record| record.owner).collect();
    assert_eq!(after, ["def", "ghi", "new", "same"]);
    let none =
        planned(managed(&[]), &[("a", "x.blob.core.windows.net 10.0.0.1"), ("b", "x.blob.core.windows.net 10.0.0.2")]);
    assert!(!none.has_changes() && !none.conflicts().is_empty());
    assert!(text(&none).contains("  ! x  A     not created "), "{}", text(&none));
}

/// Lines of a hostfile that name their endpoint, as the portal downloads it.
fn of_endpoints(entries: &[(&str, &str)]) -> Plan {
    let entries: Vec<_> = entries
        .iter()
        .map(|(endpoint, address)| (*endpoint, "abc.blob.core.windows.net".to_owned(), *address))
        .collect();
    let listings = vec![made::listing("a.txt", &entries, &[])];
    let desired = merge(listings, &desired::Settings::of_cloud(crate::azure::Cloud::Public, &[])).unwrap();
    plan(desired, BTreeMap::from([(id(BLOB), managed(&[("abc", "10.0.0.4")]))]), 10)
}

#[test]
fn two_endpoints_of_one_list_with_other_addresses_for_a_name_are_a_conflict_that_names_both() {
    let plan =
        of_endpoints(&[("/rg/x/privateEndpoints/pe-1", "10.0.0.4"), ("/rg/x/privateEndpoints/pe-2", "10.1.0.4")]);
    assert_eq!(
        plan.conflicts().lines(),
        ["zone 'privatelink.blob.core.windows.net': abc  A     10.0.0.4 stays   endpoints disagree: 'pe-1' in lists \
             (a.txt:1) says 10.0.0.4, 'pe-2' in lists (a.txt:2) says 10.1.0.4; take one of them out or, if each is \
             for the clients of its own network, make views: 'privatelink-dns plan' prints the lines"]
    );
    assert!(plan.warnings.is_empty(), "neither is later");
}

#[test]
fn a_list_that_repeats_an_endpoint_or_names_none_counts_by_its_later_line() {
    for entries in [
        [("pe-1", "10.0.0.9"), ("PE-1", "10.0.0.4")],
        [("", "10.0.0.9"), ("pe-1", "10.0.0.4")],
        [("pe-1", "10.0.0.9"), ("", "10.0.0.4")],
    ] {
        let plan = of_endpoints(&entries);
        assert_eq!((plan.conflicts().total(), plan.warnings.total(), plan.has_changes()), (0, 1, true), "{entries:?}");
        assert!(plan.warnings.to_string().contains("the later line counts"), "{}", plan.warnings);
        let blob = plan.zones.iter().find(|zone| zone.id.apex == name(BLOB)).unwrap();
        assert!(!blob.needs_writing(), "the later line is what is in service");
    }
    assert_eq!(of_endpoints(&[("pe-1", "10.0.0.4"), ("pe-2", "10.0.0.4")]).conflicts().total(), 0, "they agree");
}

#[test]
fn the_digest_is_of_what_is_held_and_of_nothing_else() {
    let one = |serial, address: &str, scope| {
        let mut current = managed(&[("abc", "10.0.0.4")]);
        current.serial = Some(Serial(serial));
        let text = format!("abc.blob.core.windows.net {address}\nnew{serial}.blob.core.windows.net 10.0.0.9");
        let plan = planned(current, &[("a", &text)]);
        Digest::of(plan.zones.iter().map(|zone| (zone, scope)))
    };
    let losses = |serial, address| one(serial, address, Scope::Losses);
    assert_eq!(losses(7, "10.0.0.5"), losses(8, "10.0.0.5"), "neither the serial nor what is new is held");
    assert_ne!(losses(7, "10.0.0.5"), losses(7, "10.0.0.6"));
    assert_ne!(one(7, "10.0.0.5", Scope::Everything), one(8, "10.0.0.5", Scope::Everything));
}

#[test]
fn held_losses_leave_the_records_that_were_there() {
    let mut current = managed(&[("gone", "10.0.0.4"), ("moves", "10.0.0.5"), ("stays", "10.0.0.6")]);
    current.aliases.insert("gone.z1.blob.storage.azure.net", "gone");
    let text = "moves.blob.core.windows.net 10.0.0.15\nstays.blob.core.windows.net 10.0.0.6\nnew.blob.core.windows.net 10.0.0.7";
    let plan = planned(current, &[("a", text)]);
    let held = plan.zones[0].without(Scope::Losses);
    let after: Vec<String> = held.after().iter().map(|record| format!("{} {}", record.owner, record.address)).collect();
    assert_eq!(after, ["gone 10.0.0.4", "moves 10.0.0.5", "new 10.0.0.7", "stays 10.0.0.6"]);
    assert_eq!(held.counts(), ChangeCounts { in_service: 3, created: 1, ..ChangeCounts::default() });
    assert!(held.alias_changes().is_empty() && !held.aliases().is_empty(), "its names stay with it");
    let nothing = plan.zones[0].without(Scope::Everything);
    assert!(!nothing.needs_writing() && nothing.after().len() == 3);
}

#[test]
fn records_that_may_be_in_an_unread_list_stay() {
    let current = managed(&[("mine", "10.0.0.4"), ("theirs", "10.0.0.5"), ("unknown", "10.0.0.6")]);
    let mut desired = wanted(&[("a", "new.blob.core.windows.net 10.0.0.7")]);
    desired.silent_sources.insert((None, "away".into()));
    let provenance = "\nmine\tA\t1\taway\tx.txt\ntheirs\tA\t1\ta\ta.txt\n";
    let current = Current { provenance: ZoneProvenance::parse(provenance), ..current };
    let plan = plan(desired, BTreeMap::from([(id(BLOB), current)]), 10);
    let after: Vec<&str> = plan.zones[0].after().iter().map(|record| record.owner).collect();
    assert_eq!(after, ["mine", "new", "unknown"]);
    assert!(!plan.zones[1].needs_writing(), "and no empty zone is made");
}

#[test]
fn while_a_list_is_away_no_other_moves_what_it_had() {
    let mut desired = wanted(&[("a", "mine.blob.core.windows.net 10.66.0.1\nfree.blob.core.windows.net 10.66.0.2")]);
    desired.silent_sources.insert((None, "away".into()));
    let provenance = ZoneProvenance::parse("\nmine\tA\t1\taway\tx.txt\n");
    let current = Current { provenance, ..managed(&[("mine", "10.0.0.4"), ("free", "10.0.0.5")]) };
    let plan = plan(desired, BTreeMap::from([(id(BLOB), current)]), 10);
    let after: Vec<String> = plan.zones[0].after().iter().map(|record| record.address.to_string()).collect();
    assert_eq!(after, ["10.66.0.2", "10.0.0.4"]);
}

#[test]
fn a_partitioned_name_alone_is_a_reason_to_write() {
    let plan_of = |text: &str, known: &[&str]| {
        let mut current = managed(&[("abc", "10.0.0.4")]);
        for name in known {
            current.aliases.insert(name, "abc");
        }
        planned(current, &[("a", text)])
    };
    let (plain, z1) = ("abc.blob.core.windows.net 10.0.0.4", "ABC.z1.blob.storage.azure.net 10.0.0.4");
    let name = "abc.z1.blob.storage.azure.net";
    assert!(!plan_of(plain, &[]).has_changes());
    let added = plan_of(&format!("{plain}\n{z1}"), &[]);
    assert!(added.has_changes());
    assert_eq!(added.zones[0].counts().in_service, 1);
    assert!(text(&added).contains("1 in service, 1 alias to change\n  + alias abc.z1.blob.storage.azure.net of abc\n"));
    assert!(!plan_of(z1, &[name]).has_changes(), "and then it is settled");
    let gone = plan_of(plain, &[name]);
    assert_eq!(gone.zones[0].alias_changes()[0].action, Action::Delete);
    assert!(gone.zones[0].aliases().is_empty());
}

#[test]
fn a_name_of_a_record_that_is_not_written_is_no_alias() {
    let texts = [("a", "x.z1.blob.storage.azure.net 10.0.0.1"), ("b", "x.z1.blob.storage.azure.net 10.0.0.2")];
    let held = planned(managed(&[]), &texts);
    assert!(!held.has_changes() && held.zones[0].aliases().is_empty());
    let in_service = planned(managed(&[("x", "10.0.0.1")]), &texts);
    assert_eq!(
        in_service.zones[0].aliases().owner_of("x.z1.blob.storage.azure.net"),
        Some("x"),
        "{}",
        text(&in_service)
    );
}

#[test]
fn a_managed_zone_that_no_list_names_is_to_be_emptied_and_a_hand_written_one_is_left_alone() {
    let mut by_hand = managed(&[("x", "10.0.0.1")]);
    by_hand.file = FileState::HandWritten;
    let old = managed(&[("y", "10.0.0.2")]);
    let apexes = ["privatelink.aue.backup.windowsazure.com", "privatelink.we.backup.windowsazure.com"].map(id);
    let current = BTreeMap::from([(apexes[0].clone(), by_hand.clone()), (apexes[1].clone(), old), (id(BLOB), by_hand)]);
    let plan = plan(wanted(&[("a", "x.blob.core.windows.net 10.0.0.1")]), current, 10);
    let changed: Vec<(String, ChangeCounts)> =
        plan.zones.iter().filter(|z| z.needs_writing()).map(|z| (z.id.to_string(), z.counts())).collect();
    assert_eq!(changed.len(), 2);
    assert_eq!((changed[0].0.as_str(), changed[0].1.deleted), ("privatelink.we.backup.windowsazure.com", 1));
    assert_eq!(changed[1].0, QUEUE, "made, so that it is hosted");
}

#[test]
fn a_complete_first_read_that_names_no_endpoint_makes_empty_zones() {
    let plan = plan(wanted(&[("a", "")]), BTreeMap::new(), 10);
    assert!(plan.zones.iter().all(|zone| zone.creates_empty) && plan.zones.len() == 2);
}

#[test]
fn only_the_removals_of_an_empty_list_are_its_doing() {
    let current = managed(&[("mine", "10.0.0.4"), ("theirs", "10.0.0.5")]);
    let provenance = "\nmine\tA\t1\tb\tb.txt\ntheirs\tA\t1\ta\ta.txt\n";
    let current = Current { provenance: ZoneProvenance::parse(provenance), ..current };
    let emptied_by = |text: &str| planned(current.clone(), &[("a", ""), ("b", text)]).zones.remove(0).emptied_by;
    assert!(emptied_by("theirs.blob.core.windows.net 10.0.0.5").is_empty());
    assert_eq!(emptied_by("mine.blob.core.windows.net 10.0.0.4").len(), 1);
}

#[test]
fn owners_are_relative_as_zone_files_show_them() {
    let apex = name(BLOB);
    let mut text = String::new();
    for owner in ["abc", "a.b", "\\*", r"x\.y.z", r"\001"] {
        let owner = name(&format!("{owner}.{BLOB}"));
        let relative = owner.as_wire().strip_suffix(apex.as_wire()).unwrap();
        write_relative(relative, &mut text);
        assert_eq!(text, owner.relative_to(&apex));
    }
    write_relative(&[], &mut text);
    assert_eq!(text, "@");
}
