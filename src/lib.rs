//! `privatelink-dns`: DNS for networks that reach Azure Backup through private endpoints and run their own DNS.
//!
//! Two one-way roads meet in one immutable value, the zone set:
//!
//! ```text
//!    endpoint lists                                                  a client
//!         | read                                                        | datagram / stream
//!    sync::source     Listing                                       server  (udp workers, tcp)
//!         v                                                             v
//!    sync::desired    DesiredState  <- azure::names                 server::admission    drop | REFUSED | pass
//!         v                                                             v
//!    sync::plan       Plan   <------- current -----+                server::road -------> zone::lookup ---> Outcome
//!         v                                        |                    | not ours           ^
//!    sync::guard      ApprovedPlan | UnsafePlan    |                    v                    | a CNAME target is ours
//!         v                                        |                forward::cache -> forward::Group
//!    sync::apply      zone file on disk            |                    v                    |
//!         v                                        |                forward::chase ----------+
//!    zone::store      parse, check, Arc<ZoneSet> --+-- swap ->          v
//!                                                                   server::response     AA RA AD, RCODE, SOA, EDNS, TC, EDE
//! ```
//!
//! Imports go down only, floor by floor; `cargo xtask floors` checks it.

pub mod azure;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod diag;
pub mod dns;
pub(crate) mod files;
pub mod forward;
pub mod server;
pub mod sync;
mod telemetry;
mod watch;
pub mod zone;
