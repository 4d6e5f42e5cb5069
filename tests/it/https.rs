//! DNS over HTTPS (RFC 8484), under clients that mean no good.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use h2::Reason;
use h2::client::Builder;
use http::{Method, Request};
use nix::sys::signal::Signal;

use crate::support::client::{ask, framed, read_framed};
use crate::support::https::{Client, get, post, run, whole};
use crate::support::server::{Server, process_status};
use crate::support::tls::{Encrypted, NAME};
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::wait_until;

const OURS: &str = "acct.privatelink.blob.core.windows.net";

fn query(name: &str) -> Vec<u8> {
    ask(name, "A").bytes()
}

async fn connect(world: &Encrypted, server: &Server) -> Client {
    Client::connect(&world.client(), server.doh()).await
}

fn counter(world: &Encrypted, name: &str) -> u64 {
    world.site.status()["queries"]["counters"][name].as_u64().unwrap_or_default()
}

#[test]
fn rfc8484_4_1_an_answer_by_post_or_get_has_the_octets_of_one_over_tcp() {
    use std::io::Write;
    let world = Encrypted::new();
    let server = world.site.start();
    let mut tcp = std::net::TcpStream::connect(server.address()).unwrap();
    run(async {
        let mut client = connect(&world, &server).await;
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
    assert_eq!(counter(&world, "https_queries"), 6);
    server.stop();
}

#[test]
fn each_mistake_of_a_request_has_its_status_and_the_connection_goes_on() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
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
    assert_eq!(counter(&world, "https_refused"), 10);
    server.stop();
}

#[test]
fn rfc9110_9_3_2_a_reply_to_head_has_the_fields_of_one_to_get_and_no_content() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
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
fn the_path_is_that_of_the_config_and_follows_it() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    world.site.add("[doh]\npath = \"/resolve\"\n");
    let status =
        |path: &str| run(async { connect(&world, &server).await.ask(post(path), &query(OURS)).await.unwrap().status });
    wait_until("the path is the new one", || status("/resolve") == 200);
    assert_eq!(status("/dns-query"), 404);
    server.stop();
}

#[test]
fn an_error_of_dns_is_no_error_of_http_and_a_transfer_is_refused() {
    let world = Encrypted::new();
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
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
    let mut world = Encrypted::new();
    world.site = world.site.with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
        let (slow, mut stream) = client.begin(post("/dns-query"), false).await.unwrap();
        stream.send_data(Bytes::from(query("slow.example")), true).unwrap();
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        server.signal(Signal::SIGTERM);
        server.until_says("draining", 0);
        upstream.release();
        let reply = whole(slow).await.unwrap();
        assert!(reply.body.ends_with(&[192, 0, 2, 1]) || reply.body.windows(4).any(|part| part == [192, 0, 2, 1]));
        drop((client.begin(post("/dns-query"), false).await.is_err(), stream));
    });
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn a_thousand_questions_at_one_time_are_all_answered() {
    let upstream = Upstream::serving("");
    let mut world = Encrypted::new();
    world.site = world.site.with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
        let mut replies = Vec::new();
        for number in 0..1000 {
            let name = if number % 2 == 0 { OURS.to_owned() } else { format!("n{number}.example") };
            let (reply, mut stream) = client.begin(post("/dns-query"), false).await.unwrap();
            stream.send_data(Bytes::from(query(&name)), true).unwrap();
            replies.push(tokio::spawn(whole(reply)));
        }
        for reply in replies {
            assert_eq!(reply.await.unwrap().unwrap().status, 200);
        }
    });
    server.stop();
}

#[test]
fn a_client_whose_window_is_shut_collects_few_answers_and_gets_all_once_it_opens() {
    // Answers of some 40,000 octets.
    let long: String =
        (0..2500).fold(String::new(), |all, n| all + &format!("long.example. 60 A 10.9.{}.{}\n", n / 250, n % 250));
    let upstream = Upstream::serving(&long);
    let mut world = Encrypted::new();
    world.site = world.site.with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = Client::with(Builder::new().initial_window_size(0), &world.client(), server.doh()).await;
        let mut replies = Vec::new();
        for _ in 0..60 {
            let (reply, mut stream) = client.begin(post("/dns-query"), false).await.unwrap();
            stream.send_data(Bytes::from(query("long.example")), true).unwrap();
            replies.push((reply, stream));
        }
        // The first replies have their head, and no octet of the body.
        let mut bodies = Vec::new();
        let mut others = Vec::new();
        for (reply, stream) in replies {
            match bodies.len() {
                0 | 1 => bodies.push(reply.await.unwrap().into_body()),
                _ => others.push((reply, stream)),
            }
        }
        tokio::task::spawn_blocking({
            let address = server.address();
            move || assert_eq!(ask(OURS, "A").to(address).addresses(), ["10.1.0.1"])
        })
        .await
        .unwrap();
        assert!(counter(&world, "forwarded") < 10, "the others are composed once some are taken");
        assert!(process_status(server.pid(), "VmRSS") < 200 << 10, "kilobytes");
    });
    server.stop();
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection_and_hold_up_no_other() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let mut world = Encrypted::new();
    world.site = world.site.with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = connect(&world, &server).await;
        let mut sent = 0;
        // The server ends it long before; a server that does not would take them all.
        while sent < 100_000 {
            let Ok((_, mut stream)) = client.begin(post("/dns-query"), false).await else { break };
            let _ = stream.send_data(Bytes::from(query(&format!("n{sent}.slow.example"))), true);
            stream.send_reset(Reason::CANCEL);
            sent += 1;
        }
        assert!(counter(&world, "https_queries") < 100_000);
        assert_eq!(connect(&world, &server).await.post(&query(OURS)).await.unwrap().status, 200);
    });
    server.stop();
}

#[test]
fn a_request_that_never_ends_and_a_connection_without_requests_are_ended_in_good_order() {
    let mut world = Encrypted::new();
    world.site.add("[tcp]\nidle = \"300ms\"\n");
    let server = world.site.start();
    run(async {
        let mut idle = connect(&world, &server).await;
        assert_eq!(idle.post(&query(OURS)).await.unwrap().status, 200);
        assert!(idle.ended.await.unwrap().is_none_or(|error| error.reason() == Some(Reason::NO_ERROR)));
        let mut half = connect(&world, &server).await;
        let (reply, mut stream) = half.begin(post("/dns-query"), false).await.unwrap();
        stream.send_data(Bytes::from_static(b"half"), false).unwrap();
        assert!(whole(reply).await.is_err());
    });
    server.stop();
}

#[test]
fn a_certificate_that_is_replaced_is_served_to_clients_of_https_too() {
    let world = Encrypted::new();
    let server = world.site.start();
    let said = server.stderr().len();
    world.renew();
    server.until_says("certificate in use", said);
    run(async { assert_eq!(connect(&world, &server).await.post(&query(OURS)).await.unwrap().status, 200) });
    server.stop();
}
