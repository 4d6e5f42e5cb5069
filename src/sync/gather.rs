//! Reads all sources of a pass side by side within one deadline.
//!
//! Input: the sources and the time they may take. Output: the lists of each source, or its last good lists. A share
//! that hangs holds up only the thread that waits for it: the next pass does not start a second thread, and takes the
//! result of the first one if it ever comes.

mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::desired::Limits;
use super::progress::{PassStep, ProgressFn};
use super::source::{self, EntryBudget, Reading};
use super::state::State;
use crate::diag::{Diagnostic, Id};
use slots::{PATIENCE, Slots};

/// Reads sources, and remembers which of them have yet to answer.
#[derive(Default)]
pub(crate) struct Gatherer {
    late: BTreeMap<String, Waiting>,
}

struct Waiting {
    source: source::Settings,
    since: Instant,
    answer: Receiver<Reading>,
}

/// The input of every reader thread.
#[derive(Clone)]
pub(crate) struct GatherTask<'a> {
    /// The sources, in the order of the config.
    pub sources: &'a [source::Settings],
    /// The rules by which a list is unfit.
    pub limits: &'a Limits,
    /// The folder where good lists are kept.
    pub state: &'a State,
    /// Seconds since 1970.
    pub now: u64,
    /// The time that all of them together may take.
    pub deadline: Duration,
}

impl Gatherer {
    /// One reading for each source, in their order. `clock` is only asked how long it has been.
    pub(crate) fn gather(&mut self, task: &GatherTask<'_>, progress: ProgressFn<'_>) -> Vec<Reading> {
        let (start, room) = (Instant::now(), Arc::new(EntryBudget::default()));
        self.late.retain(|name, _| task.sources.iter().any(|source| source.name == *name));
        let mut slots = Slots::new();
        let mut asked = |source| (source, self.start_or_resume(source, task, (&room, &mut slots), start));
        let waiting: Vec<(&source::Settings, Result<Waiting, Diagnostic>)> =
            task.sources.iter().map(&mut asked).collect();
        let mut readings = Vec::with_capacity(waiting.len());
        for (source, asked) in waiting {
            progress(PassStep::Reading(&source.path));
            let answered = asked.and_then(|waiting| {
                // A source that was late before is not waited for a second time.
                let until = if waiting.since < start { start } else { start + task.deadline };
                let left = until.saturating_duration_since(Instant::now());
                match waiting.answer.recv_timeout(left) {
                    Ok(reading) => Ok(reading),
                    Err(RecvTimeoutError::Timeout) => {
                        // The text has no time that grows, so that the same problem is reported once.
                        let text = format!(
                            "no answer within {} (pass_deadline); does its share hang?",
                            humantime::format_duration(task.deadline)
                        );
                        self.late.insert(source.name.clone(), waiting);
                        Err(source.problem(Id::SOURCE_LATE, text))
                    }
                    Err(RecvTimeoutError::Disconnected) => Err(broken(source)),
                }
            });
            let stand_in = |problem| source::stand_in(source, (task.limits, &room), task.state, problem);
            readings.push(answered.unwrap_or_else(stand_in));
        }
        readings
    }

    /// The thread that reads a source: the one that still waits for it, if there is one, else a new one.
    fn start_or_resume(
        &mut self,
        source: &source::Settings,
        task: &GatherTask<'_>,
        bounds: (&Arc<EntryBudget>, &mut Slots),
        now: Instant,
    ) -> Result<Waiting, Diagnostic> {
        if let Some(waiting) = self.late.remove(&source.name)
            && waiting.source == *source
        {
            return match waiting.answer.try_recv() {
                // It was late, but it is the newest that there is.
                Ok(reading) => Ok(Waiting { answer: ready(reading), ..waiting }),
                Err(TryRecvError::Empty) => Ok(waiting),
                Err(TryRecvError::Disconnected) => start(source, task, bounds, now),
            };
        }
        start(source, task, bounds, now)
    }
}

