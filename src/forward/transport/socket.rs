//! One port to an upstream, and the questions that wait on it.
//!
//! In: datagrams and errors that the kernel has for it. Out: [`SocketEvent`]s. A datagram counts only if it comes from
//! the address asked (the kernel checks this, because the socket is connected) and carries a waiting id and its
//! question; any other is counted, and the wait goes on. Never: sending, or a second use of an id while it is known
//! here.

use std::hash::BuildHasher;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use nix::errno::Errno;
use rand::{Rng, RngExt};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use super::message::{self, Match, QueryForm};
use crate::dns::{Message, Rcode};
use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::Question;
use crate::forward::status::{ErrorKind, SharedUpstream};

/// New questions that one socket takes.
pub(crate) const MAX_QUERIES: usize = 64;
/// How long a socket takes new questions.
pub(crate) const MAX_AGE: Duration = Duration::from_millis(100);
/// Ports to draw from: 55,296 of them, above those that services commonly listen on.
const FIRST_PORT: u16 = 10240;
/// Wrong ids or questions on one socket that suggest somebody guesses.
const MAX_NEAR_MISSES: u8 = 8;

/// One question on one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueryHandle {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
    pub(crate) id: u16,
}

/// An event for a question.
#[derive(Debug)]
pub(crate) struct SocketEvent {
    pub(crate) upstream: UpstreamIndex,
    pub(crate) flight: Option<FlightId>,
    pub(crate) handle: QueryHandle,
    /// When the question was first sent with this handle.
    pub(crate) sent: Instant,
    pub(crate) news: SocketNews,
}

/// The reason why there is no socket for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSocket {
    /// This host has no route to the upstream, or may not use it. The kernel knows that by itself, so nobody can forge
    /// it.
    NoRoute,
    /// This host has run out of descriptors, ports or memory: that says nothing about the upstream.
    Exhausted,
}

impl From<io::Error> for NoSocket {
    fn from(error: io::Error) -> Self {
        use Errno::{EADDRINUSE, EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC};
        match error.raw_os_error().map(Errno::from_raw) {
            None | Some(EADDRINUSE | EAGAIN | EMFILE | ENFILE | ENOBUFS | ENOMEM | ENOSPC) => Self::Exhausted,
            Some(_) => Self::NoRoute,
        }
    }
}

/// The kind of event.
#[derive(Debug)]
pub(crate) enum SocketNews {
    /// The answer; the handle is used up.
    Answer(Box<Message>),
    /// The answer is too long for a datagram; the handle is used up.
    Truncated { rcode: Rcode, has_edns: bool },
    /// The answer except for the case of the name; the handle still waits.
    CaseMismatch,
    /// A header without a question or records; the handle still waits.
    Bare(Rcode),
    /// The answer does not parse; the handle still waits.
    Malformed,
    /// The network reports that the upstream cannot be reached, which anybody may have forged; the handle still waits.
    Unreachable(Errno),
    /// Somebody is guessing; the handle is used up.
    SpoofSuspected,
}

impl SocketNews {
    /// Whether the handle is used up.
    pub(crate) fn is_last(&self) -> bool {
        matches!(self, Self::Answer(_) | Self::Truncated { .. } | Self::SpoofSuspected)
    }

    /// Whether it shows that the upstream is alive: somebody who did not see the query would have had to guess its id
    /// and its question.
    pub(crate) fn is_from_the_upstream(&self) -> bool {
        !matches!(self, Self::Bare(_) | Self::Unreachable(_) | Self::SpoofSuspected)
    }

    /// The upstream's error that it shows, if any, and the system's number for it.
    pub(crate) fn error(&self) -> Option<(ErrorKind, Option<Errno>)> {
        match self {
            Self::Malformed => Some((ErrorKind::Malformed, None)),
            Self::SpoofSuspected => Some((ErrorKind::Spoof, None)),
            Self::Unreachable(errno) => Some((ErrorKind::of(*errno), Some(*errno))),
            Self::Answer(_) | Self::Truncated { .. } | Self::CaseMismatch | Self::Bare(_) => None,
        }
    }

    /// A bit for each kind of which a question hears only once.
    fn kind(&self) -> u8 {
        match self {
            Self::Answer(_) | Self::Truncated { .. } | Self::SpoofSuspected => 0,
            Self::CaseMismatch => 1,
            Self::Bare(_) => 2,
            Self::Malformed => 4,
            Self::Unreachable(_) => 8,
        }
    }
}

