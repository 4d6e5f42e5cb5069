//! The engine on a clock that the test moves, with upstreams that act on the same clock.
//!
//! The engine is the real one, and so are its sockets. It handles a batch when the test calls for one: each batch ends
//! when every sent datagram has been received, and time goes on to the next moment at which something is due. Nothing
//! waits, and the results do not depend on how busy the machine is. TCP is simulated as far as the engine sees it; the
//! connection itself is tested in `tcp.rs`.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::Mutex;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::tests::*;
use crate::dns::Message;
use crate::forward::ids::UpstreamIndex;
use crate::forward::transport::message;
use crate::forward::transport::tcp::{self, Job, Order, TcpOutcome};
use crate::forward::transport::udp_pool::ReceiveHeaders;

/// How long the kernel may take to carry a datagram to the next socket: this passes only if something is broken.
const KERNEL: Duration = Duration::from_secs(30);

/// Questions in one batch: no more than an upstream's socket takes.
const AT_ONCE: usize = 64;

/// The largest number of steps until an answer.
const STEPS: usize = 1_000_000;

type Script = Box<dyn FnMut(&Got) -> Replies + Send>;

/// The place for an answer and its time.
pub(crate) type Place = Arc<Mutex<Option<(Result<Arc<Reply>, Failure>, Instant)>>>;

pub(crate) struct World {
    pub(crate) forwarder: Upstreams,
    pub(crate) now: Instant,
    engine: Engine,
    inbox: mpsc::Receiver<Ask>,
    headers: ReceiveHeaders,
    upstreams: Vec<Acted>,
    /// Future replies of upstreams, by time and in the order in which they were made.
    later: BTreeMap<(Instant, usize), Say>,
    thoughts: usize,
}

struct Acted {
    address: SocketAddr,
    actor: Actor,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Datagrams so far, including probes.
    heard: u64,
    probes: Vec<Vec<u8>>,
    asked: usize,
    /// Questions over TCP.
    over_tcp: usize,
    open: usize,
}

/// The upstream at an address.
enum Actor {
    Scripted(UdpSocket, Script),
    /// An upstream that never reads.
    Deaf(#[expect(dead_code, reason = "it holds the port")] UdpSocket),
    Nobody,
}

/// A future reply of an upstream.
struct Say {
    upstream: usize,
    to: To,
    bytes: Vec<u8>,
    is_last: bool,
}

enum To {
    Port(SocketAddr),
    Job(Job, Box<[u8]>),
}

/// The upstreams of a world that is not built yet.
#[derive(Default)]
pub(crate) struct Cast(Vec<(SocketAddr, Actor)>);

impl Cast {
    /// An upstream that acts by the script, one query at a time. Over TCP an empty reply closes the connection.
    pub(crate) fn scripted(&mut self, script: impl FnMut(&Got) -> Replies + Send + 'static) -> SocketAddr {
        let socket = socket();
        socket.set_read_timeout(Some(KERNEL)).unwrap();
        self.join(socket.local_addr().unwrap(), Actor::Scripted(socket, Box::new(script)))
    }

    /// An upstream that takes datagrams and ignores them.
    pub(crate) fn deaf(&mut self) -> SocketAddr {
        let socket = socket();
        self.join(socket.local_addr().unwrap(), Actor::Deaf(socket))
    }

    /// An address without a listener.
    pub(crate) fn nobody(&mut self) -> SocketAddr {
        self.join(nobody(), Actor::Nobody)
    }

    /// An address that the kernel refuses: a broadcast address needs a permission that the socket does not have.
    pub(crate) fn unroutable(&mut self) -> SocketAddr {
        self.join(SocketAddr::from(([255, 255, 255, 255], 1024 + u16::try_from(self.0.len()).unwrap())), Actor::Nobody)
    }

    fn join(&mut self, address: SocketAddr, actor: Actor) -> SocketAddr {
        self.0.push((address, actor));
        address
    }

    /// A world with one group of all these upstreams.
    pub(crate) fn begin(self) -> World {
        let all: Vec<SocketAddr> = self.0.iter().map(|(address, _)| *address).collect();
        self.begin_with(vec![group(&all)])
    }

    pub(crate) fn begin_with(self, groups: Vec<GroupSettings>) -> World {
        let settings = Settings { groups, resolv_conf: "/nonexistent".into(), listen: vec![] };
        let now = Instant::now();
        let (forwarder, mut engine, inbox) = Upstreams::assemble(settings, now).unwrap();
        let all: Vec<SocketAddr> = forwarder.status().iter().map(|upstream| upstream.address).collect();
        assert_eq!(all, self.0.iter().map(|(address, _)| *address).collect::<Vec<_>>(), "each is in a group, in order");
        let acted = |(index, (address, actor)): (usize, (SocketAddr, Actor))| {
            let orders = engine.sockets.tcp.act(UpstreamIndex(index));
            Acted { address, actor, orders, heard: 0, probes: Vec::new(), asked: 0, over_tcp: 0, open: 0 }
        };
        let upstreams = self.0.into_iter().enumerate().map(acted).collect();
        let headers = ReceiveHeaders::new();
        World { forwarder, now, engine, inbox, headers, upstreams, later: BTreeMap::new(), thoughts: 0 }
    }
}

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

impl World {
    /// A world with one upstream.
    pub(crate) fn of(script: impl FnMut(&Got) -> Replies + Send + 'static) -> Self {
        let mut cast = Cast::default();
        cast.scripted(script);
        cast.begin()
    }

