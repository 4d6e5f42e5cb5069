//! Many slow secondaries at one time, and a zone that changes under them: memory, and the questions of others.
//!
//! `HOSTS`, `CHANGES` and `PLACES` make it larger than a test for every change can be: `cargo xtask acceptance
//! secondaries` has a million hosts. Nothing is timed; how long answers took is printed beside that of a server at rest.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use super::secondary::{axfr, slow, until_serial};
use super::{PEER, ZONE, site, zone};
use crate::support::client::{ask, framed, timed};
use crate::support::server::process_status;

const READERS: usize = 50;

/// Octets that one version takes in memory, at most, and about as many are needed to load it.
const OF_A_HOST: u64 = 84;

/// Changes after which the allocator has what loading a version takes.
const WARM: u32 = 5;

/// Questions to the server at rest.
const AT_REST: usize = 2000;

/// A number that the environment may change.
fn number(variable: &str, unset: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(unset)
}

/// What was seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Octets that one version takes at most.
    version: u64,
    places: u64,
    changes: u64,
    /// Octets in memory after the first changes, and the most later.
    before: u64,
    most: u64,
    /// How long each answer over UDP took, at rest and beside the readers, and the questions without a good answer.
    at_rest: Vec<Duration>,
    beside: Vec<Duration>,
    unanswered: usize,
    /// Octets that readers took, and connections that they made.
    taken: usize,
    connections: usize,
}

impl Seen {
    /// What is wrong.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |is_so: bool, what: String| faults.extend((!is_so).then_some(what));
        expect(self.unanswered == 0, format!("{} questions over UDP had no good answer", self.unanswered));
        expect(self.beside.len() >= AT_REST, format!("only {} questions were asked beside them", self.beside.len()));
        expect(self.taken > 0 && self.connections >= READERS, "the readers took nothing".to_owned());
        // Each place keeps a version, and loading the next one takes some.
        let grown = self.most.saturating_sub(self.before);
        let bound = (self.places + 4) * self.version;
        expect(grown <= bound, format!("memory grew by {} kB, {} kB at most", grown >> 10, bound >> 10));
        expect(self.changes >= 3 * (self.places + 4), "too few changes to tell a leak".to_owned());
        faults
    }

    fn show(&self) {
        let p99 = |all: &[Duration]| {
            let mut all = all.to_vec();
            all.sort();
            all.get(all.len() * 99 / 100).copied().unwrap_or_default()
        };
        println!(
            "{} changes; memory {} MB, at most {} MB; {} answers beside the readers, 99 % within {:?}, at rest within {:?}; \
             {} kB to readers on {} connections",
            self.changes,
            self.before >> 20,
            self.most >> 20,
            self.beside.len(),
            p99(&self.beside),
            p99(&self.at_rest),
            self.taken >> 10,
            self.connections
        );
    }
}

/// A secondary that takes a little after each change, and asks again when the server ends its connection.
struct Reader {
    server: SocketAddr,
    from: String,
    stream: TcpStream,
}

impl Reader {
    fn begin(server: SocketAddr, number: usize) -> Self {
        let from = format!("127.0.0.{}", 2 + number % 5);
        let stream = Self::connect(server, &from);
        Self { server, from, stream }
    }

    fn connect(server: SocketAddr, from: &str) -> TcpStream {
        let mut stream = slow(server, Some(from));
        stream.write_all(&framed(&axfr(ZONE))).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    }

    fn take(&mut self, seen: &mut Seen) {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(octets @ 1..) => seen.taken += octets,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => {
                self.stream = Self::connect(self.server, &self.from);
                seen.connections += 1;
            }
        }
    }
}

/// Asks questions over UDP, one after another; the time of each answer, and the number of those that were not good.
fn ask_many(server: SocketAddr, questions: usize) -> (Vec<Duration>, usize) {
    let (mut times, mut unanswered) = (Vec::with_capacity(questions), 0);
    for host in 0..questions {
        let host = host % 250;
        let (took, reply) = timed(|| ask(&format!("host{host}.{ZONE}"), "A").try_to(server));
        unanswered += usize::from(!reply.is_ok_and(|reply| reply.addresses() == [format!("10.1.0.{host}")]));
        times.push(took);
    }
    (times, unanswered)
}

#[test]
fn fifty_slow_secondaries_of_a_zone_that_changes_all_the_time_keep_no_more_versions_than_there_are_places() {
    let (hosts, changes, places) = (number("HOSTS", 20_000), number("CHANGES", 30), number("PLACES", 2));
    let peers =
        (2..7).map(|n| PEER.replace("\"p\"", &format!("\"p{n}\"")).replace("127.0.0.1", &format!("127.0.0.{n}")));
    let site = peers
        .fold(site(hosts), |site, peer| site.with_config(&peer))
        .with_config(&format!("[transfer]\nmax = {places}"));
    let server = site.start();
    let memory = || process_status(server.pid(), "VmRSS") * 1024;
    let mut seen = Seen { version: OF_A_HOST * u64::from(hosts), places: places.into(), ..Seen::default() };
    seen.changes = (changes - WARM).into();
    let address = server.address();
    (seen.at_rest, seen.unanswered) = ask_many(address, AT_REST);
    let mut readers: Vec<Reader> = Vec::new();
    for change in 1..=changes {
        let (beside, unanswered) = thread::scope(|scope| {
            let asker = scope.spawn(|| ask_many(address, hosts as usize / 200));
            site.write_zone(ZONE, &zone(1 + change, hosts));
            site.reload();
            until_serial(&server, ZONE, 1 + change);
            asker.join().unwrap()
        });
        seen.beside.extend(beside);
        seen.unanswered += unanswered;
        for reader in &mut readers {
            reader.take(&mut seen);
        }
        let begun = readers.len()..READERS.min(readers.len() + 4);
        seen.connections += begun.len();
        readers.extend(begun.map(|number| Reader::begin(address, number)));
        if change <= WARM { seen.before = seen.before.max(memory()) } else { seen.most = seen.most.max(memory()) }
    }
    seen.show();
    assert_eq!(seen.faults(), [""; 0]);
    drop(readers);
    server.stop();
}

#[test]
fn a_lost_answer_a_version_that_stays_with_each_change_and_readers_that_get_nothing_are_found() {
    let version = 1 << 20;
    let good = Seen {
        version,
        places: 2,
        changes: 25,
        before: 10 * version,
        most: 15 * version,
        beside: vec![Duration::ZERO; AT_REST],
        taken: 1,
        connections: READERS,
        ..Seen::default()
    };
    assert_eq!(good.faults(), [""; 0]);
    for (planted, wanted) in [
        (Seen { unanswered: 1, ..good.clone() }, "1 questions over UDP had no good answer"),
        (Seen { most: good.before + 25 * version, ..good.clone() }, "memory grew by 25600 kB, 6144 kB at most"),
        (Seen { taken: 0, ..good.clone() }, "the readers took nothing"),
        (Seen { beside: Vec::new(), ..good.clone() }, "only 0 questions were asked beside them"),
        (Seen { changes: 5, ..good.clone() }, "too few changes to tell a leak"),
    ] {
        assert_eq!(planted.faults(), [wanted]);
    }
}
