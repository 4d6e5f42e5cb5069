//! What one client can take: memory, places and time, under clients that mean no good.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::Reason;
use h2::client::Builder;
use tokio::sync::Semaphore;

use super::query;
use crate::support::client::ask;
use crate::support::https::{Client, body, post, run, until, whole};
use crate::support::server::process_status;
use crate::support::tls::{Encrypted, OURS};
use crate::support::upstream::script::Script;
use crate::support::upstream::{Upstream, addresses};
use crate::support::wait_until;

#[test]
fn a_client_whose_window_is_shut_collects_few_answers_and_gets_all_once_it_opens() {
    // Answers of some 32,000 octets.
    let upstream = Upstream::serving(&addresses("long.example", 2000));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = Client::with(Builder::new().initial_window_size(1000), &world.client(), server.doh()).await;
        let (heads, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let mut answers = Vec::new();
        for _ in 0..60 {
            let reply = client.send(query("long.example")).await.unwrap();
            let (heads, opened) = (Arc::clone(&heads), Arc::clone(&opened));
            answers.push(tokio::spawn(async move {
                let stream = reply.await.unwrap().into_body();
                heads.fetch_add(1, Ordering::Relaxed);
                drop(opened.acquire().await.unwrap());
                body(stream).await.unwrap()
            }));
        }
        let (address, seen) = (server.address(), Arc::clone(&heads));
        let others = tokio::task::spawn_blocking(move || {
            wait_until("some answers have begun", || seen.load(Ordering::Relaxed) > 0);
            ask(OURS, "A").to(address).addresses()
        });
        assert_eq!(others.await.unwrap(), ["10.1.0.1"]);
        assert!(world.site.counted("forwarded") < 10, "the others are composed once some are taken");
        assert!(process_status(server.pid(), "VmRSS") < 200 << 10, "kilobytes");
        assert!(heads.load(Ordering::Relaxed) < 10);
        opened.add_permits(60);
        for answer in answers {
            assert!(answer.await.unwrap().len() > 32_000);
        }
    });
    server.stop();
}

#[test]
fn answers_that_a_client_takes_back_when_it_has_their_head_make_room_for_the_others() {
    let upstream = Upstream::serving(&addresses("long.example", 2000));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = Client::with(Builder::new().initial_window_size(1000), &world.client(), server.doh()).await;
        let mut answers = Vec::new();
        for _ in 0..60 {
            let reply = client.send(query("long.example")).await.unwrap();
            answers.push(tokio::spawn(async { reply.await.map(|reply| reply.status().as_u16()) }));
        }
        for status in answers {
            assert_eq!(status.await.unwrap().unwrap(), 200);
        }
    });
    server.stop();
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection_and_hold_up_no_other() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let mut sent = 0;
        // The server ends it long before; a server that does not would take them all.
        while sent < 100_000 {
            let Ok((_, mut stream)) = client.begin(post("/dns-query"), false).await else { break };
            let _ = stream.send_data(Bytes::from(query(&format!("n{sent}.slow.example"))), true);
            // The server has the request before it is taken back.
            tokio::task::yield_now().await;
            stream.send_reset(Reason::CANCEL);
            sent += 1;
        }
        assert!(sent < 100_000);
        assert_eq!(world.connect_https(&server).await.post(&query(OURS)).await.unwrap().status, 200);
    });
    server.stop();
}

#[test]
fn rfc9110_15_5_9_a_request_that_never_ends_is_refused_and_the_others_go_on() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let world = Encrypted::new().with_upstream(&upstream).with_config("[tcp]\nidle = \"300ms\"\n");
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let slow = client.send(query("slow.example")).await.unwrap();
        let (half, mut stream) = client.begin(post("/dns-query"), false).await.unwrap();
        stream.send_data(Bytes::from_static(b"half"), false).unwrap();
        assert_eq!(whole(half).await.unwrap().status, 408);
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        upstream.release();
        assert_eq!(whole(slow).await.unwrap().status, 200);
    });
    server.stop();
}

#[test]
fn a_connection_without_requests_is_ended_in_good_order() {
    let world = Encrypted::new().with_config("[tcp]\nidle = \"300ms\"\n");
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        assert!(client.ended.await.unwrap().is_none_or(|error| error.reason() == Some(Reason::NO_ERROR)));
    });
    server.stop();
}

#[test]
fn questions_that_a_client_has_taken_back_hold_up_no_name_that_is_answered_here() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    run(async {
        let mut client = world.connect_https(&server).await;
        let mut slow = Vec::new();
        for number in 0..100 {
            let (reply, mut stream) = client.begin(post("/dns-query"), false).await.unwrap();
            stream.send_data(Bytes::from(query(&format!("n{number}.slow.example"))), true).unwrap();
            slow.push((reply, stream));
        }
        until(|| world.site.counted("https_queries") == 100).await;
        for (_, stream) in &mut slow {
            stream.send_reset(Reason::CANCEL);
        }
        assert_eq!(client.post(&query(OURS)).await.unwrap().status, 200);
        assert_eq!(world.site.counted("https_queries"), 101, "the upstream has not answered yet");
    });
    server.stop();
}

#[test]
fn a_client_that_reads_nothing_collects_few_answers_whatever_its_windows_and_is_cut_off() {
    // Answers of some 60,000 octets, six million in all.
    let upstream = Upstream::serving(&addresses("long.example", 3700));
    let world = Encrypted::new().with_upstream(&upstream).with_config("[tcp]\nidle = \"700ms\"\n");
    let server = world.site.start();
    let mut windows = Builder::new();
    windows.initial_max_send_streams(100).initial_window_size(1 << 30).initial_connection_window_size(1 << 30);
    run(async {
        let mut client = Client::deaf(&windows, &world.client(), server.doh()).await;
        let mut replies = Vec::new();
        for _ in 0..100 {
            replies.push(client.send(query("long.example")).await.unwrap());
        }
        let (site, size) = (&world.site, || process_status(server.pid(), "VmRSS"));
        until(|| site.counted("https_queries") > 0).await;
        let before = size();
        until(|| site.status()["queries"]["connections"] == 0).await;
        assert!(size() < before + (4 << 10), "kilobytes");
        assert!(site.counted("forwarded") < 100, "the others are never composed");
    });
    server.stop();
}
