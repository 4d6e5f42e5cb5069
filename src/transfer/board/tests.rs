use super::*;
use crate::dns::Rcode;

struct World {
    board: Board,
    peer: Arc<str>,
    zone: Name,
}

impl World {
    fn new() -> Self {
        Self { board: Board::default(), peer: "bind".into(), zone: "z.test".parse().unwrap() }
    }

    fn told(&self, serial: u32, told: Told, now: u64) {
        let pair =
            Pair { zone: self.zone.clone(), peer: Arc::clone(&self.peer), address: "10.1.0.53:53".parse().unwrap() };
        self.board.told([(&pair, Serial(serial), told)].into_iter(), now);
    }

    fn takes(&self, serial: u32, at: u64) {
        self.board.transferred(&self.peer, &self.zone, (Serial(serial), false), at);
    }

    fn behind_since(&self) -> Option<u64> {
        self.board.known_of(&self.peer, &self.zone).behind_since
    }
}

const WAITING: Told = Told::Waiting { tries: 1 };

#[test]
fn a_peer_that_took_the_serial_in_service_lacks_nothing_until_the_next_change() {
    let world = World::new();
    world.told(1, WAITING, 10);
    assert_eq!(world.behind_since(), Some(10));
    world.takes(1, 11);
    assert_eq!(world.behind_since(), None);
    world.told(1, WAITING, 12);
    assert_eq!(world.behind_since(), None, "it polls, and never answers NOTIFY");
    world.told(2, WAITING, 20);
    assert_eq!(world.behind_since(), Some(20));
}

#[test]
fn a_peer_that_acknowledges_and_does_not_take_what_it_was_told_of_is_behind() {
    let world = World::new();
    world.takes(1, 5);
    world.told(2, Told::Acknowledged, 20);
    world.told(2, Told::Acknowledged, 30);
    assert_eq!(world.behind_since(), Some(20));
    world.board.up_to_date(&world.peer, &world.zone, Serial(2), 40);
    assert_eq!(world.behind_since(), None);
}

#[test]
fn after_a_start_a_peer_that_acknowledges_has_what_it_had() {
    let world = World::new();
    world.told(7, WAITING, 10);
    world.told(7, Told::Acknowledged, 11);
    assert_eq!(world.behind_since(), None);
    world.told(8, Told::Refused(Rcode::NOTAUTH), 20);
    assert_eq!(world.behind_since(), Some(20));
}

#[test]
fn more_changes_do_not_hide_since_when_a_peer_is_stuck() {
    let world = World::new();
    world.takes(1, 5);
    for serial in 2..100 {
        world.told(serial, WAITING, 10 * u64::from(serial));
    }
    assert_eq!(world.behind_since(), Some(20));
}

#[test]
fn a_peer_that_goes_on_taking_versions_that_are_replaced_meanwhile_is_not_stuck() {
    let world = World::new();
    for serial in 1..100 {
        world.told(serial + 1, Told::Acknowledged, 10 * u64::from(serial));
        world.takes(serial, 10 * u64::from(serial) + 5);
    }
    assert_eq!(world.behind_since(), Some(995));
}

#[test]
fn transfers_are_counted_and_told_to_the_log_once() {
    let world = World::new();
    assert!(world.board.take_news().is_empty());
    world.takes(1, 10);
    world.takes(2, 10);
    world.board.up_to_date(&world.peer, &world.zone, Serial(2), 11);
    let news = world.board.take_news();
    assert_eq!(news.values().collect::<Vec<_>>(), [&News { serial: Serial(2), is_whole: false, transfers: 2 }]);
    assert!(world.board.take_news().is_empty());
    assert_eq!(world.board.known_of(&world.peer, &world.zone).transfers, 2);
}

#[test]
fn a_peer_that_is_gone_from_the_config_is_forgotten() {
    let world = World::new();
    world.told(1, WAITING, 10);
    world.takes(1, 11);
    world.board.told([].into_iter(), 12);
    assert_eq!(world.board.known_of(&world.peer, &world.zone), Known::default());
}

#[test]
fn a_peer_that_was_refused_its_zone_lacks_it_until_it_takes_it_unless_it_has_what_is_in_service() {
    let world = World::new();
    world.told(7, Told::Acknowledged, 10);
    world.board.needs_tls(&world.peer, &world.zone, 12);
    assert_eq!(world.behind_since(), Some(12));
    world.told(7, Told::Acknowledged, 13);
    assert_eq!(world.behind_since(), Some(12), "it acknowledges NOTIFY, and was refused the zone");
    world.takes(7, 20);
    let known = world.board.known_of(&world.peer, &world.zone);
    assert_eq!((known.behind_since, known.refused_at), (None, None));
    world.board.needs_tls(&world.peer, &world.zone, 30);
    let known = world.board.known_of(&world.peer, &world.zone);
    assert_eq!((known.behind_since, known.refused_at), (None, Some(30)), "it has what is in service");
}
