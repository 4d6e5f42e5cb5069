//! Queries whose wait for an upstream is over, and whose client has yet to take earlier answers.
//!
//! In: queries with their outcomes. Out: the same, in order, and the memory that their outcomes hold: a reply counts
//! once, however many of the queries share it. Never: an answer; it is composed when the client can take it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::forward::Reply;
use crate::server::query::Arrived;

/// A value that holds a reply.
pub(crate) trait HoldsReply {
    /// The reply; `None` if the upstream failed.
    fn reply(&self) -> Option<&Arc<Reply>>;
}

impl HoldsReply for Arrived {
    fn reply(&self) -> Option<&Arc<Reply>> {
        Self::reply(self)
    }
}

impl<K, Q: HoldsReply> HoldsReply for (K, Q) {
    fn reply(&self) -> Option<&Arc<Reply>> {
        self.1.reply()
    }
}

/// The queries, each with the octets that it counts for.
pub(crate) struct Returned<Q> {
    queries: VecDeque<(Q, usize)>,
    octets: usize,
}

impl<Q> Default for Returned<Q> {
    fn default() -> Self {
        Self { queries: VecDeque::new(), octets: 0 }
    }
}

impl<Q: HoldsReply> Returned<Q> {
    /// Adds a query.
    pub(crate) fn push(&mut self, query: Q) {
        let is_shared = self.queries.iter().any(|(other, _)| share(other, &query));
        let octets = query.reply().filter(|_| !is_shared).map_or(0, |reply| reply.octets());
        self.octets += octets;
        self.queries.push_back((query, octets));
    }

    /// Takes the query that came first.
    pub(crate) fn pop(&mut self) -> Option<Q> {
        let (query, octets) = self.queries.pop_front()?;
        match self.queries.iter_mut().find(|(other, _)| octets > 0 && share(other, &query)) {
            Some((_, counted)) => *counted = octets,
            None => self.octets -= octets,
        }
        Some(query)
    }

    /// The memory of all replies.
    pub(crate) fn octets(&self) -> usize {
        self.octets
    }
}

fn share<Q: HoldsReply>(one: &Q, other: &Q) -> bool {
    matches!((one.reply(), other.reply()), (Some(one), Some(other)) if Arc::ptr_eq(one, other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Name, Rcode, Record, Rtype};

    impl HoldsReply for Option<Arc<Reply>> {
        fn reply(&self) -> Option<&Arc<Reply>> {
            self.as_ref()
        }
    }

    fn long(records: usize) -> Arc<Reply> {
        let record = Record { owner: Name::root(), rtype: Rtype::A, ttl: 0, rdata: [0; 4].into() };
        Arc::new(Reply { answer: vec![record; records], ..Reply::new(Rcode::NOERROR) })
    }

    #[test]
    fn a_reply_counts_once_and_as_long_as_a_query_waits_with_it() {
        let (one, other) = (long(4000), long(10));
        let octets = [&one, &other].map(|reply| reply.octets());
        assert!(octets[0] > 4000 * 16 && octets[1] > 0);
        let mut returned = Returned::default();
        for reply in [Some(&one), Some(&other), Some(&one), None, Some(&one)] {
            returned.push(reply.cloned());
        }
        let mut left = Vec::new();
        while returned.pop().is_some() {
            left.push(returned.octets());
        }
        assert_eq!(left, [octets[0] + octets[1], octets[0], octets[0], octets[0], 0]);
    }
}
