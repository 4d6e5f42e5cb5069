//! `cargo xtask busy [TIMES] [FILTER...]`: the tests beside busy loops, one for each core, again and again.
//!
//! In: the number of runs (3), and words, one of which is in the name of each test to run (all). Out: a line for each
//! run; an error if one of them failed. A test that fails here and passes on an idle machine measures the machine
//! instead of the server.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, available_parallelism, spawn};
use std::time::Instant;

use crate::cargo;

const TIMES: usize = 3;

/// Runs the tests as often as the arguments ask for.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<(), String> {
    let (times, filters) = match arguments.split_first().map(|(first, rest)| (first.parse(), rest)) {
        Some((Ok(times), rest)) => (times, rest),
        _ => (TIMES, arguments),
    };
    run_until(root, filters, |done| done >= times)
}

/// Runs the tests until `enough` returns true, but once in any case.
pub(crate) fn run_until(root: &Path, filters: &[String], mut enough: impl FnMut(usize) -> bool) -> Result<(), String> {
    cargo(root, &["test", "--workspace", "--locked", "--no-run"])?;
    let loops = Loops::start();
    let (mut done, mut failed) = (0, Vec::new());
    loop {
        done += 1;
        let (start, mut arguments) = (Instant::now(), vec!["test", "--workspace", "--locked", "--no-fail-fast", "--"]);
        arguments.extend(filters.iter().map(String::as_str));
        let result = cargo(root, &arguments);
        let outcome = if result.is_ok() { "passed" } else { "FAILED" };
        println!(
            "== run {done} beside {} busy loops: {outcome} after {} s",
            loops.threads.len(),
            start.elapsed().as_secs()
        );
        if result.is_err() {
            failed.push(done.to_string());
        }
        if enough(done) {
            break;
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("of {done} runs these failed: {}", failed.join(", "))) }
}

/// Threads that do nothing and take all the time they get; they end when this is dropped.
struct Loops {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Loops {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let spin = |stop: Arc<AtomicBool>| while !stop.load(Ordering::Relaxed) {};
        let cores = available_parallelism().map_or(1, NonZero::get);
        let threads = (0..cores).map(|_| (Arc::clone(&stop), spin)).map(|(stop, spin)| spawn(move || spin(stop)));
        Self { threads: threads.collect(), stop }
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // The thread cannot panic.
            let _ended = thread.join();
        }
    }
}
