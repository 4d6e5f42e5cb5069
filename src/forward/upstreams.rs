//! The upstreams of all groups, and the thread that asks them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::mpsc;

use super::callback::{Batch, Keep};
use super::engine::flight::{FlightKey, Waiter, turn_away};
use super::engine::placement::Placement;
use super::engine::{Ask, Engine, GroupState};
use super::ids::GroupIndex;
use super::question::{Failure, Question};
use super::queue::Queue;
use super::settings::Settings;
use super::status::{GroupCounters, GroupStatus, UpstreamStatus};
use super::upstream::loops::LoopProbes;

/// The capacity of the inbox, in questions; more than the engine takes in one batch.
const INBOX: usize = 8192;

/// The capacity of a group's queue, in questions.
const MAX_QUEUE: usize = 8192;

/// All groups of upstreams and their shared state. The forwarding thread ends when this and all its groups are dropped.
#[derive(Debug)]
pub struct Upstreams {
    groups: Vec<Arc<Group>>,
    probes: Arc<LoopProbes>,
}

impl Upstreams {
    /// No upstreams at all.
    pub fn none() -> Self {
        Self { groups: Vec::new(), probes: Arc::new(LoopProbes::new()) }
    }

    /// Starts the forwarding thread. The runtime is made and dropped on that thread, also on failure: it must not be
    /// dropped inside another runtime.
    ///
    /// # Errors
    /// The system's error, for example if it is out of descriptors or threads.
    pub fn start(settings: Settings) -> io::Result<Self> {
        Self::start_with(settings, LoopProbes::new())
    }

    /// As [`Self::start`], for a run that asks one question and ends: no loop probe is sent.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_without_probes(settings: Settings) -> io::Result<Self> {
        Self::start_with(settings, LoopProbes::off())
    }

    fn start_with(settings: Settings, probes: LoopProbes) -> io::Result<Self> {
        let (sender, started) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            let built = runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let assembled = {
                    let _inside = runtime.enter();
                    Self::assemble_with(settings, probes, Instant::now())
                };
                Ok((assembled?, runtime))
            });
            match built {
                // The caller may have gone.
                Ok(((upstreams, engine, inbox), runtime)) => {
                    if sender.send(Ok(upstreams)).is_ok() {
                        runtime.block_on(engine.run(inbox));
                    }
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        };
        std::thread::Builder::new().name("forward".to_owned()).spawn(work)?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("the forwarding thread stopped at its start")))
    }

    /// The upstreams, and the engine for their thread. Must be called within a tokio runtime.
    #[cfg(test)]
    pub(crate) fn assemble(settings: Settings, now: Instant) -> io::Result<(Self, Engine, mpsc::Receiver<Ask>)> {
        Self::assemble_with(settings, LoopProbes::new(), now)
    }

    fn assemble_with(
        settings: Settings,
        probes: LoopProbes,
        now: Instant,
    ) -> io::Result<(Self, Engine, mpsc::Receiver<Ask>)> {
        let probes = Arc::new(probes);
        let (sender, inbox) = mpsc::channel(INBOX);
        let (mut groups, mut states) = (Vec::new(), Vec::new());
        for (index, settings) in settings.groups.into_iter().enumerate() {
            let counters = Arc::new(GroupCounters::default());
            let timeout = settings.timeout;
            let index = GroupIndex(index);
            groups.push(Arc::new(Group { index, timeout, inbox: sender.clone(), counters: Arc::clone(&counters) }));
            states.push(GroupState {
                settings,
                upstreams: Vec::new(),
                is_own: false,
                queue: Queue::new(MAX_QUEUE),
                counters,
            });
        }
        let placement = Placement::new(settings.resolv_conf);
        let engine = Engine::new(states, placement, settings.listen, Arc::clone(&probes), now)?;
        Ok((Self { groups, probes }, engine, inbox))
    }

    /// The groups, in the order of the settings.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Whether a client's QNAME (wire format, any case) is a probe of ours that came back: it is not forwarded, and the
    /// client gets REFUSED. The upstream that leads back to us is not used from then on until that ends.
    pub fn is_probe(&self, qname: &[u8]) -> bool {
        self.probes.is_probe(qname)
    }

    /// Returns when the forwarding thread has ended, which it does by itself only through a bug.
    pub async fn ended(&self) {
        match self.groups.first() {
            Some(group) => group.inbox.closed().await,
            None => std::future::pending().await,
        }
    }

    /// The status of each upstream in use.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        self.probes.all().iter().map(|upstream| upstream.status()).collect()
    }
}

/// A target for questions: a group of upstreams, or a test in its place.
pub trait AskUpstream: Send + Sync {
    /// Asks a question. Equal questions share one exchange; `keep` of the first stores the outcome before any of them
    /// is called. Each waiter is called once, on another thread unless the question is turned away; `impatient` is one
    /// more that is called sooner, whose failure is not counted.
    fn ask(&self, question: Question, keep: Keep, waiter: Waiter, impatient: Option<Waiter>, now: Instant);

    /// How long one exchange may take.
    fn timeout(&self) -> Duration;

    /// The status of the group.
    fn status(&self) -> GroupStatus;

    /// Whether Azure's resolver is one of the group now.
    fn includes_azure(&self) -> bool {
        false
    }
}

/// A group without upstreams: every question fails at once.
#[derive(Clone, Copy, Debug)]
pub struct NoUpstream;

impl AskUpstream for NoUpstream {
    fn ask(&self, _question: Question, _keep: Keep, waiter: Waiter, impatient: Option<Waiter>, now: Instant) {
        turn_away_here(waiter, impatient, Failure::Stopped, now);
    }

    fn timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn status(&self) -> GroupStatus {
        GroupStatus::default()
    }
}

/// Calls the waiters of a question that does not reach the forwarding thread.
fn turn_away_here(waiter: Waiter, impatient: Option<Waiter>, failure: Failure, now: Instant) {
    let mut batch = Batch::new(now);
    turn_away(waiter, impatient, failure, &mut batch);
    batch.end();
}

/// A group of upstreams to ask.
#[derive(Debug)]
pub struct Group {
    index: GroupIndex,
    timeout: Duration,
    inbox: mpsc::Sender<Ask>,
    counters: Arc<GroupCounters>,
}

impl AskUpstream for Group {
    fn ask(&self, question: Question, keep: Keep, mut waiter: Waiter, mut impatient: Option<Waiter>, now: Instant) {
        let key = Arc::new(FlightKey { group: self.index, question });
        for waiter in [Some(&mut waiter), impatient.as_mut()].into_iter().flatten() {
            waiter.deadline = waiter.deadline.min(now + self.timeout);
        }
        let (ask, failure) = match self.inbox.try_send(Ask { key, keep, waiter, impatient }) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Closed(ask)) => (ask, Failure::Stopped),
            Err(mpsc::error::TrySendError::Full(ask)) => {
                self.counters.asked.one();
                self.counters.overloaded.one();
                (ask, Failure::Overloaded)
            }
        };
        turn_away_here(ask.waiter, ask.impatient, failure, now);
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn status(&self) -> GroupStatus {
        self.counters.status()
    }

    fn includes_azure(&self) -> bool {
        self.counters.includes_azure.load(Relaxed)
    }
}
