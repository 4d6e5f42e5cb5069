//! The server dies at a random moment and comes back: its files are whole, and are served at once.
//!
//! In: a running server. Out: another one at the same address, and a panic where a file was torn, lost or left behind.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::RngExt;

use crate::support::record::Rr;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::truth::{self, ACCOUNTS, Faulted, Kind, LIST, Verdict};

/// The zones that have records, and how many addresses each holds.
const ZONES: [(&str, usize); 2] =
    [("privatelink.blob.core.windows.net", ACCOUNTS as usize + 1), ("privatelink.we.backup.windowsazure.com", 1)];

/// From the change of a list until the zones are written, and some more.
const PASS: u64 = 400;

/// The time that a question may take to its answer; younger ones die with the server.
const UNDER_WAY: Duration = Duration::from_secs(4);

/// The times without a server.
#[derive(Default)]
pub(crate) struct Outages(Mutex<Vec<(Instant, Option<Instant>)>>);

impl Outages {
    fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), None));
    }

    fn end(&self) {
        if let Some((_, end)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).last_mut() {
            *end = Some(Instant::now());
        }
    }

    /// True if a question of this time may have no answer.
    pub(crate) fn excuse(&self, sent: Instant) -> bool {
        let outages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outages.iter().any(|(begin, end)| sent + UNDER_WAY >= *begin && end.is_none_or(|end| sent <= end))
    }
}

/// The kills and their outcomes.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    count: u32,
    /// Kills that left a temporary file.
    in_a_write: u32,
    slowest_start: Duration,
    serials: [u32; 2],
}

impl Kills {
    /// Kills the server in or between two syncs, and starts another.
    pub(crate) fn kill(&mut self, second: u64, site: &mut Site, server: &mut Server, outages: &Outages) {
        site.rename_list(LIST, truth::list(second));
        thread::sleep(Duration::from_millis(rand::rng().random_range(0..PASS)));
        outages.begin();
        server.signal(Signal::SIGKILL);
        server.ended();
        let serials = ZONES.map(|(apex, addresses)| whole(site, apex, addresses));
        for (now, before) in serials.iter().zip(self.serials) {
            assert!(now.wrapping_sub(before).cast_signed() >= 0 || self.count == 0, "serial {before} -> {now}");
        }
        let left = temporary(site);
        // From here on it serves from the zone files.
        std::fs::remove_file(site.list_path(LIST)).unwrap();
        site.add(&format!("listen = [\"{}\"]", server.address()));
        let start = Instant::now();
        *server = site.start();
        self.slowest_start = self.slowest_start.max(start.elapsed());
        outages.end();
        serves(server, serials);
        site.rename_list(LIST, truth::list(second + 1));
        server.until_resolves("version.privatelink.blob.core.windows.net", &truth::version(second + 1).to_string());
        wait_until("what the dead one left is gone", || left.iter().all(|file| !file.exists()));
        self.serials = serials;
        self.count += 1;
        self.in_a_write += u32::from(!left.is_empty());
    }
}

/// A zone file's serial; panics unless all is there.
fn whole(site: &Site, apex: &str, addresses: usize) -> u32 {
    let text = site.zone(apex);
    let records = Rr::from_zone(&text).unwrap_or_else(|error| panic!("{apex} is torn: {error}"));
    let found = records.iter().filter(|record| record.rtype.to_int() == 1).count();
    assert_eq!(found, addresses, "{apex} has lost records");
    let soa = records.iter().find(|record| record.rtype.to_int() == 6).unwrap_or_else(|| panic!("{apex}: no SOA"));
    serial(soa)
}

/// Five numbers end an SOA; it is the first (RFC 1035 section 3.3.13).
fn serial(soa: &Rr) -> u32 {
    u32::from_be_bytes(soa.rdata[soa.rdata.len() - 20..][..4].try_into().unwrap())
}

/// Panics unless the server has these serials and every account.
fn serves(server: &Server, serials: [u32; 2]) {
    for ((apex, _), wanted) in ZONES.iter().zip(serials) {
        assert_eq!(serial(&server.ask(apex, "SOA").answer[0]), wanted, "{apex} is not what its file says");
    }
    let nobody = Faulted::default();
    for kind in (0..ACCOUNTS).map(Kind::Ours) {
        let verdict = kind.judge(&server.ask(&kind.name(), kind.qtype()), &nobody);
        assert!(matches!(verdict, Verdict::Right), "{kind:?} is lost");
    }
}

/// Temporary files in the zone folder.
fn temporary(site: &Site) -> Vec<PathBuf> {
    let files = std::fs::read_dir(site.path("zones")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "tmp")).collect()
}
