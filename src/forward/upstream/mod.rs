//! One upstream as the forwarder sees it: health, limits, what it was found to lack, its TCP connection, loop probes.
//!
//! In: what happened on the wire. Out: whether and how to ask it. Never: a socket of its own.

mod health;
mod limit;
pub(crate) mod loops;
mod quirks;
pub(crate) mod resolv_conf;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::forward::question::Failure;
use crate::forward::status::Shared;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;
use crate::forward::transport::tcp::{self, Job, Outcome};
use health::Health;
use limit::Limit;
use quirks::Quirk;

/// Azure's resolver takes 200 outstanding queries and 1,000 a second from a machine and drops the rest in silence;
/// what is left of both is for other programs on it.
const AZURE: IpAddr = IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16));
const AZURE_LIMITS: (usize, u32) = (180, 900);
/// Elsewhere: what a resolver with default settings queues (Unbound 1024 to 4096), and no rate.
const OTHER_LIMITS: (usize, u32) = (4096, 0);

/// Signs that make a finding: an answer without the case kept, confirmed by one in lower case; silence to EDNS while
/// plain questions are answered; a refusal of EDNS, confirmed by a plain answer.
const CASE_STRIKES: u8 = 2;
const EDNS_SILENCE_STRIKES: u8 = 3;
const EDNS_REFUSAL_STRIKES: u8 = 2;

/// Time between the first two searches for a loop; it doubles, since others may still be starting.
const FIRST_PROBE: Duration = Duration::from_secs(1);

pub(crate) struct Upstream {
    pub(crate) shared: Arc<Shared>,
    pub(crate) health: Health,
    pub(crate) limit: Limit,
    edns: Quirk,
    case: Quirk,
    tcp: Option<mpsc::Sender<Job>>,
    pub(crate) probe: Probe,
}

/// The search for a loop through this upstream.
pub(crate) struct Probe {
    pub(crate) due: Instant,
    /// Until the one after that.
    pub(crate) gap: Duration,
    pub(crate) out: Option<(QueryHandle, Instant)>,
}

impl Upstream {
    pub(crate) fn new(address: SocketAddr, max_in_flight: Option<usize>, max_qps: Option<u32>, now: Instant) -> Self {
        let (in_flight, qps) = if address.ip().to_canonical() == AZURE { AZURE_LIMITS } else { OTHER_LIMITS };
        Self {
            shared: Arc::new(Shared::new(address)),
            health: Health::default(),
            limit: Limit::new(max_in_flight.unwrap_or(in_flight), max_qps.unwrap_or(qps), now),
            edns: Quirk::default(),
            case: Quirk::default(),
            tcp: None,
            probe: Probe { due: now, gap: FIRST_PROBE, out: None },
        }
    }

    /// How to write a query for it.
    pub(crate) fn form(&self, now: Instant) -> QueryForm {
        QueryForm { edns: !self.edns.is_active(now), mixed: !self.case.is_active(now) }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.health.is_up()
    }

    pub(crate) fn is_looping(&self) -> bool {
        self.shared.looping.load(Relaxed)
    }

    /// An answer to a query of this form arrived over UDP; `had_edns` if an OPT record came with it.
    pub(crate) fn answered(&mut self, form: QueryForm, had_edns: bool, now: Instant) {
        self.shared.counters.received.one();
        if form.edns && had_edns {
            self.edns.observe_success(now);
        }
        if form.mixed {
            self.case.observe_success(now);
        }
    }

    /// A plain question was answered after one with EDNS was refused.
    pub(crate) fn refuses_edns(&mut self, now: Instant) {
        self.edns.observe_failure(now, EDNS_REFUSAL_STRIKES);
    }

    /// A plain question was answered after one with EDNS was not.
    pub(crate) fn drops_edns(&mut self, now: Instant) {
        self.edns.observe_failure(now, EDNS_SILENCE_STRIKES);
    }

    /// A question in lower case was answered, on a port and with an id of its own, after one in mixed case came back
    /// without its case.
    pub(crate) fn loses_case(&mut self, now: Instant) {
        self.case.observe_failure(now, CASE_STRIKES);
    }

    /// Hands a question to the TCP connection, which starts if there is none.
    pub(crate) fn ask_tcp(&mut self, index: usize, job: Job, outcomes: &mpsc::UnboundedSender<Outcome>) {
        let sender = self.tcp.get_or_insert_with(|| {
            let (sender, jobs) = mpsc::channel(tcp::MAX_PENDING);
            tokio::spawn(tcp::run(index, Arc::clone(&self.shared), jobs, outcomes.clone()));
            sender
        });
        let (flight, failure) = match sender.try_send(job) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Full(job)) => (job.flight, Failure::Overloaded),
            Err(mpsc::error::TrySendError::Closed(job)) => {
                self.tcp = None;
                (job.flight, Failure::Unreachable)
            }
        };
        // The forwarder holds the other end itself, so this cannot fail.
        let _ = outcomes.send(Outcome { upstream: index, flight, answer: Err(failure) });
    }

    /// A TCP connection that the test acts.
    #[cfg(test)]
    pub(crate) fn act_tcp(&mut self) -> mpsc::Receiver<Job> {
        let (sender, jobs) = mpsc::channel(tcp::MAX_PENDING);
        self.tcp = Some(sender);
        jobs
    }

    /// Shows the state outside the forwarder's task.
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
        let mut upstream = Upstream::new(address.parse().unwrap(), max_in_flight, Some(0), now);
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
