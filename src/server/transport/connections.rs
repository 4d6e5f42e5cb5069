//! Who holds a TCP connection: how many in all and per network, and who goes when there is no room.
//!
//! In: clients that connect, and what their connections do. Out: a place, or none, and the word to a connection that
//! it has to go. Room is made in networks that have more connections than the newcomer's, the largest first, so no
//! network can push out the others; there the one goes that has been idle longest. One that waits for an upstream stays,
//! unless all do: then the largest network has to give one up, or a few clients that always wait could keep everybody
//! else out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::server::admission::access::Access;
use crate::server::settings::TcpSettings;

/// Connections of all clients together that are not in the access list: they hear REFUSED and nothing else.
const MAX_OUTSIDE: usize = 100;

/// Octets of answers in all that came late and wait for slow clients.
const MAX_QUEUED: usize = 64 << 20;

/// What counts as one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ConnectionOwner {
    /// All that may not ask.
    Unlisted,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 /56: what a site usually has, and any host in it may take all addresses of.
    V6([u8; 7]),
}

/// All connections.
pub(crate) struct Connections {
    start: Instant,
    seats: Mutex<Table>,
    /// What the system allows, whatever the config says.
    ceiling: AtomicUsize,
    queued: AtomicUsize,
}

#[derive(Default)]
struct Table {
    taken: HashMap<u64, Arc<Slot>>,
    by_network: HashMap<ConnectionOwner, usize>,
    next: u64,
}

/// What others may know of a connection.
struct Slot {
    network: ConnectionOwner,
    /// Nanoseconds from the start to the last complete message or answer.
    last: AtomicU64,
    /// Whether an upstream has to answer first.
    waits: AtomicBool,
    leave: Notify,
}

/// A connection's place; it is given back on drop.
pub(crate) struct ConnectionHandle {
    connections: Arc<Connections>,
    seat: Arc<Slot>,
    id: u64,
}

/// A late answer on its way to its connection.
pub(crate) struct Queued {
    connections: Arc<Connections>,
    pub(crate) bytes: Vec<u8>,
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

    fn most(self, settings: &TcpSettings) -> usize {
        if self == Self::Unlisted { MAX_OUTSIDE.min(settings.max_per_client) } else { settings.max_per_client }
    }
}

impl Connections {
    pub(crate) fn new(start: Instant) -> Arc<Self> {
        let (seats, queued) = (Mutex::default(), AtomicUsize::new(0));
        Arc::new(Self { start, seats, ceiling: AtomicUsize::new(usize::MAX), queued })
    }

    /// No more than this, whatever the config says.
    pub(crate) fn limit(&self, most: usize) {
        self.ceiling.store(most.max(1), Relaxed);
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.seats().taken.len()
    }

