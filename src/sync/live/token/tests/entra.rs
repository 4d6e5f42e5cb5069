//! Service principals and the Azure CLI.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::sync::live::outside::{CallError, Road};
use crate::sync::live::tests::with_header;

const FILE: &str = "/etc/privatelink-dns/secret";
const PEM: &str = include_str!("../../../../../tests/data/azure/client-rsa.pem");
const URL: &str = "https://login.microsoftonline.com/99999999-8888-7777-6666-555555555555/oauth2/v2.0/token";

fn by_secret() -> Tokens {
    tokens(Identity::Secret { client_id: APP.to_owned(), tenant: TENANT.to_owned(), file: FILE.into() })
}

fn by_certificate() -> Tokens {
    tokens(Identity::Certificate { client_id: APP.to_owned(), tenant: TENANT.to_owned(), file: FILE.into() })
}

fn by_workload() -> Tokens {
    tokens(Identity::Workload { client_id: None, tenant: None })
}

/// A world whose Entra gives tokens.
fn world() -> Script {
    let world = Script::default();
    world.serve(|sent| (sent.road == Road::Cloud).then(|| Ok(token("entra", 3599))));
    world
}

fn refuses(status: u16, code: u64, sentence: &str) -> Reply {
    reply(
        status,
        format!(
            r#"{{"error":"invalid_client","error_description":"AADSTS{code}: {sentence} Trace ID: 1111 Correlation ID: 2222",
               "error_codes":[{code}],"trace_id":"11111111-aaaa","correlation_id":"22222222-bbbb","timestamp":"2026-11-25 01:02:03Z"}}"#
        ),
    )
}

#[test]
fn a_secret_is_posted_as_a_form_and_read_anew_each_time() {
    let (world, mut tokens) = (world(), by_secret());
    world.file(FILE, "a+b c&=\n", 0o600);
    assert_eq!(text(tokens.get(&world)), "entra");
    let sent = &world.sent()[0];
    assert_eq!((sent.url.as_str(), sent.road), (URL, Road::Cloud));
    for (name, value) in [
        ("client_id", APP),
        ("grant_type", "client_credentials"),
        ("scope", "https://management.azure.com/.default"),
        ("client_secret", "a+b c&="),
    ] {
        assert_eq!(sent.field(name).as_deref(), Some(value));
    }
    assert_eq!(tokens.kind(), Some(IdentityKind::Secret));
    world.file(FILE, "\u{feff}next\r\n", 0o600).pass(Duration::from_hours(2));
    tokens.get(&world).unwrap();
    assert_eq!(world.sent()[1].field("client_secret").as_deref(), Some("next"));
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    let world = world();
    for (mode, owner, is_fine) in [(0o644, 0, false), (0o640, 999, false), (0o640, 0, true), (0o100_600, 999, true)] {
        world.file(FILE, "s", mode).owned(FILE, owner);
        let text = text(by_secret().get(&world));
        assert_eq!(text == "entra", is_fine, "{mode:o}: {text}");
        assert!(is_fine || text.contains("chmod 600"), "{text}");
    }
    for junk in ["", "\n", "a\nb", "a\0"] {
        world.file(FILE, junk, 0o600);
        assert!(text(by_secret().get(&world)).starts_with("client secret: /etc/privatelink-dns/secret "));
    }
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn an_error_of_entra_is_its_code_its_first_sentence_and_what_to_do() {
    for (status, code, sentence, says) in [
        (
            401,
            7_000_215,
            "Invalid client secret provided. Ensure ..",
            "Invalid client secret provided; the file has to hold the secret's value",
        ),
        (401, 7_000_222, "The provided client secret keys are expired.", "are expired; the secret has ended"),
        (400, 70_021, "No matching federated identity record found.", "issuer, the subject"),
        (
            400,
            700_016,
            "Application with identifier 'aaaaaaaa-0000-0000-0000-000000000001' was not found.",
            "'aaaaaaaa-0000-0000-0000-000000000001' was not found; client_id or tenant is wrong",
        ),
        (400, 90_002, "Tenant 'x' not found.", "the tenant is wrong"),
        (400, 50_034, "The user account does not exist.", "this account does not exist"),
        (400, 424_242, "Something new.", "AADSTS424242: Something new"),
    ] {
        let world = Script::default();
        world.file(FILE, "s3cret", 0o600).serve(move |_| Some(Ok(refuses(status, code, sentence))));
        let error = by_secret().get(&world).unwrap_err();
        let begin = format!("client secret: Entra at login.microsoftonline.com: status {status}: AADSTS{code}: ");
        assert!(error.text.starts_with(&begin) && error.text.contains(says), "{error}");
        assert!(!error.text.contains("1111") && !error.is_passing, "{error}");
        let names: Vec<_> = error.trace.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["trace_id", "correlation_id", "timestamp"]);
        assert_eq!(world.sent().len(), 1, "it is not repeated at once");
    }
}

