//! What the TOML may say: each key, its default and its limits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::reader::{Section, Text};
use super::{Config, Problem, base_folder, values};
use crate::azure::names::GeoCode;
use crate::azure::{self, Cloud};
use crate::diag;
use crate::dns::Name;
use crate::forward::resolver::public::PublicNames;
use crate::forward::resolver::special::SpecialNames;
use crate::forward::{GroupSettings, UpstreamSpec, cache};
use crate::server::admission::access::Access;
use crate::server::admission::rates::Rates;
use crate::sync;
use crate::sync::source::Settings as SourceSettings;
use crate::sync::state::State;
use crate::zone::{self, OnMiss};

/// Private space, and this machine: what a `VNet`'s clients come from.
const DEFAULT_ALLOW: [&str; 5] = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Where private endpoints can be.
const DEFAULT_TARGETS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// Octets of a unix socket's path at most (108 with the final zero, unix(7)), less what a fresh socket's name needs.
const MAX_SOCKET_PATH: usize = 95;

/// Reads a whole config. Where there are problems, the rest is as good as it gets: enough to check lists and zones by.
pub(super) fn read(file: &Path, text: &str) -> (Config, Vec<Problem>) {
    let text = Text::new(file, text);
    let table = text.parse();
    let top = Section::top(&text, &table);
    // However the config was named, what it names has one path: what is remembered of a list is found by it.
    let base = base_folder(file);
    let base = base.canonicalize().or_else(|_| std::path::absolute(&base)).unwrap_or(base);
    let backup = backup(&top);
    let hosted = hosted(&top, backup.as_ref());
    let sync = sync_settings(&top, &base, backup.as_ref(), &hosted);
    let config = Config {
        file: file.to_owned(),
        listen: listen(&top),
        control: control(&top, &base, &sync.zone_dir),
        zones: zone::store::Settings {
            zone_dir: sync.zone_dir.clone(),
            unread_suffix: unread_suffix(backup.as_ref(), &hosted, &sync),
            hosted,
            on_miss: storage_zones(),
        },
        access: access(&top),
        server: super::server::settings(&top),
        groups: Vec::new(),
        public_names: PublicNames::default(),
        special_names: SpecialNames::default(),
        cache: cache_settings(&top),
        sync,
        warnings: Vec::new(),
    };
    let config = forward(&top, config);
    if config.zones.hosted.is_empty() {
        let only_files = "hosts no zone but for hand-written files in zone_dir: add [backup] with cloud = \"public\"";
        top.warn_at("", only_files);
    } else if config.zones.unread_suffix.is_some() {
        let unpinned = "geos is not pinned: until a list has been read, every name below privatelink.<geo>.backup is \
                        SERVFAIL; pin yours, such as geos = [\"we\"]";
        top.warn_at("backup", unpinned);
    }
    top.finish();
    (Config { warnings: text.warnings(), ..config }, text.problems())
}

fn listen(top: &Section<'_>) -> Vec<SocketAddr> {
    let addresses =
        top.strings("listen", values::socket).unwrap_or_else(|| vec![SocketAddr::from(([127, 0, 0, 1], 5300))]);
    if addresses.is_empty() {
        top.problem_at("listen", "listen is empty; name at least one address, such as \"127.0.0.1:5300\"");
    }
    let twice = |(at, address): (usize, &SocketAddr)| address.port() != 0 && addresses[..at].contains(address);
    if addresses.iter().enumerate().any(twice) {
        top.problem_at("listen", "listen names an address twice; remove one");
    }
    addresses
}

/// The control socket: in the zone folder, which is there and ours to write, unless the config says otherwise.
fn control(top: &Section<'_>, base: &Path, zone_dir: &Path) -> Option<PathBuf> {
    let path = top.string("control", |text| match text {
        "off" => Ok(None),
        // The system's own limit; a longer path cannot be bound.
        path if base.join(path).as_os_str().len() > MAX_SOCKET_PATH => {
            Err(format!("the path is longer than {MAX_SOCKET_PATH} octets; choose a shorter one, or \"off\""))
        }
        path => Ok(Some(base.join(path))),
    });
    path.unwrap_or_else(|| Some(zone_dir.join(".control.sock")))
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
                unknown.borrow_mut().push(format!("geos: {why}; it is hosted all the same, as you say so here"));
                Ok(code)
            }
            Err(reason) => Err(reason.to_string()),
        }
    };
    let geos = section.strings("geos", geo).unwrap_or_default();
    for text in unknown.take() {
        section.warn_at("geos", text);
    }
    section.finish();
    Some(Backup { cloud, geos })
}

