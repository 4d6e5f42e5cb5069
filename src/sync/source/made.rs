//! Listings for the tests of other modules, made without a reader.

use std::net::IpAddr;
use std::path::Path;

use super::Listing;
use super::listing::ListingBuilder;
use super::statement::{Statement, Written};

/// Entries of `(endpoint, name, address)`, each on a line of its own, and gaps after them. An empty endpoint is none.
pub(in crate::sync) fn listing(file: &str, entries: &[(&str, String, &str)], gaps: &[Option<&str>]) -> Listing {
    let mut out = ListingBuilder::new("lists", Path::new(file));
    for (line, (endpoint, name, address)) in (1..).zip(entries) {
        let addresses: [IpAddr; 1] = [address.parse().unwrap()];
        let endpoint = Some(*endpoint).filter(|endpoint| !endpoint.is_empty());
        let names = [Written::full(name)];
        out.add(&Statement {
            line,
            round: line,
            names: &names,
            addresses: &addresses,
            endpoint,
            ..Statement::default()
        });
    }
    for (line, gap) in (1000..).zip(gaps) {
        out.gap(line, *gap, || "the endpoint has no names".to_owned());
    }
    out.finish().unwrap()
}
