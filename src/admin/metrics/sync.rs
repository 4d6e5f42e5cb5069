//! From lists to zones: zones, sources, Azure, passes, and the config.

use super::family::Family;
use crate::status::Status;
use crate::status::model::{ConfigStatus, DerivedStatus, SourceStatus, ZoneStatus};
use crate::status::sync::{PassResult, PassStatus, SyncStatus};
use crate::sync::live::report::LiveReport;

/// Every hosted zone, and the part of it that each view has; the base has no label `view`.
pub(super) fn zones(zones: &[ZoneStatus]) -> [Family; 7] {
    let changed = |zone: &ZoneStatus| {
        [("added", zone.changed.added), ("changed", zone.changed.changed), ("removed", zone.changed.removed)]
    };
    let changed = zones.iter().flat_map(|zone| changed(zone).map(|(action, count)| (of(zone), action, count)));
    let contents = zones.iter().filter_map(|zone| Some((of(zone), zone.contents?)));
    let serials = zones.iter().filter_map(|zone| Some((of(zone), zone.serial?)));
    [
        Family::new(
            "privatelink_dns_zone_served",
            &["zone", "view"],
            "1 if the zone has a good copy, 0 if its names are SERVFAIL.",
        )
        .with_each(zones, |zone| (of(zone), zone.serial.is_some())),
        Family::new(
            "privatelink_dns_zone_serial",
            &["zone", "view"],
            "Serial of the zone; absent while there is no good copy.",
        )
        .with_each(serials, |(zone, serial)| (*zone, *serial)),
        Family::new(
            "privatelink_dns_zone_contents",
            &["zone", "view"],
            "Hash of the records of the zone without SOA: servers with the same lists have the same.",
        )
        .with_each(contents, |(zone, contents)| (*zone, *contents)),
        Family::new("privatelink_dns_zone_records", &["zone", "view"], "Records of the zone.")
            .with_each(zones, |zone| (of(zone), zone.records)),
        Family::new(
            "privatelink_dns_zone_misses_total",
            &["zone", "view"],
            "Queries for names that the zone does not have; a client may have gone public for each.",
        )
        .with_each(zones, |zone| (of(zone), zone.misses)),
        Family::new(
            "privatelink_dns_zone_degraded",
            &["zone", "view"],
            "1 if what is served differs from the zone's file because the file is bad.",
        )
        .with_each(zones, |zone| (of(zone), !zone.degraded.is_empty())),
        Family::new(
            "privatelink_dns_sync_records_changed_total",
            &["zone", "view", "action"],
            "RRsets of the zone that sync added, gave other addresses, or removed.",
        )
        .with_each(changed, |([zone, view], action, count)| ([zone, view, action], *count)),
    ]
}

/// The values of the labels `zone` and `view`.
fn of(zone: &ZoneStatus) -> [&str; 2] {
    [&zone.zone, zone.view.as_ref().map_or("", |view| view.as_str())]
}

/// Every zone for secondaries alone.
pub(super) fn derived(zones: &[DerivedStatus]) -> [Family; 3] {
    let serials = zones.iter().filter_map(|zone| Some((&*zone.zone, zone.serial?)));
    [
        Family::new(
            "privatelink_dns_derived_zone_serial",
            &["zone"],
            "Serial of the feed or catalog; absent while it has not been made.",
        )
        .with_each(serials, |(zone, serial)| ([zone], *serial)),
        Family::new("privatelink_dns_derived_zone_records", &["zone"], "Records of the feed or catalog.")
            .with_each(zones, |zone| ([&*zone.zone], zone.records)),
        Family::new(
            "privatelink_dns_derived_zone_degraded",
            &["zone"],
            "1 if the feed or catalog lacks changes of the zones in service.",
        )
        .with_each(zones, |zone| ([&*zone.zone], !zone.degraded.is_empty())),
    ]
}