/// One port.
pub(crate) struct Socket {
    raw: RawSocket,
    pub(crate) upstream: UpstreamIndex,
    pub(crate) shared: Arc<SharedUpstream>,
    opened: Instant,
    pending: Vec<PendingQuery>,
    live: usize,
    near_misses: u8,
    accepting: bool,
}

struct PendingQuery {
    id: u16,
    live: bool,
    /// The kinds of news that it has heard of and that leave it waiting: a flood of them costs no more than counting.
    heard: u8,
    /// A hash of the name, which spares most comparisons of it.
    name: u32,
    flight: Option<FlightId>,
    sent: Instant,
    query: Box<[u8]>,
}

impl PendingQuery {
    /// The event, unless the question has heard of its kind before.
    fn event(&mut self, upstream: UpstreamIndex, at: QueryHandle, news: SocketNews) -> Option<SocketEvent> {
        let is_known = self.heard & news.kind() != 0;
        self.heard |= news.kind();
        let handle = QueryHandle { id: self.id, ..at };
        (!is_known).then_some(SocketEvent { upstream, flight: self.flight, handle, sent: self.sent, news })
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.raw.as_fd()
    }
}

impl Socket {
    /// A socket on a random port that receives from that upstream only.
    pub(crate) fn open(upstream: UpstreamIndex, shared: &Arc<SharedUpstream>, now: Instant) -> io::Result<Self> {
        Ok(Self {
            raw: connected(shared.address)?,
            upstream,
            shared: Arc::clone(shared),
            opened: now,
            pending: Vec::with_capacity(8),
            live: 0,
            near_misses: 0,
            accepting: true,
        })
    }

    /// Whether it has something to read, if this is its port.
    #[cfg(test)]
    pub(crate) fn has_mail(&self, port: u16) -> Option<bool> {
        let own = self.raw.local_addr().ok()?.as_socket()?.port();
        (own == port).then(|| self.raw.peek(&mut [std::mem::MaybeUninit::uninit()]).is_ok())
    }

    /// Whether it takes new questions; once it does not, it never does again.
    pub(crate) fn accepts(&mut self, now: Instant) -> bool {
        self.accepting &= self.pending.len() < MAX_QUERIES && now.saturating_duration_since(self.opened) < MAX_AGE;
        self.accepting
    }

    /// Whether a question for the same name and type waits here: another one must not share the port, or a guess of
    /// either id would be believed.
    pub(crate) fn waits_for(&self, question: &Question) -> bool {
        let name = name_hash(question);
        let mut same = self.pending.iter().filter(|pending| pending.name == name && pending.live);
        same.any(|pending| message::asks_for(&pending.query, question))
    }

    /// Stops taking new questions.
    pub(crate) fn retire(&mut self) {
        self.accepting = false;
    }

    /// Whether it can be closed.
    pub(crate) fn is_done(&self) -> bool {
        !self.accepting && self.live == 0
    }

