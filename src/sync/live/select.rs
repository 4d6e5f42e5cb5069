//! The endpoints that are wanted, and what becomes of each: pure decisions.

use super::model::PrivateEndpoint;

/// What becomes of an endpoint that was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its records are published.
    Publish,
    /// The same, with a warning: provisioning failed or was canceled.
    PublishFailed,
    /// Its connection is not approved.
    NotConnected,
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
    /// True if Azure is still changing it, so that a look soon is worth it.
    pub is_settling: bool,
}
