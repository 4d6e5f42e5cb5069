//! Clients of other hands ask by TLS and HTTPS: systemd-resolved, Unbound, dnsdist and Knot Resolver with just the text
//! of `docs/encrypted.md`; kdig, curl, openssl and dnsperf.
//!
//! Those with the text of the page run on a host of their own, where the page's addresses and ports are free; only root
//! may make one.

mod clients;
mod stage;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::forwarders::{answer, verify};
use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::tls::{Encrypted, NAME};
use crate::support::wait_until;
use crate::tool::{find, run};
use clients::Client;
use stage::{Stage, page};

/// A name that both servers answer.
const ACCOUNT: &str = "acct.blob.core.windows.net";

/// A client with its text of a page, asked for everything; what is wrong, or nothing at all where it is not installed.
fn verify_page(client: Client, page: &str) -> Option<Result<(), String>> {
    let stage = Stage::start(page)?;
    let resolver = client.start(&stage, page)?;
    let verified = verify(&stage.world, &resolver).and_then(|()| {
        match (stage.queries(&["udp", "tcp"]), stage.queries(&[client.transport()])) {
            (0, 1..) => Ok(()),
            (plain, encrypted) => Err(format!("{plain} by plain DNS, {encrypted} as it should be")),
        }
    });
    Some(verified)
}

#[test]
fn clients_with_the_text_of_the_page_resolve_every_name_and_ask_by_nothing_but_tls_or_https() {
    let page = page();
    for client in Client::ALL {
        if let Some(Err(why)) = verify_page(client, &page) {
            panic!("{client:?}: {why}");
        }
    }
}

#[test]
fn while_one_of_the_two_servers_is_away_clients_with_the_text_of_the_page_ask_the_other() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    stage.world.stop_first();
    for client in Client::ALL {
        let Some(resolver) = client.start(&stage, &page) else { continue };
        assert_eq!(answer(&stage.world, &resolver, ACCOUNT, "A"), "10.1.0.5", "{client:?}");
    }
}

#[test]
fn no_client_with_the_text_of_the_page_asks_a_server_whose_certificate_is_of_another_name_or_authority() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let of_another_name = page.replace("dns.corp.example", "dns.other.example");
    for (text, what) in [(of_another_name, "name"), (page, "authority")] {
        for client in Client::ALL {
            let before = stage.counted("tls_failed");
            let Some(resolver) = client.start(&stage, &text) else { continue };
            let question = ask(ACCOUNT, "A").patience(Duration::from_secs(1));
            // Some say SERVFAIL, and some try for longer than this client waits.
            let reply = stage.world.host.run(|| question.try_to(resolver.address));
            assert!(reply.map_or(true, |reply| reply.rcode == "SERVFAIL"), "{client:?}, another {what}");
            wait_until(&format!("{client:?} breaks the handshake off"), || stage.counted("tls_failed") > before);
        }
        stage.trust_another();
    }
    assert_eq!(stage.queries(&["udp", "tcp", "tls", "https"]), 0);
}

#[test]
fn with_less_than_the_text_of_the_page_unbound_and_systemd_resolved_take_certificates_that_they_should_not() {
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let other = page.replace("dns.corp.example", "dns.other.example");
    for (client, right, wrong) in
        [(Client::Unbound, "#dns.other.example", ""), (Client::Resolved, "DNSOverTLS=yes", "DNSOverTLS=opportunistic")]
    {
        let Some(resolver) = client.start(&stage, &other.replace(right, wrong)) else { continue };
        assert_eq!(answer(&stage.world, &resolver, ACCOUNT, "A"), "10.1.0.5", "{client:?}, {wrong}");
    }
    assert_eq!(stage.queries(&["udp", "tcp"]), 0);
}

#[test]
fn the_commands_of_the_page_show_an_answer_by_tls_one_by_https_and_a_404() {
    let (Some(_), Some(_)) = (find("kdig"), find("curl")) else { return };
    let page = page();
    let Some(stage) = Stage::start(&page) else { return };
    let ca = stage.authority();
    let commands = stage.block(&page, "sh try");
    // The authority of this site is not the system's, and its name is in no DNS.
    let commands = commands.replace("+tls-ca ", &format!("+tls-ca={ca} "));
    let curl = format!("curl --cacert {ca} --resolve dns.corp.example:443:10.0.0.4");
    let said: Vec<String> = commands
        .lines()
        .map(|line| line.replace("curl", &curl))
        .map(|line| stage.world.host.run(|| run(Command::new("sh").arg("-c").arg(line)).1))
        .collect();
    let [dot, doh, path] = &said[..] else { panic!("the page has other commands: {commands}") };
    assert!(dot.contains("TLS session") && dot.contains("10.1.0.5"), "{dot}");
    assert!(doh.contains("HTTP session") && doh.contains("status: 200") && doh.contains("10.1.0.5"), "{doh}");
    assert!(path.starts_with("HTTP/2 404"), "{path}");
}

