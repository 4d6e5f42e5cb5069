//! Floor 2: questions for names that are not ours are asked upstream.
//!
//! In: a question, the zones it may lead through, a deadline. Out: the resolved answer, or the [`Failure`]. Never: a
//! record that was not asked for, an upstream's claim about anything but its own reply, more questions in flight than
//! an upstream takes, or memory that grows while an upstream is down.
//!
//! ```text
//!    resolver      one question through zones, cache and upstreams: chase, special names, our public names
//!       |   |
//!       |   cache  replies of upstreams, packed
//!       v
//!    upstreams     the groups to ask, and the forwarding thread, which runs the engine
//!       v
//!    engine        questions in flight: exchanges, flight, steps, replies, timer_wheel
//!       v
//!    upstream      one upstream: health, limit, quirks, loops, resolv_conf
//!       v
//!    transport     sockets and bytes: udp_pool, socket, tcp, message, batch        scrub   the kept part of a reply
//!
//!    question, ids, settings, status, callback, client_network, queue: plain values that all of these use
//! ```

pub mod cache;
mod callback;
mod client_network;
mod engine;
pub mod harness;
mod ids;
mod question;
mod queue;
pub mod resolver;
pub mod scrub;
mod settings;
mod status;
mod transport;
mod upstream;
mod upstreams;

pub use crate::histogram::Histogram;
pub use callback::{AfterBatch, Batch, ExchangeOutcome, Keep, OnReply};
pub use client_network::ClientNetwork;
pub use engine::flight::Waiter;
pub(crate) use engine::placement::Placement;
pub use question::{Chain, Failure, Question, Reply};
pub use settings::{CaseRandomization, GroupSettings, RESOLV_CONF, ScopedAddress, Settings, UpstreamSpec};
pub use status::{Counts, ErrorKind, GroupStatus, State, UpstreamError, UpstreamStatus};
pub use upstream::loops::{PROBE_LABEL, would_loop};
pub(crate) use upstream::resolv_conf::name_servers;
pub use upstreams::{AskUpstream, Group, NoUpstream, Upstreams};
