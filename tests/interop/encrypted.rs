//! kdig and openssl ask by TLS and HTTPS, and Unbound forwards to us by TLS.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::server::Server;
use crate::support::tls::{Encrypted, NAME};
use crate::tool::{find, run};

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
