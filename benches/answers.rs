//! The cost of one answer without the kernel: parse, lookup, and the two paths from a message to the bytes of its
//! answer.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::fmt::Write;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use privatelink_dns::dns::{Name, Query, Rcode, Record, Rtype};
use privatelink_dns::forward::cache::{Key, RouteId};
use privatelink_dns::forward::resolver::chase::{Chase, Step};
use privatelink_dns::forward::{Question, Reply};
use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::harness::{BothPaths, Incoming, offline, with_views};
use privatelink_dns::server::views::ViewSettings;
use privatelink_dns::server::{Settings, Shared, Transport};
use privatelink_dns::zone::{Hosted, OnMiss, ViewName, Zone, ZoneSet};

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

fn zones() -> ZoneSet {
    ZoneSet::new([Hosted::new(name(APEX), OnMiss::NxDomain, Some(Arc::new(zone())))])
}

fn message(qname: &str, qtype: Rtype) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    message.extend_from_slice(name(qname).as_wire());
    message.extend_from_slice(&qtype.0.to_be_bytes());
    // Class IN, and an OPT record with a payload size of 1232.
    message.extend_from_slice(&[0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    message
}

/// The upstream's answer for the public name of `acct007`.
fn alias() -> Reply {
    let owner = name("acct007.blob.core.windows.net");
    let rdata = name(&format!("acct007.{APEX}")).as_wire().into();
    let answer = vec![Record { owner, rtype: Rtype::CNAME, ttl: 60, rdata }];
    Reply { answer, ..Reply::new(Rcode::NOERROR) }
}

/// A server without sockets whose cache has the public name of `acct007`.
fn paths(now: Instant) -> BothPaths {
    let access = Access::new(["127.0.0.0/8".parse().unwrap()]);
    let snapshot = offline(zones(), access, Settings::default(), (now, SystemTime::now()));
    let reply = alias();
    let asked = reply.answer[0].owner.clone();
    let question =
        Question { name: asked, rtype: Rtype::A, dnssec_ok: false, checking_disabled: false, authentic_data: false };
    snapshot.resolver.cache().put(Key { route: RouteId(1), question }, &reply, now);
    BothPaths::new(Shared::new(snapshot), now)
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
        bench.bench_function(&id, |b| b.iter(|| black_box(zone.lookup(black_box(qname.canonical()), rtype))));
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
        let incoming =
            Incoming { message: &message, client, local: ([127, 0, 0, 1], 53).into(), transport: Transport::Udp };
        bench.bench_function(&format!("response, {what}, full path"), |b| {
            b.iter(|| paths.full(black_box(incoming), now).unwrap());
        });
        bench.bench_function(&format!("response, {what}, fast path"), |b| {
            b.iter(|| {
                out.clear();
                assert!(paths.fast(black_box(incoming), now, &mut out));
            });
        });
    }
}

/// The same question by a client of a view: of a name that the view has, and of one that it leaves to the base.
fn response_in_view(bench: &mut Criterion) {
    let now = Instant::now();
    let access = Access::new(["127.0.0.0/8".parse().unwrap()]);
    let plain = offline(zones(), access, Settings::default(), (now, SystemTime::now()));
    let records = "$TTL 10\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nacct007 A 10.2.0.1\n";
    let part = Zone::from_text(&name(APEX), records.as_bytes()).0.map(Arc::new);
    let view: ViewName = "spoke-a".parse().unwrap();
    let clients = vec!["127.0.0.0/24".parse().unwrap()];
    let settings = ViewSettings { name: view.clone(), clients, listen: Vec::new() };
    let zones = zones().with_view(view, [Hosted::new(name(APEX), OnMiss::NxDomain, part)]);
    let mut paths = BothPaths::new(Shared::new(with_views(&plain, zones, vec![settings])), now);
    let client: SocketAddr = CLIENT.parse().unwrap();
    let mut out = Vec::with_capacity(512);
    for (what, owner) in [("view's own", "acct007"), ("base's", "acct008")] {
        let message = message(&format!("{owner}.{APEX}"), Rtype::A);
        let local = ([127, 0, 0, 1], 53).into();
        let incoming = Incoming { message: &message, client, local, transport: Transport::Udp };
        bench.bench_function(&format!("response in a view, {what}, fast path"), |b| {
            b.iter(|| {
                out.clear();
                assert!(paths.fast(black_box(incoming), now, &mut out));
            });
        });
    }
}

criterion_group!(answers, parse, lookup, chase, response, response_in_view);
criterion_main!(answers);
