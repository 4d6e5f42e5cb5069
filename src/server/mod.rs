//! Floor 3: from a datagram or stream to the bytes of an answer.
//!
//! ```text
//!   transport: udp, tcp --message--> answerer --> fast: from memory, in place -------------> bytes --> transport
//!                                        |           ^ cacheable answers
//!                                        v           |
//!                                      query: admission, zones, cache, re-chase, response ---> bytes --> transport
//!                                        |                                                     ^
//!                                        '--- an upstream has to be asked: forward::resolver --'
//! ```
//! In: sockets and a [`Snapshot`] that the daemon swaps. Out: answers and counters. Never: a changed zone, or a look
//! at a file.

pub mod admission;
mod answerer;
mod context;
mod counters;
mod fast;
pub mod harness;
mod misses;
pub mod observer;
mod query;
mod recent;
mod settings;
mod snapshot;
mod transport;
pub mod views;

pub use context::Transport;
pub use counters::{
    AnswerCount, Class, Counters, Disposition, Family, Histogram, MessageCount, Origin, Reason, Response, ResponseCount,
};
pub use misses::Misses;
pub use observer::{Observer, QUERY_LOG, QueriesLogged};
pub use query::once::{Answered, query};
pub use recent::{RECENT_AGE, RECENT_ENTRIES, Recent, RecentEntry, RecentKind};
pub use settings::{MAX_NSID, Settings, TcpSettings};
pub use snapshot::{Decides, Shared, Snapshot};
pub use transport::https::request::query_in_target;
pub use transport::kept::{Adopted, KeptSockets, ListenAddresses};
pub use transport::listen::{BindError, Listeners, Running};
