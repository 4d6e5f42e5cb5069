//! TCP (RFC 7766, RFC 9210): connections with pipelined queries, answered out of order when an upstream is slow.
//!
//! In: streams of length-prefixed messages. Out: the same. Every resource that a client can hold is bounded:
//! connections in all and per client, queries waiting per connection, and the time a connection may be idle.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use super::hot::Hot;
use super::response::Transport;
use super::road::{self, Served};
use super::{Counters, Shared};

/// What the config says of connections (RFC 9210 section 4 wants these to be the operator's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a connection may go without a complete query or an answer.
    pub idle: Duration,
    /// Connections in all.
    pub max_connections: usize,
    /// Connections of one network: an IPv4 address, or an IPv6 /56.
    pub max_per_network: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { idle: IDLE, max_connections: MAX_CONNECTIONS, max_per_network: MAX_PER_CLIENT }
    }
}

impl Settings {
    /// The idle time in tenths of a second, as RFC 7828 has it.
    pub(super) fn keepalive(&self) -> u16 {
        u16::try_from(self.idle.as_millis() / 100).unwrap_or(u16::MAX)
    }
}

/// Connections in all. Each costs some kilobytes and a file descriptor.
const MAX_CONNECTIONS: usize = 4000;

/// Connections of one client address: a site's resolver is one address, so this is wide.
const MAX_PER_CLIENT: usize = 1500;

/// Queries of one connection that may wait for upstreams; then it is not read until one is answered.
const MAX_WAITING: usize = 100;

/// How long a connection may go without a complete query or an answer, and a client may be slow to take its
/// answers (RFC 9210 section 4.3: seconds). Single octets that trickle in do not count.
const IDLE: Duration = Duration::from_secs(15);

/// Octets read at a time.
const READ: usize = 16 << 10;

/// Connections that are open.
struct Connections {
    all: Arc<Semaphore>,
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

/// One client's place; it is given back on drop.
struct Place {
    connections: Arc<Connections>,
    client: IpAddr,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

/// Accepts connections until `stopped` turns true.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let connections =
        Arc::new(Connections { all: Arc::new(Semaphore::new(MAX_CONNECTIONS)), by_client: Mutex::default() });
    let mut open = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = open.join_next() => continue,
        };
        match accepted {
            Ok((stream, client)) => {
                Counters::add(&shared.counters.tcp_connections);
                match connections.admit(client.ip()) {
                    Some(place) => {
                        open.spawn(serve(stream, client, Arc::clone(&shared), stopped.clone(), place));
                    }
                    None => Counters::add(&shared.counters.tcp_rejected),
                }
            }
            // Out of descriptors, say: accepting at once again would only burn the core.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    while open.join_next().await.is_some() {}
}

impl Connections {
    fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_client.entry(client).or_default();
        if *count >= MAX_PER_CLIENT {
            return None;
        }
        *count += 1;
        Some(Place { connections: Arc::clone(self), client, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_client = self.connections.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                by_client.remove(&self.client);
            }
        }
    }
}

/// One connection from its first octet to its last.
async fn serve(
    stream: TcpStream,
    client: SocketAddr,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
    _place: Place,
) {
    // Without it the kernel may hold small answers back; if it cannot be set they are merely later.
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.into_split();
    // The number of questions that wait is bounded, and with it this queue.
    let (late, mut lates) = mpsc::unbounded_channel::<Vec<u8>>();
    let mut inbox = Vec::with_capacity(READ);
    let mut outbox = Vec::new();
    let mut waiting = 0_usize;
    let mut reading = true;
    // One timer and one wait for the end for the life of the connection: both cost more than an answer.
    let mut last = tokio::time::Instant::now();
    let idle = tokio::time::sleep_until(last + IDLE);
    let stop = stopped.wait_for(|stopped| *stopped);
    tokio::pin!(idle, stop);
    let mut stopping = false;
    while reading || waiting > 0 {
        tokio::select! {
            read = reader.read_buf(&mut inbox), if reading && waiting < MAX_WAITING => {
                reading = matches!(read, Ok(octets) if octets > 0);
                let drained = drain(&mut inbox, &mut outbox, &shared, client, &late);
                waiting += drained.waiting;
                reading &= drained.well_formed && !stopping;
                if drained.messages > 0 {
                    last = tokio::time::Instant::now();
                }
            }
            Some(answer) = lates.recv(), if waiting > 0 => {
                waiting -= 1;
                last = tokio::time::Instant::now();
                frame(&mut outbox, &answer);
            }
            () = &mut idle, if reading && waiting < MAX_WAITING => {
                reading = last + IDLE > tokio::time::Instant::now();
                idle.as_mut().reset(last + IDLE);
            }
            _ = &mut stop, if !stopping => (stopping, reading) = (true, false),
        }
        if flush(&mut writer, &mut outbox).await.is_err() {
            return;
        }
    }
}

