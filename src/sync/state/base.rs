//! The guard's base: the contents of each zone `guard_window` ago, as far as they differ from the present ones.
//!
//! Input: the changes that sync makes, with their time. Output: the former addresses of each RRset that changed since
//! then. Each change of an RRset is a line; older changes than the window are dropped. The window and the clock are
//! arguments.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::{State, StateError, of_zone};
use crate::dns::Rtype;
use crate::sync::plan::ZonePlan;
use crate::zone::ZoneId;

const PART: &str = "base";

const HEADER: &str = "; privatelink-dns base 1: milliseconds since 1970, owner, type, addresses before the change";

/// Octets of a base that are read: 2,000,000 RRsets, the most that lists may have, take less.
const MAX_BYTES: u64 = 512 << 20;

/// An RRset that changes all the time is noted this often in a window, not more: its time may be off by a fiftieth of
/// the window, always to the later side.
const STEPS: u64 = 50;

/// Owner relative to the apex, and whether it is AAAA.
type RrsetKey = (Box<str>, bool);

/// The former addresses of a zone's RRsets, where the present ones differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Base(BTreeMap<RrsetKey, Vec<PastChange>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct PastChange {
    /// Milliseconds since 1970.
    at: u64,
    before: Vec<IpAddr>,
}

/// The time of a pass, and how far back the guard looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since 1970.
    pub now: u64,
    /// `guard_window`.
    pub window: Duration,
}

impl Clock {
    fn window_ms(self) -> u64 {
        u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX)
    }

    /// True if a change at that time is within the window. A clock that was set back makes it older, never forgotten.
    fn covers(self, at: u64) -> bool {
        self.now < at.saturating_add(self.window_ms())
    }

    /// The end of the present step.
    fn step_end(self) -> u64 {
        let step = (self.window_ms() / STEPS).max(1);
        (self.now / step + 1).saturating_mul(step)
    }
}

impl Base {
    /// Reads the base of a zone; what is older than the window is left out. A file that makes no sense is as good as
    /// none.
    ///
    /// # Errors
    /// If there is one and the disk does not give it.
    pub(crate) fn load(state: &State, zone: &ZoneId, clock: Clock) -> Result<Self, StateError> {
        let bytes = state.read(PART, &of_zone(zone), MAX_BYTES)?.unwrap_or_default();
        let mut base = Self::default();
        for line in String::from_utf8_lossy(&bytes).lines().skip(1) {
            if let Some((at, key, before)) = read(line) {
                base.0.entry(key).or_default().push(PastChange { at, before });
            }
        }
        base.expire(clock);
        Ok(base)
    }

    /// Writes it, within its bound: where an RRset changed often, what it was first counts until its last change is
    /// old.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub(crate) fn save(&mut self, state: &State, zone: &ZoneId) -> Result<(), StateError> {
        let mut text = self.render();
        if text.len() as u64 > MAX_BYTES / 4 {
            self.fold();
            text = self.render();
        }
        state.write(PART, &of_zone(zone), text.as_bytes())
    }

    fn fold(&mut self) {
        for changes in self.0.values_mut() {
            let at = changes.last().map_or(0, |last| last.at);
            changes.truncate(1);
            for first in changes {
                first.at = at;
            }
        }
    }

    fn render(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for ((owner, is_v6), changes) in &self.0 {
            for change in changes {
                // Writing to a String cannot fail.
                let _ = write!(text, "{} {owner} {}", change.at, if *is_v6 { "AAAA" } else { "A" });
                for address in &change.before {
                    let _ = write!(text, " {address}");
                }
                text.push('\n');
            }
        }
        text
    }

    /// The addresses of the RRset at the base, if those in service differ.
    pub(crate) fn before(&self, owner: &str, rtype: Rtype) -> Option<&[IpAddr]> {
        // A key that borrows would need an allocation as well.
        let changes = self.0.get(&(owner.into(), rtype == Rtype::AAAA))?;
        changes.first().map(|change| change.before.as_slice())
    }

    /// Every RRset that changed since the base, with what it was then.
    pub(crate) fn changed(&self) -> impl ExactSizeIterator<Item = (&str, Rtype, &[IpAddr])> {
        self.0.iter().map(|((owner, is_v6), changes)| {
            let before = changes.first().map_or(&[][..], |change| &change.before);
            (&**owner, if *is_v6 { Rtype::AAAA } else { Rtype::A }, before)
        })
    }

    /// Notes what a plan is about to do to its zone.
    pub(crate) fn record(&mut self, zone: &ZonePlan, clock: Clock) {
        let at = clock.step_end();
        for change in zone.changes() {
            let changes = self.0.entry((change.owner().into(), change.rtype() == Rtype::AAAA)).or_default();
            // The first change within a step counts.
            if changes.last().is_none_or(|last| last.at < at) {
                changes.push(PastChange { at, before: change.before().collect() });
            }
        }
    }

    /// Drops what is older than the window.
    pub(crate) fn expire(&mut self, clock: Clock) {
        for changes in self.0.values_mut() {
            changes.retain(|change| clock.covers(change.at));
        }
        self.0.retain(|_, changes| !changes.is_empty());
    }

    /// Forgets everything: what is in service from now on is the base.
    pub(crate) fn reset(&mut self) {
        self.0.clear();
    }
}

