//! A sync that is killed at any moment: whole files, old or new, and serials that never go back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::SOON;
use crate::support::record::Rr;
use crate::support::site::Site;

const ZONES: [&str; 3] = [
    "privatelink.blob.core.windows.net",
    "privatelink.queue.core.windows.net",
    "privatelink.we.backup.windowsazure.com",
];

/// Names in each zone.
const NAMES: usize = 40;

/// Kills in all, over the threads.
const KILLS: u32 = 1000;
const THREADS: u32 = 2;

/// The greatest number of passes for each kill. How many are over before their kill, and where a kill finds the others,
/// depends on the machine: it goes on until enough were killed, and in every way.
const TRIES: u32 = 10;

#[test]
fn a_thousand_killed_syncs_leave_whole_files_and_serials_that_never_go_back() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let seen = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|n| scope.spawn(move || Victim::new(seed + u64::from(n)).suffer(KILLS / THREADS)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(Seen::default(), Seen::plus)
    });
    println!("{seen:?}");
    assert!(seen.killed >= KILLS, "too few kills: {seen:?}");
    assert!(seen.has_all(), "not every moment was met: {seen:?}");
}

/// The moments at which the kills came.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    killed: u32,
    /// The sync was over before the kill.
    finished: u32,
    untouched: u32,
    /// Some zones were old, some new.
    between: u32,
    all_new: u32,
    with_temporary: u32,
}

impl Seen {
    /// Kills that all come too early or too late would show nothing.
    fn has_all(self) -> bool {
        self.untouched > 0 && self.between > 0 && self.all_new > 0 && self.with_temporary > 0
    }

    fn plus(self, other: Self) -> Self {
        Self {
            killed: self.killed + other.killed,
            finished: self.finished + other.finished,
            untouched: self.untouched + other.untouched,
            between: self.between + other.between,
            all_new: self.all_new + other.all_new,
            with_temporary: self.with_temporary + other.with_temporary,
        }
    }
}

/// The state in a zone file: the version of the list it was made from, and its serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    version: u16,
    serial: u32,
}

/// One folder in which syncs are killed.
struct Victim {
    site: Site,
    rng: StdRng,
    states: [State; 3],
    /// The time of a pass that is not killed, the quickest so far.
    pass: Duration,
}

impl Victim {
    fn new(seed: u64) -> Self {
        let site = Site::new().with_list("a.txt", list(1)).with_config("[sync]\nmax_removed = \"100%\"");
        let start = Instant::now();
        site.sync();
        let states = ZONES.map(|apex| read(&site, apex));
        Self { site, rng: StdRng::seed_from_u64(seed), states, pass: start.elapsed() }
    }

    fn suffer(mut self, kills: u32) -> Seen {
        let mut seen = Seen::default();
        let mut last = 1;
        for version in (2..).take((TRIES * kills) as usize) {
            if seen.killed >= kills && seen.has_all() {
                break;
            }
            last = version;
            self.site.rename_list("a.txt", list(version));
            let start = Instant::now();
            let mut child = self.site.command("sync").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // Half of them anywhere in a pass, half while files are being written.
            if self.rng.random() {
                std::thread::sleep(self.pass.mul_f64(self.rng.random_range(0.0..1.1)));
            } else {
                self.wait_for_writing(&mut child);
            }
            // It may be over.
            let _over = child.kill();
            if child.wait().unwrap().success() {
                seen.finished += 1;
                self.pass = self.pass.min(start.elapsed());
            } else {
                seen.killed += 1;
            }
            self.judge(version, &mut seen);
        }
        self.site.sync();
        assert_eq!(self.temporary(), Vec::<PathBuf>::new(), "a pass clears away what killed ones left");
        let versions: BTreeSet<u16> = ZONES.map(|apex| read(&self.site, apex).version).into();
        assert_eq!(versions, BTreeSet::from([last]), "and writes what they did not");
        seen
    }

    /// Waits until the pass has a file in its hands, then a moment.
    fn wait_for_writing(&mut self, child: &mut Child) {
        let deadline = Instant::now() + SOON;
        while self.temporary().is_empty() && child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_micros(self.rng.random_range(0..3000)));
    }

    fn judge(&mut self, version: u16, seen: &mut Seen) {
        let mut new = 0;
        for (apex, state) in ZONES.iter().zip(&mut self.states) {
            let now = read(&self.site, apex);
            if now == *state {
                continue;
            }
            assert_eq!(now.version, version, "{apex} is neither old nor new");
            assert!(now.serial.wrapping_sub(state.serial).cast_signed() > 0, "{apex}: {state:?} -> {now:?}");
            *state = now;
            new += 1;
        }
        let counter = match new {
            0 => &mut seen.untouched,
            3 => &mut seen.all_new,
            _ => &mut seen.between,
        };
        *counter += 1;
        let temporary = self.temporary();
        assert!(temporary.len() <= 1, "dead files pile up: {temporary:?}");
        seen.with_temporary += u32::from(!temporary.is_empty());
    }

    /// Temporary files in the zone folder.
    fn temporary(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.site.path("zones")).unwrap().map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "tmp")).collect()
    }
}

/// The same names in every version, with addresses that tell which it is.
fn list(version: u16) -> String {
    let [high, low] = version.to_be_bytes();
    let line = |n: usize| {
        let suffix = ["blob.core.windows.net", "queue.core.windows.net", "we.backup.windowsazure.com"][n % 3];
        format!("name{n}.{suffix} 10.{high}.{low}.{}\n", n / 3)
    };
    (0..NAMES * 3).map(line).collect()
}

/// Reads a zone file with another parser than the server's; panics unless it is whole and of one version.
fn read(site: &Site, apex: &str) -> State {
    let text = site.zone(apex);
    assert!(text.starts_with("; Written by privatelink-dns"), "{apex}: {text}");
    let records = Rr::from_zone(&text).unwrap_or_else(|error| panic!("{apex}: {error}"));
    let of_type = |number: u16| records.iter().filter(move |record| record.rtype.to_int() == number);
    let versions: BTreeSet<u16> =
        of_type(1).map(|record| u16::from_be_bytes([record.rdata[1], record.rdata[2]])).collect();
    assert_eq!(of_type(1).count(), NAMES, "addresses in {apex}: {text}");
    assert_eq!(of_type(2).count(), 1, "NS records in {apex}: {text}");
    assert_eq!(records.len(), NAMES + 2, "records in {apex}: {text}");
    assert_eq!(versions.len(), 1, "{apex} is a mixture: {text}");
    let soa = of_type(6).next().unwrap();
    let serial = soa.rdata[soa.rdata.len() - 20..][..4].try_into().unwrap();
    State { version: *versions.first().unwrap(), serial: u32::from_be_bytes(serial) }
}
