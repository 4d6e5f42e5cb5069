//! The fast path against the full path: the same bytes, or none.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use std::time::Instant;

use super::*;
use crate::dns::{Name, Rtype};
use crate::server::admission::access::Access;
use crate::server::context::Transport;
use crate::server::harness::{self, BothPaths, Incoming};
use crate::server::{Settings, Shared};
use crate::zone::ZoneSet;

const CLIENT: &str = "192.0.2.1:5353";

const ZONE: &str = "$TTL 10
@ SOA ns1 Hostmaster 1 2 3 4 5
@ NS ns1
@ TXT \"apex\"
ns1 A 10.0.0.1
a A 10.0.0.2
a A 10.0.0.3
a AAAA fd00::1
b.c A 10.0.0.4
alias CNAME a
out CNAME elsewhere.example.
mail MX 10 a
*.wild TXT \"wild\"
cut NS ns.cut
ns.cut A 10.0.0.9
d DNAME c
";

/// Records that do not fit into a datagram, or only into a large one.
fn big() -> String {
    let records = |owner: &str, count: u8| {
        (0..count).map(|n| format!("{owner} A 10.1.0.{n}")).collect::<Vec<_>>().join("\n") + "\n"
    };
    records("big", 200) + &records("middle", 40)
}

fn hosted(apex: &str, on_miss: OnMiss, text: Option<&str>) -> Hosted {
    let apex: Name = apex.parse().unwrap();
    let zone = text.map(|text| Arc::new(Zone::from_text(&apex, text.as_bytes()).0.unwrap()));
    Hosted::new(apex, on_miss, zone)
}

fn zones() -> ZoneSet {
    let other = "@ 60 SOA ns.b.test. x.com. 1 2 3 4 5\n@ 60 NS ns.b.test.\nx 60 A 10.0.0.5\n";
    ZoneSet::new([
        hosted("b.test", OnMiss::NxDomain, Some(&(ZONE.to_owned() + &big()))),
        hosted("f.test", OnMiss::Forward, Some(other)),
        hosted("empty.test", OnMiss::NxDomain, None),
        hosted("sub.b.test", OnMiss::NxDomain, Some(other)),
    ])
    .with_derived([hosted("rpz.b.test", OnMiss::NxDomain, Some(other))])
}

struct World {
    shared: Arc<Shared>,
    start: Instant,
    paths: RefCell<BothPaths>,
}

impl World {
    fn new() -> Self {
        let [trusted, guests] = ["192.0.2.0/24", "203.0.113.0/24"].map(|network| network.parse().unwrap());
        let access = Access::new([trusted, guests]).trusting([trusted]);
        let start = Instant::now();
        let settings = Settings { nsid: Some("here".into()), ..Settings::default() };
        let shared = Shared::new(harness::offline(zones(), access, settings, (start, SystemTime::now())));
        let paths = RefCell::new(BothPaths::new(Arc::clone(&shared), start));
        Self { shared, start, paths }
    }

    fn fast(&self, message: &[u8], client: &str, transport: Transport) -> Option<Vec<u8>> {
        self.fast_at(message, client, transport, self.start)
    }

    fn fast_at(&self, message: &[u8], client: &str, transport: Transport, now: Instant) -> Option<Vec<u8>> {
        let incoming =
            Incoming { message, client: client.parse().unwrap(), local: ([127, 0, 0, 1], 53).into(), transport };
        let mut out = b"before".to_vec();
        let answered = self.paths.borrow_mut().fast(incoming, now, &mut out);
        assert!(out.starts_with(b"before"));
        assert!(answered || out.len() == 6, "no answer leaves nothing behind");
        answered.then(|| out.split_off(6))
    }

    fn full(&self, message: &[u8], client: &str, transport: Transport) -> Option<Vec<u8>> {
        self.full_at(message, client, transport, self.start)
    }

    fn full_at(&self, message: &[u8], client: &str, transport: Transport, now: Instant) -> Option<Vec<u8>> {
        let incoming =
            Incoming { message, client: client.parse().unwrap(), local: ([127, 0, 0, 1], 53).into(), transport };
        self.paths.borrow_mut().full(incoming, now)
    }
}

