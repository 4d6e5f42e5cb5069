//! The attempts of one flight, and what it knows of each upstream that it asked: plain values.

use std::time::Instant;

use crate::forward::ids::UpstreamIndex;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;
use crate::forward::upstream::forms::GivenUp;

/// The transport of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Udp(QueryHandle, QueryForm),
    Tcp(QueryForm),
}

impl Via {
    pub(crate) fn form(self) -> QueryForm {
        match self {
            Self::Udp(_, form) | Self::Tcp(form) => form,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) upstream: UpstreamIndex,
    pub(crate) via: Via,
    pub(crate) sent: Instant,
    /// Whether its silence has been counted.
    pub(crate) silent: bool,
    /// Whether there is a sign that no reply will come. Anybody may have forged that, so the attempt stays open.
    pub(crate) hinted: bool,
    /// Whether the upstream has sent us this way: its reply to an earlier attempt was no answer, such as one with TC.
    pub(crate) invited: bool,
}

impl Attempt {
    pub(crate) fn new(upstream: UpstreamIndex, via: Via, sent: Instant) -> Self {
        Self { upstream, via, sent, silent: false, hinted: false, invited: false }
    }
}

/// An upstream that the flight has asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    pub(crate) upstream: UpstreamIndex,
    /// Whether this host had no route to it.
    pub(crate) no_route: bool,
    /// Whether it was asked over TCP.
    pub(crate) tcp: bool,
    pub(crate) given_up: GivenUp,
}

impl Tried {
    pub(crate) fn new(upstream: UpstreamIndex) -> Self {
        Self { upstream, no_route: false, tcp: false, given_up: GivenUp::default() }
    }
}
