//! Machines with an identity of their own.

use std::io::ErrorKind;

use super::super::managed::{Here, here};
use super::*;
use crate::sync::live::outside::{CallError, Road};
use crate::sync::live::tests::with_header;

const KEY: &str = "/var/opt/azcmagent/tokens/1-2.key";

fn kind_of(variables: &[&str], has_himds: bool) -> Here {
    here(&|name| variables.contains(&name).then(|| format!("http://{name}")), has_himds)
}

#[test]
fn the_kind_of_machine_is_found_in_the_order_of_microsofts_libraries() {
    let (endpoint, header) = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER");
    for has_himds in [false, true] {
        let service_fabric = kind_of(&[endpoint, header, "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT"], has_himds);
        assert_eq!(service_fabric, Here::ServiceFabric);
        let app = kind_of(&[endpoint, header, "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"], has_himds);
        assert_eq!(app.kind(), Some(IdentityKind::AppService));
        assert_eq!(kind_of(&["MSI_ENDPOINT", "MSI_SECRET", endpoint], has_himds), Here::MachineLearning);
        let arc = Here::Arc("http://IDENTITY_ENDPOINT".to_owned());
        assert_eq!(kind_of(&[endpoint, "IMDS_ENDPOINT"], has_himds), arc);
    }
    let pod = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
    assert_eq!(
        kind_of(&[pod, "IMDS_ENDPOINT"], true),
        Here::Arc("http://127.0.0.1:40342/metadata/identity/oauth2/token".to_owned())
    );
    assert_eq!(kind_of(&[], false), Here::Vm("http://169.254.169.254".to_owned()));
    assert_eq!(kind_of(&[pod, endpoint, "MSI_ENDPOINT"], false), Here::Vm(format!("http://{pod}")));
}

#[test]
fn what_is_not_ours_is_a_clear_error_and_sends_nothing() {
    for (variables, name) in [
        (["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT"].as_slice(), "Service Fabric"),
        (["MSI_ENDPOINT", "MSI_SECRET"].as_slice(), "Azure Machine Learning"),
    ] {
        let world = Script::default();
        for name in variables {
            world.set(name, "x");
        }
        let mut tokens = managed();
        let error = tokens.get(&world).unwrap_err();
        assert!(error.text.contains(name) && !error.is_passing, "{error}");
        assert_eq!((world.sent().len(), tokens.kind()), (0, None));
    }
}