/// A question; `edns` is payload, DO, version and options.
fn message(name: &Name, rtype: u16, flags: [u8; 2], edns: Option<(u16, bool, u8, &[u8])>) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, u8::from(edns.is_some())];
    message.extend_from_slice(name.as_wire());
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    if let Some((payload, dnssec_ok, version, options)) = edns {
        message.extend_from_slice(&[0, 0, 41]);
        message.extend_from_slice(&payload.to_be_bytes());
        message.extend_from_slice(&[0, version, u8::from(dnssec_ok) << 7, 0]);
        message.extend_from_slice(&u16::try_from(options.len()).unwrap().to_be_bytes());
        message.extend_from_slice(options);
    }
    message
}

fn plain(name: &str, rtype: u16) -> Vec<u8> {
    message(&name.parse().unwrap(), rtype, [1, 0], None)
}

#[test]
fn rfc8914_a_name_in_a_derived_zone_is_refused_also_below_a_zone_that_would_deny_it() {
    let world = World::new();
    for (name, rtype) in [("rpz.b.test", 6), ("x.rpz.b.test", 1), ("nope.rpz.b.test", 1), ("rpz.b.test", 43)] {
        let question = message(&name.parse().unwrap(), rtype, [1, 0], Some((1232, false, 0, &[])));
        assert_eq!(world.fast(&question, CLIENT, Transport::Udp), None, "{name}");
        let refused = world.full(&question, CLIENT, Transport::Udp).unwrap();
        assert_eq!((refused[3] & 0xf, &refused[6..10]), (5, &[0; 4][..]), "{name}: REFUSED without records");
        let text = b"the zone is for transfers only";
        assert!(refused.windows(text.len()).any(|part| part == text), "{name}");
    }
}

#[test]
fn common_questions_are_answered_on_the_fast_path() {
    let world = World::new();
    for (name, rtype) in [("a.b.test", 1), ("a.b.test", 28), ("a.b.test", 16), ("nope.b.test", 1), ("c.b.test", 1)] {
        let message = plain(name, rtype);
        let fast = world.fast(&message, CLIENT, Transport::Udp);
        assert!(fast.is_some(), "{name} {rtype}");
        assert_eq!(fast, world.full(&message, CLIENT, Transport::Udp), "{name} {rtype}");
    }
}

#[test]
fn the_answers_question_is_spelled_as_the_client_spelled_it() {
    let world = World::new();
    let mut message = plain("a.b.test", 1);
    message[12..22].make_ascii_uppercase();
    let fast = world.fast(&message, CLIENT, Transport::Udp).unwrap();
    assert_eq!(fast[12..22], message[12..22]);
    assert_eq!(Some(fast), world.full(&message, CLIENT, Transport::Udp));
}

#[test]
fn strangers_probes_referrals_and_zones_without_data_are_left_alone() {
    let world = World::new();
    assert_eq!(world.fast(&plain("a.b.test", 1), "198.51.100.1:53", Transport::Udp), None);
    assert_eq!(world.fast(&plain("a.b.test", 1), "192.0.2.1:0", Transport::Udp), None);
    let probe = format!("{}.b.test", "0".repeat(32));
    for name in [probe.as_str(), "x.cut.b.test", "x.empty.test", "nope.f.test", "alias.b.test", "elsewhere.example"] {
        assert_eq!(world.fast(&plain(name, 1), CLIENT, Transport::Udp), None, "{name}");
    }
}

#[test]
fn a_client_with_rate_limits_takes_the_full_path() {
    let world = World::new();
    let message = plain("a.b.test", 1);
    assert!(world.fast(&message, CLIENT, Transport::Udp).is_some());
    assert_eq!(world.fast(&message, "203.0.113.1:5353", Transport::Udp), None);
    assert!(world.full(&message, "203.0.113.1:5353", Transport::Udp).is_some());
}

