//! Certificates that are replaced while clients ask.

mod ways;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustls::{ClientConfig, HandshakeKind};

use super::{answer, query};
use crate::support::client::ask;
use crate::support::https::{Client, run};
use crate::support::tls::{Encrypted, NAME, OURS, Signed, certificate, connect, write_key};
use crate::support::wait_until;

/// Answers that each client gets between two renewals.
const BETWEEN: usize = 20;

/// Clients that ask all the time, and what they have got.
#[derive(Default)]
struct Load {
    ends: AtomicBool,
    by_tls: AtomicUsize,
    by_https: AtomicUsize,
}

impl Load {
    /// Asks over TLS, with a new connection for every other question.
    fn over_tls(&self, client: &Arc<ClientConfig>, server: SocketAddr) {
        let mut kept = connect(client, NAME, server).unwrap();
        while !self.ends.load(Ordering::Relaxed) {
            let mut new = connect(client, NAME, server).expect("a handshake ends well at any time");
            for stream in [&mut kept, &mut new] {
                assert_eq!(answer(stream, &query(OURS))[3] & 0x0f, 0, "NOERROR");
                self.by_tls.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The same over HTTPS.
    fn over_https(&self, client: &ClientConfig, server: SocketAddr) {
        run(async {
            let mut kept = Client::connect(client, server).await;
            while !self.ends.load(Ordering::Relaxed) {
                let mut new = Client::connect(client, server).await;
                for connection in [&mut kept, &mut new] {
                    let reply = connection.post(&ask(OURS, "A").bytes()).await.expect("a question is answered");
                    assert_eq!(reply.status, 200);
                    self.by_https.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }

    /// Waits until each client has had some more answers.
    fn goes_on(&self) {
        let counts = || [&self.by_tls, &self.by_https].map(|count| count.load(Ordering::Relaxed));
        let [tls, https] = counts();
        wait_until("clients are answered", || {
            let now = counts();
            now[0] >= tls + BETWEEN && now[1] >= https + BETWEEN
        });
    }
}

/// The ways in which programs replace the two files, by what is there for some time in between.
fn replace(world: &Encrypted, way: usize, new: &Signed, load: &Load) {
    let (cert, key) = (world.site.path("cert.pem"), world.site.path("key.pem"));
    let half = &new.certificate[..new.certificate.len() / 2];
    match way {
        // The certificate first.
        0 => {
            std::fs::write(&cert, &new.certificate).unwrap();
            load.goes_on();
            write_key(&key, &new.key);
        }
        // The key first.
        1 => {
            write_key(&key, &new.key);
            load.goes_on();
            std::fs::write(&cert, &new.certificate).unwrap();
        }
        // Half of the certificate first.
        2 => {
            write_key(&key, &new.key);
            std::fs::write(&cert, half).unwrap();
            load.goes_on();
            std::fs::write(&cert, &new.certificate).unwrap();
        }
        // Neither file for some time.
        3 => {
            std::fs::remove_file(&cert).unwrap();
            std::fs::remove_file(&key).unwrap();
            load.goes_on();
            new.write(&cert, &key);
        }
        _ => new.write(&cert, &key),
    }
}

#[test]
fn pairs_that_are_replaced_in_five_ways_under_load_fail_no_handshake_and_no_question() {
    let world = Encrypted::new();
    let server = world.site.start();
    let (load, client, dot, doh) = (Load::default(), world.client(), server.dot(), server.doh());
    thread::scope(|scope| {
        scope.spawn(|| load.over_tls(&client, dot));
        scope.spawn(|| load.over_https(&client, doh));
        // A client that fails ends its thread, and then nothing goes on.
        for way in 0..5 {
            load.goes_on();
            let new = world.sign();
            replace(&world, way, &new, &load);
            wait_until("the new certificate is served", || certificate(&world.connect(&server)) == new.octets());
        }
        load.goes_on();
        load.ends.store(true, Ordering::Relaxed);
    });
    assert_eq!(world.site.counted("tls_failed"), 0);
    wait_until("nothing is wrong any more", || world.problems().is_empty());
    server.stop();
}

#[test]
fn a_certificate_that_is_replaced_is_served_soon_and_connections_go_on() {
    let world = Encrypted::new();
    let server = world.site.start();
    let mut before = world.connect(&server);
    let old = certificate(&before);
    world.renew();
    wait_until("the new certificate is served", || certificate(&world.connect(&server)) != old);
    answer(&mut before, &query(OURS));
    assert_eq!(world.problems(), [""; 0]);
    server.stop();
}

#[test]
fn a_pair_of_which_one_file_is_replaced_stays_and_is_said_only_if_the_other_does_not_follow() {
    let world = Encrypted::new();
    let server = world.site.start();
    let old = certificate(&world.connect(&server));
    let new = world.authority.sign(&[NAME]);
    std::fs::write(world.site.path("cert.pem"), &new.certificate).unwrap();
    server.until_says("is not this certificate's: replace both files; the one before stays in use", 0);
    assert_eq!(certificate(&world.connect(&server)), old);
    assert!(world.problems().len() == 1 && world.site.status()["verdict"]["level"] == "error");
    write_key(&world.site.path("key.pem"), &new.key);
    wait_until("the new certificate is served", || certificate(&world.connect(&server)) != old);
    wait_until("nothing is wrong any more", || world.problems().is_empty());
    server.stop();
}

#[test]
fn a_server_without_a_certificate_answers_over_udp_and_over_tls_as_soon_as_it_has_one() {
    let world = Encrypted::new();
    std::fs::remove_file(world.site.path("key.pem")).unwrap();
    let server = world.site.start();
    assert_eq!(server.resolves(OURS), ["10.1.0.1"]);
    assert!(connect(&world.client(), NAME, server.dot()).is_err());
    let headline = world.site.status()["verdict"]["findings"].to_string();
    assert!(headline.contains("clients that encrypt get no answer at 127.0.0.1:"), "{headline}");
    world.renew();
    wait_until("it is answered", || connect(&world.client(), NAME, server.dot()).is_ok());
    server.stop();
}

#[test]
fn a_session_is_resumed_also_after_the_certificate_was_renewed() {
    let world = Encrypted::new();
    let server = world.site.start();
    let client = world.client();
    let kind = || {
        let mut stream = connect(&client, NAME, server.dot()).unwrap();
        // The ticket comes with the first answer.
        answer(&mut stream, &query(OURS));
        stream.conn.handshake_kind().unwrap()
    };
    assert_eq!([kind(), kind()], [HandshakeKind::Full, HandshakeKind::Resumed]);
    let said = server.stderr().len();
    world.renew();
    server.until_says("certificate in use", said);
    assert_eq!(kind(), HandshakeKind::Resumed);
    server.stop();
}
