//! What takes several clients or several servers to show: sharing, limits, prefetch, stale answers in time, loops.

use std::thread;
use std::time::Duration;

use crate::support::client::{Ask, ask};
use crate::support::reply::Reply;
use crate::support::script::Script;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::{wait_for, wait_until};

/// An upstream with records, and a fault for each question.
fn upstream(records: &str, faults: &str) -> Upstream {
    let mut script = Script::of(records);
    script.faults.read(faults).unwrap();
    Upstream::start(script)
}

fn status(site: &Site) -> serde_json::Value {
    serde_json::from_str(&site.run("status", &["--json"]).stdout).unwrap()
}

/// How many questions went to the upstreams, each with all its retransmits.
fn exchanges(site: &Site) -> u64 {
    let group = &status(site)["groups"][0];
    group["asked"].as_u64().unwrap() - group["shared"].as_u64().unwrap()
}

/// Asks all at once.
fn together(server: &Server, asks: Vec<Ask>) -> Vec<Reply> {
    let address = server.address();
    let asking: Vec<_> = asks.into_iter().map(|ask| thread::spawn(move || ask.to(address))).collect();
    asking.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn clients_who_ask_the_same_at_once_cost_the_upstream_one_question() {
    let upstream = upstream("www.example. 60 A 192.0.2.1\n", "delay=1s");
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    for reply in together(&server, vec![ask("www.example", "A"); 20]) {
        assert_eq!(reply.addresses(), ["192.0.2.1"]);
    }
    assert_eq!(exchanges(&site), 1);
    server.stop();
}

#[test]
fn what_never_gets_its_turn_is_servfail_with_an_ede_and_no_more_reach_the_upstream_than_it_takes() {
    let upstream = upstream("", "drop");
    let limits = "[forward]\nmax_in_flight = 2\ntimeout = \"1s\"\n";
    let site = Site::new().with_upstream(&upstream).with_config(limits);
    let server = site.start();
    let asks = (0..10).map(|n| ask(&format!("n{n}.example"), "A")).collect();
    let replies = together(&server, asks);
    assert!(replies.iter().all(|reply| reply.rcode == "SERVFAIL"));
    let overloaded = replies.iter().filter(|reply| reply.ede_text().contains("too many")).count();
    assert_eq!(overloaded, 8, "{:#?}", replies.iter().map(Reply::ede_text).collect::<Vec<_>>());
    let asked = upstream.questions().iter().filter(|question| question.contains(".example.")).count();
    assert_eq!(asked, 2, "{:#?}", upstream.questions());
    server.stop();
}

#[test]
fn a_popular_answer_is_asked_for_again_before_it_ends() {
    let upstream = upstream("www.example. 6 A 192.0.2.1\n", "");
    let server = Site::new().with_upstream(&upstream).start();
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    // From now on an answer takes its time: a client that is served at once is served from the cache.
    upstream.script(|script| script.faults.read("delay=2s").unwrap());
    let mut was_behind_the_client = false;
    wait_until("the upstream is asked again", || {
        let already_asked = upstream.asked("www.example", "A") == 2;
        let reply = server.ask("www.example", "A");
        assert_eq!(reply.addresses(), ["192.0.2.1"]);
        was_behind_the_client |= already_asked && reply.answer[0].ttl <= 1;
        already_asked
    });
    assert!(was_behind_the_client, "a client was served from the cache while the upstream was asked");
    server.stop();
}

#[test]
fn a_stale_answer_does_not_wait_for_a_slow_upstream_and_the_fresh_one_is_there_for_the_next_client() {
    let upstream = upstream("www.example. 1 A 192.0.2.1\n", "");
    let site = Site::new().with_upstream(&upstream).with_config("[forward]\ntimeout = \"7s\"");
    let server = site.start();
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    upstream.script(|script| {
        *script = Script::of("www.example. 60 A 192.0.2.2\n");
        script.faults.read("delay=4s").unwrap();
    });
    let mut stale = Vec::new();
    wait_until("the fresh answer", || {
        let reply = server.ask("www.example", "A");
        match reply.ede() {
            Some(3) => stale.push(reply.answer[0].ttl),
            _ => assert!(reply.ede().is_none(), "{reply}"),
        }
        reply.addresses() == ["192.0.2.2"]
    });
    assert!(!stale.is_empty() && stale.iter().all(|ttl| *ttl == 30), "{stale:?}");
    assert_eq!(exchanges(&site), 2, "one for each address, however many clients were served meanwhile");
    server.stop();
}

/// Says what the loop is, and soon.
fn says_loop(server: &Server, name: &str) {
    wait_until("a loop is said", || {
        let reply = server.ask(name, "A");
        reply.rcode == "SERVFAIL" && reply.ede_text().contains("loop")
    });
}

#[test]
fn an_upstream_that_is_this_server_is_found_out() {
    let site = &mut Site::new();
    let server = site.start();
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", server.address()));
    site.run("reload", &[]).expect(0, &[]);
    says_loop(&server, "www.example");
    server.stop();
}

#[test]
fn two_servers_that_forward_to_each_other_find_the_loop_and_do_not_melt() {
    let site = &mut Site::new();
    let first = site.start();
    let other = Site::new().with_config(&format!("[forward]\nupstreams = [\"{}\"]", first.address()));
    let second = other.start();
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", second.address()));
    site.run("reload", &[]).expect(0, &[]);
    says_loop(&first, "a.example");
    wait_until("one of the logs has it", || {
        [&first, &second].iter().any(|server| server.stderr().contains("forwarding loop"))
    });
    let sent = status(site)["upstreams"][0]["counts"]["sent"].as_u64().unwrap();
    assert!(sent < 1000, "{sent} queries went round");
    for server in [first, second] {
        server.stop();
    }
}

#[test]
fn a_loop_that_ends_is_used_again() {
    let good = upstream("www.example. 60 A 192.0.2.1\n", "");
    let site = &mut Site::new();
    let first = site.start();
    let other = &mut Site::new().with_config(&format!("[forward]\nupstreams = [\"{}\"]", first.address()));
    let second = other.start();
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", second.address()));
    site.run("reload", &[]).expect(0, &[]);
    says_loop(&first, "a.example");
    other.add(&format!("[forward]\nupstreams = [\"{}\"]", good.address()));
    other.run("reload", &[]).expect(0, &[]);
    let patience = Duration::from_mins(1);
    wait_for("the way is free again", patience, || first.resolves("www.example") == ["192.0.2.1"]);
    for server in [first, second] {
        server.stop();
    }
}
