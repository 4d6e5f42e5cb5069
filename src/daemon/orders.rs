//! Freeze, thaw and undo, as somebody asked for them by the control socket.
//!
//! Freeze and thaw do not wait for a pass that runs: it may hang on a share, and looks at the freeze again before it
//! writes.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::work::{Order, Running, Waiter};
use super::{Daemon, answer, background};
use crate::control::protocol::ControlReply;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::status::sync::UndoStatus;
use crate::sync::apply;
use crate::sync::guard::ApproveCommand;
use crate::sync::pass::rfc3339;
use crate::sync::state::freeze::Freeze;
use crate::sync::state::{State, StateError};
use crate::sync::undo::{Undo, Undone};

/// The longest time to wait for a sync that was writing when the freeze came.
const SETTLE: Duration = Duration::from_secs(20);

/// An order that was carried out.
pub(super) struct Ordered {
    order: Order,
    result: Result<Outcome, StateError>,
}

/// What became of it.
enum Outcome {
    /// True if no sync that began before writes any more.
    Frozen(Freeze, bool),
    /// What ended; `None` if there was no freeze.
    Thawed(Option<Freeze>),
}

/// Carries it out.
fn carry_out(order: &Order, state: &State, zone_dir: &Path) -> Result<Outcome, StateError> {
    match order {
        Order::Freeze(freeze) => {
            let freeze = state.freeze(freeze.clone())?;
            Ok(Outcome::Frozen(freeze, is_settled_soon(zone_dir)))
        }
        Order::Thaw(_) => state.thaw().map(Outcome::Thawed),
    }
}

/// Waits until no sync that began before the freeze writes.
fn is_settled_soon(zone_dir: &Path) -> bool {
    let began = Instant::now();
    loop {
        if apply::is_settled(zone_dir) {
            return true;
        }
        if began.elapsed() > SETTLE {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Daemon {
    /// Starts to carry out the next order, if there is one.
    pub(super) fn start_order(&mut self) -> Option<Running<Ordered>> {
        let (order, waiter) = self.due.take_order()?;
        let (state, zone_dir) = (self.config.sync.state.clone(), self.config.sync.zone_dir.clone());
        let work = move || {
            let result = carry_out(&order, &state, &zone_dir);
            Ordered { order, result }
        };
        Some(Running::new(background::start("order", work), vec![waiter]))
    }

    /// Says what became of an order. A pass finds out what waits, or does what waited.
    pub(super) fn ordered(&mut self, ordered: Option<Ordered>, waiters: Vec<Waiter>) {
        let Some(Ordered { order, result }) = ordered else {
            let text = "internal error: the order was not carried out to its end; please report this with the log";
            let place = Place::file(self.config.sync.state.folder());
            refuse(waiters, &Diagnostic::error(Id::TASK_BROKE_OFF, place, text));
            return;
        };
        match result {
            Ok(Outcome::Frozen(freeze, is_settled)) => self.now_frozen(&freeze, is_settled, waiters),
            Ok(Outcome::Thawed(before)) => self.now_thawed(&order, before.as_ref(), waiters),
            Err(failed) => {
                let then = match order {
                    Order::Freeze(_) => "; the sync is not frozen",
                    Order::Thaw(_) => "; the sync stays frozen",
                };
                refuse(waiters, &failed.diagnostic(Id::FROZEN).and(then));
            }
        }
    }

    fn now_frozen(&mut self, freeze: &Freeze, is_settled: bool, waiters: Vec<Waiter>) {
        self.orders += 1;
        self.board.frozen(Some(freeze));
        log_freeze(freeze);
        if !is_settled {
            let place = Place::file(&self.config.sync.zone_dir);
            let text = format!(
                "another sync has been writing for {} s, since before the freeze; what it still writes comes into service",
                SETTLE.as_secs()
            );
            super::log::found(&Diagnostic::warning(Id::ZONE_DIR_BUSY, place, text));
        }
        self.due.pass_for([]);
        answer(waiters, || ControlReply::Frozen { reason: freeze.reason.clone(), since: freeze.since, is_settled });
    }

    fn now_thawed(&mut self, order: &Order, before: Option<&Freeze>, waiters: Vec<Waiter>) {
        self.orders += 1;
        self.board.frozen(None);
        let Order::Thaw(by) = order else { return };
        if let Some(since) = before.map(|freeze| rfc3339(freeze.since)) {
            info!(by, since, "the sync is thawed: a pass is made now");
        } else {
            info!(by, "thaw: the sync was not frozen; a pass is made now");
        }
        self.due.pass_for(waiters);
    }
}

fn log_freeze(freeze: &Freeze) {
    let by = freeze.by.as_deref().unwrap_or("unknown");
    let (reason, since) = (freeze.reason.as_deref().unwrap_or("none"), rfc3339(freeze.since));
    warn!(by, reason, since, "the sync is frozen: no zone file is written until thaw");
    freeze.problem.iter().for_each(super::log::found);
}

impl Daemon {
    /// Takes the freeze as a task found it: it may be from before the start, or from a sync by hand. A task that began
    /// before the last order was carried out knows nothing.
    pub(super) fn freeze_found(&mut self, freeze: Option<&Freeze>, orders: u64) {
        if orders != self.orders {
            return;
        }
        let was_frozen = self.board.frozen(freeze);
        match freeze {
            Some(freeze) if !was_frozen => log_freeze(freeze),
            None if was_frozen => info!("the sync is not frozen any more"),
            _ => {}
        }
    }

    /// Says what became of an undo. The zones are in service already; a pass finds out what waits now.
    pub(super) fn undone(&mut self, undone: Result<Undone, Diagnostic>, undo: &Undo, waiters: Vec<Waiter>) {
        let undone = match undone {
            Ok(undone) => undone,
            Err(refused) => {
                refuse(waiters, &refused);
                return;
            }
        };
        let file = diag::path(&self.config.file);
        let command = ApproveCommand { running: self.control.is_some(), ..ApproveCommand::by_hand(&file) };
        let status = UndoStatus::of(&undone, command);
        let (by, of) = (&undo.by, &undone.of);
        if let Some(held) = &status.held {
            info!(by, of, digest = held.digest.as_deref().unwrap_or("none"), "the undo is held; nothing is undone");
        } else {
            info!(by, of, changes = status.changes, left = status.left.len(), "the last change is undone");
        }
        status.found.iter().for_each(super::log::found);
        super::log::changes(&undone.changes);
        self.board.changed(&undone.changes);
        if undone.applied.frozen.is_some() {
            self.due.pass_for([]);
        }
        answer(waiters, || ControlReply::Undone(status.clone()));
    }
}

fn refuse(waiters: Vec<Waiter>, why: &Diagnostic) {
    error!(id = %why.id, "{}", diag::printable(&why.to_string()));
    answer(waiters, || ControlReply::Refused(vec![why.clone()]));
}
