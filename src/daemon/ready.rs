//! The ready line: one line of JSON on standard output, for the process that started the server.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tracing::info;

use super::log;
use crate::admin::{self, Listener};
use crate::diag::{Diagnostic, Id, Place};
use crate::server::ListenAddresses;
use crate::zone::ZoneSet;

/// The time to wait for the first pass where every zone is served already: a share that hangs does not delay a restart.
const FIRST_PASS_WAIT: Duration = Duration::from_secs(3);

/// The time after `pass_deadline` when the first pass should be over; zones not served then are known to be SERVFAIL.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The time to be ready although the first pass is not over.
pub(super) fn at_the_latest(zones: &ZoneSet, pass_deadline: Duration, start: Instant) -> Instant {
    let is_whole = zones.unread().is_none() && zones.not_served_anywhere().is_empty();
    start + if is_whole { FIRST_PASS_WAIT.min(pass_deadline) } else { pass_deadline + AFTER_DEADLINE }
}

/// Says that queries are answered: each zone from a good copy, or with SERVFAIL, and those are named.
pub(super) fn announce(addresses: &ListenAddresses, admin: &admin::Listeners, zones: &ZoneSet) {
    let listen: Vec<_> = addresses.dns.iter().map(|at| json!({"udp": at.to_string(), "tcp": at.to_string()})).collect();
    let records: usize = zones.iter().filter_map(|hosted| hosted.zone.as_ref()).map(|zone| zone.record_count()).sum();
    let servfail = zones.not_served_anywhere();
    let line = json!({
        "ready": true, "listen": listen, "zones": zones.iter().count(), "records": records, "servfail": servfail,
        "dot": addresses.dot, "doh": addresses.doh, "admin": admin.address(Listener::Admin), "probe": admin.address(Listener::Probe),
    });
    let mut stdout = io::stdout().lock();
    // A closed pipe is not our problem.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    let shown: Vec<String> = addresses.all().iter().map(ToString::to_string).collect();
    info!(listen = shown.join(" "), zones = zones.iter().count(), records, "ready");
    if !servfail.is_empty() {
        let text = format!("no good copy of {}: their names are SERVFAIL until there is one", servfail.join(", "));
        log::found(&Diagnostic::warning(Id::ZONES_NOT_SERVED, Place::Server, text));
    }
}