    /// Queries that an upstream received, without probes.
    pub(crate) fn asked(&self, upstream: usize) -> usize {
        self.upstreams[upstream].asked
    }

    /// Queries among them that arrived over TCP.
    pub(crate) fn asked_over_tcp(&self, upstream: usize) -> usize {
        self.upstreams[upstream].over_tcp
    }

    /// The names of probes that an upstream received.
    pub(crate) fn probes(&self, upstream: usize) -> &[Vec<u8>] {
        &self.upstreams[upstream].probes
    }

    pub(crate) fn counts(&self, upstream: usize) -> Counts {
        counts(&self.forwarder, upstream)
    }

    pub(crate) fn status(&self) -> GroupStatus {
        self.forwarder.groups()[0].status()
    }

    /// Asks a group a question; the answer will be in the returned place.
    pub(crate) fn pose(
        &self,
        group: usize,
        question: Question,
        network: Option<ClientNetwork>,
        patience: Duration,
    ) -> Place {
        let (place, waiter) = self.waiter(network, patience);
        self.forwarder.groups()[group].ask(question, Box::new(|outcome, _| outcome), waiter, None, self.now);
        place
    }

    /// Asks the first group a question whose outcome is stored by `keep`.
    pub(crate) fn pose_kept(&self, question: Question, keep: Keep, patience: Duration) -> Place {
        let (place, waiter) = self.waiter(None, patience);
        self.forwarder.groups()[0].ask(question, keep, waiter, None, self.now);
        place
    }

    fn waiter(&self, network: Option<ClientNetwork>, patience: Duration) -> (Place, Waiter) {
        let place = Place::default();
        let answer = Arc::clone(&place);
        let then = Box::new(move |answered, batch: &mut Batch| *answer.lock().unwrap() = Some((answered, batch.now)));
        (place, Waiter { network, deadline: self.now + patience, has_fallback: false, then })
    }

    /// Asks a question; returns the answer and the time it took.
    pub(crate) async fn timed(&mut self, name: &str) -> (Result<Arc<Reply>, Failure>, Duration) {
        self.all([name.to_owned()]).await.remove(0)
    }

    pub(crate) async fn ask(&mut self, name: &str) -> Result<Arc<Reply>, Failure> {
        self.timed(name).await.0
    }

    /// Asks all of these at once.
    pub(crate) async fn all(
        &mut self,
        names: impl IntoIterator<Item = String>,
    ) -> Vec<(Result<Arc<Reply>, Failure>, Duration)> {
        let begin = self.now;
        let places: Vec<Place> =
            names.into_iter().map(|name| self.pose(0, question(&name), None, Duration::from_mins(1))).collect();
        let mut answers = Vec::new();
        for place in places {
            let (answer, at) = self.answer(&place).await;
            answers.push((answer, at - begin));
        }
        answers
    }

    /// Lets time pass until there is an answer.
    pub(crate) async fn answer(&mut self, place: &Place) -> (Result<Arc<Reply>, Failure>, Instant) {
        self.turn().await;
        for _ in 0..STEPS {
            if let Some(answered) = place.lock().unwrap().take() {
                return answered;
            }
            self.step(None).await;
        }
        panic!("no answer");
    }

    /// Lets this much time pass.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        self.turn().await;
        while self.now < until {
            self.step(Some(until)).await;
        }
    }

    /// Goes to the next moment at which something happens, but not beyond `until`.
    async fn step(&mut self, until: Option<Instant>) {
        let said = self.later.first_key_value().map(|((at, _), _)| *at);
        let next = self.engine.wake(self.now).min(said.unwrap_or(self.engine.wake(self.now)));
        self.now = until.map_or(next, |until| next.min(until)).max(self.now);
        while let Some(first) = self.later.first_entry().filter(|first| first.key().0 <= self.now) {
            let say = first.remove();
            self.deliver(say).await;
        }
        self.turn().await;
    }

    /// Lets the engine handle batches at this moment until it has nothing left to do.
    pub(crate) async fn turn(&mut self) {
        loop {
            let mut asks = Vec::new();
            while asks.len() < AT_ONCE
                && let Ok(ask) = self.inbox.try_recv()
            {
                asks.push(ask);
            }
            self.engine.turn(self.now, &mut asks, &mut self.headers, None);
            self.hear();
            self.hear_of_closed_ports().await;
            if self.inbox.is_empty() {
                return;
            }
        }
    }

