//! The hot path says what the ordinary road says, or leaves the message alone.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use privatelink_dns::dns::{Name, Rcode, Record, Rtype};
use privatelink_dns::forward::cache::{Cache, Key, Settings as CacheSettings};
use privatelink_dns::forward::public::PublicNames;
use privatelink_dns::forward::resolver::{Resolver, Route};
use privatelink_dns::forward::{Chain, Forwarder, GroupSettings, Question, Reply, Settings};
use privatelink_dns::server::admission::Access;
use privatelink_dns::server::roads::{Incoming, Roads};
use privatelink_dns::server::{Shared, Snapshot};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

const ZONE: &str = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\na AAAA fd00::1\nb.c A 10.0.0.4\n\
                    alias CNAME a\nout CNAME x.out.\n*.w TXT \"wild\"\ncut NS ns.cut\nns.cut A 10.0.0.9\n";

/// How often a message is sent before the hot path may know its answer.
const TIMES: usize = 4;

thread_local! {
    static ROADS: RefCell<(Roads, Instant)> = RefCell::new(start());
}

/// The first byte says how the message comes, the rest is the message.
pub fn hold(data: &[u8]) {
    let Some((how, message)) = data.split_first() else { return };
    let client: SocketAddr =
        if how & 2 == 0 { "127.0.0.1:5353" } else { "203.0.113.1:5353" }.parse().expect("an address");
    let incoming = Incoming { message, client, stream: how & 1 != 0 };
    ROADS.with_borrow_mut(|(roads, now)| {
        let mut ordinary = None;
        for _ in 0..TIMES {
            ordinary = roads.ordinary(incoming, *now);
        }
        let mut hot = Vec::new();
        if roads.hot(incoming, *now, &mut hot) {
            assert_eq!(Some(&hot), ordinary.as_ref(), "two roads, two answers");
        } else {
            assert!(hot.is_empty(), "left alone, but bytes were written");
        }
    });
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// Zones `b.` and, forwarding what it lacks, `f.`; `x.out.` and an alias into `b.` are in the cache.
fn start() -> (Roads, Instant) {
    let now = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let timeout = Duration::from_secs(5);
    let group = GroupSettings { suffix: Name::root(), upstreams: vec![], timeout, max_in_flight: None, max_qps: None };
    let settings = Settings { groups: vec![group], resolv_conf: "/nonexistent".into(), listen: vec![] };
    let forwarder = Arc::new(Forwarder::start(settings).expect("a forwarder"));
    let route = Arc::new(Route { id: 1, suffix: Name::root(), group: Arc::clone(&forwarder.groups()[0]) });
    let cache = Arc::new(Cache::new(CacheSettings::default()));
    let address = [192, 0, 2, 1].as_slice();
    for (owner, rtype, rdata) in
        [("x.out.", Rtype::A, address), ("y.out.", Rtype::CNAME, name("a.b.").as_wire()), ("z.out.", Rtype(99), b"z")]
    {
        let answer = vec![Record { owner: name(owner), rtype, ttl: 3600, rdata: rdata.into() }];
        let upstream = ([127, 0, 0, 1], 53).into();
        let (rcode, chain) = (Rcode::NOERROR, Chain::Whole);
        let reply = Reply { rcode, authentic: true, ede: None, answer, authority: vec![], chain, upstream };
        let asked = if rtype == Rtype::CNAME { Rtype::A } else { rtype };
        for dnssec_ok in [false, true] {
            let question = Question { name: name(owner), rtype: asked, dnssec_ok, checking_disabled: false };
            cache.put(Key { group: 1, question }, &reply, now);
        }
    }
    let zone = |apex: &str, on_miss| {
        let zone = Zone::from_text(&name(apex), ZONE.as_bytes()).0.map(Arc::new);
        Hosted::new(name(apex), on_miss, Some(zone.expect("a zone")))
    };
    let zones = Arc::new(ZoneSet::new([zone("b.", OnMiss::NxDomain), zone("f.", OnMiss::Forward)]));
    let (names, special, handle) = (PublicNames::OnFailure, Arc::default(), runtime.handle().clone());
    let resolver = Arc::new(Resolver::new(vec![route], cache, forwarder, names, special, timeout, handle));
    let access = Access::new(["127.0.0.0/8".parse().expect("a network")]);
    (Roads::new(Shared::new(Snapshot { zones, access, resolver }), now), now)
}
