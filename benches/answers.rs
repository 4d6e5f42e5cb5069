//! What one answer costs without the kernel: parse, lookup, and the two paths from a message to the bytes of its answer.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::fmt::Write;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use privatelink_dns::dns::{Name, Query, Rcode, Record, Rtype, write_query};
use privatelink_dns::forward::cache::{Cache, Key, Settings as CacheSettings};
use privatelink_dns::forward::resolver::chase::{Chase, Step};
use privatelink_dns::forward::resolver::public::PublicNames;
use privatelink_dns::forward::resolver::{Resolver, Route};
use privatelink_dns::forward::{Chain, GroupSettings, Question, Reply, Settings, Upstreams};
use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::admission::cookies::{self, Cookies};
use privatelink_dns::server::fast::harness::{BothPaths, Incoming};
use privatelink_dns::server::{Shared, Snapshot};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

const APEX: &str = "privatelink.blob.core.windows.net";
const CLIENT: &str = "127.0.0.1:5353";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone() -> Zone {
    let mut text = "$TTL 10\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n".to_owned();
    (0..300).for_each(|n| writeln!(text, "acct{n:03} A 10.1.{}.{}", n / 250, n % 250).unwrap());
    Zone::from_text(&name(APEX), text.as_bytes()).0.unwrap()
}

fn zones() -> Arc<ZoneSet> {
    Arc::new(ZoneSet::new([Hosted::new(name(APEX), OnMiss::NxDomain, Some(Arc::new(zone())))]))
}

fn message(qname: &str, qtype: Rtype) -> Vec<u8> {
    write_query(7, &name(qname), qtype, false, Some((1232, false)))
}

/// `acct007`'s public name, as an upstream has it.
fn alias() -> Reply {
    let owner = name("acct007.blob.core.windows.net");
    let rdata = name(&format!("acct007.{APEX}")).as_wire().into();
    Reply {
        rcode: Rcode::NOERROR,
        authentic: false,
        ede: None,
        answer: vec![Record { owner, rtype: Rtype::CNAME, ttl: 60, rdata }],
        authority: Vec::new(),
        chain: Chain::Whole,
        upstream: ([127, 0, 0, 1], 53).into(),
    }
}

/// A server without sockets whose cache has the public name of `acct007`.
fn paths(now: Instant) -> BothPaths {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let timeout = Duration::from_secs(5);
    let suffix = Name::root();
    let group = GroupSettings { suffix, upstreams: vec![], timeout, max_in_flight: None, max_qps: None };
    let settings = Settings { groups: vec![group], resolv_conf: "/nonexistent".into(), listen: vec![] };
    let forwarder = Arc::new(Upstreams::start(settings).unwrap());
    let route = Arc::new(Route { id: 1, suffix: Name::root(), group: Arc::clone(&forwarder.groups()[0]) });
    let cache = Arc::new(Cache::new(CacheSettings::default()));
    let reply = alias();
    let asked = reply.answer[0].owner.clone();
    let question = Question { name: asked, rtype: Rtype::A, dnssec_ok: false, checking_disabled: false };
    cache.put(Key { group: 1, question }, &reply, now);
    let (names, special, handle) = (PublicNames::OnFailure, Arc::default(), runtime.handle().clone());
    let resolver = Arc::new(Resolver::new(vec![route], cache, forwarder, names, special, timeout, handle));
    let access = Access::new(["127.0.0.0/8".parse().unwrap()]);
    let cookies = Cookies::new(&cookies::Settings::default(), [7; 16], (now, SystemTime::now()));
    BothPaths::new(Shared::new(Snapshot { zones: zones(), access, resolver, settings: Arc::default(), cookies }), now)
}

fn parse(bench: &mut Criterion) {
    let message = message(&format!("acct007.{APEX}"), Rtype::A);
    bench.bench_function("question parse", |b| b.iter(|| Query::parse(black_box(&message)).is_ok()));
}

fn lookup(bench: &mut Criterion) {
    let zone = zone();
    for (what, owner, rtype) in
        [("hit", "acct007", Rtype::A), ("NODATA", "acct007", Rtype::AAAA), ("NXDOMAIN", "nope", Rtype::A)]
    {
        let qname = name(&format!("{owner}.{APEX}"));
        let id = format!("lookup {what}");
        bench.bench_function(&id, |b| b.iter(|| black_box(zone.lookup(black_box(qname.as_wire()), rtype))));
    }
}

fn chase(bench: &mut Criterion) {
    let (zones, reply) = (zones(), alias());
    bench.bench_function("chase into a zone", |b| {
        b.iter(|| {
            let mut chase = Chase::new(reply.answer[0].owner.clone(), Rtype::A);
            assert!(matches!(chase.follow(&zones), Step::Ask(_)));
            chase.follow_reply(&zones, black_box(&reply))
        });
    });
}

fn response(bench: &mut Criterion) {
    let now = Instant::now();
    let mut paths = paths(now);
    let client: SocketAddr = CLIENT.parse().unwrap();
    let mut out = Vec::with_capacity(512);
    for (what, qname) in [("zone", format!("acct007.{APEX}")), ("cache", "acct007.blob.core.windows.net".to_owned())] {
        let message = message(&qname, Rtype::A);
        let incoming = Incoming { message: &message, client, stream: false };
        bench.bench_function(&format!("response, {what}, ordinary road"), |b| {
            b.iter(|| paths.full(black_box(incoming), now).unwrap());
        });
        bench.bench_function(&format!("response, {what}, hot path"), |b| {
            b.iter(|| {
                out.clear();
                assert!(paths.fast(black_box(incoming), now, &mut out));
            });
        });
    }
}

criterion_group!(answers, parse, lookup, chase, response);
criterion_main!(answers);
