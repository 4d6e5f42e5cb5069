//! An upstream that knows the right answers and fails to give them at random. Its names are made up for each question
//! and its failures are the point, so its replies are scripted and its sockets those of scripted upstreams.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::runtime::Runtime;

use crate::support::upstream::answers::{Received, datagrams, whole};
use crate::support::upstream::sockets::{self, Reaction, Serve, Then, Transport};
use crate::truth::{Faulted, draft};

/// The latest that an answer comes, in milliseconds: long after the server has asked another upstream.
const LATEST: u64 = 2500;

/// Running until it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    liar: Arc<Liar>,
    _runtime: Runtime,
}

/// The names in which it failed, and its counts.
struct Liar {
    faulted: Arc<Faulted>,
    asked: AtomicU64,
    over_tcp: AtomicU64,
    failed: AtomicU64,
}

impl Upstream {
    pub(crate) fn start(faulted: &Arc<Faulted>) -> Self {
        let (udp, tcp) = sockets::bind_both(Ipv4Addr::LOCALHOST);
        let address = udp.local_addr().unwrap();
        let [asked, over_tcp, failed] = Default::default();
        let liar = Arc::new(Liar { faulted: Arc::clone(faulted), asked, over_tcp, failed });
        let runtime = sockets::runtime();
        sockets::serve(&runtime, udp, tcp, &liar);
        Self { address, liar, _runtime: runtime }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn line(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let liar = &self.liar;
        format!("{} asked, {} over TCP, {} failed", read(&liar.asked), read(&liar.over_tcp), read(&liar.failed))
    }
}

impl Liar {
    fn fail(&self, received: &Received) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.faulted.insert(&received.name);
    }

    /// The datagrams and the time until they are sent; `None` if there are none.
    fn over_udp(&self, received: &Received) -> Option<(Vec<Vec<u8>>, Duration)> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut rng = rand::rng();
        let mut draft = draft(&received.name, received.qtype);
        let (mut delay, mut is_silent) = (Duration::ZERO, false);
        let mut has_failed = true;
        match rng.random_range(0..100) {
            0..5 => is_silent = true,
            5..10 => delay = Duration::from_millis(rng.random_range(50..LATEST)),
            10..13 => (draft.rcode, draft.answer, draft.authority) = (2, Vec::new(), Vec::new()),
            13..14 => (draft.rcode, draft.answer, draft.authority) = (5, Vec::new(), Vec::new()),
            14..16 => draft.faults.wrong_id = true,
            16..17 => draft.faults.wrong_question = true,
            17..19 => draft.faults.truncate = true,
            19..21 => draft.faults.junk_first = true,
            _ => has_failed = false,
        }
        if has_failed {
            self.fail(received);
        }
        let reply = whole(received, &draft);
        (!is_silent).then(|| (datagrams(received, reply, &draft.faults, Transport::Udp), delay))
    }

    /// The answer over TCP, or that the connection closes.
    fn over_tcp(&self, received: &Received) -> Reaction {
        self.over_tcp.fetch_add(1, Ordering::Relaxed);
        if rand::rng().random_range(0..100) < 10 {
            self.fail(received);
            return Reaction { then: Then::Close, ..Reaction::default() };
        }
        Reaction::send(vec![whole(received, &draft(&received.name, received.qtype))])
    }
}

impl Serve for Liar {
    async fn react(&self, message: &[u8], _client: SocketAddr, by: Transport) -> Reaction {
        let Some(received) = Received::read(message) else { return Reaction::default() };
        if by == Transport::Tcp {
            return self.over_tcp(&received);
        }
        let Some((datagrams, delay)) = self.over_udp(&received) else { return Reaction::default() };
        tokio::time::sleep(delay).await;
        Reaction::send(datagrams)
    }
}
