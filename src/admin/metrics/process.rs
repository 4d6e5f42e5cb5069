//! The process: which program it is, whether clients should be sent to it, and what it uses of the machine.

use super::family::Family;
use crate::status::Status;
use crate::status::model::{ProcessStatus, ServerStatus};

/// The process.
pub(super) fn families(status: &Status) -> Vec<Family> {
    let (server, readiness) = (&status.server, &status.readiness);
    let mut all = vec![
        build(server),
        Family::single(
            "privatelink_dns_start_time_seconds",
            server.started,
            "Time the server started, in seconds since 1970.",
        ),
        Family::single(
            "privatelink_dns_ready",
            readiness.ready,
            "1 if every hosted zone has a good copy and the server is not about to stop; as /ready.",
        ),
        Family::single(
            "privatelink_dns_draining",
            readiness.draining,
            "1 from the signal to stop on; queries are still answered.",
        ),
        Family::single(
            "privatelink_dns_loop_last_beat_timestamp_seconds",
            readiness.last_beat,
            "Time the loop that reads lists, zones and config last turned; it turns each second.",
        ),
    ];
    all.extend(listeners(server));
    all.extend(server.process.iter().flat_map(|usage| machine(server, usage)));
    all
}

fn build(server: &ServerStatus) -> Family {
    Family::new(
        "privatelink_dns_build_info",
        &["version", "revision", "rustc"],
        "Program of this process; empty where not known.",
    )
    .with([&server.version, &server.revision, &server.rustc], true)
}

/// The admin and the probe listener.
fn listeners(server: &ServerStatus) -> [Family; 4] {
    let count = |name: &str| server.admin_counts.get(name).copied().unwrap_or_default();
    [
        Family::single(
            "privatelink_dns_admin_requests_total",
            count("requests"),
            "HTTP requests to the admin and the probe listener.",
        ),
        Family::single(
            "privatelink_dns_admin_requests_refused_total",
            count("refused"),
            "HTTP requests refused for their client, their Host or their method.",
        ),
        Family::single(
            "privatelink_dns_admin_connections_displaced_total",
            count("displaced"),
            "HTTP connections closed to make room for others.",
        ),
        Family::single(
            "privatelink_dns_admin_listeners_failed",
            server.admin_failed.len(),
            "Listeners of [admin] in the config that are not open.",
        ),
    ]
}

/// The names that Prometheus has for all processes.
fn machine(server: &ServerStatus, usage: &ProcessStatus) -> [Family; 7] {
    [
        Family::single(
            "process_cpu_seconds_total",
            usage.cpu_s,
            "Time the process used on all cores, user and system.",
        ),
        Family::single("process_resident_memory_bytes", usage.resident_bytes, "Memory of the process in RAM."),
        Family::single("process_virtual_memory_bytes", usage.virtual_bytes, "Address space of the process."),
        Family::single("process_open_fds", usage.open_fds, "Open file descriptors."),
        Family::single("process_max_fds", usage.max_fds, "File descriptors that may be open."),
        Family::single("process_threads", usage.threads, "Threads of the process."),
        Family::single(
            "process_start_time_seconds",
            server.started,
            "Time the process started, in seconds since 1970.",
        ),
    ]
}
