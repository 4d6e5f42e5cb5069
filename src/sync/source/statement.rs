//! The rules that hold for every reader: what a list may say in one place, and what becomes of it.
//!
//! Input: a [`Statement`], the names, addresses and states that the list's own structure put together. Output: entries,
//! or the reason why there are none, as a note or a problem. No reader adds entries by another road, so that these
//! rules are decided once:
//!
//! - Several records with several addresses are refused: nothing says which belongs to which.
//! - A label in a zone that is itself the name of a record is refused: nobody means a record of both.
//! - A connection that is not approved publishes nothing, and a note says so.
//! - An endpoint that could not be provisioned is published, and a warning says so.

use std::net::IpAddr;

use super::Wrong;
use super::limits::{MAX_ADDRESSES, MAX_NAMES, MAX_RECORDS};
use super::token::quoted;
use crate::azure::names::{locate, record_or_text};
use crate::diag::Id;

/// A name as the list has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'t> {
    /// A full name, or the label of one in `zone`.
    pub(super) text: &'t str,
    /// The zone that the list's structure puts behind the label.
    pub(super) zone: Option<&'t str>,
    /// In characters, from 1; 0 where it is not known.
    pub(super) column: u32,
}

impl<'t> Written<'t> {
    /// A full name without a column.
    pub(super) fn full(text: &'t str) -> Self {
        Self { text, zone: None, column: 0 }
    }

    /// The parts of the name, to be joined by dots.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'t str> + Clone {
        [Some(self.text), self.zone].into_iter().flatten()
    }

    /// The name with its zone.
    pub(super) fn whole(&self) -> String {
        self.zone.map_or_else(|| self.text.to_owned(), |zone| format!("{}.{zone}", self.text))
    }
}

/// What a list says in one line, cell or object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statement<'s> {
    /// Its first line, from 1.
    pub(super) line: u32,
    /// Later rounds replace earlier ones, see [`super::Entry::round`].
    pub(super) round: u32,
    /// Its names. Readers that find none say so themselves: they know what is missing.
    pub(super) names: &'s [Written<'s>],
    /// Its addresses; at least one, for the same reason.
    pub(super) addresses: &'s [IpAddr],
    /// The private endpoint that the list names for it.
    pub(super) endpoint: Option<&'s str>,
    /// The state of its connection, such as `Approved`.
    pub(super) connection: Option<&'s str>,
    /// The provisioning state, such as `Succeeded`.
    pub(super) provisioning: Option<&'s str>,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every name gets every address.
    Publish,
    /// The same, with a warning.
    PublishWith(Wrong),
    /// No record comes of it, for the reason in the note.
    Leave(Wrong),
    /// The list is refused.
    Refuse(Wrong),
}

impl Statement<'_> {
    /// Decides by the rules above.
    pub(super) fn verdict(&self) -> Verdict {
        if let Some(problem) = self.excess() {
            return Verdict::Refuse((Id::LIST_TOO_LARGE, problem));
        }
        if let Some(problem) = self.names.iter().find_map(record_for_zone) {
            return Verdict::Refuse((Id::LIST_BAD_NAME, problem));
        }
        if let Some(state) = self.connection.filter(|state| !is_connected(state)) {
            return Verdict::Leave((Id::LIST_NOT_CONNECTED, unconnected(&self.subject(), self.endpoint, state)));
        }
        if self.addresses.len() > 1 && self.has_several_records() {
            let text = format!(
                "{} names and {} addresses together, and nothing says which belongs to which: list each name with its own \
                 address, one a line",
                self.names.len(),
                self.addresses.len()
            );
            return Verdict::Refuse((Id::LIST_AMBIGUOUS, text));
        }
        match self.provisioning.filter(|state| has_failed(state)) {
            Some(state) => {
                let text = format!(
                    "{} is published although the provisioning state of its endpoint{} is {}: look at the endpoint",
                    self.subject(),
                    endpoint_text(self.endpoint),
                    quoted(state.trim()),
                );
                Verdict::PublishWith((Id::LIST_PROVISIONING, text))
            }
            None => Verdict::Publish,
        }
    }

    fn subject(&self) -> String {
        match self.names {
            [] => "the entry".to_owned(),
            [name] => format!("'{}'", quoted(name.text)),
            [name, others @ ..] => format!("'{}' and {} more", quoted(name.text), others.len()),
        }
    }

    /// True if the names are not all spellings of one record.
    fn has_several_records(&self) -> bool {
        let Some((first, others)) = self.names.split_first() else { return false };
        let mut buffer = String::new();
        let mut key = |name: &Written<'_>| record_or_text(&name.whole(), &mut buffer);
        !others.is_empty() && {
            let first = key(first);
            others.iter().any(|other| key(other) != first)
        }
    }

    /// The problem with the number of names and addresses, if these are too many.
    fn excess(&self) -> Option<String> {
        let (names, addresses) = (self.names.len(), self.addresses.len());
        if names > MAX_NAMES {
            return Some(format!(
                "over {MAX_NAMES} names in one entry: an endpoint has a few; list the others separately"
            ));
        }
        if addresses > MAX_ADDRESSES {
            return Some(format!(
                "over {MAX_ADDRESSES} addresses in one entry: an endpoint has one or two; remove the others"
            ));
        }
        let records = names * addresses;
        (records > MAX_RECORDS).then(|| {
            format!(
                "{names} names with {addresses} addresses each are {records} records, more than the {MAX_RECORDS} that one \
                 entry may make: list the names separately, each with its own address"
            )
        })
    }
}