#[test]
fn nothing_goes_to_port_0_whatever_it_sent() {
    let world = World::new();
    for message in [plain("a.b.test", 1), plain("a.b.test", 252), vec![0; 12], vec![0xff; 40]] {
        for client in ["192.0.2.1:0", "198.51.100.1:0"] {
            assert_eq!(world.full(&message, client, Transport::Udp), None, "{message:02x?}");
        }
    }
}

#[test]
fn responses_and_messages_cut_short_are_left_alone() {
    let world = World::new();
    let mut response = plain("a.b.test", 1);
    response[2] |= 0x80;
    assert_eq!(world.fast(&response, CLIENT, Transport::Udp), None);
    for length in 0..response.len() {
        assert_eq!(world.fast(&plain("a.b.test", 1)[..length], CLIENT, Transport::Udp), None);
    }
}

#[test]
fn an_answer_over_the_clients_size_is_truncated() {
    let world = World::new();
    let name: Name = "middle.b.test".parse().unwrap();
    let ask = |edns, transport| {
        let message = message(&name, 1, [1, 0], edns);
        let fast = world.fast(&message, CLIENT, transport).unwrap();
        assert_eq!(Some(&fast), world.full(&message, CLIENT, transport).as_ref());
        (fast[2] & 0x02 != 0, fast.len() > 600)
    };
    let (truncated, whole) = ((true, false), (false, true));
    assert_eq!(ask(None, Transport::Udp), truncated, "over 512 octets");
    assert_eq!(ask(Some((100, false, 0, &[])), Transport::Udp), truncated, "RFC 6891 6.2.3: counts as 512");
    assert_eq!(ask(Some((1232, false, 0, &[])), Transport::Udp), whole);
    assert_eq!(ask(None, Transport::Tcp), whole);
}

#[test]
fn a_query_with_a_cookie_stays_on_the_fast_path() {
    let world = World::new();
    let name: Name = "a.b.test".parse().unwrap();
    let ask = |options: &[u8]| message(&name, 1, [1, 0], Some((1232, false, 0, options)));
    let first = ask(b"\0\x0a\0\x08abcdefgh");
    let fast = world.fast(&first, CLIENT, Transport::Udp).unwrap();
    assert_eq!(Some(&fast), world.full(&first, CLIENT, Transport::Udp).as_ref());
    let option = &fast[fast.len() - 28..];
    assert_eq!(option[..12], *b"\0\x0a\0\x18abcdefgh");
    let again = world.fast(&ask(option), CLIENT, Transport::Udp).unwrap();
    assert_eq!(again, fast, "a good cookie is given again");
    assert_eq!(world.fast(&ask(b"\0\x0a\0\x09abcdefghi"), CLIENT, Transport::Udp), None, "malformed");
}

#[test]
fn options_make_an_answer_too_large_that_would_fit_without() {
    let world = World::new();
    let (name, mut sizes): (Name, _) = ("middle.b.test".parse().unwrap(), Vec::new());
    let mut ask = |payload, options: &[u8]| {
        let message = message(&name, 1, [1, 0], Some((payload, false, 0, options)));
        let full = world.full(&message, CLIENT, Transport::Udp).unwrap();
        assert!(full.len() <= payload.into());
        sizes.push(full.len());
        world.fast(&message, CLIENT, Transport::Udp).is_some_and(|fast| fast[2] & 0x02 == 0)
    };
    assert!(ask(1232, b""));
    assert!(ask(682, b""), "to the octet");
    assert!(!ask(682, b"\0\x0a\0\x08abcdefgh"));
    assert!(ask(682 + 28, b"\0\x0a\0\x08abcdefgh"));
    assert_eq!(sizes[0], 682);
}

/// Labels that make names in, near and outside of the zones.
fn names() -> impl Strategy<Value = Name> {
    let labels =
        ["a", "b", "c", "ns1", "hostmaster", "alias", "out", "mail", "wild", "cut", "big", "middle", "x", "sub"];
    let label = prop_oneof![
        8 => prop::sample::select(labels.map(|label| label.as_bytes().to_vec()).to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..40),
    ];
    let apex = prop::sample::select(vec!["b.test", "f.test", "empty.test", "sub.b.test", "rpz.b.test", "example", "."]);
    (prop::collection::vec(label, 0..4), apex).prop_map(|(labels, apex)| {
        labels.iter().fold(apex.parse().unwrap(), |name: Name, label| name.prepend(label).unwrap_or(name))
    })
}

