//! The changes that sync made, the newest last: the record, its zone, its addresses before and after, and the list.
//!
//! Input: an approved plan and the zones that were written. Output: lines of JSON in `changes.jsonl`, bounded, and the
//! first of them as values for the log. The journal answers the question what changed last night.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{FILE_MODE, State, StateError};
use crate::dns::Rtype;
use crate::files;
use crate::sync::apply::Written;
use crate::sync::plan::{Change, Plan, ZonePlan};
use crate::zone::ViewName;

pub(super) const NAME: &str = "changes.jsonl";
pub(super) const OLDER: &str = "changes.1.jsonl";

/// Octets of the journal before it starts anew and the old one becomes `changes.1.jsonl`: some 40,000 changes.
pub(super) const MAX_BYTES: u64 = 8 << 20;

/// Changes of one pass that are written: a first list of a million lines is one event and not a million.
const MAX_A_PASS: usize = 20_000;

/// Changes of one pass that are logged one by one.
pub(crate) const SHOWN: usize = 100;

/// One change of one RRset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedChange {
    /// RFC 3339.
    pub at: String,
    /// The zone, without the final dot.
    pub zone: String,
    /// The view; none for the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ViewName>,
    /// The owner, in full, without the final dot.
    pub name: String,
    /// A or AAAA.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The addresses until now; none if it is new.
    pub before: Vec<IpAddr>,
    /// The addresses from now on; none if it goes.
    pub after: Vec<IpAddr>,
    /// The list that has the record, or had it until now.
    pub source: Option<String>,
    /// The place in it, `file:line`.
    pub place: Option<String>,
    /// True if an operator consented.
    pub approved: bool,
    /// The operator; none if nobody was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The time of the change that this one undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
}

impl AppliedChange {
    /// `approved by alice`, `undo by alice`; `None` if nobody was asked.
    pub fn consent(&self) -> Option<String> {
        let by = self.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        match (&self.undoes, self.approved) {
            (Some(_), _) => Some(format!("undo{by}")),
            (None, true) => Some(format!("approved{by}")),
            (None, false) => None,
        }
    }
}

impl std::fmt::Display for AppliedChange {
    /// `acct.privatelink.blob.core.windows.net A: 10.0.0.4 -> 10.0.0.5, by vault-we (lists/we.txt:3)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)?;
        if let Some(view) = &self.view {
            write!(f, " in view {view}")?;
        }
        write!(f, ": {} -> {}", addresses(&self.before), addresses(&self.after))?;
        let (Some(source), Some(place)) = (&self.source, &self.place) else { return Ok(()) };
        let was = if self.after.is_empty() { "was by" } else { "by" };
        write!(f, ", {was} {source} ({place})")
    }
}

/// Who wanted what happens to a zone, if somebody did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish<'w> {
    /// The person.
    pub by: Option<&'w str>,
    /// True if it was held, and the person consented.
    pub approved: bool,
    /// The time of the change that it undoes.
    pub undoes: Option<&'w str>,
}

/// As people read them; `none` for no record.
pub(crate) fn addresses(addresses: &[IpAddr]) -> String {
    match addresses {
        [] => "none".to_owned(),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// The changes of one pass.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The first of them.
    pub shown: Vec<AppliedChange>,
    /// The number of all of them.
    pub total: usize,
    /// The numbers for each zone, by its [`crate::zone::ZoneId`] as text.
    pub by_zone: BTreeMap<String, ChangeCounts>,
}

/// RRsets of a zone that were changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeCounts {
    /// RRsets that came.
    pub added: u64,
    /// RRsets with other addresses.
    pub changed: u64,
    /// RRsets that went.
    pub removed: u64,
}

impl ChangeCounts {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
    }

    fn count(&mut self, change: &Change<'_>) {
        match (change.before().len(), change.after().len()) {
            (0, _) => self.added += 1,
            (_, 0) => self.removed += 1,
            _ => self.changed += 1,
        }
    }
}

impl State {
    /// The file of the journal.
    pub(crate) fn journal(&self) -> std::path::PathBuf {
        self.part(NAME)
    }

