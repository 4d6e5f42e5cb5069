//! What the lists say and what the zone files hold, as plain values for the checks.
//!
//! Input: the pass that `sync` would make, which writes nothing. Output: every listed RRset with its standing, and what
//! stands in its way. Nothing is decided here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::SystemTime;

use crate::azure::Service;
use crate::azure::names::{PRIVATELINK, family};
use crate::config::Config;
use crate::diag::Diagnostic;
use crate::dns::Rtype;
use crate::sync::gather::Gatherer;
use crate::sync::guard::{self, ApproveCommand, Review};
use crate::sync::live::report::LiveReport;
use crate::sync::pass::{self, SourceReport};
use crate::sync::plan::{FileState, HeldRrset, ZonePlan};
use crate::sync::progress::no_progress;
use crate::sync::{Places, Settings};
use crate::tls::{self, Inspection};
use crate::zone::store::Store;

/// The owner of an RRset relative to its zone, and whether it is AAAA.
type RrsetKey<'z> = (&'z str, bool);

/// The standing of a listed RRset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The zone file has it as the lists do.
    Written,
    /// The next pass writes it.
    Pending,
    /// The guard holds it back.
    Held,
    /// Lists disagree on it.
    Conflict,
}

/// One RRset of the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// The zone, without the final dot.
    pub(super) zone: String,
    /// Relative to the zone.
    pub(super) owner: String,
    /// The addresses that the lists give it, sorted; all of one family.
    pub(super) addresses: Vec<IpAddr>,
    /// The addresses in the zone file, sorted; none if it is not there.
    pub(super) in_service: Vec<IpAddr>,
    /// `vault-we (lists/vault-we.txt:12)`
    pub(super) place: String,
    /// The private endpoint, as the list names it.
    pub(super) endpoint: Option<String>,
    /// Why the two may differ.
    pub(super) standing: Standing,
}

impl Listed {
    /// The whole name, without the final dot.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.owner, self.zone)
    }

    /// The public name that leads to it; `None` for a name of the Backup service, which agents ask for as it is.
    pub(super) fn public_name(&self) -> Option<String> {
        let parent = self.zone.strip_prefix(PRIVATELINK)?.strip_prefix('.')?;
        (self.service()? != Service::Backup).then(|| format!("{}.{parent}", self.owner))
    }

    /// The service of its zone.
    pub(super) fn service(&self) -> Option<Service> {
        Some(family(&self.zone.parse().ok()?)?.service)
    }

    /// Whether its addresses are IPv6 ones.
    pub(super) fn is_ipv6(&self) -> bool {
        self.addresses.iter().chain(&self.in_service).any(IpAddr::is_ipv6)
    }

    /// A or AAAA.
    pub(super) fn rtype(&self) -> &'static str {
        if self.is_ipv6() { "AAAA" } else { "A" }
    }
}

/// The part of the plan that the guard holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldPart {
    /// The reasons, zone by zone.
    pub(super) reasons: Vec<String>,
    /// The command that approves it, or what to fix.
    pub(super) way_out: String,
}

/// All lists together, and the zones that they go into.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    /// The config file, as commands name it.
    pub(super) config: String,
    /// Every listed RRset, zone by zone.
    pub(super) records: Vec<Listed>,
    /// Names in zones of the sync that no list has, with their addresses.
    pub(super) unlisted: Vec<String>,
    /// Every source, in the order of the config.
    pub(super) sources: Vec<SourceReport>,
    /// Errors besides those of sources.
    pub(super) errors: Vec<Diagnostic>,
    /// Warnings of lists; notes are left out.
    pub(super) warnings: Vec<Diagnostic>,
    /// One for each RRset on which lists disagree, up to a bound, and their number.
    pub(super) conflicts: (Vec<Diagnostic>, usize),
    /// What is hardly meant in the peers of the config, without notes.
    pub(super) peers: Vec<Diagnostic>,
    /// The certificates as this user reads them.
    pub(super) certificates: Inspection,
    /// What the guard holds.
    pub(super) held: Option<HeldPart>,
    /// Since when and by whom the sync is frozen.
    pub(super) frozen: Option<String>,
    /// The last read of each live source.
    pub(super) live: Vec<LiveReport>,
    /// The interval of each live source in seconds, by its name and by those of the sources that it feeds.
    pub(super) intervals: BTreeMap<String, u64>,
}

impl Lists {
    /// Reads lists and zone files. It may wait for the disk, and for sources until `pass_deadline`.
    pub(super) fn read(config: &Config, now: SystemTime) -> Self {
        let settings = &config.sync;
        let zones = Store::new(config.zones.clone()).reload().zones;
        let planned = pass::dry_run(settings, &zones, &mut Gatherer::default(), now, &no_progress);
        let conflicts = planned.plan.conflicts();
        let warnings = planned.plan.warnings.to_vec().into_iter().filter(|found| !found.is_note()).collect();
        let review = guard::review(planned.plan, &planned.bases, &settings.guard(), None);
        let mut lists = Self {
            config: crate::diag::path(&config.file),
            sources: planned.sources,
            errors: planned.errors.to_vec(),
            warnings,
            peers: config.check_peers(&zones).into_iter().filter(|found| !found.is_note()).collect(),
            certificates: tls::inspect(&config.tls, &config.promised(), crate::cli::seconds(now)),
            frozen: settings
                .state
                .frozen()
                .filter(|freeze| freeze.problem.is_none())
                .map(|freeze| format!("since {}{}", pass::rfc3339(freeze.since), freeze.by_whom())),
            conflicts: (conflicts.to_vec(), conflicts.total()),
            ..Self::of_review(&review, &crate::diag::path(&config.file))
        };
        lists.read_live(settings);
        lists
    }

