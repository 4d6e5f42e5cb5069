//! A view on both paths, beside a server that has the same records and no view.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::dns::Rtype;
use crate::server::admission::access::Access;
use crate::server::views::ViewSettings;

const CLIENT: &str = "10.1.0.9:4242";

/// What a zone has of each owner, behind its number in [`OWNERS`].
type Records = Vec<(usize, &'static str)>;

const OWNERS: [&str; 6] = ["a", "b", "a.b", "*", "x.y", "gone"];

fn records() -> impl Strategy<Value = Records> {
    let data = prop::sample::select(vec!["A 10.0.0.1", "A 10.0.0.2", "AAAA fd00::1", "TXT x", "CNAME b"]);
    prop::collection::vec((0..OWNERS.len() - 1, data), 0..8)
}

/// A zone; of an alias nothing else is kept.
fn zone(apex: &str, serial: u32, all: &[Records]) -> Hosted {
    let mut text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns.other.\n");
    for (number, owner) in OWNERS.iter().enumerate() {
        // The last of several has the name.
        let of_owner = |records: &&Records| records.iter().any(|(at, _)| *at == number);
        let Some(records) = all.iter().rfind(of_owner) else { continue };
        let data: Vec<&str> = records.iter().filter(|(at, _)| *at == number).map(|(_, data)| *data).collect();
        let alias = data.iter().find(|data| data.starts_with("CNAME"));
        for data in alias.map_or(data.clone(), |alias| vec![*alias]) {
            let _ = writeln!(text, "{owner} {data}");
        }
    }
    let (zone, findings) = Zone::from_text(&apex.parse().unwrap(), text.as_bytes());
    let on_miss = if apex == "f.test" { OnMiss::Forward } else { OnMiss::NxDomain };
    Hosted::new(apex.parse().unwrap(), on_miss, Some(Arc::new(zone.unwrap_or_else(|| panic!("{findings:?} {text}")))))
}

fn query(id: u8, name: &str, rtype: Rtype) -> Vec<u8> {
    let name: Name = name.parse().unwrap();
    [&[0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name.as_wire(), &rtype.0.to_be_bytes(), &[0, 1]].concat()
}

fn ask(paths: &mut BothPaths, message: &[u8], transport: Transport, now: Instant) -> [Option<Vec<u8>>; 2] {
    let incoming = Incoming { message, client: CLIENT.parse().unwrap(), local: ([10, 0, 0, 4], 53).into(), transport };
    let mut fast = Vec::new();
    let is_fast = paths.fast(incoming, now, &mut fast);
    [is_fast.then_some(fast), paths.full(incoming, now)]
}

proptest! {
    #[test]
    fn a_client_of_a_view_gets_what_a_server_with_that_view_alone_gives(
        base in [records(), records()],
        own in [records(), records()],
        whose in [any::<bool>(), any::<bool>()],
        questions in prop::collection::vec((0..OWNERS.len(), any::<bool>(), any::<bool>(), any::<bool>()), 1..12),
    ) {
        let now = Instant::now();
        let access = Access::new(["10.0.0.0/8".parse().unwrap()]);
        let apexes = ["n.test", "f.test"];
        let of_base = || apexes.iter().zip(&base).map(|(apex, records)| zone(apex, 5, std::slice::from_ref(records)));
        let offline = || offline(ZoneSet::new(of_base()), access.clone(), Settings::default(), (now, SystemTime::now()));
        let parts = apexes.iter().zip(&own).zip(whose).filter(|(_, is_own)| *is_own);
        let parts = parts.map(|((apex, records), _)| zone(apex, 7, std::slice::from_ref(records)));
        let name: crate::zone::ViewName = "v".parse().unwrap();
        let zones = ZoneSet::new(of_base()).with_view(name.clone(), parts);
        let clients = vec!["10.1.0.0/16".parse().unwrap()];
        let viewed = with_views(&offline(), zones, vec![ViewSettings { name, clients, listen: Vec::new() }]);
        let merged = apexes.iter().enumerate().map(|(at, apex)| {
            let all = [base[at].clone(), own[at].clone()];
            if whose[at] { zone(apex, 7, &all) } else { zone(apex, 5, &all[..1]) }
        });
        let merged: Vec<Hosted> = merged.collect();
        let single = with_views(&offline(), ZoneSet::new(merged), Vec::new());
        let mut servers = [viewed, single].map(|snapshot| BothPaths::new(Shared::new(snapshot), now));
        for (number, (owner, in_first, is_v6, is_tcp)) in (0_u8..).zip(questions) {
            let apex = apexes[usize::from(in_first)];
            let rtype = if is_v6 { Rtype::AAAA } else { Rtype::A };
            let message = query(number, &format!("{}.{apex}", OWNERS[owner]), rtype);
            let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
            let [ours, theirs] = servers.each_mut().map(|paths| ask(paths, &message, transport, now));
            prop_assert_eq!(ours, theirs, "{} {}", OWNERS[owner], apex);
        }
    }
}
