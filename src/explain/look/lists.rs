//! Searches the texts of all lists for a label, each source on a thread of its own: a share may hang.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::diag::{Diagnostic, Place};
use crate::explain::model::{Mention, NotSearched};
use crate::sync::Settings;
use crate::sync::source::{self, Found};

/// How long all sources together may take.
const TIME: Duration = Duration::from_secs(2);

/// Places that are shown, over all sources.
const MAX_MENTIONS: usize = 20;

/// Sources that are searched: a config has a few.
const MAX_SOURCES: usize = 256;

/// The searches that have not come back yet, so that no source is searched twice at a time.
#[derive(Default)]
pub(super) struct Searches {
    hanging: Mutex<BTreeSet<String>>,
}

impl Searches {
    fn hanging(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The places of a label, and the sources that could not be searched; `errors` tell which lists are refused.
    pub(super) fn search(
        self: &Arc<Self>,
        settings: &Settings,
        label: &str,
        errors: &[Diagnostic],
    ) -> (Vec<Mention>, Vec<NotSearched>) {
        let (mut mentions, mut not_searched) = (Vec::new(), Vec::new());
        let (sender, results) = mpsc::channel();
        let mut waiting = BTreeSet::new();
        for source in settings.sources.iter().take(MAX_SOURCES) {
            match self.start(source, label, sender.clone()) {
                Ok(()) => drop(waiting.insert(source.name.clone())),
                Err(reason) => not_searched.push(NotSearched { source: source.name.clone(), reason }),
            }
        }
        let deadline = Instant::now() + TIME;
        while !waiting.is_empty() {
            match results.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((name, result)) => {
                    waiting.remove(&name);
                    match result {
                        Ok(found) => mentions.extend(found.into_iter().map(|found| mention(&name, found, errors))),
                        Err(reason) => not_searched.push(NotSearched { source: name, reason }),
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let late = format!("its lists were not looked at: no answer within {} s", TIME.as_secs());
        not_searched.extend(waiting.into_iter().map(|source| NotSearched { source, reason: late.clone() }));
        // The order of the config, whatever came first.
        let rank = |name: &str| settings.sources.iter().position(|source| source.name == name);
        mentions.sort_by_key(|mention| (rank(&mention.source), mention.file.clone(), mention.line));
        mentions.truncate(MAX_MENTIONS);
        not_searched.sort_by_key(|away| rank(&away.source));
        (mentions, not_searched)
    }

    fn start(
        self: &Arc<Self>,
        source: &source::Settings,
        label: &str,
        sender: mpsc::Sender<(String, Result<Vec<Found>, String>)>,
    ) -> Result<(), String> {
        if !self.hanging().insert(source.name.clone()) {
            return Err("its lists were not looked at: an earlier look still waits for its disk".to_owned());
        }
        let (searches, source, label) = (Arc::clone(self), source.clone(), label.to_owned());
        let name = source.name.clone();
        let search = move || {
            let found = source::search(&source, &label);
            searches.hanging().remove(&source.name);
            // Nobody waits any more if it took too long.
            let _ = sender.send((source.name, found));
        };
        let started = std::thread::Builder::new().name("explain".to_owned()).spawn(search);
        started.map(drop).map_err(|error| {
            self.hanging().remove(&name);
            format!("its lists were not looked at: {error}")
        })
    }
}

fn mention(source: &str, found: Found, errors: &[Diagnostic]) -> Mention {
    let is_of_list = |error: &&Diagnostic| matches!(&error.place, Place::File { file, .. } if *file == found.file);
    Mention {
        refused: errors.iter().find(is_of_list).cloned(),
        source: source.to_owned(),
        file: found.file,
        line: found.line,
        record: found.record,
        service: found.service.map(|service| service.to_string()),
        comment: found.is_comment,
    }
}
