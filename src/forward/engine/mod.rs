//! The forwarding thread: it owns every upstream, socket and question in flight, so nothing in it is locked.
//!
//! In: questions from its inbox, datagrams, outcomes of the TCP connections, the passing of time. Out: an answer for
//! every waiter. Each batch takes everything that has arrived, lets `exchanges.rs` decide without a socket, and sends
//! the resulting queries together. Never: a wait other than for the next batch.

mod attempts;
pub(crate) mod exchanges;
pub(crate) mod flight;
mod flights;
mod hints;
pub(crate) mod outbox;
pub(crate) mod placement;
mod replies;
mod sending;
mod steps;
mod timer_wheel;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::forward::ids::UpstreamIndex;
use crate::forward::settings::GroupSettings;
use crate::forward::transport::Sockets;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::{MAX_AGE, SocketEvent, SocketNews};
use crate::forward::transport::tcp::TcpOutcome;
use crate::forward::transport::udp_pool::ReceiveHeaders;
use crate::forward::upstream::loops::{LoopProbes, would_loop};
use crate::forward::upstream::{Upstream, is_azure};
use exchanges::Exchanges;
pub(crate) use exchanges::{Ask, GroupState};
use placement::{Placement, Places};

/// The largest number of questions taken from the inbox in one batch.
const MAX_ASKS: usize = 512;
/// The interval between looks at "system" and at interfaces.
const PLACES_INTERVAL: Duration = Duration::from_secs(5);

/// The state of the forwarding thread.
pub(crate) struct Engine {
    exchanges: Exchanges,
    sockets: Sockets,
    outcomes: mpsc::UnboundedReceiver<TcpOutcome>,
    events: Vec<SocketEvent>,
    probes: Arc<LoopProbes>,
    listen: Vec<SocketAddr>,
    placement: Placement,
    places_due: Instant,
    sweep_due: Instant,
}

impl Engine {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(
        groups: Vec<GroupState>,
        placement: Placement,
        listen: Vec<SocketAddr>,
        probes: Arc<LoopProbes>,
        now: Instant,
    ) -> io::Result<Self> {
        let (sockets, outcomes) = Sockets::new()?;
        let mut engine = Self {
            exchanges: Exchanges::new(groups, now),
            sockets,
            outcomes,
            events: Vec::new(),
            probes,
            listen,
            placement,
            places_due: now,
            sweep_due: now,
        };
        engine.look_for_upstreams(now);
        Ok(engine)
    }

