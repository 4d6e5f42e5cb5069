//! Routes: the upstreams for the names below each suffix.

use std::sync::Arc;

use crate::dns::Name;
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

    /// The route of a name: the longest suffix wins.
    pub(super) fn of(&self, name: &Name) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| name.is_at_or_below(&route.suffix))
    }
}
