//! One `[[endpoint]]` of our own list format: what it says, and what becomes of that.

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use crate::diag::Id;
use crate::sync::source::lines::LineCounter;
use crate::sync::source::listing::{Gap, ListingBuilder};
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::quoted;

/// The keys of one entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    fqdn: Option<Spanned<String>>,
    #[serde(alias = "addresses")]
    address: Option<Addresses>,
    private_endpoint: Option<Spanned<String>>,
    connection: Option<String>,
    provisioning: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses {
    One(String),
    Several(Vec<String>),
}

impl Addresses {
    fn texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Several(texts) => texts,
        }
    }
}

/// Adds what an entry says.
pub(super) fn add(entry: Spanned<Keys>, lines: &mut LineCounter<'_>, out: &mut ListingBuilder) {
    let start = entry.span().start;
    let Keys { fqdn, address, private_endpoint, connection, provisioning } = entry.into_inner();
    let spans = [fqdn.as_ref().map(Spanned::span), private_endpoint.as_ref().map(Spanned::span)];
    let line = lines.at(spans.into_iter().flatten().next().map_or(start, |span| span.start));
    let said = |text: &Option<Spanned<String>>| {
        text.as_ref().map(|text| text.get_ref().clone()).filter(|text| !text.trim().is_empty())
    };
    let entry = Entry { line, fqdn: said(&fqdn), endpoint: said(&private_endpoint), connection, provisioning };
    let texts = address.map(Addresses::texts).unwrap_or_default();
    let Some(addresses) = entry.addresses(&texts, out) else { return };
    match (&entry.fqdn, &entry.endpoint) {
        _ if entry.is_down() => entry.leave(out),
        (Some(fqdn), _) if !addresses.is_empty() => entry.publish(fqdn, &addresses, out),
        (_, Some(endpoint)) => entry.gap(endpoint, out),
        (Some(fqdn), None) => out.problem(line, Id::LIST_NO_ADDRESS, || {
            format!("'{}' has no address: write it beside the name, as address = \"10.0.0.4\"", quoted(fqdn))
        }),
        (None, None) => {
            out.problem(line, Id::LIST_NO_NAME, || "an entry without a name: write fqdn and address".to_owned());
        }
    }
}

struct Entry {
    line: u32,
    fqdn: Option<String>,
    endpoint: Option<String>,
    connection: Option<String>,
    provisioning: Option<String>,
}

impl Entry {
    /// The addresses; `None` if one of them is none, which is said.
    fn addresses(&self, texts: &[String], out: &mut ListingBuilder) -> Option<Vec<IpAddr>> {
        let mut is_good = true;
        let mut addresses = Vec::with_capacity(texts.len());
        for text in texts {
            if let Ok(address) = text.parse() {
                addresses.push(address);
            } else {
                is_good = false;
                out.problem(self.line, Id::LIST_BAD_ADDRESS, || format!("'{}' is not an IP address", quoted(text)));
            }
        }
        is_good.then_some(addresses)
    }

    /// True if the entry names a state of the connection, and it is not that of a connection in use: Azure may have
    /// more words than are known here.
    fn is_down(&self) -> bool {
        let state = self.connection.as_deref().map(str::trim).unwrap_or_default();
        !state.is_empty() && !state.eq_ignore_ascii_case("Approved")
    }

    /// The name, and the endpoint that it belongs to.
    fn subject(&self) -> String {
        match (&self.fqdn, &self.endpoint) {
            (Some(fqdn), Some(endpoint)) => format!("'{}' of private endpoint '{}'", quoted(fqdn), quoted(endpoint)),
            (Some(fqdn), None) => format!("'{}'", quoted(fqdn)),
            (None, Some(endpoint)) => format!("private endpoint '{}'", quoted(endpoint)),
            (None, None) => "the entry".to_owned(),
        }
    }

    fn leave(&self, out: &mut ListingBuilder) {
        let state = self.connection.as_deref().unwrap_or_default().trim();
        out.is_meant_to_be_empty();
        out.note(self.line, Id::LIST_NOT_CONNECTED, || {
            format!("{} is not published: the connection is {}, not Approved", self.subject(), quoted(state))
        });
        if let Some(fqdn) = &self.fqdn {
            out.leave(&Statement {
                line: self.line,
                names: &[Written::full(fqdn)],
                endpoint: self.endpoint.as_deref(),
                connection: Some(state),
                ..Statement::default()
            });
        }
    }

    fn publish(&self, fqdn: &str, addresses: &[IpAddr], out: &mut ListingBuilder) {
        out.add(&Statement {
            line: self.line,
            names: &[Written::full(fqdn)],
            addresses,
            endpoint: self.endpoint.as_deref(),
            connection: self.connection.as_deref(),
            provisioning: self.provisioning.as_deref(),
            ..Statement::default()
        });
    }

    /// What is in service of the endpoint stays. While Azure is changing it, that is as it should be.
    fn gap(&self, endpoint: &str, out: &mut ListingBuilder) {
        let is_updating = self.provisioning.as_deref().is_some_and(|state| {
            !["", "succeeded", "failed", "canceled"].iter().any(|end| state.trim().eq_ignore_ascii_case(end))
        });
        if is_updating {
            let state = self.provisioning.as_deref().unwrap_or_default().trim();
            out.note(self.line, Id::LIST_INCOMPLETE, || {
                format!("{} is {}: what it does not have now stays in service", self.subject(), quoted(state))
            });
            return out.lacks(Gap::Endpoint(endpoint.into()));
        }
        out.gap(self.line, Some(endpoint), || {
            format!("{} is not complete here: what is in service of it stays until it is", self.subject())
        });
    }
}
