//! The schedule of NOTIFY, with the time moved by hand.

use super::*;
use crate::dns::tsig::{Algorithm, verify};
use crate::dns::{Query, signature_of};

const TODAY: u64 = 1_800_000_000;
const ADDRESS: &str = "10.1.0.53:53";

struct World {
    notifier: Notifier,
    start: Instant,
    key: Option<Arc<Key>>,
    ids: u16,
    /// Whether the peer lacks what is in service.
    is_behind: bool,
}

impl World {
    fn new() -> Self {
        Self { notifier: Notifier::default(), start: Instant::now(), key: None, ids: 0, is_behind: false }
    }

    fn at(&self, seconds: f64) -> (Instant, u64) {
        (self.start + Duration::from_secs_f64(seconds), TODAY)
    }

    /// The zone has this serial.
    fn serial(&mut self, serial: u32, seconds: f64) {
        let pair = Pair { zone: "z.test".parse().unwrap(), peer: "p".into(), address: ADDRESS.parse().unwrap() };
        let mut rdata = b"\0\0".to_vec();
        rdata.extend_from_slice(&serial.to_be_bytes());
        rdata.extend_from_slice(&[0; 16]);
        let soa = Soa { serial: Serial(serial), ttl: 60, rdata: rdata.into() };
        self.notifier.take(vec![(pair, soa, self.key.clone())], self.at(seconds).0);
    }

    fn due(&mut self, seconds: f64) -> Vec<Vec<u8>> {
        let (at, ids, is_behind) = (self.at(seconds), &mut self.ids, self.is_behind);
        let id = || {
            *ids += 1;
            *ids
        };
        self.notifier.due(at, |_| is_behind, id).into_iter().map(|out| out.bytes).collect()
    }

    /// The seconds of all messages until there is none for an hour.
    fn schedule(&mut self) -> Vec<f64> {
        let mut sent = Vec::new();
        while let Some(next) = self.notifier.next() {
            let seconds = (next - self.start).as_secs_f64();
            if seconds > 3600.0 {
                break;
            }
            sent.extend(self.due(seconds).iter().map(|_| seconds));
        }
        sent
    }

    fn reply(&mut self, message: &[u8], rcode: u8, from: &str) {
        self.reply_at(0.0, message, rcode, from);
    }

    fn reply_at(&mut self, seconds: f64, message: &[u8], rcode: u8, from: &str) {
        let mut reply = message[..12 + b"\x01z\x04test\0".len() + 4].to_vec();
        (reply[2], reply[3]) = (reply[2] | 0x80, rcode);
        reply[6..12].fill(0);
        self.notifier.reply(from.parse().unwrap(), &reply, self.at(seconds));
    }

    fn told(&self) -> Told {
        self.notifier.states().next().unwrap().2
    }
}

#[test]
fn rfc1996_3_7_the_message_has_the_soa_as_question_and_answer() {
    let mut world = World::new();
    world.serial(7, 0.0);
    let message = world.due(0.0).remove(0);
    let wanted = b"\x00\x01\x24\x00\0\x01\0\x01\0\0\0\0\x01z\x04test\0\0\x06\0\x01\xc0\x0c\0\x06\0\x01\0\0\0\x3c\0\x16\0\0\0\0\0\x07";
    assert_eq!(message[..wanted.len()], wanted[..]);
    assert_eq!(message.len(), wanted.len() + 16);
}

#[test]
fn rfc1996_3_6_an_unanswered_message_is_sent_again_eight_times_and_then_after_an_hour() {
    let mut world = World::new();
    world.serial(1, 0.0);
    assert_eq!(world.schedule(), [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0]);
    assert_eq!(world.told(), Told::Waiting { tries: 8 });
    assert_eq!(world.due(123.0 + 3600.0).len(), 1);
}

#[test]
fn an_answer_ends_it_until_the_next_change() {
    let mut world = World::new();
    world.serial(1, 0.0);
    let message = world.due(0.0).remove(0);
    world.reply(&message, 0, ADDRESS);
    assert_eq!((world.told(), world.schedule()), (Told::Acknowledged, vec![]));
    world.serial(1, 5.0);
    assert_eq!(world.notifier.next(), None, "nothing changed");
    world.serial(2, 6.0);
    assert_eq!(world.due(6.0).len(), 1);
}

