//! Five states of a server, as the daemon would find them.

use super::*;
use crate::diag::{Diagnostic, Id, Place};
use crate::forward::State;
use crate::server::RecentKind;
use crate::status::model::SourceKind;
use crate::status::model::{CacheStatus, Counts, Histogram, RecentEntry, SourceStatus, ZoneStatus};
use crate::status::peers::{NotifyStatus, PeerStatus, PeerZoneStatus};
use crate::status::queries::{AnswerCount, Received, ResponseTimes};
use crate::status::sync::{HeldStatus, PassResult, PassStatus};
use crate::status::traffic::{Step, Traffic};
use crate::status::upstreams::{GroupStatus, UpstreamError, UpstreamStatus};
use crate::status::verdict;
use crate::sync::state::changes::{AppliedChange, ChangeCounts};
use crate::zone::OnMiss;

/// 2026-11-26 03:00:00 UTC.
pub(super) const NOW: u64 = 1_795_662_000;

const BACKUP: &str = "privatelink.we.backup.windowsazure.com";
const BLOB: &str = "privatelink.blob.core.windows.net";
const QUEUE: &str = "privatelink.queue.core.windows.net";

/// All is well.
pub(super) fn well() -> Status {
    let mut status = Status { at: NOW, ..Status::default() };
    status.server.host = "dns-a".into();
    status.server.version = "0.1.0".into();
    status.server.started = NOW - 270_000;
    status.server.listen = vec!["10.0.0.4:53".into()];
    (status.readiness.ready, status.readiness.last_beat) = (true, NOW);
    status.config.file = "/etc/privatelink-dns/privatelink-dns.toml".into();
    status.zones =
        vec![zone(BLOB, OnMiss::Forward, 4), zone(QUEUE, OnMiss::Forward, 3), zone(BACKUP, OnMiss::NxDomain, 18)];
    status.sources = vec![source("vault-we", "we.txt", 12), source("vault-ne", "ne.json", 11)];
    status.sync.pass = Some(PassStatus { at: NOW - 12, took_ms: 3, ..PassStatus::default() });
    status.sync.last_good = Some(NOW - 12);
    status.upstreams = vec![upstream("168.63.129.16:53")];
    status.groups = vec![GroupStatus { suffix: ".".into(), asked: 9_120, shared: 41, ..GroupStatus::default() }];
    status.changes = vec![change("", "10.12.0.24", false), change("10.12.0.23", "10.12.0.24", true)];
    counted(&mut status);
    judged(status)
}

/// What clients asked, and what they got.
fn counted(status: &mut Status) {
    let answer = |response: &str, origin: &str, count| AnswerCount {
        transport: "udp".into(),
        reason: "x".into(),
        response: response.into(),
        rcode: Some(response.into()),
        origin: origin.into(),
        count,
    };
    status.cache =
        CacheStatus { entries: 1_204, max_entries: 100_000, requests: 800, hits: 600, ..CacheStatus::default() };
    status.queries.received = vec![Received { transport: "udp".into(), family: "ipv4".into(), count: 120_000 }];
    status.queries.answers = vec![answer("NOERROR", "zone", 90_000), answer("NXDOMAIN", "upstream", 30_000)];
    status.queries.types = Counts::from([("A".into(), 80_000), ("AAAA".into(), 39_999), ("SRV".into(), 1)]);
    let times = Histogram { bounds_s: vec![0.000_025, 0.000_05, 0.001], counts: vec![50, 40, 9, 1], sum_s: 0.1 };
    status.queries.response_times = vec![ResponseTimes { class: "zone".into(), times }];
    let step = |n: u64| Step {
        at: NOW - 1_790 + n * 10,
        queries: 400 + (n * 37) % 90 + n,
        zone: 150 + (n * 13) % 40,
        cache: 180 + (n * 29) % 50,
        upstream: 70 + n,
        ..Step::default()
    };
    status.traffic = Traffic { step_s: 10, steps: (0..180).map(step).collect() };
    status.recent.enabled = true;
}

fn judged(status: Status) -> Status {
    Status { verdict: verdict::of(&status), ..status }
}

fn with(change: impl FnOnce(&mut Status)) -> Status {
    let mut status = well();
    change(&mut status);
    judged(status)
}

/// The guard holds changes back.
pub(super) fn held() -> Status {
    with(|status| {
        let reason = Diagnostic::error(Id::GUARD_SHARE, Place::zone(BACKUP), "11 of 18 records would go");
        let held = HeldStatus {
            digest: Some("00112233445566778899aabbccddeeff".into()),
            reasons: vec![reason],
            what_to_do: "if this is right, run: privatelink-dns sync --approve 0011 --config /etc/p.toml".into(),
            stale: None,
        };
        status.sync.pass =
            Some(PassStatus { at: NOW - 12, outcome: PassResult::Held, held: Some(held), ..PassStatus::default() });
        status.sync.held_since = Some(NOW - 1_500);
    })
}