/// Every source.
pub(super) fn sources(sources: &[SourceStatus]) -> [Family; 4] {
    let modified = sources.iter().filter_map(|source| Some((&*source.name, source.modified?)));
    let errors = |source: &SourceStatus| source.errors.iter().filter(|error| error.is_error()).count();
    [
        Family::new(
            "privatelink_dns_source_last_success_timestamp_seconds",
            &["source"],
            "Time the oldest list of the source was last read whole; 0 if never, which is as old as can be.",
        )
        .with_each(sources, |source| ([&*source.name], source.last_good.unwrap_or_default())),
        Family::new(
            "privatelink_dns_source_modified_timestamp_seconds",
            &["source"],
            "Time the newest list of the source was changed; absent if not known.",
        )
        .with_each(modified, |(source, at)| ([source], *at)),
        Family::new(
            "privatelink_dns_source_records",
            &["source"],
            "Entries of the lists of the source, names times addresses.",
        )
        .with_each(sources, |source| ([&*source.name], source.entries)),
        Family::new(
            "privatelink_dns_source_errors",
            &["source"],
            "Errors of the source in the last pass; its last good lists stand in.",
        )
        .with_each(sources, |source| ([&*source.name], errors(source))),
    ]
}

/// Every live source.
pub(super) fn azure(live: &[LiveReport]) -> [Family; 8] {
    let oldest =
        |report: &LiveReport| report.scopes.iter().map(|scope| scope.last_complete.unwrap_or(0)).min().unwrap_or(0);
    let failing = |report: &LiveReport| report.scopes.iter().filter(|scope| !scope.problems.is_empty()).count();
    let reads = live.iter().flat_map(|report| {
        [("complete", report.reads.0), ("incomplete", report.reads.1)].map(|(outcome, n)| (&*report.source, outcome, n))
    });
    let quotas = live.iter().filter_map(|report| Some((&*report.source, *report.last.remaining.values().min()?)));
    let tokens = live.iter().filter_map(|report| Some((&*report.source, report.token_expires?)));
    [
        Family::new(
            "privatelink_dns_azure_last_complete_read_timestamp_seconds",
            &["source"],
            "Time of the last complete read of the scope of the live source for which that is longest ago; 0 if never.",
        )
        .with_each(live, |report| ([&*report.source], oldest(report))),
        Family::new("privatelink_dns_azure_scopes", &["source"], "Scopes of the live source.")
            .with_each(live, |report| ([&*report.source], report.scopes.len())),
        Family::new(
            "privatelink_dns_azure_scopes_failing",
            &["source"],
            "Scopes of the live source whose list is not from the last read.",
        )
        .with_each(live, |report| ([&*report.source], failing(report))),
        Family::new(
            "privatelink_dns_azure_errors",
            &["source"],
            "Present errors of the live source, of its scopes and as a whole.",
        )
        .with_each(live, |report| ([&*report.source], report.all_problems().filter(|each| each.is_error()).count())),
        Family::new(
            "privatelink_dns_azure_reads_total",
            &["source", "outcome"],
            "Reads of the live source: complete in all scopes, or not.",
        )
        .with_each(reads, |(source, outcome, count)| ([source, outcome], *count)),
        Family::new(
            "privatelink_dns_azure_requests_total",
            &["source"],
            "Requests of the live source to Azure Resource Manager.",
        )
        .with_each(live, |report| ([&*report.source], report.requests)),
        Family::new(
            "privatelink_dns_azure_quota_remaining",
            &["source"],
            "Requests that Azure leaves to the live source, by the smallest of its quotas; absent if not known.",
        )
        .with_each(quotas, |(source, left)| ([source], *left)),
        Family::new(
            "privatelink_dns_azure_token_expiry_timestamp_seconds",
            &["source"],
            "Time the token of the live source ends; absent without a token.",
        )
        .with_each(tokens, |(source, at)| ([source], *at)),
    ]
}

