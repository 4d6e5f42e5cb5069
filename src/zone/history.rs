//! The last differences of a zone, which secondaries take in place of the whole zone (RFC 1995).
//!
//! It lives in memory alone: after a restart a secondary that is behind gets the whole zone once. It is bounded in
//! octets and in versions; a difference that is too large, or that does not continue the last one, begins it anew.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Zone;
use super::delta::Delta;
use crate::dns::Serial;

/// Versions of one zone at most.
const MAX_VERSIONS: usize = 100;

/// The differences of one zone, the oldest first; each begins where the one before it ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    deltas: VecDeque<Arc<Delta>>,
    octets: usize,
}

impl History {
    /// The history when one version takes the place of another; `max` octets at most, and half the new version's.
    #[must_use]
    pub(crate) fn with(&self, old: &Zone, new: &Zone, max: usize) -> Self {
        let max = max.min(new.octets() / 2);
        if !new.serial().is_after(old.serial()) {
            return Self::default();
        }
        let Some(delta) = Delta::between(old, new, max) else { return Self::default() };
        let mut history = self.clone();
        if history.deltas.back().is_some_and(|last| last.to().serial != old.serial()) {
            history = Self::default();
        }
        history.octets += delta.octets();
        history.deltas.push_back(Arc::new(delta));
        while history.octets > max || history.deltas.len() > MAX_VERSIONS {
            let Some(oldest) = history.deltas.pop_front() else { break };
            history.octets -= oldest.octets();
        }
        history
    }

    /// One difference from the version with this serial to the present one; `None` if it is not known. `octets` is the
    /// most that it may take.
    pub(crate) fn since(&self, serial: Serial, octets: usize) -> Option<Delta> {
        let from = self.deltas.iter().position(|delta| delta.from().serial == serial)?;
        let delta = Delta::condensed(self.deltas.range(from..).map(AsRef::as_ref))?;
        (delta.octets() <= octets).then_some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Name;

    /// A version with these hosts among others that never change.
    fn zone(serial: u32, hosts: &[u16]) -> Zone {
        use std::fmt::Write;
        let mut text = format!("$TTL 10\n@ SOA ns h {serial} 2 3 4 5\n@ NS ns\nns A 10.9.9.9\n");
        for host in 0..400 {
            writeln!(text, "same{host} A 10.0.0.1").unwrap();
        }
        for host in hosts {
            writeln!(text, "host{host} A 10.1.{}.{}", host / 256, host % 256).unwrap();
        }
        Zone::from_text(&"z.test".parse::<Name>().unwrap(), text.as_bytes()).0.unwrap()
    }

    fn of(versions: &[Zone], max: usize) -> History {
        versions.windows(2).fold(History::default(), |history, pair| history.with(&pair[0], &pair[1], max))
    }

    #[test]
    fn rfc1995_4_a_secondary_gets_one_difference_from_any_version_that_is_remembered() {
        let versions: Vec<Zone> = (1..=5_u16).map(|n| zone(n.into(), &(0..n).collect::<Vec<_>>())).collect();
        let history = of(&versions, usize::MAX);
        for serial in 1..5 {
            let delta = history.since(Serial(serial), usize::MAX).unwrap();
            assert_eq!((delta.from().serial, delta.to().serial), (Serial(serial), Serial(5)));
            assert_eq!(delta.added().iter().count(), 5 - usize::try_from(serial).unwrap());
        }
        for serial in [0, 5, 6] {
            assert_eq!(history.since(Serial(serial), usize::MAX), None, "{serial}");
        }
        assert_eq!(history.since(Serial(1), 10), None, "more than is allowed");
    }

    #[test]
    fn the_oldest_versions_go_when_the_octets_are_used_up() {
        let versions: Vec<Zone> = (1..=5_u16).map(|n| zone(n.into(), &(0..n).collect::<Vec<_>>())).collect();
        let one = of(&versions[..2], usize::MAX).octets;
        let history = of(&versions, 2 * one + 1);
        assert_eq!(history.deltas.len(), 2);
        assert!(history.since(Serial(2), usize::MAX).is_none() && history.since(Serial(3), usize::MAX).is_some());
        assert!(history.octets <= 2 * one + 1);
    }

    #[test]
    fn at_most_a_hundred_versions_are_remembered() {
        let versions: Vec<Zone> = (1..=120_u16).map(|n| zone(n.into(), &[n])).collect();
        assert_eq!(of(&versions, usize::MAX).deltas.len(), MAX_VERSIONS);
    }

    #[test]
    fn a_large_step_a_serial_that_does_not_move_and_one_that_goes_back_begin_anew() {
        let many: Vec<u16> = (0..2000).collect();
        let history = of(&[zone(1, &[]), zone(2, &[1]), zone(3, &many)], usize::MAX);
        assert!(history.deltas.is_empty(), "more than half of the zone is new");
        for serials in [[1, 2, 2], [1, 2, 1]] {
            let versions = serials.map(|serial| zone(serial, &[u16::try_from(serial).unwrap()]));
            assert!(of(&versions, usize::MAX).deltas.is_empty(), "{serials:?}");
        }
    }
}