/// The note about names of an endpoint whose connection is in such a state.
pub(super) fn unconnected(subject: &str, endpoint: Option<&str>, state: &str) -> String {
    format!(
        "{subject} is not published: the connection of its endpoint{} is {}; approve the connection, then export the list again",
        endpoint_text(endpoint),
        quoted(state.trim()),
    )
}

fn endpoint_text(endpoint: Option<&str>) -> String {
    endpoint.map_or_else(String::new, |endpoint| format!(" '{}'", quoted(endpoint)))
}

/// The problem with a zone that is the name of a record itself, as where a dot is lost in front of `privatelink` or the
/// full name stands under the head of the zone: label and zone together would be a record of two labels.
fn record_for_zone(name: &Written<'_>) -> Option<String> {
    // No record begins with this label, and nearly all zones do.
    let zone = name.zone.filter(|zone| !zone.starts_with("privatelink."))?;
    let mut buffer = String::new();
    let place = locate(zone, &mut buffer).ok()?;
    Some(format!(
        "'{}' stands where the zone of '{}' belongs, but is itself a name in zone '{}': write that zone there",
        quoted(zone),
        quoted(name.text),
        place.zone_text(),
    ))
}

/// False for the states in which Azure carries nothing over a connection.
pub(super) fn is_connected(state: &str) -> bool {
    !["pending", "rejected", "disconnected", "removed"].iter().any(|down| state.trim().eq_ignore_ascii_case(down))
}

fn has_failed(state: &str) -> bool {
    ["failed", "canceled", "cancelled"].iter().any(|failed| state.trim().eq_ignore_ascii_case(failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(names: &[&str], addresses: &[&str]) -> Verdict {
        let names: Vec<Written<'_>> = names.iter().map(|name| Written::full(name)).collect();
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Statement { line: 1, names: &names, addresses: &addresses, ..Statement::default() }.verdict()
    }

    #[test]
    fn several_records_with_several_addresses_are_refused() {
        let both = ["a.blob.core.windows.net", "a.privatelink.blob.core.windows.net."];
        assert_eq!(verdict(&both, &["10.0.0.4", "fd00::4"]), Verdict::Publish, "two spellings of one record");
        assert_eq!(verdict(&["a.blob.core.windows.net", "a.queue.core.windows.net"], &["10.0.0.4"]), Verdict::Publish);
        for addresses in [["10.0.0.4", "10.0.0.5"], ["10.0.0.4", "fd00::4"]] {
            let refused = verdict(&["a.blob.core.windows.net", "a.queue.core.windows.net"], &addresses);
            assert!(matches!(refused, Verdict::Refuse((Id::LIST_AMBIGUOUS, _))), "{refused:?}");
        }
    }

    #[test]
    fn the_name_of_a_record_in_place_of_a_zone_is_refused_with_the_zone_that_was_meant() {
        let addresses = ["10.0.0.4".parse().unwrap()];
        let verdict = |text, zone| {
            let names = [Written { text, zone: Some(zone), column: 0 }];
            Statement { line: 1, names: &names, addresses: &addresses, ..Statement::default() }.verdict()
        };
        for (zone, meant) in [
            ("pod02ecs114privatelink.blob.core.windows.net", "'privatelink.blob.core.windows.net'"),
            ("Acct.Privatelink.Queue.Core.Windows.Net.", "'privatelink.queue.core.windows.net'"),
            ("acct.z33.blob.storage.azure.net", "'privatelink.blob.core.windows.net'"),
            ("1-ab-pod01-fc1.we.backup.windowsazure.com", "'privatelink.we.backup.windowsazure.com'"),
        ] {
            let Verdict::Refuse((Id::LIST_BAD_NAME, text)) = verdict("acct", zone) else { panic!("{zone}") };
            assert!(text.contains(meant) && text.contains(zone), "{text}");
        }
        for zone in [
            "blob.core.windows.net",
            "PrivateLink.blob.core.windows.net.",
            "privatelink.we.backup.windowsazure.com",
            "we.backup.windowsazure.com",
            "z33.blob.storage.azure.net",
            "backup.windowsazure.com",
            "core.windows.net",
            "corp.example",
        ] {
            assert_eq!(verdict("acct", zone), Verdict::Publish, "{zone}");
        }
    }

    #[test]
    fn a_connection_that_is_not_approved_publishes_nothing() {
        let names = [Written::full("a.blob.core.windows.net")];
        let addresses = ["10.0.0.4".parse().unwrap()];
        for (state, is_published) in
            [("Approved", true), ("", true), ("PENDING", false), ("Rejected", false), (" Disconnected", false)]
        {
            let connection = Some(state);
            let statement = Statement { names: &names, addresses: &addresses, connection, ..Statement::default() };
            assert_eq!(statement.verdict() == Verdict::Publish, is_published, "{state}");
        }
        let failed = Statement {
            names: &names,
            addresses: &addresses,
            endpoint: Some("pe-1"),
            provisioning: Some("Failed"),
            ..Statement::default()
        };
        let Verdict::PublishWith((Id::LIST_PROVISIONING, text)) = failed.verdict() else { panic!("{failed:?}") };
        assert!(text.contains("endpoint 'pe-1' is Failed"), "{text}");
    }
}