    /// Appends what was written of a plan; `wish` says who wanted what happens to a zone.
    ///
    /// # Errors
    /// If the disk does not take it; the changes are returned all the same.
    pub fn record_changes<'w>(
        &self,
        plan: &Plan,
        written: &[Written],
        wish: &dyn Fn(&ZonePlan) -> Wish<'w>,
        at: &str,
    ) -> (Changes, Result<(), StateError>) {
        let (mut changes, mut kept) = (Changes::default(), 0);
        let mut lines = Vec::new();
        let written = Written::zones(written);
        for zone in plan.zones.iter().filter(|zone| written.contains(&zone.id)) {
            let is_removal = |change: &Change<'_>| change.after().len() == 0;
            // A removed record is in no list any more: the provenance says which list it was in.
            let known = if zone.changes().any(|change| is_removal(&change)) {
                self.provenance(&zone.id)
            } else {
                super::provenance::ZoneProvenance::default()
            };
            let wish = wish(zone);
            let counts = changes.by_zone.entry(zone.id.to_string()).or_default();
            for change in zone.changes() {
                changes.total += 1;
                counts.count(&change);
                if changes.total > MAX_A_PASS || lines.len() as u64 > MAX_BYTES {
                    continue;
                }
                kept += 1;
                let listed = change.origin().map(|origin| (plan.places.source(origin), plan.places.place(origin)));
                let remembered = || {
                    let listed = known.of(change.owner(), change.rtype())?;
                    Some((&*listed.source, listed.place().to_string()))
                };
                let (source, place) = listed.or_else(remembered).unzip();
                let applied = applied(zone, &change, at, (source.map(str::to_owned), place), wish);
                if serde_json::to_writer(&mut lines, &applied).is_ok() {
                    lines.push(b'\n');
                }
                if changes.shown.len() < SHOWN {
                    changes.shown.push(applied);
                }
            }
        }
        if changes.total > kept {
            let more = changes.total - kept;
            let _ = writeln!(lines, "{{\"at\":\"{at}\",\"more\":{more}}}");
        }
        let appended = if lines.is_empty() { Ok(()) } else { self.append(&lines) };
        (changes, appended)
    }

    /// The last change of an RRset in a view, or in the base, that the journal has, by its owner in full without the
    /// final dot. The end of the journal is read, some 40,000 changes.
    pub fn last_change(&self, view: Option<&ViewName>, name: &str, rtype: Rtype) -> Option<AppliedChange> {
        let end = |file: &str| files::read_end(&self.part(file), 2 * MAX_BYTES).ok();
        [NAME, OLDER].iter().find_map(|file| last_of(&end(file)?, view, name, rtype))
    }

    fn append(&self, lines: &[u8]) -> Result<(), StateError> {
        let path = self.part(NAME);
        let failed = |doing| {
            let path = path.clone();
            move |error| StateError { path, doing, error }
        };
        self.make(self.folder())?;
        if fs::metadata(&path).is_ok_and(|file| file.len() > MAX_BYTES) {
            fs::rename(&path, self.part(OLDER)).map_err(failed("cannot start it anew"))?;
        }
        let mut file = files::open_append(&path, FILE_MODE).map_err(failed("cannot open it"))?;
        files::give_to_owner_of(self.folder(), &file).map_err(failed("cannot give it to the folder's owner"))?;
        file.write_all(lines).map_err(failed("cannot write"))
    }
}

/// The last line about an RRset in a part of the journal.
fn last_of(lines: &[u8], view: Option<&ViewName>, name: &str, rtype: Rtype) -> Option<AppliedChange> {
    let wanted = format!("\"name\":{},\"type\":\"{rtype}\"", serde_json::to_string(name).ok()?);
    let mut end = lines.len();
    while let Some(at) = memchr::memmem::rfind(&lines[..end], wanted.as_bytes()) {
        let start = memchr::memrchr(b'\n', &lines[..at]).map_or(0, |before| before + 1);
        let length = memchr::memchr(b'\n', &lines[at..]).map_or(lines.len() - at, |length| length);
        if let Ok(change) = serde_json::from_slice::<AppliedChange>(&lines[start..at + length])
            && change.name == name
            && change.view.as_ref() == view
        {
            return Some(change);
        }
        end = at;
    }
    None
}

fn applied(
    zone: &ZonePlan,
    change: &Change<'_>,
    at: &str,
    (source, place): (Option<String>, Option<String>),
    wish: Wish<'_>,
) -> AppliedChange {
    let apex = zone.id.apex.without_dot();
    let name = if change.owner() == "@" { apex.clone() } else { format!("{}.{apex}", change.owner()) };
    let rtype: Rtype = change.rtype();
    AppliedChange {
        at: at.to_owned(),
        zone: apex,
        view: zone.id.view.clone(),
        name,
        rtype: rtype.to_string(),
        before: change.before().collect(),
        after: change.after().collect(),
        source,
        place,
        approved: wish.approved,
        by: wish.by.map(str::to_owned),
        undoes: wish.undoes.map(str::to_owned),
    }
}
