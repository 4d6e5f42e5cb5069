//! Section 6: TCP 443 of the listed addresses, as agents use it. Opt-in: it sends packets to endpoints.
//!
//! Only listed addresses are tried, each once, a bounded number of them, some at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use super::facts::Lists;
use super::finding::{Finding, some};
use super::id::Id;

/// The port of the service.
const PORT: u16 = 443;

/// Addresses that are tried.
const MAX: usize = 256;

/// Connections at one time.
const IN_FLIGHT: usize = 32;

/// The time for one connection.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The time for all of them.
const TIME: Duration = Duration::from_secs(15);

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// A connection.
    Open,
    /// RST: nothing listens there.
    Refused,
    /// No reply.
    Silent,
    /// No route, or an ICMP error.
    Unreachable,
    /// No more time.
    NotTried,
}

/// The outcomes, and the number of addresses that were left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// By address.
    pub(super) outcomes: BTreeMap<IpAddr, Outcome>,
    /// Listed, but more than are tried.
    pub(super) left: usize,
}

impl Reach {
    /// Tries the listed addresses.
    pub(super) fn gather(lists: &Lists) -> Self {
        Self::at(lists, PORT)
    }

    /// The same at another port, for tests.
    pub(super) fn at(lists: &Lists, port: u16) -> Self {
        let all: BTreeSet<IpAddr> = lists.records.iter().flat_map(|listed| listed.addresses.iter().copied()).collect();
        let (left, deadline) = (all.len().saturating_sub(MAX), Instant::now() + TIME);
        let waiting = Mutex::new(all.into_iter().take(MAX));
        let outcomes = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(address) = next else { return };
                let is_late = Instant::now() >= deadline;
                let outcome = if is_late { Outcome::NotTried } else { attempt(SocketAddr::new(address, port)) };
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(address, outcome);
            }
        };
        thread::scope(|scope| {
            for _ in 0..IN_FLIGHT {
                scope.spawn(work);
            }
        });
        Self { outcomes: outcomes.into_inner().unwrap_or_else(PoisonError::into_inner), left }
    }
}

fn attempt(address: SocketAddr) -> Outcome {
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => Outcome::Open,
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Outcome::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Outcome::Silent,
            _ => Outcome::Unreachable,
        },
    }
}

/// The check; `None` if it was not asked for.
pub(super) fn check(reach: Option<&Reach>) -> Vec<Finding> {
    let Some(reach) = reach else {
        return vec![Finding::skipped(Id::REACH, "--connect tries them")];
    };
    if reach.outcomes.is_empty() {
        return vec![Finding::skipped(Id::REACH, "no address is listed")];
    }
    let of = |wanted| -> Vec<IpAddr> {
        reach.outcomes.iter().filter(|(_, outcome)| **outcome == wanted).map(|(address, _)| *address).collect()
    };
    let mut found = Vec::new();
    for (outcome, words, help) in [
        (
            Outcome::Refused,
            "refuse the connection: something else has the address",
            "compare them with the endpoints in Azure",
        ),
        (
            Outcome::Silent,
            "do not answer",
            "look for a firewall or a network security group that drops TCP 443, and whether the VNets are peered",
        ),
        (
            Outcome::Unreachable,
            "cannot be reached: there is no route",
            "ip route get ADDRESS; the VPN or ExpressRoute may be down",
        ),
    ] {
        let addresses = of(outcome);
        if !addresses.is_empty() {
            let fact = format!("{} of {} {words}: {}", addresses.len(), reach.outcomes.len(), some(&addresses));
            found.push(Finding::problem(Id::REACH, fact).run(help));
        }
    }
    let left = reach.left + of(Outcome::NotTried).len();
    let more = if left == 0 { String::new() } else { format!("; {left} were not tried") };
    if found.is_empty() {
        found.push(Finding::good(Id::REACH, format!("{} answer at TCP 443{more}", of(Outcome::Open).len())));
    } else if left > 0 {
        found.push(Finding::skipped(
            Id::REACH,
            format!("{left} were not tried: no more than {MAX} are, in {} s", TIME.as_secs()),
        ));
    }
    found
}