fn queries() -> impl Strategy<Value = Vec<u8>> {
    let rtype = prop_oneof![
        6 => prop::sample::select(vec![1_u16, 28, 16, 2, 5, 6, 15, 65, 255]),
        1 => any::<u16>(),
    ];
    let options = prop::sample::select(vec![
        &b""[..],
        b"\0\x0a\0\x08abcdefgh",
        b"\0\x0c\0\x02\0\0",
        b"\0\x03\0\0",
        b"\0\x0b\0\x09",
        b"\0\x0a\0\x10abcdefgh\x01\0\0\0zzzzzzzz",
        b"\0\x0a\0\x09abcdefghi",
        b"\0\x0b\0\0\0\x03\0\0\0\x0a\0\x08abcdefgh",
        b"\0\x0b\0\x02\0\x09",
    ]);
    let payload = prop_oneof![prop::sample::select(vec![0_u16, 511, 512, 600, 1232, 4096]), any::<u16>()];
    let version = prop_oneof![9 => Just(0), 1 => any::<u8>()];
    let edns = prop::option::of((payload, any::<bool>(), version, options));
    let flags = (prop_oneof![Just(0_u8), Just(1)], any::<u8>(), 0..20_u8);
    (names(), any::<u64>(), rtype, flags, edns).prop_map(|(name, case, rtype, (rd, second, odd), edns)| {
        let first = if odd == 0 { second } else { rd };
        let mut message = message(&name, rtype, [first, second], edns);
        for (index, octet) in message[12..12 + name.as_wire().len()].iter_mut().enumerate() {
            if case >> (index % 64) & 1 == 1 {
                octet.make_ascii_uppercase();
            }
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn fast_answers_have_the_full_paths_bytes(
        messages in prop::collection::vec((queries(), prop::sample::select(Transport::ALL.to_vec())), 1..20),
    ) {
        let world = WORLD.with(Rc::clone);
        for (message, transport) in messages {
            let fast = world.fast(&message, CLIENT, transport);
            prop_assert!(fast.is_none() || fast == world.full(&message, CLIENT, transport), "{message:02x?} {fast:02x?}");
        }
    }

    #[test]
    fn an_answer_of_ours_never_causes_another(
        message in prop_oneof![
            4 => queries(),
            1 => prop::collection::vec(any::<u8>(), 0..60),
            // Any opcode, any counts.
            1 => (queries(), any::<[u8; 10]>()).prop_map(|(mut message, header)| {
                message[2..12].copy_from_slice(&header);
                message
            }),
        ],
        transport in prop::sample::select(Transport::ALL.to_vec()),
    ) {
        let world = WORLD.with(Rc::clone);
        for client in [CLIENT, "203.0.113.1:53", "198.51.100.1:53"] {
            for answer in [world.full(&message, client, transport), world.fast(&message, client, transport)] {
                let Some(answer) = answer else { continue };
                prop_assert_eq!(world.fast(&answer, CLIENT, Transport::Udp), None);
                prop_assert_eq!(world.full(&answer, CLIENT, Transport::Udp), None);
            }
        }
    }

    #[test]
    fn no_bytes_panic(mut message in prop::collection::vec(any::<u8>(), 0..120), flip in any::<usize>(), bit in 0..8) {
        let world = WORLD.with(Rc::clone);
        let _ = world.fast(&message, CLIENT, Transport::Udp);
        message = plain("a.b.test", 1);
        let at = flip % message.len();
        message[at] ^= 1_u8 << bit;
        let fast = world.fast(&message, CLIENT, Transport::Udp);
        prop_assert!(fast.is_none() || fast == world.full(&message, CLIENT, Transport::Udp));
    }
}

thread_local! {
    static WORLD: Rc<World> = Rc::new(World::new());
}

mod kept;
