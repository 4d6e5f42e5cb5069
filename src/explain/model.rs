//! The model of an explanation. `docs/explain-json.md` describes the same for programs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::Diagnostic;
use crate::forward::State;
use crate::sync::ledger::{Disagreement, HeldChange, LeftOut};
use crate::sync::state::changes::AppliedChange;

/// The version of this form: it changes when a key goes or changes its meaning, not when one is added.
pub const FORM_VERSION: u32 = 1;

/// Why a name has the answer that it has. Times are in seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Explanation {
    /// [`FORM_VERSION`].
    pub form_version: u32,
    /// When the question was asked.
    pub at: u64,
    /// What was asked.
    pub asked: Question,
    /// What a client gets.
    pub verdict: Verdict,
    /// Why.
    pub cause: Cause,
    /// Both in one line.
    pub headline: String,
    /// What to do, one step each; a line that begins with `privatelink-dns` is a command.
    pub what_to_do: Vec<String>,
    /// What else is worth knowing.
    pub remarks: Vec<String>,
    /// The RCODE of the answer.
    pub rcode: String,
    /// What the name leads to: addresses, or for another type its data.
    pub answer: Vec<String>,
    /// The records of the answer in order, with who said each.
    pub chain: Vec<Hop>,
    /// The end of what the cache keeps of the answer; `None` if none of it came from an upstream.
    pub cached_until: Option<u64>,
    /// The record in service that belongs to the name.
    pub record: Option<ServedRecord>,
    /// Changes of that record that wait for consent.
    pub held: Vec<HeldChange>,
    /// Changes of it that wait for the end of a freeze.
    pub frozen: Vec<HeldChange>,
    /// Lists that disagree on it.
    pub conflicts: Vec<Disagreement>,
    /// Lists that leave it out.
    pub left_out: Vec<LeftOut>,
    /// Errors of the sources, where they matter to the name.
    pub lists: Vec<Diagnostic>,
    /// The places where the text of a list has the account or vault.
    pub mentions: Vec<Mention>,
    /// The sources whose lists could not be searched, and why.
    pub not_searched: Vec<NotSearched>,
    /// Names of the zone that are spelt almost like this one.
    pub nearest: Vec<String>,
    /// Names in service with the address or label that was asked for.
    pub names: Vec<String>,
    /// The upstreams that are not up.
    pub upstreams: Vec<Trouble>,
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// What was typed, as far as it was understood: of a URL the host alone.
    pub text: String,
    /// The name that was looked up, without the final dot; `None` for an address, or a label that no zone has.
    pub name: Option<String>,
    /// The type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The client that asks, if one was named.
    pub client: Option<String>,
    /// The view that it gets; none for the base.
    pub view: Option<String>,
}

/// What a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A record of a hosted zone, or a private address.
    Private,
    /// A public address.
    Public,
    /// No address.
    #[default]
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "PRIVATE",
            Self::Public => "PUBLIC",
            Self::Failed => "FAILED",
        })
    }
}

/// A record of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hop {
    /// Its owner, without the final dot.
    pub owner: String,
    /// Its type.
    #[serde(rename = "type")]
    pub rtype: String,
    /// Its data in presentation format; of a CNAME the target without the final dot.
    pub data: String,
    /// Seconds.
    pub ttl: u32,
    /// Who said it.
    pub by: Teller,
}

/// Who said a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Teller {
    /// A hosted zone.
    Zone {
        /// Its name, without the final dot.
        zone: String,
        /// Its serial.
        serial: u32,
        /// Its file.
        file: String,
    },
    /// The cache.
    Cache,
    /// The cache, past the record's time: the upstream failed.
    Stale,
    /// An upstream, just now.
    Upstream {
        /// Its address and port.
        address: String,
    },
    /// This server, from its zone: the alias that public DNS would give.
    Synthesized,
    /// This server: a special-use name.
    Special,
    /// Nobody that is known.
    #[default]
    Unknown,
}

impl fmt::Display for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone { zone, serial, file } => write!(f, "zone '{zone}' serial {serial}, {file}"),
            Self::Cache => f.write_str("the cache"),
            Self::Stale => f.write_str("the cache, past its time, because the upstream failed"),
            Self::Upstream { address } => write!(f, "upstream {address}"),
            Self::Synthesized => f.write_str("this server, from its own zone"),
            Self::Special => f.write_str("this server, for a special-use name"),
            Self::Unknown => f.write_str("it is not known by whom"),
        }
    }
}

/// The record in service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedRecord {
    /// Its owner, without the final dot.
    pub name: String,
    /// Its zone, without the final dot.
    pub zone: String,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Whether sync wrote the zone file; else a person did.
    pub managed: bool,
    /// The source that lists it, as far as it is remembered.
    pub source: Option<String>,
    /// The place in its list, `file:line`.
    pub place: Option<String>,
    /// The private endpoint that the list names.
    pub endpoint: Option<String>,
    /// Its last change that the journal has.
    pub last_change: Option<AppliedChange>,
}

