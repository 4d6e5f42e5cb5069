//! The sockets to the upstreams: many short-lived connected ones, written and read in batches.
//!
//! In: questions for an upstream. Out: [`SocketEvent`]s. Each upstream has one socket that takes new questions, until
//! that is old or full, and others whose last questions still wait; below ten questions a second each has a port of its
//! own (docs/decisions/0004-upstream-sockets.md). Never: a wait other than for something to read, or a decision about
//! what to do next.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::batch;
pub(crate) use super::batch::ReceiveHeaders;
use super::message::QueryForm;
use super::socket::{NoSocket, QueryHandle, Socket, SocketEvent};
use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::Question;
use crate::forward::status::{ErrorKind, SharedUpstream, errno};

/// The largest number of sockets to one upstream; beyond that the newest takes more questions than usual.
const MAX_SOCKETS: usize = 256;

/// Errors after which the rest of a batch is not sent.
const MAX_SEND_ERRORS: usize = 4;

/// All sockets to upstreams.
pub(crate) struct UdpPool {
    poller: AsyncFd<Poller>,
    slots: Vec<SocketSlot>,
    free: Vec<u32>,
    /// By upstream: the socket that takes new questions, and the number of open ones.
    current: Vec<(Option<u32>, usize)>,
    outbox: Vec<Datagram>,
    bytes: Vec<u8>,
    inbox: Box<[u8]>,
}

/// A datagram to send.
struct Datagram {
    query: QueryHandle,
    /// Where it is in the pool's bytes.
    bytes: Range<usize>,
    is_probe: bool,
}

struct Poller(Epoll);

impl Poller {
    /// Registers with the runtime, which wakes the forwarding thread when a socket has something to read.
    fn registered(self) -> io::Result<AsyncFd<Self>> {
        #[expect(
            deprecated,
            reason = "what its unsafe successor wants kept is kept here: the descriptor is owned, private, always the \
                      same, and open for as long as it is registered"
        )]
        AsyncFd::with_interest(self, Interest::READABLE)
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

#[derive(Default)]
struct SocketSlot {
    generation: u32,
    socket: Option<Socket>,
}

