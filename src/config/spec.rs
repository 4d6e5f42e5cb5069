//! The keys of the config that have no file of their own: each with its default and its limits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::forward::{Forward, forward};
use super::reader::{ConfigText, Section};
use super::transfer::Surroundings;
use super::{Config, base_folder, values};
use crate::azure::names::GeoCode;
use crate::azure::{self, Cloud};
use crate::diag::{Diagnostic, Id};
use crate::dns::Name;
use crate::forward::cache;
use crate::server::admission::access::Access;
use crate::server::admission::rates::Rates;
use crate::sync;
use crate::zone::{self, OnMiss};

/// Private space, and this machine: what a `VNet`'s clients come from.
const DEFAULT_ALLOW: [&str; 5] = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Reads a whole config. Where there are problems, the rest is as good as it gets: enough to check lists and zones by.
pub(super) fn read(file: &Path, text: &str) -> (Config, Vec<Diagnostic>) {
    let text = ConfigText::new(file, text);
    let (table, base) = (text.parse(), base_of_paths(file));
    let top = Section::top(&text, &table);
    let backup = backup(&top);
    let hosted = hosted(&top, backup.as_ref());
    let mut sync = super::sync::settings(&top, &base, backup.as_ref().map(|backup| backup.cloud), &hosted);
    let unread_suffix = unread_suffix(backup.as_ref(), &hosted, &sync);
    let (access, keys) = (access(&top), super::keys::key_files(&top, &base));
    let (listen, views) = super::listen::dns(&top, &access, &mut sync);
    let feed = super::feed::settings(&top, &hosted, unread_suffix.as_ref(), &sync.views);
    let super::tls::Encryption { tls, dot, doh, doh_path, ddr } = super::tls::settings(&top, &base, &listen);
    let has_dot = top.has("dot");
    let around = Surroundings { sync: &sync, keys: &keys, access: &access, feed: &feed, views: &views, has_dot };
    let transfer = super::transfer::settings(&top, &around);
    let Forward { groups, public_names, special_names } = forward(&top, &listen);
    let (log, observer) = super::log::settings(&top);
    let control = super::control::path(&top, &base, &sync.zone_dir);
    let config = Config {
        file: file.to_owned(),
        log,
        rights: super::control::rights(&top, control.is_some()),
        control,
        zones: zones(&sync, &feed, &transfer, (hosted, unread_suffix)),
        views: Arc::new(super::views::with_peers(&views, &transfer.peers)),
        feed,
        transfer,
        access,
        keys,
        server: crate::server::Settings { doh_path, ..super::server::settings(&top, observer) },
        groups,
        public_names,
        special_names,
        cache: cache_settings(&top),
        admin: super::admin::settings(&top, &[&listen[..], &dot, &doh].concat()),
        sync,
        listen,
        tls,
        dot,
        doh,
        ddr,
        warnings: Vec::new(),
    };
    warn_of_zones(&top, &config.zones);
    top.finish();
    (Config { warnings: text.warnings(), ..config }, text.problems())
}

/// What the store reads.
fn zones(
    sync: &sync::Settings,
    feed: &crate::feed::Settings,
    transfer: &crate::transfer::Settings,
    (hosted, unread_suffix): (BTreeMap<Name, OnMiss>, Option<Name>),
) -> zone::store::Settings {
    zone::store::Settings {
        zone_dir: sync.zone_dir.clone(),
        unread_suffix,
        hosted,
        on_miss: storage_zones(),
        history: transfer.history,
        derived: feed.zones().map(|(apex, _)| apex.clone()).collect(),
        views: sync.views.iter().cloned().collect(),
        parts: sync.hosted.clone(),
    }
}

/// Where relative paths begin. They are the same however the config was named: the memory of a list is found by its
/// path.
fn base_of_paths(file: &Path) -> PathBuf {
    let base = base_folder(file);
    base.canonicalize().or_else(|_| std::path::absolute(&base)).unwrap_or(base)
}

/// Zones that a person would expect and that are not there.
fn warn_of_zones(top: &Section<'_>, zones: &zone::store::Settings) {
    if zones.hosted.is_empty() {
        let only_files = "hosts no zone but for hand-written files in zone_dir: add [backup] with cloud = \"public\"";
        top.warn_at("", Id::CONFIG_NO_ZONE, only_files);
    } else if zones.unread_suffix.is_some() {
        let unpinned = "geos is not pinned: until a list has been read, every name below privatelink.<geo>.backup is \
                        SERVFAIL; pin yours, such as geos = [\"we\"]";
        top.warn_at("backup", Id::CONFIG_GEOS_OPEN, unpinned);
    }
}

/// `[backup]`: the cloud and its geo codes.
struct Backup {
    cloud: Cloud,
    geos: Vec<String>,
}

fn backup(top: &Section<'_>) -> Option<Backup> {
    let section = top.section("backup")?;
    let cloud = section.string("cloud", str::parse).unwrap_or_default();
    let unknown = RefCell::new(Vec::new());
    let geo = |text: &str| {
        let code = text.to_ascii_lowercase();
        match azure::names::check_geo(cloud, azure::names::Service::Backup, &code) {
            Ok(GeoCode::Known) => Ok(code),
            Ok(GeoCode::Unknown(why)) => {
                unknown.borrow_mut().push(format!("geos: {why}; its zone is hosted because geos names it"));
                Ok(code)
            }
            Err(reason) => Err(reason.to_string()),
        }
    };
    let geos = section.strings("geos", geo).unwrap_or_default();
    for text in unknown.take() {
        section.warn_at("geos", Id::GEO_UNKNOWN, text);
    }
    section.finish();
    Some(Backup { cloud, geos })
}

