//! Behaviour that needs several clients or servers to show: sharing, limits, prefetch, stale answers in time, loops.

use std::net::{Ipv4Addr, Ipv6Addr};

use nix::sys::signal::Signal;

use crate::support::burst::Burst;
use crate::support::client::ask;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::{has_ipv6, wait_until};

/// An upstream with records, and a fault for each question.
fn faulty(records: &str, faults: &str) -> Upstream {
    Upstream::scripted(Script::with_faults(records, faults))
}

/// The number of questions that went to the upstreams, each with all its retransmits.
fn exchanges(site: &Site) -> u64 {
    let group = &site.status()["groups"][0];
    group["asked"].as_u64().unwrap() - group["shared"].as_u64().unwrap()
}

#[test]
fn clients_who_ask_the_same_at_once_cost_the_upstream_one_question() {
    let upstream = faulty("www.example. 60 A 192.0.2.1\n", "hold");
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let mut clients = Burst::new(Ipv4Addr::LOCALHOST, server.address());
    clients.send(vec![ask("www.example", "A"); 20]);
    wait_until("all of them wait", || site.status()["queries"]["waiting"] == 20);
    upstream.release();
    wait_until("all have their answer", || clients.take() == 20);
    assert!(clients.replies.iter().all(|reply| reply.addresses() == ["192.0.2.1"]));
    assert_eq!(exchanges(&site), 1, "as the server counts");
    assert_eq!(upstream.asked("www.example", "A"), 1, "as the upstream counts");
    server.stop();
}

#[test]
fn a_question_that_never_gets_its_turn_is_servfail_with_an_ede_and_no_more_reach_the_upstream_than_it_takes() {
    let upstream = faulty("", "drop");
    let limits = "[forward]\nmax_in_flight = 2\ntimeout = \"1s\"\n";
    let site = Site::new().with_upstream(&upstream).with_config(limits);
    let server = site.start();
    let mut clients = Burst::new(Ipv4Addr::LOCALHOST, server.address());
    // Questions that come while it stands still are read together.
    server.signal(Signal::SIGSTOP);
    clients.send((0..10).map(|n| ask(&format!("n{n}.example"), "A")));
    server.signal(Signal::SIGCONT);
    let is_a_clients = |question: &&String| question.contains(".example.") && !question.contains("loop-probe");
    let asked = || upstream.questions().iter().filter(is_a_clients).count();
    wait_until("all have their answer", || {
        // In this order: what has ended since makes room for no more than was seen before.
        let (asked, group) = (asked(), &site.status()["groups"][0]);
        let ended = group["timeouts"].as_u64().unwrap() + group["overloaded"].as_u64().unwrap();
        assert!(asked as u64 <= 2 + ended, "{asked} were asked when {ended} had ended");
        clients.take() == 10
    });
    assert!(clients.replies.iter().all(|reply| reply.rcode == "SERVFAIL"));
    let overloaded = clients.replies.iter().filter(|reply| reply.ede_text().contains("too many")).count();
    // A turn that comes in the last moment is one all the same; for the rest there is none.
    assert_eq!(overloaded + asked(), 10, "{:#?}", clients.replies.iter().map(Reply::ede_text).collect::<Vec<_>>());
    assert!(overloaded > 0, "some were turned away");
    assert!(asked() >= 2, "{:#?}", upstream.questions());
    server.stop();
}

#[test]
fn an_upstream_at_an_ipv6_address_is_asked_over_udp_and_tcp() {
    if !has_ipv6() {
        return;
    }
    let many: String = (0..120).fold(String::new(), |zone, n| zone + &format!("many.example. 60 A 10.9.0.{n}\n"));
    let upstream = Upstream::serving_at(Ipv6Addr::LOCALHOST, &(many + "www.example. 60 A 192.0.2.1\n"));
    let server = Site::new().with_upstream(&upstream).start();
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    assert_eq!(ask("many.example", "A").tcp().to(server.address()).answer.len(), 120);
    server.stop();
}

/// Names for a test that tries again: a machine that slept through the moment it is about has shown nothing yet.
const ROUNDS: usize = 10;

#[test]
fn a_popular_answer_is_asked_for_again_before_it_ends() {
    let name = |round: usize| format!("www{round}.example");
    let records: Vec<String> = (0..ROUNDS).map(|round| format!("{}. 6 A 192.0.2.1\n", name(round))).collect();
    let upstream = faulty(&records.concat(), "");
    let server = Site::new().with_upstream(&upstream).start();
    assert!((0..ROUNDS).any(|round| is_asked_for_again_in_time(&upstream, &server, &name(round))));
    server.stop();
}

