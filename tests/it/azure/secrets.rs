//! Where a token goes, and where it never shows; and the proxies.

use crate::support::azure::Azure;
use crate::support::azure::estate::TENANT;
use crate::support::azure::identity::{CLIENT, CLIENT_SECRET};
use crate::support::azure::proxy::Proxy;
use crate::support::azure::setting::source;
use crate::support::server::Server;
use crate::support::site::Site;

use super::{REC, stage, vault};

/// Every file below a folder, as one text.
fn everything_in(folder: &std::path::Path) -> String {
    let pattern = folder.join("**/*").display().to_string();
    let found = glob::glob_with(&pattern, glob::MatchOptions::default()).unwrap().map(Result::unwrap);
    let read = |path: std::path::PathBuf| std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    found.filter(|path| path.is_file() && !path.ends_with("the-secret")).filter_map(|path| read(path).ok()).collect()
}

#[test]
fn no_token_and_no_secret_is_in_log_status_report_or_lists() {
    use std::os::unix::fs::PermissionsExt as _;
    let azure = Azure::start();
    azure.world().estate.endpoints.push(vault());
    let site = Site::new().with_config(&source(
        &azure,
        &format!(
            "identity = \"secret\"\nclient_id = \"{CLIENT}\"\ntenant = \"{TENANT}\"\nsecret_file = \"config/the-secret\""
        ),
    ));
    std::fs::write(site.path("config/the-secret"), CLIENT_SECRET).unwrap();
    std::fs::set_permissions(site.path("config/the-secret"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = site.azure_command(&azure, "serve");
    command.env("RUST_LOG", "trace");
    let server = Server::start(command);
    server.until_resolves(REC, "10.1.0.5");
    // Once more with a token that is refused.
    azure.world().identities.revoke();
    azure.until_seen("/oauth2/", 1);
    azure.until_seen("privateEndpoints", 1);
    azure.is_silent_about_secrets("the status", &site.status().to_string());
    azure.is_silent_about_secrets("the status", &site.run_with(&azure, "status", &[]).all());
    let log = server.stop();
    assert!(azure.world().identities.issued.len() > 1);
    azure.is_silent_about_secrets("the log", &log);
    azure.is_silent_about_secrets("the folder", &everything_in(&site.path("")));
    azure.kept_its_tokens();
}

#[test]
fn the_way_to_the_machines_own_endpoint_takes_no_proxy() {
    let (azure, site) = stage();
    let mut command = site.azure_command(&azure, "fetch");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let ran = crate::support::site::Ran::from(command.output().unwrap());
    ran.expect(0, &[]);
}

#[test]
fn a_proxy_for_https_is_on_the_way_to_azure_alone() {
    let (azure, site) = stage();
    let proxy = Proxy::start();
    let mut command = site.azure_command(&azure, "fetch");
    command.env("HTTPS_PROXY", proxy.url()).env("HTTP_PROXY", "http://127.0.0.1:9");
    crate::support::site::Ran::from(command.output().unwrap()).expect(0, &[]);
    let asked = proxy.seen();
    assert!(!asked.is_empty());
    let arm = azure.arm().replace("https://", "");
    for request in asked {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("CONNECT", arm.as_str()));
        assert!(request.header("authorization").is_none(), "{request:?}");
    }
}

#[test]
fn no_proxy_names_hosts_that_are_asked_without_one() {
    let (azure, site) = stage();
    for (name, value) in [("NO_PROXY", "127.0.0.1"), ("no_proxy", "*"), ("NO_PROXY", "example.com, 127.0.0.1")] {
        let mut command = site.azure_command(&azure, "fetch");
        command.env("HTTPS_PROXY", "http://127.0.0.1:9").env(name, value);
        crate::support::site::Ran::from(command.output().unwrap()).expect(0, &[]);
    }
    let mut command = site.azure_command(&azure, "fetch");
    command.env("HTTPS_PROXY", "http://127.0.0.1:9");
    let ran = crate::support::site::Ran::from(command.output().unwrap());
    ran.expect(1, &[]);
}

#[test]
fn a_server_whose_certificate_nobody_knows_gets_no_token() {
    let (azure, site) = stage();
    let mut command = site.azure_command(&azure, "fetch");
    command.env_remove("SSL_CERT_FILE");
    let ran = crate::support::site::Ran::from(command.output().unwrap());
    ran.expect(1, &["ertificate"]);
    assert_eq!(azure.count("/subscriptions/"), 0);
}
