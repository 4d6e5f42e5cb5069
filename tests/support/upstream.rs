//! A scripted upstream: UDP and TCP on one port of 127.0.0.1, each in a thread.

use std::collections::{BTreeMap, HashSet};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::answers::{Received, datagrams};
use super::client::{framed, read_framed};
use super::script::{Draft, Script, dotted};
use super::{SOON, wait_until};

/// How often a thread looks whether it should end.
const TICK: Duration = Duration::from_millis(20);

/// An upstream that is killed when it goes out of scope.
pub(crate) struct Upstream {
    address: SocketAddr,
    state: Arc<Shared>,
    running: Option<Running>,
    /// Of one that was killed: its UDP port, kept from other tests' servers.
    kept: Option<UdpSocket>,
}

/// What the threads share with the test.
struct Shared {
    state: Mutex<State>,
    /// Rings when answers that are held may go.
    released: Condvar,
}

struct State {
    script: Script,
    asked: BTreeMap<(String, u16), Asked>,
    /// How often held answers were let go.
    releases: u32,
}

/// How often a question came.
#[derive(Default)]
struct Asked {
    /// Whatever came, repetitions too.
    messages: u32,
    /// Port and id of each query that was no repetition.
    queries: HashSet<(SocketAddr, [u8; 2])>,
}

impl Asked {
    /// Who hears nothing in time sends the same again, then without EDNS, then over TCP: how often depends on how busy
    /// the machine is. All of that is one question.
    fn count(&mut self, bytes: &[u8], client: SocketAddr, is_first_way: bool) -> u32 {
        self.messages += 1;
        if is_first_way || self.queries.is_empty() {
            self.queries.insert((client, [bytes[0], bytes[1]]));
        }
        self.messages
    }

    fn questions(&self) -> u32 {
        u32::try_from(self.queries.len()).unwrap_or(u32::MAX)
    }
}

struct Running {
    udp: UdpSocket,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Upstream {
    /// Starts on a port from the kernel.
    pub(crate) fn start(script: Script) -> Self {
        let (udp, tcp) = bind_both();
        let address = udp.local_addr().unwrap();
        let state = State { script, asked: BTreeMap::new(), releases: 0 };
        let state = Arc::new(Shared { state: Mutex::new(state), released: Condvar::new() });
        let running = Some(Running::start(udp, tcp, &state));
        Self { address, state, running, kept: None }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it answers.
    pub(crate) fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut lock(&self.state).script);
    }

    /// Lets go what is held, and holds no more.
    pub(crate) fn release(&self) {
        let mut state = lock(&self.state);
        state.releases += 1;
        state.script.faults.hold = false;
        self.state.released.notify_all();
    }

    /// How often it was asked this; the same question again, without EDNS, or over TCP counts once.
    pub(crate) fn asked(&self, name: &str, qtype: &str) -> u32 {
        let qtype: domain::base::Rtype = qtype.parse().unwrap_or_else(|_| panic!("{qtype} is no RR type"));
        lock(&self.state).asked.get(&(dotted(name), qtype.to_int())).map_or(0, Asked::questions)
    }

    /// Every question it got so far, with a count.
    pub(crate) fn questions(&self) -> Vec<String> {
        let shown = |((name, qtype), asked): (&(String, u16), &Asked)| {
            format!("{name} TYPE{qtype} {}x in {} messages", asked.questions(), asked.messages)
        };
        lock(&self.state).asked.iter().map(shown).collect()
    }

