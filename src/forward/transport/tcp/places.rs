//! The places for questions that one upstream is asked over TCP at one time: who may take one more. Pure, `now` is an
//! argument.
//!
//! In: the network of a question that waits, and since when. Out: whether it may have a place. A network takes one
//! more only while it holds fewer than are free, so a place is left for a network that holds none. Small servers take
//! 10 to 20 connections and let the others wait, so most places are taken only where those that are taken do not get
//! free.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Places in all: where many answers take a second or more, a single network needs some hundreds.
pub(super) const MAX: usize = 1024;
/// Places that are taken at once, whoever asks: fewer than the 20 connections of dnsmasq.
const PROMPT: usize = 16;
/// Places that each network takes at once.
const PROMPT_EACH: usize = 4;
/// How long a question waits until it may take a place beyond those, the time from one such place to the next, and the
/// time that may be caught up on.
const HELD_UP: Duration = Duration::from_millis(250);
const GROWTH: Duration = Duration::from_millis(2);
const CATCH_UP: Duration = Duration::from_millis(10);

/// The places that are taken, by network.
pub(super) struct Places<N> {
    taken: usize,
    held: HashMap<N, usize>,
    /// When a place beyond those that are taken at once may be taken next.
    grows: Option<Instant>,
}

impl<N: Copy + Eq + Hash> Places<N> {
    pub(super) fn new() -> Self {
        Self { taken: 0, held: HashMap::new(), grows: None }
    }

    /// Whether a question of this network that waits since then may take a place; whether at once is the caller's to
    /// say.
    pub(super) fn may_take(&self, network: N, since: Instant, at_once: bool, now: Instant) -> bool {
        let is_late = now >= since + HELD_UP && self.grows.is_none_or(|grows| now >= grows);
        self.held(network) < MAX - self.taken && (at_once && self.is_prompt(network) || is_late)
    }

    /// Takes a place, `at_once` as for [`Places::may_take`].
    pub(super) fn take(&mut self, network: N, at_once: bool, now: Instant) {
        if !(at_once && self.is_prompt(network)) {
            let first = now.checked_sub(CATCH_UP).unwrap_or(now);
            self.grows = Some(self.grows.map_or(now, |grows| grows.max(first)) + GROWTH);
        }
        self.taken += 1;
        *self.held.entry(network).or_default() += 1;
    }

    pub(super) fn free(&mut self, network: N) {
        let Some(held) = self.held.get_mut(&network) else { return };
        self.taken -= 1;
        *held -= 1;
        if *held == 0 {
            self.held.remove(&network);
        }
    }

    /// When a question that waits may get a place although none gets free; `None` if all are taken.
    pub(super) fn wake(&self, now: Instant) -> Option<Instant> {
        (self.taken < MAX).then(|| now + CATCH_UP / 2)
    }

    fn is_prompt(&self, network: N) -> bool {
        self.taken < PROMPT || self.held(network) < PROMPT_EACH
    }

    fn held(&self, network: N) -> usize {
        self.held.get(&network).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many places as the network may take now, for questions that wait since then.
    fn grab(places: &mut Places<u8>, network: u8, since: Instant, now: Instant) -> usize {
        let mut count = 0;
        while places.may_take(network, since, true, now) {
            places.take(network, true, now);
            count += 1;
        }
        count
    }

    #[test]
    fn sixteen_places_are_taken_at_once_and_four_by_each_further_network() {
        let (mut places, now) = (Places::new(), Instant::now());
        assert_eq!((1..5).map(|network| grab(&mut places, network, now, now)).collect::<Vec<_>>(), [16, 4, 4, 4]);
        places.free(2);
        assert_eq!((grab(&mut places, 1, now, now), grab(&mut places, 2, now, now)), (0, 1));
    }

    #[test]
    fn a_question_that_was_held_up_takes_one_more_place_and_the_next_one_a_little_later() {
        let (mut places, begin) = (Places::new(), Instant::now());
        grab(&mut places, 1, begin, begin);
        let late = begin + HELD_UP;
        assert!(!places.may_take(1, begin + GROWTH, true, late));
        assert_eq!(grab(&mut places, 1, begin, late), 1);
        assert_eq!(grab(&mut places, 1, begin, late + GROWTH), 1);
        let most = usize::try_from(CATCH_UP.as_millis() / GROWTH.as_millis()).unwrap() + 1;
        assert_eq!(grab(&mut places, 1, begin, late + HELD_UP), most, "a late timer costs none, but they are few");
    }

    #[test]
    fn one_network_gets_half_of_all_places_and_another_half_of_the_rest() {
        let (mut places, begin) = (Places::new(), Instant::now());
        let mut hold = |network| {
            let turns = (0..1000).map(|turn| begin + HELD_UP + GROWTH * turn);
            turns.map(|now| grab(&mut places, network, begin, now)).sum::<usize>()
        };
        assert_eq!([hold(1), hold(2), hold(3)], [512, 256, 128]);
    }
}
