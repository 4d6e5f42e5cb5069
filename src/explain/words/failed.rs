//! The words where a client gets no address, and for what is no name.

use std::net::IpAddr;

use super::super::facts::{Answer, Facts, GeoProblem, Place, Zone};
use super::super::model::{Cause, ServedRecord, Teller, Trouble};
use super::{Words, command, pass_now};
use crate::azure::NotHosted;
use crate::forward::State;

pub(super) fn public_backup(record: &ServedRecord, facts: &Facts) -> Words {
    let why = format!(
        "public DNS has no names of a vault without 'privatelink'; agents ask for {}, which is {} here",
        record.name,
        record.addresses.join(" ")
    );
    let steps = ["Nothing: ask for the private name instead.".to_owned(), command(&["explain", &record.name], facts)];
    Words::new(Cause::BackupPublicName, why, steps)
}

pub(super) fn geo(place: &Place) -> Words {
    let hint = match &place.geo_problem {
        Some(GeoProblem::Unknown(why)) => format!(" ({why})"),
        _ => String::new(),
    };
    let why = format!("zone '{}' is not hosted: geo code '{}' is not in geos{hint}", place.zone, place.geo);
    let steps = [
        format!("If the vault is there, add \"{}\" to geos in [backup], and its names to a list.", place.geo),
        "A list that names a known geo code adds its zone by itself.".to_owned(),
    ];
    Words::new(Cause::GeoNotHosted, why, steps)
}

pub(super) fn region(place: &Place, code: &str, facts: &Facts) -> Words {
    let why = format!("'{}' is the name of a region, and its geo code is '{code}'", place.geo);
    let right = place.record.replace(&format!(".{}.", place.geo), &format!(".{code}."));
    let steps = [format!("Write '{code}' wherever '{}' stands; the name is then {right}.", place.geo)];
    Words::new(Cause::RegionName, why, steps.into_iter().chain([command(&["explain", &right], facts)]))
}

pub(super) fn bad_name(problem: &NotHosted) -> Words {
    Words::new(Cause::BadName, format!("the name {problem}"), ["Correct the name, and ask again."])
}

pub(super) fn no_copy(zone: &Zone, facts: &Facts) -> Words {
    let reason = zone.degraded.first().map_or_else(|| format!("{} was never read", zone.file), ToString::to_string);
    let why = format!("no good copy of zone '{}' has been read: {reason}", zone.name);
    let steps = [format!("Mend {}; it is read as soon as it changes.", zone.file), command(&["check"], facts)];
    Words::new(Cause::NoGoodCopy, why, steps)
}

pub(super) fn no_list(facts: &Facts) -> Words {
    let reason = facts.lists.first().map(|error| format!(": {error}")).unwrap_or_default();
    let why = format!("no list has been read yet, and the geo codes are learnt from lists{reason}");
    let steps = ["Mend the list, or name the codes with geos = [...] in [backup].".to_owned(), pass_now(facts)];
    Words::new(Cause::NoListRead, why, steps)
}

pub(super) fn upstream_down(trouble: &Trouble, facts: &Facts) -> Words {
    let error = trouble.error.as_deref().map(|error| format!(" ({error})")).unwrap_or_default();
    let state = if trouble.state == State::Up { "did not answer".to_owned() } else { format!("is {}", trouble.state) };
    let why = format!("no upstream answers: {} {state}{error}", trouble.address);
    let steps = [
        format!("Look after {}: does it answer on UDP and TCP port 53 from this machine?", trouble.address),
        "In an Azure VNet, [forward] upstreams = [\"168.63.129.16\"] is right.".to_owned(),
        command(&["status"], facts),
    ];
    Words::new(Cause::UpstreamDown, why, steps)
}

pub(super) fn upstream_loop(facts: &Facts) -> Words {
    let looping = facts.upstreams.iter().find(|trouble| trouble.state == State::Looping);
    let which = looping.map_or_else(|| "the upstream".to_owned(), |trouble| format!("upstream {}", trouble.address));
    let why = format!("{which} leads back to this server");
    let steps = [
        "Name a resolver in [forward] upstreams that does not forward to this server; in Azure 168.63.129.16."
            .to_owned(),
        command(&["status"], facts),
    ];
    Words::new(Cause::UpstreamLoop, why, steps)
}

