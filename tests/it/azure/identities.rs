//! Every kind of identity, each against the place that gives its tokens.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::support::azure::Azure;
use crate::support::azure::estate::TENANT;
use crate::support::azure::fault::{Act, Fault};
use crate::support::azure::http::Answer;
use crate::support::azure::identity::{APP_HEADER, ARC_KEY, ARC_KEY_FILE, ASSIGNED, CLIENT, CLIENT_SECRET, FEDERATED};
use crate::support::azure::setting::source;
use crate::support::azure::tls::Certificate;
use crate::support::azure::world::Seen;
use crate::support::site::{Ran, Site};

use super::{BLOB, lists, vault};

/// An RSA key that nothing else in the world uses.
const KEY: &str = include_str!("../../data/azure/principal.key.pem");

struct Stage {
    azure: Azure,
    site: Site,
}

impl Stage {
    fn new(more: &str) -> Self {
        let azure = Azure::start();
        azure.world().estate.endpoints.push(vault());
        let site = Site::new().with_config(&source(&azure, more));
        Self { azure, site }
    }

    /// A file beside the config, for its owner alone.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.site.path("config").join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn command(&self) -> Command {
        self.site.azure_command(&self.azure, "fetch")
    }

    /// Reads once in this environment.
    fn fetch(&self, environment: &[(&str, &str)]) -> Ran {
        Ran::from(self.command().envs(environment.iter().copied()).output().unwrap())
    }

    #[track_caller]
    fn is_good(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert!(lists(&self.site).contains(BLOB), "{}", lists(&self.site));
        self.is_careful(ran);
    }

    #[track_caller]
    fn is_refused(&self, ran: &Ran, said: &[&str]) {
        ran.expect(1, said);
        assert_eq!(lists(&self.site), "");
        self.is_careful(ran);
    }

    fn is_careful(&self, ran: &Ran) {
        self.azure.kept_its_tokens();
        self.azure.is_silent_about_secrets("the output", &ran.all());
    }
}

#[test]
fn a_vm_asks_its_metadata_service_once_for_many_calls() {
    let stage = Stage::new("");
    let ran = stage.fetch(&[]);
    stage.is_good(&ran);
    let asked = stage.azure.seen("/metadata/identity/oauth2/token");
    assert_eq!(asked.len(), 1, "{asked:#?}");
    assert_eq!(asked[0].header("metadata"), Some("true"));
    assert!(asked[0].target.contains("api-version=2018-02-01"), "{asked:#?}");
}

#[test]
fn a_user_assigned_identity_is_asked_for_by_any_of_its_ids() {
    let resource = "/subscriptions/x/resourcegroups/y/providers/Microsoft.ManagedIdentity/userAssignedIdentities/z";
    let ids = [
        ("client_id", ASSIGNED, "client_id"),
        ("object_id", ASSIGNED, "object_id"),
        ("resource_id", resource, "msi_res_id"),
    ];
    for (key, id, wire) in ids {
        let stage = Stage::new(&format!("{key} = \"{id}\""));
        stage.azure.world().identities.assigned.insert(id.to_owned());
        let ran = stage.fetch(&[]);
        stage.is_good(&ran);
        let asked = stage.azure.seen("/oauth2/token");
        assert!(asked[0].target.contains(&format!("{wire}=")), "{asked:#?}");
    }
}

#[test]
fn an_identity_that_the_machine_does_not_have_is_named() {
    let id = "aaaaaaaa-0000-0000-0000-00000000000f";
    let stage = Stage::new(&format!("client_id = \"{id}\""));
    let ran = stage.fetch(&[]);
    stage.is_refused(&ran, &["Identity not found"]);
}

