//! Many slow secondaries at one time, and a zone that changes under them.

use std::io::Write;

use super::secondary::{axfr, slow, until_serial};
use super::{PEER, ZONE, site, zone};
use crate::support::client::{framed, read_framed};
use crate::support::server::process_status;

const HOSTS: u32 = 20_000;

/// Changes of the zone; before each of them two more secondaries ask for it.
const CHANGES: u32 = 25;

/// Octets that one version takes in memory, about.
const VERSION: u64 = 84 * HOSTS as u64;

#[test]
fn fifty_slow_secondaries_of_a_zone_that_changes_all_the_time_keep_no_more_versions_than_there_are_places() {
    let peers =
        (2..7).map(|n| PEER.replace("\"p\"", &format!("\"p{n}\"")).replace("127.0.0.1", &format!("127.0.0.{n}")));
    let site = peers.fold(site(HOSTS), |site, peer| site.with_config(&peer)).with_config("[transfer]\nmax = 2");
    let server = site.start();
    let (mut readers, mut first) = (Vec::new(), 0);
    for change in 1..=CHANGES {
        for reader in 0..2 {
            let mut stream = slow(server.address(), Some(&format!("127.0.0.{}", 2 + (2 * change + reader) % 5)));
            stream.write_all(&framed(&axfr(ZONE))).unwrap();
            if change == 1 {
                read_framed(&mut stream).unwrap();
            }
            readers.push(stream);
        }
        site.write_zone(ZONE, &zone(1 + change, HOSTS));
        site.reload();
        until_serial(&server, ZONE, 1 + change);
        assert_eq!(server.resolves("host7.big.example"), ["10.1.0.7"]);
        if change == 5 {
            first = process_status(server.pid(), "VmRSS");
        }
    }
    let grown = process_status(server.pid(), "VmRSS").saturating_sub(first) * 1024;
    println!("{} kB more after {} changes, a version takes {} kB", grown >> 10, CHANGES - 5, VERSION >> 10);
    assert!(grown < VERSION * u64::from(CHANGES - 5) / 2, "{} kB more", grown >> 10);
    drop(readers);
    server.stop();
}
