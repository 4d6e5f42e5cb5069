//! Tests of whole reads: what is asked, written and said.

mod estate;
mod polls;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::super::settings::{Identity, Selection, ViewNetworks};
use super::super::tests::{Script, Sent, reply, with_header};
use super::*;
use crate::diag::Id;

const SUBSCRIPTION: &str = "/subscriptions/11111111-2222-3333-4444-555555555555";
const VAULTS: &str = "/subscriptions/x/resourceGroups/y/providers/Microsoft.RecoveryServices/vaults/v";

fn group(name: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/{name}")
}

/// An approved endpoint of a group, and its interface with one name.
fn endpoint(group_name: &str, number: usize) -> (Value, Value) {
    let id = |kind: &str| format!("{}/providers/Microsoft.Network/{kind}/pe-{number}", group(group_name));
    let connection = json!({"properties": {"privateLinkServiceId": VAULTS, "groupIds": ["AzureBackup"],
        "privateLinkServiceConnectionState": {"status": "Approved"}}});
    let endpoint = json!({"id": id("privateEndpoints"), "name": format!("pe-{number}"), "properties": {
        "provisioningState": "Succeeded", "privateLinkServiceConnections": [connection],
        "networkInterfaces": [{"id": id("networkInterfaces")}]}});
    let name = format!("{number}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com");
    let nic = json!({"id": id("networkInterfaces"), "properties": {"privateEndpoint": {"id": id("privateEndpoints")},
        "ipConfigurations": [{"properties": {"privateIPAddress": format!("10.1.0.{number}"),
            "privateLinkConnectionProperties": {"fqdns": [name]}}}]}});
    (endpoint, nic)
}

/// Serves a group with this many endpoints, by lists and one by one, and the token of its reader.
fn serve(script: &Script, group_name: &'static str, count: usize) {
    script.file("/secret", "secret", 0o100_600);
    script.serve(move |sent: &Sent| {
        if sent.url.contains("/oauth2/") {
            let body = json!({"access_token": "the-token", "expires_in": 3599, "token_type": "Bearer"});
            return Some(Ok(reply(200, body.to_string())));
        }
        let all: Vec<(Value, Value)> = (1..=count).map(|number| endpoint(group_name, number)).collect();
        let path = sent.url.strip_prefix("https://arm.example")?.split('?').next()?;
        let value: Vec<&Value> = match path.strip_prefix(group(group_name).as_str())? {
            "/providers/Microsoft.Network/privateEndpoints" => all.iter().map(|(endpoint, _)| endpoint).collect(),
            "/providers/Microsoft.Network/networkInterfaces" => all.iter().map(|(_, nic)| nic).collect(),
            _ => return Some(Ok(reply(200, all.iter().find(|(_, nic)| nic["id"] == path)?.1.to_string()))),
        };
        Some(Ok(reply(200, json!({ "value": value }).to_string())))
    });
}

fn source(script: &Arc<Script>, folder: &Path, scopes: &[String]) -> Source {
    let settings = Settings {
        name: "vault".to_owned(),
        scopes: scopes.iter().map(|text| text.parse().unwrap()).collect(),
        select: Selection::default(),
        interval: Duration::from_mins(1),
        identity: Identity::Secret {
            client_id: "aaaaaaaa-0000-0000-0000-000000000001".to_owned(),
            tenant: "99999999-8888-7777-6666-555555555555".to_owned(),
            file: "/secret".into(),
        },
        arm: "https://arm.example".to_owned(),
        authority: "https://entra.example".to_owned(),
        audience: "https://arm.example/".to_owned(),
        folder: folder.join("state/azure/vault"),
        views: Vec::new(),
    };
    Source::new(settings, Arc::clone(script) as Arc<dyn Outside>)
}

fn ids(findings: &[Finding]) -> Vec<Id> {
    findings.iter().map(|found| found.diagnostic.id).collect()
}

/// The paths that ARM was asked for.
fn asked(script: &Script) -> Vec<String> {
    let path = |sent: Sent| Some(sent.url.strip_prefix("https://arm.example")?.split('?').next()?.to_owned());
    script.sent().into_iter().filter_map(path).collect()
}

