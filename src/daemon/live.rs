//! The threads that read live sources: one for each, with a rhythm of its own.
//!
//! In: the settings of the live sources, and that a client missed a name. Out: lists on disk, a tick for the loop when
//! one changed, and reports for `status`. The loop never waits for them, nor does the end of the server: a thread that
//! is told to stop ends by itself. Reads of one source never overlap: a thread waits for the one before it.

mod bell;
mod log;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::background;
use crate::diag::{Diagnostic, Id, Place};
use crate::status::Board;
use crate::sync;
use crate::sync::live::fetch::{Fetched, Finding, Next, Source};
use crate::sync::live::outside::Outside;
use crate::sync::live::real::{Real, Stop};
use crate::sync::live::report::LiveReport;
use crate::sync::live::rhythm::Rhythm;
use crate::sync::live::settings::Settings;
use crate::watch::FileKind;
use bell::Bell;
use log::LiveLog;

/// The live sources that are being read, by name.
pub(super) struct LiveSources {
    running: BTreeMap<String, LiveThread>,
    /// Those that were told to stop and may still be at work.
    ending: BTreeMap<String, Ended>,
    desk: Desk,
}

/// A channel that nothing comes from: it closes when the thread ends.
type Ended = Receiver<()>;

/// Where a thread puts what it has found.
#[derive(Clone)]
struct Desk {
    board: Arc<Board>,
    ticks: mpsc::Sender<FileKind>,
}

/// A thread that reads a source; it is told to stop when this goes.
struct LiveThread {
    settings: Settings,
    miss_interval: Duration,
    bell: Arc<Bell>,
    stop: Stop,
    ended: Option<Ended>,
}

impl LiveSources {
    pub(super) fn new(board: Arc<Board>, ticks: mpsc::Sender<FileKind>) -> Self {
        Self { running: BTreeMap::new(), ending: BTreeMap::new(), desk: Desk { board, ticks } }
    }

    /// Reads these from now on: unchanged ones go on as they are, others start anew, and those that are gone stop.
    pub(super) fn take(&mut self, wanted: &sync::Settings) {
        self.ending.retain(|_, ended| matches!(ended.try_recv(), Err(TryRecvError::Empty)));
        let is_wanted = |running: &LiveThread| {
            running.miss_interval == wanted.miss_interval && wanted.live.contains(&running.settings)
        };
        for (name, mut stopped) in self.running.extract_if(.., |_, running| !is_wanted(running)) {
            if let Some(ended) = stopped.ended.take() {
                self.ending.insert(name, ended);
            }
        }
        for settings in &wanted.live {
            if !self.running.contains_key(&settings.name) {
                let before = self.ending.remove(&settings.name);
                let started = LiveThread::start(settings, wanted.miss_interval, before, &self.desk);
                self.running.insert(settings.name.clone(), started);
            }
        }
    }

    /// A client missed a name: Azure may have it by now.
    pub(super) fn wake(&self) {
        self.running.values().for_each(|running| running.bell.wake());
    }
}

impl LiveThread {
    fn start(settings: &Settings, miss_interval: Duration, before: Option<Ended>, desk: &Desk) -> Self {
        let (bell, stop) = (Arc::<Bell>::default(), Stop::default());
        let (at_work, ended) = channel();
        let thread = {
            let (settings, bell, stop, desk) = (settings.clone(), Arc::clone(&bell), stop.clone(), desk.clone());
            move || {
                background::stand_back();
                if let Some(before) = before {
                    // What comes from it is that it ended.
                    let _ = before.recv();
                }
                let outside: Arc<dyn Outside> = Arc::new(Real::new(&stop));
                let make = || Source::new(settings.clone(), Arc::clone(&outside));
                let rhythm = |now| Rhythm::new(now, settings.interval, miss_interval);
                read_until_stopped(make, rhythm, &|| outside.random(), &bell, &desk);
                drop::<std::sync::mpsc::Sender<()>>(at_work);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("azure".to_owned()).spawn(thread) {
            let text = format!("cannot start a thread to read from Azure: {error}; its lists stay in use; run: reload");
            let found = Diagnostic::error(Id::TASK_BROKE_OFF, Place::source(&settings.name), text);
            super::log::found(&found);
            let problems = vec![found.of_source(&settings.name)];
            desk.board.live_read(&LiveReport { source: settings.name.clone(), problems, ..LiveReport::default() });
        }
        Self { settings: settings.clone(), miss_interval, bell, stop, ended: Some(ended) }
    }
}

impl Drop for LiveThread {
    fn drop(&mut self) {
        self.bell.stop();
        self.stop.stop();
    }
}

/// A live source as its thread sees it.
trait Reads {
    fn fetch(&mut self) -> Fetched;
    fn report(&self) -> &LiveReport;
}

impl Reads for Source {
    fn fetch(&mut self) -> Fetched {
        self.fetch()
    }

    fn report(&self) -> &LiveReport {
        self.report()
    }
}

/// Reads a source whenever that is due.
fn read_until_stopped<S: Reads>(
    make: impl Fn() -> S,
    rhythm: impl Fn(Duration) -> Rhythm,
    random: &dyn Fn() -> f64,
    bell: &Bell,
    desk: &Desk,
) {
    let begin = Instant::now();
    let mut source = make();
    let mut rhythm = rhythm(begin.elapsed());
    let (mut log, mut is_first) = (LiveLog::default(), true);
    // What the last process knew of it.
    desk.board.live_read(source.report());
    while bell.wait(&mut rhythm, &|| begin.elapsed()) {
        let fetched = catch_unwind(AssertUnwindSafe(|| source.fetch()));
        if bell.is_stopped() {
            return;
        }
        let fetched = fetched.unwrap_or_else(|_| {
            let name = source.report().source.clone();
            source = make();
            broke_off(&name)
        });
        log.read(source.report(), &fetched);
        desk.board.live_read(source.report());
        // The first pass may have come before this read, or before another process wrote the lists.
        if std::mem::take(&mut is_first) || fetched.changed {
            // A full channel holds a tick of this kind already.
            let _ = desk.ticks.try_send(FileKind::Lists);
        }
        rhythm.ended(begin.elapsed(), fetched.next, random());
    }
}

/// A read that ended with a panic.
fn broke_off(name: &str) -> Fetched {
    let text = "internal error: the read stopped; its lists stay in use; please report this with the log";
    let diagnostic = Diagnostic::error(Id::TASK_BROKE_OFF, Place::source(name), text).of_source(name);
    Fetched { changed: false, next: Next::Failed, findings: vec![Finding { diagnostic, trace: Vec::new() }] }
}

#[cfg(test)]
mod tests;
