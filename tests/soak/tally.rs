//! Questions and their outcomes, counted from all threads.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Wrong answers kept as text.
const SHOWN: usize = 10;

#[derive(Default)]
pub(crate) struct Tally {
    asked: AtomicU64,
    /// At the last line.
    shown: AtomicU64,
    facts: Mutex<Facts>,
}

#[derive(Default)]
struct Facts {
    by_rcode: BTreeMap<String, u64>,
    right: u64,
    failed: u64,
    wrong: u64,
    lost: u64,
    died: u64,
    examples: Vec<String>,
}

impl Tally {
    pub(crate) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    fn facts(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn answered(&self, rcode: &str) {
        self.facts(|facts| match facts.by_rcode.get_mut(rcode) {
            Some(count) => *count += 1,
            None => drop(facts.by_rcode.insert(rcode.to_owned(), 1)),
        });
    }

    pub(crate) fn right(&self) {
        self.facts(|facts| facts.right += 1);
    }

    pub(crate) fn failed(&self) {
        self.facts(|facts| facts.failed += 1);
    }

    pub(crate) fn wrong(&self, what: String) {
        self.facts(|facts| {
            facts.wrong += 1;
            if facts.examples.len() < SHOWN {
                println!("WRONG {what}");
                facts.examples.push(what);
            }
        });
    }

    /// No answer ever came.
    pub(crate) fn lost(&self, what: &str) {
        self.facts(|facts| {
            facts.lost += 1;
            if facts.lost <= SHOWN as u64 {
                println!("LOST {what}");
            }
        });
    }

    /// No answer came, and the server had been killed.
    pub(crate) fn died(&self) {
        self.facts(|facts| facts.died += 1);
    }

    /// Since the last line.
    pub(crate) fn line(&self) -> String {
        let asked = self.asked.load(Ordering::Relaxed);
        let before = self.shown.swap(asked, Ordering::Relaxed);
        let mut line = String::new();
        // Writing to a String cannot fail.
        self.facts(|facts| {
            let _fits = write!(
                line,
                "{:6} q/s  {} right, {} failed upstream, {} wrong, {} lost",
                asked - before,
                facts.right,
                facts.failed,
                facts.wrong,
                facts.lost
            );
        });
        line
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("questions          {}\n", self.asked.load(Ordering::Relaxed));
        self.facts(|facts| {
            for (rcode, count) in &facts.by_rcode {
                let _fits = writeln!(text, "  {rcode:16} {count}");
            }
            let rows = [
                ("right", facts.right),
                ("failed upstream", facts.failed),
                ("wrong", facts.wrong),
                ("lost", facts.lost),
                ("died with it", facts.died),
            ];
            for (what, count) in rows {
                let _fits = writeln!(text, "{what:18} {count}");
            }
        });
        text.trim_end().to_owned()
    }

    /// Panics unless all is well. A datagram in a hundred thousand may be lost: the kernel's buffers are finite.
    pub(crate) fn judge(&self) {
        let asked = self.asked.load(Ordering::Relaxed);
        self.facts(|facts| {
            assert_eq!(facts.wrong, 0, "wrong answers, such as:\n{}", facts.examples.join("\n"));
            assert!(facts.lost <= asked / 100_000, "{} of {asked} questions had no answer", facts.lost);
            assert!(facts.right > asked / 2, "hardly anything was answered");
        });
    }
}
