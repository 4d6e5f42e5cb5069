//! The private endpoint around a value: its name, the state of its connection, and whether it has names at all.

use super::arena::Node;
use super::keys::Role;
use super::names::last_segment;
use super::view::{View, is_blank, strings};
use crate::sync::source::statement::is_connected;
use crate::sync::source::token::quoted;

/// What the objects around a value say about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Surroundings<'a> {
    /// The private DNS zone.
    pub(super) zone: Option<&'a str>,
    /// The private endpoint.
    pub(super) endpoint: Option<&'a str>,
    /// The state of its connection.
    pub(super) connection: Option<&'a str>,
    /// Its provisioning state.
    pub(super) provisioning: Option<&'a str>,
}

impl<'a> Surroundings<'a> {
    /// Those of the values in an object.
    pub(super) fn within(self, view: &View<'a>) -> Self {
        let zone = view.text(Role::ZoneId).map(last_segment).or(self.zone);
        let connection = connection_of(view).or(self.connection);
        let provisioning = view.text(Role::Provisioning);
        let is_own = is_endpoint(view) || view.has(Role::Address) || view.has(Role::Set);
        let failed = |state: &&str| ["failed", "canceled"].iter().any(|failed| state.eq_ignore_ascii_case(failed));
        let provisioning = self.provisioning.filter(failed).or(provisioning.filter(|_| is_own)).or(self.provisioning);
        Self { zone, endpoint: endpoint_of(view).or(self.endpoint), connection, provisioning }
    }
}

/// True for a private endpoint, not for what refers to one by its id.
pub(super) fn is_endpoint(view: &View<'_>) -> bool {
    view.has(Role::Configs)
        || view.has(Role::Connections)
        || view
            .all(Role::Type)
            .filter_map(Node::string)
            .any(|text| text.eq_ignore_ascii_case("Microsoft.Network/privateEndpoints"))
}

/// The name of the endpoint that an object is or belongs to.
fn endpoint_of<'a>(view: &View<'a>) -> Option<&'a str> {
    if is_endpoint(view)
        && let Some(name) = view.text(Role::Name)
    {
        return Some(name);
    }
    for node in view.all(Role::Endpoint) {
        let inside = if node.is_object() { View::of(node).text(Role::Id) } else { node.string() };
        if let Some(text) = inside.map(str::trim).filter(|text| !text.is_empty()) {
            return Some(in_id(text).unwrap_or(text));
        }
    }
    view.all(Role::Id).filter_map(Node::string).find_map(in_id)
}

/// The endpoint in a resource id.
fn in_id(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case("privateEndpoints"))?;
    segments.next().filter(|name| !name.is_empty())
}

/// The state of the connections of an object: one that is not connected before all others.
fn connection_of<'a>(view: &View<'a>) -> Option<&'a str> {
    let of_connections =
        view.all(Role::Connections).flat_map(connections).filter_map(|connection| state(&View::of(connection)));
    let all: Vec<&'a str> = of_connections.chain(state(view)).collect();
    all.iter().copied().find(|state| !is_connected(state)).or_else(|| all.first().copied())
}

fn connections(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let own = node.is_object().then_some(node);
    let inside = node.is_array().then(|| node.children().filter(|child| child.is_object()));
    own.into_iter().chain(inside.into_iter().flatten())
}

/// The state of one connection. `status` and `state` mean many things: only Azure's own words count.
fn state<'a>(view: &View<'a>) -> Option<&'a str> {
    const STATES: [&str; 5] = ["approved", "pending", "rejected", "disconnected", "removed"];
    view.all(Role::Connection)
        .filter_map(|node| if node.is_object() { View::of(node).text(Role::Connection) } else { node.string() })
        .map(str::trim)
        .find(|text| STATES.iter().any(|state| text.eq_ignore_ascii_case(state)))
}

/// True unless the endpoint is known to be one of another service than ours.
pub(super) fn may_be_ours(view: &View<'_>) -> bool {
    let connections: Vec<View<'_>> = view.all(Role::Connections).flat_map(connections).map(View::of).collect();
    let links: Vec<View<'_>> = view.all(Role::Link).filter(|node| node.is_object()).map(View::of).collect();
    let all = || connections.iter().chain(&links).chain(std::iter::once(view));
    let groups: Vec<&str> =
        all().flat_map(|view| view.all(Role::Groups)).flat_map(strings).filter_map(Node::string).collect();
    if !groups.is_empty() {
        return groups.iter().any(|group| is_our_group(group));
    }
    let services: Vec<&str> = all().flat_map(|view| view.all(Role::Service)).filter_map(Node::string).collect();
    services.is_empty()
        || services.iter().any(|id| {
            let id = id.to_ascii_lowercase();
            id.contains("microsoft.recoveryservices/") || id.contains("microsoft.storage/")
        })
}

fn is_our_group(group: &str) -> bool {
    let group = group.trim().to_ascii_lowercase();
    ["azurebackup", "blob", "queue"]
        .iter()
        .any(|ours| group.strip_prefix(ours).is_some_and(|rest| matches!(rest, "" | "_secondary")))
}

/// What to say about an endpoint without names.
pub(super) fn nameless_text(view: &View<'_>, around: &Surroundings<'_>) -> String {
    let name = around.endpoint.map(quoted);
    let shown =
        name.as_deref().map_or_else(|| "a private endpoint".to_owned(), |name| format!("private endpoint '{name}'"));
    if let Some(state) = around.connection.filter(|state| !is_connected(state)) {
        return format!(
            "{shown} has no names here, and its connection is {}: approve the connection, then export the list again",
            quoted(state)
        );
    }
    let nic = view
        .object
        .children()
        .chain(view.object_of(Role::Properties).into_iter().flat_map(Node::children))
        .filter(|child| child.key().eq_ignore_ascii_case("networkInterfaces"))
        .flat_map(connections)
        .find_map(|nic| View::of(nic).text(Role::Id));
    let group = view.text(Role::Id).and_then(resource_group).unwrap_or("GROUP");
    let advice = match nic {
        Some(id) if id.len() < 400 => format!("az network nic show --ids {id}"),
        _ => format!(
            "az network private-endpoint dns-zone-group list -g {} --endpoint-name {}",
            quoted(group),
            name.as_deref().unwrap_or("NAME")
        ),
    };
    format!("{shown} has no names here, as when a DNS zone group keeps them; list them too: `{advice}`")
}

fn resource_group(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case("resourceGroups"))?;
    segments.next().filter(|name| !name.is_empty())
}

/// True for an IP configuration of an endpoint of ours whose names are missing.
pub(super) fn is_nameless_link(view: &View<'_>) -> bool {
    view.object_of(Role::Link).is_some_and(|link| View::of(link).all(Role::Fqdn).any(is_blank)) && may_be_ours(view)
}