/// True if a client was served a fresh answer from the cache while the upstream was already asked for the next.
fn is_asked_for_again_in_time(upstream: &Upstream, server: &Server, name: &str) -> bool {
    assert_eq!(server.resolves(name), ["192.0.2.1"]);
    // From now on it says nothing: a fresh answer comes from the cache.
    upstream.script(|script| script.faults.hold = true);
    let mut is_in_time = None;
    wait_until("the upstream is asked again, or the answer is past its time", || {
        let already_asked = upstream.asked(name, "A") == 2;
        let reply = server.ask(name, "A");
        assert_eq!(reply.addresses(), ["192.0.2.1"]);
        is_in_time = match (reply.ede(), already_asked) {
            (Some(_), _) => Some(false),
            (None, true) => Some(reply.answer[0].ttl <= 1),
            (None, false) => None,
        };
        is_in_time.is_some()
    });
    upstream.release();
    is_in_time == Some(true)
}

#[test]
fn a_stale_answer_does_not_wait_for_a_slow_upstream_and_the_fresh_one_is_there_for_the_next_client() {
    let upstream = faulty("www.example. 1 A 192.0.2.1\n", "");
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    upstream.serve("www.example. 60 A 192.0.2.2\n");
    upstream.script(|script| script.faults.hold = true);
    let mut stale = Vec::new();
    let mut ask_again = || {
        let reply = server.ask("www.example", "A");
        match reply.ede() {
            Some(3) => stale.push(reply.answer[0].ttl),
            _ => assert!(reply.ede().is_none(), "{reply}"),
        }
        (reply.addresses(), stale.len())
    };
    wait_until("stale answers, while the upstream says nothing", || {
        let (addresses, stale) = ask_again();
        assert_eq!(addresses, ["192.0.2.1"]);
        stale == 2
    });
    assert_eq!(exchanges(&site), 2, "one for each address, however many clients were served meanwhile");
    upstream.release();
    wait_until("the fresh answer", || ask_again().0 == ["192.0.2.2"]);
    assert!(stale.iter().all(|ttl| *ttl == 30), "{stale:?}");
    server.stop();
}

#[test]
fn a_rule_or_a_zone_that_is_added_answers_for_its_names_in_chains_that_are_cached_too() {
    let upstream = Upstream::serving(
        "db.service.example. 600 CNAME db.inside.example.\ndb.inside.example. 600 CNAME slice.service.example.\n\
         slice.service.example. 600 A 203.0.113.1\n",
    );
    let inside = Upstream::serving("db.inside.example. 600 A 10.7.0.4\n");
    let site = &mut Site::new().with_upstream(&upstream);
    let server = site.start();
    let both = || [server.resolves("db.service.example"), server.resolves("db.inside.example")];
    assert_eq!(both(), [["203.0.113.1"], ["203.0.113.1"]]);
    site.add(&format!("[[forward.rules]]\nsuffix = \"inside.example\"\nupstreams = [\"{}\"]", inside.address()));
    site.reload();
    assert_eq!(both(), [["10.7.0.4"], ["10.7.0.4"]]);
    site.write_zone("inside.example", "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.9.0.1\ndb A 10.9.0.2\n");
    site.reload();
    assert_eq!(both(), [["10.9.0.2"], ["10.9.0.2"]]);
    site.remove_config("forward");
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", upstream.address()));
    std::fs::remove_file(site.path("zones/inside.example.zone")).unwrap();
    site.reload();
    assert_eq!(both(), [["203.0.113.1"], ["203.0.113.1"]]);
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
    site.reload();
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
    site.reload();
    says_loop(&first, "a.example");
    wait_until("one of the logs has it", || {
        [&first, &second].iter().any(|server| server.stderr().contains("forwarding loop"))
    });
    let sent = site.status()["upstreams"][0]["counts"]["sent"].as_u64().unwrap();
    assert!(sent < 1000, "{sent} queries went round");
    for server in [first, second] {
        server.stop();
    }
}

#[test]
fn a_loop_that_ends_is_used_again() {
    let good = Upstream::serving("www.example. 60 A 192.0.2.1\n");
    let site = &mut Site::new();
    let first = site.start();
    let other = &mut Site::new().with_config(&format!("[forward]\nupstreams = [\"{}\"]", first.address()));
    let second = other.start();
    site.add(&format!("[forward]\nupstreams = [\"{}\"]", second.address()));
    site.reload();
    says_loop(&first, "a.example");
    other.add(&format!("[forward]\nupstreams = [\"{}\"]", good.address()));
    other.reload();
    wait_until("the way is free again", || first.resolves("www.example") == ["192.0.2.1"]);
    for server in [first, second] {
        server.stop();
    }
}