#[test]
fn a_mistake_in_the_text_of_a_client_is_found() {
    let page = page();
    let mistakes = [
        (Client::Resolved, "DNSOverTLS=yes", "DNSOverTLS=no", "by plain DNS"),
        (
            Client::Unbound,
            "\"queue.core.windows.net\"",
            "\"queue.core.window.net\"",
            "acct.queue.core.windows.net A: 20.60.0.2",
        ),
        (Client::DnsdistDot, ":853'", ":53'", "SERVFAIL"),
        (Client::DnsdistDoh, "'/dns-query'", "'/dns'", "SERVFAIL"),
        (Client::Kresd, "'backup.windowsazure.com', ", "", "-rec2.privatelink.we"),
    ];
    for (client, right, wrong, found) in mistakes {
        let mistaken = page.replace(right, wrong);
        assert_ne!(page, mistaken, "the page has no '{right}'");
        let Some(verified) = verify_page(client, &mistaken) else { continue };
        let why = verified.expect_err(&format!("{client:?}: {right} -> {wrong}"));
        assert!(why.contains(found), "{client:?}: {why}");
    }
}

const OURS: &str = "acct.privatelink.blob.core.windows.net";

/// A server with a certificate, and the file of the authority that signed it.
fn server() -> (Encrypted, Server, String) {
    let world = Encrypted::new();
    let file = world.site.path("ca.pem");
    std::fs::write(&file, world.authority.pem()).unwrap();
    let server = world.site.start();
    (world, server, file.display().to_string())
}

/// What kdig says, asking with these options.
fn kdig(at: SocketAddr, options: &[&str]) -> Option<String> {
    let mut command = Command::new(find("kdig")?);
    command.args([&format!("@{}", at.ip()), "-p", &at.port().to_string()]).args(options).args([OURS, "A"]);
    Some(run(&mut command).1)
}

#[test]
fn kdig_checks_the_certificate_and_gets_answers_over_tls_and_over_https() {
    let (_world, server, ca) = server();
    let (ca, name) = (format!("+tls-ca={ca}"), format!("+tls-hostname={NAME}"));
    let dot = |name: &str| kdig(server.dot(), &[&ca, name]);
    let Some(said) = dot(&name) else { return };
    assert!(said.contains("TLS session (TLS1.3)") && said.contains("10.1.0.1"), "{said}");
    let other = dot("+tls-hostname=dns.other.example").unwrap();
    assert!(!other.contains("10.1.0.1"), "a certificate of another name is found:\n{other}");
    for method in [&["+https=/dns-query"][..], &["+https=/dns-query", "+https-get"]] {
        let said = kdig(server.doh(), &[&[&*ca, &*name], method].concat()).unwrap();
        assert!(said.contains("status: 200") && said.contains("10.1.0.1"), "{method:?}\n{said}");
    }
    let elsewhere = kdig(server.doh(), &[&ca, &name, "+https=/other"]).unwrap();
    assert!(!elsewhere.contains("10.1.0.1"), "another path is found:\n{elsewhere}");
    let padded = kdig(server.dot(), &[&ca, &name, "+padding"]).unwrap();
    assert!(padded.contains("PADDING") && padded.contains("Received 468 B"), "{padded}");
    server.stop();
}

