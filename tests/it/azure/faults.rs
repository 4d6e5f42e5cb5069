//! One read under each fault: what fails says so in one line and writes nothing; what passes is tried again.

use serde_json::{Value, json};

use crate::support::azure::Azure;
use crate::support::azure::estate::Endpoint;
use crate::support::azure::fault::{Act, Fault};
use crate::support::azure::http::Answer;

use super::{BLOB, lists, stage, vault};

/// A read with a fault must fail with this text, and write no list.
#[track_caller]
fn fails(what: &str, said: &str, fault: impl FnOnce(&Azure) -> Fault) {
    let (azure, site) = stage();
    azure.fault(fault(&azure));
    let ran = site.run_with(&azure, "fetch", &[]);
    assert_eq!(ran.code, Some(1), "{what}: {ran:#?}");
    assert!(ran.all().contains(said), "{what}: '{said}' is missing in {ran:#?}");
    assert!(ran.all().lines().count() < 12, "{what}: short, {ran:#?}");
    assert_eq!(lists(&site), "", "{what}");
    azure.kept_its_tokens();
    azure.is_silent_about_secrets(what, &ran.all());
}

/// A change of a network interface.
type Edit = fn(&mut Value);

/// A read with a fault that passes must be complete.
#[track_caller]
fn passes(what: &str, fault: Fault) {
    let (azure, site) = stage();
    azure.fault(fault);
    let ran = site.run_with(&azure, "fetch", &[]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:#?}");
    assert!(lists(&site).contains(BLOB), "{what}: {}", lists(&site));
    azure.kept_its_tokens();
}

const LIST: &str = "/privateEndpoints?";

#[test]
fn a_next_link_to_another_host_a_loop_or_endless_pages_fail_the_read() {
    fails("another host", "next page", |azure| {
        let link = format!("{}/subscriptions?api-version=2023-11-01", azure.elsewhere());
        Fault::edit(LIST, move |body| body["nextLink"] = link.clone().into())
    });
    fails("another scheme", "next page", |azure| {
        let link = format!("{}/subscriptions?api-version=1", azure.arm().replace("https", "http"));
        Fault::edit(LIST, move |body| body["nextLink"] = link.clone().into())
    });
    for trick in ["{arm}@{host}/x", "{arm}.evil.example/x", "//{host}/x", "{arm}:443@{host}/x", "{arm}\\@{host}/x"] {
        fails(trick, "next page", |azure| {
            let host = azure.elsewhere().replace("https://", "");
            let link = trick.replace("{arm}", &azure.arm()).replace("{host}", &host);
            Fault::edit(LIST, move |body| body["nextLink"] = link.clone().into())
        });
    }
    fails("a loop", "no end", |azure| {
        let path = "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Network/privateEndpoints";
        let link = format!("{}{path}?api-version=2023-11-01&$skipToken=0", azure.arm());
        Fault::edit("privateEndpoints?", move |body| body["nextLink"] = link.clone().into())
    });
}

#[test]
fn a_redirect_is_not_followed() {
    fails("a redirect", "redirect", |azure| {
        let answer = Answer::html(302, "moved").with("Location", format!("{}/x", azure.elsewhere()));
        Fault::on(LIST, Act::Say(answer))
    });
    fails("a redirect of IMDS", "307", |azure| {
        let answer = Answer::html(307, "moved").with("Location", format!("{}/x", azure.elsewhere()));
        Fault::on("/oauth2/token", Act::Say(answer))
    });
}

#[test]
fn an_answer_that_is_no_collection_fails_the_read() {
    let answers = [
        ("HTML", Answer::html(200, "<html><head><title>Sign in</title>")),
        ("an empty body", Answer::html(200, "")),
        ("a list", Answer::json(200, &json!([]))),
        ("an object without value", Answer::json(200, &json!({}))),
        ("value null", Answer::json(200, &json!({"value": null}))),
        ("value an object", Answer::json(200, &json!({"value": {}}))),
        ("an error behind 200", Answer::json(200, &json!({"error": {"code": "X", "message": "no"}}))),
        ("204", Answer { status: 204, ..Answer::default() }),
        ("206", Answer::json(206, &json!({"value": []}))),
        ("202", Answer::json(202, &json!({"value": []}))),
    ];
    for (what, answer) in answers {
        fails(what, "", |_| Fault::on(LIST, Act::Say(answer)));
    }
    fails("nested lists", "", |_| {
        let deep = format!("{{\"value\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        Fault::on(LIST, Act::Say(Answer { status: 200, headers: Vec::new(), body: deep.into_bytes() }))
    });
}

#[test]
fn an_error_is_named_with_its_code_and_the_first_line_of_a_gateways_page() {
    fails("400", "InvalidApiVersion", |_| Fault::status(LIST, 400, "InvalidApiVersionParameter"));
    fails("404", "ResourceGroupNotFound", |_| Fault::status(LIST, 404, "ResourceGroupNotFound"));
    fails("a proxy's page", "407", |_| Fault::on(LIST, Act::Say(Answer::html(407, "<h1>Sign in to the proxy</h1>"))));
    fails("control characters", "403", |_| {
        let body = json!({"error": {"code": "X\u{1b}[2J", "message": "a\nb\u{7}\u{202e}"}});
        Fault::on(LIST, Act::Say(Answer::json(403, &body)))
    });
}

#[test]
fn an_interface_that_is_gone_between_list_and_get_or_names_another_endpoint_loses_no_record() {
    let (azure, site) = stage();
    azure
        .world()
        .estate
        .endpoints
        .push(Endpoint::vault("pe-gone").with("x1pod01prot1.blob.core.windows.net", "10.1.0.50"));
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    let before = lists(&site);
    azure.world().estate.endpoint("pe-gone").has_nic = false;
    let ran = site.run_with(&azure, "fetch", &[]);
    // Either the read is incomplete, or the endpoint is listed without names: its records stay in both.
    let after = lists(&site);
    assert!(after == before || after.contains("pe-gone"), "{ran:#?}\n{after}");
}

#[test]
fn whatever_a_field_holds_no_record_is_made_up() {
    let edits: [(&str, Edit); 6] = [
        ("networks for addresses", |nic| nic_addresses(nic, "10.1.0.0/28")),
        ("no address at all", |nic| nic_addresses(nic, "")),
        ("a number for an address", |nic| {
            nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] = 7.into();
        }),
        ("null configurations", |nic| nic["properties"]["ipConfigurations"] = Value::Null),
        ("null properties", |nic| nic["properties"] = Value::Null),
        ("an interface of another endpoint", |nic| nic["properties"]["privateEndpoint"]["id"] = "/other".into()),
    ];
    for (what, edit) in edits {
        let (azure, site) = stage();
        azure.fault(Fault::edit("networkInterfaces", edit));
        let ran = site.run_with(&azure, "fetch", &[]);
        let text = lists(&site);
        assert!(
            !text.contains("address = \"10.1.0.20\"") || what == "a number for an address",
            "{what}: {text}\n{ran:#?}"
        );
        assert!(!text.contains("10.1.0.0"), "{what}: {text}\n{ran:#?}");
        assert!(ran.code == Some(0) || ran.code == Some(1), "{what}: {ran:#?}");
        assert!(!ran.all().contains("panicked"), "{what}: {ran:#?}");
    }
}

fn nic_addresses(nic: &mut Value, address: &str) {
    for configuration in nic["properties"]["ipConfigurations"].as_array_mut().unwrap() {
        configuration["properties"]["privateIPAddress"] = address.into();
    }
}

#[test]
fn null_arrays_and_unknown_keys_are_read() {
    let (azure, site) = stage();
    azure.fault(Fault::edit(LIST, |body| {
        let endpoint = &mut body["value"][0];
        endpoint["properties"]["manualPrivateLinkServiceConnections"] = Value::Null;
        endpoint["properties"]["customDnsConfigs"] = Value::Null;
        endpoint["properties"]["newInNextYearsVersion"] = json!({"a": [1]});
        body["nextLink"] = Value::Null;
    }));
    site.run_with(&azure, "fetch", &[]).expect(0, &[]);
    assert!(lists(&site).contains(BLOB));
}

#[test]
fn an_empty_page_in_the_middle_is_no_end() {
    let azure = Azure::start();
    azure.world().estate.endpoints.extend([Endpoint::vault("pe-0"), Endpoint::vault("pe-1"), vault()]);
    let site = crate::support::site::Site::new().with_azure(&azure, "");
    azure.fault(Fault::edit(LIST, |body| {
        if !body["nextLink"].is_null() {
            body["value"] = json!([]);
        }
    }));
    site.run_with(&azure, "fetch", &[]);
    assert!(lists(&site).contains(BLOB), "{}", lists(&site));
}

#[test]
fn what_passes_is_tried_again() {
    passes("503", Fault::status(LIST, 503, "ServiceUnavailable").times(1));
    passes("429 with a second", {
        let answer = Answer::json(429, &json!({"error": {"code": "TooManyRequests", "message": "slow"}}));
        Fault::on(LIST, Act::Say(answer.with("Retry-After", "1"))).times(1)
    });
    passes("401", Fault::status(LIST, 401, "ExpiredAuthenticationToken").times(1));
    passes("a reset", Fault::on("networkInterfaces", Act::Reset).times(1));
    passes("a cut", Fault::on("networkInterfaces", Act::Cut(10)).times(1));
    passes("IMDS 500", Fault::status("/oauth2/token", 500, "x").times(1));
    passes("IMDS 410", Fault::status("/oauth2/token", 410, "x").times(1));
}

#[test]
fn what_does_not_pass_is_given_up_soon_and_asked_a_few_times_at_most() {
    for (part, status) in [(LIST, 500), (LIST, 401), (LIST, 409), ("networkInterfaces", 502)] {
        let (azure, site) = stage();
        azure.fault(Fault::status(part, status, "Broken"));
        let ran = site.run_with(&azure, "fetch", &[]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.all().contains(&status.to_string()), "{ran:#?}");
        assert!(azure.count(part) <= 4, "{status}: {} requests", azure.count(part));
    }
}

#[test]
fn a_long_retry_after_ends_the_read_instead_of_being_slept_out() {
    for value in ["86400", "99999999999999999999", "Thu, 31 Dec 2099 23:59:59 GMT"] {
        let (azure, site) = stage();
        let answer = Answer::json(429, &json!({"error": {"code": "TooManyRequests", "message": "slow"}}));
        azure.fault(Fault::on(LIST, Act::Say(answer.with("Retry-After", value))));
        let ran = site.run_with(&azure, "fetch", &[]);
        assert_eq!(ran.code, Some(1), "{value}: {ran:#?}");
        assert!(ran.all().contains("429"), "{value}: {ran:#?}");
        assert_eq!(azure.count(LIST), 1, "{value}: asked again before the time was over");
    }
}

#[test]
fn a_body_without_end_is_refused() {
    let (azure, site) = stage();
    azure.fault(Fault::on(
        LIST,
        Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{\"value\":[".to_vec()),
    ));
    let ran = site.run_with(&azure, "fetch", &[]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(lists(&site), "");
}