    /// Runs until the last asker is gone and every waiter has an answer.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        let mut asks = Vec::with_capacity(MAX_ASKS);
        let mut headers = ReceiveHeaders::new();
        let mut open = true;
        let sleep = tokio::time::sleep_until(Instant::now().into());
        tokio::pin!(sleep);
        while open || !self.exchanges.is_empty() {
            let mut outcome = None;
            tokio::select! {
                count = inbox.recv_many(&mut asks, MAX_ASKS), if open => {
                    open = count > 0;
                }
                _ = self.sockets.udp.readable() => {}
                received = self.outcomes.recv() => outcome = received,
                () = &mut sleep => {}
            }
            // This lets a client or an upstream on this core send first, so that more goes out in one batch.
            std::thread::yield_now();
            while open
                && asks.len() < MAX_ASKS
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

    /// Handles one batch. Replies that have arrived are handled before any upstream counts as silent, whatever event
    /// woke the thread: on a busy machine an answer may have waited for us longer than we waited for it.
    pub(crate) fn turn(
        &mut self,
        now: Instant,
        asks: &mut Vec<Ask>,
        headers: &mut ReceiveHeaders,
        mut outcome: Option<TcpOutcome>,
    ) {
        self.exchanges.begin(now);
        asks.drain(..).for_each(|ask| self.exchanges.ask(ask, &mut self.sockets));
        let mut events = std::mem::take(&mut self.events);
        self.sockets.udp.receive(headers, &mut events);
        self.take_events(&mut events);
        while let Some(done) = outcome.take().or_else(|| self.outcomes.try_recv().ok()) {
            self.exchanges.take_tcp_outcome(done, &mut self.sockets);
        }
        self.exchanges.run_timers(&mut self.sockets);
        self.keep_house(now);
        self.exchanges.run_queues(&mut self.sockets);
        // A failed send may lead to a query to another upstream; if that fails too, the timer wheel handles it.
        for _ in 0..2 {
            self.sockets.udp.flush(&mut events);
            self.take_events(&mut events);
        }
        self.events = events;
        self.exchanges.end();
    }

    /// When the next batch is due, whatever arrives.
    pub(crate) fn wake(&self, now: Instant) -> Instant {
        let probes = self.exchanges.upstreams.iter().map(|upstream| upstream.loop_search.due);
        let sweep = self.sockets.udp.is_open().then_some(self.sweep_due);
        let others = self.exchanges.wake(now).into_iter().chain(sweep);
        probes.chain(others).fold(self.places_due, Instant::min)
    }

    fn keep_house(&mut self, now: Instant) {
        if self.sweep_due <= now {
            self.sweep_due = now + MAX_AGE / 2;
            self.sockets.udp.sweep(now);
            self.exchanges.upstreams.iter().for_each(|upstream| upstream.publish(now));
        }
        if self.places_due <= now {
            self.look_for_upstreams(now);
        }
        for index in (0..self.exchanges.upstreams.len()).map(UpstreamIndex) {
            if self.exchanges.upstreams[index.0].loop_search.due <= now {
                self.search_for_loop(index, now);
            }
        }
    }

    /// Takes the step of the search for a loop through one upstream that is due.
    fn search_for_loop(&mut self, index: UpstreamIndex, now: Instant) {
        let upstream = &mut self.exchanges.upstreams[index.0];
        if !upstream.loop_search.step(now) {
            return;
        }
        if let Some(query) = upstream.loop_search.query.take() {
            self.sockets.udp.cancel(query);
        }
        let uses = |group: &&GroupState| group.upstreams.contains(&index);
        let Some(group) = self.exchanges.groups.iter().find(uses) else { return };
        let (shared, usual) = (Arc::clone(&upstream.shared), upstream.forms.usual(now));
        if let Some(question) = self.probes.probe(&upstream.loop_search.probed, &group.settings.suffix) {
            let form = QueryForm { mixed: usual.mixed && group.settings.mixes_case(&question.name), ..usual };
            upstream.loop_search.query = self.sockets.udp.send(index, &shared, None, &question, form, now).ok();
        }
    }

    /// Takes the events of the sockets.
    fn take_events(&mut self, events: &mut Vec<SocketEvent>) {
        for event in events.drain(..) {
            let search = &mut self.exchanges.upstreams[event.upstream.0].loop_search;
            if search.query == Some(event.handle) {
                match &event.news {
                    SocketNews::Answer(message) => search.answered(message.rcode.is_answer()),
                    // An error has no records that would need TCP.
                    SocketNews::Truncated { .. } => search.answered(true),
                    _ => {}
                }
            }
            self.exchanges.take_event(event, &mut self.sockets);
        }
    }

    /// Sets the upstreams of each group if their addresses have changed.
    fn look_for_upstreams(&mut self, now: Instant) {
        self.places_due = now + PLACES_INTERVAL;
        if let Some(places) = self.placement.look(self.exchanges.groups.iter().map(|group| &*group.settings.upstreams))
        {
            self.place_upstreams(&places, now);
        }
    }

    fn place_upstreams(&mut self, all: &[Places], now: Instant) {
        let mut groups = std::mem::take(&mut self.exchanges.groups);
        for (group, places) in groups.iter_mut().zip(all) {
            group.is_own = false;
            group.upstreams.clear();
            let mut absent = places.absent.clone();
            for address in &places.addresses {
                if would_loop(*address, &self.listen) {
                    absent.push(format!("'{address}' is this server itself"));
                    group.is_own = true;
                    continue;
                }
                let index = self.upstream_at(*address, &group.settings, now);
                if !group.upstreams.contains(&index) {
                    group.upstreams.push(index);
                }
            }
            let includes_azure = places.addresses.iter().any(|address| is_azure(*address));
            group.counters.includes_azure.store(includes_azure, Relaxed);
            if Placement::may_change(&group.settings.upstreams) {
                tracing::info!(suffix = %group.settings.suffix, upstreams = ?places.addresses, "upstreams found");
            }
            for reason in group.counters.now_absent(absent) {
                tracing::warn!(suffix = %group.settings.suffix, "{reason}; not used until that changes");
            }
        }
        let in_use = |index: &usize| groups.iter().any(|group| group.upstreams.contains(&UpstreamIndex(*index)));
        let upstreams = &self.exchanges.upstreams;
        let used = (0..upstreams.len()).filter(in_use).map(|index| Arc::clone(&upstreams[index].loop_search.probed));
        self.probes.set(used.collect());
        self.exchanges.groups = groups;
    }

    /// The upstream at an address: one for all groups, because its limits are.
    fn upstream_at(&mut self, address: SocketAddr, settings: &GroupSettings, now: Instant) -> UpstreamIndex {
        let upstreams = &mut self.exchanges.upstreams;
        let known = upstreams.iter().position(|upstream| upstream.shared.address == address);
        UpstreamIndex(known.unwrap_or_else(|| {
            upstreams.push(Upstream::new(address, settings.max_in_flight, settings.max_qps, now));
            upstreams.len() - 1
        }))
    }
}

#[cfg(test)]
mod tests;
