//! One upstream of the engine: health, limits, quirks, loop probes.
//!
//! In: the events of its queries. Out: whether and how to ask it. Never: a socket of its own.

pub(crate) mod forms;
mod health;
mod limit;
pub(crate) mod loops;
mod quirks;
pub(crate) mod resolv_conf;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::azure;
use crate::forward::status::{ErrorKind, SharedUpstream};
use crate::forward::transport::socket::QueryHandle;
use forms::Forms;
use health::Health;
use limit::Limit;
use loops::LoopSearch;

/// Azure's resolver takes 200 outstanding queries and 1,000 a second from a machine and silently drops the rest; the
/// remainder of both is for other programs on the machine.
const AZURE_LIMITS: (usize, Option<NonZeroU32>) = (180, NonZeroU32::new(900));
/// Elsewhere: the number that a resolver with default settings queues (Unbound 1024 to 4096), and no rate.
const OTHER_LIMITS: (usize, Option<NonZeroU32>) = (4096, None);

/// Whether an upstream is Azure's resolver, whatever named it: the config or resolv.conf.
pub(crate) fn is_azure(address: SocketAddr) -> bool {
    address.ip().to_canonical() == azure::RESOLVER
}

pub(crate) struct Upstream {
    pub(crate) shared: Arc<SharedUpstream>,
    pub(crate) health: Health,
    pub(crate) limit: Limit,
    pub(crate) forms: Forms,
    pub(crate) loop_search: LoopSearch,
    pub(crate) watch: Option<Watch>,
}

/// A query whose flight is over, and whose reply or silence still says something about the upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) query: QueryHandle,
    pub(crate) sent: Instant,
}

impl Upstream {
    pub(crate) fn new(
        address: SocketAddr,
        max_in_flight: Option<usize>,
        max_qps: Option<NonZeroU32>,
        now: Instant,
    ) -> Self {
        let (in_flight, qps) = if is_azure(address) { AZURE_LIMITS } else { OTHER_LIMITS };
        let shared = Arc::new(SharedUpstream::new(address));
        Self {
            loop_search: LoopSearch::new(Arc::clone(&shared), now),
            shared,
            health: Health::default(),
            limit: Limit::new(max_in_flight.unwrap_or(in_flight), max_qps.or(qps), now),
            forms: Forms::default(),
            watch: None,
        }
    }

    /// Notes that a reply came to a query first sent `took` ago; returns whether that query was the watched one.
    pub(crate) fn replied(&mut self, query: QueryHandle, now: Instant, took: Duration) -> bool {
        self.health.replied(now, took);
        self.watch.take_if(|watch| watch.query == query).is_some()
    }

    /// Notes that a query sent at `sent` has had no reply within its wait.
    pub(crate) fn silent(&mut self, now: Instant, sent: Instant) {
        self.shared.counters.silences.one();
        self.shared.last_error.note(ErrorKind::Timeout, None, now);
        self.health.silent(now, sent);
    }

    /// When the wait for the watched query is over.
    pub(crate) fn watch_due(&self) -> Option<Instant> {
        Some(self.watch?.sent + self.health.wait())
    }

    pub(crate) fn is_up(&self) -> bool {
        self.health.is_up()
    }

    pub(crate) fn is_looping(&self) -> bool {
        self.shared.looping.load(Relaxed)
    }

    /// Publishes the state outside the forwarding thread.
    pub(crate) fn publish(&self, now: Instant) {
        let shared = &self.shared;
        shared.set_up(self.health.is_up());
        let round_trip = self.health.round_trip().map_or(0, |rtt| rtt.as_micros().max(1));
        shared.round_trip_us.store(u64::try_from(round_trip).unwrap_or(u64::MAX), Relaxed);
        shared.in_flight.store(self.limit.in_flight() as u64, Relaxed);
        let form = self.forms.usual(now);
        shared.edns_off.store(!form.edns, Relaxed);
        shared.case_off.store(!form.mixed, Relaxed);
        shared.ad_off.store(!form.ad, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::forms::{GivenUp, Shown, Why};
    use super::*;
    use crate::dns::Rcode;
    use crate::forward::transport::message::QueryForm;

    fn room(address: &str, max_in_flight: Option<usize>) -> usize {
        let now = Instant::now();
        let mut upstream = Upstream::new(address.parse().unwrap(), max_in_flight, Some(NonZeroU32::MAX), now);
        (0..10_000).take_while(|_| upstream.limit.acquire(now)).count()
    }

    #[test]
    fn what_an_upstream_is_asked_without_is_published() {
        let now = Instant::now();
        let mut upstream = Upstream::new("10.0.0.4:53".parse().unwrap(), None, None, now);
        let lacks = |upstream: &Upstream| {
            upstream.publish(now);
            let found = upstream.shared.status();
            [found.without_edns, found.without_case, found.without_ad]
        };
        assert_eq!(lacks(&upstream), [false; 3]);
        let form = QueryForm { ad: false, ..QueryForm::FULL };
        let shown = Shown { rcode: Rcode::NOERROR, has_edns: true, is_positive: true, is_truncated: false };
        for _ in 0..2 {
            let mut given_up = GivenUp { ad: Some(Why::Denied), ..GivenUp::default() };
            upstream.forms.learn(form, shown, &mut given_up, now);
        }
        assert_eq!(lacks(&upstream), [false, false, true]);
    }

    #[test]
    fn azures_resolver_is_asked_less_at_once_than_it_takes_unless_told_otherwise() {
        assert_eq!(room("168.63.129.16:53", None), 180);
        assert_eq!(room("[::ffff:168.63.129.16]:53", None), 180);
        assert_eq!(room("10.0.0.4:53", None), 4096);
        assert_eq!(room("168.63.129.16:53", Some(7)), 7);
    }
}
