//! The listen addresses that this machine does not have: sockets are bound to them all the same, and get queries once
//! it has them.
//!
//! In: the addresses of all listeners, and which of them are here. Out: what is new about that, for the log, and what
//! is absent, for the status. An address may come late at boot, or go and come back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tracing::info;

use super::{Daemon, log};
use crate::admin::Listener;
use crate::diag::{Diagnostic, Id, Place};
use crate::host::addresses::is_here;
use crate::server::ListenAddresses;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(3);

/// A listener and its key in the config.
type Listening = (SocketAddr, &'static str);

/// The addresses that were absent at the last look.
#[derive(Default)]
pub(super) struct Absent {
    known: BTreeMap<Listening, Diagnostic>,
    next: Option<Instant>,
}

/// What a look found that is new.
#[derive(Debug, PartialEq, Eq)]
struct News {
    /// Addresses that are absent since this look.
    absent: Vec<Diagnostic>,
    /// Those that are here since this look.
    arrived: Vec<Listening>,
}

impl Absent {
    /// Whether it is time to look, which is then done.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.next.is_none_or(|next| next <= now);
        if is_due {
            self.next = Some(now + PAUSE);
        }
        is_due
    }

    /// Compares what is here now with the last look. A listener that is gone is no news.
    fn compare(&mut self, all: &[Listening], is_here: impl Fn(SocketAddr) -> bool) -> News {
        let before = std::mem::take(&mut self.known);
        let absent = all.iter().filter(|(address, _)| !is_here(*address));
        self.known = absent.map(|listening| (*listening, explain(*listening))).collect();
        let is_new = |(listening, _): &(&Listening, &Diagnostic)| !before.contains_key(*listening);
        let absent = self.known.iter().filter(is_new).map(|(_, absent)| absent.clone()).collect();
        let has_come = |listening: &Listening| all.contains(listening) && !self.known.contains_key(listening);
        News { absent, arrived: before.into_keys().filter(has_come).collect() }
    }
}

fn explain((address, key): Listening) -> Diagnostic {
    let ip = address.ip();
    let text = format!(
        "{ip} ({key}) is not an address of this machine: clients that ask there are answered once it is; nothing to do if \
         it comes later (see 'ip address'), else correct {key}"
    );
    Diagnostic::warning(Id::ADDRESS_ABSENT, Place::Server, text)
}

/// The addresses that this kernel can have, and a warning for each that it cannot.
pub(super) fn possible(
    listen: &ListenAddresses,
    is_possible: impl Fn(SocketAddr) -> bool,
) -> (ListenAddresses, Vec<Diagnostic>) {
    let (dns, mut said) = possible_of((&listen.dns, "listen"), &is_possible);
    let (dot, more) = possible_of((&listen.dot, "[dot] listen"), &is_possible);
    let (doh, most) = possible_of((&listen.doh, "[doh] listen"), &is_possible);
    said.extend(more.into_iter().chain(most));
    (ListenAddresses { dns, dot, doh }, said)
}

/// The same for one key. Where none of its addresses is possible, all are left, and binding them says why.
fn possible_of(
    (listen, key): (&[SocketAddr], &str),
    is_possible: impl Fn(SocketAddr) -> bool,
) -> (Vec<SocketAddr>, Vec<Diagnostic>) {
    let (possible, not): (Vec<SocketAddr>, Vec<SocketAddr>) = listen.iter().partition(|at| is_possible(**at));
    if possible.is_empty() {
        return (listen.to_vec(), Vec::new());
    }
    let explain = |address: SocketAddr| {
        let text = format!(
            "this machine has no IPv6: nobody is answered at {address} ({key}), and the server goes on without it; \
             remove it from {key}, or start the kernel with IPv6"
        );
        Diagnostic::warning(Id::ADDRESS_ABSENT, Place::Server, text)
    };
    (possible, not.into_iter().map(explain).collect())
}

