//! A server without sockets: zones, a filled cache, and no upstreams.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use privatelink_dns::dns::{Name, Rcode, Record, Rtype};
use privatelink_dns::forward::cache::{Key, RouteId};
use privatelink_dns::forward::{Question, Reply};
use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::harness::offline;
use privatelink_dns::server::{Settings, Shared};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

const ZONE: &str = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\na AAAA fd00::1\nb.c A 10.0.0.4\n\
                    alias CNAME a\nout CNAME x.out.\n*.w TXT \"wild\"\ncut NS ns.cut\nns.cut A 10.0.0.9\n";

/// Zones `b.` and `f.`, the latter with misses forwarded; `x.out.` and a CNAME into `b.` are in the cache.
pub(crate) fn shared(now: Instant) -> Arc<Shared> {
    let access = Access::new(["127.0.0.0/8".parse().expect("a network")]);
    let settings = Settings { nsid: Some("fuzz".into()), ..Settings::default() };
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_200);
    let snapshot = offline(zones(), access, settings, (now, noon));
    let address = [192, 0, 2, 1].as_slice();
    for (owner, rtype, rdata) in
        [("x.out.", Rtype::A, address), ("y.out.", Rtype::CNAME, name("a.b.").as_wire()), ("z.out.", Rtype(99), b"z")]
    {
        let answer = vec![Record { owner: name(owner), rtype, ttl: 3600, rdata: rdata.into() }];
        let reply = Reply { authentic: true, answer, ..Reply::new(Rcode::NOERROR) };
        let asked = if rtype == Rtype::CNAME { Rtype::A } else { rtype };
        for dnssec_ok in [false, true] {
            let question = Question {
                name: name(owner),
                rtype: asked,
                dnssec_ok,
                checking_disabled: false,
                authentic_data: false,
            };
            snapshot.resolver.cache().put(Key { route: RouteId(1), question }, &reply, now);
        }
    }
    Shared::new(snapshot)
}

fn zones() -> ZoneSet {
    let zone = |apex: &str, on_miss| {
        let zone = Zone::from_text(&name(apex), ZONE.as_bytes()).0.map(Arc::new);
        Hosted::new(name(apex), on_miss, Some(zone.expect("a zone")))
    };
    ZoneSet::new([zone("b.", OnMiss::NxDomain), zone("f.", OnMiss::Forward)])
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}