#[test]
fn a_busy_entra_is_asked_three_times_and_one_that_is_no_entra_says_so() {
    let scripts: [(Reply, usize, &str); 5] = [
        (reply(503, "<html>busy"), 3, "status 503: no reason that can be read; it is asked again"),
        (with_header(reply(429, "{}"), "retry-after", "300"), 1, "status 429"),
        (reply(302, ""), 1, "status 302: no reason that can be read; does a proxy"),
        (reply(200, "<html>sign in"), 1, "not a JSON object"),
        (refuses(400, 90_033, "A transient error has occurred."), 1, "it is asked again"),
    ];
    for (answer, tries, says) in scripts {
        let world = Script::default();
        world.file(FILE, "s", 0o600).serve(move |_| Some(Ok(answer.clone())));
        let text = text(by_secret().get(&world));
        assert!(text.contains(says), "{text}");
        assert_eq!(world.sent().len(), tries, "{text}");
    }
    let world = Script::default();
    world.file(FILE, "s", 0o600).serve(|_| Some(Ok(reply(200, vec![b' '; 70_000]))));
    assert!(matches!(by_secret().get(&world), Err(error) if error.text.contains("sends more than 64 kB")));
    let world = Script::default();
    world.file(FILE, "s", 0o600).serve(|_| Some(Err(CallError::Unreachable("no route".to_owned()))));
    assert!(text(by_secret().get(&world)).contains("does not answer (no route)"));
}

#[test]
fn an_authority_is_https_and_the_variable_counts_where_the_config_has_none_of_its_own() {
    let world = world();
    world.file(FILE, "s", 0o600).set("AZURE_AUTHORITY_HOST", "https://login.example/");
    by_secret().get(&world).unwrap();
    assert!(world.sent()[0].url.starts_with("https://login.example/99999999-"));
    let identity = || by_secret().identity;
    Tokens::new(identity(), "https://own.example:8443".to_owned(), AUDIENCE.to_owned()).get(&world).unwrap();
    assert!(world.sent()[1].url.starts_with("https://own.example:8443/99999999-"));
    for wrong in ["http://login.example", "login.example", "https://", "https://a@b", "https://a?b"] {
        world.set("AZURE_AUTHORITY_HOST", wrong);
        assert!(text(by_secret().get(&world)).contains("is no address of Entra"), "{wrong}");
    }
    for wrong in ["", "..", "a/b", "a?b", "ä"] {
        let identity = Identity::Secret { client_id: APP.to_owned(), tenant: wrong.to_owned(), file: FILE.into() };
        let mut tokens = Tokens::new(identity, "https://own.example".to_owned(), AUDIENCE.to_owned());
        assert!(text(tokens.get(&world)).contains("is no tenant"), "{wrong}");
    }
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_federated_token_is_read_at_each_request_and_what_is_missing_is_named() {
    let (world, mut tokens) = (world(), by_workload());
    let error = text(tokens.get(&world));
    assert!(error.contains("not set: AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE;"), "{error}");
    world.set("AZURE_CLIENT_ID", APP).set("AZURE_TENANT_ID", TENANT).set("AZURE_FEDERATED_TOKEN_FILE", "/t");
    assert!(text(tokens.get(&world)).contains("/t cannot be read"));
    world.file("/t", "one.a.b", 0o644);
    tokens.get(&world).unwrap();
    world.file("/t", "two.a.b\n", 0o644).pass(Duration::from_hours(1));
    tokens.get(&world).unwrap();
    let sent: Vec<_> = world.sent().iter().map(|sent| sent.field("client_assertion").unwrap()).collect();
    assert_eq!(sent, ["one.a.b", "two.a.b"]);
    let kind = world.sent()[0].field("client_assertion_type");
    assert_eq!(kind.as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    world.set("AZURE_KUBERNETES_TOKEN_PROXY", "https://x");
    assert!(text(by_workload().get(&world)).contains("identity bindings"));
}

/// The certificate's key as the other common kind of PEM (PKCS#1): the same without the head of PKCS#8.
fn pkcs1() -> String {
    let der = rustls::pki_types::PrivatePkcs8KeyDer::from_pem_slice(PEM.as_bytes()).unwrap();
    let body = STANDARD.encode(&der.secret_pkcs8_der()[26..]);
    let certificate = PEM.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n{certificate}")
}

fn is_signed(assertion: &str, pem: &str) -> bool {
    let der = rustls::pki_types::PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&der).unwrap();
    let public = key.public_key().unwrap();
    let scheme = rustls::SignatureScheme::RSA_PSS_SHA256;
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.mapping;
    let (_, verifiers) = known.iter().find(|(known, _)| *known == scheme).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // The head of a SubjectPublicKeyInfo of 2048 bits has 24 octets.
    verifiers.iter().any(|verifier| verifier.verify_signature(&public[24..], signed.as_bytes(), &signature).is_ok())
}

#[test]
fn a_certificate_signs_an_assertion_by_ps256() {
    for pem in [PEM.to_owned(), pkcs1()] {
        let world = world();
        world.file(FILE, &pem, 0o600);
        by_certificate().get(&world).unwrap();
        let assertion = world.sent()[0].field("client_assertion").unwrap();
        let part = |at: usize| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(assertion.split('.').nth(at).unwrap()).unwrap()).unwrap()
        };
        assert_eq!((part(0)["alg"].as_str(), part(0)["typ"].as_str()), (Some("PS256"), Some("JWT")));
        let digest = URL_SAFE_NO_PAD.decode(part(0)["x5t#S256"].as_str().unwrap()).unwrap();
        assert_eq!(digest.len(), 32);
        let claims = part(1);
        assert_eq!((claims["aud"].as_str(), claims["iss"].as_str()), (Some(URL), Some(APP)));
        assert_eq!((claims["sub"].as_str(), claims["nbf"].as_u64()), (Some(APP), Some(BEGIN)));
        assert_eq!((claims["exp"].as_u64(), claims["jti"].as_str().map(str::len)), (Some(BEGIN + 600), Some(36)));
        assert!(is_signed(&assertion, &pem));
        assert!(!is_signed(&assertion.replacen("eyJ", "eyK", 1), &pem), "the check can fail");
    }
}

