//! `privatelink-dns`: DNS for networks that reach Azure Backup through private endpoints and run their own DNS.
//!
//! # The map
//!
//! Two one-way paths meet in one immutable value, the zone set. On the left lists become zone files, on the right a
//! query becomes an answer.
//!
//! ```text
//!    endpoint lists                                             a client
//!         | read                                                   | datagram / stream
//!    sync::source     Listing                                   server::transport    UDP workers, TCP
//!         v                                                        v
//!    sync::desired    DesiredState <- azure::names              server::answerer ---> server::fast: the fast path
//!         v                                                        | full path
//!    sync::plan       Plan <------- current -------+               v
//!         v                                        |            server::query ------> zone: Outcome
//!    sync::guard      ApprovedPlan | UnsafePlan    |               | not ours            ^
//!         v                                        |               v                     | a CNAME target is ours
//!    sync::apply      zone file on disk            |            forward::resolver -------+
//!         v                                        |               | not in forward::cache
//!    zone::store      parse, check, Arc<ZoneSet> --+-- publish     v
//!                                                               forward: engine, upstream, transport
//! ```
//!
//! - Lists: [`sync`] reads, plans, guards and applies; [`azure`] knows the names; [`zone`] loads and checks the files.
//! - Queries: [`server`] answers from [`zone`] and, through [`forward`], from upstreams. [`dns`] is the wire format.
//! - To secondaries: [`transfer`] sends zones; [`feed`] makes the RPZ feed and the catalog of the zones in service.
//! - Over both: [`explain`] says why a name has the answer that it has.
//! - Around all: [`config`] reads the TOML, [`daemon`] composes all parts and swaps the snapshot, [`cli`] has the
//!   verbs.
//!
//! Imports go down only, floor by floor; `cargo xtask floors` checks it, and CONTRIBUTING.md has the table of floors.
//! `docs/architecture.md` walks one query and one list from file to file.

pub mod admin;
pub mod azure;
pub mod cli;
pub mod config;
pub mod control;
pub mod daemon;
pub mod diag;
pub mod dns;
pub mod explain;
pub mod feed;
pub(crate) mod files;
pub mod forward;
pub(crate) mod histogram;
pub(crate) mod host;
pub mod server;
pub mod status;
pub mod sync;
mod telemetry;
pub mod tls;
pub mod transfer;
mod watch;
pub mod zone;
