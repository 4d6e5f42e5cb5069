//! Statuses to be rendered.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, Id, Place};
use crate::forward::State;
use crate::status::Status;
use crate::status::encryption::{CertificateStatus, EncryptionStatus};
use crate::status::model::{CacheStatus, ConfigStatus, Histogram, ProcessStatus, Readiness, ServerStatus};
use crate::status::model::{DerivedStatus, SourceStatus, ZoneStatus};
use crate::status::peers::{NotifyStatus, PeerStatus, PeerZoneStatus};
use crate::status::queries::{AnswerCount, QueryStatus, Received, ResponseTimes};
use crate::status::sync::{HeldStatus, PassResult, PassStatus, SyncStatus};
use crate::status::upstreams::{GroupStatus, UpstreamStatus};
use crate::sync::live::report::{LiveReport, ScopeReport};
use crate::sync::state::changes::ChangeCounts;

/// What a client may get, and the RCODE in it.
const RESPONSES: [(&str, Option<&str>); 18] = [
    ("NOERROR", Some("NOERROR")),
    ("FORMERR", Some("FORMERR")),
    ("SERVFAIL", Some("SERVFAIL")),
    ("NXDOMAIN", Some("NXDOMAIN")),
    ("NOTIMP", Some("NOTIMP")),
    ("REFUSED", Some("REFUSED")),
    ("YXDOMAIN", Some("YXDOMAIN")),
    ("NOTAUTH", Some("NOTAUTH")),
    ("BADVERS", Some("BADVERS")),
    ("BADCOOKIE", Some("BADCOOKIE")),
    ("OTHER", Some("OTHER")),
    ("truncated", Some("NOERROR")),
    ("truncated", Some("NXDOMAIN")),
    ("truncated", Some("SERVFAIL")),
    ("truncated", Some("OTHER")),
    ("slipped", Some("NOERROR")),
    ("rate-limited", None),
    ("dropped", None),
];
const ORIGINS: [&str; 10] =
    ["zone", "rechased", "cache", "upstream", "stale", "synthesized", "special", "refused", "failed", "dropped"];

/// A status with everything in it: three zones, four sources of which one is live, two upstreams, and each kind of
/// event once at least.
pub(super) fn full() -> Status {
    let error = Diagnostic::error(Id::LIST_BAD_ADDRESS, Place::Server, "an error");
    Status {
        at: 1_800_000_100,
        server: server(),
        readiness: Readiness { ready: true, last_beat: 1_800_000_099, ..Readiness::default() },
        config: ConfigStatus {
            taken: 1_800_000_000,
            waits_for_restart: vec![error.clone()],
            ..ConfigStatus::default()
        },
        encryption: EncryptionStatus {
            certificates: vec![CertificateStatus {
                file: "/etc/privatelink-dns/tls/cert.pem".to_owned(),
                valid_from: 1_799_000_000,
                valid_until: 1_806_000_000,
            }],
            ..EncryptionStatus::default()
        },
        zones: ["a.example", "b.example", "c.example"].map(zone).to_vec(),
        derived: vec![DerivedStatus {
            zone: "rpz.example".to_owned(),
            serial: Some(8),
            records: 6,
            degraded: Vec::new(),
        }],
        sources: ["list-a", "list-b", "list-c", "live"].map(|name| source(name, &error)).to_vec(),
        live: vec![live()],
        sync: sync(),
        upstreams: ["10.0.0.1:53", "10.0.0.2:53"].map(upstream).to_vec(),
        peers: vec![peer()],
        groups: vec![GroupStatus { absent: vec!["system: no servers".to_owned()], ..GroupStatus::default() }],
        cache: CacheStatus { entries: 1, max_entries: 9, requests: 7, hits: 4, stale: 2, evictions: 3 },
        queries: queries(),
        ..Status::default()
    }
}

fn peer() -> PeerStatus {
    let told = |state: &str| NotifyStatus { state: state.to_owned(), ..NotifyStatus::default() };
    let zone = PeerZoneStatus {
        zone: "rpz.example".to_owned(),
        serial: Some(8),
        taken: Some(7),
        taken_at: Some(1_800_000_010),
        behind_since: Some(1_800_000_040),
        transfers: 5,
        notify: ["waiting", "refused", "acknowledged"].map(told).to_vec(),
        ..PeerZoneStatus::default()
    };
    let never = PeerZoneStatus { zone: "a.example".to_owned(), ..PeerZoneStatus::default() };
    PeerStatus {
        peer: "bind-hq".to_owned(),
        view: None,
        key: Some("k1".to_owned()),
        tls: false,
        zones: vec![zone, never],
    }
}

