//! Floor 1: the meaning of Azure's names: clouds and their suffixes, geo codes, and the record and zone of an FQDN.
//!
//! Input: text from endpoint lists, names from queries. Output: zones and owners as [`crate::dns::Name`]s, or the
//! reason why a text is not such a name. Nothing here touches a file, a socket or a clock, and no input causes a panic.

mod cloud;
mod geo;
pub(crate) mod names;

use std::net::{IpAddr, Ipv4Addr};

pub use cloud::Cloud;
pub use names::{
    AzureName, Located, NotHosted, PRIVATELINK, Service, Slip, forwarded_suffixes, has_other_tenants, hosted_zones,
    looks_like_backup, mentions, normalise, private_name, storage_zones,
};

/// Azure's own resolver: the same address in every virtual network, answered by the host of each machine.
pub const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));

/// A misprint of [`RESOLVER`] that is in many scripts and pages; nothing answers there.
pub const RESOLVER_MISPRINT: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 63, 129, 16));
