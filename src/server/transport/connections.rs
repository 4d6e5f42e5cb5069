//! The table of TCP connections: how many in all and per client, and which one is closed when there is no room.
//!
//! In: clients that connect, and the activity of their connections. Out: a handle, or none, and a signal to a
//! connection that is evicted. An owner that holds more connections than the newcomer's makes room, the largest holder
//! first, so a client cannot push out the others; among its connections the longest idle one is closed. A connection
//! that waits for an upstream stays, unless all do: then the largest holder has to give one up, because otherwise a few
//! clients that always wait could keep all others out. The memory that waits for clients to take it is bounded in all:
//! where it is too much, the owner of the most gives up the connection with the most.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::server::admission::access::Access;
use crate::server::settings::TcpSettings;

/// Connections of all clients outside the access list together: they get REFUSED and nothing else.
const MAX_UNLISTED: usize = 100;

/// Octets in all that wait for clients to take them: answers, and replies that answers will be composed from.
const MAX_UNSENT: usize = 64 << 20;

/// The owner that a connection counts for. Rate limits count by network (/24, /56) instead: a site's resolver is one
/// address, and its connections are its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ConnectionOwner {
    /// All clients outside the access list.
    Unlisted,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 /56: the usual size of a site, in which any host may use every address.
    V6([u8; 7]),
}

/// All connections.
pub(crate) struct Connections {
    start: Instant,
    table: Mutex<Table>,
    /// The number of open connections, for `status`.
    open: Arc<AtomicUsize>,
    /// The number that the system allows, whatever the config sets.
    ceiling: usize,
}

#[derive(Default)]
struct Table {
    slots: HashMap<u64, Arc<Slot>>,
    by_owner: HashMap<ConnectionOwner, usize>,
    next: u64,
    /// Octets that wait for clients to take them.
    unsent: usize,
}

/// The part of a connection that others may see.
struct Slot {
    owner: ConnectionOwner,
    /// Nanoseconds from the start to the last complete message or answer.
    last: AtomicU64,
    /// Whether a query of it waits for an upstream.
    waits: AtomicBool,
    /// Octets that wait for the client to take them; changed under the table's lock only.
    unsent: AtomicUsize,
    evicted: Notify,
}

/// A connection's hold on its slot, which is free again on drop.
pub(crate) struct ConnectionHandle {
    connections: Arc<Connections>,
    slot: Arc<Slot>,
    id: u64,
}

impl ConnectionOwner {
    pub(crate) fn of(client: IpAddr, access: &Access) -> Self {
        if !access.permits(client) {
            return Self::Unlisted;
        }
        match client.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address.octets().first_chunk().copied().unwrap_or_default()),
        }
    }

    fn capacity(self, settings: &TcpSettings) -> usize {
        if self == Self::Unlisted { MAX_UNLISTED.min(settings.max_per_client) } else { settings.max_per_client }
    }
}

impl Connections {
    /// An empty table; `open` receives the number of connections, and `ceiling` bounds it whatever the config sets.
    pub(crate) fn new(open: Arc<AtomicUsize>, ceiling: usize, start: Instant) -> Arc<Self> {
        Arc::new(Self { start, table: Mutex::default(), open, ceiling: ceiling.max(1) })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A handle for a new connection, and whether another connection was evicted for it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        owner: ConnectionOwner,
        settings: &TcpSettings,
        now: Instant,
    ) -> Option<(ConnectionHandle, bool)> {
        let mut table = self.table();
        let held = table.held_by(owner);
        let is_full = table.slots.len() >= settings.max_connections.min(self.ceiling);
        let has_its_share = held >= owner.capacity(settings);
        if has_its_share {
            table.evict(|slot, _| slot.owner == owner && slot.is_idle())?;
        } else if is_full {
            table.make_room(held, Some(owner))?;
        }
        let last = AtomicU64::new(self.elapsed(now));
        let (waits, unsent) = (AtomicBool::new(false), AtomicUsize::new(0));
        let slot = Arc::new(Slot { owner, last, waits, unsent, evicted: Notify::new() });
        let id = table.next;
        table.next += 1;
        table.slots.insert(id, Arc::clone(&slot));
        *table.by_owner.entry(owner).or_default() += 1;
        self.open.store(table.slots.len(), Relaxed);
        Some((ConnectionHandle { connections: Arc::clone(self), slot, id }, has_its_share || is_full))
    }

    /// Evicts one connection because the system has no descriptor left; `false` if there is none to evict.
    pub(crate) fn make_room(&self) -> bool {
        self.table().make_room(0, None).is_some()
    }

