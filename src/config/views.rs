//! `[[views]]`: the same zones with other records for some clients.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::reader::Section;
use super::values;
use crate::diag::Id;
use crate::server::admission::access::Access;
use crate::server::views::{MAX_VIEWS, ViewSettings, Views};
use crate::sync;
use crate::sync::source::{self, Kind};
use crate::transfer::Peer;
use crate::zone::ViewName;

/// The views; each source that one of them names feeds that view alone, and the addresses that one listens on are
/// listened on besides those of `listen`.
pub(super) fn settings(
    top: &Section<'_>,
    access: &Access,
    listen: &mut Vec<SocketAddr>,
    sync: &mut sync::Settings,
) -> Views {
    let mut views = Vec::<ViewSettings>::new();
    for section in top.sections("views", "views") {
        if let Some(view) = view(&section, &views) {
            outside(&section, &view, access);
            feed(&section, &view, &mut sync.sources);
            listen.extend(view.listen.iter().filter(|address| !listen.contains(address)).copied().collect::<Vec<_>>());
            views.push(view);
        }
        section.finish();
    }
    sync.views = views.iter().map(|view| view.name.clone()).collect();
    Views::new(views)
}

/// The names of the views, for what refers to them; [`settings`] says what is wrong with them.
pub(super) fn names(top: &Section<'_>) -> Vec<ViewName> {
    let sections = top.sections("views", "views");
    sections.iter().filter_map(|section| section.string("name", str::parse)).collect()
}

fn view(section: &Section<'_>, others: &[ViewSettings]) -> Option<ViewSettings> {
    let name = section.string("name", str::parse);
    let clients = section.strings("clients", values::network).unwrap_or_default();
    let listen = section.strings("listen", values::dns_socket).unwrap_or_default();
    if !section.has("name") {
        section.problem(Id::CONFIG_MISSING_KEY, "a view needs a name: name = \"spoke-a\"");
    }
    if clients.is_empty() && listen.is_empty() && !section.has("clients") && !section.has("listen") {
        let text = "a view needs the networks of its clients: clients = [\"10.1.0.0/16\"], or an address that they ask: \
                    listen = [\"10.0.0.5:53\"]";
        section.problem(Id::CONFIG_MISSING_KEY, text);
    }
    if others.len() == MAX_VIEWS {
        section.problem(Id::CONFIG_BAD_VALUE, format!("there are more than {MAX_VIEWS} views"));
    }
    let view = ViewSettings { name: name?, clients, listen };
    for other in others {
        twice(section, &view, other);
    }
    Some(view)
}

/// What two views cannot share. Names that differ in case alone would be one folder on some disks.
fn twice(section: &Section<'_>, view: &ViewSettings, other: &ViewSettings) {
    let name = &other.name;
    if view.name.as_str().eq_ignore_ascii_case(name.as_str()) {
        section.problem_at("name", format!("name: two views have the name '{name}'; rename one"));
    }
    if let Some(network) = view.clients.iter().find(|network| other.clients.contains(network)) {
        section.problem_at("clients", format!("clients: {network} is in view '{name}' too; remove one"));
    }
    if let Some(address) = view.listen.iter().find(|address| other.listen.contains(address)) {
        section.problem_at("listen", format!("listen: {address} is in view '{name}' too; remove one"));
    }
}

/// Queries of clients outside `[access]` are REFUSED like those of anybody else.
fn outside(section: &Section<'_>, view: &ViewSettings, access: &Access) {
    if let Some(network) = view.clients.iter().find(|network| !access.permits(network.network())) {
        let text = format!("clients: {network} is not in [access], so its queries are REFUSED; add it there");
        section.warn_at("clients", Id::VIEW_OUTSIDE_ACCESS, text);
    }
}

/// The views with the peers that are known by their address and get the zones of a view: the serial that a secondary
/// asks for is then that of the zone that it transfers.
pub(super) fn with_peers(views: &Views, peers: &[Peer]) -> Views {
    let mut settings = views.settings().to_vec();
    for peer in peers.iter().filter(|peer| peer.key.is_none()) {
        let view = settings.iter_mut().find(|view| peer.view.as_ref() == Some(&view.name));
        let networks = peer.addresses.iter().map(|address| IpNet::from(address.ip().to_canonical()));
        if let Some(view) = view {
            view.clients.extend(networks);
        }
    }
    Views::new(settings)
}

/// The name of a view that there is.
pub(super) fn known_view(text: &str, views: &[ViewName]) -> Result<ViewName, String> {
    let name = text.parse()?;
    if views.contains(&name) { Ok(name) } else { Err(format!("no [[views]] has the name '{text}'")) }
}

/// Has the sources that the view names feed it.
fn feed(section: &Section<'_>, view: &ViewSettings, sources: &mut [source::Settings]) {
    let known = |text: &str| {
        let at = sources.iter().position(|source| source.name == text).ok_or_else(|| {
            let names: Vec<String> = sources.iter().take(10).map(|source| format!("'{}'", source.name)).collect();
            format!("no [[sources]] has the name '{text}'; there are {}", names.join(", "))
        })?;
        let is_sorted = |other: &source::Settings| other.path == sources[at].path && other.view.is_some();
        match &sources[at].view {
            None if matches!(sources[at].kind, Kind::Live { .. }) && sources.iter().any(is_sorted) => Err(format!(
                "'{text}' gives views their endpoints by its own key views, and the base all others; keep one of the two"
            )),
            Some(other) => Err(format!(
                "'{text}' feeds view '{other}' already; a source feeds one view: give the list a second [[sources]] for \
                 this one"
            )),
            None => Ok(at),
        }
    };
    for at in section.strings("sources", known).unwrap_or_default() {
        sources[at].view = Some(view.name.clone());
    }
}
