//! One upstream of the engine: health, limits, quirks, loop probes.
//!
//! In: the events of its queries. Out: whether and how to ask it. Never: a socket of its own.

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
use crate::dns::{Message, Rcode};
use crate::forward::status::SharedUpstream;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;
use health::Health;
use limit::Limit;
use quirks::Quirk;

/// Azure's resolver takes 200 outstanding queries and 1,000 a second from a machine and silently drops the rest; the
/// remainder of both is for other programs on the machine.
const AZURE_LIMITS: (usize, Option<NonZeroU32>) = (180, NonZeroU32::new(900));
/// Elsewhere: the number that a resolver with default settings queues (Unbound 1024 to 4096), and no rate.
const OTHER_LIMITS: (usize, Option<NonZeroU32>) = (4096, None);

/// The signs that make a finding: an answer without the case kept, confirmed by one in lower case; silence to EDNS
/// while plain questions are answered; a refusal of EDNS, confirmed by a plain answer.
const CASE_FAILURES: u8 = 2;
const EDNS_SILENCES: u8 = 3;
const EDNS_REFUSALS: u8 = 2;

/// The time between the first two searches for a loop; it doubles, since others may still be starting.
const FIRST_LOOP_PROBE: Duration = Duration::from_secs(1);

/// Whether an upstream is Azure's resolver, whatever named it: the config or resolv.conf.
pub(crate) fn is_azure(address: SocketAddr) -> bool {
    address.ip().to_canonical() == azure::RESOLVER
}

pub(crate) struct Upstream {
    pub(crate) shared: Arc<SharedUpstream>,
    pub(crate) health: Health,
    pub(crate) limit: Limit,
    edns: Quirk,
    case: Quirk,
    pub(crate) loop_probe: LoopProbe,
    pub(crate) watch: Option<Watch>,
}

/// A query whose flight is over, and whose reply or silence still says something about the upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) query: QueryHandle,
    pub(crate) sent: Instant,
}

/// The search for a loop through this upstream.
pub(crate) struct LoopProbe {
    pub(crate) due: Instant,
    /// The time from that search to the next.
    pub(crate) gap: Duration,
    pub(crate) out: Option<QueryHandle>,
}

/// Whether a question was asked again for a reason that counts once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retried {
    /// Whether it was asked in lower case, because the upstream did not keep the case.
    pub(crate) case: bool,
    /// Whether it was asked without EDNS, because the upstream refused it.
    pub(crate) edns: bool,
}

impl Upstream {
    pub(crate) fn new(
        address: SocketAddr,
        max_in_flight: Option<usize>,
        max_qps: Option<NonZeroU32>,
        now: Instant,
    ) -> Self {
        let (in_flight, qps) = if is_azure(address) { AZURE_LIMITS } else { OTHER_LIMITS };
        Self {
            shared: Arc::new(SharedUpstream::new(address)),
            health: Health::default(),
            limit: Limit::new(max_in_flight.unwrap_or(in_flight), max_qps.or(qps), now),
            edns: Quirk::default(),
            case: Quirk::default(),
            loop_probe: LoopProbe { due: now, gap: FIRST_LOOP_PROBE, out: None },
            watch: None,
        }
    }

    /// How to write a query for it.
    pub(crate) fn form(&self, now: Instant) -> QueryForm {
        QueryForm { edns: !self.edns.is_active(now), mixed: !self.case.is_active(now) }
    }

    /// Notes that a reply came to a query first sent `took` ago; returns whether that query was the watched one.
    pub(crate) fn replied(&mut self, query: QueryHandle, now: Instant, took: Duration) -> bool {
        self.health.replied(now, took);
        self.watch.take_if(|watch| watch.query == query).is_some()
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

    /// Learns from an answer over UDP to a query of this form: does the upstream know EDNS, does it keep the case of a
    /// name? `retried` says how the question was asked before, `edns_is_open` whether a query with EDNS still waits
    /// here. Returns whether the question has to be asked again without EDNS.
    pub(crate) fn learn(
        &mut self,
        form: QueryForm,
        message: &Message,
        retried: Retried,
        edns_is_open: bool,
        now: Instant,
    ) -> bool {
        self.shared.counters.received.one();
        if form.edns && message.has_edns {
            self.edns.observe_success(now);
        }
        if form.mixed {
            self.case.observe_success(now);
        }
        let is_unknown = matches!(message.rcode, Rcode::FORMERR | Rcode::NOTIMP);
        let refuses_edns = is_unknown && !message.has_edns || message.rcode == Rcode::BADVERS;
        if form.edns && refuses_edns && !retried.edns {
            return true;
        }
        // This query was in lower case, on a port and with an id of its own, after an answer that had lost its case.
        if !form.mixed && retried.case {
            self.case.observe_failure(now, CASE_FAILURES);
        }
        if !form.edns && retried.edns && !is_unknown {
            self.edns.observe_failure(now, EDNS_REFUSALS);
        } else if !form.edns && edns_is_open {
            self.edns.observe_failure(now, EDNS_SILENCES);
        }
        false
    }

    /// Publishes the state outside the forwarding thread.
    pub(crate) fn publish(&self, now: Instant) {
        let shared = &self.shared;
        shared.up.store(self.health.is_up(), Relaxed);
        let round_trip = self.health.round_trip().map_or(0, |rtt| rtt.as_micros().max(1));
        shared.round_trip_us.store(u64::try_from(round_trip).unwrap_or(u64::MAX), Relaxed);
        shared.in_flight.store(self.limit.in_flight() as u64, Relaxed);
        shared.edns_off.store(self.edns.is_active(now), Relaxed);
        shared.case_off.store(self.case.is_active(now), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(address: &str, max_in_flight: Option<usize>) -> usize {
        let now = Instant::now();
        let mut upstream = Upstream::new(address.parse().unwrap(), max_in_flight, Some(NonZeroU32::MAX), now);
        (0..10_000).take_while(|_| upstream.limit.acquire(now)).count()
    }

    #[test]
    fn azures_resolver_is_asked_less_at_once_than_it_takes_unless_told_otherwise() {
        assert_eq!(room("168.63.129.16:53", None), 180);
        assert_eq!(room("[::ffff:168.63.129.16]:53", None), 180);
        assert_eq!(room("10.0.0.4:53", None), 4096);
        assert_eq!(room("168.63.129.16:53", Some(7)), 7);
    }
}
