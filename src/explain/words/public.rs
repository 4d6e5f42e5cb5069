//! The words where a client gets a public address and no list is to blame.

use super::super::facts::{Facts, Place};
use super::super::model::{Cause, ServedRecord};
use super::{Words, source_of};

pub(super) fn no_hop(record: &ServedRecord, facts: &Facts) -> Words {
    let listed = source_of(record).map_or_else(|| "the zone has it".to_owned(), |source| format!("{source} lists it"));
    let name = facts.name.as_deref().unwrap_or_default();
    let why = format!(
        "{listed} with {}, but public DNS does not lead '{name}' through {}: the connection of the private endpoint is \
         probably not approved, or the account has none",
        record.addresses.join(" "),
        record.name
    );
    let steps = [
        "Look in Azure at the account's Networking: Private endpoint connections; approve the one that is pending.",
        "If the endpoint was deleted, take its lines out of the list.",
    ];
    Words::new(Cause::NoPrivatelinkHop, why, steps)
}

pub(super) fn not_hosted(target: &str) -> Words {
    let zone = target.split_once("privatelink.").map_or(target, |(_, rest)| rest);
    let why = format!("the chain leads to '{target}', in zone 'privatelink.{zone}', which is not hosted here");
    let steps = [
        format!("If those names should be private here, host 'privatelink.{zone}' with [[zones]] and a zone file,"),
        "or send it with [[forward.rules]] to a server that has it; else the public address is right.".to_owned(),
    ];
    Words::new(Cause::PrivatelinkNotHosted, why, steps)
}

pub(super) fn other_cloud(place: &Place) -> Words {
    let ours = place.ours.map(|cloud| cloud.to_string()).unwrap_or_default();
    let why = format!("this is a name of the {} cloud, and [backup] says cloud = \"{ours}\"", place.cloud);
    let step =
        format!("If this server should answer for that cloud, it needs a config with cloud = \"{}\".", place.cloud);
    Words::new(Cause::OtherCloud, why, [step])
}

pub(super) fn service(service: &str) -> Words {
    let why = format!("a name of {service}, which is not hosted here");
    let step = "Nothing: only Azure Backup, blob and queue are hosted, and the answer is the upstream's. For another service, \
                host its privatelink zone with [[zones]].";
    Words::new(Cause::ServiceNotHosted, why, [step])
}

pub(super) fn ordinary() -> Words {
    let why = "this is no name of a private endpoint, so the public address is right";
    Words::new(Cause::NoEndpointName, why, ["Nothing: the answer is the upstream's."])
}
