//! Floor 2: everything that is not ours is asked upstream.
//!
//! In: [`Question`]s for a [`Group`] of upstreams, with a deadline. Out: a scrubbed [`Reply`] or the [`Failure`], one for
//! all who ask the same at the same time. Never: a record that was not asked for, an upstream's word for anything but
//! its own reply, more in flight than an upstream takes, or memory that grows while one is dead.
//!
//! ```text
//!    Group::ask --> engine (one thread, owns all of what follows) --> udp (sockets in batches), tcp (a task each)
//!                     exchange   one question, until it has its answer    socket    one port and who waits on it
//!                     arrival    what comes back                          datagram  bytes, and do they answer it
//!                     flight     what to try next                         batch     sendmmsg, recvmmsg
//!                     upstream   health, limit, lacks; loops              scrub     what is kept of a reply
//!                     queue      whose turn it is when upstreams are busy
//! ```

pub mod cache;
mod callback;
mod engine;
mod question;
pub mod resolver;
pub mod scrub;
mod settings;
mod status;
mod transport;
mod upstream;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

pub use callback::{AfterBatch, Batch, OnReply};
use engine::flight::{Key, Waiter};
use engine::queue::Queue;
use engine::{Ask, Engine, GroupState};
pub use question::{Chain, Failure, Question, Reply};
pub use settings::{GroupSettings, Settings, UpstreamSpec};
use status::GroupCounters;
pub use status::{Counts, GroupStatus, State, UpstreamStatus};
use upstream::loops::LoopProbes;
pub use upstream::loops::would_loop;
use upstream::resolv_conf::ResolvConf;

/// Questions on their way to the engine at most; more than it takes in one turn.
const INBOX: usize = 8192;

/// Questions that wait for their turn in one group.
const MAX_QUEUE: usize = 8192;

/// The forwarder: its groups and what they share. It ends when it and all its groups are dropped.
#[derive(Debug)]
pub struct Upstreams {
    groups: Vec<Arc<Group>>,
    directory: Arc<LoopProbes>,
}

impl Upstreams {
    /// Starts the forwarder's thread. Whatever fails, fails on that thread: a runtime must not be dropped where another one runs.
    ///
    /// # Errors
    /// What the system says; out of descriptors or threads, say.
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
                // Whoever starts it may have gone.
                Ok(((forwarder, engine, inbox), runtime)) => {
                    if sender.send(Ok(forwarder)).is_ok() {
                        runtime.block_on(engine.run(inbox));
                    }
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        };
        std::thread::Builder::new().name("forward".to_owned()).spawn(work)?;
        started.recv().unwrap_or_else(|_| Err(io::Error::other("the forwarder's thread broke off")))
    }

    /// The forwarder, and what its thread runs. Must be called within a tokio runtime.
    fn assemble(settings: Settings, now: Instant) -> io::Result<(Self, Engine, mpsc::Receiver<Ask>)> {
        let directory = Arc::new(LoopProbes::new());
        let (sender, inbox) = mpsc::channel(INBOX);
        let (mut groups, mut states) = (Vec::new(), Vec::new());
        for (index, settings) in settings.groups.into_iter().enumerate() {
            let counters = Arc::new(GroupCounters::default());
            let timeout = settings.timeout;
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
        let engine = Engine::new(states, resolv_conf, settings.listen, Arc::clone(&directory), now)?;
        Ok((Self { groups, directory }, engine, inbox))
    }

    /// The groups, in the order of the settings.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Whether a client's QNAME (wire format, any case) is a probe of ours that came back: not to be forwarded, the
    /// client gets REFUSED. The upstream that leads back to us is not used from then on until that ends.
    pub fn is_probe(&self, qname: &[u8]) -> bool {
        self.directory.is_probe(qname)
    }

    /// Comes back when the forwarder's thread has ended, which it does by itself only through a bug.
    pub async fn ended(&self) {
        match self.groups.first() {
            Some(group) => group.inbox.closed().await,
            None => std::future::pending().await,
        }
    }

    /// How each upstream in use is doing.
    pub fn upstreams(&self) -> Vec<UpstreamStatus> {
        self.directory.all().iter().map(|upstream| upstream.status()).collect()
    }
}

/// A group of upstreams to ask.
#[derive(Debug)]
pub struct Group {
    index: usize,
    timeout: Duration,
    inbox: mpsc::Sender<Ask>,
    counters: Arc<GroupCounters>,
}

impl Group {
    /// Asks for a client of this network, 0 for nobody; where upstreams are busy, networks take turns. The answer comes before `deadline` and before the group's timeout. Equal questions share one exchange,
    /// which goes on when this future is dropped.
    pub async fn ask(&self, question: &Question, network: u64, deadline: Instant) -> Result<Arc<Reply>, Failure> {
        let (answer, receiver) = oneshot::channel();
        // Whoever asked may have gone.
        let then = Box::new(|answered, _: &mut Batch| drop(answer.send(answered)));
        self.ask_then(question.clone(), network, deadline, Instant::now(), then);
        receiver.await.unwrap_or(Err(Failure::Stopped))
    }

    /// Asks as [`Group::ask`] does; the answer goes to `then`, on another thread unless the question is turned away.
    pub fn ask_then(&self, question: Question, network: u64, deadline: Instant, now: Instant, then: OnReply) {
        let key = Arc::new(Key { group: self.index, question });
        let waiter = Waiter { network, deadline: deadline.min(now + self.timeout), then };
        let (ask, failure) = match self.inbox.try_send(Ask { key, waiter }) {
            Ok(()) => return,
            Err(mpsc::error::TrySendError::Closed(ask)) => (ask, Failure::Stopped),
            Err(mpsc::error::TrySendError::Full(ask)) => {
                self.counters.asked.one();
                self.counters.overloaded.one();
                (ask, Failure::Overloaded)
            }
        };
        let mut turn = Batch::new(now);
        turn.call(ask.waiter.then, Err(failure));
        turn.end();
    }

    /// How long one exchange may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How the group is doing.
    pub fn status(&self) -> GroupStatus {
        self.counters.status()
    }
}
