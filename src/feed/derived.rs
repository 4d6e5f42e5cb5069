//! Derived zones as files: their head, their serial, and when they are written.
//!
//! Input: the zones in service, the files on disk, the time. Output: a file that is replaced whole if what it says
//! differs, with a later serial; nothing while the sync is frozen. A file without the header of a derived zone is never
//! written.

use std::fmt::Write;
use std::io;
use std::path::Path;

use super::{catalog, rpz};
use crate::diag::Diagnostic;
use crate::dns::{Name, Serial};
use crate::files;
use crate::sync::apply::{ApplyError, ZoneFolder, next_serial, serial_of};
use crate::sync::state::State;
use crate::zone::kind::DERIVED_HEADER;
use crate::zone::store::{MAX_BYTES, path_of};
use crate::zone::{Kind, Zone, ZoneId, ZoneSet};

/// The derived zones of the config: `[feed]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The apex of the RPZ feed.
    pub rpz: Option<Name>,
    /// The apex of the catalog.
    pub catalog: Option<Name>,
}

/// The derived zones there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Rpz,
    Catalog,
}

/// A derived zone that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) apex: Name,
    pub(crate) outcome: Outcome,
    /// What the zones have and it cannot hold.
    pub(crate) left_out: Vec<Diagnostic>,
}

/// What became of its file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It says what it should.
    Same,
    Written,
    /// It stays as it is until the zones are there.
    Waits(Diagnostic),
    /// It should be written and could not be.
    Failed(Diagnostic),
}

/// The lines of a derived zone below its head.
struct Body {
    /// Of the lines that give none, seconds.
    ttl: u32,
    text: String,
}

impl Settings {
    /// Each derived zone.
    pub(crate) fn zones(&self) -> impl Iterator<Item = (&Name, Role)> {
        let all = [(&self.rpz, Role::Rpz), (&self.catalog, Role::Catalog)];
        all.into_iter().filter_map(|(apex, role)| Some((apex.as_ref()?, role)))
    }

    /// True if there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.zones().next().is_none()
    }
}

/// What the zones have and the feed cannot hold, for `check`.
pub(crate) fn left_out(settings: &Settings, zones: &ZoneSet) -> Vec<Diagnostic> {
    let Some(apex) = &settings.rpz else { return Vec::new() };
    // Without the records of zones that have no good copy, which is an error of its own.
    rpz::render(apex, zones, rpz::Missing::LeftOut).map(|feed| feed.left_out).unwrap_or_default()
}

/// Makes each derived zone from the zones in service, and writes those whose file says something else; `now` in seconds
/// since 1970. `None` if nothing may be written now, because the sync is frozen.
///
/// # Errors
/// If the folder cannot be locked.
pub(crate) fn make(
    settings: &Settings,
    zones: &ZoneSet,
    zone_dir: &Path,
    state: &State,
    now: u64,
) -> Result<Option<Vec<Made>>, ApplyError> {
    let folder = ZoneFolder::lock(zone_dir)?;
    // Under the lock, as in a sync: whoever freezes waits for it.
    if state.frozen().is_some() {
        return Ok(None);
    }
    let make = |(apex, role)| make_one(apex, role, zones, &folder, zone_dir, now);
    Ok(Some(settings.zones().map(make).collect()))
}

fn make_one(apex: &Name, role: Role, zones: &ZoneSet, folder: &ZoneFolder, zone_dir: &Path, now: u64) -> Made {
    let mut left_out = Vec::new();
    let in_service = zones.get(apex).and_then(|hosted| hosted.zone.as_deref());
    let body = match role {
        Role::Rpz => rpz::render(apex, zones, rpz::Missing::Kept(in_service)).map(|feed| {
            left_out = feed.left_out;
            Body { ttl: feed.ttl, text: feed.text }
        }),
        Role::Catalog => catalog::render(zones).map(|text| Body { ttl: MINIMUM, text }),
    };
    let path = path_of(zone_dir, apex);
    let serial = in_service.map(Zone::serial);
    let outcome = match body.map(|body| replace(&path, apex, role, body, folder, (serial, now))) {
        Ok(Ok(true)) => Outcome::Written,
        Ok(Ok(false)) => Outcome::Same,
        Ok(Err(error)) => Outcome::Failed(error.diagnostic()),
        Err(unmade) => Outcome::Waits(unmade.diagnostic(&path)),
    };
    Made { apex: apex.clone(), outcome, left_out }
}

/// Replaces the file if it says something else; whether it was written.
fn replace(
    path: &Path,
    apex: &Name,
    role: Role,
    body: Body,
    folder: &ZoneFolder,
    (in_service, now): (Option<Serial>, u64),
) -> Result<bool, ApplyError> {
    let before = match files::read(path, MAX_BYTES) {
        Ok((text, _)) if Kind::of(&text) == Kind::Derived => text,
        // The store says that it is of another kind.
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let doing = "cannot read it";
            return Err(ApplyError::Io { path: path.to_owned(), doing, error });
        }
    };
    let on_disk = serial_of(&before);
    if on_disk.is_some_and(|serial| is_text(&before, &head(apex, role, body.ttl, serial), &body.text)) {
        return Ok(false);
    }
    drop(before);
    let later = |one: Serial, other: Serial| if other.is_after(one) { other } else { one };
    let last = on_disk.into_iter().chain(in_service).reduce(later);
    let mut text = body.text;
    text.insert_str(0, &head(apex, role, body.ttl, next_serial(last, now)));
    folder.replace(&ZoneId::base(apex.clone()), &text)?;
    Ok(true)
}

fn is_text(text: &[u8], head: &str, body: &str) -> bool {
    text.strip_prefix(head.as_bytes()) == Some(body.as_bytes())
}

/// How long a resolver may believe that a name is missing, seconds.
const MINIMUM: u32 = 10;

/// The lines above the others. REFRESH and RETRY are short, for secondaries that no NOTIFY reaches; EXPIRE is long,
/// because a policy that has expired turns private names into public ones without a word.
fn head(apex: &Name, role: Role, ttl: u32, serial: Serial) -> String {
    let (what, server) = match role {
        Role::Rpz => ("response policy zone", "localhost."),
        // RFC 9432 section 4.1: nobody is to ask for it.
        Role::Catalog => ("catalog", "invalid."),
    };
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{DERIVED_HEADER} from the zones in service: the {what} of [feed], for secondaries alone.\n\
         ; Hand edits are lost at the next change.\n\
         $ORIGIN {apex}\n$TTL {ttl}\n\
         @ 3600 SOA {server} hostmaster.privatelink-dns.invalid. {serial} 60 30 2419200 {MINIMUM}\n\
         @ 3600 NS {server}\n"
    );
    text
}

#[cfg(test)]
mod tests;