#[test]
fn a_vm_asks_its_metadata_service() {
    let world = Script::default();
    world.answer("169.254.169.254", Ok(token("a.b.c", 86_399)));
    let mut tokens = managed();
    assert_eq!(text(tokens.get(&world)), "a.b.c");
    let [sent] = &world.sent()[..] else { panic!() };
    assert_eq!(
        sent.url,
        "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    );
    assert_eq!((sent.road, sent.header("Metadata"), sent.form.as_deref()), (Road::Local, Some("true"), None));
    assert_eq!(tokens.kind(), Some(IdentityKind::Vm));
    assert_eq!(tokens.expires(), Some(BEGIN + 86_399));
}

#[test]
fn the_metadata_service_may_be_elsewhere_but_only_over_plain_http() {
    let world = Script::default();
    world.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:81/").serve(|_| Some(Ok(token("a", 3600))));
    assert_eq!(text(managed().get(&world)), "a");
    assert!(world.sent()[0].url.starts_with("http://127.0.0.1:81/metadata/identity/oauth2/token?"));
    for wrong in
        ["https://127.0.0.1", "127.0.0.1:81", "file:///etc/passwd", "http://", "http:///x", "http://a b", "http://a#"]
    {
        world.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", wrong);
        let text = text(managed().get(&world));
        assert!(text.contains("is no address of an identity endpoint"), "{wrong}: {text}");
    }
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_user_assigned_identity_is_named_as_each_place_wants_it() {
    let id = "/subscriptions/1/x y&z";
    for (variables, resource) in
        [([].as_slice(), "msi_res_id"), (["IDENTITY_ENDPOINT", "IDENTITY_HEADER"].as_slice(), "mi_res_id")]
    {
        let ids = [
            (UserAssigned::ClientId(APP.to_owned()), "client_id", APP),
            (UserAssigned::ObjectId(APP.to_owned()), "object_id", APP),
            (UserAssigned::ResourceId(id.to_owned()), resource, id),
        ];
        for (who, name, value) in ids {
            let world = Script::default();
            for name in variables {
                world.set(name, "http://127.0.0.1:41/msi/token");
            }
            world.serve(|_| Some(Ok(token("a", 3600))));
            tokens(Identity::Managed(Some(who))).get(&world).unwrap();
            assert_eq!(world.sent()[0].field(name).as_deref(), Some(value));
            assert_eq!(world.sent()[0].url.matches("_id=").count(), 1);
        }
    }
}

#[test]
fn an_endpoint_that_is_being_updated_is_asked_for_seventy_seconds() {
    let world = Script::default();
    world.serve(|sent| Some(Ok(if sent.at.as_secs() < 70 { reply(410, "") } else { token("late", 3600) })));
    assert_eq!(text(managed().get(&world)), "late");
    assert!(world.sent().len() <= 9, "{:?}", world.waits());

    let world = Script::default();
    world.serve(|_| Some(Ok(reply(410, ""))));
    let error = managed().get(&world).unwrap_err();
    assert!(error.is_passing && error.text.contains("status 410; it is asked again"), "{error}");
    assert!((70..90).contains(&world.elapsed().as_secs()), "{:?}", world.waits());
}

#[test]
fn a_busy_endpoint_is_asked_again_after_at_least_a_second_and_for_half_a_minute() {
    for status in [404, 429, 500, 503] {
        let world = Script::default();
        world.answer("169.254", Ok(reply(status, ""))).answer("169.254", Ok(reply(status, "<html>")));
        world.answer("169.254", Ok(token("a", 3600)));
        assert_eq!(text(managed().get(&world)), "a");
        assert_eq!(world.waits().len(), 2);
        assert!(world.waits().iter().all(|wait| wait.as_secs() >= 1), "{:?}", world.waits());

        let world = Script::default();
        world.serve(move |_| Some(Ok(reply(status, ""))));
        assert!(managed().get(&world).unwrap_err().is_passing);
        assert!((10..=30).contains(&world.elapsed().as_secs()), "{:?}", world.waits());
    }
}

#[test]
fn a_place_that_asks_for_more_time_than_a_read_has_is_left_alone_until_then() {
    let world = Script::default();
    world
        .answer("169.254", Ok(with_header(reply(429, ""), "retry-after", "120")))
        .serve(|_| Some(Ok(token("a", 3600))));
    let mut tokens = managed();
    assert_eq!(tokens.get(&world).unwrap_err().retry_after, Some(Duration::from_mins(2)));
    world.pass(Duration::from_secs(119));
    assert_eq!(tokens.get(&world).unwrap_err().retry_after, Some(Duration::from_secs(1)));
    assert_eq!(world.sent().len(), 1, "nothing is asked meanwhile");
    world.pass(Duration::from_secs(1));
    assert_eq!(text(tokens.get(&world)), "a");
}

#[test]
fn where_nobody_answers_there_are_three_tries_and_the_next_read_tries_again() {
    let world = Script::default();
    (0..3).for_each(|_| {
        world.answer("169.254", Err(CallError::TimedOut(Duration::from_secs(10))));
    });
    let mut tokens = managed();
    let error = tokens.get(&world).unwrap_err();
    assert!(
        error.is_passing && error.text.contains("no answer within 10s") && error.text.contains("Azure VM"),
        "{error}"
    );
    assert_eq!(world.sent().len(), 3);
    world.serve(|_| Some(Ok(token("a", 3600))));
    assert_eq!(text(tokens.get(&world)), "a");
}

#[test]
fn a_wrong_request_is_not_repeated_at_once_but_is_asked_at_the_next_read() {
    let world = Script::default();
    let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    world.answer("169.254", Ok(reply(400, body))).serve(|_| Some(Ok(token("a", 3600))));
    let mut tokens = managed();
    let error = tokens.get(&world).unwrap_err();
    assert!(
        error.text.contains("status 400: invalid_request: Identity not found; this VM needs an identity"),
        "{error}"
    );
    assert_eq!(world.sent().len(), 1);
    assert_eq!(text(tokens.get(&world)), "a", "it was assigned a moment ago");
}

#[test]
fn a_source_that_ends_waits_for_nothing() {
    let world = Script::default();
    world.serve(|_| Some(Ok(reply(503, "")))).end();
    assert!(text(managed().get(&world)).contains("the source ends"));
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn app_service_gets_its_header_and_says_when_its_token_ends() {
    let world = Script::default();
    world.set("IDENTITY_ENDPOINT", "http://127.0.0.1:41/msi/token?x=1").set("IDENTITY_HEADER", "h-secret");
    let body = format!(r#"{{"access_token":"a","expires_on":"{}","resource":"r","client_id":"c"}}"#, BEGIN + 7000);
    world.answer("/msi/token", Ok(reply(200, body)));
    let mut tokens = managed();
    assert_eq!(text(tokens.get(&world)), "a");
    let sent = &world.sent()[0];
    assert_eq!((sent.header("X-IDENTITY-HEADER"), sent.header("Metadata")), (Some("h-secret"), Some("true")));
    assert!(sent.url.starts_with("http://127.0.0.1:41/msi/token?x=1&api-version=2019-08-01&resource="), "{}", sent.url);
    assert_eq!((tokens.kind(), tokens.expires()), (Some(IdentityKind::AppService), Some(BEGIN + 7000)));
}

/// A world with an agent that asks for this key.
fn arc(realm: &str) -> Script {
    let world = Script::default();
    let challenge = with_header(reply(401, ""), "www-authenticate", &format!("Basic realm={realm}"));
    world.file(HIMDS, "", 0o755).serve(move |sent| {
        let answer = match sent.header("Authorization") {
            Some("Basic the key") => token("arc", 86_400),
            _ => challenge.clone(),
        };
        sent.url.starts_with("http://127.0.0.1:40342/").then_some(Ok(answer))
    });
    world
}

#[test]
fn the_agent_of_arc_gets_the_content_of_its_key_as_it_is() {
    let world = arc(KEY);
    world.file(KEY, "the key", 0o640);
    let mut tokens = managed();
    assert_eq!((text(tokens.get(&world)).as_str(), tokens.kind()), ("arc", Some(IdentityKind::Arc)));
    let sent = world.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sent| sent.road == Road::Local && sent.header("Metadata") == Some("true")));
    assert_eq!(sent[0].url, sent[1].url);
    assert_eq!(sent[0].field("api-version").as_deref(), Some("2020-06-01"));
}

#[test]
fn a_key_outside_the_folder_of_the_agent_is_never_read() {
    for path in ["/etc/shadow", "/etc/x.key", "/var/opt/azcmagent/tokens/../x.key", "/var/opt/azcmagent/tokens/x/1.key"]
    {
        let world = arc(path);
        world.file(path, "the key", 0o644).file("/var/opt/azcmagent/tokens/x.key", "the key", 0o644);
        let error = managed().get(&world).unwrap_err();
        assert!(error.text.contains("outside /var/opt/azcmagent/tokens; nothing was sent"), "{path}: {error}");
        assert_eq!(world.sent().len(), 1);
    }
}

#[test]
fn a_key_that_cannot_be_read_says_why_without_its_name_that_differs_each_time() {
    for (why, says) in [
        (ErrorKind::PermissionDenied, "SupplementaryGroups=himds"),
        (ErrorKind::NotFound, "is not there"),
        (ErrorKind::InvalidInput, "cannot be read"),
    ] {
        let world = arc(KEY);
        world.unreadable(KEY, why);
        let error = managed().get(&world).unwrap_err();
        assert!(error.text.contains(says) && !error.text.contains("1-2"), "{error}");
        assert_eq!(error.trace, [("key_file", "1-2.key".to_owned())]);
    }
    for junk in [vec![b'k'; 4097], Vec::new(), b"a\r\nHost: x".to_vec(), vec![0xff], b"\n".to_vec()] {
        let world = arc(KEY);
        world.file(KEY, &junk, 0o640);
        let text = text(managed().get(&world));
        assert!(text.contains("key"), "{text}");
        assert_eq!(world.sent().len(), 1, "nothing of it is sent");
    }
}

#[test]
fn a_key_that_is_a_symbolic_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("shadow"), folder.path().join("1.key"));
    std::fs::write(&target, "x").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    assert!(crate::files::read_itself(&link, 10).is_err());
    assert_eq!(crate::files::read_itself(&target, 10).unwrap().0, b"x");
    assert_eq!(crate::files::read(&link, 10).unwrap().0, b"x");
}

