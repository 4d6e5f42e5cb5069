//! Ids of flights, groups and upstreams, so that one is never taken for another.

/// A question in flight. An id is not used again as long as anyone could hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlightId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// The index of a group of upstreams in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupIndex(pub(crate) usize);

/// The index of an upstream among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UpstreamIndex(pub(crate) usize);
