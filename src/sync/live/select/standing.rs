//! What becomes of a selected endpoint, by the state of its connection and of its provisioning.

use crate::sync::live::model::{Connection, PrivateEndpoint};

/// What becomes of an endpoint that was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its records are published.
    Publish,
    /// The same, with a warning: provisioning failed or was canceled.
    PublishFailed,
    /// Its connection is not approved.
    NotConnected,
    /// Azure does not say whether its connection is approved: nothing is published, and nothing is removed.
    Unknown,
    /// It is being made or removed: nothing is published, nothing is said.
    Passing,
}

/// A selected endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    /// As ARM has it.
    pub endpoint: &'a PrivateEndpoint,
    /// What becomes of it.
    pub standing: Standing,
    /// The state of the connection that decided, such as `Approved`; empty where Azure does not say.
    pub connection: &'a str,
    /// True if Azure is still changing it, so that a look soon is worth it.
    pub is_settling: bool,
}

impl Selected<'_> {
    /// True if its interfaces are to be read.
    pub fn is_published(&self) -> bool {
        matches!(self.standing, Standing::Publish | Standing::PublishFailed)
    }

    /// The word for `status`, if nothing of it is published. Azure's own words are few: others are one.
    pub(super) fn reason(&self) -> Option<&'static str> {
        const STATES: [&str; 4] = ["pending", "rejected", "disconnected", "removed"];
        match self.standing {
            Standing::Publish | Standing::PublishFailed => None,
            Standing::NotConnected => {
                let known = STATES.into_iter().find(|state| self.connection.eq_ignore_ascii_case(state));
                Some(known.unwrap_or("other-state"))
            }
            Standing::Unknown => Some("unknown-state"),
            Standing::Passing if is(self.endpoint, "deleting") => Some("deleting"),
            Standing::Passing => Some("creating"),
        }
    }
}

/// Decides by the connections because of which the endpoint was selected: one that is not approved counts before all
/// others. The words of provisioning are those of every Azure resource: whatever is not an end is on its way to one.
pub(super) fn stand<'a>(endpoint: &'a PrivateEndpoint, connections: &[&'a Connection]) -> Selected<'a> {
    let states: Vec<&str> = connections
        .iter()
        .map(|connection| connection.properties.private_link_service_connection_state.status.trim())
        .collect();
    let is_approved = |state: &&&str| state.eq_ignore_ascii_case("Approved");
    let down = states.iter().find(|state| !state.is_empty() && !is_approved(state)).copied();
    let is_silent = states.iter().any(|state| state.is_empty()) || states.is_empty();
    let is_any = |words: &[&str]| words.iter().any(|word| is(endpoint, word));
    let standing = if is_any(&["creating", "deleting"]) {
        Standing::Passing
    } else if down.is_some() {
        Standing::NotConnected
    } else if is_silent {
        Standing::Unknown
    } else if is_any(&["failed", "canceled", "cancelled"]) {
        Standing::PublishFailed
    } else {
        Standing::Publish
    };
    let is_settling = !is_any(&["", "succeeded", "failed", "canceled", "cancelled"]);
    let connection = down.or_else(|| states.first().copied().filter(|_| !is_silent)).unwrap_or_default();
    Selected { endpoint, standing, connection, is_settling }
}

fn is(endpoint: &PrivateEndpoint, state: &str) -> bool {
    endpoint.properties.provisioning_state.trim().eq_ignore_ascii_case(state)
}
