//! The list of a scope as text, in our own list format:
//!
//! ```toml
//! # Read from Azure by privatelink-dns: the next read replaces this file.
//! # source 'vault-we', /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup
//!
//! [[endpoint]]
//! fqdn = "1000000000000000001-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"
//! address = "10.1.0.5"
//! private_endpoint = "rg-backup/pe-vault"
//!
//! [[endpoint]]                                 # nothing is published of it; one entry for each name that it has
//! fqdn = "acct.blob.core.windows.net"
//! private_endpoint = "rg-backup/pe-pending"
//! connection = "Pending"
//!
//! [[endpoint]]                                 # it lacks something: its records in service stay
//! private_endpoint = "rg-backup/pe-new"
//!
//! [[endpoint]]                                 # the same, as it should be for the moment
//! private_endpoint = "rg-backup/pe-grows"
//! provisioning = "Updating"
//! ```
//!
//! A list without any of these is `endpoint = []`, which is no mistake.
//!
//! The text is a function of what Azure says alone: no time and no count is in it, so that it changes when a record
//! does.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::IpAddr;

use super::records::{Apart, Row, ScopeList};
use super::scope::Scope;
use crate::diag::printable;
use crate::sync::source;
use crate::zone::ViewName;

/// Octets of a list that the reader takes. A text that is longer must not be written: the scope is to be divided.
pub const MAX_BYTES: usize = source::MAX_TOML_BYTES;

/// The text of a list, for the base or for a view.
pub fn render(source: &str, scope: &Scope, list: &ScopeList, view: Option<&ViewName>) -> String {
    let part = list.views.iter().find(|part| view == Some(&part.view));
    let (rows, apart) = match (view, part) {
        (None, _) => (list.rows.as_slice(), list.apart.as_slice()),
        (Some(_), Some(part)) => (part.rows.as_slice(), part.apart.as_slice()),
        (Some(_), None) => (&[][..], &[][..]),
    };
    // A comment ends with its line, so that nothing in it may end one.
    let (source, scope) = (printable(source), scope.to_string());
    let of_view = view.map(|view| format!(", view '{view}'")).unwrap_or_default();
    let mut out = format!(
        "# Read from Azure by privatelink-dns: the next read replaces this file.\n# source '{source}', {}{of_view}\n",
        printable(&scope)
    );
    if rows.is_empty() && apart.is_empty() {
        out.push_str("# There is nothing to publish.\n\nendpoint = []\n");
    }
    for row in rows {
        write_row(&mut out, row);
    }
    for apart in apart {
        write_apart(&mut out, apart);
    }
    out
}

fn write_row(out: &mut String, row: &Row) {
    out.push_str("\n[[endpoint]]\n");
    write_key(out, "fqdn", &row.fqdn);
    match row.addresses.as_slice() {
        [one] => write_key(out, "address", &one.to_string()),
        several => {
            let texts: Vec<String> = several.iter().map(IpAddr::to_string).map(|text| format!("\"{text}\"")).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(out, "addresses = [{}]", texts.join(", "));
        }
    }
    if !row.endpoint.is_empty() {
        write_key(out, "private_endpoint", &row.endpoint);
    }
    if let Some(state) = &row.provisioning {
        write_key(out, "provisioning", state);
    }
}

fn write_apart(out: &mut String, apart: &Apart) {
    if apart.names.is_empty() {
        write_part(out, apart, None);
    }
    apart.names.iter().for_each(|name| write_part(out, apart, Some(name)));
}

fn write_part(out: &mut String, apart: &Apart, name: Option<&str>) {
    out.push_str("\n[[endpoint]]\n");
    if let Some(name) = name {
        write_key(out, "fqdn", name);
    }
    write_key(out, "private_endpoint", &apart.endpoint);
    if let Some(state) = &apart.connection {
        write_key(out, "connection", state);
    }
    if let Some(state) = &apart.provisioning {
        write_key(out, "provisioning", state);
    }
}

/// A line with a basic string of TOML. Everything that is not plain ASCII is escaped: a pager shows the text as it is.
fn write_key(out: &mut String, key: &str, text: &str) {
    let _ = write!(out, "{key} = \"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            other => drop(write!(out, "\\U{:08X}", u32::from(other))),
        }
    }
    out.push_str("\"\n");
}
