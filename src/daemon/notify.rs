//! NOTIFY (RFC 1996): the sockets around [`crate::transfer::notify`], which decides.
//!
//! In: a signal that the zones or the peers changed, and datagrams. Out: datagrams, and the states for `status`. One
//! socket for each address that messages leave from: secondaries know this server by the address that it listens on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rand::RngExt;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use crate::server::Shared;
use crate::status::seconds;
use crate::transfer::notify::{Notifier, Outgoing, Pair, wanted};

/// Octets of a reply at most: one repeats the question and perhaps a signature.
const MAX_REPLY: usize = 1232;

/// Replies that may wait to be looked at.
const REPLIES: usize = 64;

/// Tells peers of changes, until it is dropped.
pub(super) struct Notifying {
    changed: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Notifying {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Notifying {
    /// Starts; messages leave from one of the addresses that the server listens on.
    pub(super) fn start(shared: &Arc<Shared>, listen: &[SocketAddr]) -> Self {
        let changed = Arc::new(Notify::new());
        let work = Work {
            shared: Arc::clone(shared),
            sources: listen.iter().map(SocketAddr::ip).collect(),
            sockets: BTreeMap::new(),
            notifier: Notifier::default(),
        };
        let task = tokio::spawn(work.run(Arc::clone(&changed))).abort_handle();
        changed.notify_one();
        Self { changed, task }
    }

    /// Zones or peers may have changed.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }
}

struct Work {
    shared: Arc<Shared>,
    sources: Vec<IpAddr>,
    sockets: BTreeMap<IpAddr, Arc<UdpSocket>>,
    notifier: Notifier,
}

impl Work {
    async fn run(mut self, changed: Arc<Notify>) {
        let (replies, mut inbox) = mpsc::channel::<(SocketAddr, Vec<u8>)>(REPLIES);
        loop {
            let next = self.notifier.next();
            tokio::select! {
                () = changed.notified() => self.take(),
                () = until(next) => {}
                Some((from, bytes)) = inbox.recv() => self.notifier.reply(from, &bytes, now()),
            }
            let board = Arc::clone(&self.shared.snapshot.load().transfers.board);
            let is_behind = |pair: &Pair| board.known_of(&pair.peer, &pair.zone).behind_since.is_some();
            for message in self.notifier.due(now(), is_behind, || rand::rng().random()) {
                self.send(&message, &replies).await;
            }
            board.told(self.notifier.states(), now().1);
        }
    }

    fn take(&mut self) {
        let snapshot = self.shared.snapshot.load();
        let wanted = wanted(&snapshot.transfers.settings, &snapshot.settings.keys, &snapshot.zones);
        self.notifier.take(wanted, Instant::now());
    }

    /// Sends one message. What cannot be sent now is sent again like what got lost.
    async fn send(&mut self, message: &Outgoing, replies: &mpsc::Sender<(SocketAddr, Vec<u8>)>) {
        let source = source(&self.sources, message.to.ip());
        if let Some(socket) = self.socket(source, replies).await {
            let _ = socket.send_to(&message.bytes, message.to).await;
        }
    }

    /// The socket for an address, made when it is first needed; `None` while this machine does not have the address.
    async fn socket(
        &mut self,
        source: IpAddr,
        replies: &mpsc::Sender<(SocketAddr, Vec<u8>)>,
    ) -> Option<Arc<UdpSocket>> {
        if let Some(socket) = self.sockets.get(&source) {
            return Some(Arc::clone(socket));
        }
        let socket = Arc::new(UdpSocket::bind((source, 0)).await.ok()?);
        tokio::spawn(receive(Arc::clone(&socket), replies.clone()));
        self.sockets.insert(source, Arc::clone(&socket));
        Some(socket)
    }
}

/// Hands on what arrives, until nobody listens any more.
async fn receive(socket: Arc<UdpSocket>, replies: mpsc::Sender<(SocketAddr, Vec<u8>)>) {
    let mut buffer = [0; MAX_REPLY];
    loop {
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                // An error is that of an earlier message: the peer's host said that nobody listens there.
                let Ok((length, from)) = received else { continue };
                if replies.send((from, buffer[..length].to_vec())).await.is_err() {
                    return;
                }
            }
            () = replies.closed() => return,
        }
    }
}

/// The address that a message to this peer leaves from: the first of ours that could reach it, else what the system
/// chooses.
fn source(sources: &[IpAddr], to: IpAddr) -> IpAddr {
    let fits = |own: &&IpAddr| own.is_ipv4() == to.is_ipv4() && own.is_loopback() == to.is_loopback();
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    sources.iter().find(fits).copied().unwrap_or(any)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

fn now() -> (Instant, u64) {
    (Instant::now(), seconds(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_from_an_address_that_the_server_listens_on() {
        let listen = ["127.0.0.1", "10.0.0.4", "fd00::4", "::1"].map(|address| address.parse().unwrap());
        for (to, from) in
            [("10.1.0.53", "10.0.0.4"), ("127.0.0.9", "127.0.0.1"), ("fd00::53", "fd00::4"), ("::1", "::1")]
        {
            assert_eq!(source(&listen, to.parse().unwrap()), from.parse::<IpAddr>().unwrap(), "{to}");
        }
        assert_eq!(source(&listen[..1], "10.1.0.53".parse().unwrap()), IpAddr::from(Ipv4Addr::UNSPECIFIED));
    }
}