fn read(line: &str) -> Option<(u64, RrsetKey, Vec<IpAddr>)> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let owner = words.next()?.into();
    let is_v6 = match words.next()? {
        "A" => false,
        "AAAA" => true,
        _ => return None,
    };
    let before = words.map(|word| word.parse().ok()).collect::<Option<Vec<IpAddr>>>()?;
    Some((at, (owner, is_v6), before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: u64) -> Clock {
        Clock { now, window: Duration::from_mins(10) }
    }

    #[test]
    fn a_base_is_read_as_it_was_written_until_its_window_has_passed() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let zone = ZoneId::base("privatelink.blob.core.windows.net".parse().unwrap());
        let change =
            |at, addresses: &[&str]| PastChange { at, before: addresses.iter().map(|a| a.parse().unwrap()).collect() };
        let mut base = Base::default();
        base.0.insert(("acct".into(), false), vec![change(1_000, &["10.0.0.4", "10.0.0.5"]), change(500_000, &[])]);
        base.0.insert(("acct".into(), true), vec![change(2_000, &[])]);
        base.save(&state, &zone).unwrap();
        assert_eq!(Base::load(&state, &zone, clock(3_000)).unwrap(), base);
        let later = Base::load(&state, &zone, clock(601_000)).unwrap();
        assert_eq!(later.before("acct", Rtype::A), Some(&[][..]), "the later change is within the window");
        assert_eq!(later.before("acct", Rtype::AAAA), Some(&[][..]));
        assert_eq!(Base::load(&state, &zone, clock(2_000_000)).unwrap(), Base::default());
        assert_eq!(Base::load(&state, &zone, clock(0)).unwrap(), base, "a clock that was set back forgets nothing");
    }

    #[test]
    fn of_many_changes_the_first_counts_until_the_last_is_old() {
        let change = |at, address: &str| PastChange { at, before: vec![address.parse().unwrap()] };
        let mut base = Base::default();
        base.0.insert(("acct".into(), false), vec![change(1_000, "10.0.0.4"), change(500_000, "10.0.0.5")]);
        base.fold();
        assert_eq!(base.0[&("acct".into(), false)], [change(500_000, "10.0.0.4")]);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let zone = ZoneId::base("privatelink.blob.core.windows.net".parse().unwrap());
        state.write(PART, &of_zone(&zone), b"; x\nacct A\n9 acct TXT x\n9 acct A 10.0.0\n\xff\xff\n").unwrap();
        assert_eq!(Base::load(&state, &zone, clock(3)).unwrap(), Base::default());
        assert_eq!(Base::load(&State::new(folder.path().join("none")), &zone, clock(3)).unwrap(), Base::default());
    }
}
