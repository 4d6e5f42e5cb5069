//! UDP workers: one thread and one socket each, datagrams received and answered in batches.
//!
//! In: datagrams. Out: datagrams. A worker never waits for an upstream: such queries go to the forwarder, and their
//! answers leave on the same socket, those that are ready at one time in one batch.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrIn, SockaddrIn6};

use super::Shared;
use super::datagrams::{BATCH, Headers, Incoming, Outgoing, Peer};
use super::hot::Hot;
use super::lates::Lates;
use super::response::Transport;
use super::road::{self, Served};
use super::wire::Wires;

/// How long a worker may take to see that it is to stop.
pub(super) const STOP_LATENCY: Duration = Duration::from_millis(200);

/// Answers datagrams until `stop` is set.
pub(super) fn worker(socket: &Arc<UdpSocket>, shared: &Arc<Shared>, stop: &AtomicBool) {
    if socket.local_addr().is_ok_and(|address| address.is_ipv4()) {
        Worker::<SockaddrIn>::new(socket, shared).run(stop);
    } else {
        Worker::<SockaddrIn6>::new(socket, shared).run(stop);
    }
}

struct Worker<'a, P> {
    socket: &'a Arc<UdpSocket>,
    shared: &'a Arc<Shared>,
    lates: Arc<Lates<P>>,
}

impl<'a, P: Peer> Worker<'a, P> {
    fn new(socket: &'a Arc<UdpSocket>, shared: &'a Arc<Shared>) -> Self {
        Self { socket, shared, lates: Lates::new(socket) }
    }

    fn run(&self, stop: &AtomicBool) {
        let mut incoming = Incoming::<P>::new(self.socket);
        let mut outgoing = Outgoing::<P>::new(self.socket);
        let mut headers = Headers::new(BATCH, outgoing.is_wildcard());
        let mut wires = Wires::new(Instant::now());
        while !stop.load(Ordering::Relaxed) {
            match incoming.receive(self.socket) {
                Ok(()) => {
                    self.serve(&incoming, &mut outgoing, &mut wires);
                    outgoing.send(self.socket, &mut headers, MsgFlags::empty());
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                // Nothing a client does leads here. Whatever it is, it must not spin a core.
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn serve(&self, incoming: &Incoming<P>, outgoing: &mut Outgoing<P>, wires: &mut Wires) {
        let snapshot = self.shared.snapshot.load();
        let now = Instant::now();
        let mut hot = Hot::new(&snapshot, &self.shared.misses, wires, now);
        let mut count = 0;
        for (message, route) in incoming.messages() {
            count += 1;
            let client = route.peer.to_std();
            if hot.answer(message, client, Transport::Udp, &mut outgoing.bytes).is_some() {
                outgoing.end_answer(route);
                continue;
            }
            match road::serve(self.shared, &snapshot, message, client, Transport::Udp, now) {
                Served::Nothing => {}
                Served::Now(bytes) => {
                    outgoing.bytes.extend_from_slice(&bytes);
                    outgoing.end_answer(route);
                }
                Served::Lasting(bytes, repeat) => {
                    hot.keep(message, &bytes, &repeat);
                    outgoing.bytes.extend_from_slice(&bytes);
                    outgoing.end_answer(route);
                }
                Served::Later(later) => {
                    let lates = Arc::clone(&self.lates);
                    later.finish(self.shared, now, move |answer, turn| lates.push(answer, route, turn));
                }
            }
        }
        self.shared.counters.udp_queries.fetch_add(count, Ordering::Relaxed);
        hot.count(&self.shared.counters);
    }
}