    fn read_live(&mut self, settings: &Settings) {
        for live in &settings.live {
            self.live.extend(LiveReport::load(&live.report_path()));
            let views = live.views.iter().map(|of| Some(&of.view));
            for view in std::iter::once(None).chain(views) {
                self.intervals.insert(live.source_name(view), live.interval.as_secs());
            }
        }
    }

    fn of_review(review: &Review, config: &str) -> Self {
        let mut lists = Self::default();
        let view = review.view();
        for zone in &view.zones {
            lists.add_zone(zone, view.places);
        }
        if let Some(held) = &review.held {
            let mut keys = HashSet::new();
            for part in &held.zones {
                let zone = part.zone.id.to_string();
                let changes = part.zone.held_changes(part.scope);
                keys.extend(
                    changes.map(|change| (zone.clone(), change.owner().to_owned(), change.rtype() == Rtype::AAAA)),
                );
            }
            for listed in lists.records.iter_mut().filter(|listed| listed.standing == Standing::Pending) {
                if keys.contains(&(listed.zone.clone(), listed.owner.clone(), listed.is_ipv6())) {
                    listed.standing = Standing::Held;
                }
            }
            let reasons = held.reasons().iter().map(ToString::to_string).collect();
            lists.held = Some(HeldPart { reasons, way_out: held.way_out(ApproveCommand::by_hand(config)) });
        }
        lists
    }

    fn add_zone(&mut self, zone: &ZonePlan, places: &Places) {
        let apex = zone.id.to_string();
        let mut before: HashMap<RrsetKey<'_>, Vec<IpAddr>> = HashMap::new();
        for record in zone.before().iter() {
            before.entry((record.owner, record.address.is_ipv6())).or_default().push(record.address);
        }
        let conflicts: HashSet<RrsetKey<'_>> =
            zone.held.iter().map(|held| (held.owner.as_str(), held.rtype == Rtype::AAAA)).collect();
        before.retain(|key, _| !conflicts.contains(key));
        self.records.extend(zone.held.iter().map(|held| conflict(&apex, held, places)));
        let start = self.records.len();
        for record in zone.after().iter() {
            let key = (record.owner, record.address.is_ipv6());
            let Some(origin) = record.origin.filter(|_| !conflicts.contains(&key)) else { continue };
            let is_same = |last: &&mut Listed| last.owner == record.owner && last.is_ipv6() == key.1;
            if let Some(last) = self.records[start..].last_mut().filter(is_same) {
                last.addresses.push(record.address);
                continue;
            }
            self.records.push(Listed {
                zone: apex.clone(),
                owner: record.owner.to_owned(),
                addresses: vec![record.address],
                in_service: sorted(before.remove(&key).unwrap_or_default()),
                place: places.show(origin),
                endpoint: places.endpoint(origin).map(str::to_owned),
                standing: Standing::Written,
            });
        }
        for listed in &mut self.records[start..] {
            listed.addresses.sort_unstable();
            let is_written = listed.addresses == listed.in_service;
            listed.standing = if is_written { Standing::Written } else { Standing::Pending };
        }
        if zone.file == FileState::HandWritten {
            return;
        }
        let show =
            |((owner, _), addresses): (RrsetKey<'_>, Vec<IpAddr>)| format!("{owner}.{apex} ({})", joined(&addresses));
        let mut unlisted: Vec<String> = before.into_iter().map(show).collect();
        unlisted.sort_unstable();
        self.unlisted.append(&mut unlisted);
    }

    /// The geo codes of the listed names of the Backup service.
    pub(super) fn geos(&self) -> Vec<String> {
        let mut geos: Vec<String> = self
            .records
            .iter()
            .filter(|listed| listed.service() == Some(Service::Backup))
            .filter_map(|listed| listed.zone.split('.').nth(1).map(str::to_owned))
            .collect();
        geos.sort_unstable();
        geos.dedup();
        geos
    }
}

fn conflict(apex: &str, held: &HeldRrset, places: &Places) -> Listed {
    let claims: Vec<String> = held.claims.iter().map(|claim| places.show(claim.origin)).collect();
    Listed {
        zone: apex.to_owned(),
        owner: held.owner.clone(),
        addresses: sorted(held.claims.iter().flat_map(|claim| claim.addresses.clone()).collect()),
        in_service: sorted(held.in_service.clone()),
        place: claims.join(" and "),
        endpoint: None,
        standing: Standing::Conflict,
    }
}

fn sorted(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// Addresses as people read them.
pub(super) fn joined(addresses: &[IpAddr]) -> String {
    crate::sync::state::changes::addresses(addresses)
}