#[test]
fn openssl_speaks_tls_1_2_and_1_3_and_nothing_older_and_resumes() {
    let (world, server, ca) = server();
    let address = server.dot().to_string();
    let Some(openssl) = find("openssl") else { return };
    let session = world.site.path("session").display().to_string();
    let connect = |options: &[&str]| {
        let mut command = Command::new(&openssl);
        command.args(["s_client", "-connect", &address, "-servername", NAME, "-CAfile", &ca, "-verify_return_error"]);
        run(command.args(options).stdin(Stdio::null())).1
    };
    for (version, protocol) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let said = connect(&[version, "-alpn", "dot"]);
        assert!(said.contains("Verify return code: 0") && said.contains(protocol), "{version}\n{said}");
        assert!(said.contains("ALPN protocol: dot"), "{said}");
    }
    for old in ["-tls1", "-tls1_1"] {
        let said = connect(&[old, "-cipher", "DEFAULT:@SECLEVEL=0"]);
        assert!(said.contains("no peer certificate available"), "{old}\n{said}");
    }
    assert!(connect(&["-tls1_2", "-sess_out", &session]).contains("New, TLSv1.2"));
    assert!(connect(&["-tls1_2", "-sess_in", &session]).contains("Reused, TLSv1.2"));
    server.stop();
}

#[test]
fn dnsperf_over_tls_and_h2load_over_https_lose_no_query() {
    let (world, server, _ca) = server();
    let (questions, message) = (world.site.path("questions"), world.site.path("message"));
    std::fs::write(&questions, format!("{OURS} A\nlocalhost AAAA\n")).unwrap();
    std::fs::write(&message, ask(OURS, "A").bytes()).unwrap();
    if let Some(dnsperf) = find("dnsperf") {
        let (ip, port) = (server.dot().ip().to_string(), server.dot().port().to_string());
        let mut command = Command::new(dnsperf);
        command.args(["-m", "dot", "-s", &ip, "-p", &port, "-n", "1000", "-c", "4", "-t", "60", "-d"]).arg(questions);
        let said = run(&mut command).1;
        assert!(said.contains("Queries completed:    2000 (100.00%)"), "{said}");
    }
    // dnsperf's own DoH takes one answer of those that come in one record of TLS.
    if let Some(h2load) = find("h2load") {
        let mut command = Command::new(h2load);
        command.args(["-n", "2000", "-c", "4", "-m", "50", "-H", "content-type: application/dns-message", "-d"]);
        let said = run(command.arg(message).arg(format!("https://{}/dns-query", server.doh()))).1;
        assert!(said.contains("2000 succeeded, 0 failed") && said.contains("2000 2xx"), "{said}");
    }
    server.stop();
}

/// What testssl.sh, with these options, finds to be weak at an address.
fn weak(world: &Encrypted, at: SocketAddr, options: &[&str]) -> Option<Vec<String>> {
    let (report, ca) = (world.site.path("report.json"), world.site.path("ca.pem"));
    let mut command = Command::new(find("testssl")?);
    command.args(["--quiet", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]);
    command.arg("--openssl").arg(find("openssl")?).arg("--add-ca").arg(ca).arg("--jsonfile").arg(&report).args(options);
    let said = run(command.arg(format!("{NAME}:{}", at.port()))).1;
    let text = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}: {said}"));
    // The next report replaces none.
    std::fs::remove_file(report).unwrap();
    let findings: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let is_weak = |severity: &str| ["LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&severity);
    let weak = findings.iter().filter(|finding| is_weak(finding["severity"].as_str().unwrap()));
    Some(weak.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect())
}

#[test]
#[ignore = "takes more than a minute: cargo xtask acceptance testssl"]
fn testssl_finds_nothing_weak_over_tls_and_over_https() {
    let (world, server, _ca) = server();
    // All ciphers are good, so clients choose the one that is fast for them. The rest is about the certificate of the
    // tests: it has begun years ago, and names no list of what was revoked.
    let accepted = ["cipher_order", "cert_validityPeriod", "cert_revocation"];
    for at in [server.dot(), server.doh()] {
        let Some(weak) = weak(&world, at, &["-p", "-s", "-f", "-P", "-S", "-U"]) else { return };
        assert_eq!(weak, accepted, "{at}");
    }
    // It would find a certificate of another name, and one that has ended.
    for (host, time, found) in [("b.example", 24 * 90, "cert_trust"), (NAME, 1, "cert_expirationStatus")] {
        let said = server.stderr().len();
        let signed = world.authority.sign_for(&[host], Duration::from_hours(time));
        signed.write(&world.site.path("cert.pem"), &world.site.path("key.pem"));
        server.until_says("certificate in use", said);
        let weak = weak(&world, server.dot(), &["-S"]).unwrap();
        assert!(weak.iter().any(|id| id == found), "{found}: {weak:?}");
    }
    server.stop();
}