/// The file of a source is gone.
pub(super) fn source_gone() -> Status {
    with(|status| {
        let gone = Diagnostic::error(Id::LIST_UNREADABLE, Place::line("/etc/lists/we.txt", 3), "the file is gone");
        status.sources[0].last_good = Some(NOW - 7_500);
        status.sources[0].errors = vec![gone.of_source("vault-we")];
    })
}

/// A zone has no good copy.
pub(super) fn servfail() -> Status {
    with(|status| {
        let broken =
            Diagnostic::error(Id::ZONE_SYNTAX, Place::line("/var/lib/z/we.zone", 7), "'10.12.0' is no address");
        (status.zones[2].serial, status.zones[2].records) = (None, 0);
        status.zones[2].degraded = vec![broken];
        (status.readiness.ready, status.readiness.servfail) = (false, vec![BACKUP.into()]);
        status.recent.entries = vec![recent(RecentKind::Failure, "vault-prot1.privatelink.we.backup.windowsazure.com")];
    })
}

/// The only upstream does not answer.
pub(super) fn upstream_down() -> Status {
    with(|status| {
        let upstream = &mut status.upstreams[0];
        (upstream.state, upstream.since) = (State::Down, Some(NOW - 240));
        let text = "no reply within 1.2 s, 3 times".into();
        upstream.last_error = Some(UpstreamError { at: NOW - 2, kind: "timeout".into(), text });
        upstream.failures = Counts::from([("timeout".into(), 214)]);
        status.recent.entries = vec![recent(RecentKind::Miss, "new.privatelink.we.backup.windowsazure.com")];
    })
}

/// A secondary does not take the zone that changed.
pub(super) fn peer_behind() -> Status {
    with(|status| {
        let told = NotifyStatus {
            address: "10.1.0.53:53".into(),
            serial: 1_764_122_400,
            state: "waiting".into(),
            tries: 8,
            rcode: None,
        };
        let behind = PeerZoneStatus {
            zone: BACKUP.into(),
            serial: Some(1_764_122_400),
            taken: Some(1_764_122_390),
            taken_at: Some(NOW - 4_000),
            behind_since: Some(NOW - 1_260),
            transfers: 3,
            notify: vec![told],
            ..PeerZoneStatus::default()
        };
        let good = PeerZoneStatus {
            zone: "rpz.privatelink".into(),
            serial: Some(7),
            taken: Some(7),
            taken_at: Some(NOW - 30),
            transfers: 12,
            ..PeerZoneStatus::default()
        };
        status.peers = vec![
            PeerStatus {
                peer: "bind-hq".into(),
                key: Some("k1".into()),
                zones: vec![behind, good],
                ..PeerStatus::default()
            },
            PeerStatus { peer: "lab".into(), ..PeerStatus::default() },
        ];
    })
}

/// Each with its name.
pub(super) fn all() -> [(&'static str, Status); 6] {
    [
        ("well", well()),
        ("held", held()),
        ("source-gone", source_gone()),
        ("servfail", servfail()),
        ("upstream-down", upstream_down()),
        ("peer-behind", peer_behind()),
    ]
}

fn zone(name: &str, on_miss: OnMiss, records: usize) -> ZoneStatus {
    ZoneStatus {
        zone: name.into(),
        serial: Some(1_764_122_400),
        records,
        managed: true,
        on_miss,
        misses: 1_312,
        changed: ChangeCounts { added: 3, changed: 1, removed: 0 },
        ..ZoneStatus::default()
    }
}

fn source(name: &str, file: &str, entries: usize) -> SourceStatus {
    SourceStatus {
        name: name.into(),
        kind: SourceKind::File,
        path: format!("/etc/privatelink-dns/lists/{file}"),
        last_good: Some(NOW - 12),
        modified: Some(NOW - 90_000),
        entries,
        ..SourceStatus::default()
    }
}

fn upstream(address: &str) -> UpstreamStatus {
    UpstreamStatus {
        address: address.into(),
        state: State::Up,
        round_trip_ms: Some(1.21),
        in_flight: 2,
        counts: Counts::from([("sent".into(), 9_120), ("received".into(), 9_118)]),
        ..UpstreamStatus::default()
    }
}

fn recent(kind: RecentKind, name: &str) -> RecentEntry {
    RecentEntry {
        kind,
        name: name.into(),
        rtype: "A".into(),
        network: "10.1.0.0/24".into(),
        view: "spoke-a".parse().ok().filter(|_| kind == RecentKind::Miss),
        count: 12,
        first: NOW - 600,
        last: NOW - 4,
    }
}

fn change(before: &str, after: &str, approved: bool) -> AppliedChange {
    AppliedChange {
        view: None,
        at: "2026-11-26T02:57:00Z".into(),
        zone: BLOB.into(),
        name: format!("smplepod01ecs114.{BLOB}"),
        rtype: "A".into(),
        before: before.parse().into_iter().collect(),
        after: after.parse().into_iter().collect(),
        source: Some("vault-we".into()),
        place: Some("/etc/privatelink-dns/lists/we.txt:14".into()),
        approved,
        by: approved.then(|| "root (logged in as alice)".into()),
        undoes: None,
    }
}