#[test]
fn a_read_writes_a_list_for_each_scope_once_for_the_service_alone() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 1);
    let mut source = source(&script, folder.path(), &[group("rg")]);
    let first = source.fetch();
    assert!(first.changed && first.findings.is_empty(), "{:?}", first.findings);
    assert_eq!(first.next, Next::Soon(WAVE), "changes come in waves");
    let path = source.settings.list_path(&source.settings.scopes[0]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("address = \"10.1.0.1\"") && text.contains("private_endpoint = \"rg/pe-1\""), "{text}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&source.settings.folder)), (0o600, 0o700));
    script.pass(WAVE_LASTS);
    let second = source.fetch();
    assert_eq!((second.changed, second.next), (false, Next::Usual));
    let report = source.report();
    assert_eq!((report.reads, report.requests, report.last.requests), ((2, 0), 4, 2));
    assert_eq!((report.scopes[0].names, report.scopes[0].endpoints), (1, 1));
}

#[test]
fn an_endpoint_that_says_for_ever_that_it_is_changing_is_looked_at_as_usual_in_the_end() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    script.file("/secret", "secret", 0o100_600);
    let (mut changing, nic) = endpoint("rg", 1);
    changing["properties"]["provisioningState"] = json!("Updating");
    script.serve(move |sent: &Sent| {
        let body = match sent.url.as_str() {
            url if url.contains("/oauth2/") => {
                json!({"access_token": "t", "expires_in": 86399, "token_type": "Bearer"})
            }
            url if url.contains("/privateEndpoints") => json!({ "value": [changing] }),
            _ => nic.clone(),
        };
        Some(Ok(reply(200, body.to_string())))
    });
    let mut source = source(&script, folder.path(), &[group("rg")]);
    let first = source.fetch();
    assert_eq!(first.next, Next::Soon(SETTLING), "{:?} {:?} {:?}", first, source.report(), asked(&script));
    script.pass(SETTLING_LASTS / 2);
    assert_eq!(source.fetch().next, Next::Soon(SETTLING));
    script.pass(SETTLING_LASTS / 2);
    assert_eq!(source.fetch().next, Next::Usual);
}

#[test]
fn interfaces_are_read_by_as_few_requests_as_they_need_whichever_scopes_have_them() {
    for (count, requests) in [(0, 1), (4, 5), (5, 2), (50, 2)] {
        let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
        serve(&script, "rg", count);
        let scopes = [group("rg")];
        source(&script, folder.path(), &scopes).fetch();
        assert_eq!(asked(&script).len(), requests, "{:?}", asked(&script));
    }
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 5);
    let whole = asked_for_subscription(&script);
    source(&script, folder.path(), &[group("rg"), whole]).fetch();
    let interfaces = asked(&script).into_iter().filter(|path| path.ends_with("/networkInterfaces")).count();
    assert_eq!(interfaces, 1, "both scopes have the same endpoints: {:?}", asked(&script));
}

/// Has the subscription name the endpoints of the group `rg`.
fn asked_for_subscription(script: &Script) -> String {
    script.serve(|sent| {
        let all: Vec<Value> = (1..=5).map(|number| endpoint("rg", number).0).collect();
        let is = sent.url.contains("555555555555/providers/Microsoft.Network/privateEndpoints");
        is.then(|| Ok(reply(200, json!({ "value": all }).to_string())))
    });
    SUBSCRIPTION.to_owned()
}

