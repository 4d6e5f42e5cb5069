//! The words of each cause: why, and what to do.
//!
//! In: a [`Finding`] and the facts. Out: [`Words`]. A step that begins with `privatelink-dns` is a command; every cause
//! has at least one step, if only to say that nothing is to be done.

mod failed;
mod missing;
mod private;
mod public;
mod remarks;

use super::cause::Finding;
use super::facts::Facts;
use super::model::Cause;
use crate::diag;
pub(super) use remarks::remarks;

/// The words of a cause.
pub(super) struct Words {
    pub(super) cause: Cause,
    /// Behind the verdict and the answer, without a final dot.
    pub(super) why: String,
    pub(super) what_to_do: Vec<String>,
}

impl Words {
    fn new<S: Into<String>>(cause: Cause, why: impl Into<String>, steps: impl IntoIterator<Item = S>) -> Self {
        Self { cause, why: why.into(), what_to_do: steps.into_iter().map(Into::into).collect() }
    }
}

impl Finding<'_> {
    /// Its words.
    pub(super) fn words(&self, facts: &Facts) -> Words {
        match *self {
            Self::Listed(record) => private::listed(record, facts),
            Self::ListedChangeHeld(held) => private::change_held(held, facts),
            Self::ListedConflict(conflict) => private::conflict(conflict, facts),
            Self::ListedLastGood(record, error) => private::last_good(record, error, facts),
            Self::ListedFrozen(held, reason) => private::frozen(held, reason, facts),
            Self::ByHand(zone) => private::by_hand(zone),
            Self::Synthesized(record) => private::synthesized(record, facts),
            Self::UpstreamPrivate(answer) => private::by_upstream(answer),
            Self::Unlisted(place) => missing::unlisted(place, facts),
            Self::OtherService(place, mention) => missing::other_service(place, mention, facts),
            Self::InComment(mention) => missing::in_comment(mention),
            Self::Held(held) => missing::held(held, facts),
            Self::Conflict(conflict) => missing::conflict(conflict, facts),
            Self::ListRefused(mention, error) => missing::list_refused(mention, error, facts),
            Self::ListUnreadable(place, error) => missing::list_unreadable(place, error, facts),
            Self::NotApproved(left) => missing::not_approved(left),
            Self::NotWritten(mention, error) => missing::not_written(mention, error, facts),
            Self::Frozen(change, reason) => missing::frozen(change, reason, facts),
            Self::NotRead(mention) => missing::not_read(mention, facts),
            Self::NoPrivatelinkHop(record) => public::no_hop(record, facts),
            Self::PrivatelinkNotHosted(target) => public::not_hosted(target),
            Self::OtherCloud(place) => public::other_cloud(place),
            Self::ServiceNotHosted(service) => public::service(service),
            Self::NoEndpointName => public::ordinary(),
            Self::BackupPublicName(record) => failed::public_backup(record, facts),
            Self::GeoNotHosted(place) => failed::geo(place),
            Self::RegionName(place, code) => failed::region(place, code, facts),
            Self::BadName(problem) => failed::bad_name(problem),
            Self::NoGoodCopy(zone) => failed::no_copy(zone, facts),
            Self::NoListRead => failed::no_list(facts),
            Self::UpstreamDown(trouble) => failed::upstream_down(trouble, facts),
            Self::UpstreamLoop => failed::upstream_loop(facts),
            Self::UpstreamFailed(answer) => failed::upstream_failed(answer, facts),
            Self::NoSuchName(answer) => failed::no_such_name(answer),
            Self::NotInZone(zone) => failed::not_in_zone(zone),
            Self::NoData(answer) => failed::no_data(answer, facts),
            Self::NotAllowed(client) => failed::not_allowed(client, facts),
            Self::AddressListed => failed::address(facts),
            Self::AddressUnlisted => failed::no_address(facts),
            Self::LabelUnknown => failed::label(facts),
            Self::Other(answer) => failed::other(answer, facts),
        }
    }
}

/// A command with the config of the server.
fn command(verb: &[&str], facts: &Facts) -> String {
    diag::command(verb, &facts.config)
}

/// Has the running server make a pass.
fn pass_now(facts: &Facts) -> String {
    command(&["sync", "--running"], facts)
}

/// The command that consents to held changes, or what to do where no consent helps.
fn approve(digest: Option<&str>, facts: &Facts) -> Vec<String> {
    match digest {
        Some(digest) if facts.frozen.is_some() => vec![
            "The sync is frozen, and nothing is written until thaw. If the change is right:".to_owned(),
            command(&["thaw"], facts),
            command(&["sync", "--running", "--approve", digest], facts),
            "If it is not, correct the list before the thaw.".to_owned(),
        ],
        Some(digest) => vec![
            "If the change is right, approve it:".to_owned(),
            command(&["sync", "--running", "--approve", digest], facts),
            "If it is not, correct the list; the next pass takes it.".to_owned(),
        ],
        None => vec!["No consent helps here: mend what the reason names; the next pass takes the change.".to_owned()],
    }
}

/// `team-a (lists/we.txt:3)`
fn by(source: &str, place: &str) -> String {
    format!("{source} ({place})")
}

/// Where a record comes from, as far as it is remembered.
fn source_of(record: &super::model::ServedRecord) -> Option<String> {
    Some(by(record.source.as_deref()?, record.place.as_deref()?))
}

/// `10.1.0.5 10.1.0.6`, or `no address`.
fn addresses(all: &[std::net::IpAddr]) -> String {
    if all.is_empty() { "no address".to_owned() } else { crate::sync::state::changes::addresses(all) }
}