/// The zones of `[backup]` and `[[zones]]`.
fn hosted(top: &Section<'_>, backup: Option<&Backup>) -> BTreeMap<Name, OnMiss> {
    let mut hosted = BTreeMap::new();
    if let Some(backup) = backup {
        hosted.extend(azure::hosted_zones(backup.cloud, &backup.geos).into_iter().map(|apex| {
            let on_miss = default_on_miss(&apex);
            (apex, on_miss)
        }));
    }
    let choices = [("forward", OnMiss::Forward), ("nxdomain", OnMiss::NxDomain)];
    let mut named = Vec::new();
    for section in top.sections("zones", "zones") {
        let name = section.string("name", values::name);
        let on_miss = section.string("on_miss", |text| values::choice(text, &choices));
        match name {
            Some(apex) if named.contains(&apex) => {
                section.problem(Id::CONFIG_TWICE, format!("zone '{apex}' is named twice; keep one"));
            }
            Some(apex) => {
                named.push(apex.clone());
                hosted.insert(apex.clone(), on_miss.unwrap_or_else(|| default_on_miss(&apex)));
            }
            None => section.problem(Id::CONFIG_MISSING_KEY, "a zone needs its name: name = \"corp.example\""),
        }
        section.finish();
    }
    hosted
}

/// The zones that hold other tenants' names too, whether the config names them or not: what happens to a name that one
/// of them lacks follows from its own name, also where the zone is hosted because its file is there.
fn storage_zones() -> BTreeMap<Name, OnMiss> {
    azure::storage_zones().map(|apex| (apex.clone(), default_on_miss(&apex))).collect()
}

/// Where the geo codes are yet to be learnt from lists: the suffix of all backup zones, whose names are SERVFAIL and
/// not public until then.
fn unread_suffix(backup: Option<&Backup>, hosted: &BTreeMap<Name, OnMiss>, sync: &sync::Settings) -> Option<Name> {
    let backup = backup.filter(|backup| backup.geos.is_empty() && !sync.sources.is_empty())?;
    let is_backup =
        |apex: &Name| azure::names::family(apex).is_some_and(|family| family.service == azure::names::Service::Backup);
    let is_pinned = hosted.keys().any(is_backup);
    backup.cloud.backup_suffix().parse().ok().filter(|_| !is_pinned)
}

/// Storage zones hold other tenants' names too, which have public answers; the rest is ours alone.
pub(super) fn default_on_miss(apex: &Name) -> OnMiss {
    if azure::has_other_tenants(apex) { OnMiss::Forward } else { OnMiss::NxDomain }
}

/// Who may ask unless the config says otherwise.
pub(super) fn default_access() -> Access {
    Access::new(DEFAULT_ALLOW.iter().filter_map(|network| network.parse::<IpNet>().ok()))
}

fn access(top: &Section<'_>) -> Access {
    let allow = top.section("access").and_then(|section| {
        let allow = section.strings("allow", values::network);
        section.finish();
        allow
    });
    limits(top, allow.map_or_else(default_access, Access::new))
}

/// Reads `[limits]`, the rate limits for untrusted clients. Without `trusted`, every client in `[access]` is trusted.
fn limits(top: &Section<'_>, access: Access) -> Access {
    let Some(section) = top.section("limits") else { return access };
    let default = Rates::default();
    // In the config 0 is no limit.
    let number = |key| section.number(key, 0..=1_000_000).and_then(|n| u32::try_from(n).ok());
    let rate = |key, default| number(key).map_or(default, NonZeroU32::new);
    let rates = Rates {
        errors: rate("errors", default.errors),
        negative: rate("negative", default.negative),
        forwarded: rate("forwarded", default.forwarded),
        handshakes: rate("handshakes", default.handshakes),
    };
    let trusted = section.strings("trusted", values::network);
    section.finish();
    let access = access.limited(rates);
    match trusted {
        Some(trusted) => access.trusting(trusted),
        None => access,
    }
}

fn cache_settings(top: &Section<'_>) -> cache::Settings {
    let default = cache::Settings::default();
    let Some(section) = top.section("cache") else { return default };
    let duration = |key, default| section.string(key, values::duration).unwrap_or(default);
    let entries = section.number("max_entries", 1..=100_000_000).and_then(|n| usize::try_from(n).ok());
    let max_entries = entries.unwrap_or(default.max_entries);
    let settings = cache::Settings {
        max_entries,
        // An entry takes some 500 octets; most leave room for longer ones.
        max_bytes: default.max_bytes.max(max_entries as u64 * 1280),
        min_ttl: duration("min_ttl", default.min_ttl),
        max_ttl: duration("max_ttl", default.max_ttl),
        max_negative_ttl: duration("max_negative_ttl", default.max_negative_ttl),
        stale: duration("stale", default.stale),
    };
    if settings.min_ttl > settings.max_ttl {
        section.problem_at("min_ttl", "min_ttl is above max_ttl");
    }
    section.finish();
    settings
}