#[test]
fn rfc1996_a_peer_that_acknowledges_and_stays_behind_is_told_three_times_more_and_then_left_to_its_refresh() {
    let mut world = World::new();
    world.is_behind = true;
    world.serial(1, 0.0);
    let mut sent = Vec::new();
    while let Some(next) = world.notifier.next() {
        let seconds = (next - world.start).as_secs_f64();
        let message = world.due(seconds).remove(0);
        world.reply_at(seconds, &message, 0, ADDRESS);
        sent.push(seconds);
    }
    assert_eq!(sent, [0.0, 60.0, 360.0, 1260.0]);
    world.serial(2, 1300.0);
    let message = world.due(1300.0).remove(0);
    world.reply_at(1300.0, &message, 0, ADDRESS);
    assert_eq!((world.due(1359.0).len(), world.due(1360.0).len()), (0, 1), "of the next serial as of the first");
    assert_eq!(world.told(), Told::Waiting { tries: 1 });
    assert_eq!(world.due(1362.0).len(), 1, "a repetition that is lost comes again");
}

#[test]
fn a_peer_that_takes_the_version_within_a_minute_is_not_told_again() {
    let mut world = World::new();
    world.is_behind = true;
    world.serial(1, 0.0);
    let message = world.due(0.0).remove(0);
    world.reply(&message, 0, ADDRESS);
    world.is_behind = false;
    assert_eq!((world.due(60.0).len(), world.notifier.next()), (0, None));
}

#[test]
fn a_zone_that_changes_all_the_time_is_announced_once_a_second() {
    let mut world = World::new();
    let mut sent = 0;
    for step in 0..10_000_u32 {
        let seconds = f64::from(step) / 1000.0;
        world.serial(step, seconds);
        let messages = world.due(seconds);
        sent += messages.len();
        for message in messages {
            world.reply(&message, 0, ADDRESS);
        }
    }
    assert_eq!(sent, 10);
}

#[test]
fn a_peer_that_refuses_is_told_again_as_often_as_a_silent_one_and_its_refusal_is_kept_until_it_acknowledges() {
    let mut world = World::new();
    world.serial(1, 0.0);
    let refused = Told::Refused(Rcode::REFUSED);
    for seconds in [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0] {
        let message = world.due(seconds).remove(0);
        world.reply(&message, 5, ADDRESS);
        assert_eq!(world.told(), refused);
    }
    assert!(world.due(123.0 + 3599.0).is_empty(), "eight messages, then a pause");
    let message = world.due(123.0 + 3600.0).remove(0);
    assert_eq!(world.told(), refused, "it has not answered otherwise");
    world.reply(&message, 0, ADDRESS);
    assert_eq!(world.told(), Told::Acknowledged);
}

#[test]
fn a_consumer_that_has_yet_to_read_the_catalog_is_told_of_its_new_zone_a_second_later() {
    let mut world = World::new();
    world.serial(1, 0.0);
    let message = world.due(0.0).remove(0);
    world.reply(&message, 9, ADDRESS);
    assert_eq!(world.told(), Told::Refused(Rcode::NOTAUTH));
    let message = world.due(1.0).remove(0);
    world.reply(&message, 0, ADDRESS);
    assert_eq!(world.told(), Told::Acknowledged);
}

#[test]
fn the_first_change_after_a_quiet_second_is_announced_at_once_and_the_next_one_a_second_later() {
    let mut world = World::new();
    world.serial(1, 0.0);
    world.due(0.0);
    world.serial(2, 1.0);
    assert_eq!(world.due(1.0).len(), 1);
    world.serial(3, 1.2);
    assert_eq!((world.due(1.9).len(), world.due(2.0).len()), (0, 1));
}

#[test]
fn a_message_that_is_sent_again_holds_no_later_change_up() {
    let mut world = World::new();
    world.serial(1, 0.0);
    assert_eq!((world.due(0.0).len(), world.due(1.0).len()), (1, 1), "it is silent");
    world.serial(2, 1.1);
    assert_eq!(world.due(1.1).len(), 1);
    assert_eq!((world.due(2.0).len(), world.due(2.1).len()), (0, 1));
}

