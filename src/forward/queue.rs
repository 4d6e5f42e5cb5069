//! Questions that wait for a free slot: a line for each client network, served round robin.
//!
//! In: questions and the network of each; those without a network share one line. Out: the question that goes next.
//! However long one network's line is, only one question of each line goes before another network's first. The queue
//! is bounded, and so is a line: it may grow only while it is shorter than the free part of the queue, so that there
//! is space for a network that has no line yet.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The lines.
pub(crate) struct Queue<N, T> {
    capacity: usize,
    len: usize,
    /// The lines, none of them empty; by network, whose hash is not predictable.
    lines: HashMap<N, VecDeque<T>>,
    /// The networks that have a line, in the order in which they are served.
    turns: VecDeque<N>,
}

impl<N: Copy + Eq + Hash, T> Queue<N, T> {
    /// A queue for `capacity` questions.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, len: 0, lines: HashMap::new(), turns: VecDeque::new() }
    }

    /// Puts a question at the end of its network's line; returns it if there is no space for it.
    pub(crate) fn push(&mut self, network: N, question: T) -> Result<(), T> {
        let held = self.lines.get(&network).map_or(0, VecDeque::len);
        if held >= self.capacity - self.len {
            return Err(question);
        }
        if held == 0 {
            self.turns.push_back(network);
        }
        self.lines.entry(network).or_default().push_back(question);
        self.len += 1;
        Ok(())
    }

    /// The question that goes next.
    pub(crate) fn front(&self) -> Option<&T> {
        self.lines.get(self.turns.front()?)?.front()
    }

    /// Removes the question that goes next; the one after it is another network's.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.pop_if(|_, _| true)
    }

    /// Removes the first question that may go now. Networks are looked at in the order of their turns, each with the
    /// question at the front of its line; one that may not go keeps its turn.
    pub(crate) fn pop_if(&mut self, may_go: impl Fn(N, &T) -> bool) -> Option<T> {
        let Self { lines, turns, .. } = self;
        let goes =
            |network: &N| lines.get(network).and_then(VecDeque::front).is_some_and(|first| may_go(*network, first));
        let network = turns.remove(turns.iter().position(goes)?)?;
        let line = lines.get_mut(&network)?;
        let question = line.pop_front();
        self.len -= 1;
        if line.is_empty() {
            lines.remove(&network);
        } else {
            turns.push_back(network);
        }
        question
    }

    /// Whether a question of this network waits.
    pub(crate) fn has(&self, network: N) -> bool {
        self.lines.contains_key(&network)
    }

    /// The number of questions that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether no question waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drained(queue: &mut Queue<u64, u64>) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn networks_take_turns_and_each_line_keeps_its_order() {
        let mut queue = Queue::new(100);
        for (network, flight) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (2, 21)] {
            assert_eq!(queue.push(network, flight), Ok(()));
        }
        assert_eq!(drained(&mut queue), [10, 20, 30, 11, 21, 12]);
        assert!(queue.is_empty());
    }

    #[test]
    fn one_network_gets_half_and_another_comes_second() {
        let mut queue = Queue::new(100);
        assert_eq!((0..1000).filter(|flight| queue.push(1, *flight).is_ok()).count(), 50);
        assert_eq!(queue.push(2, 7777), Ok(()));
        assert_eq!(drained(&mut queue)[1], 7777);
    }

    #[test]
    fn a_network_that_may_not_go_keeps_its_turn_while_others_go() {
        let mut queue = Queue::new(100);
        for (network, flight) in [(1, 10), (1, 11), (2, 20), (2, 21)] {
            assert_eq!(queue.push(network, flight), Ok(()));
        }
        assert_eq!(queue.pop_if(|network, _| network == 2), Some(20));
        assert_eq!(queue.pop_if(|_, flight| *flight > 20), Some(21));
        assert_eq!(queue.pop_if(|network, _| network == 2), None);
        assert_eq!(drained(&mut queue), [10, 11]);
    }

    proptest! {
        #[test]
        fn each_question_leaves_the_queue_once_and_no_more_enter_than_fit(
            steps in prop::collection::vec(prop::option::weighted(0.7, 0_u64..6), 0..400),
        ) {
            let (mut queue, mut inside, mut next) = (Queue::new(40), std::collections::BTreeSet::new(), 0);
            for step in steps {
                if let Some(network) = step {
                    next += 1;
                    if queue.push(network, next).is_ok() {
                        inside.insert(next);
                    }
                } else {
                    let front = queue.front().copied();
                    prop_assert_eq!(queue.pop(), front);
                    prop_assert_eq!(front.is_some(), !inside.is_empty());
                    prop_assert!(front.is_none_or(|flight| inside.remove(&flight)));
                }
                prop_assert!(queue.len() == inside.len() && queue.len() <= 40);
                prop_assert_eq!(queue.lines.len(), queue.turns.len());
            }
        }
    }
}
