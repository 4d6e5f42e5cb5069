//! `zone_dir`, `state_dir`, `[sync]` and `[[sources]]`: the lists, and the limits that keep their mistakes out of
//! zones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::azure::{self, Surroundings};
use super::reader::Section;
use super::values;
use crate::azure::Cloud;
use crate::azure::names::family;
use crate::diag::{self, Id};
use crate::dns::Name;
use crate::sync::source::{self, Kind};
use crate::sync::state::State;
use crate::sync::{self, live};
use crate::zone::{OnMiss, ViewName};

/// The networks where private endpoints can be.
const DEFAULT_TARGETS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

pub(super) fn settings(
    top: &Section<'_>,
    base: &Path,
    cloud: Option<Cloud>,
    hosted: &BTreeMap<Name, OnMiss>,
) -> sync::Settings {
    let zone_dir = top.string("zone_dir", |text| Ok(base.join(text))).unwrap_or_else(|| base.join("zones"));
    let section = top.section_or_empty("sync");
    let duration = |key, default| section.string(key, values::duration).unwrap_or(default);
    let default_targets = || DEFAULT_TARGETS.iter().filter_map(|network| network.parse().ok()).collect();
    let state_dir = top.string("state_dir", |text| Ok(base.join(text))).unwrap_or_else(|| zone_dir.join(".state"));
    let views = super::views::names(top);
    let around = Surroundings { base, state_dir: &state_dir, cloud: cloud.unwrap_or_default(), views: &views };
    let (sources, live) = sources(top, &around);
    let settings = sync::Settings {
        sources,
        live,
        zone_dir,
        state: State::new(state_dir),
        cloud,
        hosted: hosted.keys().filter(|apex| family(apex).is_some()).cloned().collect(),
        views: Vec::new(),
        ttl: duration("ttl", Duration::from_secs(10)),
        interval: duration("interval", Duration::from_mins(1)),
        miss_interval: duration("miss_interval", Duration::from_secs(10)),
        max_removed: section.string("max_removed", str::parse).unwrap_or_default(),
        guard_window: duration("guard_window", Duration::from_mins(10)),
        pass_deadline: duration("pass_deadline", Duration::from_secs(30)),
        allowed_targets: section.strings("allowed_targets", values::network).unwrap_or_else(default_targets),
    };
    if settings.interval < Duration::from_secs(1) {
        section.problem_at("interval", "interval: at least 1s");
    }
    if !(Duration::from_millis(100)..=Duration::from_hours(1)).contains(&settings.pass_deadline) {
        section.problem_at("pass_deadline", "pass_deadline: from 100ms to 1h");
    }
    section.finish();
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

/// The sources in the order of the config, and the live ones among them.
fn sources(top: &Section<'_>, around: &Surroundings<'_>) -> (Vec<source::Settings>, Vec<live::settings::Settings>) {
    let (mut sources, mut live) = (Vec::<source::Settings>::new(), Vec::<live::settings::Settings>::new());
    for section in top.sections("sources", "sources") {
        let name = section.string("name", source_name);
        let kinds = [("file", false), ("azure", true)];
        let is_live = section.string("kind", |text| values::choice(text, &kinds)).unwrap_or_default();
        let mut of_views = Vec::new();
        let found = if is_live {
            let found = azure::settings(&section, name.as_deref().unwrap_or_default(), around);
            let lists = source_of(&found, None);
            of_views = of_views_of(&found);
            live.push(found);
            Some(lists)
        } else {
            files(&section, around.base)
        };
        match (name, found) {
            (Some(name), Some(_)) if sources.iter().any(|source| source.name == name) => {
                section.problem(Id::CONFIG_TWICE, format!("source '{name}' is named twice; give each its own name"));
            }
            (Some(name), Some((path, _))) if sources.iter().any(|source| source.path == path && is_live) => {
                let text = format!("source '{name}' would write into the folder of another source; change its name");
                section.problem(Id::CONFIG_TWICE, text);
            }
            (Some(name), Some((path, kind))) => {
                if let Some(same) = sources.iter().find(|source| of_views.iter().any(|of| of.name == source.name)) {
                    let text = format!("views: they need the name '{}', which a source has; rename it", same.name);
                    section.problem(Id::CONFIG_TWICE, text);
                }
                sources.push(source::Settings { name, path, kind, view: None });
                sources.append(&mut of_views);
            }
            (None, _) => section.problem(Id::CONFIG_MISSING_KEY, "a source needs a name: name = \"vault-we\""),
            (_, None) => {}
        }
        section.finish();
    }
    // What was refused above is not read either.
    live.retain(|found| sources.iter().any(|source| source.name == found.name && source.path == found.folder));
    (sources, live)
}

/// A source of files: its path, and the format of its lists.
fn files(section: &Section<'_>, base: &Path) -> Option<(PathBuf, Kind)> {
    let path = section.string("path", |text| {
        if text.contains("**") {
            return Err(
                "'**' never ends where folders link to each other; name the folders, such as lists/*/*.txt".to_owned()
            );
        }
        Ok(base.join(text))
    });
    let format = section.string("format", str::parse).unwrap_or_default();
    for key in azure::KEYS {
        section.refuse(key, "only a source with kind = \"azure\" has this key");
    }
    let is_meant_to_be_live = azure::KEYS.iter().any(|key| section.has(key));
    if !section.has("path") && !is_meant_to_be_live {
        let text = "a source needs a path: path = \"config/endpoints/vault-we.txt\"";
        section.problem(Id::CONFIG_MISSING_KEY, text);
    }
    Some((path?, Kind::Files(format)))
}

/// The lists that a live source writes for the base, or for a view.
fn source_of(live: &live::settings::Settings, view: Option<&ViewName>) -> (PathBuf, Kind) {
    let list = |scope| {
        let (_, path) = live.lists(scope).find(|(of, _)| *of == view)?;
        Some(source::LiveList { scope: format!("{scope}"), path })
    };
    let lists = live.scopes.iter().filter_map(list).collect();
    (live.folder.clone(), Kind::Live { lists, report: live.report_path() })
}

/// The sources that the views of a live source are.
fn of_views_of(live: &live::settings::Settings) -> Vec<source::Settings> {
    let one = |view| {
        let (path, kind) = source_of(live, Some(view));
        source::Settings { name: live.source_name(Some(view)), path, kind, view: Some(view.clone()) }
    };
    live.views.iter().map(|of| one(&of.view)).collect()
}