#[test]
fn a_second_challenge_ends_it() {
    let world = arc(KEY);
    world.file(KEY, "another key", 0o640);
    let error = managed().get(&world).unwrap_err();
    assert!(error.text.contains("did not take the key"), "{error}");
    assert_eq!((world.sent().len(), world.waits().len()), (2, 0));
}

#[test]
fn a_token_without_a_challenge_is_not_from_the_agent() {
    let world = Script::default();
    world.file(HIMDS, "", 0o755).serve(|_| Some(Ok(token("forged", 3600))));
    assert!(text(managed().get(&world)).contains("without a challenge"));
    let world = Script::default();
    world.file(HIMDS, "", 0o755).serve(|_| Some(Ok(reply(401, ""))));
    assert!(text(managed().get(&world)).contains("does not say which"));
}

#[test]
fn an_agent_that_does_not_confirm_a_user_assigned_identity_gave_the_machines_own() {
    let who = || Identity::Managed(Some(UserAssigned::ClientId(APP.to_owned())));
    for (echo, is_fine) in [
        (format!(r#","client_id":"{}""#, APP.to_uppercase()), true),
        (r#","client_id":"bbbbbbbb-0000-0000-0000-000000000001""#.to_owned(), false),
        (format!(r#","object_id":"{APP}""#), false),
        (r#","client_id":7"#.to_owned(), false),
        (String::new(), false),
    ] {
        let world = arc(KEY);
        world.file(KEY, "my key", 0o640);
        let body = format!(r#"{{"access_token":"arc","expires_in":3600{echo}}}"#);
        world.answer("40342", Ok(with_header(reply(401, ""), "www-authenticate", &format!("Basic realm={KEY}"))));
        world.answer("40342", Ok(reply(200, body)));
        let text = text(tokens(who()).get(&world));
        assert_eq!(text == "arc", is_fine, "{echo}: {text}");
        assert!(is_fine || text.contains("did not confirm"), "{text}");
    }
}