    /// Takes a question and returns its id and the query to send.
    pub(crate) fn ask(
        &mut self,
        flight: Option<FlightId>,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> (u16, &[u8]) {
        let mut random = rand::rng();
        let id = self.unused_id(&mut random);
        let query = message::query(id, question, form, || random.next_u64());
        self.live += 1;
        (
            id,
            &self
                .pending
                .push_mut(PendingQuery {
                    id,
                    live: true,
                    heard: 0,
                    name: name_hash(question),
                    flight,
                    sent: now,
                    query,
                })
                .query,
        )
    }

    /// The query that waits with this id.
    pub(crate) fn query(&self, id: u16) -> Option<&[u8]> {
        self.pending.iter().find(|pending| pending.id == id && pending.live).map(|pending| &*pending.query)
    }

    fn unused_id(&mut self, random: &mut impl Rng) -> u16 {
        if self.pending.len() > 4 * MAX_QUERIES {
            self.pending.retain(|pending| pending.live);
        }
        loop {
            let id = random.random();
            if self.pending.iter().all(|pending| pending.id != id) {
                return id;
            }
        }
    }

    /// Ends a wait; the id stays known, so that a second answer is told from a guess.
    pub(crate) fn finish(&mut self, id: u16) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id && pending.live) {
            pending.live = false;
            pending.query = Box::default();
            self.live -= 1;
        }
    }

    /// Handles an error that the kernel has for the socket.
    pub(crate) fn unreachable(&mut self, errno: Errno, at: QueryHandle, events: &mut Vec<SocketEvent>) {
        self.shared.counters.unreachable.one();
        let live = self.pending.iter_mut().filter(|pending| pending.live);
        events.extend(live.filter_map(|pending| pending.event(self.upstream, at, SocketNews::Unreachable(errno))));
    }

    /// Whether a question waits that has heard of no error.
    #[cfg(test)]
    pub(crate) fn is_hopeful(&self) -> bool {
        self.pending
            .iter()
            .any(|pending| pending.live && pending.heard & SocketNews::Unreachable(Errno::ECONNREFUSED).kind() == 0)
    }

    /// Handles one datagram with the upstream's source address, which may be forged.
    pub(crate) fn take(&mut self, at: QueryHandle, bytes: &[u8], cut: bool, events: &mut Vec<SocketEvent>) {
        let counters = &self.shared.counters;
        let Some(id) = message::id(bytes) else {
            counters.junk_form.one();
            return;
        };
        let Some(pending) = self.pending.iter_mut().find(|pending| pending.id == id) else {
            counters.junk_id.one();
            return self.near_miss(at, events);
        };
        if !pending.live {
            counters.late.one();
            return;
        }
        let news = match message::judge(&pending.query, bytes) {
            Match::Answer if cut || bytes[2] & 0x02 != 0 => truncated(bytes),
            Match::Answer => {
                let message = Message::parse(bytes).map_err(|_| counters.junk_form.one());
                message.map_or(SocketNews::Malformed, |message| SocketNews::Answer(Box::new(message)))
            }
            Match::CaseMismatch => SocketNews::CaseMismatch,
            Match::Bare => match Message::parse(bytes) {
                Ok(message) => SocketNews::Bare(message.rcode),
                Err(_) => return counters.junk_form.one(),
            },
            Match::OtherQuestion => {
                counters.junk_question.one();
                return self.near_miss(at, events);
            }
            Match::Junk => return counters.junk_form.one(),
        };
        let is_last = news.is_last();
        events.extend(pending.event(self.upstream, at, news));
        if is_last {
            self.finish(id);
        }
    }

    fn near_miss(&mut self, at: QueryHandle, events: &mut Vec<SocketEvent>) {
        self.near_misses = self.near_misses.saturating_add(1);
        if self.near_misses >= MAX_NEAR_MISSES {
            for pending in self.pending.iter_mut().filter(|pending| pending.live) {
                pending.live = false;
                events.extend(pending.event(self.upstream, at, SocketNews::SpoofSuspected));
            }
            (self.live, self.accepting) = (0, false);
        }
    }
}

/// A truncated answer: its records are not used, and it may end within one.
fn truncated(bytes: &[u8]) -> SocketNews {
    match Message::parse(bytes) {
        Ok(message) => SocketNews::Truncated { rcode: message.rcode, has_edns: message.has_edns },
        Err(_) => SocketNews::Truncated { rcode: Rcode(u16::from(bytes[3] & 0xf)), has_edns: false },
    }
}

fn name_hash(question: &Question) -> u32 {
    let hash = FixedState::default().hash_one(question.name.as_wire());
    u32::try_from(hash >> 32).unwrap_or_default()
}

/// A socket on a random port that receives from `address` only.
fn connected(address: SocketAddr) -> io::Result<RawSocket> {
    let kind = Type::DGRAM.nonblocking().cloexec();
    let socket = RawSocket::new(Domain::for_address(address), kind, Some(Protocol::UDP))?;
    for _ in 0..8 {
        let port = rand::rng().random_range(FIRST_PORT..=u16::MAX);
        let local = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        };
        if socket.bind(&local.into()).is_ok() {
            break;
        }
    }
    // If all eight ports were taken, the kernel draws one here.
    socket.connect(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::Rtype;

    #[test]
    fn a_question_hears_of_the_first_error_of_the_network_and_the_others_are_only_counted() {
        let shared = Arc::new(SharedUpstream::new("127.0.0.1:9".parse().unwrap()));
        let mut socket = Socket::open(UpstreamIndex(0), &shared, Instant::now()).unwrap();
        let (dnssec_ok, checking_disabled, authentic_data) = (false, false, false);
        let form = QueryForm::FULL;
        let at = QueryHandle { slot: 0, generation: 0, id: 0 };
        let mut heard = Vec::new();
        for name in ["one.example", "two.example"] {
            let name = name.parse().unwrap();
            let question = Question { name, rtype: Rtype::A, dnssec_ok, checking_disabled, authentic_data };
            socket.ask(None, &question, form, Instant::now());
            let mut events = Vec::new();
            (0..1000).for_each(|_| socket.unreachable(Errno::ECONNREFUSED, at, &mut events));
            assert!(events.iter().all(|event| matches!(event.news, SocketNews::Unreachable(_))));
            heard.push(events.len());
        }
        assert_eq!(heard, [1, 1]);
        assert_eq!(socket.live, 2, "both still wait");
    }
}
