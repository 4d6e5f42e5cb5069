//! Floor 0: the DNS vocabulary, as pure values.
//!
//! In: bytes of messages, names in presentation format. Out: [`Name`], [`RRset`], [`Record`], [`Query`], [`Message`]
//! and, through [`Writer`], bytes again. Never: a socket, a file, a clock or a log, or an input that causes a panic.

mod canonical;
pub mod edns;
mod message;
mod name;
mod options;
mod query;
pub mod rdata;
mod record;
mod serial;
pub mod stream;
pub mod tsig;
mod types;
mod wire;
mod writer;

pub use canonical::{CanonicalName, NameBuffer, labels};
pub use edns::{Ede, Edns, UDP_PAYLOAD};
pub use message::{Message, MessageError};
pub(crate) use name::push_label;
pub use name::{Name, NameError};
pub use options::{Cookie, QueryOptions, ResponseOptions};
pub use query::{CookieQuery, Header, MAX_QUERY, Query, QueryError, ixfr_serial, signature_of};
pub use record::{RRset, Record};
pub use serial::Serial;
pub use tsig::{Signer, Tsig};
pub use types::{Class, Opcode, Rcode, Rtype};
pub use wire::{MAX_NAME, eq_ignore_case, name_end};
pub use writer::{Section, Writer};
