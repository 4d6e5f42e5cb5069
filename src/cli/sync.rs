//! `plan` and `sync`: what would change, and one pass by hand.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::SystemTime;

use super::progress::Progress;
use super::{CHANGES, complain, fail, say, usage};
use crate::config::Config;
use crate::sync::apply::Applied;
use crate::sync::guard;
use crate::sync::pass::{self, Done};
use crate::sync::plan::{Digest, write_json, write_text};
use crate::zone::store::Store;

/// Shows what sync would change.
pub(super) fn plan(config: &Config, json: bool) -> ExitCode {
    let progress = Progress::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let looked = pass::look(&config.sync, &zones, &|step| progress.show(step));
    drop(progress);
    let plan = match looked {
        Ok(plan) => plan,
        Err(error) => return fail(format!("no plan can be made:\n{error}")),
    };
    let changes = plan.has_changes();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = if json { Ok(()) } else { write_text(&plan, colour, &mut text) };
    let refused = match guard::review(plan, &config.sync.guard(), None) {
        Ok(approved) => {
            let _ = if json { write_json(approved.plan(), &[], &mut text) } else { Ok(()) };
            None
        }
        Err(held) => {
            let _ = if json { write_json(&held.plan, &held.reasons(), &mut text) } else { Ok(()) };
            Some(held.message(&config.file.display().to_string()))
        }
    };
    say(String::from_utf8_lossy(&text).trim_end());
    if !json {
        match refused {
            Some(refused) => say(refused),
            None if changes => say(format!("to write it: privatelink-dns sync --config {}", config.file.display())),
            None => {}
        }
    }
    if changes { ExitCode::from(CHANGES) } else { ExitCode::SUCCESS }
}

/// One pass.
pub(super) fn sync(config: &Config, approve: Option<&str>) -> ExitCode {
    let approved: Option<Digest> = match approve.map(str::parse).transpose() {
        Ok(approved) => approved,
        Err(error) => return usage(error),
    };
    let progress = Progress::start();
    let zones = Store::new(config.zones.clone()).reload().zones;
    let outcome = pass::run(&config.sync, &zones, approved, SystemTime::now(), &|step| progress.show(step));
    drop(progress);
    for warning in outcome.warnings.to_string().lines() {
        complain(format!("warning: {warning}"));
    }
    for conflict in outcome.conflicts.to_string().lines() {
        complain(format!("conflict: {conflict}"));
    }
    match outcome.done {
        Done::Unchanged => say("nothing to change"),
        Done::Applied(applied) => return tell(applied),
        Done::Held(held) => return fail(held.message(&config.file.display().to_string())),
        Done::NoPlan(error) => return fail(format!("no plan can be made:\n{error}")),
    }
    ExitCode::SUCCESS
}

fn tell(applied: Applied) -> ExitCode {
    for zone in &applied.written {
        let (created, updated, deleted) = zone.changed;
        let before = zone.before.map_or_else(|| "new".to_owned(), |serial| serial.to_string());
        say(format!(
            "{}: serial {before} -> {}, {created} created, {updated} changed, {deleted} removed, {} records",
            zone.apex.without_dot(),
            zone.serial,
            zone.records
        ));
    }
    applied.error.map_or(ExitCode::SUCCESS, fail)
}