#[test]
fn a_file_that_cannot_sign_says_why() {
    let ec = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    let (ec_certificate, ec_key) = (ec.cert.pem(), ec.signing_key.serialize_pem());
    let key = PEM.split_once("-----END CERTIFICATE-----\n").unwrap().1;
    let certificate = PEM.strip_suffix(key).unwrap();
    for (pem, says) in [
        (String::new(), "holds no private key"),
        (certificate.to_owned(), "holds no private key"),
        (key.to_owned(), "holds no certificate"),
        (format!("{ec_certificate}{ec_key}"), "not of the kind RSA"),
        (format!("{ec_certificate}{key}"), "belongs to none"),
        (PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "openssl pkey"),
        (PEM.replace("BEGIN PRIVATE KEY-----\nM", "BEGIN PRIVATE KEY-----\nN"), "cannot be read"),
    ] {
        let world = world();
        world.file(FILE, pem, 0o600);
        let error = text(by_certificate().get(&world));
        assert!(
            error.starts_with("client certificate: /etc/privatelink-dns/secret ") && error.contains(says),
            "{error}"
        );
        assert_eq!(world.sent().len(), 0);
    }
    let world = world();
    world.file(FILE, format!("{ec_certificate}{PEM}"), 0o600);
    by_certificate().get(&world).unwrap();
    world.file(FILE, [0x30, 0x82, 0xff], 0o600).pass(Duration::from_hours(1));
    assert!(text(by_certificate().get(&world)).contains(".pfx"));
}

#[test]
fn the_azure_cli_is_run_without_a_shell_and_its_local_time_is_not_read() {
    let world = Script::default();
    let output =
        format!(r#"{{"accessToken":"cli","expires_on":{},"expiresOn":"2000-01-01 00:00:00.000000"}}"#, BEGIN + 600);
    world.program("az", Ok(&output));
    let mut tokens = tokens(Identity::Cli);
    assert_eq!((text(tokens.get(&world)).as_str(), tokens.expires()), ("cli", Some(BEGIN + 600)));
    assert_eq!(world.runs(), [["az", "account", "get-access-token", "--output", "json", "--resource", AUDIENCE]]);
}

#[test]
fn an_azure_cli_that_fails_says_what_to_do() {
    let world = Script::default();
    let get = || tokens(Identity::Cli).get(&world);
    assert!(text(get()).contains("no program 'az'"));
    world.program("az", Err("Please run 'az login' to setup account."));
    assert!(text(get()).contains("Please run 'az login' to setup account; try az login"));
    world.program("az", Ok("WARNING: x"));
    assert!(text(get()).contains("not a JSON object"));
}
