//! The thread of a live source, with a source that does what the test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config::Config;

/// A source whose reads end as the test says.
struct Scripted<'t> {
    report: LiveReport,
    /// The next results; a read without one panics.
    results: &'t Mutex<Vec<Fetched>>,
    reads: &'t AtomicUsize,
    /// Called in each read.
    during: &'t (dyn Fn(usize) + Sync),
}

impl Reads for Scripted<'_> {
    fn fetch(&mut self) -> Fetched {
        let count = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        (self.during)(count);
        self.report.requests = count as u64;
        let mut results = self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(!results.is_empty(), "no result for this read, on purpose");
        results.remove(0)
    }

    fn report(&self) -> &LiveReport {
        &self.report
    }
}

/// A source whose lists would lie in this folder.
fn settings(folder: &std::path::Path, keys: &str) -> sync::Settings {
    let scope = "/subscriptions/11111111-2222-3333-4444-555555555555";
    let text = format!("[[sources]]\nname = \"s\"\nkind = \"azure\"\nscopes = [\"{scope}\"]\n{keys}");
    let (config, problems) = Config::parse(&folder.join("x.toml"), &text);
    assert_eq!(problems, []);
    config.sync
}

fn board(wanted: &sync::Settings) -> Arc<Board> {
    let board = Board::new(std::path::Path::new("x.toml"), &[], std::time::SystemTime::now());
    board.sync_set(wanted);
    Arc::new(board)
}

/// Reads with these results, each due at once, until `during` rings the bell's stop; gives what came of it.
fn play(results: Vec<Fetched>, stop_in: usize) -> (usize, usize, Vec<LiveReport>) {
    let wanted = settings(std::path::Path::new("/"), "");
    let (ticks, mut inbox) = mpsc::channel(16);
    let desk = Desk { board: board(&wanted), ticks };
    let (bell, reads, results) = (Bell::default(), AtomicUsize::new(0), Mutex::new(results));
    let during = |count: usize| {
        if count == stop_in {
            bell.stop();
        }
    };
    let report = || LiveReport { source: "s".to_owned(), ..LiveReport::default() };
    let make = || Scripted { report: report(), results: &results, reads: &reads, during: &during };
    let at_once = |now| Rhythm::new(now, Duration::ZERO, Duration::ZERO);
    read_until_stopped(make, at_once, &|| 0.5, &bell, &desk);
    let mut count = 0;
    while inbox.try_recv().is_ok() {
        count += 1;
    }
    (reads.load(Ordering::SeqCst), count, desk.board.live())
}

#[test]
fn the_first_read_and_each_that_changes_a_list_has_a_pass_made() {
    let changed = Fetched { changed: true, ..Fetched::default() };
    let (reads, ticks, reports) = play(vec![Fetched::default(), Fetched::default(), changed, Fetched::default()], 4);
    assert_eq!((reads, ticks), (4, 2));
    assert_eq!(reports[0].requests, 3, "of the last read before the end");
}

#[test]
fn a_read_that_panics_is_reported_and_the_next_one_is_made() {
    let (reads, ticks, _) = play(Vec::new(), 3);
    assert_eq!((reads, ticks), (3, 1));
}

#[test]
fn a_thread_that_sleeps_stops_at_once_and_a_miss_wakes_it() {
    let bell = Bell::default();
    let mut rhythm = Rhythm::new(Duration::ZERO, Duration::from_hours(1), Duration::from_secs(10));
    rhythm.ended(Duration::ZERO, Next::Usual, 0.5);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| bell.wait(&mut rhythm, &|| Duration::from_secs(1)));
        bell.wake();
        assert!(sleeper.join().unwrap());
    });
    rhythm.ended(Duration::from_secs(1), Next::Usual, 0.5);
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(|| bell.wait(&mut rhythm, &|| Duration::from_secs(2)));
        bell.stop();
        assert!(!sleeper.join().unwrap());
    });
}

/// Live sources whose threads have stopped before they ask anybody.
fn threads(wanted: &sync::Settings) -> LiveSources {
    let (ticks, _) = mpsc::channel(1);
    let mut live = LiveSources::new(board(wanted), ticks);
    live.take(wanted);
    live
}

#[test]
fn a_reload_keeps_the_thread_of_an_unchanged_source_and_no_other() {
    // The address of ARM and of the identity endpoint is nobody's.
    let nobody = "identity = \"workload\"\narm = \"https://127.0.0.1:1\"\nauthority = \"https://127.0.0.1:1\"\n";
    let folder = tempfile::tempdir().unwrap();
    let (before, slower) =
        (settings(folder.path(), nobody), settings(folder.path(), &format!("{nobody}interval = \"2m\"\n")));
    let mut live = threads(&before);
    let bell = |live: &LiveSources| Arc::as_ptr(&live.running["s"].bell);
    let first = bell(&live);
    live.take(&before);
    assert_eq!(bell(&live), first);
    live.take(&slower);
    assert_ne!(bell(&live), first);
    live.take(&sync::Settings { miss_interval: Duration::from_secs(3), ..slower.clone() });
    let last = Arc::clone(&live.running["s"].bell);
    live.take(&sync::Settings { live: Vec::new(), ..slower });
    assert!(live.running.is_empty() && last.is_stopped());
    // Every thread ends by itself.
    for (_, ended) in std::mem::take(&mut live.ending) {
        assert!(ended.recv().is_err());
    }
}
