//! Routes: the upstreams for the names below each suffix.

use std::sync::Arc;

use crate::dns::{Name, Rtype};
use crate::forward::cache::RouteId;
use crate::forward::upstreams::AskUpstream;

/// The upstreams for the names at or below a suffix.
pub struct Route {
    /// The id, a part of each cache key.
    pub id: RouteId,
    /// The suffix; the root for the default.
    pub suffix: Name,
    /// The upstreams to ask.
    pub group: Arc<dyn AskUpstream>,
}

/// All routes, the longest suffix first.
pub(super) struct RouteTable(Vec<Arc<Route>>);

impl RouteTable {
    pub(super) fn new(mut routes: Vec<Arc<Route>>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.suffix.as_wire().len()));
        Self(routes)
    }

    pub(super) fn all(&self) -> &[Arc<Route>] {
        &self.0
    }

    /// The route of a question: the longest suffix at or above the name wins. DS at a suffix is data of the zone above
    /// (RFC 4035 section 3.1.4.1).
    pub(super) fn of(&self, name: &Name, qtype: Rtype) -> Option<&Arc<Route>> {
        let is_parents = |suffix: &Name| qtype == Rtype::DS && suffix == name && suffix.label_count() > 0;
        self.0.iter().find(|route| name.is_at_or_below(&route.suffix) && !is_parents(&route.suffix))
    }
}
