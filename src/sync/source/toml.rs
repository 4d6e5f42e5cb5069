//! Our own list format, for people who keep endpoints by hand and for what is read from Azure:
//!
//! ```toml
//! [[endpoint]]
//! fqdn = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"
//! address = "10.0.0.4"      # or addresses = ["10.0.0.4", "fd00::4"]
//! private_endpoint = "rg-backup/pe-vault"       # optional, and so are connection = "Approved" and provisioning
//!
//! [[endpoint]]              # an endpoint that is not connected: nothing of it is published
//! private_endpoint = "rg-backup/pe-new"
//! connection = "Pending"
//!
//! [[endpoint]]              # an endpoint that is not complete here: what is in service of it stays
//! private_endpoint = "rg-backup/pe-grows"
//! ```
//!
//! `endpoint = []` says that there is none.

mod entry;
mod shape;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use toml::Spanned;

use super::lines::LineCounter;
use super::listing::ListingBuilder;
use super::token::quoted;
use crate::diag::Id;
use entry::Keys;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, alias = "endpoints")]
    endpoint: Option<Vec<Spanned<Keys>>>,
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
    let Some(endpoints) = file.endpoint else { return };
    if endpoints.is_empty() {
        return out.is_meant_to_be_empty();
    }
    let mut lines = LineCounter::new(text, 1);
    for endpoint in endpoints {
        entry::add(endpoint, &mut lines, out);
    }
}
