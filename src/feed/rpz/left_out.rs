//! What a response policy zone cannot hold, counted by zone, and said in one warning for each.

use std::collections::BTreeMap;

use crate::diag::{Diagnostic, Id, Place};
use crate::dns::Rtype;

/// Why a record is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// One of a policy matches names of any depth, which is not what RFC 4592 says.
    Wildcard,
    /// It leads to a name that has no address here.
    Alias,
    /// Other servers have it, or a DNAME renames it.
    Delegated,
    /// Policies have no such type.
    Type(Rtype),
    /// With the apex of the feed its name has more than 255 octets (RFC 1035 section 3.1).
    Long,
}

/// Numbers by reason, each with the first owner.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<What, (usize, String)>);

impl LeftOut {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, what: What, owner: &str) {
        let name = || if owner.is_empty() { "@".to_owned() } else { owner.to_owned() };
        self.0.entry(what).or_insert_with(|| (0, name())).0 += 1;
    }

    /// One warning for the zone; `denies` if its other names do not exist.
    pub(super) fn diagnostic(&self, zone: &str, denies: bool) -> Option<Diagnostic> {
        let said: Vec<String> = self.0.iter().map(|(what, (count, first))| said(*what, *count, first)).collect();
        let then = if denies { "; so it denies no other name of the zone either" } else { "" };
        let text = format!(
            "zone '{zone}': the RPZ feed leaves out {}{then}; resolvers that use the feed ask elsewhere for these names",
            said.join(", ")
        );
        (!self.is_empty()).then(|| Diagnostic::warning(Id::FEED_LEFT_OUT, Place::Server, text))
    }
}

fn said(what: What, count: usize, first: &str) -> String {
    let (one, more, why) = match what {
        What::Wildcard => ("wildcard", "wildcards", "a policy's match at any depth".to_owned()),
        What::Alias => ("CNAME", "CNAMEs", "to names without an address here".to_owned()),
        What::Delegated => ("RRset", "RRsets", "at or below a delegation or DNAME".to_owned()),
        What::Type(rtype) => ("RRset", "RRsets", format!("of type {rtype}, which policies do not have")),
        What::Long => ("RRset", "RRsets", "whose name is over 255 octets with the feed's".to_owned()),
    };
    format!("{count} {} ('{first}': {why})", if count == 1 { one } else { more })
}
