//! The upstreams of all groups, and the thread that asks them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::mpsc;

use super::callback::Batch;
use super::engine::flight::{Key, Waiter};
use super::engine::queue::Queue;
use super::engine::{Ask, Engine, GroupState};
use super::ids::GroupIndex;
use super::question::{Failure, Question};
use super::settings::Settings;
use super::status::{GroupCounters, GroupStatus, UpstreamStatus};
use super::upstream::loops::LoopProbes;
use super::upstream::resolv_conf::ResolvConf;

/// The most questions on their way to the engine; more than it takes in one turn.
const INBOX: usize = 8192;

/// The most questions that wait for their turn in one group.
const MAX_QUEUE: usize = 8192;

/// All groups of upstreams and what they share. The thread that asks them ends when this and all its groups are dropped.
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

    /// Starts the thread that asks. A failure happens on that thread: a runtime must not be dropped where another one runs.
    ///
    /// # Errors
    /// What the system says, as when it is out of descriptors or threads.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let (sender, started) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            let built = runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let assembled = {
                    let _inside = runtime.enter();
                    Self::assemble(settings, Instant::now())
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

    /// The upstreams, and what their thread runs. Must be called within a tokio runtime.
    pub(crate) fn assemble(settings: Settings, now: Instant) -> io::Result<(Self, Engine, mpsc::Receiver<Ask>)> {
        let probes = Arc::new(LoopProbes::new());
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
        let resolv_conf = ResolvConf::new(settings.resolv_conf);
        let engine = Engine::new(states, resolv_conf, settings.listen, Arc::clone(&probes), now)?;
        Ok((Self { groups, probes }, engine, inbox))
    }

    /// The groups, in the order of the settings.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Whether a client's QNAME (wire format, any case) is a probe of ours that came back: not to be forwarded, the
    /// client gets REFUSED. The upstream that leads back to us is not used from then on until that ends.
    pub fn is_probe(&self, qname: &[u8]) -> bool {
        self.probes.is_probe(qname)
    }

    /// Comes back when the thread that asks has ended, which it does by itself only through a bug.
    pub async fn ended(&self) {
        match self.groups.first() {
            Some(group) => group.inbox.closed().await,
            None => std::future::pending().await,
        }
    }

    /// How each upstream in use is doing.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        self.probes.all().iter().map(|upstream| upstream.status()).collect()
    }
}

/// Who can be asked upstream: a group of upstreams, or a test in its place.
pub trait AskUpstream: Send + Sync {
    /// Asks. Equal questions share one exchange. Each waiter is called once, on another thread unless the question is turned
    /// away; `impatient` is one more that is called sooner, whose failure counts for nothing.
    fn ask(&self, question: Question, waiter: Waiter, impatient: Option<Waiter>, now: Instant);

    /// How long one exchange may take.
    fn timeout(&self) -> Duration;

    /// How the group is doing.
    fn status(&self) -> GroupStatus;
}

/// A group without upstreams: every question fails at once.
#[derive(Clone, Copy, Debug)]
pub struct NoUpstream;

impl AskUpstream for NoUpstream {
    fn ask(&self, _question: Question, waiter: Waiter, impatient: Option<Waiter>, now: Instant) {
        turn_away(waiter, impatient, Failure::Stopped, now);
    }

    fn timeout(&self) -> Duration {
        Duration::ZERO
    }

    fn status(&self) -> GroupStatus {
        GroupStatus::default()
    }
}

/// Calls the waiters of a question that is not asked.
fn turn_away(waiter: Waiter, impatient: Option<Waiter>, failure: Failure, now: Instant) {
    let mut batch = Batch::new(now);
    for waiter in [Some(waiter), impatient].into_iter().flatten() {
        batch.call(waiter.then, Err(failure));
    }
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
    fn ask(&self, question: Question, mut waiter: Waiter, mut impatient: Option<Waiter>, now: Instant) {
        let key = Arc::new(Key { group: self.index, question });
        for waiter in [Some(&mut waiter), impatient.as_mut()].into_iter().flatten() {
            waiter.deadline = waiter.deadline.min(now + self.timeout);
        }
        let (ask, failure) = match self.inbox.try_send(Ask { key, waiter, impatient }) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Closed(ask)) => (ask, Failure::Stopped),
            Err(mpsc::error::TrySendError::Full(ask)) => {
                self.counters.asked.one();
                self.counters.overloaded.one();
                (ask, Failure::Overloaded)
            }
        };
        turn_away(ask.waiter, ask.impatient, failure, now);
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn status(&self) -> GroupStatus {
        self.counters.status()
    }
}
