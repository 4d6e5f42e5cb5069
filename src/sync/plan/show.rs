//! A plan as people read it: one block a zone, one line a change.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use anstyle::{AnsiColor, Style};

use super::networks::{are_endpoints, short, would_settle};
use super::{Action, AliasChange, Change, FileState, HeldRrset, Places, Plan, View, ZonePlan};
use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::sync::desired::Claim;
use crate::zone::ZoneId;

/// Names are aligned up to this width; longer ones push their line to the right.
const MAX_NAME: usize = 48;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const MAGENTA: Style = AnsiColor::Magenta.on_default();

/// Writes the plan as text with colours, which the stream removes where the output is not a terminal.
pub fn write_text(plan: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |style: Style, text: &str| writeln!(out, "{style}{text}{style:#}");
    for zone in &plan.zones {
        line(BOLD, &headline(zone, plan.ttl))?;
        let width = name_width(zone);
        for change in zone.changes() {
            line(colour_of(change.action()), &change_line(plan.places, &change, width))?;
        }
        for alias in zone.alias_changes() {
            line(colour_of(alias.action), &alias_line(alias))?;
        }
        for held in &zone.held {
            line(MAGENTA, &held_line(&zone.id, plan.places, held, width))?;
        }
    }
    for found in plan.warnings.to_vec() {
        line(YELLOW, &format!("{}: {found}", found.severity))?;
    }
    if plan.has_changes() { Ok(()) } else { writeln!(out, "no changes") }
}

fn headline(zone: &ZonePlan, ttl: u32) -> String {
    let counts = zone.counts();
    let mut text = zone.id.to_string();
    let _ = match (&zone.file, zone.serial) {
        (FileState::Absent, _) => write!(text, ": new zone"),
        (FileState::HandWritten, _) => write!(text, ": hand-written zone file"),
        (FileState::Unreadable(reason), _) => write!(text, ": zone file does not load ({reason})"),
        (FileState::Managed, serial) => write!(text, ": serial {}", serial.map_or(0, |serial| serial.0)),
    };
    let _ = write!(text, ", {} in service", counts.in_service);
    for (count, what) in [(counts.created, "to create"), (counts.updated, "to change"), (counts.deleted, "to remove")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if !zone.held.is_empty() {
        let _ = write!(text, ", {} held back", zone.held.len());
    }
    match zone.alias_changes().len() {
        0 => {}
        1 => text.push_str(", 1 alias to change"),
        count => {
            let _ = write!(text, ", {count} aliases to change");
        }
    }
    if let Some(old) = zone.old_ttl {
        let old = old.map_or_else(|| "mixed".to_owned(), |old| old.to_string());
        let _ = write!(text, ", TTL {old} -> {ttl}");
    }
    if !zone.needs_writing() {
        text.push_str(", no changes");
    }
    text
}

fn name_width(zone: &ZonePlan) -> usize {
    let changed = zone.changes().map(|change| change.owner().len());
    let held = zone.held.iter().map(|held| held.owner.len());
    changed.chain(held).max().unwrap_or_default().min(MAX_NAME)
}

fn colour_of(action: Action) -> Style {
    match action {
        Action::Create => GREEN,
        Action::Update => YELLOW,
        Action::Delete => RED,
    }
}

fn change_line(places: &Places, change: &Change<'_>, width: usize) -> String {
    let (sign, addresses) = match change.action() {
        Action::Create => ('+', join(change.after())),
        Action::Update => ('~', format!("{} -> {}", join(change.before()), join(change.after()))),
        Action::Delete => ('-', join(change.before())),
    };
    let origin = change.origin().map_or_else(|| "in no list".to_owned(), |origin| places.show(origin));
    let rtype = change.rtype().to_string();
    format!("  {sign} {:width$}  {rtype:4}  {addresses:15}  {origin}", change.owner())
}

fn alias_line(alias: &AliasChange) -> String {
    let sign = if alias.action == Action::Delete { '-' } else { '+' };
    format!("  {sign} alias {} of {}", alias.name, alias.owner)
}

impl Plan {
    /// The records that are held back because lists disagree, one sentence each.
    pub fn conflicts(&self) -> Diagnostics {
        let mut conflicts = Diagnostics::default();
        for zone in &self.zones {
            for held in &zone.held {
                conflicts.warning(|| {
                    let place = Place::zone(zone.id.to_string());
                    Diagnostic::warning(Id::SOURCES_DISAGREE, place, held_text(&zone.id, &self.places, held, 0))
                });
            }
        }
        conflicts
    }
}

/// A line of the block of its zone.
fn held_line(zone: &ZoneId, places: &Places, held: &HeldRrset, width: usize) -> String {
    format!("  ! {}", held_text(zone, places, held, width))
}

fn held_text(zone: &ZoneId, places: &Places, held: &HeldRrset, width: usize) -> String {
    let stays = match held.in_service.as_slice() {
        [] => "not created".to_owned(),
        some => format!("{} stays", join(some.iter().copied())),
    };
    let are_endpoints = are_endpoints(places, held);
    let says = |claim: &Claim| {
        let addresses = join(claim.addresses.iter().copied());
        match places.endpoint(claim.origin).filter(|_| are_endpoints) {
            Some(endpoint) => format!("'{}' in {} says {addresses}", short(endpoint), places.show(claim.origin)),
            None => format!("{} says {addresses}", places.show(claim.origin)),
        }
    };
    let claims: Vec<String> = held.claims.iter().map(says).collect();
    let who = if are_endpoints { "endpoints" } else { "sources" };
    let advice = if would_settle(zone, places, held) { TWO_NETWORKS } else { "; take one of them out" };
    let rtype = held.rtype.to_string();
    format!("{:width$}  {rtype:4}  {stays:15}  {who} disagree: {}{advice}", held.owner, claims.join(", "))
}

/// What to do about endpoints that lie in different networks.
const TWO_NETWORKS: &str = "; take one of them out or, if each is for the clients of its own network, make views: \
                            'privatelink-dns plan' prints the lines";

fn join(addresses: impl Iterator<Item = IpAddr>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(" ")
}