#[test]
fn a_forbidden_scope_keeps_its_list_and_the_others_go_on() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "good", 1);
    let scopes = [group("bad"), group("good")];
    script.serve(|_| Some(Ok(reply(403, r#"{"error":{"code":"AuthorizationFailed"}}"#))));
    let mut source = source(&script, folder.path(), &scopes);
    let fetched = source.fetch();
    assert_eq!((fetched.changed, ids(&fetched.findings)), (true, vec![Id::AZURE_FORBIDDEN]));
    let text = fetched.findings[0].diagnostic.to_string();
    assert!(text.starts_with(&format!("source 'vault': {}: 403 AuthorizationFailed:", scopes[0])), "{text}");
    assert!(text.contains("may not Microsoft.Network/privateEndpoints/read here"), "{text}");
    assert!(text.ends_with("nothing of it is published yet"), "{text}");
    assert_eq!(source.report().scopes.iter().map(|scope| scope.problems.len()).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(source.report().reads, (0, 1));
}

#[test]
fn scopes_that_fail_alike_are_said_once_with_their_number() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "other", 0);
    let fetched = source(&script, folder.path(), &[group("a"), group("b"), group("c")]).fetch();
    assert_eq!((ids(&fetched.findings), fetched.next), (vec![Id::AZURE_UNREACHABLE], Next::Failed));
    let text = fetched.findings[0].diagnostic.to_string();
    assert!(text.contains("/a and 2 other scopes: nobody is there"), "{text}");
}

#[test]
fn an_emptiness_after_something_changes_nothing_until_the_list_is_deleted() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 1);
    let mut source = source(&script, folder.path(), &[group("rg")]);
    source.fetch();
    let path = source.settings.list_path(&source.settings.scopes[0]);
    let before = fs::read(&path).unwrap();
    for turn in 0..2 {
        script.answer("/privateEndpoints", Ok(reply(200, r#"{"value":[]}"#)));
        let fetched = source.fetch();
        assert_eq!((fetched.changed, ids(&fetched.findings)), (false, vec![Id::AZURE_EMPTY]), "{turn}");
        assert!(fetched.findings[0].diagnostic.text.contains("delete "), "{}", fetched.findings[0].diagnostic);
        assert_eq!(fs::read(&path).unwrap(), before);
        assert_eq!(source.report().scopes[0].problems.len(), 1);
    }
    fs::remove_file(&path).unwrap();
    script.answer("/privateEndpoints", Ok(reply(200, r#"{"value":[]}"#)));
    assert!(source.fetch().changed, "a first read without endpoints is a good list");
    assert!(fs::read_to_string(&path).unwrap().contains("endpoint = []"));
}

#[test]
fn without_a_token_every_list_stays_and_that_is_said_once() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    script.file("/secret", "secret", 0o100_600);
    let mut source = source(&script, folder.path(), &[group("a"), group("b")]);
    let fetched = source.fetch();
    assert_eq!(ids(&fetched.findings), [Id::AZURE_NO_TOKEN]);
    assert_eq!((fetched.changed, fetched.next), (false, Next::Failed));
    assert!(asked(&script).is_empty());
    assert_eq!(source.report().problems.len(), 1);
    assert_eq!(ids(&source.test()), [Id::AZURE_NO_TOKEN]);
}

#[test]
fn azure_says_when_to_come_again() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 1);
    let mut source = source(&script, folder.path(), &[group("rg")]);
    script.answer("/privateEndpoints", Ok(with_header(reply(429, ""), "retry-after", "300")));
    let fetched = source.fetch();
    assert_eq!(ids(&fetched.findings), [Id::AZURE_THROTTLED]);
    assert_eq!(fetched.next, Next::NotBefore(Duration::from_mins(5)));
    script.pass(Duration::from_mins(4));
    assert_eq!(source.fetch().next, Next::NotBefore(Duration::from_mins(1)));
    assert_eq!(asked(&script).len(), 1, "asked before, it would begin anew");
    script.pass(Duration::from_mins(1));
    assert!(source.fetch().changed);
}

#[test]
fn lists_of_scopes_that_are_gone_from_the_config_go_and_other_files_stay() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "a", 1);
    serve(&script, "b", 1);
    let mut both = source(&script, folder.path(), &[group("a"), group("b")]);
    both.fetch();
    fs::write(both.settings.folder.join("notes.txt"), "mine").unwrap();
    let mut one = source(&script, folder.path(), &[group("b")]);
    assert!(one.report().scopes[0].last_complete.is_some(), "its age is known after a restart");
    assert!(one.fetch().changed);
    let names = fs::read_dir(&one.settings.folder).unwrap().map(|entry| entry.unwrap().path());
    let lists: Vec<_> = names.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    assert_eq!(lists, [one.settings.list_path(&one.settings.scopes[0])]);
    assert!(one.settings.folder.join("notes.txt").exists());
}

#[test]
fn reading_and_testing_write_nothing_and_name_the_right_that_is_missing() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 0);
    let mut source = source(&script, folder.path(), &[group("rg")]);
    assert!(source.read()[0].lists.as_ref().is_some_and(|texts| texts[0].contains("endpoint = []")));
    assert!(source.test().is_empty());
    script.answer("/networkInterfaces", Ok(reply(403, r#"{"error":{"code":"AuthorizationFailed"}}"#)));
    let found = source.test();
    assert_eq!(ids(&found), [Id::AZURE_FORBIDDEN]);
    assert!(found[0].diagnostic.text.contains("may not Microsoft.Network/networkInterfaces/read"), "{:?}", found[0]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_source_that_ends_writes_nothing() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 1);
    script.end();
    let fetched = source(&script, folder.path(), &[group("rg")]).fetch();
    assert!(!fetched.changed && fetched.findings.is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The source of the other tests, with the endpoints of a virtual network in a view.
fn source_with_view(script: &Arc<Script>, folder: &Path) -> Source {
    let networks =
        vec![super::super::ids::key(&format!("{}/providers/Microsoft.Network/virtualNetworks/b", group("rg")))];
    let views = vec![ViewNetworks { view: "spoke-b".parse().unwrap(), networks }];
    let settings = Settings { views, ..(*source(script, folder, &[group("rg")]).settings).clone() };
    Source::new(settings, Arc::clone(script) as Arc<dyn Outside>)
}

/// What the lists of the view and of the base have: the last part of each address.
fn listed(source: &Source) -> Vec<String> {
    let read = |(_, path): (_, std::path::PathBuf)| {
        let text = fs::read_to_string(path).unwrap();
        let addresses = text.lines().filter_map(|line| line.strip_prefix("address = \"10.1.0."));
        addresses.map(|rest| rest.trim_end_matches('"')).collect::<Vec<_>>().join(" ")
    };
    source.settings.lists(&source.settings.scopes[0]).map(read).collect()
}

#[test]
fn endpoints_of_a_views_networks_are_in_its_list_alone_and_move_with_their_subnet() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 2);
    let mut source = source_with_view(&script, folder.path());
    source.fetch();
    assert_eq!(listed(&source), ["", "1 2"], "Azure does not say in which subnet they are");
    let in_vnet = |vnets: &[&str]| {
        let all = vnets.iter().zip(1..).map(|(vnet, number)| {
            let (mut endpoint, _) = endpoint("rg", number);
            let subnet = format!("{}/providers/Microsoft.Network/virtualNetworks/{vnet}/subnets/s", group("rg"));
            endpoint["properties"]["subnet"] = json!({"id": subnet});
            endpoint
        });
        reply(200, json!({"value": all.collect::<Vec<_>>()}).to_string())
    };
    for (vnets, expected) in [(["a", "B"], ["2", "1"]), (["b", "a"], ["1", "2"]), (["b", "b"], ["1 2", ""])] {
        script.answer("/privateEndpoints", Ok(in_vnet(&vnets)));
        let fetched = source.fetch();
        assert!(fetched.changed && fetched.findings.is_empty(), "{:?}", fetched.findings);
        assert_eq!(listed(&source), expected, "{vnets:?}");
        let report = &source.report().scopes[0];
        assert_eq!((report.endpoints, report.names, report.problems.len()), (2, 2, 0));
    }
}

#[test]
fn a_read_that_failed_or_is_suddenly_empty_leaves_the_lists_of_views_as_they_are() {
    let (folder, script) = (tempfile::tempdir().unwrap(), Arc::new(Script::default()));
    serve(&script, "rg", 1);
    let mut source = source_with_view(&script, folder.path());
    let (mut one, _) = endpoint("rg", 1);
    one["properties"]["subnet"] =
        json!({"id": format!("{}/providers/Microsoft.Network/virtualNetworks/b/subnets/s", group("rg"))});
    script.answer("/privateEndpoints", Ok(reply(200, json!({ "value": [one] }).to_string())));
    source.fetch();
    assert_eq!(listed(&source), ["1", ""]);
    for (answer, id) in [
        (reply(403, r#"{"error":{"code":"AuthorizationFailed"}}"#), Id::AZURE_FORBIDDEN),
        (reply(200, r#"{"value":[]}"#), Id::AZURE_EMPTY),
    ] {
        script.answer("/privateEndpoints", Ok(answer));
        let fetched = source.fetch();
        assert_eq!((fetched.changed, ids(&fetched.findings)), (false, vec![id]));
        assert_eq!(listed(&source), ["1", ""]);
    }
    let mut without = super::tests::source(&script, folder.path(), &[group("rg")]);
    assert!(without.fetch().changed, "the list of a view that the config does not name any more goes");
    assert_eq!(listed(&without), ["1"]);
}