    /// The kernel reports a closed port.
    async fn hear_of_closed_ports(&mut self) {
        for upstream in 0..self.upstreams.len() {
            while matches!(self.upstreams[upstream].actor, Actor::Nobody)
                && self.engine.sockets.udp.is_hopeful(UpstreamIndex(upstream))
            {
                self.read().await;
            }
        }
    }

    /// Handles a batch as soon as there is something to read.
    async fn read(&mut self) {
        timeout(KERNEL, self.engine.sockets.udp.readable()).await.expect("something to read").unwrap();
        self.engine.turn(self.now, &mut Vec::new(), &mut self.headers, None);
        self.hear();
    }

    /// Each upstream reads its queries, and schedules its replies.
    fn hear(&mut self) {
        for upstream in 0..self.upstreams.len() {
            let counts = self.counts(upstream);
            let sent = counts.sent + counts.probes;
            while let Some((bytes, from)) = self.upstreams[upstream].next(sent) {
                self.consider(upstream, bytes, To::Port(from));
            }
            while let Ok(order) = self.upstreams[upstream].orders.try_recv() {
                let Order::Ask(job) = order else { continue };
                let query = message::query(7, &job.question, job.form, || 0);
                self.consider(upstream, query.to_vec(), To::Job(job, query));
            }
        }
    }

    fn consider(&mut self, index: usize, bytes: Vec<u8>, to: To) {
        let upstream = &mut self.upstreams[index];
        let (from, tcp) = match &to {
            To::Port(from) => (*from, false),
            To::Job(..) => (upstream.address, true),
        };
        let got = Got { bytes, tcp, from, number: upstream.asked, open: upstream.open };
        (upstream.asked, upstream.over_tcp) = (upstream.asked + 1, upstream.over_tcp + usize::from(tcp));
        let replies = match &mut upstream.actor {
            Actor::Scripted(_, script) => script(&got),
            Actor::Nobody => vec![],
            Actor::Deaf(_) => return,
        };
        match to {
            To::Port(from) => {
                upstream.open += usize::from(!replies.is_empty());
                let (mut at, last) = (self.now, replies.len());
                for (number, (delay, bytes)) in replies.into_iter().enumerate() {
                    at += delay;
                    self.think(at, Say { upstream: index, to: To::Port(from), bytes, is_last: number + 1 == last });
                }
            }
            To::Job(..) => {
                let (delay, bytes) = replies.into_iter().next().unwrap_or_default();
                self.think(self.now + delay, Say { upstream: index, to, bytes, is_last: false });
            }
        }
    }

    fn think(&mut self, at: Instant, say: Say) {
        self.thoughts += 1;
        self.later.insert((at, self.thoughts), say);
    }

    async fn deliver(&mut self, say: Say) {
        let upstream = &mut self.upstreams[say.upstream];
        upstream.open -= usize::from(say.is_last);
        match (say.to, &upstream.actor) {
            (To::Port(port), Actor::Scripted(socket, _)) if self.engine.sockets.udp.has_mail(port.port()).is_some() => {
                socket.send_to(&say.bytes, port).unwrap();
                let begin = Instant::now();
                while self.engine.sockets.udp.has_mail(port.port()) == Some(false) {
                    assert!(begin.elapsed() < KERNEL, "a datagram got lost on the way to {port}");
                    tokio::task::yield_now().await;
                }
                self.read().await;
            }
            // A reply to a closed port is lost.
            (To::Port(_), _) => {}
            (To::Job(job, query), _) => {
                let answer = outcome(&query, &say.bytes);
                let outcome = TcpOutcome { upstream: UpstreamIndex(say.upstream), flight: job.flight, answer };
                self.engine.turn(self.now, &mut Vec::new(), &mut self.headers, Some(outcome));
                self.hear();
            }
        }
    }
}

impl Acted {
    /// The next query, until all sent queries were read.
    fn next(&mut self, sent: u64) -> Option<(Vec<u8>, SocketAddr)> {
        let Actor::Scripted(socket, _) = &self.actor else { return None };
        while self.heard < sent {
            let mut buffer = [0; 4096];
            let (length, from) = socket.recv_from(&mut buffer).expect("a sent datagram arrives");
            self.heard += 1;
            if !scripted::is_probe(&buffer[..length]) {
                return Some((buffer[..length].to_vec(), from));
            }
            self.probes.push(crate::dns::Query::parse(&buffer[..length]).unwrap().qname.to_vec());
        }
        None
    }
}

/// The outcome of a question that this reply came for, or none.
fn outcome(query: &[u8], bytes: &[u8]) -> Result<Box<Message>, Failure> {
    if bytes.is_empty() {
        return Err(Failure::Unreachable);
    }
    tcp::judge(query, bytes).unwrap_or(Err(Failure::Timeout))
}