    fn seats(&self) -> MutexGuard<'_, Table> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection, and whether another has to go for it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        network: ConnectionOwner,
        settings: &TcpSettings,
        now: Instant,
    ) -> Option<(ConnectionHandle, bool)> {
        let mut seats = self.seats();
        let own = seats.held_by(network);
        let is_full = seats.taken.len() >= settings.max_connections.min(self.ceiling.load(Relaxed));
        let has_its_share = own >= network.most(settings);
        if has_its_share {
            seats.evict(|seat, _| seat.network == network && seat.is_idle())?;
        } else if is_full {
            seats.make_room(own, Some(network))?;
        }
        let last = AtomicU64::new(self.elapsed(now));
        let seat = Arc::new(Slot { network, last, waits: AtomicBool::new(false), leave: Notify::new() });
        let id = seats.next;
        seats.next += 1;
        seats.taken.insert(id, Arc::clone(&seat));
        *seats.by_network.entry(network).or_default() += 1;
        Some((ConnectionHandle { connections: Arc::clone(self), seat, id }, has_its_share || is_full))
    }

    /// Has one go: the system has no descriptor left. Whether there was one to go.
    pub(crate) fn make_room(&self) -> bool {
        self.seats().make_room(0, None).is_some()
    }

    /// A late answer for the queue of its connection; `None` if slow clients have too much waiting already.
    pub(crate) fn queue(self: &Arc<Self>, bytes: Vec<u8>) -> Option<Queued> {
        let queued = self.queued.fetch_add(bytes.len(), Relaxed) + bytes.len();
        let answer = Queued { connections: Arc::clone(self), bytes };
        (queued <= MAX_QUEUED).then_some(answer)
    }

    fn elapsed(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Table {
    fn held_by(&self, network: ConnectionOwner) -> usize {
        self.by_network.get(&network).copied().unwrap_or_default()
    }

    /// Has one go for a network that holds `own`.
    fn make_room(&mut self, own: usize, network: Option<ConnectionOwner>) -> Option<()> {
        let may_go = |seat: &Slot, held| held > own || Some(seat.network) == network;
        self.evict(|seat, held| seat.is_idle() && may_go(seat, held)).or_else(|| self.evict(|_, held| held > own + 1))
    }

    /// Tells one of those to go: of the network that holds the most, the longest idle one. `None` if there is none.
    fn evict(&mut self, may_go: impl Fn(&Slot, usize) -> bool) -> Option<()> {
        let seats = self.taken.iter().map(|(id, seat)| (*id, seat, self.held_by(seat.network)));
        let (id, ..) = seats
            .filter(|(_, seat, held)| may_go(seat, *held))
            .max_by_key(|(id, seat, held)| (*held, Reverse((seat.last.load(Relaxed), *id))))?;
        self.remove(id).map(|seat| seat.leave.notify_one())
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Slot>> {
        let seat = self.taken.remove(&id)?;
        if let Some(count) = self.by_network.get_mut(&seat.network) {
            *count -= 1;
            if *count == 0 {
                self.by_network.remove(&seat.network);
            }
        }
        Some(seat)
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        !self.waits.load(Relaxed)
    }
}

impl ConnectionHandle {
    /// A message came, or an answer went, and so many wait for upstreams.
    pub(crate) fn active(&self, now: Instant, waiting: usize) {
        self.seat.last.store(self.connections.elapsed(now), Relaxed);
        self.seat.waits.store(waiting > 0, Relaxed);
    }

    /// Ends when the connection has to go.
    pub(crate) async fn evicted(&self) {
        self.seat.leave.notified().await;
    }

    /// All connections.
    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.connections
    }
}

impl Drop for ConnectionHandle {
    fn drop(&mut self) {
        // One that was told to go has left the table already.
        let _ = self.connections.seats().remove(self.id);
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.connections.queued.fetch_sub(self.bytes.len(), Relaxed);
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

    /// A table, and a way to enter it a second after the one before.
    fn table(
        settings: TcpSettings,
    ) -> (Arc<Connections>, impl FnMut(ConnectionOwner) -> Option<(ConnectionHandle, bool)>) {
        let connections = Connections::new(Instant::now());
        let (entered, mut now) = (Arc::clone(&connections), Instant::now());
        let enter = move |network| {
            now += Duration::from_secs(1);
            entered.admit(network, &settings, now)
        };
        (connections, enter)
    }

    fn is_dismissed(place: &ConnectionHandle) -> bool {
        !place.connections.seats().taken.contains_key(&place.id)
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
    fn when_all_places_are_taken_the_longest_idle_of_the_largest_network_goes() {
        let (connections, mut enter) = table(settings(3, 3));
        let (first, _) = enter(B).unwrap();
        let (second, _) = enter(A).unwrap();
        let (third, _) = enter(A).unwrap();
        let (fourth, room_was_made) = enter(B).unwrap();
        assert!(room_was_made && is_dismissed(&second), "not B's, which is idle longer");
        assert!(![&first, &third, &fourth].map(is_dismissed).contains(&true));
        assert_eq!(connections.open(), 3);
        drop((first, second, third, fourth));
        assert_eq!((connections.open(), connections.seats().by_network.len()), (0, 0));
    }

    #[test]
    fn a_network_that_has_its_share_makes_room_itself() {
        let (connections, mut enter) = table(settings(10, 2));
        let places = [B, A, A].map(|network| enter(network).unwrap().0);
        places[1].active(connections.start + Duration::from_hours(1), 0);
        let _fourth = enter(A).unwrap();
        assert_eq!(places.each_ref().map(is_dismissed), [false, false, true]);
    }

    #[test]
    fn who_waits_for_an_upstream_stays_and_the_new_one_is_turned_away() {
        let (connections, mut enter) = table(settings(1, 9));
        let (place, _) = enter(A).unwrap();
        place.active(connections.start, 1);
        assert!(enter(B).is_none());
        place.active(connections.start, 0);
        assert!(enter(B).is_some());
    }

    #[test]
    fn those_who_always_wait_keep_nobody_out() {
        let (connections, mut enter) = table(settings(20, 12));
        let mut wait = |network, count| -> Vec<ConnectionHandle> {
            let enter_and_wait = |_| {
                let (place, _) = enter(network)?;
                place.active(connections.start, 1);
                Some(place)
            };
            (0..count).map_while(enter_and_wait).collect()
        };
        let gone = |places: &[ConnectionHandle]| places.iter().filter(|place| is_dismissed(place)).count();
        let (large, small) = (wait(A, 12), wait(B, 8));
        small[7].active(connections.start, 0);
        let _newcomer = wait(ConnectionOwner::Unlisted, 1);
        assert_eq!((gone(&large), gone(&small)), (0, 1), "an idle one goes first");
        let _newcomers = wait(ConnectionOwner::Unlisted, 2);
        assert_eq!((gone(&large), gone(&small)), (2, 1), "then the largest network options some up");
        assert!(wait(A, 3).len() < 3, "and takes none from those who have fewer");
        assert_eq!(gone(&small), 1);
    }

    #[test]
    fn strangers_hold_few_and_the_system_may_allow_less_than_the_config() {
        let (connections, mut enter) = table(TcpSettings::default());
        let places: Vec<_> = (0..150).map_while(|_| enter(ConnectionOwner::Unlisted)).collect();
        assert_eq!((places.len(), connections.open()), (150, MAX_OUTSIDE));
        connections.limit(MAX_OUTSIDE);
        let _ours = enter(A).unwrap();
        assert_eq!(connections.open(), MAX_OUTSIDE);
    }

    #[test]
    fn late_answers_are_bounded_over_all_connections() {
        let connections = Connections::new(Instant::now());
        let kept = connections.queue(vec![0; MAX_QUEUED]).unwrap();
        assert!(connections.queue(vec![0]).is_none());
        drop(kept);
        assert!(connections.queue(vec![0]).is_some());
    }
}
