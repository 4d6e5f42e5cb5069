//! A view answers a client as a server would that has the same records and no view.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::harness::{BothPaths, Incoming, offline, with_views};
use privatelink_dns::server::views::ViewSettings;
use privatelink_dns::server::{Settings, Shared, Transport};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

/// Owners and data that a zone may have.
const RECORDS: [&str; 8] = [
    "a A 10.0.0.1",
    "a AAAA fd00::1",
    "b A 10.0.0.2",
    "b A 10.0.0.3",
    "c CNAME a",
    "x.y A 10.0.0.4",
    "y TXT y",
    "* A 10.0.0.5",
];

thread_local! {
    static LAST: RefCell<Option<(u8, u8, [BothPaths; 2], Instant)>> = const { RefCell::new(None) };
}

/// The first octet chooses the records of the base, the second those of the view; the rest is a message.
pub fn hold(data: &[u8]) {
    let Some(([base, own], message)) = data.split_first_chunk::<2>().map(|(which, rest)| (*which, rest)) else {
        return;
    };
    LAST.with_borrow_mut(|last| {
        let kept = last.take().filter(|(of_base, of_own, ..)| (*of_base, *of_own) == (base, own));
        let (_, _, servers, now) = last.insert(kept.unwrap_or_else(|| start(base, own)));
        let client: SocketAddr = "127.0.0.1:5353".parse().expect("an address");
        for transport in [Transport::Udp, Transport::Tcp] {
            let incoming = Incoming { message, client, local: ([127, 0, 0, 1], 53).into(), transport };
            let [ours, theirs] = servers.each_mut().map(|paths| {
                let mut fast = Vec::new();
                let is_fast = paths.fast(incoming, *now, &mut fast);
                (is_fast.then_some(fast), paths.full(incoming, *now))
            });
            assert_eq!(ours, theirs);
        }
    });
}

/// A server with the view, and one that has the records of both as its own.
fn start(base: u8, own: u8) -> (u8, u8, [BothPaths; 2], Instant) {
    let now = Instant::now();
    let chosen =
        |which: u8| RECORDS.iter().enumerate().filter(move |(at, _)| which >> at & 1 != 0).map(|(_, line)| *line);
    let of_view: Vec<&str> = chosen(own).collect();
    let owner = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let stays = |line: &&str| !of_view.iter().any(|own| owner(own) == owner(line));
    let both: Vec<&str> = chosen(base).filter(stays).chain(of_view.iter().copied()).collect();
    let zone = |serial, lines: &[&str]| {
        let mut text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns.other.\n");
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
        let apex = "b.".parse().expect("a name");
        Hosted::new(
            apex,
            OnMiss::NxDomain,
            Zone::from_text(&"b.".parse().expect("a name"), text.as_bytes()).0.map(Arc::new),
        )
    };
    let of_base: Vec<&str> = chosen(base).collect();
    let access = Access::new(["127.0.0.0/8".parse().expect("a network")]);
    let plain = offline(ZoneSet::new([zone(7, &both)]), access, Settings::default(), (now, SystemTime::now()));
    let name: privatelink_dns::zone::ViewName = "v".parse().expect("a name");
    let zones = ZoneSet::new([zone(5, &of_base)]).with_view(name.clone(), [zone(7, &of_view)]);
    let clients = vec!["127.0.0.0/8".parse().expect("a network")];
    let viewed = with_views(&plain, zones, vec![ViewSettings { name, clients, listen: Vec::new() }]);
    let servers = [viewed, plain].map(|snapshot| BothPaths::new(Shared::new(snapshot), now));
    (base, own, servers, now)
}