/// A place in the text of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mention {
    /// The source.
    pub source: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The record that the text means, without the final dot; `None` where it has only the label.
    pub record: Option<String>,
    /// What it is: `blob`, `queue` or `backup`; `None` where that is not known.
    pub service: Option<String>,
    /// Whether it stands in a comment.
    pub comment: bool,
    /// The first error of the list, if the list is refused.
    pub refused: Option<Diagnostic>,
}

impl Mention {
    /// `lists/we.txt:15`
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// A source whose lists could not be searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NotSearched {
    /// The source.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// An upstream that is not up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// Its address and port.
    pub address: String,
    /// Up for one that failed before.
    pub state: State,
    /// Since when.
    pub since: Option<u64>,
    /// Its last error.
    pub error: Option<String>,
}

/// Declares the causes: variant, word, and meaning for the documentation.
macro_rules! causes {
    ($($(#[$note:meta])* $variant:ident $word:literal $meaning:literal,)*) => {
        /// Why a name has the answer that it has. A word never changes its meaning.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Cause {
            $(#[doc = $meaning] #[serde(rename = $word)] $(#[$note])* $variant,)*
        }

        impl Cause {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its word in JSON.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

causes! {
    Listed "listed" "A list has the record, and it is served",
    ListedChangeHeld "listed-change-held" "The record is served as it was; its change or end waits for consent",
    ListedConflict "listed-conflict" "The record is served as it was, because lists disagree on it",
    ListedLastGood "listed-last-good" "The record is served from the last good copy of a list that is refused or away now",
    ListedFrozen "listed-frozen" "The record is served as it was, because the server is frozen and its change is not written",
    ByHand "by-hand" "The record stands in a zone file that a person wrote",
    Synthesized "synthesized" "The upstream failed or denied the name, and the zone answers for the public name",
    UpstreamPrivate "upstream-private" "An upstream gives a private address; no list of this server has the name",
    Unlisted "unlisted" "No list has the name",
    OtherService "other-service" "No list has the name; a list has the same account or vault for another service",
    InComment "in-comment" "A list has the name in a comment alone",
    Held "held" "A list has the record, and it waits for consent",
    Conflict "conflict" "Lists disagree on the record, and nothing of it was in service before",
    ListRefused "list-refused" "The list that has the name is refused or cannot be read",
    ListUnreadable "list-unreadable" "No list that can be read has the name; a source that cannot be read may have it",
    NotApproved "not-approved" "A list has the name, and the connection of its private endpoint is not approved",
    NotWritten "not-written" "A list has the record, and its zone file cannot be written",
    Frozen "frozen" "A list has the record, and the server is frozen",
    NotRead "not-read" "A list has the name, and no pass has taken it yet",
    NoPrivatelinkHop "no-privatelink-hop" "The record is served, but the public chain does not lead through its name",
    PrivatelinkNotHosted "privatelink-not-hosted" "The chain leads into a privatelink zone that is not hosted",
    OtherCloud "other-cloud" "The name belongs to another cloud",
    ServiceNotHosted "service-not-hosted" "The name belongs to a service of Azure that is not hosted here",
    NoEndpointName "no-endpoint-name" "The name is none of a private endpoint",
    BackupPublicName "backup-public-name" "The name lacks 'privatelink', and public DNS has no such name; the private name is served",
    GeoNotHosted "geo-not-hosted" "The zone of the geo code is not hosted",
    RegionName "region-name" "The name of a region stands where its geo code belongs",
    BadName "bad-name" "The name cannot be a record of Azure Backup, because of how it is spelt",
    NoGoodCopy "no-good-copy" "No good copy of the zone has been read",
    NoListRead "no-list-read" "No list has been read yet, and the geo codes are learnt from lists",
    UpstreamDown "upstream-down" "No upstream answers",
    UpstreamLoop "upstream-loop" "The upstream leads back to this server",
    UpstreamFailed "upstream-failed" "The upstream answered with an error, or its answer cannot be used",
    NoSuchName "no-such-name" "The upstream says that the name does not exist",
    NotInZone "not-in-zone" "A zone that a person wrote does not have the name",
    NoData "no-data" "The name exists and has no record of this type",
    NotAllowed "not-allowed" "The client is not in `[access]`",
    AddressListed "address-listed" "Records in service have the address",
    AddressUnlisted "address-unlisted" "No record in service has the address",
    LabelUnknown "label-unknown" "No hosted zone has a name that begins with the label",
    #[default]
    Other "other" "Something else; the EDE or the RCODE says what",
}

#[cfg(test)]
mod tests;
