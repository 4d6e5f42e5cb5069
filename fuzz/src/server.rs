//! A server without sockets: zones, a cache that holds something, and nobody to ask.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use privatelink_dns::dns::{Name, Rcode, Record, Rtype};
use privatelink_dns::forward::cache::{Cache, Key, Settings as CacheSettings};
use privatelink_dns::forward::resolver::public::PublicNames;
use privatelink_dns::forward::resolver::{Resolver, Route};
use privatelink_dns::forward::{Chain, Upstreams, GroupSettings, Question, Reply, Settings as ForwardSettings};
use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::admission::cookies::Cookies;
use privatelink_dns::server::{Settings, Shared, Snapshot};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

const ZONE: &str = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\na AAAA fd00::1\nb.c A 10.0.0.4\n\
                    alias CNAME a\nout CNAME x.out.\n*.w TXT \"wild\"\ncut NS ns.cut\nns.cut A 10.0.0.9\n";

/// Zones `b.` and, forwarding what it lacks, `f.`; `x.out.` and an alias into `b.` are in the cache.
pub(crate) fn shared(now: Instant) -> Arc<Shared> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let timeout = Duration::from_secs(5);
    let group = GroupSettings { suffix: Name::root(), upstreams: vec![], timeout, max_in_flight: None, max_qps: None };
    let settings = ForwardSettings { groups: vec![group], resolv_conf: "/nonexistent".into(), listen: vec![] };
    let forwarder = Arc::new(Upstreams::start(settings).expect("a forwarder"));
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
    let settings = Arc::new(Settings { nsid: Some("fuzz".into()), ..Settings::default() });
    let cookies = Cookies::new(&settings.cookies, [7; 16], (now, SystemTime::UNIX_EPOCH + timeout));
    Shared::new(Snapshot { zones, access, resolver, settings, cookies })
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}