#[test]
fn a_refusal_may_be_a_header_alone_and_an_acknowledgement_may_not() {
    let mut world = World::new();
    world.serial(7, 0.0);
    let message = world.due(0.0).remove(0);
    for (rcode, told) in [(0, Told::Waiting { tries: 1 }), (5, Told::Refused(Rcode::REFUSED))] {
        let header = [message[0], message[1], message[2] | 0x80, rcode, 0, 0, 0, 0, 0, 0, 0, 0];
        world.notifier.reply(ADDRESS.parse().unwrap(), &header, world.at(0.0));
        assert_eq!(world.told(), told);
    }
}

#[test]
fn a_reply_from_elsewhere_with_another_id_or_about_another_zone_is_passed_over() {
    let mut world = World::new();
    world.serial(1, 0.0);
    let message = world.due(0.0).remove(0);
    let waiting = Told::Waiting { tries: 1 };
    world.reply(&message, 0, "10.1.0.54:53");
    assert_eq!(world.told(), waiting);
    let mut other = message.clone();
    other[0] ^= 1;
    world.reply(&other, 0, ADDRESS);
    assert_eq!(world.told(), waiting);
    let mut other = message.clone();
    other[13] = b'y';
    world.reply(&other, 0, ADDRESS);
    assert_eq!(world.told(), waiting);
    for end in 0..message.len() {
        world.notifier.reply(ADDRESS.parse().unwrap(), &message[..end], world.at(0.0));
    }
    assert_eq!(world.told(), waiting, "our own message is no reply");
    world.reply(&message, 0, "[::ffff:10.1.0.53]:53");
    assert_eq!(world.told(), Told::Acknowledged);
}

#[test]
fn a_peer_with_a_key_is_told_with_a_signature_and_a_reply_without_one_is_passed_over() {
    let mut world = World::new();
    let key = Key::new("k1".parse().unwrap(), Algorithm::HmacSha256, &[7; 32]).unwrap();
    world.key = Some(Arc::new(key.clone()));
    world.serial(1, 0.0);
    let mut message = world.due(0.0).remove(0);
    world.reply(&message, 0, ADDRESS);
    assert_eq!(world.told(), Told::Waiting { tries: 1 });
    // The secondary's side: it verifies the message and signs its reply.
    assert!(Query::parse(&message).is_err(), "no query");
    let tsig = signature_of(&message).unwrap();
    let signer = verify(&message, &tsig, &Keys::new([key]), TODAY).unwrap();
    message[2] |= 0x80;
    let mut reply = message[..12 + b"\x01z\x04test\0".len() + 4].to_vec();
    reply[6..12].fill(0);
    signer.sign(&mut reply, TODAY);
    world.notifier.reply(ADDRESS.parse().unwrap(), &reply, world.at(0.0));
    assert_eq!(world.told(), Told::Acknowledged);
}

#[test]
fn at_the_start_peers_are_told_one_after_another_and_one_that_is_gone_is_forgotten() {
    let mut notifier = Notifier::default();
    let start = Instant::now();
    let pair = |number: u16| {
        let address = SocketAddr::from(([10, 0, 0, 1], number));
        let pair = Pair { zone: "z.test".parse().unwrap(), peer: "p".into(), address };
        (pair, Soa { serial: Serial(1), ttl: 1, rdata: [0; 22].into() }, None)
    };
    notifier.take((1..=200).map(pair).collect(), start);
    assert_eq!(notifier.due((start, TODAY), |_| false, || 1).len(), 1);
    assert!(notifier.due((start + Duration::from_secs(1), TODAY), |_| false, || 1).len() <= 21);
    notifier.take(vec![pair(3)], start);
    assert_eq!(notifier.states().count(), 1);
}

#[test]
fn a_new_zone_is_announced_at_once_however_many_are_known_already() {
    let mut notifier = Notifier::default();
    let start = Instant::now();
    let of = |zone: u16| {
        let pair = Pair {
            zone: format!("z{zone:03}.test").parse().unwrap(),
            peer: "p".into(),
            address: ADDRESS.parse().unwrap(),
        };
        (pair, Soa { serial: Serial(1), ttl: 1, rdata: [0; 22].into() }, None)
    };
    notifier.take((0..100).map(of).collect(), start);
    let later = start + MAX_SPREAD;
    while !notifier.due((later, TODAY), |_| false, || 1).is_empty() {}
    notifier.take((0..101).map(of).collect(), later);
    let told = notifier.due((later, TODAY), |_| false, || 1);
    assert_eq!(told.len(), 1);
    assert!(told[0].bytes.windows(4).any(|octets| octets == b"z100"));
}
