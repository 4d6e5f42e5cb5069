//! A server without sockets: zones, a filled cache, peers and their keys, and no upstreams.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use privatelink_dns::dns::{Name, Rcode, Record, Rtype, tsig};
use privatelink_dns::forward::cache::{Key, RouteId};
use privatelink_dns::forward::{Question, Reply};
use privatelink_dns::server::admission::access::Access;
use privatelink_dns::server::harness::{offline, with_history};
use privatelink_dns::server::{Decides, Settings, Shared, Snapshot};
use privatelink_dns::transfer::{self, Peer, Selector, Transfers};
use privatelink_dns::zone::{Hosted, OnMiss, Zone, ZoneSet};

const ZONE: &str = "$TTL 10\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\na A 10.0.0.2\na AAAA fd00::1\nb.c A 10.0.0.4\n\
                    alias CNAME a\nout CNAME x.out.\n*.w TXT \"wild\"\ncut NS ns.cut\nns.cut A 10.0.0.9\n";

/// The names of the keys; `OTHERS` is known and belongs to no peer that may have a zone.
pub(crate) const PEERS: &str = "k1.";
pub(crate) const OTHERS: &str = "k2.";

/// The address of the peer that does not sign; it may have `b.`.
pub(crate) const UNSIGNED: &str = "127.0.0.2:5353";

/// A key with this name, and with the same secret as all others.
pub(crate) fn key(text: &str) -> tsig::Key {
    tsig::Key::new(name(text), tsig::Algorithm::HmacSha256, &[7; 32]).expect("a key")
}

/// Zones `b.` and `f.`, the latter with misses forwarded; `x.out.` and a CNAME into `b.` are in the cache. `r.` is for
/// secondaries alone. Peers may have `b.` and `r.`; the history of `b.` begins with serial 1.
pub(crate) fn shared(now: Instant) -> Arc<Shared> {
    let access = Access::new(["127.0.0.0/8".parse().expect("a network")]);
    let keys = tsig::Keys::new([key(PEERS), key(OTHERS)]);
    let settings = Settings { nsid: Some("fuzz".into()), keys, ..Settings::default() };
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_200);
    let snapshot = offline(zones(), access, settings, (now, noon));
    let snapshot = Snapshot::new(Decides { transfers: Transfers::new(transfers()), ..(*snapshot).clone() });
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
    let version = |apex: &str, serial: &str, more: &str| {
        let text = ZONE.replace("ns h 1 ", &format!("ns h {serial} ")) + more;
        Arc::new(Zone::from_text(&name(apex), text.as_bytes()).0.expect("a zone"))
    };
    let versions = [version("b.", "1", ""), version("b.", "2", "new A 10.0.0.5\n"), version("b.", "3", "")];
    let forwarding = Hosted::new(name("f."), OnMiss::Forward, Some(version("f.", "1", "")));
    let derived = Hosted::new(name("r."), OnMiss::NxDomain, Some(version("r.", "1", "")));
    ZoneSet::new([with_history(name("b."), OnMiss::NxDomain, &versions), forwarding]).with_derived([derived])
}

fn transfers() -> transfer::Settings {
    let zone = |apex| Selector::Zone(name(apex));
    let peer = |label: &str, key: Option<&str>, zones| Peer {
        name: label.into(),
        addresses: vec![UNSIGNED.parse().expect("an address")],
        key: key.map(name),
        zones,
        view: None,
        tls: false,
    };
    let peers = [
        peer("signs", Some(PEERS), vec![zone("b."), zone("r.")]),
        peer("other", Some(OTHERS), vec![zone("nowhere.")]),
        peer("unsigned", None, vec![zone("b.")]),
    ];
    transfer::Settings { peers: peers.into(), ..transfer::Settings::default() }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}