#[test]
fn app_service_and_container_apps_are_known_by_their_variables() {
    let stage = Stage::new("");
    let endpoint = format!("{}/msi/token", stage.azure.local());
    let ran = stage.fetch(&[("IDENTITY_ENDPOINT", &endpoint), ("IDENTITY_HEADER", APP_HEADER)]);
    // The header is for this machine alone, and so it may be seen there.
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(stage.azure.count("/msi/token?api-version=2019-08-01"), 1);
    assert_eq!(stage.azure.count("/metadata/"), 0);
    stage.azure.is_silent_about_secrets("the output", &ran.all());
    assert!(lists(&stage.site).contains(BLOB));
}

#[test]
fn a_service_principal_proves_itself_by_a_secret_from_a_file() {
    let principal =
        |azure: &str| format!("identity = \"secret\"\nclient_id = \"{CLIENT}\"\ntenant = \"{TENANT}\"\n{azure}");
    let stage = Stage::new(&principal("secret_file = \"config/secret\""));
    stage.file("secret", &format!("{CLIENT_SECRET}\n"));
    let ran = stage.fetch(&[]);
    stage.is_good(&ran);
    assert_eq!(stage.azure.count("/oauth2/v2.0/token"), 1);

    let stage = Stage::new(&principal("secret_file = \"config/secret\""));
    stage.file("secret", "its-id-and-not-its-value");
    let ran = stage.fetch(&[]);
    stage.is_refused(&ran, &["AADSTS7000215", "Invalid client secret"]);
    assert!(!ran.all().contains("Trace ID") && !ran.all().contains("its-id-and-not"), "{ran:#?}");
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    for (mode, is_good) in [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o604, false), (0o666, false)]
    {
        let stage = Stage::new(&format!(
            "identity = \"secret\"\nclient_id = \"{CLIENT}\"\ntenant = \"{TENANT}\"\nsecret_file = \"config/secret\""
        ));
        let path = stage.file("secret", CLIENT_SECRET);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran = stage.fetch(&[]);
        if is_good {
            stage.is_good(&ran);
        } else {
            stage.is_refused(&ran, &["secret", "read"]);
            assert_eq!(stage.azure.count("/oauth2/"), 0, "{mode:o}");
        }
    }
}

#[test]
fn a_service_principal_proves_itself_by_a_certificate() {
    let stage = Stage::new(&format!(
        "identity = \"certificate\"\nclient_id = \"{CLIENT}\"\ntenant = \"{TENANT}\"\ncertificate_file = \"config/principal.pem\""
    ));
    let certificate = Certificate::of(KEY);
    stage.file("principal.pem", &certificate.pem);
    stage.azure.world().identities.certificate = Some(certificate);
    let ran = stage.fetch(&[]);
    stage.is_good(&ran);
    let sent = stage.azure.seen("/oauth2/v2.0/token");
    let head = sent[0].body.split("client_assertion=").nth(1).and_then(|rest| rest.split('.').next()).unwrap();
    let head = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    assert!(head.contains("PS256"), "{head}");
}

#[test]
fn a_certificate_without_a_key_or_with_a_foreign_one_is_named() {
    let certificate = Certificate::of(KEY);
    let only = certificate.pem[certificate.pem.find("-----BEGIN CERT").unwrap()..].to_owned();
    for content in [only.as_str(), KEY, "", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"] {
        let stage = Stage::new(&format!(
            "identity = \"certificate\"\nclient_id = \"{CLIENT}\"\ntenant = \"{TENANT}\"\ncertificate_file = \"config/principal.pem\""
        ));
        stage.file("principal.pem", content);
        let ran = stage.fetch(&[]);
        stage.is_refused(&ran, &["principal.pem"]);
        assert_eq!(stage.azure.count("/oauth2/"), 0);
    }
}

