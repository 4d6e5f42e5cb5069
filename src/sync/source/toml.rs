//! Our own list format, for people who keep endpoints by hand:
//!
//! ```toml
//! [[endpoint]]
//! fqdn = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"
//! address = "10.0.0.4"      # or addresses = ["10.0.0.4", "fd00::4"]
//! ```

mod shape;

use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use super::lines::LineCounter;
use super::listing::ListingBuilder;
use super::statement::{Statement, Written};
use super::token::quoted;
use crate::diag::Id;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, alias = "endpoints")]
    endpoint: Vec<Endpoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    fqdn: Spanned<String>,
    #[serde(alias = "addresses")]
    address: Addresses,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Addresses {
    One(String),
    Several(Vec<String>),
}

/// Octets that a file may have: some 70,000 endpoints. This format is for lists that people keep by hand, and the
/// tokens alone that it is parsed into take fifty times its size.
pub(in crate::sync) const MAX_BYTES: usize = 8 << 20;

pub(super) fn read(text: &str, out: &mut ListingBuilder) {
    if text.len() > MAX_BYTES {
        return out.problem(None, Id::LIST_TOO_LARGE, || {
            format!("is larger than {} MB, which is too much for TOML: split it, or use lines of text", MAX_BYTES >> 20)
        });
    }
    if let Err((at, (id, problem))) = shape::check(text) {
        return out.problem(LineCounter::new(text, 1).at(at), id, || problem);
    }
    let file: File = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.span().map(|span| LineCounter::new(text, 1).at(span.start));
            return out.problem(line, Id::LIST_SYNTAX, || quoted(error.message()).into_owned());
        }
    };
    let mut lines = LineCounter::new(text, 1);
    for endpoint in file.endpoint {
        let line = lines.at(endpoint.fqdn.span().start);
        let texts = match endpoint.address {
            Addresses::One(text) => vec![text],
            Addresses::Several(texts) => texts,
        };
        if texts.is_empty() {
            out.problem(line, Id::LIST_NO_ADDRESS, || format!("'{}' has no address", quoted(endpoint.fqdn.get_ref())));
        }
        let mut addresses = Vec::new();
        for text in texts {
            match text.parse::<IpAddr>() {
                Ok(address) => addresses.push(address),
                Err(_) => {
                    out.problem(line, Id::LIST_BAD_ADDRESS, || format!("'{}' is not an IP address", quoted(&text)));
                }
            }
        }
        let names = [Written::full(endpoint.fqdn.get_ref())];
        out.add(&Statement { line, names: &names, addresses: &addresses, ..Statement::default() });
    }
}
