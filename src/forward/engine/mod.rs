//! The forwarder's one task, on a thread of its own: it owns every upstream, socket and question in flight, so nothing in it is locked.
//!
//! In: questions from its inbox, datagrams, what the TCP connections report, the passing of time. Out: an answer for
//! everyone who asked. Each turn takes all there is, decides, and sends what came of it in batches. What happens to one
//! question is in `exchange.rs`. Never: a wait other than for the next turn.

mod exchange;
pub(crate) mod flight;
pub(crate) mod queue;
mod replies;
mod timer_wheel;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;
use tokio::sync::mpsc;

use crate::forward::callback::Batch;
use crate::forward::client_network::ClientNetwork;
use crate::forward::settings::{GroupSettings, UpstreamSpec};
use crate::forward::status::GroupCounters;
use crate::forward::transport::socket::{MAX_AGE, SocketEvent};
use crate::forward::transport::tcp::Outcome;
use crate::forward::transport::udp_pool::{Headers, Pool};
use crate::forward::upstream::Upstream;
use crate::forward::upstream::loops::{LoopProbes, would_loop};
use crate::forward::upstream::resolv_conf::ResolvConf;
use flight::{Buffers, Flight, Key, Waiter};
use queue::Queue;
use timer_wheel::{TICK, TimerWheel};

/// Questions taken from the inbox in one turn.
pub(crate) const BATCH: usize = 512;
/// How often "system" is looked at, and loops are looked for at last; a loop that was found is looked at more often.
const SYSTEM_INTERVAL: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_mins(1);
const LOOP_INTERVAL: Duration = Duration::from_secs(10);
/// The flight number of probes, which nobody waits for.
pub(crate) const PROBE: u64 = 0;

/// A question and who asks it.
pub(crate) struct Ask {
    pub(crate) key: Arc<Key>,
    pub(crate) waiter: Waiter,
    /// One more, who is answered sooner.
    pub(crate) impatient: Option<Waiter>,
}

pub(crate) struct GroupState {
    pub(crate) settings: GroupSettings,
    pub(crate) upstreams: Vec<usize>,
    /// Whether an upstream was left out because it is ourselves.
    pub(crate) is_own: bool,
    /// Questions that wait for their turn.
    pub(crate) queue: Queue<Option<ClientNetwork>>,
    pub(crate) counters: Arc<GroupCounters>,
}

pub(crate) struct Engine {
    pub(crate) pool: Pool,
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) groups: Vec<GroupState>,
    pub(crate) flights: HashMap<u64, Flight, RandomState>,
    pub(crate) by_key: HashMap<Arc<Key>, u64, RandomState>,
    pub(crate) timer_wheel: TimerWheel,
    pub(crate) last_flight: u64,
    /// Of flights that are over, for those to come.
    pub(crate) spare: Vec<Buffers>,
    /// Those who wait, in all flights.
    pub(crate) waiters: usize,
    pub(crate) outcomes: mpsc::UnboundedSender<Outcome>,
    outcome_inbox: mpsc::UnboundedReceiver<Outcome>,
    events: Vec<SocketEvent>,
    due: Vec<u64>,
    pub(crate) turn: Batch,
    directory: Arc<LoopProbes>,
    listen: Vec<SocketAddr>,
    resolv_conf: ResolvConf,
    system_due: Instant,
    sweep_due: Instant,
}

impl Engine {
    pub(crate) fn new(
        groups: Vec<GroupState>,
        resolv_conf: ResolvConf,
        listen: Vec<SocketAddr>,
        directory: Arc<LoopProbes>,
        now: Instant,
    ) -> io::Result<Self> {
        let (outcomes, outcome_inbox) = mpsc::unbounded_channel();
        let mut engine = Self {
            pool: Pool::new()?,
            upstreams: Vec::new(),
            groups,
            flights: HashMap::default(),
            by_key: HashMap::default(),
            timer_wheel: TimerWheel::new(now),
            last_flight: PROBE,
            spare: Vec::new(),
            waiters: 0,
            outcomes,
            outcome_inbox,
            events: Vec::new(),
            due: Vec::new(),
            turn: Batch::new(now),
            directory,
            listen,
            resolv_conf,
            system_due: now + SYSTEM_INTERVAL,
            sweep_due: now,
        };
        let servers = engine.resolv_conf.changed().unwrap_or_default();
        engine.place_upstreams(&servers, now);
        Ok(engine)
    }