impl Daemon {
    /// Looks now and then whether this machine has the addresses that it listens on.
    pub(super) fn look_for_addresses(&mut self, now: Instant) {
        if !self.absent.is_due(now) {
            return;
        }
        let listen = self.bound.dns.iter().map(|address| (*address, "listen"));
        let dot = self.bound.dot.iter().map(|address| (*address, "[dot] listen"));
        let doh = self.bound.doh.iter().map(|address| (*address, "[doh] listen"));
        let admin = [(Listener::Admin, "[admin] listen"), (Listener::Probe, "[admin] probe")];
        let admin = admin.into_iter().filter_map(|(listener, key)| Some((self.admin.address(listener)?, key)));
        let all: Vec<Listening> = listen.chain(dot).chain(doh).chain(admin).collect();
        let news = self.absent.compare(&all, is_here);
        news.absent.iter().for_each(log::found);
        for (address, key) in &news.arrived {
            info!("{} ({key}) is an address of this machine now: clients are answered there", address.ip());
        }
        self.told.is_old |= !(news.absent.is_empty() && news.arrived.is_empty());
        let is_absent = |address: &SocketAddr| self.absent.known.contains_key(&(*address, "listen"));
        let unreachable = self.bound.dns.iter().all(is_absent);
        self.board.addresses_absent(self.absent.known.values().cloned().collect(), unreachable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Listening; 3] = [(at(4, 53), "listen"), (at(5, 53), "listen"), (at(5, 9153), "[admin] listen")];

    const fn at(last: u8, port: u16) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, last)), port)
    }

    #[test]
    fn an_address_that_is_absent_is_said_once_and_once_more_when_it_is_here() {
        let mut absent = Absent::default();
        let without = |last: u8| move |address: SocketAddr| address.ip() != at(last, 0).ip();
        let news = absent.compare(&ALL, without(5));
        let said: Vec<String> = news.absent.iter().map(ToString::to_string).collect();
        assert!(said.len() == 2 && said[0].contains("10.0.0.5 (listen) is not") && news.arrived.is_empty(), "{said:?}");
        assert!(said[1].contains("10.0.0.5 ([admin] listen) is not"), "{said:?}");
        assert_eq!(absent.compare(&ALL, without(5)), News { absent: vec![], arrived: vec![] });
        let news = absent.compare(&ALL, without(4));
        assert_eq!((news.absent.len(), news.arrived), (1, ALL[1..].to_vec()));
        assert_eq!(absent.known.len(), 1);
        assert_eq!(absent.compare(&ALL, without(9)).arrived, ALL[..1], "it comes back");
        assert_eq!(absent.compare(&ALL, without(4)).absent.len(), 1, "and goes again");
    }

    #[test]
    fn a_machine_without_ipv6_listens_on_its_other_addresses_and_says_so() {
        let both: [SocketAddr; 2] = ["0.0.0.0:53".parse().unwrap(), "[::]:53".parse().unwrap()];
        let possible =
            |listen: &[SocketAddr], is_possible: fn(SocketAddr) -> bool| possible_of((listen, "listen"), is_possible);
        let (found, said) = possible(&both, |address| address.is_ipv4());
        assert_eq!(found, both[..1]);
        assert!(said.len() == 1 && said[0].to_string().contains("nobody is answered at [::]:53"), "{said:?}");
        assert_eq!(possible(&both, |_| true), (both.to_vec(), Vec::new()));
        assert_eq!(possible(&both[1..], |_| false), (both[1..].to_vec(), Vec::new()), "binding it says why");
    }

    #[test]
    fn a_listener_that_is_closed_is_no_news() {
        let mut absent = Absent::default();
        absent.compare(&ALL, |_| false);
        assert_eq!(absent.compare(&ALL[..1], |_| false), News { absent: vec![], arrived: vec![] });
        assert_eq!(absent.known.len(), 1);
    }

    #[test]
    fn a_look_is_due_at_once_and_then_after_each_pause() {
        let (mut absent, start) = (Absent::default(), Instant::now());
        let due = [0, 1, 2, 3, 4, 6].map(|seconds| absent.is_due(start + Duration::from_secs(seconds)));
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