pub(super) fn upstream_failed(answer: &Answer, facts: &Facts) -> Words {
    let reason = answer.ede.as_deref().map(|ede| format!(": {ede}")).unwrap_or_default();
    let who = match &answer.end {
        Teller::Upstream { address } => format!("upstream {address}"),
        _ => "the upstream".to_owned(),
    };
    let why = format!("{who} gave no answer that can be used{reason}");
    Words::new(
        Cause::UpstreamFailed,
        why,
        ["Ask the upstream the same question by hand.".to_owned(), command(&["status"], facts)],
    )
}

pub(super) fn no_such_name(answer: &Answer) -> Words {
    let who = if answer.end == Teller::Unknown { "an upstream".to_owned() } else { answer.end.to_string() };
    let why = format!("{who} says that the name does not exist");
    let step = "Check how the name is spelt. If it should exist, ask whoever runs its public zone.";
    Words::new(Cause::NoSuchName, why, [step])
}

pub(super) fn not_in_zone(zone: &Zone) -> Words {
    let why = format!("zone file {} does not have the name", zone.file);
    Words::new(Cause::NotInZone, why, [format!("If it should exist, add it to {}.", zone.file)])
}

pub(super) fn no_data(answer: &Answer, facts: &Facts) -> Words {
    let has = match &facts.record {
        Some(record) if !record.addresses.is_empty() => format!("; {} is {}", record.name, record.addresses.join(" ")),
        _ => String::new(),
    };
    let end = answer.chain.last().map_or(facts.name.as_deref().unwrap_or_default(), |hop| &hop.data);
    let why = format!("'{end}' exists and has no {} record{has}", facts.rtype);
    let step = if facts.rtype == "AAAA" {
        "Nothing: private endpoints mostly have IPv4 addresses alone, and clients then use A."
    } else {
        "Ask for another type, such as A."
    };
    Words::new(Cause::NoData, why, [step])
}

pub(super) fn not_allowed(client: IpAddr, facts: &Facts) -> Words {
    let why = format!("client {client} is not in [access] allow");
    let steps =
        ["Add the network of the client to allow in [access] of the config.".to_owned(), command(&["reload"], facts)];
    Words::new(Cause::NotAllowed, why, steps)
}

pub(super) fn address(facts: &Facts) -> Words {
    let (first, more) = facts.names.split_first().map_or(("", 0), |(first, more)| (first.as_str(), more.len()));
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let why = format!("in service for {first}{more}");
    Words::new(Cause::AddressListed, why, [command(&["explain", first], facts)])
}

pub(super) fn no_address(facts: &Facts) -> Words {
    let why = "no record in service has this address";
    let steps = ["Ask for the name instead of the address.".to_owned(), command(&["explain", "NAME"], facts)];
    Words::new(Cause::AddressUnlisted, why, steps)
}

pub(super) fn label(facts: &Facts) -> Words {
    let found = facts
        .mentions
        .first()
        .map_or_else(String::new, |mention| format!("; {} ({}) has it in its text", mention.source, mention.place()));
    let why = format!("no hosted zone has a name that begins with it{found}");
    let full = facts.mentions.iter().find_map(|mention| mention.record.clone());
    let full = full.unwrap_or_else(|| format!("{}.blob.core.windows.net", facts.text));
    let steps = ["Ask for the whole name, such as:".to_owned(), command(&["explain", &full], facts)];
    Words::new(Cause::LabelUnknown, why, steps)
}

pub(super) fn other(answer: Option<&Answer>, facts: &Facts) -> Words {
    let reason = answer.and_then(|answer| answer.ede.clone());
    let why = reason.unwrap_or_else(|| "the answer says no more than that".to_owned());
    Words::new(Cause::Other, why, ["See how the server is:".to_owned(), command(&["status"], facts)])
}
