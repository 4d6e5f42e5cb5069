//! Handshakes of TLS that are under way: how many in all, and how many of one network.
//!
//! In: clients that connect. Out: a place for the time of a handshake, or none. A handshake costs as much as a hundred
//! answers, and one that is never finished holds memory: so no network may hold all places, and a place is free again
//! after some seconds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::forward::ClientNetwork;

/// Handshakes in all: with 30 kB each, some megabytes.
const MAX: usize = 256;

/// Handshakes of one network: the hosts of an office that come back at one moment, and not all places.
const MAX_OF_NETWORK: usize = MAX / 2;

/// The handshakes of all listeners.
#[derive(Default)]
pub(crate) struct Handshakes(Mutex<Table>);

#[derive(Default)]
struct Table {
    all: usize,
    by_network: HashMap<ClientNetwork, usize>,
}

/// The place of one handshake, which is free again on drop.
pub(crate) struct HandshakePlace {
    handshakes: Arc<Handshakes>,
    network: ClientNetwork,
}

impl Handshakes {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a handshake with this client, if there is one.
    pub(crate) fn begin(self: &Arc<Self>, client: IpAddr) -> Option<HandshakePlace> {
        let (mut table, network) = (self.table(), ClientNetwork::of(client));
        let table = &mut *table;
        let held = table.by_network.entry(network).or_default();
        if table.all >= MAX || *held >= MAX_OF_NETWORK {
            if *held == 0 {
                table.by_network.remove(&network);
            }
            return None;
        }
        *held += 1;
        table.all += 1;
        Some(HandshakePlace { handshakes: Arc::clone(self), network })
    }
}

impl Drop for HandshakePlace {
    fn drop(&mut self) {
        let mut table = self.handshakes.table();
        table.all -= 1;
        if let Some(held) = table.by_network.get_mut(&self.network) {
            *held -= 1;
            if *held == 0 {
                table.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_network_holds_all_places_and_each_is_free_again() {
        let handshakes = Arc::new(Handshakes::default());
        let begin = |address: &str| handshakes.begin(address.parse().unwrap());
        let first: Vec<_> = std::iter::from_fn(|| begin("10.0.0.1")).collect();
        assert_eq!(first.len(), MAX_OF_NETWORK);
        assert!(begin("10.0.0.200").is_none(), "the same network");
        let second: Vec<_> = std::iter::from_fn(|| begin("10.0.1.1")).collect();
        assert_eq!(second.len(), MAX - MAX_OF_NETWORK);
        assert!(begin("fd00::1").is_none(), "all places are taken");
        drop(first);
        assert!(begin("fd00::1").is_some());
        drop(second);
        let table = handshakes.table();
        assert_eq!((table.all, table.by_network.len()), (0, 0));
    }
}