/// The passes of sync, and the config.
pub(super) fn passes(status: &Status) -> Vec<Family> {
    let (sync, pass) = (&status.sync, status.pass());
    let mut all = outcomes(sync).to_vec();
    all.extend([
        Family::single(
            "privatelink_dns_sync_pass_running_seconds",
            status.running_s().unwrap_or_default(),
            "Time that the present pass, or reading of zones, has taken so far; 0 if none runs.",
        ),
        Family::single(
            "privatelink_dns_sync_pass_deadline_seconds",
            sync.pass_deadline_s,
            "Longest time that a pass should take.",
        ),
        Family::single(
            "privatelink_dns_sync_last_success_timestamp_seconds",
            sync.last_good.unwrap_or_default(),
            "Time a pass last did all there was to do; 0 if none did.",
        ),
        Family::single(
            "privatelink_dns_sync_plan_held",
            pass.is_some_and(|pass| pass.held.is_some()),
            "1 if changes wait for an operator's consent.",
        ),
        Family::single(
            "privatelink_dns_sync_conflicts",
            pass.map_or(0, |pass| pass.conflicts.len()),
            "Findings of the last pass where lists give different addresses to a name.",
        ),
        Family::single(
            "privatelink_dns_sync_lists_unread",
            status.no_list_read,
            "1 until a list was read that tells the geo codes: until then all zones of Azure Backup are SERVFAIL.",
        ),
    ]);
    all.extend(consent(sync, pass));
    all.extend(pass.map(|pass| {
        Family::single(
            "privatelink_dns_sync_last_pass_timestamp_seconds",
            pass.at,
            "Time the last pass ended; absent before the first.",
        )
    }));
    all.extend(config(&status.config));
    all
}

/// What waits for somebody.
fn consent(sync: &SyncStatus, pass: Option<&PassStatus>) -> [Family; 3] {
    [
        Family::new(
            "privatelink_dns_sync_held_info",
            &["digest"],
            "Digest of the held changes, for sync --approve; empty if nothing is held, or no consent helps.",
        )
        .with_each([held_digest(pass)], |digest| ([*digest], 1_u64)),
        Family::single(
            "privatelink_dns_frozen",
            sync.frozen.is_some(),
            "1 while the sync is frozen: no zone file is written until somebody thaws it.",
        ),
        Family::single(
            "privatelink_dns_frozen_changes",
            pass.and_then(|pass| pass.waiting.as_ref()).map_or(0, |waiting| waiting.changes),
            "RRsets that the last pass would have changed but for the freeze.",
        ),
    ]
}

fn held_digest(pass: Option<&PassStatus>) -> &str {
    pass.and_then(|pass| pass.held.as_ref()?.digest.as_deref()).unwrap_or_default()
}

fn outcomes(sync: &SyncStatus) -> [Family; 2] {
    let last = sync.pass.as_ref().map(|pass| pass.outcome);
    [
        Family::new("privatelink_dns_sync_passes_total", &["outcome"], "Sync passes by result.")
            .with_each(PassResult::ALL.map(|result| result.to_string()), |result| ([&**result], 0_u64))
            .with_each(sync.passes.iter().map(|(result, n)| (result.to_string(), *n)), |(result, n)| ([&**result], *n)),
        Family::new(
            "privatelink_dns_sync_last_pass_outcome",
            &["outcome"],
            "1 for the result of the last pass, 0 for the others.",
        )
        .with_each(PassResult::ALL.map(|result| (result.to_string(), last == Some(result))), |(result, is_last)| {
            ([&**result], *is_last)
        }),
    ]
}

fn config(config: &ConfigStatus) -> [Family; 3] {
    [
        Family::single(
            "privatelink_dns_config_last_reload_successful",
            config.problems.is_empty(),
            "1 if the newest config is in service, 0 if it was refused.",
        ),
        Family::single(
            "privatelink_dns_config_last_reload_timestamp_seconds",
            config.taken,
            "Time the config in service was taken.",
        ),
        Family::single(
            "privatelink_dns_config_waits_for_restart",
            config.waits_for_restart.len(),
            "Changes of the config that take effect at the next start.",
        ),
    ]
}
