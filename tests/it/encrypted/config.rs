//! Encryption as the config has it: what a changed file may end, and what `check`, `doctor`, `reload` and `status` say.

use std::io::Write;
use std::sync::Arc;

use super::{answer, query};
use crate::support::client::read_framed;
use crate::support::tls::{Authority, BOTH, Encrypted, NAME, OURS, connect};
use crate::support::wait_until;

#[test]
fn a_config_that_ends_too_early_ends_no_encryption_and_demands_no_less_until_a_person_says_so() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    for section in ["doh", "dot", "tls"] {
        world.site.remove_config(section);
    }
    for section in ["doh", "dot", "tls"] {
        server.until_says(&format!("[{section}] is no longer in it"), 0);
    }
    answer(&mut world.connect(&server), &query(OURS));
    world.site.run("reload", &[]).expect(0, &["'[dot] listen' changed; that takes effect at the next start"]);
    let text = || world.site.status()["verdict"]["findings"].to_string();
    wait_until("nobody can encrypt", || text().contains("no [tls]: clients that encrypt get no answer at 127.0.0.1:"));
    assert!(
        text().contains("add [tls] with cert and key, or restart the server without [dot] and [doh]"),
        "{}",
        text()
    );
    server.stop();
}

#[test]
fn reload_says_at_once_which_certificates_cannot_be_used_and_fails() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    let other = world.sign();
    other.write(&world.site.path("other.pem"), &world.site.path("other.key"));
    for (tls, said) in [
        ("cert = \"none.pem\"\nkey = \"other.key\"", "none.pem: cannot be read"),
        (
            "cert = \"other.pem\"\nkey = \"key.pem\"",
            "is not this certificate's: replace both files; clients cannot get",
        ),
        ("client_ca = \"none.pem\"", "none.pem: client_ca: cannot be read"),
    ] {
        let good = std::fs::read_to_string(world.site.config_file()).unwrap();
        world.site.add(&format!("[tls]\n{tls}\n"));
        world.site.run("reload", &[]).expect(1, &["config read", said, "not everything could be done"]);
        world.site.write_raw_config(&good);
        world.site.run("reload", &[]).expect(0, &["config read"]);
        world.site.add("[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n");
    }
    server.stop();
}

#[test]
fn with_client_ca_that_cannot_be_used_the_message_says_whether_anybody_is_let_in() {
    let world = Encrypted::new();
    let clients = Authority::new();
    let server = world.site.start();
    let is_served = |identity| {
        let stream = connect(&Arc::new(world.authority.client(identity, &BOTH)), NAME, server.dot());
        // With TLS 1.3 the client has its part done before the server refuses it.
        stream.and_then(|mut stream| stream.write_all(&query(OURS)).and_then(|()| read_framed(&mut stream))).is_ok()
    };
    assert!(is_served(None));
    let known = clients.sign(&["client"]);
    let config = std::fs::read_to_string(world.site.config_file()).unwrap();
    world.site.write_raw_config(&config.replace("[tls]\n", "[tls]\nclient_ca = \"ca.pem\"\n"));
    server.until_says("no client can be proven, so none that encrypts is let in", 0);
    wait_until("nobody is let in", || !is_served(None) && !is_served(Some(&known)));
    std::fs::write(world.site.path("ca.pem"), clients.pem()).unwrap();
    wait_until("a client of these roots is let in", || is_served(Some(&known)) && !is_served(None));
    let said = server.stderr().len();
    let pem = clients.pem();
    std::fs::write(world.site.path("ca.pem"), &pem[..pem.len() / 2]).unwrap();
    server.until_says("roots and certificates before stay in use, and new ones are not taken", said);
    assert!(is_served(Some(&known)) && !is_served(None));
    let others = Authority::new();
    std::fs::write(world.site.path("ca.pem"), others.pem()).unwrap();
    let new = others.sign(&["client"]);
    wait_until("other roots are in use", || is_served(Some(&new)) && !is_served(Some(&known)) && !is_served(None));
    wait_until("nothing is wrong any more", || world.problems().is_empty());
    server.stop();
}
