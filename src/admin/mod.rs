//! Floor 6: the admin listener: `/metrics`, `/health`, `/ready`, `/status.json` and the status page over HTTP.
//!
//! ```text
//!   a connection: listen -> serve (hyper) -> guard: who may ask -> answer: path and Status -> metrics, page, health
//!                             timeouts: how long it may take       connections: how many there may be
//! ```
//! In: requests with GET and HEAD. Out: pure renderings of a [`Status`](crate::status::Status). Nothing here changes
//! anything; what a client does is counted, and never logged.

mod accept;
mod answer;
mod connections;
mod context;
mod explained;
mod guard;
mod health;
pub mod in_process;
mod listen;
mod listeners;
mod metrics;
mod page;
mod serve;
mod settings;
mod timeouts;

pub(crate) use guard::Listener;
pub(crate) use listeners::Listeners;
pub use settings::Settings;
