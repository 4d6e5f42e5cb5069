//! No secret is in anything that is shown, whatever the places say.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::sync::live::outside::{CallError, Request, Road};
use crate::sync::live::tests::with_header;

const FILE: &str = "/s";
const SECRETS: [&str; 4] = ["s3cr3t+v&lue", "the-key-of-himds", "he4der-secret", "fed.erat.ed"];
const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJvaWQiOiJvLTEifQ.c2lnbmF0dXJl";

fn identities() -> Vec<Identity> {
    let (client_id, tenant) = (APP.to_owned(), TENANT.to_owned());
    vec![
        Identity::Managed(None),
        Identity::Managed(Some(UserAssigned::ClientId(APP.to_owned()))),
        Identity::Secret { client_id: client_id.clone(), tenant: tenant.clone(), file: FILE.into() },
        Identity::Certificate { client_id, tenant, file: "/c".into() },
        Identity::Workload { client_id: None, tenant: None },
        Identity::Cli,
    ]
}

/// What stands in a reply for the secret of the request, as it is and encoded.
const ECHOES: [&str; 2] = ["{S}", "{E}"];

/// Bodies that hold tokens and secrets, in all kinds of places.
fn body() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![ECHOES[0], ECHOES[1], TOKEN, "a", ""]);
    let key = proptest::sample::select(vec![
        "access_token",
        "accessToken",
        "error",
        "error_description",
        "message",
        "code",
        "trace_id",
        "correlation_id",
        "timestamp",
        "client_id",
        "expires_in",
        "expires_on",
        "token_type",
    ]);
    let texts = (word.clone(), word, any::<bool>()).prop_map(|(one, other, spaced)| {
        if spaced { format!("AADSTS7000215: {one} was sent. Not {other}") } else { format!("{one}{other}") }
    });
    let object = proptest::collection::vec((key, texts.clone()), 0..6).prop_map(|pairs| {
        let pairs: serde_json::Map<_, _> = pairs.into_iter().map(|(key, text)| (key.to_owned(), text.into())).collect();
        serde_json::Value::Object(pairs).to_string()
    });
    prop_oneof![object, texts, Just(format!(r#"{{"access_token":"{TOKEN}","expires_in":"7200"}}"#))]
}

fn answer() -> impl Strategy<Value = Result<Reply, CallError>> {
    let status = proptest::sample::select(vec![200, 200, 400, 401, 404, 410, 429, 500, 302]);
    let header = proptest::sample::select(vec![ECHOES[0], ECHOES[1], "7"]);
    let said = (status, body(), header).prop_map(|(status, body, word)| {
        let reply = with_header(reply(status, body), "x-ms-request-id", word);
        let realm = "Basic realm=/var/opt/azcmagent/tokens/1.key";
        Ok(with_header(with_header(reply, "retry-after", word), "www-authenticate", realm))
    });
    prop_oneof![8 => said, 1 => Just(Err(CallError::TimedOut(Duration::from_secs(10))))]
}

/// A machine of any kind, whose every place answers as the script says.
fn machine(kind: usize, answers: Vec<Result<Reply, CallError>>) -> Script {
    let world = Script::default();
    match kind {
        0 => drop(world.file(HIMDS, "", 0o755)),
        1 => drop(world.set("IDENTITY_ENDPOINT", "http://127.0.0.1/t").set("IDENTITY_HEADER", SECRETS[2])),
        _ => {}
    }
    world.set("AZURE_CLIENT_ID", APP).set("AZURE_TENANT_ID", TENANT).set("AZURE_FEDERATED_TOKEN_FILE", "/f");
    world.file(FILE, SECRETS[0], 0o600).file("/f", SECRETS[3], 0o600);
    world.file("/var/opt/azcmagent/tokens/1.key", SECRETS[1], 0o640);
    world.file("/c", include_str!("../../../../../tests/data/azure/client-rsa.pem"), 0o600);
    world.program("az", Err(&format!("it failed with {TOKEN}")));
    let mut answers = answers.into_iter().cycle();
    world.serve(move |sent| Some(answers.next()?.map(|reply| echoed(reply, sent))));
    world
}

/// A reply that holds the secret of its request.
fn echoed(reply: Reply, sent: &Sent) -> Reply {
    let header = ["Authorization", "X-IDENTITY-HEADER"].into_iter().find_map(|name| sent.header(name));
    let of_form = || sent.field("client_secret").or_else(|| sent.field("client_assertion"));
    let secret = header.map(|value| value.trim_start_matches("Basic ").to_owned()).or_else(of_form).unwrap_or_default();
    let encoded = super::super::wording::encoded(&secret);
    let fill = |text: &str| text.replace(ECHOES[0], &secret).replace(ECHOES[1], &encoded);
    let body = std::str::from_utf8(&reply.body).map_or(reply.body.clone(), |body| fill(body).into_bytes());
    let headers = reply.headers.into_iter().map(|(name, value)| (name, fill(&value))).collect();
    Reply { status: reply.status, headers, body }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_that_is_shown_holds_a_secret(
        who in 0..6_usize,
        kind in 0..3_usize,
        answers in proptest::collection::vec(answer(), 1..6),
        steps in proptest::collection::vec((0..90_000_u64, any::<bool>()), 1..5),
    ) {
        let world = machine(kind, answers);
        let mut tokens = tokens(identities().swap_remove(who));
        let mut shown = String::new();
        for (seconds, rejects) in steps {
            let got = tokens.get(&world);
            if let Err(error) = &got {
                write!(shown, "{error} {:?} {}", error.trace, error.text).unwrap();
            }
            write!(shown, "{got:?} {tokens:?} {:?} {:?} {:?}", tokens.holder(), tokens.trouble(), tokens.kind()).unwrap();
            if rejects {
                tokens.reject();
            }
            world.pass(Duration::from_secs(seconds));
        }
        for secret in SECRETS.iter().copied().chain([TOKEN, &TOKEN[20..40], "s3cr3t%2Bv%26lue"]) {
            prop_assert!(!shown.contains(secret), "{secret}: {shown}");
        }
        // Whatever the answers: a read of a source ends.
        prop_assert!(world.waits().iter().sum::<Duration>() < Duration::from_mins(8));
    }
}

#[test]
fn requests_and_replies_show_neither_headers_nor_bodies() {
    let secret = || Secret::new("geheim".to_owned());
    let headers = vec![("Authorization", secret())];
    let request = Request { road: Road::Cloud, url: "https://x", headers, form: Some(secret()), max_body: 1 };
    let replies = with_header(reply(200, "geheim"), "x", "geheim");
    let token = Token { text: secret(), life: Duration::ZERO };
    let shown = format!("{request:?} {replies:?} {:?} {token:?}", Ok::<_, CallError>(replies.clone()));
    assert!(!shown.contains("geheim") && !shown.contains("103, 101"), "{shown}");
}

/// A text of pieces that mean something here, and of any characters.
fn pieces() -> impl Strategy<Value = String> {
    let known = vec![
        "Basic",
        "basic ",
        " ",
        "realm",
        "REALM",
        "=",
        "\"",
        "/var/opt/azcmagent/tokens",
        "/",
        "..",
        "a",
        ".key",
        ",",
        "{",
        "}",
        "[",
        "]",
        ":",
        "\"access_token\"",
        "\"a.b.c\"",
        "\"expires_in\"",
        "\"expires_on\"",
        "\"error\"",
        "\"AADSTS\"",
        "\"error_codes\"",
        "\"error_description\"",
        "1e999",
        "-1",
        "18446744073709551616",
        "null",
        "\u{feff}",
        "\0",
        "\r\n",
    ];
    let piece = prop_oneof![9 => proptest::sample::select(known).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_challenge_of_any_form_names_a_key_of_the_agent_or_nothing(text in pieces()) {
        for text in [text.clone(), format!("Basic realm=/var/opt/azcmagent/tokens/{text}")] {
            if let Ok(name) = himds::key_name(&text) {
                prop_assert!(text.contains(&format!("/var/opt/azcmagent/tokens/{name}")), "{name}");
                prop_assert!(name.strip_suffix(".key").is_some() && !name.contains(['/', '\0', '\\']) && !name.starts_with('.'));
            }
        }
    }

    #[test]
    fn a_reply_of_any_form_is_a_token_that_a_header_may_have_or_an_error_of_one_line(
        body in prop_oneof![pieces().prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..64)],
        status in proptest::sample::select(vec![200, 400, 401, 302]),
    ) {
        for kind in 0..3 {
            let world = machine(kind, vec![Ok(reply(status, &body))]);
            for identity in identities() {
                match tokens(identity).get(&world) {
                    Ok(token) => prop_assert!(token.reveal().bytes().all(|octet| octet.is_ascii_graphic())),
                    Err(error) => {
                        prop_assert!(!error.text.chars().any(char::is_control) && error.text.len() < 4_000, "{error}");
                    }
                }
            }
        }
    }
}