fn server() -> ServerStatus {
    let process = ProcessStatus { cpu_s: 1.5, open_fds: 9, max_fds: 99, threads: 4, ..ProcessStatus::default() };
    ServerStatus {
        version: "1.2.3".to_owned(),
        started: 1_800_000_000,
        process: Some(process),
        ..ServerStatus::default()
    }
}

fn zone(name: &str) -> ZoneStatus {
    ZoneStatus {
        zone: name.to_owned(),
        serial: Some(u32::MAX),
        contents: Some(9_007_199_254_740_991),
        records: 7,
        misses: 3,
        changed: ChangeCounts { added: 3, changed: 2, removed: 1 },
        ..ZoneStatus::default()
    }
}

fn source(name: &str, error: &Diagnostic) -> SourceStatus {
    SourceStatus {
        name: name.to_owned(),
        last_good: Some(1_800_000_050),
        modified: Some(1_700_000_000),
        entries: 12,
        errors: vec![error.clone()],
        ..SourceStatus::default()
    }
}

fn live() -> LiveReport {
    let scope = |last_complete| ScopeReport { last_complete, ..ScopeReport::default() };
    let mut live = LiveReport {
        source: "live".to_owned(),
        token_expires: Some(1_800_003_600),
        scopes: vec![scope(Some(1_800_000_080)), scope(Some(1_800_000_040))],
        requests: 11,
        reads: (5, 1),
        ..LiveReport::default()
    };
    live.last.remaining = BTreeMap::from([("reads".to_owned(), 900), ("subscription-reads".to_owned(), 100)]);
    live
}

fn sync() -> SyncStatus {
    let pass = PassStatus { at: 1_800_000_090, held: Some(HeldStatus::default()), ..PassStatus::default() };
    SyncStatus {
        running_since: Some(1_800_000_095),
        pass_deadline_s: 60,
        pass: Some(pass),
        last_good: Some(1_800_000_060),
        passes: PassResult::ALL.into_iter().zip(1..).collect(),
        ..SyncStatus::default()
    }
}

fn upstream(address: &str) -> UpstreamStatus {
    let failures = ["timeout", "unreachable", "malformed", "spoof", "loop", "tcp"];
    UpstreamStatus {
        address: address.to_owned(),
        state: State::Up,
        in_flight: 2,
        failures: failures.map(|reason| (reason.to_owned(), 1)).into(),
        round_trips: histogram(400, 15),
        counts: [("sent".to_owned(), 90), ("retransmits".to_owned(), 4)].into(),
        ..UpstreamStatus::default()
    }
}

/// Bounds from so many microseconds on, each twice the one before; as many values in each range as its place from 1.
pub(super) fn histogram(first_us: u32, bounds: u32) -> Histogram {
    let bound = |n: u32| f64::from(first_us) * f64::from(1 << n) / 1e6;
    Histogram { bounds_s: (0..bounds).map(bound).collect(), counts: (1..=u64::from(bounds) + 1).collect(), sum_s: 12.5 }
}

fn queries() -> QueryStatus {
    let mut answers = Vec::new();
    let mut received = Vec::new();
    for transport in ["udp", "tcp"] {
        for family in ["ipv4", "ipv6"] {
            received.push(Received { transport: transport.to_owned(), family: family.to_owned(), count: 5 });
        }
        for ((response, rcode), origin) in RESPONSES.iter().flat_map(|each| ORIGINS.map(|origin| (*each, origin))) {
            let (transport, response, origin) = (transport.to_owned(), response.to_owned(), origin.to_owned());
            let rcode = rcode.map(str::to_owned);
            answers.push(AnswerCount { transport, reason: origin.clone(), response, rcode, origin, count: 1 });
        }
    }
    let types = ["A", "AAAA", "ANY", "CNAME", "DS", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SVCB", "TXT", "other"];
    let counters = ["dropped", "refused_access", "loops", "truncated", "limited_refused", "slipped", "tcp_connections"];
    let classes = ["zone", "rechased", "cache", "upstream", "other"];
    QueryStatus {
        received,
        answers,
        types: types.map(|rtype| (rtype.to_owned(), 1)).into(),
        response_times: classes
            .map(|class| ResponseTimes { class: class.to_owned(), times: histogram(25, 19) })
            .to_vec(),
        counters: counters.map(|name| (name.to_owned(), 2)).into(),
        waiting: 1,
        connections: 2,
    }
}
