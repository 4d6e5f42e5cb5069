//! The clients: they ask at a steady pace, answered or not, and judge each answer.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::{Rng, RngExt};

use crate::kills::Outages;
use crate::support::client::ask;
use crate::support::reply::Reply;
use crate::tally::Tally;
use crate::truth::{ACCOUNTS, Faulted, Kind, POPULAR, Verdict};

/// Threads that ask over UDP.
const THREADS: u64 = 2;
/// The time that an answer may take: longer than the server's own deadline.
const PATIENCE: Duration = Duration::from_secs(8);
/// Between two questions over TCP.
const TCP_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Clients(Vec<JoinHandle<()>>);

/// The state of a client thread.
struct Client {
    server: SocketAddr,
    faulted: Arc<Faulted>,
    tally: Arc<Tally>,
    outages: Arc<Outages>,
    stop: Arc<AtomicBool>,
}

impl Clients {
    pub(crate) fn start(
        server: SocketAddr,
        qps: u64,
        faulted: &Arc<Faulted>,
        tally: &Arc<Tally>,
        outages: &Arc<Outages>,
        stop: &Arc<AtomicBool>,
    ) -> Self {
        let client = || Client {
            server,
            faulted: Arc::clone(faulted),
            tally: Arc::clone(tally),
            outages: Arc::clone(outages),
            stop: Arc::clone(stop),
        };
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let client = client();
            threads.push(thread::spawn(move || client.ask_over_udp(qps / THREADS)));
        }
        let client = client();
        threads.push(thread::spawn(move || client.ask_over_tcp()));
        Self(threads)
    }

    /// Waits until every question has its answer or has run out of time.
    pub(crate) fn join(self) {
        self.0.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// Of a hundred questions: what a backup server and its neighbours ask.
fn kind() -> Kind {
    let mut rng = rand::rng();
    let account = rng.random_range(0..ACCOUNTS);
    match rng.random_range(0..100) {
        0..15 => Kind::Ours(account),
        15..30 => Kind::Chased(account),
        30..35 => Kind::Partitioned(account),
        35..40 => Kind::Theirs(account),
        40..45 => Kind::NoType(account),
        45..50 => Kind::Gone(rng.next_u64()),
        50..85 => Kind::Popular(rng.random_range(0..POPULAR)),
        85..95 => Kind::Fresh(rng.next_u64()),
        _ => Kind::Missing(rng.next_u64()),
    }
}

impl Client {
    fn ask_over_udp(&self, qps: u64) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.connect(self.server).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let (mut open, mut buffer) = (HashMap::new(), vec![0; 65535]);
        let (start, mut asked, mut swept) = (Instant::now(), 0, Instant::now());
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            let due = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_mul(qps) / 1000;
            while asked < due && !stopping {
                asked += 1;
                self.send(&socket, &mut open);
            }
            while let Ok(length) = socket.recv(&mut buffer) {
                self.take(&buffer[..length], &mut open);
                if open.is_empty() || start.elapsed() > Duration::from_millis((asked + 20) * 1000 / qps) {
                    break;
                }
            }
            if swept.elapsed() > Duration::from_secs(1) || stopping {
                swept = Instant::now();
                self.sweep(&mut open);
            }
            if stopping && open.is_empty() {
                return;
            }
        }
    }

    fn send(&self, socket: &UdpSocket, open: &mut HashMap<[u8; 2], (Kind, Instant)>) {
        let kind = kind();
        let mut query = ask(&kind.name(), kind.qtype()).bytes();
        while open.contains_key(&[query[0], query[1]]) {
            query[1] = query[1].wrapping_add(1);
            query[0] = query[0].wrapping_add(3);
        }
        self.tally.asked();
        // The first try may have to hear that an earlier question met no server. What cannot be sent shows as lost.
        let _full = socket.send(&query).or_else(|_| socket.send(&query));
        open.insert([query[0], query[1]], (kind, Instant::now()));
    }

    fn take(&self, bytes: &[u8], open: &mut HashMap<[u8; 2], (Kind, Instant)>) {
        let asked = bytes.first_chunk().and_then(|id| open.remove(id));
        match asked {
            Some((kind, _)) => self.judge(kind, Reply::read(bytes.to_vec())),
            None => self.tally.wrong(format!("an answer that nobody asked for, {bytes:02x?}")),
        }
    }

    fn sweep(&self, open: &mut HashMap<[u8; 2], (Kind, Instant)>) {
        open.retain(|_, (kind, sent)| {
            let is_over = sent.elapsed() > PATIENCE;
            if is_over && self.outages.excuse(*sent) {
                self.tally.died();
            } else if is_over {
                self.tally.lost(&format!("{kind:?} {}", kind.name()));
            }
            !is_over
        });
    }

    /// Large sets, which do not fit elsewhere.
    fn ask_over_tcp(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let kind = Kind::Large(rand::rng().random_range(0..POPULAR));
            self.tally.asked();
            let sent = Instant::now();
            match ask(&kind.name(), kind.qtype()).tcp().try_to(self.server) {
                Err(_) if self.outages.excuse(sent) => self.tally.died(),
                reply => self.judge(kind, reply),
            }
            thread::sleep(TCP_PAUSE);
        }
    }

    fn judge(&self, kind: Kind, reply: Result<Reply, String>) {
        let reply = match reply {
            Ok(reply) => reply,
            Err(why) => return self.tally.wrong(format!("{kind:?} {}: {why}", kind.name())),
        };
        self.tally.answered(&reply.rcode);
        match kind.judge(&reply, &self.faulted) {
            Verdict::Right => self.tally.right(),
            Verdict::Failed => self.tally.failed(),
            Verdict::Wrong(what) => self.tally.wrong(what),
        }
    }
}