fn start(
    source: &source::Settings,
    task: &GatherTask<'_>,
    (room, slots): (&Arc<EntryBudget>, &mut Slots),
    now: Instant,
) -> Result<Waiting, Diagnostic> {
    let (sender, answer) = sync_channel(1);
    let (settings, limits, state, at) = (source.clone(), task.limits.clone(), task.state.clone(), task.now);
    let (room, slot) = (Arc::clone(room), slots.take(PATIENCE));
    let read = move || {
        let _slot = slot;
        // The receiver may be gone.
        let _ = sender.send(source::read(&settings, &limits, &state, &room, at));
    };
    thread::Builder::new().name("source".to_owned()).spawn(read).map_err(|error| {
        let text = format!("cannot start a thread to read it: {error}; the next pass tries again");
        source.problem(Id::SOURCE_BROKE_OFF, text)
    })?;
    Ok(Waiting { source: source.clone(), since: now, answer })
}

fn ready(reading: Reading) -> Receiver<Reading> {
    let (sender, answer) = sync_channel(1);
    // There is room for one.
    let _ = sender.send(reading);
    answer
}

fn broken(source: &source::Settings) -> Diagnostic {
    source.problem(Id::SOURCE_BROKE_OFF, "internal error: the reader stopped; please report this with the list")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::progress::no_progress;
    use crate::sync::source::{Format, Kind};
    use crate::sync::state::lists::Stamp;
    use std::path::Path;
    use std::sync::mpsc::SyncSender;

    fn source(name: &str, path: &Path) -> source::Settings {
        source::Settings { name: name.to_owned(), path: path.to_owned(), kind: Kind::Files(Format::Auto), view: None }
    }

    /// A source whose share hangs until somebody sends.
    fn hanging(gatherer: &mut Gatherer, source: &source::Settings) -> SyncSender<Reading> {
        let (sender, answer) = sync_channel(1);
        let waiting = Waiting { source: source.clone(), since: Instant::now(), answer };
        gatherer.late.insert(source.name.clone(), waiting);
        sender
    }

    #[test]
    fn a_source_that_does_not_answer_is_named_and_the_others_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("a.txt");
        crate::files::replace(folder.path(), "a.txt", ".tmp", 0o600, b"a.blob.core.windows.net 10.0.0.4\n").unwrap();
        let sources = [source("hangs", Path::new("/nowhere")), source("good", &list)];
        let state = State::new(folder.path().join("state"));
        let list = b"b.blob.core.windows.net 10.0.0.5\n";
        state.keep_list("hangs", Path::new("/nowhere"), (7, Stamp::default()), list).unwrap();
        let mut gatherer = Gatherer::default();
        let share = hanging(&mut gatherer, &sources[0]);
        let limits = Limits::any();
        let task = |deadline| GatherTask { sources: &sources, limits: &limits, state: &state, now: 9, deadline };
        // The deadline is over before it begins; the good source has all the time it needs in the pass after.
        let readings = gatherer.gather(&task(Duration::ZERO), &no_progress);
        assert!(readings[0].problems.to_string().starts_with("source 'hangs': no answer within 0s"), "{readings:?}");
        assert_eq!((readings[0].listings.len(), readings[0].read_at, readings[0].is_silent), (1, Some(7), false));
        drop(share);
        // A reader that was late may need more than one pass on a busy machine.
        let readings = loop {
            let readings = gatherer.gather(&task(Duration::from_mins(10)), &no_progress);
            if readings[1].problems.is_empty() {
                break readings;
            }
        };
        assert_eq!((readings[1].listings[0].len(), readings[1].read_at), (1, Some(9)));
        assert!(readings[0].problems.to_string().contains("cannot read the list"), "{readings:?}");
        assert!(gatherer.late.is_empty());
    }

    #[test]
    fn a_late_reading_is_taken_by_the_next_pass_and_no_source_is_asked_twice() {
        let folder = tempfile::tempdir().unwrap();
        let sources = [source("late", &folder.path().join("nothing here"))];
        let state = State::new(folder.path().join("state"));
        let mut gatherer = Gatherer::default();
        let share = hanging(&mut gatherer, &sources[0]);
        let limits = Limits::any();
        let task = GatherTask { sources: &sources, limits: &limits, state: &state, now: 9, deadline: Duration::ZERO };
        for _ in 0..3 {
            assert!(gatherer.gather(&task, &no_progress)[0].is_silent);
        }
        share.send(Reading { read_at: Some(5), ..Reading::default() }).unwrap();
        let readings = gatherer.gather(&task, &no_progress);
        assert_eq!((readings[0].read_at, readings[0].problems.is_empty()), (Some(5), true), "not the missing file");
    }
}