    /// Closes its sockets: from now on nobody is there.
    pub(crate) fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            let udp = running.end();
            // A socket that is connected to someone else holds the port, and to all others the kernel says that nobody is there.
            udp.connect((Ipv4Addr::LOCALHOST, 1)).unwrap();
            self.kept = Some(udp);
        }
    }

    /// Comes back on the same port.
    pub(crate) fn restart(&mut self) {
        if self.running.is_none() {
            drop(self.kept.take());
            let mut both = None;
            // A late answer may still hold the old socket, or a client have been given the port for a moment.
            wait_until("the upstream's port is free again", || {
                let udp = UdpSocket::bind(self.address).ok();
                both = udp.zip(TcpListener::bind(self.address).ok());
                both.is_some()
            });
            let (udp, tcp) = both.unwrap();
            self.running = Some(Running::start(udp, tcp, &self.state));
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One port for both: the kernel chooses for TCP, and UDP must get the same.
fn bind_both() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Waits until the answer to a question that came after so many releases may go; `false` if the upstream ends instead.
    fn may_go(&self, draft: &Draft, releases: u32, stop: &AtomicBool) -> bool {
        std::thread::sleep(draft.faults.delay);
        let mut state = lock(self);
        while draft.faults.hold && state.releases == releases {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            state = self.released.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Running {
    fn start(udp: UdpSocket, tcp: TcpListener, state: &Arc<Shared>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        udp.set_read_timeout(Some(TICK)).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let kept = udp.try_clone().unwrap();
        let (udp_state, udp_stop) = (Arc::clone(state), Arc::clone(&stop));
        let (tcp_state, tcp_stop) = (Arc::clone(state), Arc::clone(&stop));
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, &udp_state, &udp_stop)),
            std::thread::spawn(move || serve_tcp(&tcp, &tcp_state, &tcp_stop)),
        ];
        Self { udp: kept, stop, threads }
    }

    /// Ends the threads; the socket is left for whoever wants to keep the port.
    fn end(self) -> UdpSocket {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            assert!(thread.join().is_ok(), "a thread of the scripted upstream panicked");
        }
        self.udp
    }
}

fn serve_udp(socket: &UdpSocket, state: &Arc<Shared>, stop: &Arc<AtomicBool>) {
    let mut buffer = [0; 4096];
    while !stop.load(Ordering::Relaxed) {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
        let Some((received, draft, releases)) = consider(&buffer[..length], client, state, true) else { continue };
        let socket = if draft.faults.wrong_source {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
        } else {
            socket.try_clone().unwrap()
        };
        let (state, stop) = (Arc::clone(state), Arc::clone(stop));
        let send = move || {
            if !state.may_go(&draft, releases, &stop) {
                return;
            }
            for datagram in datagrams(&received, &draft, true) {
                // The client may be gone.
                let _gone = socket.send_to(&datagram, client);
            }
        };
        std::thread::spawn(send);
    }
}

fn serve_tcp(listener: &TcpListener, state: &Arc<Shared>, stop: &Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, client)) => {
                let (state, stop) = (Arc::clone(state), Arc::clone(stop));
                std::thread::spawn(move || serve_stream(stream, client, &state, &stop));
            }
            Err(_) => std::thread::sleep(TICK),
        }
    }
}

fn serve_stream(mut stream: TcpStream, client: SocketAddr, state: &Shared, stop: &AtomicBool) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(TICK)).unwrap();
    while !stop.load(Ordering::Relaxed) {
        match stream.peek(&mut [0; 2]) {
            Ok(2) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            _ => return,
        }
        stream.set_read_timeout(Some(SOON)).unwrap();
        let Ok(query) = read_framed(&mut stream) else { return };
        stream.set_read_timeout(Some(TICK)).unwrap();
        let Some((received, draft, releases)) = consider(&query, client, state, false) else { continue };
        if draft.faults.close_tcp || !state.may_go(&draft, releases, stop) {
            return;
        }
        for message in datagrams(&received, &draft, false) {
            if stream.write_all(&framed(&message)).is_err() {
                return;
            }
        }
    }
}

/// Counts a question and looks up its reply; `None` if none is to be sent. How often held answers were let go before
/// goes with it.
fn consider(bytes: &[u8], client: SocketAddr, state: &Shared, udp: bool) -> Option<(Received, Draft, u32)> {
    let received = Received::read(bytes)?;
    let mut state = lock(state);
    let asked = state.asked.entry((dotted(&received.name), received.qtype.to_int())).or_default();
    let count = asked.count(bytes, client, udp && received.payload.is_some());
    let draft = state.script.draft(&received.name, received.qtype);
    let faults = &draft.faults;
    let transport = if udp { faults.drop_udp } else { faults.drop_tcp };
    let dropped = count <= faults.drop || transport || faults.drop_edns && received.payload.is_some();
    (!dropped).then_some((received, draft, state.releases))
}