#[test]
fn a_service_account_of_kubernetes_is_known_by_its_variables_and_its_file_is_read_each_time() {
    let stage = Stage::new("identity = \"workload\"");
    let file = stage.file("azure-identity-token", FEDERATED);
    let environment = [
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let ran = stage.fetch(&environment);
    stage.is_good(&ran);
    let sent = stage.azure.seen("/oauth2/v2.0/token");
    assert!(sent[0].body.contains("jwt-bearer"), "{sent:#?}");
    let ran = stage.fetch(&[environment[0], environment[1]]);
    ran.expect(1, &["AZURE_FEDERATED_TOKEN_FILE"]);
}

#[test]
fn the_azure_cli_gives_a_token_to_a_person_who_tries_it_out() {
    let stage = Stage::new("identity = \"cli\"");
    let (token, _) = stage.azure.world().identities.issue(CLIENT);
    let bin = stage.site.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> \"{}\"\ncat <<'END'\n{{\"accessToken\": \"{token}\", \"expiresOn\": \"2026-11-26 12:00:00.000000\", \
         \"expires_on\": 4102444800, \"subscription\": \"s\", \"tenant\": \"{TENANT}\", \"tokenType\": \"Bearer\"}}\nEND\n",
        stage.site.path("arguments").display()
    );
    std::fs::write(bin.join("az"), script).unwrap();
    std::fs::set_permissions(bin.join("az"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = stage.fetch(&[("PATH", &path)]);
    stage.is_good(&ran);
    let arguments = std::fs::read_to_string(stage.site.path("arguments")).unwrap();
    assert!(arguments.starts_with("account get-access-token --output json --resource https://"), "{arguments}");
}

#[test]
fn an_azure_cli_that_is_missing_or_not_signed_in_is_named() {
    let stage = Stage::new("identity = \"cli\"");
    let bin = stage.site.path("bin");
    std::fs::create_dir(&bin).unwrap();
    let ran = stage.fetch(&[("PATH", bin.to_str().unwrap())]);
    stage.is_refused(&ran, &["az"]);
    std::fs::write(bin.join("az"), "#!/bin/sh\necho 'ERROR: Please run az login to setup account.' >&2\nexit 1\n")
        .unwrap();
    std::fs::set_permissions(bin.join("az"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = stage.fetch(&[("PATH", bin.to_str().unwrap())]);
    stage.is_refused(&ran, &["az login"]);
}

/// `fetch` on a machine whose folder of Arc's keys is what this script makes of it; `None` where that cannot be had.
fn on_arc(stage: &Stage, prepare: &str) -> Option<Ran> {
    let can = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/var/opt"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: only root may give a process a /var/opt of its own");
        return None;
    }
    stage.azure.world().identities.is_arc = true;
    let fetch = stage.command();
    let mut command = Command::new("unshare");
    let script = format!(
        "mount -t tmpfs none /var/opt && mkdir -p /var/opt/azcmagent/tokens /var/opt/other && {prepare} && exec \"$@\""
    );
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(fetch.get_program()).args(fetch.get_args());
    for (name, value) in fetch.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let local = stage.azure.local();
    command.env_remove("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    command.env("IDENTITY_ENDPOINT", format!("{local}/metadata/identity/oauth2/token")).env("IMDS_ENDPOINT", &local);
    Some(Ran::from(command.output().unwrap()))
}

/// The key of the challenge in its file.
fn good_key() -> String {
    format!("printf %s {ARC_KEY} > {ARC_KEY_FILE}")
}

#[test]
fn arc_is_asked_with_the_key_of_its_challenge() {
    let stage = Stage::new("");
    let Some(ran) = on_arc(&stage, &good_key()) else { return };
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(lists(&stage.site).contains(BLOB));
    stage.azure.is_silent_about_secrets("the output", &ran.all());
    let asked = stage.azure.seen("/oauth2/token");
    assert_eq!(asked.len(), 2, "{asked:#?}");
    assert!(asked.iter().all(|seen| seen.header("metadata") == Some("true")), "{asked:#?}");
}

#[test]
fn a_challenge_of_arc_that_names_another_file_is_refused_before_it_is_read() {
    let elsewhere = "/var/opt/other/stolen.key";
    for challenge in [
        format!("Basic realm={elsewhere}"),
        "Basic realm=/var/opt/azcmagent/tokens/../../other/stolen.key".to_owned(),
        "Basic realm=/var/opt/azcmagent/tokens/sub/stolen.key".to_owned(),
        "Basic realm=/var/opt/azcmagent/tokens/stolen.txt".to_owned(),
        "Basic realm=".to_owned(),
        "Bearer realm=/var/opt/azcmagent/tokens/x.key".to_owned(),
        String::new(),
    ] {
        let stage = Stage::new("");
        stage.azure.world().identities.challenge.clone_from(&challenge);
        let keys = format!("printf %s STOLEN > {elsewhere} && printf %s STOLEN > /var/opt/azcmagent/tokens/stolen.txt");
        let Some(ran) = on_arc(&stage, &keys) else { return };
        assert_eq!(ran.code, Some(1), "{challenge}: {ran:#?}");
        let sent: String = stage.azure.seen("").iter().map(Seen::everything).collect();
        assert!(!sent.contains("STOLEN"), "{challenge}: {sent}");
    }
}

#[test]
fn a_key_of_arc_that_is_too_long_a_link_or_missing_is_refused() {
    let prepared = [
        ("too long", format!("head -c 5000 /dev/zero | tr '\\0' 'S' > {ARC_KEY_FILE}")),
        (
            "a link",
            format!("printf %s SSSSSSSSSS > /var/opt/other/secret && ln -s /var/opt/other/secret {ARC_KEY_FILE}"),
        ),
        ("missing", "true".to_owned()),
        ("a pipe", format!("mkfifo {ARC_KEY_FILE}")),
        ("two lines", format!("printf 'SSSSSSSSSS\\r\\nX-Header: 1' > {ARC_KEY_FILE}")),
    ];
    for (what, prepare) in prepared {
        let stage = Stage::new("");
        let Some(ran) = on_arc(&stage, &prepare) else { return };
        assert_eq!(ran.code, Some(1), "{what}: {ran:#?}");
        let sent: String = stage.azure.seen("").iter().map(Seen::everything).collect();
        assert!(!sent.contains("SSSSSSSSSS") && !sent.contains("x-header"), "{what}: {sent}");
    }
}

#[test]
fn an_agent_of_arc_that_gives_another_identity_than_asked_for_is_refused() {
    let stage = Stage::new(&format!("client_id = \"{ASSIGNED}\""));
    stage.azure.world().identities.ignores_selector = true;
    let Some(ran) = on_arc(&stage, &good_key()) else { return };
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert_eq!(stage.azure.count("/subscriptions/"), 0, "ARM saw the wrong identity's token");
}

#[test]
fn a_reply_of_an_identity_endpoint_that_is_none_is_an_error_in_one_line() {
    for body in [
        "",
        "{}",
        "null",
        "[]",
        "<html>",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":\"10\"}",
    ] {
        let stage = Stage::new("");
        stage.azure.fault(Fault::on("/oauth2/token", Act::Say(Answer::html(200, body))));
        let ran = stage.fetch(&[]);
        assert_eq!(ran.code, Some(1), "{body}: {ran:#?}");
        assert_eq!(lists(&stage.site), "", "{body}");
        assert!(ran.all().lines().count() < 12, "{body}: {ran:#?}");
    }
}

#[test]
fn service_fabric_and_azure_ml_are_refused_by_name() {
    let stage = Stage::new("");
    let local = stage.azure.local();
    let ran =
        stage.fetch(&[("IDENTITY_ENDPOINT", &local), ("IDENTITY_HEADER", "h"), ("IDENTITY_SERVER_THUMBPRINT", "t")]);
    ran.expect(1, &["Service Fabric"]);
    let ran = stage.fetch(&[("MSI_ENDPOINT", &local), ("MSI_SECRET", "h")]);
    ran.expect(1, &["Azure"]);
    assert_eq!(stage.azure.count("/subscriptions/"), 0);
}
