//! A flood of names to which an upstream has no answer: what is shed, and what goes on.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::support::burst::Burst;
use crate::support::client::ask;
use crate::support::reply::Reply;
use crate::support::server::{Server, process_status};
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::wait_until;

const OURS: &str = "acct.privatelink.blob.core.windows.net";
const PUBLIC: &str = "acct.blob.core.windows.net";
const CACHED: &str = "www.example";

const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);

/// Names of one round, and the greatest number of rounds: several times the questions that may wait.
const NAMES: usize = 1500;
const ROUNDS: usize = 60;

/// Octets that the flood may make the server take: two kilobytes for each question that may wait, and room for the
/// allocator.
const GROWTH: usize = 96 << 20;

fn resident(server: &Server) -> usize {
    let kib = process_status(server.pid(), "VmRSS");
    assert!(kib > 0, "the kernel says how much");
    usize::try_from(kib).unwrap() * 1024
}

/// In a flood a datagram may find no room in the server's socket; a client asks again, as clients do.
fn from(client: impl Into<IpAddr>, name: &str, server: &Server) -> Reply {
    let question = ask(name, "A").from(client.into()).patience(Duration::from_secs(5));
    let mut tries = (0..10).map(|_| question.try_to(server.address()));
    tries.find_map(Result::ok).unwrap_or_else(|| panic!("no answer for {name}, however often asked"))
}

/// Questions that found no place to wait, or no place in line.
fn shed(site: &Site) -> u64 {
    let status = site.status();
    [&status["queries"]["counters"]["over_share"], &status["groups"][0]["overloaded"]]
        .map(|count| count.as_u64().unwrap())
        .iter()
        .sum()
}

/// Floods until the flooder's network has its share; in between others must get what memory has.
fn flood(site: &Site, server: &Server, flooder: &mut Burst) {
    let before = resident(server);
    for round in 0..ROUNDS {
        flooder.send((0..NAMES).map(|n| ask(&format!("x{round}-{n}.flood.example"), "A")));
        flooder.take();
        assert_eq!(from(OTHER, OURS, server).addresses(), ["10.1.0.5"]);
        assert_eq!(from(OTHER, CACHED, server).addresses(), ["192.0.2.1"]);
        assert_eq!(from(OTHER, "none.privatelink.we.backup.windowsazure.com", server).rcode, "NXDOMAIN");
        let grown = resident(server).saturating_sub(before);
        assert!(grown < GROWTH, "{grown} octets more in round {round}");
        if shed(site) > 0 {
            return;
        }
    }
    panic!("{ROUNDS} rounds of {NAMES} names, and nothing was shed");
}

#[test]
fn a_flood_of_one_client_is_shed_while_zones_cache_and_other_clients_go_on() {
    // It knows our alias too, should a place be free again by the time the flooder asks for it.
    let script = Script::of(
        "www.example. 600 A 192.0.2.1\nnow.example. 60 A 192.0.2.2\nlater.example. 60 A 192.0.2.3\n\
         acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.",
    );
    let upstream = Upstream::scripted(Script { silent_below: Some("flood.example".to_owned()), ..script });
    let list = "10.1.0.5 acct.blob.core.windows.net\n10.1.0.6 pod01-rec2.we.backup.windowsazure.com\n";
    let site = Site::new().with_list("a.txt", list).with_upstream(&upstream).with_config("[forward]\ntimeout = \"3s\"");
    let server = site.start();
    assert_eq!(server.resolves(CACHED), ["192.0.2.1"]);
    let mut flooder = Burst::new(FLOODER, server.address());
    flood(&site, &server, &mut flooder);
    wait_until("the flooder hears that it is too much", || {
        flooder.take();
        flooder.replies.iter().any(|reply| reply.rcode == "SERVFAIL" && reply.ede().is_some())
    });
    assert_eq!(site.counted("overloaded"), 0, "places are left for others");
    assert_eq!(from(FLOODER, PUBLIC, &server).addresses(), ["10.1.0.5"], "our own alias needs no upstream");
    // The flood goes on, but in a line of its own.
    let mut round = ROUNDS;
    wait_until("a forwarded name of another client resolves", || {
        round += 1;
        flooder.send((0..NAMES).map(|n| ask(&format!("x{round}-{n}.flood.example"), "A")));
        flooder.take();
        from(OTHER, "now.example", &server).addresses() == ["192.0.2.2"]
    });
    wait_until("nothing waits any more", || site.status()["queries"]["waiting"] == 0);
    assert_eq!(from(FLOODER, "later.example", &server).addresses(), ["192.0.2.3"]);
    server.stop();
}