impl UdpPool {
    /// Must be called within a tokio runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self {
            poller: Poller(epoll).registered()?,
            slots: Vec::new(),
            free: Vec::new(),
            current: Vec::new(),
            outbox: Vec::new(),
            bytes: Vec::new(),
            inbox: vec![0; batch::SIZE * batch::DATAGRAM].into(),
        })
    }

    /// Puts a question into the outbox.
    pub(crate) fn send(
        &mut self,
        upstream: UpstreamIndex,
        shared: &Arc<SharedUpstream>,
        flight: Option<FlightId>,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> Result<QueryHandle, NoSocket> {
        let has_space = self.current.get(upstream.0).is_none_or(|(_, open)| *open < MAX_SOCKETS);
        if has_space && self.current_socket(upstream).is_some_and(|socket| socket.waits_for(question)) {
            self.fresh_port(upstream);
        }
        let slot = self.accepting_slot(upstream, shared, now)?;
        let index = slot as usize;
        let generation = self.slots[index].generation;
        let Some(socket) = self.slots[index].socket.as_mut() else {
            return Err(NoSocket::Exhausted);
        };
        let (id, query) = socket.ask(flight, question, form, now);
        let handle = QueryHandle { slot, generation, id };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(query);
        self.outbox.push(Datagram { query: handle, bytes: start..self.bytes.len(), is_probe: flight.is_none() });
        Ok(handle)
    }

    /// The socket that takes new questions for an upstream.
    fn current_socket(&self, upstream: UpstreamIndex) -> Option<&Socket> {
        let (current, _) = self.current.get(upstream.0)?;
        self.slots.get((*current)? as usize)?.socket.as_ref()
    }

    /// Makes the next question for this upstream leave from a port of its own.
    pub(crate) fn fresh_port(&mut self, upstream: UpstreamIndex) {
        if let Some(slot) = self.current.get_mut(upstream.0).and_then(|(current, _)| current.take()) {
            if let Some(socket) = &mut self.slots[slot as usize].socket {
                socket.retire();
            }
            self.close_if_done(slot);
        }
    }

    /// Puts the same datagram into the outbox again: a second id would give an attacker a second one to guess.
    pub(crate) fn resend(&mut self, handle: QueryHandle) {
        let Some(socket) = socket(&mut self.slots, handle) else {
            return;
        };
        if let Some(query) = socket.query(handle.id) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(query);
            // Only questions of flights are sent again.
            self.outbox.push(Datagram { query: handle, bytes: start..self.bytes.len(), is_probe: false });
        }
    }

    /// Ends the wait for the answer to this question.
    pub(crate) fn cancel(&mut self, handle: QueryHandle) {
        if let Some(socket) = socket(&mut self.slots, handle) {
            socket.finish(handle.id);
            self.close_if_done(handle.slot);
        }
    }

    /// Waits until a socket has something to read.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        // Readiness is cleared by `receive`, once nothing is left.
        self.poller.readable().await.map(|mut guard| guard.retain_ready())
    }

    /// Sends what is in the outbox.
    pub(crate) fn flush(&mut self, events: &mut Vec<SocketEvent>) {
        let mut outbox = std::mem::take(&mut self.outbox);
        outbox.sort_by_key(|datagram| (datagram.query.slot, datagram.bytes.start));
        for run in outbox.chunk_by(|a, b| (a.query.slot, a.query.generation) == (b.query.slot, b.query.generation)) {
            self.send_run(run, events);
        }
        outbox.clear();
        self.outbox = outbox;
        self.bytes.clear();
    }

    fn send_run(&mut self, run: &[Datagram], events: &mut Vec<SocketEvent>) {
        let handle = run[0].query;
        let Some(socket) = socket(&mut self.slots, handle) else {
            return;
        };
        let (mut rest, mut errors) = (run, 0);
        while !rest.is_empty() {
            let chunk = &rest[..rest.len().min(batch::SIZE)];
            let datagrams = chunk.iter().map(|datagram| &self.bytes[datagram.bytes.clone()]);
            match batch::send(socket.as_fd().as_raw_fd(), datagrams) {
                Ok(sent) => {
                    let probes = chunk.iter().take(sent).filter(|datagram| datagram.is_probe).count();
                    socket.shared.counters.probes.add(probes);
                    socket.shared.counters.sent.add(sent - probes);
                    rest = &rest[sent.max(1)..];
                }
                Err(Errno::EINTR) => {}
                // The kernel has no buffer space: the retransmit will do.
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => {
                    socket.shared.counters.send_dropped.add(chunk.len());
                    rest = &rest[chunk.len()..];
                }
                // An error that a datagram before this one met, reported once; or one that stays.
                Err(errno) => {
                    socket.unreachable(errno, handle, events);
                    errors += 1;
                    if errors > MAX_SEND_ERRORS {
                        socket.shared.counters.send_dropped.add(rest.len());
                        break;
                    }
                }
            }
        }
        self.close_if_done(handle.slot);
    }

    /// Reads everything there is to read, up to a bound that leaves time for the rest of the thread.
    pub(crate) fn receive(&mut self, headers: &mut ReceiveHeaders, events: &mut Vec<SocketEvent>) {
        let mut ready = [EpollEvent::empty(); 64];
        for _ in 0..16 {
            let waited = self.poller.try_io(Interest::READABLE, |poller| {
                match poller.0.wait(&mut ready, EpollTimeout::ZERO)? {
                    // This tells tokio that nothing is left, unless something has arrived since.
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    count => Ok(count),
                }
            });
            let Ok(count) = waited else {
                return;
            };
            for event in &ready[..count] {
                let [slot, generation] = split(event.data());
                self.receive_from(QueryHandle { slot, generation, id: 0 }, headers, events);
            }
        }
    }

    fn receive_from(&mut self, at: QueryHandle, headers: &mut ReceiveHeaders, events: &mut Vec<SocketEvent>) {
        let Some(socket) = socket(&mut self.slots, at) else {
            return;
        };
        match headers.receive(socket.as_fd().as_raw_fd(), &mut self.inbox) {
            Ok(lengths) => {
                for (index, (length, cut)) in lengths.iter().enumerate() {
                    let start = index * batch::DATAGRAM;
                    socket.take(at, &self.inbox[start..start + length], *cut, events);
                }
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => socket.unreachable(errno, at, events),
        }
        self.close_if_done(at.slot);
    }

    /// Closes old sockets without waiting questions.
    pub(crate) fn sweep(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            if let Some(socket) = &mut self.slots[slot].socket {
                socket.accepts(now);
                self.close_if_done(u32::try_from(slot).unwrap_or(u32::MAX));
            }
        }
    }

    /// Whether any socket is open.
    pub(crate) fn is_open(&self) -> bool {
        self.free.len() < self.slots.len()
    }

    /// Whether a port of ours has something to read; `None` once it is closed.
    #[cfg(test)]
    pub(crate) fn has_mail(&self, port: u16) -> Option<bool> {
        self.slots.iter().find_map(|slot| slot.socket.as_ref()?.has_mail(port))
    }

    /// Whether a question to an upstream waits that has heard of no error.
    #[cfg(test)]
    pub(crate) fn is_hopeful(&self, upstream: UpstreamIndex) -> bool {
        let mut sockets = self.slots.iter().filter_map(|slot| slot.socket.as_ref());
        sockets.any(|socket| socket.upstream == upstream && socket.is_hopeful())
    }

    fn close_if_done(&mut self, slot: u32) {
        let Some(entry) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if let Some(socket) = entry.socket.take_if(|socket| socket.is_done()) {
            entry.generation = entry.generation.wrapping_add(1);
            self.free.push(slot);
            let (current, open) = &mut self.current[socket.upstream.0];
            current.take_if(|current| *current == slot);
            *open -= 1;
        }
    }

    /// The socket of an upstream that takes a new question.
    fn accepting_slot(
        &mut self,
        upstream: UpstreamIndex,
        shared: &Arc<SharedUpstream>,
        now: Instant,
    ) -> Result<u32, NoSocket> {
        if self.current.len() <= upstream.0 {
            self.current.resize(upstream.0 + 1, (None, 0));
        }
        let (current, open) = self.current[upstream.0];
        if let Some(slot) = current {
            let full = open >= MAX_SOCKETS;
            if self.slots[slot as usize].socket.as_mut().is_some_and(|socket| socket.accepts(now) || full) {
                return Ok(slot);
            }
        }
        let opened = self.open(upstream, shared, now).inspect_err(|error| {
            shared.last_error.note(ErrorKind::Unreachable, errno(error), now);
        });
        match opened.map_err(NoSocket::from) {
            Ok(slot) => {
                if let Some(old) = self.current[upstream.0].0.replace(slot) {
                    self.close_if_done(old);
                }
                self.current[upstream.0].1 += 1;
                Ok(slot)
            }
            // An old port is better than no answer.
            Err(NoSocket::Exhausted) => {
                current.filter(|slot| self.slots[*slot as usize].socket.is_some()).ok_or(NoSocket::Exhausted)
            }
            Err(NoSocket::NoRoute) => Err(NoSocket::NoRoute),
        }
    }

    fn open(&mut self, upstream: UpstreamIndex, shared: &Arc<SharedUpstream>, now: Instant) -> io::Result<u32> {
        let socket = Socket::open(upstream, shared, now)?;
        let slot = match self.free.last() {
            Some(slot) => *slot,
            None => u32::try_from(self.slots.len()).map_err(io::Error::other)?,
        };
        let generation = self.slots.get(slot as usize).map_or(0, |entry| entry.generation);
        let event = EpollEvent::new(EpollFlags::EPOLLIN, u64::from(slot) << 32 | u64::from(generation));
        self.poller.get_ref().0.add(&socket, event)?;
        if self.free.pop().is_none() {
            self.slots.push(SocketSlot::default());
        }
        self.slots[slot as usize].socket = Some(socket);
        Ok(slot)
    }
}

fn socket(slots: &mut [SocketSlot], at: QueryHandle) -> Option<&mut Socket> {
    slots.get_mut(at.slot as usize).filter(|slot| slot.generation == at.generation)?.socket.as_mut()
}

fn split(data: u64) -> [u32; 2] {
    [data >> 32, data & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(u32::MAX))
}