/// The zones of `[backup]` and `[[zones]]`.
fn hosted(top: &Section<'_>, backup: Option<&Backup>) -> BTreeMap<Name, OnMiss> {
    let mut hosted = BTreeMap::new();
    if let Some(backup) = backup {
        hosted.extend(azure::names::hosted_zones(backup.cloud, &backup.geos).into_iter().map(|apex| {
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
            Some(apex) if named.contains(&apex) => section.problem(format!("zone '{apex}' is named twice; keep one")),
            Some(apex) => {
                named.push(apex.clone());
                hosted.insert(apex.clone(), on_miss.unwrap_or_else(|| default_on_miss(&apex)));
            }
            None => section.problem("a zone needs its name: name = \"corp.example\""),
        }
        section.finish();
    }
    hosted
}

/// The zones that hold other tenants' names too, whether the config names them or not: what happens to a name that one of
/// them lacks follows from its own name, also where the zone is hosted because its file is there.
fn storage_zones() -> BTreeMap<Name, OnMiss> {
    let zones = Cloud::ALL.into_iter().flat_map(|cloud| azure::names::hosted_zones::<&str>(cloud, &[]));
    zones.map(|apex| (apex.clone(), default_on_miss(&apex))).collect()
}

/// Where the geo codes are yet to be learnt from lists: the suffix of all backup zones, whose names are SERVFAIL and not
/// public until then.
fn unread_suffix(backup: Option<&Backup>, hosted: &BTreeMap<Name, OnMiss>, sync: &sync::Settings) -> Option<Name> {
    let backup = backup.filter(|backup| backup.geos.is_empty() && !sync.sources.is_empty())?;
    let is_backup =
        |apex: &Name| azure::names::family(apex).is_some_and(|family| family.service == azure::names::Service::Backup);
    let is_pinned = hosted.keys().any(is_backup);
    backup.cloud.backup_suffix().parse().ok().filter(|_| !is_pinned)
}

/// Storage zones hold other tenants' names too, which have public answers; the rest is ours alone.
pub(super) fn default_on_miss(apex: &Name) -> OnMiss {
    match azure::names::family(apex).map(|family| family.service) {
        Some(azure::names::Service::Blob | azure::names::Service::Queue) => OnMiss::Forward,
        _ => OnMiss::NxDomain,
    }
}

fn access(top: &Section<'_>) -> Access {
    let default = || DEFAULT_ALLOW.iter().filter_map(|network| network.parse().ok()).collect::<Vec<IpNet>>();
    let allow = top.section("access").and_then(|section| {
        let allow = section.strings("allow", values::network);
        section.finish();
        allow
    });
    limits(top, Access::new(allow.unwrap_or_else(default)))
}

/// `[limits]`: what those are held to whom it does not trust. Without a word about trust, who may ask is trusted.
fn limits(top: &Section<'_>, access: Access) -> Access {
    let Some(section) = top.section("limits") else { return access };
    let default = Rates::default();
    let number =
        |key, default| section.number(key, 0..=1_000_000).and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
    let rates = Rates {
        errors: number("errors", default.errors),
        negative: number("negative", default.negative),
        forwarded: number("forwarded", default.forwarded),
    };
    let trusted = section.strings("trusted", values::network);
    section.finish();
    let access = access.limited(rates);
    match trusted {
        Some(trusted) => access.trusting(trusted),
        None => access,
    }
}

fn forward(top: &Section<'_>, mut config: Config) -> Config {
    let found = top.section("forward");
    let section = found.as_ref();
    let timeout = section.and_then(|s| s.string("timeout", values::duration)).unwrap_or(Duration::from_secs(5));
    if let Some(section) = section
        && !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&timeout)
    {
        section.problem_at("timeout", "timeout: from 100ms to 1m");
    }
    let max_in_flight =
        section.and_then(|s| s.number("max_in_flight", 1..=60_000)).and_then(|n| usize::try_from(n).ok());
    let max_qps = section.and_then(|s| s.number("max_qps", 1..=10_000_000)).and_then(|n| u32::try_from(n).ok());
    let choices =
        [("on-failure", PublicNames::OnFailure), ("always", PublicNames::Always), ("never", PublicNames::Never)];
    let public_names = section.and_then(|s| s.string("public_names", |text| values::choice(text, &choices)));
    let choices = [("local", SpecialNames::Local), ("forward", SpecialNames::Forward)];
    let special_names = section.and_then(|s| s.string("special_names", |text| values::choice(text, &choices)));
    let group = |suffix, upstreams| GroupSettings { suffix, upstreams, timeout, max_in_flight, max_qps };
    let upstreams = section.and_then(|s| upstreams(s, &config.listen)).unwrap_or_else(|| vec![UpstreamSpec::System]);
    let mut groups = vec![group(Name::root(), upstreams)];
    for rule in section.map(|s| s.sections("rules", "forward.rules")).unwrap_or_default() {
        if let Some((suffix, upstreams)) = self::rule(&rule, &config.listen) {
            if groups.iter().any(|other| other.suffix == suffix) {
                rule.problem(format!("a second rule for '{suffix}'; put all its upstreams into one"));
            }
            groups.push(group(suffix, upstreams));
        }
        rule.finish();
    }
    let misspelt = SocketAddr::from(([169, 63, 129, 16], 53));
    if groups.iter().any(|group| group.upstreams.contains(&UpstreamSpec::Address(misspelt))) {
        let text = "169.63.129.16 is a known misprint; Azure's resolver is 168.63.129.16";
        section.unwrap_or(top).warn_at("upstreams", text);
    }
    if let Some(section) = found {
        section.finish();
    }
    config.groups = groups;
    config.public_names = public_names.unwrap_or_default();
    config.special_names = special_names.unwrap_or_default();
    config
}

fn rule(rule: &Section<'_>, listen: &[SocketAddr]) -> Option<(Name, Vec<UpstreamSpec>)> {
    let suffix = rule.string("suffix", values::name);
    let upstreams = upstreams(rule, listen);
    if suffix.is_none() {
        rule.problem("a rule needs a suffix: suffix = \"corp.example\"");
    }
    if upstreams.is_none() {
        rule.problem("a rule needs upstreams: upstreams = [\"10.0.0.10\"]");
    }
    Some((suffix?, upstreams?))
}

fn upstreams(section: &Section<'_>, listen: &[SocketAddr]) -> Option<Vec<UpstreamSpec>> {
    let parse = |text: &str| {
        if text == "system" {
            return Ok(UpstreamSpec::System);
        }
        let address = values::socket(text).map_err(|reason| format!("{reason}, or \"system\""))?;
        if address.port() == 0 {
            return Err(format!("'{text}' has port 0, where nobody can be asked; write \"{}:53\"", address.ip()));
        }
        if crate::forward::would_loop(address, listen) {
            return Err(format!(
                "'{text}' is this server itself (see 'listen'): every question would come back; name another"
            ));
        }
        Ok(UpstreamSpec::Address(address))
    };
    let found = section.strings("upstreams", parse)?;
    if found.is_empty() {
        section.problem_at("upstreams", "upstreams is empty; name at least one, or \"system\"");
    }
    Some(found)
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

fn sync_settings(
    top: &Section<'_>,
    base: &Path,
    backup: Option<&Backup>,
    hosted: &BTreeMap<Name, OnMiss>,
) -> sync::Settings {
    let zone_dir = top.string("zone_dir", |text| Ok(base.join(text))).unwrap_or_else(|| base.join("zones"));
    let found = top.section("sync");
    let section = found.as_ref();
    let duration = |key, default| section.and_then(|s| s.string(key, values::duration)).unwrap_or(default);
    let default_targets = || DEFAULT_TARGETS.iter().filter_map(|network| network.parse().ok()).collect();
    let state_dir = top.string("state_dir", |text| Ok(base.join(text))).unwrap_or_else(|| zone_dir.join(".state"));
    let settings = sync::Settings {
        sources: sources(top, base),
        zone_dir,
        state: State::new(state_dir),
        cloud: backup.map(|backup| backup.cloud),
        hosted: hosted.keys().filter(|apex| azure::names::family(apex).is_some()).cloned().collect(),
        ttl: duration("ttl", Duration::from_secs(10)),
        interval: duration("interval", Duration::from_mins(1)),
        miss_interval: duration("miss_interval", Duration::from_secs(10)),
        max_removed: section.and_then(|s| s.string("max_removed", str::parse)).unwrap_or_default(),
        guard_window: duration("guard_window", Duration::from_mins(10)),
        pass_deadline: duration("pass_deadline", Duration::from_secs(30)),
        allowed_targets: section
            .and_then(|s| s.strings("allowed_targets", values::network))
            .unwrap_or_else(default_targets),
    };
    if let Some(section) = section
        && settings.interval < Duration::from_secs(1)
    {
        section.problem_at("interval", "interval: at least 1s");
    }
    if let Some(section) = section
        && !(Duration::from_millis(100)..=Duration::from_hours(1)).contains(&settings.pass_deadline)
    {
        section.problem_at("pass_deadline", "pass_deadline: from 100ms to 1h");
    }
    if let Some(section) = found {
        section.finish();
    }
    settings
}

/// It stands in logs, on terminals and in files of lines.
fn source_name(text: &str) -> Result<String, String> {
    match diag::printable(text) {
        _ if text.trim().is_empty() => Err("a source needs a name: name = \"vault-we\"".to_owned()),
        std::borrow::Cow::Borrowed(_) => Ok(text.to_owned()),
        std::borrow::Cow::Owned(shown) => Err(format!("'{shown}' holds control characters; write letters and digits")),
    }
}

fn sources(top: &Section<'_>, base: &Path) -> Vec<SourceSettings> {
    let mut sources: Vec<SourceSettings> = Vec::new();
    for section in top.sections("sources", "sources") {
        let name = section.string("name", source_name);
        let path = section.string("path", |text| {
            if text.contains("**") {
                return Err(
                    "'**' goes on for ever where folders are links: name the folders, such as lists/*/*.txt".to_owned()
                );
            }
            Ok(base.join(text))
        });
        let format = section.string("format", str::parse).unwrap_or_default();
        match (name, path) {
            (Some(name), Some(_)) if sources.iter().any(|source| source.name == name) => {
                section.problem(format!("source '{name}' is named twice; give each its own name"));
            }
            (Some(name), Some(path)) => sources.push(SourceSettings { name, path, format }),
            (None, _) => section.problem("a source needs a name: name = \"vault-we\""),
            (_, None) => section.problem("a source needs a path: path = \"config/endpoints/vault-we.txt\""),
        }
        section.finish();
    }
    sources
}
