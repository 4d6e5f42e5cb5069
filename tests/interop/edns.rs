//! What Unbound and BIND do with an upstream that silently drops EDNS, and with the flags DO and AD of a client.

use std::net::SocketAddr;
use std::time::Duration;

use crate::resolvers::{Resolver, bind, unbound};
use crate::support::client::{Ask, SendOpt, ask};
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;

/// A question with DO, in an OPT record, or with AD.
fn flagged(name: &str, dnssec_ok: bool) -> Ask {
    let flags = if dnssec_ok { 0x8000 } else { 0 };
    let opt = Some(SendOpt { payload: 1232, version: 0, flags, options: Vec::new() });
    let low_flags = if dnssec_ok { 0 } else { 0x20 };
    Ask { low_flags, opt, ..ask(name, "A") }
}

const RECORDS: &str = "www1.example. 60 A 192.0.2.1\nwww2.example. 60 A 192.0.2.1\n";

/// Each resolver with an upstream of its own that has these faults.
fn each(faults: &str, check: impl Fn(&Resolver, &Upstream)) {
    for start in [unbound as fn(SocketAddr) -> Option<Resolver>, bind] {
        let upstream = Upstream::scripted(Script::with_faults(RECORDS, faults));
        if let Some(resolver) = start(upstream.address()) {
            check(&resolver, &upstream);
        }
    }
}

#[test]
fn unbound_and_bind_never_send_ad_and_give_an_unsigned_answer_to_do_after_a_refusal_of_edns() {
    each("to-edns=FORMERR", |resolver, upstream| {
        for (name, dnssec_ok) in [("www1.example", true), ("www2.example", false)] {
            let reply = flagged(name, dnssec_ok).to(resolver.address);
            assert_eq!(reply.addresses(), ["192.0.2.1"], "{reply}");
            let seen = upstream.seen(name);
            assert!(!seen.last().unwrap().has_edns && seen.iter().all(|message| !message.has_ad), "{seen:?}");
        }
    });
}

#[test]
fn unbound_and_bind_never_ask_an_upstream_without_edns_that_is_silent_to_it() {
    each("to-edns=silence", |resolver, upstream| {
        let reply = flagged("www1.example", true).patience(Duration::from_secs(4)).try_to(resolver.address);
        assert!(reply.is_err(), "it has an answer: {}", reply.unwrap());
        let seen = upstream.seen("www1.example");
        assert!(seen.len() > 1 && seen.iter().all(|message| message.has_edns), "{seen:?}");
    });
}