    fn elapsed(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Table {
    fn held_by(&self, owner: ConnectionOwner) -> usize {
        self.by_owner.get(&owner).copied().unwrap_or_default()
    }

    /// Evicts one connection for an owner that holds `held`.
    fn make_room(&mut self, held: usize, owner: Option<ConnectionOwner>) -> Option<()> {
        let may_go = |slot: &Slot, its| its > held || Some(slot.owner) == owner;
        self.evict(|slot, its| slot.is_idle() && may_go(slot, its)).or_else(|| self.evict(|_, its| its > held + 1))
    }

    /// Evicts one of the connections that may go: of the owner that holds the most, the longest idle one. `None` if
    /// there is none.
    fn evict(&mut self, may_go: impl Fn(&Slot, usize) -> bool) -> Option<()> {
        let slots = self.slots.iter().map(|(id, slot)| (*id, slot, self.held_by(slot.owner)));
        let (id, ..) = slots
            .filter(|(_, slot, held)| may_go(slot, *held))
            .max_by_key(|(id, slot, held)| (*held, Reverse((slot.last.load(Relaxed), *id))))?;
        self.remove(id).map(|slot| slot.evicted.notify_one())
    }

    /// Notes how many octets wait for the client of a connection. Evicts connections, and returns how many, until those
    /// of all clients are few enough: of the owner for whom the most wait, the one for which the most wait.
    fn set_unsent(&mut self, id: u64, octets: usize) -> usize {
        // An evicted connection has left the table already; it is about to end.
        let Some(slot) = self.slots.get(&id) else { return 0 };
        self.unsent = self.unsent - slot.unsent.swap(octets, Relaxed) + octets;
        let mut evicted = 0;
        while self.unsent > MAX_UNSENT {
            let mut by_owner: HashMap<ConnectionOwner, usize> = HashMap::new();
            for slot in self.slots.values() {
                *by_owner.entry(slot.owner).or_default() += slot.unsent.load(Relaxed);
            }
            let most = |(id, slot): &(&u64, &Arc<Slot>)| (by_owner.get(&slot.owner), slot.unsent.load(Relaxed), **id);
            let Some(id) = self.slots.iter().max_by_key(most).map(|(id, _)| *id) else { break };
            evicted += usize::from(self.remove(id).map(|slot| slot.evicted.notify_one()).is_some());
        }
        evicted
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Slot>> {
        let slot = self.slots.remove(&id)?;
        self.unsent -= slot.unsent.load(Relaxed);
        if let Some(count) = self.by_owner.get_mut(&slot.owner) {
            *count -= 1;
            if *count == 0 {
                self.by_owner.remove(&slot.owner);
            }
        }
        Some(slot)
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        !self.waits.load(Relaxed)
    }
}

impl ConnectionHandle {
    /// Notes that a message arrived or an answer left, and that `waiting` queries wait for upstreams.
    pub(crate) fn active(&self, now: Instant, waiting: usize) {
        self.slot.last.store(self.connections.elapsed(now), Relaxed);
        self.slot.waits.store(waiting > 0, Relaxed);
    }

    /// Notes how many octets wait for the client to take them; returns how many connections were evicted for it.
    pub(crate) fn unsent(&self, octets: usize) -> usize {
        self.connections.table().set_unsent(self.id, octets)
    }

    /// Ends when the connection is evicted.
    pub(crate) async fn evicted(&self) {
        self.slot.evicted.notified().await;
    }
}

impl Drop for ConnectionHandle {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        // An evicted connection has left the table already.
        let _ = table.remove(self.id);
        self.connections.open.store(table.slots.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const A: ConnectionOwner = ConnectionOwner::V4(Ipv4Addr::new(10, 0, 0, 1));
    const B: ConnectionOwner = ConnectionOwner::V4(Ipv4Addr::new(10, 0, 0, 2));

    fn settings(all: usize, each: usize) -> TcpSettings {
        TcpSettings { max_connections: all, max_per_client: each, ..TcpSettings::default() }
    }

    /// A table, and a function that enters it a second after the entry before.
    fn table(
        settings: TcpSettings,
    ) -> (Arc<Connections>, impl FnMut(ConnectionOwner) -> Option<(ConnectionHandle, bool)>) {
        table_with(settings, usize::MAX)
    }

    fn table_with(
        settings: TcpSettings,
        ceiling: usize,
    ) -> (Arc<Connections>, impl FnMut(ConnectionOwner) -> Option<(ConnectionHandle, bool)>) {
        let connections = Connections::new(Arc::default(), ceiling, Instant::now());
        let (entered, mut now) = (Arc::clone(&connections), Instant::now());
        let enter = move |network| {
            now += Duration::from_secs(1);
            entered.admit(network, &settings, now)
        };
        (connections, enter)
    }

    fn is_evicted(handle: &ConnectionHandle) -> bool {
        !handle.connections.table().slots.contains_key(&handle.id)
    }

    #[test]
    fn an_ipv6_site_is_one_client_and_so_are_all_strangers() {
        let access = Access::new(["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()));
        let of = |text: &str| ConnectionOwner::of(text.parse().unwrap(), &access);
        assert_eq!(of("fd00:1:2:300::1"), of("fd00:1:2:3ff:ffff::9"));
        assert_ne!(of("fd00:1:2:300::1"), of("fd00:1:2:400::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"));
        assert_eq!((of("192.0.2.1"), of("2001:db8::1")), (ConnectionOwner::Unlisted, ConnectionOwner::Unlisted));
    }

    #[test]
    fn when_all_slots_are_taken_the_longest_idle_of_the_largest_owner_goes() {
        let (connections, mut enter) = table(settings(3, 3));
        let (first, _) = enter(B).unwrap();
        let (second, _) = enter(A).unwrap();
        let (third, _) = enter(A).unwrap();
        let (fourth, room_was_made) = enter(B).unwrap();
        assert!(room_was_made && is_evicted(&second), "not B's, which is idle longer");
        assert!(![&first, &third, &fourth].map(is_evicted).contains(&true));
        assert_eq!(connections.open.load(Relaxed), 3);
        drop((first, second, third, fourth));
        assert_eq!((connections.open.load(Relaxed), connections.table().by_owner.len()), (0, 0));
    }

    #[test]
    fn an_owner_that_has_its_share_makes_room_itself() {
        let (connections, mut enter) = table(settings(10, 2));
        let places = [B, A, A].map(|network| enter(network).unwrap().0);
        places[1].active(connections.start + Duration::from_hours(1), 0);
        let _fourth = enter(A).unwrap();
        assert_eq!(places.each_ref().map(is_evicted), [false, false, true]);
    }

    #[test]
    fn a_connection_that_waits_for_an_upstream_stays_and_the_new_one_is_turned_away() {
        let (connections, mut enter) = table(settings(1, 9));
        let (handle, _) = enter(A).unwrap();
        handle.active(connections.start, 1);
        assert!(enter(B).is_none());
        handle.active(connections.start, 0);
        assert!(enter(B).is_some());
    }

    #[test]
    fn clients_that_always_wait_keep_no_other_out() {
        let (connections, mut enter) = table(settings(20, 12));
        let mut wait = |network, count| -> Vec<ConnectionHandle> {
            let enter_and_wait = |_| {
                let (handle, _) = enter(network)?;
                handle.active(connections.start, 1);
                Some(handle)
            };
            (0..count).map_while(enter_and_wait).collect()
        };
        let gone = |places: &[ConnectionHandle]| places.iter().filter(|handle| is_evicted(handle)).count();
        let (large, small) = (wait(A, 12), wait(B, 8));
        small[7].active(connections.start, 0);
        let _newcomer = wait(ConnectionOwner::Unlisted, 1);
        assert_eq!((gone(&large), gone(&small)), (0, 1), "an idle one goes first");
        let _newcomers = wait(ConnectionOwner::Unlisted, 2);
        assert_eq!((gone(&large), gone(&small)), (2, 1), "then the largest owner gives some up");
        assert!(wait(A, 3).len() < 3, "and takes none from owners that have fewer");
        assert_eq!(gone(&small), 1);
    }

    #[test]
    fn strangers_hold_few_and_the_system_may_allow_less_than_the_config() {
        let (connections, mut enter) = table_with(TcpSettings::default(), MAX_UNLISTED + 1);
        let places: Vec<_> = (0..150).map_while(|_| enter(ConnectionOwner::Unlisted)).collect();
        assert_eq!((places.len(), connections.open.load(Relaxed)), (150, MAX_UNLISTED));
        let _ours = enter(A).unwrap();
        assert_eq!(connections.open.load(Relaxed), MAX_UNLISTED + 1);
        let _another = enter(A).unwrap();
        assert_eq!(connections.open.load(Relaxed), MAX_UNLISTED + 1);
    }

    #[test]
    fn when_too_much_waits_for_clients_in_all_the_owner_of_the_most_gives_up_connections() {
        let (connections, mut enter) = table(settings(100, 100));
        let (large, small) = ([A, A, A, A].map(|owner| enter(owner).unwrap().0), enter(B).unwrap().0);
        let hold = |octets| large.each_ref().map(|handle| handle.unsent(octets));
        hold(MAX_UNSENT / 4);
        large[0].unsent(MAX_UNSENT / 8);
        assert_eq!(small.unsent(MAX_UNSENT / 8), 0, "as much as may wait");
        assert_eq!(small.unsent(MAX_UNSENT / 8 + 1), 1);
        assert_eq!(large.iter().filter(|handle| is_evicted(handle)).count(), 1, "one too many octets");
        assert!(!is_evicted(&large[0]) && !is_evicted(&small));
        hold(0);
        assert_eq!(connections.table().unsent, MAX_UNSENT / 8 + 1);
        drop(small);
        assert_eq!(connections.table().unsent, 0);
    }
}