struct Drained {
    messages: u64,
    waiting: usize,
    well_formed: bool,
}

/// Serves every complete message in `inbox`.
fn drain(
    inbox: &mut Vec<u8>,
    outbox: &mut Vec<u8>,
    shared: &Arc<Shared>,
    client: SocketAddr,
    late: &mpsc::UnboundedSender<Vec<u8>>,
) -> Drained {
    let mut drained = Drained { messages: 0, waiting: 0, well_formed: true };
    let snapshot = shared.snapshot.load();
    let now = Instant::now();
    let mut wires = shared.stream_wires.try_lock().ok();
    let mut hot = wires.as_deref_mut().map(|wires| Hot::new(&snapshot, &shared.misses, wires, now));
    let mut at = 0;
    while let Some(prefix) = inbox.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
        let Some(message) = inbox.get(at + 2..at + 2 + length) else { break };
        drained.messages += 1;
        at += 2 + length;
        if hot.as_mut().is_some_and(|hot| answer_hot(hot, message, client, outbox)) {
            continue;
        }
        match road::serve(shared, &snapshot, message, client, Transport::Tcp, now) {
            // Who sends what is no query will not make sense later either.
            Served::Nothing => drained.well_formed = false,
            Served::Now(bytes) => frame(outbox, &bytes),
            Served::Lasting(bytes, repeat) => {
                frame(outbox, &bytes);
                if let Some(hot) = &mut hot {
                    hot.keep(message, &bytes, &repeat);
                }
            }
            Served::Later(later) => {
                drained.waiting += 1;
                let late = late.clone();
                // The connection may be gone by then.
                later.finish(shared, now, move |answer, _| drop(late.send(answer.bytes)));
            }
        }
    }
    shared.counters.tcp_queries.fetch_add(drained.messages, Relaxed);
    if let Some(hot) = hot {
        hot.count(&shared.counters);
    }
    inbox.drain(..at);
    drained
}

/// Answers in place, behind two octets of length.
fn answer_hot(hot: &mut Hot<'_>, message: &[u8], client: SocketAddr, outbox: &mut Vec<u8>) -> bool {
    let start = outbox.len();
    outbox.extend_from_slice(&[0, 0]);
    let answered = hot.answer(message, client, Transport::Tcp, outbox);
    // No answer over TCP is longer than its length can say.
    match (answered, u16::try_from(outbox.len() - start - 2)) {
        (Some(()), Ok(length)) => outbox[start..start + 2].copy_from_slice(&length.to_be_bytes()),
        _ => outbox.truncate(start),
    }
    answered.is_some()
}

fn frame(outbox: &mut Vec<u8>, message: &[u8]) {
    if let Ok(length) = u16::try_from(message.len()) {
        outbox.extend_from_slice(&length.to_be_bytes());
        outbox.extend_from_slice(message);
    }
}

async fn flush(writer: &mut OwnedWriteHalf, outbox: &mut Vec<u8>) -> io::Result<()> {
    if outbox.is_empty() {
        return Ok(());
    }
    let written = tokio::time::timeout(IDLE, writer.write_all(outbox)).await;
    outbox.clear();
    written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
