//! What happened, as numbers: anything a remote packet can cause is counted here and logged nowhere.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the start.
        #[derive(Default)]
        pub struct Counters { $($(#[$doc])* pub $name: AtomicU64),* }

        impl Counters {
            /// Every counter by name.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed))),*]
            }
        }
    };
}

counters! {
    /// Messages that came in by UDP.
    udp_queries,
    /// Messages that came in by TCP.
    tcp_queries,
    /// Messages that got no answer: responses, stubs of messages.
    dropped,
    /// Clients outside the access list.
    refused_access,
    /// Malformed queries.
    malformed,
    /// Opcodes or types that are not served.
    not_implemented,
    /// Answers from our zones.
    local,
    /// Answers that an upstream or the cache has part in.
    forwarded,
    /// Forwarded answers whose chain ended in one of our zones.
    rechased,
    /// Answers with SERVFAIL.
    servfail,
    /// Our own probes that came back: an upstream leads to ourselves.
    loops,
    /// Answers cut to the client's size.
    truncated,
    /// Questions not asked upstream because too many wait for upstreams already.
    overloaded,
    /// Questions not asked upstream because the client's network has its share of those that wait.
    over_share,
    /// Refusals not sent: the client's network had its fill.
    limited_refused,
    /// Negative answers not sent, those that slipped included.
    limited_negative,
    /// Empty answers with TC in place of negative ones.
    slipped,
    /// Questions not asked upstream because the client's network asked too many.
    limited_forwarded,
    /// TCP connections accepted.
    tcp_connections,
    /// TCP connections turned away: too many, and all wait for upstreams.
    tcp_rejected,
    /// TCP connections closed to make room for another.
    tcp_displaced,
    /// Times that no connection could be accepted: out of descriptors, say.
    tcp_accept_failed,
}

impl Counters {
    /// Adds one.
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