    /// Runs until nobody can ask any more and everyone has an answer.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        let mut asks = Vec::with_capacity(BATCH);
        let mut headers = Headers::new();
        let mut open = true;
        let sleep = tokio::time::sleep_until(Instant::now().into());
        tokio::pin!(sleep);
        while open || !self.flights.is_empty() {
            let mut outcome = None;
            tokio::select! {
                count = inbox.recv_many(&mut asks, BATCH), if open => {
                    open = count > 0;
                }
                _ = self.pool.readable() => {}
                received = self.outcome_inbox.recv() => outcome = received,
                () = &mut sleep => {}
            }
            // Whoever is about to ask or to answer on this core gets to, so that more goes out in one batch.
            std::thread::yield_now();
            while open
                && asks.len() < BATCH
                && let Ok(ask) = inbox.try_recv()
            {
                asks.push(ask);
            }
            let now = Instant::now();
            self.turn(now, &mut asks, &mut headers, outcome);
            let wake = tokio::time::Instant::from_std(self.wake(now));
            if wake != sleep.deadline() {
                sleep.as_mut().reset(wake);
            }
        }
    }

    /// One turn. What has come is heard before anyone is called silent, whatever it was that woke us: on a busy machine
    /// an answer may have waited for us longer than we waited for it.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        asks: &mut Vec<Ask>,
        headers: &mut Headers,
        mut outcome: Option<Outcome>,
    ) {
        self.turn.now = now;
        for ask in asks.drain(..) {
            self.ask(ask, now);
        }
        let mut events = std::mem::take(&mut self.events);
        self.pool.receive(headers, &mut events);
        events.drain(..).for_each(|event| self.arrived(event, now));
        while let Some(done) = outcome.take().or_else(|| self.outcome_inbox.try_recv().ok()) {
            self.tcp_done(done, now);
        }
        self.run_wheel(now);
        self.house_keeping(now);
        self.run_queues(now);
        // What cannot be sent may make another upstream's turn; what that cannot send waits for the wheel.
        for _ in 0..2 {
            self.pool.flush(&mut events);
            events.drain(..).for_each(|event| self.arrived(event, now));
        }
        self.events = events;
        self.turn.end();
    }

    fn run_wheel(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        self.timer_wheel.advance(now, &mut due);
        for flight in due.drain(..) {
            self.due(flight, now);
        }
        self.due = due;
    }

    /// When the next turn is due, whatever arrives.
    pub(crate) fn wake(&self, now: Instant) -> Instant {
        let mut wake = self.system_due;
        for upstream in &self.upstreams {
            wake = wake.min(upstream.probe.due);
        }
        if let Some(next) = self.timer_wheel.next() {
            wake = wake.min(next);
        }
        if self.pool.is_open() {
            wake = wake.min(self.sweep_due);
        }
        if self.groups.iter().any(|group| !group.queue.is_empty()) {
            wake = wake.min(now + TICK);
        }
        wake
    }

    fn house_keeping(&mut self, now: Instant) {
        if self.sweep_due <= now {
            self.sweep_due = now + MAX_AGE / 2;
            self.pool.sweep(now);
            for upstream in &self.upstreams {
                upstream.publish(now);
            }
        }
        if self.system_due <= now {
            self.system_due = now + SYSTEM_INTERVAL;
            if self.groups.iter().any(|group| group.settings.upstreams.contains(&UpstreamSpec::System))
                && let Some(servers) = self.resolv_conf.changed()
            {
                tracing::info!(?servers, "system name servers changed");
                self.place_upstreams(&servers, now);
            }
        }
        for index in 0..self.upstreams.len() {
            if self.upstreams[index].probe.due <= now {
                self.probe(index, now);
            }
        }
    }

    /// Looks for a loop through one upstream, and sees whether the one found last time is gone.
    fn probe(&mut self, index: usize, now: Instant) {
        let upstream = &mut self.upstreams[index];
        if let Some((handle, _)) = upstream.probe.out.take() {
            self.pool.cancel(handle);
        }
        let shared = Arc::clone(&upstream.shared);
        if !shared.probe_seen.load(Relaxed) && shared.looping.swap(false, Relaxed) {
            tracing::info!(upstream = %shared.address, "forwarding loop is gone; upstream in use again");
        }
        let interval = if shared.looping.load(Relaxed) { LOOP_INTERVAL } else { upstream.probe.gap };
        upstream.probe.gap = (upstream.probe.gap * 2).min(PROBE_INTERVAL);
        upstream.probe.due = now + interval;
        let form = upstream.form(now);
        let Some(group) = self.groups.iter().find(|group| group.upstreams.contains(&index)) else {
            return;
        };
        if let Some(question) = self.directory.probe(&shared, &group.settings.suffix)
            && let Ok(handle) = self.pool.send(index, &shared, PROBE, &question, form, now)
        {
            self.upstreams[index].probe.out = Some((handle, now));
        }
    }

    /// Gives each group its upstreams, those of "system" being `servers`.
    fn place_upstreams(&mut self, servers: &[SocketAddr], now: Instant) {
        let mut groups = std::mem::take(&mut self.groups);
        for group in &mut groups {
            let mut places = Vec::new();
            group.is_own = false;
            for spec in &group.settings.upstreams {
                let addresses = match spec {
                    UpstreamSpec::Address(address) => std::slice::from_ref(address),
                    UpstreamSpec::System => servers,
                };
                for address in addresses {
                    if would_loop(*address, &self.listen) {
                        tracing::warn!(upstream = %address, "upstream is this server itself; not used");
                        group.is_own = true;
                        continue;
                    }
                    let index = self.upstream_at(*address, &group.settings, now);
                    if !places.contains(&index) {
                        places.push(index);
                    }
                }
            }
            group.upstreams = places;
        }
        let in_use = |index: &usize| groups.iter().any(|group| group.upstreams.contains(index));
        let used = (0..self.upstreams.len()).filter(in_use).map(|index| Arc::clone(&self.upstreams[index].shared));
        self.directory.set(used.collect());
        self.groups = groups;
    }

    /// The upstream at an address: one for all groups, since its limits are.
    fn upstream_at(&mut self, address: SocketAddr, settings: &GroupSettings, now: Instant) -> usize {
        if let Some(index) = self.upstreams.iter().position(|upstream| upstream.shared.address == address) {
            return index;
        }
        self.upstreams.push(Upstream::new(address, settings.max_in_flight, settings.max_qps, now));
        self.upstreams.len() - 1
    }
}

#[cfg(test)]
mod tests;
