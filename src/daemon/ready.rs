//! The ready line: one line of JSON on standard output, for whoever started us.

use std::io::{self, Write};
use std::net::SocketAddr;

use serde_json::json;
use tracing::info;

use crate::zone::ZoneSet;

/// Says that zones are loaded, the first sync pass is over and queries are answered.
pub(super) fn announce(addresses: &[SocketAddr], zones: &ZoneSet) {
    let listen: Vec<_> = addresses.iter().map(|at| json!({"udp": at.to_string(), "tcp": at.to_string()})).collect();
    let records: usize = zones.iter().filter_map(|hosted| hosted.zone.as_ref()).map(|zone| zone.record_count()).sum();
    let line = json!({"ready": true, "listen": listen, "zones": zones.iter().count(), "records": records});
    let mut stdout = io::stdout().lock();
    // A closed pipe is the business of whoever closed it.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    info!(listen = shown.join(" "), zones = zones.iter().count(), records, "ready");
}
