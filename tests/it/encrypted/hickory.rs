//! A client that others have written: hickory's, over TLS and over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use hickory_net::h2::HttpsClientStream;
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tls::tls_exchange;
use hickory_net::xfer::{DnsExchange, DnsHandle, FirstAnswer};
use hickory_proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use rustls::pki_types::ServerName;

use crate::support::SOON;
use crate::support::https::run;
use crate::support::server::Server;
use crate::support::tls::{Encrypted, NAME, OURS};
use crate::support::upstream::{Upstream, addresses};

/// A connection of it, which ends with its provider.
struct Connection(DnsExchange<TokioRuntimeProvider>, #[expect(dead_code, reason = "it is held")] TokioRuntimeProvider);

async fn by_tls(world: &Encrypted, server: &Server) -> Connection {
    let (name, client) = (ServerName::try_from(NAME).unwrap(), Arc::unwrap_or_clone(world.client()));
    let provider = TokioRuntimeProvider::default();
    // As many at one time as one connection may have.
    Connection(tls_exchange(server.dot(), name, client, SOON, Some(100), provider.clone()).await.unwrap(), provider)
}

async fn by_https(world: &Encrypted, server: &Server) -> Connection {
    let provider = TokioRuntimeProvider::default();
    let builder = HttpsClientStream::builder(world.client(), provider.clone());
    Connection(builder.exchange(server.doh(), NAME.into(), "/dns-query".into()).await.unwrap(), provider)
}

fn ask(connection: &Connection, name: &str, rtype: RecordType) -> impl Future<Output = DnsResponse> + use<> {
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    let asked = connection.0.lookup(Query::query(name.parse().unwrap(), rtype), options);
    async { tokio::time::timeout(Duration::from_mins(1), asked.first_answer()).await.unwrap().unwrap() }
}

/// What such a client sees: the RCODE, and how many records are in the answer.
async fn seen(connection: &Connection, name: &str, rtype: RecordType) -> (ResponseCode, usize) {
    let response = ask(connection, name, rtype).await;
    (response.response_code, response.answers.len())
}

#[test]
fn hickory_gets_answers_denials_and_long_answers_over_tls_and_over_https() {
    let upstream = Upstream::serving(&addresses("long.example", 2000));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        for connection in [by_tls(&world, &server).await, by_https(&world, &server).await] {
            assert_eq!(seen(&connection, OURS, RecordType::A).await, (ResponseCode::NoError, 1));
            assert_eq!(seen(&connection, OURS, RecordType::TXT).await, (ResponseCode::NoError, 0));
            assert_eq!(seen(&connection, "a.invalid.", RecordType::A).await, (ResponseCode::NXDomain, 0));
            assert_eq!(seen(&connection, "no.example.", RecordType::A).await, (ResponseCode::NXDomain, 0));
            assert_eq!(seen(&connection, "long.example.", RecordType::A).await, (ResponseCode::NoError, 2000));
        }
    });
    server.stop();
}

#[test]
fn hickory_asks_two_hundred_questions_over_one_connection_and_gets_two_hundred_answers() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        for connection in [by_tls(&world, &server).await, by_https(&world, &server).await] {
            for _ in 0..10 {
                // At one time as many as its own queue holds without a loss.
                let asked: Vec<_> = (0..20).map(|_| tokio::spawn(ask(&connection, OURS, RecordType::A))).collect();
                for answer in asked {
                    assert_eq!(answer.await.unwrap().answers.len(), 1);
                }
            }
        }
    });
    assert_eq!((world.site.counted("tls_queries"), world.site.counted("https_queries")), (200, 200));
    assert_eq!(world.site.counted("tls_handshakes"), 2);
    server.stop();
}

#[test]
fn hickory_takes_no_certificate_of_another_authority() {
    let (world, other) = (Encrypted::new(), Encrypted::new());
    let server = world.site.start();
    run(async {
        let (name, client) = (ServerName::try_from(NAME).unwrap(), Arc::unwrap_or_clone(other.client()));
        let provider = TokioRuntimeProvider::default();
        assert!(tls_exchange(server.dot(), name, client, SOON, None, provider.clone()).await.is_err());
        let builder = HttpsClientStream::builder(other.client(), provider);
        assert!(builder.exchange(server.doh(), NAME.into(), "/dns-query".into()).await.is_err());
    });
    server.stop();
}
