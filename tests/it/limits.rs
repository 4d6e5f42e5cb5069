//! Rate limits: the clients that they are for, and the rest of an answer that is one too many.
//!
//! A token comes back while a test runs, so these count what was sent and what was not, and never say when.

use std::net::Ipv4Addr;

use crate::support::burst::Burst;
use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const LIST: &str = "10.1.0.5 acct.blob.core.windows.net\n";
const OURS: &str = "acct.privatelink.blob.core.windows.net";

/// It has no address: NODATA.
const APEX: &str = "privatelink.queue.core.windows.net";

const TRUSTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);
const GUEST: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 9);

/// Questions in one burst: enough that no machine is so slow that a rate of one a second lets all pass.
const MANY: usize = 60;

/// Clients of 127.0.0.0/24 are trusted, all others of 127.0.0.0/8 are guests.
fn site(limits: &str) -> Site {
    Site::new().with_list("a.txt", LIST).with_config(&format!("[limits]\ntrusted = [\"127.0.0.0/24\"]\n{limits}"))
}

/// Sends `MANY` questions and waits until each is answered or counted as not.
fn burst(site: &Site, server: &Server, from: Ipv4Addr, name: &str, withheld: impl Fn() -> usize) -> Burst {
    let before = withheld();
    let mut burst = Burst::new(from, server.address());
    burst.send((0..MANY).map(|n| ask(&name.replace('N', &n.to_string()), "A")));
    wait_until("each question is accounted for", || burst.take() + withheld() - before == MANY);
    assert_eq!(site.counted("malformed"), 0);
    burst
}

#[test]
fn strangers_are_refused_so_often_a_second_over_udp_and_always_over_tcp() {
    let site =
        Site::new().with_list("a.txt", LIST).with_config("[access]\nallow = [\"127.0.0.0/24\"]\n[limits]\nerrors = 1");
    let server = site.start();
    let strangers = burst(&site, &server, GUEST, OURS, || site.counted("limited_refused"));
    assert!(site.counted("limited_refused") > 0, "{} refused", strangers.replies.len());
    assert_eq!(strangers.whole("REFUSED"), strangers.replies.len(), "what is left out is left out whole");
    assert!(strangers.whole("REFUSED") > 0);
    for _ in 0..5 {
        assert_eq!(ask(OURS, "A").from(GUEST.into()).tcp().to(server.address()).rcode, "REFUSED");
    }
    assert_eq!(server.resolves(OURS), ["10.1.0.5"]);
    site.shown(&["limited_refused"]);
    server.stop();
}

#[test]
fn of_negative_answers_over_the_limit_every_second_is_an_empty_one_with_tc() {
    let site = site("negative = 1");
    let server = site.start();
    let withheld = || site.counted("limited_negative").saturating_sub(site.counted("slipped"));
    let nodata = burst(&site, &server, GUEST, APEX, withheld);
    let slipped = nodata.replies.iter().filter(|reply| reply.truncated()).count();
    assert!(slipped > 0, "some are empty");
    assert!(nodata.whole("NOERROR") > 0, "those within the limit are whole");
    assert_eq!(slipped, site.counted("slipped"));
    assert_eq!(slipped, site.counted("limited_negative") / 2, "every second one");
    for slip in nodata.replies.iter().filter(|reply| reply.truncated()) {
        assert!(slip.authority.is_empty(), "{slip}");
        assert!(slip.bytes.len() < 80, "{} octets: {slip}", slip.bytes.len());
    }
    // Over TCP the address is proven, and a positive answer is not a negative one.
    for _ in 0..5 {
        let reply = ask(APEX, "A").from(GUEST.into()).tcp().to(server.address());
        assert_eq!(reply.rcode, "NOERROR");
        assert_eq!(reply.authority.len(), 1, "{reply}");
    }
    assert_eq!(burst(&site, &server, GUEST, OURS, withheld).whole("NOERROR"), MANY);
    let trusted = burst(&site, &server, TRUSTED, APEX, withheld);
    assert_eq!(trusted.whole("NOERROR"), MANY);
    server.stop();
}

#[test]
fn questions_over_the_limit_of_forwarded_ones_are_refused_and_not_asked_over_tcp_too() {
    let upstream = Upstream::serving("www.example. 600 A 192.0.2.1");
    let site = site("forwarded = 1\nerrors = 0").with_upstream(&upstream);
    let server = site.start();
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    let guest = burst(&site, &server, GUEST, "nN.example", || 0);
    assert_eq!(guest.whole("REFUSED"), site.counted("limited_forwarded"));
    assert!(guest.whole("REFUSED") > 0, "some are over the limit");
    assert!(guest.whole("NXDOMAIN") > 0, "some are not");
    assert_eq!(upstream.questions().iter().filter(|asked| asked.starts_with('n')).count(), guest.whole("NXDOMAIN"));
    assert!(guest.replies.iter().filter(|reply| reply.rcode == "REFUSED").all(|reply| reply.ede() == Some(18)));
    let over_tcp = |n| ask(&format!("tcp{n}.example"), "A").from(GUEST.into()).tcp().to(server.address()).rcode;
    assert!((0..MANY).any(|n| over_tcp(n) == "REFUSED"), "TCP is no way around it");
    assert_eq!(burst(&site, &server, GUEST, "www.example", || 0).whole("NOERROR"), MANY, "the cache is for all");
    assert_eq!(burst(&site, &server, TRUSTED, "tN.example", || 0).whole("NXDOMAIN"), MANY);
    server.stop();
}

#[test]
fn new_limits_hold_after_a_reload() {
    let mut site = site("negative = 1");
    let server = site.start();
    let withheld = || site.counted("limited_negative").saturating_sub(site.counted("slipped"));
    burst(&site, &server, GUEST, APEX, withheld);
    assert!(withheld() > 0);
    site.add("[limits]\nnegative = 0");
    site.reload();
    let withheld = || site.counted("limited_negative").saturating_sub(site.counted("slipped"));
    let free = burst(&site, &server, GUEST, APEX, withheld);
    assert_eq!(free.whole("NOERROR"), MANY);
    server.stop();
}
