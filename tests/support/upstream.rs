//! The server that ours forwards to: UDP and TCP on one port of 127.0.0.1 or `::1`, with a count of each question.
//!
//! There are two kinds. An *ordinary* upstream is hickory-server, a DNS server of other authors: it looks up names,
//! follows chains and denies names that do not exist. A *scripted* upstream is for faults: replies that no good server
//! gives, silence, answers that are held back, ids and addresses that do not match; all other questions it answers with
//! hickory-server's bytes.

pub(crate) mod answers;
pub(crate) mod ledger;
pub(crate) mod ordinary;
pub(crate) mod script;
pub(crate) mod scripted;
pub(crate) mod sockets;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use domain::base::Rtype;
use tokio::runtime::Runtime;

use super::wait_until;
use ledger::{Ledger, Seen, Tally};
use ordinary::Zones;
use script::Script;
use scripted::Scripted;
use sockets::bind_both;

/// An upstream that is killed when it goes out of scope.
pub(crate) struct Upstream {
    address: SocketAddr,
    zones: Arc<Zones>,
    ledger: Arc<Ledger>,
    /// `None` in an ordinary upstream.
    scripted: Option<Arc<Scripted>>,
    running: Option<Running>,
    /// The UDP port of a killed upstream, kept from other tests' servers.
    kept: Option<UdpSocket>,
}

/// The tasks that serve, and their UDP port.
struct Running {
    runtime: Runtime,
    udp: UdpSocket,
}

/// Records for an upstream: a name with this many addresses. hickory-server writes 27 octets for each, ours 16.
pub(crate) fn addresses(name: &str, count: usize) -> String {
    let line = |n: usize| format!("{name}. 60 A 10.9.{}.{}\n", n / 250, n % 250);
    (0..count).map(line).collect()
}

impl Upstream {
    /// Starts hickory-server with these records, a zone file with fully qualified owners. No other names exist.
    pub(crate) fn serving(records: &str) -> Self {
        Self::serving_at(Ipv4Addr::LOCALHOST, records)
    }

    /// The same at another address of this machine.
    pub(crate) fn serving_at(address: impl Into<IpAddr>, records: &str) -> Self {
        Self::start(address.into(), Arc::new(Zones::of(records)), None)
    }

    /// Starts an ordinary one if hickory-server alone can do what a script says, and a scripted one otherwise.
    pub(crate) fn of(script: Script) -> Self {
        if script.is_ordinary() {
            Self::start(Ipv4Addr::LOCALHOST.into(), Arc::new(Zones::new(&script.records)), None)
        } else {
            Self::scripted(script)
        }
    }

    /// Starts a scripted upstream.
    pub(crate) fn scripted(script: Script) -> Self {
        let zones = Arc::new(Zones::new(&script.records));
        let scripted = Scripted::new(script, Arc::clone(&zones));
        Self::start(Ipv4Addr::LOCALHOST.into(), zones, Some(Arc::new(scripted)))
    }

    fn start(address: IpAddr, zones: Arc<Zones>, scripted: Option<Arc<Scripted>>) -> Self {
        let (udp, tcp) = bind_both(address);
        let address = udp.local_addr().unwrap();
        let ledger = scripted.as_ref().map_or_else(Arc::default, |scripted| Arc::clone(&scripted.ledger));
        let mut upstream = Self { address, zones, ledger, scripted, running: None, kept: None };
        upstream.run(udp, tcp);
        upstream
    }

    fn run(&mut self, udp: UdpSocket, tcp: TcpListener) {
        let kept = udp.try_clone().unwrap();
        let runtime = sockets::runtime();
        match &self.scripted {
            Some(scripted) => sockets::serve(&runtime, udp, tcp, scripted),
            None => ordinary::serve(&runtime, udp, tcp, &self.zones, &self.ledger),
        }
        self.running = Some(Running { runtime, udp: kept });
    }

    /// The address of both sockets.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces all records by these.
    pub(crate) fn serve(&self, records: &str) {
        self.zones.replace(records);
    }

    /// Changes the script of a scripted upstream; its records are changed by `serve`.
    pub(crate) fn script(&self, change: impl FnOnce(&mut Script)) {
        self.as_scripted().change(change);
    }

    /// Sends the answers that a scripted upstream holds back; it holds back no more.
    pub(crate) fn release(&self) {
        self.as_scripted().release();
    }

    fn as_scripted(&self) -> &Scripted {
        self.scripted.as_ref().expect("a scripted upstream")
    }

    /// The number of times this was asked; the same question again, without EDNS, or over TCP counts once.
    pub(crate) fn asked(&self, name: &str, qtype: &str) -> u32 {
        self.ledger.asked(name, qtype)
    }

    /// True if a question for this name and type came, or for this name and any type.
    pub(crate) fn was_asked(&self, name: &str, qtype: Option<Rtype>) -> bool {
        self.ledger.was_asked(name, qtype)
    }

    /// The messages with this name so far, in order.
    pub(crate) fn seen(&self, name: &str) -> Vec<Seen> {
        self.ledger.seen(name)
    }

    /// Every question it got so far, with a count.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.ledger.questions()
    }

    /// The number of messages so far, by the source of their answers.
    pub(crate) fn tally(&self) -> Tally {
        self.ledger.tally()
    }

    /// Closes its sockets: from now on the kernel refuses whatever is sent there.
    pub(crate) fn kill(&mut self) {
        if let Some(Running { runtime, udp }) = self.running.take() {
            drop(runtime);
            // A socket that is connected to another address holds the port, and to all others the kernel says that the
            // port is closed.
            udp.connect((self.address.ip(), 1)).unwrap();
            self.kept = Some(udp);
        }
    }

    /// Comes back on the same port.
    pub(crate) fn restart(&mut self) {
        if self.running.is_none() {
            drop(self.kept.take());
            let mut both = None;
            // A client may have been given the port for a moment.
            wait_until("the upstream's port is free again", || {
                let udp = UdpSocket::bind(self.address).ok();
                both = udp.zip(TcpListener::bind(self.address).ok());
                both.is_some()
            });
            let (udp, tcp) = both.unwrap();
            self.run(udp, tcp);
        }
    }
}
