//! The answer to a question as facts: each record with who said it.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::diag;
use crate::dns::{self, Name, Record, Rtype, rdata};
use crate::explain::facts::{Answer, Rcode};
use crate::explain::model::{Hop, Teller};
use crate::forward::Failure;
use crate::forward::resolver::Provenance;
use crate::forward::resolver::chase::RecordBits;
use crate::server::Answered;
use crate::zone::store::file_of;
use crate::zone::{ViewName, ZoneSet};

/// Records that are shown.
const MAX_HOPS: usize = 64;

/// The zones as the client sees them.
pub(super) struct Seen<'a> {
    /// The zones of the base, with all views.
    pub(super) all: &'a ZoneSet,
    /// The view; `None` for the base.
    pub(super) view: Option<&'a ViewName>,
    /// The zones in it.
    pub(super) zones: &'a ZoneSet,
    /// The folder of the files.
    pub(super) zone_dir: PathBuf,
}

/// The answer.
pub(super) fn of(answered: &Answered, rtype: Rtype, seen: &Seen<'_>) -> Answer {
    let (resolved, trace) = (&answered.resolved, &answered.trace);
    let chain = chain(answered, seen);
    let data = resolved.answer.iter().filter(|record| record.rtype == rtype).take(MAX_HOPS).map(data);
    let data: Vec<String> = data.collect();
    let is_synthesized = trace.iter().any(|(_, part)| *part == Provenance::SynthesizedCname);
    let ede = resolved.ede.as_ref().map(|ede| diag::printable(&ede.text).into_owned());
    let last = resolved.answer.last().filter(|_| !data.is_empty());
    let is_forwarded = resolved.origin.forwarded && resolved.from_upstream.contains(resolved.answer.len());
    let end = match (last, &resolved.origin.zone) {
        (Some(_), _) => chain.last().map(|hop| hop.by.clone()).unwrap_or_default(),
        // A negative answer is the zone's unless its SOA came from an upstream.
        (None, Some(apex)) if !is_forwarded && !resolved.origin.failed => seen.teller(apex, apex),
        (None, _) => trace.last().map_or(Teller::Unknown, |(_, part)| teller(*part)),
    };
    let soa = resolved.authority.iter().find(|record| record.rtype == Rtype::SOA);
    Answer {
        rcode: match resolved.rcode {
            dns::Rcode::NOERROR => Rcode::NoError,
            dns::Rcode::NXDOMAIN => Rcode::NxDomain,
            dns::Rcode::SERVFAIL => Rcode::ServFail,
            _ => Rcode::Other,
        },
        rcode_text: resolved.rcode.to_string(),
        addresses: data.iter().filter_map(|text| text.parse::<IpAddr>().ok()).collect(),
        is_synthesized: is_synthesized && matches!(end, Teller::Zone { .. }),
        has_failed: resolved.origin.failed,
        is_loop: ede.as_deref() == Some(&*Failure::Loop.ede().text),
        negative_ttl: soa.filter(|_| data.is_empty()).map(|soa| soa.ttl),
        chain,
        data,
        end,
        ede,
    }
}

/// The records in order. What an upstream said of one name, it said until the next name that was asked.
fn chain(answered: &Answered, seen: &Seen<'_>) -> Vec<Hop> {
    let resolved = &answered.resolved;
    let mut trace = answered.trace.iter().peekable();
    let mut current = None;
    let records = resolved.answer.iter().enumerate().filter(|(_, record)| record.rtype != Rtype::RRSIG);
    let hop = |(at, record): (usize, &Record)| {
        while let Some((_, part)) = trace.next_if(|(name, _)| *name == record.owner) {
            current = Some(*part);
        }
        let is_foreign = resolved.from_upstream.contains(at) || at >= RecordBits::CAPACITY;
        let by = match (is_foreign, seen.zones.find(record.owner.canonical())) {
            (false, Some(hosted)) => seen.teller(&hosted.apex, &record.owner),
            _ => current.map_or(Teller::Unknown, teller),
        };
        Hop {
            owner: record.owner.without_dot(),
            rtype: record.rtype.to_string(),
            data: data(record),
            ttl: record.ttl,
            by,
        }
    };
    records.take(MAX_HOPS).map(hop).collect()
}

/// The data of a record; the target of a CNAME without the final dot.
fn data(record: &Record) -> String {
    match record.cname_target() {
        Some(target) => target.without_dot(),
        None => diag::printable(&rdata::presentation(record.rtype, &record.rdata)).into_owned(),
    }
}

fn teller(part: Provenance) -> Teller {
    match part {
        Provenance::Cache => Teller::Cache,
        Provenance::Stale => Teller::Stale,
        Provenance::Upstream(address) => Teller::Upstream { address: address.to_string() },
        Provenance::SynthesizedCname => Teller::Synthesized,
        Provenance::Special => Teller::Special,
    }
}

impl Seen<'_> {
    /// The zone that says what there is of a name.
    fn teller(&self, apex: &Name, name: &Name) -> Teller {
        let part = self.all.part_of(self.view, apex, name);
        let serial = self.all.part(&part).and_then(|hosted| hosted.zone.as_deref()).map_or(0, |zone| zone.serial().0);
        Teller::Zone { zone: apex.without_dot(), serial, file: diag::path(&file_of(&self.zone_dir, &part)) }
    }
}
