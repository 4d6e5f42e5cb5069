//! DNS over HTTPS (RFC 8484).

mod limits;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, Request};
use nix::sys::signal::Signal;

use crate::support::client::{ask, framed, read_framed};
use crate::support::https::{get, post, run, whole};
use crate::support::tls::{self, BOTH, Encrypted, NAME, OURS};
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::wait_until;

fn query(name: &str) -> Vec<u8> {
    ask(name, "A").bytes()
}

#[test]
fn rfc8484_4_1_an_answer_by_post_or_get_has_the_octets_of_one_over_tcp() {
    use std::io::Write;
    let world = Encrypted::new();
    let server = world.site.start();
    let mut tcp = std::net::TcpStream::connect(server.address()).unwrap();
    run(async {
        let mut client = world.connect_https(&server).await;
        for (name, age) in [
            (OURS, "max-age=10"),
            ("nobody.privatelink.queue.core.windows.net", "max-age=0"),
            ("localhost", "max-age=10800"),
        ] {
            let question = query(name);
            tcp.write_all(&framed(&question)).unwrap();
            let wanted = read_framed(&mut tcp).unwrap();
            let by_get = format!("/dns-query?dns={}", BASE64_URL_SAFE_NO_PAD.encode(&question));
            for reply in [client.post(&question).await.unwrap(), client.ask(get(&by_get), b"").await.unwrap()] {
                assert_eq!((reply.status, &reply.body), (200, &wanted), "{name}");
                assert_eq!(reply.field("content-type"), "application/dns-message");
                assert_eq!(reply.field("content-length"), wanted.len().to_string());
                assert_eq!(reply.field("cache-control"), age, "{name}");
            }
        }
    });
    assert_eq!(world.site.counted("https_queries"), 6);
    server.stop();
}

#[test]
fn each_mistake_of_a_request_has_its_status_and_the_connection_goes_on() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let other = |method: Method, path: &str| {
            Request::builder().method(method).uri(format!("https://{NAME}{path}")).body(()).unwrap()
        };
        let too_long = vec![0; 65_536];
        let response = {
            let mut response = query(OURS);
            response[2] |= 0x80;
            response
        };
        for (request, body, status) in [
            (get("/"), &b""[..], 404),
            (post("/other"), &query(OURS), 404),
            (other(Method::PUT, "/dns-query"), &query(OURS), 405),
            (other(Method::POST, "/dns-query"), &query(OURS), 415),
            (get("/dns-query"), b"", 400),
            (get("/dns-query?dns=****"), b"", 400),
            (post("/dns-query"), b"", 400),
            (post("/dns-query"), b"short", 400),
            (post("/dns-query"), &response, 400),
            (post("/dns-query"), &too_long, 413),
        ] {
            let reply = client.ask(request, body).await.unwrap();
            assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.body));
            assert!(reply.field("content-type") == "text/plain" && reply.body.ends_with(b".\n"), "{status}");
            assert_eq!(reply.field("allow"), if status == 405 { "GET, POST" } else { "" });
        }
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
    });
    assert_eq!(world.site.counted("https_refused"), 10);
    server.stop();
}

#[test]
fn rfc9110_9_3_2_a_reply_to_head_has_the_fields_of_one_to_get_and_no_content() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        for (path, status) in [("/", 404), ("/dns-query", 405)] {
            let head = Request::head(format!("https://{NAME}{path}")).body(()).unwrap();
            let reply = client.ask(head, b"").await.unwrap();
            assert_eq!((reply.status, &reply.body[..]), (status, &b""[..]), "{path}");
            assert_ne!(reply.field("content-length"), "0", "{path}");
        }
    });
    server.stop();
}

#[test]
fn rfc8484_4_1_what_a_client_accepts_does_not_matter() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        for accept in ["*/*", "application/dns-message", "text/html", ""] {
            let mut request = post("/dns-query");
            request.headers_mut().insert("accept", accept.parse().unwrap());
            let reply = client.ask(request, &query(OURS)).await.unwrap();
            assert_eq!((reply.status, reply.field("content-type")), (200, "application/dns-message"), "{accept}");
        }
    });
    server.stop();
}

#[test]
fn rfc9113_6_5_2_a_client_is_told_the_limits_and_fields_that_are_too_long_end_one_request() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        assert_eq!(client.most_requests(), 100);
        let mut request = post("/dns-query");
        request.headers_mut().insert("x-long", "a".repeat(9 << 10).parse().unwrap());
        assert!(client.ask(request, &query(OURS)).await.is_ok_and(|reply| reply.status == 431));
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
    });
    server.stop();
}

#[test]
fn a_client_of_http_1_1_gets_an_end_and_not_a_connection_that_hangs() {
    use std::io::{ErrorKind, Read, Write};
    let world = Encrypted::new();
    let server = world.site.start();
    let mut config = world.authority.client(None, &BOTH);
    let mut stream = tls::connect(&Arc::new(config.clone()), NAME, server.doh()).unwrap();
    stream.write_all(b"GET /dns-query?dns=AAA HTTP/1.1\r\nhost: dns.corp.example\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let is_over = |error: &std::io::Error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(stream.read_to_end(&mut said).as_ref().err().is_none_or(is_over), "the connection hangs");
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1 200"), "{said:02x?}");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    assert!(tls::connect(&Arc::new(config), NAME, server.doh()).is_err());
    server.stop();
}

#[test]
fn the_path_is_that_of_the_config_and_follows_it() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    world.site.add("[doh]\npath = \"/resolve\"\n");
    let status = |path: &str| {
        run(async { world.connect_https(&server).await.ask(post(path), &query(OURS)).await.unwrap().status })
    };
    wait_until("the path is the new one", || status("/resolve") == 200);
    assert_eq!(status("/dns-query"), 404);
    server.stop();
}

#[test]
fn an_error_of_dns_is_no_error_of_http_and_a_transfer_is_refused() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        for (name, qtype) in [("privatelink.blob.core.windows.net", "AXFR"), ("version.bind", "AXFR")] {
            let reply = client.post(&ask(name, qtype).bytes()).await.unwrap();
            assert_eq!((reply.status, reply.body[3] & 0x0f), (200, 5), "{name}");
            assert_eq!(reply.field("cache-control"), "max-age=0");
        }
    });
    server.stop();
}

#[test]
fn a_slow_answer_holds_up_no_other_and_the_last_comes_while_the_server_stops() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let slow = client.send(query("slow.example")).await.unwrap();
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        server.signal(Signal::SIGTERM);
        server.until_says("draining", 0);
        upstream.release();
        let reply = whole(slow).await.unwrap();
        assert!(reply.body.ends_with(&[192, 0, 2, 1]) || reply.body.windows(4).any(|part| part == [192, 0, 2, 1]));
    });
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn a_thousand_questions_at_one_time_are_all_answered() {
    let upstream = Upstream::serving("");
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let mut replies = Vec::new();
        for number in 0..1000 {
            let name = if number % 2 == 0 { OURS.to_owned() } else { format!("n{number}.example") };
            let reply = client.send(query(&name)).await.unwrap();
            replies.push(tokio::spawn(whole(reply)));
        }
        for reply in replies {
            assert_eq!(reply.await.unwrap().unwrap().status, 200);
        }
    });
    server.stop();
}
