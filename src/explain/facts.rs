//! All that the cause of an answer follows from, as plain values.

use std::net::IpAddr;

use super::model::{Hop, Mention, NotSearched, ServedRecord, Teller, Trouble};
use crate::azure::names::Service;
use crate::azure::{Cloud, NotHosted};
use crate::diag::Diagnostic;
use crate::sync::ledger::NameEntry;

/// The facts about one question.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Seconds since 1970.
    pub(super) now: u64,
    /// What was typed, as far as it was understood.
    pub(super) text: String,
    /// What was left aside of it.
    pub(super) note: Option<&'static str>,
    /// What is meant by it.
    pub(super) kind: Kind,
    /// The name that was looked up, without the final dot.
    pub(super) name: Option<String>,
    /// The type.
    pub(super) rtype: String,
    /// The client that asks, if one was named.
    pub(super) client: Option<Client>,
    /// The view that it gets; `None` for the base.
    pub(super) view: Option<String>,
    /// The answer, if a name was looked up.
    pub(super) answer: Option<Answer>,
    /// The record of Azure that the name, or the chain behind it, means.
    pub(super) place: Option<Place>,
    /// Why the name cannot be a record although it looks like one.
    pub(super) misspelt: Option<NotHosted>,
    /// The hosted zone that covers that record, or the end of the chain.
    pub(super) zone: Option<Zone>,
    /// The record in service.
    pub(super) record: Option<ServedRecord>,
    /// What the last pass knows of it.
    pub(super) entry: NameEntry,
    /// True if the last pass knows of more names than it keeps.
    pub(super) is_ledger_cut: bool,
    /// Errors of the sources.
    pub(super) lists: Vec<Diagnostic>,
    /// Errors of the last pass about zone files.
    pub(super) unwritten: Vec<Diagnostic>,
    /// Where the text of a list has it.
    pub(super) mentions: Vec<Mention>,
    /// The sources that could not be searched.
    pub(super) not_searched: Vec<NotSearched>,
    /// Names spelt almost alike.
    pub(super) nearest: Vec<String>,
    /// Names in service with the address or label.
    pub(super) names: Vec<String>,
    /// Upstreams that are not up, or that failed before.
    pub(super) upstreams: Vec<Trouble>,
    /// Networks that were refused when they asked for the name lately.
    pub(super) refused: Vec<String>,
    /// The reason that was given, if the server is frozen.
    pub(super) frozen: Option<String>,
    /// When the last pass ended, in RFC 3339.
    pub(super) pass_at: Option<String>,
    /// The config, for commands.
    pub(super) config: String,
}

/// What was typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name.
    #[default]
    Name,
    /// A bare label.
    Label,
    /// An address.
    Address,
}

/// The client that asks.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// Whether `[access]` lets it ask.
    pub(super) is_permitted: bool,
}

/// The answer, as a client's question would get it.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) rcode: Rcode,
    /// The mnemonic of the RCODE.
    pub(super) rcode_text: String,
    pub(super) chain: Vec<Hop>,
    /// What the name leads to.
    pub(super) data: Vec<String>,
    /// The addresses among them.
    pub(super) addresses: Vec<IpAddr>,
    /// Who said the end of it, also if that is nothing.
    pub(super) end: Teller,
    /// The alias was made from our own zone.
    pub(super) is_synthesized: bool,
    /// No answer could be found.
    pub(super) has_failed: bool,
    /// An upstream leads back to this server.
    pub(super) is_loop: bool,
    /// The reason that goes to the client.
    pub(super) ede: Option<String>,
    /// Of a negative answer, seconds.
    pub(super) negative_ttl: Option<u32>,
}

/// The RCODEs that make a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rcode {
    #[default]
    NoError,
    NxDomain,
    ServFail,
    Other,
}

/// A record of Azure by its name.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Owner and zone, without the final dot.
    pub(super) record: String,
    /// The owner alone.
    pub(super) owner: String,
    /// The zone, without the final dot.
    pub(super) zone: String,
    pub(super) service: Service,
    pub(super) cloud: Cloud,
    /// The geo code; empty for blob and queue.
    pub(super) geo: String,
    /// Why the geo code is none of the cloud, or that it is the name of a region.
    pub(super) geo_problem: Option<GeoProblem>,
    /// The cloud of the config; `None` without `[backup]`.
    pub(super) ours: Option<Cloud>,
    /// True if public DNS leads the name that was typed to the record, and its spelling lacks `privatelink`.
    pub(super) is_public_spelling: bool,
}

/// What is wrong with a geo code.
#[derive(Clone, Debug)]
pub(super) enum GeoProblem {
    /// It is not known, and why.
    Unknown(String),
    /// It is the name of a region, whose code is this.
    Region(&'static str),
}

/// A hosted zone.
#[derive(Clone, Debug, Default)]
pub(super) struct Zone {
    /// Its name, without the final dot.
    pub(super) name: String,
    /// Its file.
    pub(super) file: String,
    /// False while no good copy has been read.
    pub(super) has_copy: bool,
    /// True if it stands for all zones of geo codes that are yet to be learnt.
    pub(super) is_unread: bool,
    pub(super) is_managed: bool,
    /// Why it differs from its file.
    pub(super) degraded: Vec<Diagnostic>,
}
