//! Names for what the forwarding thread holds many of, so that one kind is never taken for another.

/// A question on its way upstream. Never given twice, as far as anyone who holds one can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlightId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// The place of a group of upstreams in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupIndex(pub(crate) usize);

/// The place of an upstream among all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct UpstreamIndex(pub(crate) usize);
