//! Floor 1: what Azure means. Clouds and their suffixes, geo codes, and which record of which zone an FQDN stands for.
//!
//! In: text from endpoint lists, names from questions. Out: zones and owners as [`crate::dns::Name`]s, or the reason
//! why a text is none. Nothing here touches a file, a socket or a clock, and no input makes it panic.

mod cloud;
pub mod geo;
pub mod names;

pub use cloud::Cloud;
pub use names::{AzureName, Located, NotHosted, Service, hosted_zones, looks_like_backup, normalise, public_names};
