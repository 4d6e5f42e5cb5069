//! `[feed]`: the zones that the server makes for secondaries.

use std::collections::BTreeMap;

use super::reader::Section;
use super::values;
use super::views::known_view;
use crate::dns::Name;
use crate::feed::Settings;
use crate::zone::{OnMiss, ViewName};

/// The section; `unread_suffix` is what the backup zones lie below while their geo codes are not known.
pub(super) fn settings(
    top: &Section<'_>,
    hosted: &BTreeMap<Name, OnMiss>,
    unread_suffix: Option<&Name>,
    views: &[ViewName],
) -> Settings {
    let Some(section) = top.section("feed") else { return Settings::default() };
    let zones: Vec<&Name> = hosted.keys().chain(unread_suffix).collect();
    let apex = |key| section.string(key, values::name).filter(|apex| is_free(&section, key, apex, &zones));
    let rpz = apex("rpz");
    let catalog = apex("catalog").filter(|catalog| is_apart(&section, catalog, rpz.as_ref()));
    let view = section.string("view", |text| known_view(text, views));
    section.finish();
    Settings { rpz, catalog, view }
}

/// Whether a derived zone may have this name: no client is answered about names in it.
fn is_free(section: &Section<'_>, key: &str, apex: &Name, zones: &[&Name]) -> bool {
    if apex.label_count() == 0 {
        section.problem_at(
            key,
            format!("{key}: the root is no name for it; write one of your own, such as \"rpz.privatelink\""),
        );
        return false;
    }
    let overlaps = |zone: &&&Name| apex.is_at_or_below(zone) || zone.is_at_or_below(apex);
    if let Some(zone) = zones.iter().find(overlaps) {
        let place = match (*apex == **zone, apex.is_at_or_below(zone)) {
            (true, _) => "is the hosted zone",
            (false, true) => "lies below the hosted zone",
            (false, false) => "lies above the hosted zone",
        };
        let text = format!(
            "{key}: '{apex}' {place} '{zone}', and names in it are for secondaries alone; write a name of its own, such as \
             \"{key}.privatelink\""
        );
        section.problem_at(key, text);
        return false;
    }
    true
}

fn is_apart(section: &Section<'_>, catalog: &Name, rpz: Option<&Name>) -> bool {
    let is_apart = rpz.is_none_or(|rpz| !catalog.is_at_or_below(rpz) && !rpz.is_at_or_below(catalog));
    if !is_apart {
        section
            .problem_at("catalog", "catalog: it needs a name apart from that of rpz, such as \"catalog.privatelink\"");
    }
    is_apart
}
