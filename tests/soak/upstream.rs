//! An upstream that knows the truth and fails to say it at random: UDP in one thread, TCP in one a connection.

use std::collections::BinaryHeap;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::RngExt;

use crate::support::answers::{Received, datagrams};
use crate::support::client::{framed, read_framed};
use crate::truth::{Faulted, draft};

/// How often a thread looks for what is due and whether it should end.
const TICK: Duration = Duration::from_millis(2);
/// The latest that an answer comes: long after whoever asked has asked somebody else.
const LATEST: u64 = 2500;

/// Running until it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    over_tcp: AtomicU64,
    failed: AtomicU64,
}

impl Upstream {
    pub(crate) fn start(faulted: &Arc<Faulted>) -> Self {
        let (udp, tcp) = bind_both();
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
        let address = udp.local_addr().unwrap();
        let mut threads = Vec::new();
        let shared = || (Arc::clone(faulted), Arc::clone(&stop), Arc::clone(&counts));
        let (own_faulted, own_stop, own_counts) = shared();
        threads.push(thread::spawn(move || serve_udp(&udp, &own_faulted, &own_stop, &own_counts)));
        let (own_faulted, own_stop, own_counts) = shared();
        threads.push(thread::spawn(move || serve_tcp(&tcp, &own_faulted, &own_stop, &own_counts)));
        Self { address, stop, counts, threads }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn line(&self) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        format!("{} asked, {} over TCP, {} failed", read(&counts.asked), read(&counts.over_tcp), read(&counts.failed))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It ends by itself; a panic in it has been printed.
            let _ended = thread.join();
        }
    }
}

fn bind_both() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// The datagrams for a question, and when; none if it is dropped.
fn answer(received: &Received, faulted: &Faulted, counts: &Counts) -> (Vec<Vec<u8>>, Duration) {
    counts.asked.fetch_add(1, Ordering::Relaxed);
    let mut rng = rand::rng();
    let mut draft = draft(&received.name, received.qtype);
    let (mut delay, mut silent, die) = (Duration::ZERO, false, rng.random_range(0..100));
    match die {
        0..5 => silent = true,
        5..10 => delay = Duration::from_millis(rng.random_range(50..LATEST)),
        10..13 => (draft.rcode, draft.answer, draft.authority) = (2, Vec::new(), Vec::new()),
        13..14 => (draft.rcode, draft.answer, draft.authority) = (5, Vec::new(), Vec::new()),
        14..16 => draft.faults.wrong_id = true,
        16..17 => draft.faults.wrong_question = true,
        17..19 => draft.faults.truncate = true,
        19..21 => draft.faults.junk_first = true,
        _ => return (datagrams(received, &draft, true), delay),
    }
    counts.failed.fetch_add(1, Ordering::Relaxed);
    faulted.insert(&received.name);
    (if silent { Vec::new() } else { datagrams(received, &draft, true) }, delay)
}

/// What is to be sent later; the earliest is the greatest.
struct Later(Instant, Vec<u8>, SocketAddr);

impl Ord for Later {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.cmp(&self.0)
    }
}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Later {}

fn serve_udp(socket: &UdpSocket, faulted: &Faulted, stop: &AtomicBool, counts: &Counts) {
    socket.set_read_timeout(Some(TICK)).unwrap();
    let (mut later, mut buffer) = (BinaryHeap::new(), [0; 4096]);
    while !stop.load(Ordering::Relaxed) {
        while let Some(Later(due, ..)) = later.peek()
            && *due <= Instant::now()
            && let Some(Later(_, bytes, client)) = later.pop()
        {
            // Whoever asked may be gone, here and below.
            let _gone = socket.send_to(&bytes, client);
        }
        let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
        let Some(received) = Received::read(&buffer[..length]) else { continue };
        let (datagrams, delay) = answer(&received, faulted, counts);
        for bytes in datagrams {
            if delay.is_zero() {
                let _gone = socket.send_to(&bytes, client);
            } else {
                later.push(Later(Instant::now() + delay, bytes, client));
            }
        }
    }
}

fn serve_tcp(listener: &TcpListener, faulted: &Arc<Faulted>, stop: &Arc<AtomicBool>, counts: &Arc<Counts>) {
    listener.set_nonblocking(true).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(TICK);
            continue;
        };
        let (faulted, stop, counts) = (Arc::clone(faulted), Arc::clone(stop), Arc::clone(counts));
        thread::spawn(move || serve_stream(stream, &faulted, &stop, &counts));
    }
}

/// Answers until the die says that the connection closes, answered or not.
fn serve_stream(mut stream: TcpStream, faulted: &Faulted, stop: &AtomicBool, counts: &Counts) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    while !stop.load(Ordering::Relaxed) {
        match stream.peek(&mut [0; 2]) {
            Ok(2) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            _ => return,
        }
        let Ok(query) = read_framed(&mut stream) else { return };
        let Some(received) = Received::read(&query) else { return };
        counts.over_tcp.fetch_add(1, Ordering::Relaxed);
        if rand::rng().random_range(0..100) < 10 {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            faulted.insert(&received.name);
            return;
        }
        for message in datagrams(&received, &draft(&received.name, received.qtype), false) {
            if stream.write_all(&framed(&message)).is_err() {
                return;
            }
        }
    }
}
