//! The names and addresses of the selected endpoints: pure decisions.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The contents of the list of one scope, in the order of endpoints and names, so that the same estate gives the same
/// text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeList {
    /// One row for each name of an endpoint.
    pub rows: Vec<Row>,
    /// Endpoints that publish nothing, or not all that they have.
    pub apart: Vec<Apart>,
    /// The endpoints that were not selected or not published, by reason, for `status`.
    pub skipped: BTreeMap<String, usize>,
    /// Endpoints that were selected, in any state.
    pub selected: usize,
    /// Findings that are worth a look, such as a cross-check that differs.
    pub warnings: Vec<String>,
    /// True if Azure is still changing an endpoint: the next read should come soon.
    pub is_settling: bool,
}

/// A name with its addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// `<resource group>/<endpoint>`; empty for a record set of a zone.
    pub endpoint: String,
    /// The name as Azure has it, without a final dot.
    pub fqdn: String,
    /// Its addresses, sorted.
    pub addresses: Vec<IpAddr>,
    /// `Failed` or `Canceled`, where the endpoint is in that state.
    pub provisioning: Option<String>,
}

/// An endpoint that publishes nothing, or not all that it has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apart {
    /// `<resource group>/<endpoint>`.
    pub endpoint: String,
    /// The state of its connection, where that is the reason; else it looks incomplete, and its records stay.
    pub connection: Option<String>,
}
