//! Freeze and thaw, as somebody asked for them by the control socket.
//!
//! They do not wait for a pass that runs: it may hang on a share, and looks at the freeze again before it writes.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::work::{Order, Running, Waiter};
use super::{Daemon, answer, background};
use crate::control::protocol::ControlReply;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::sync::apply;
use crate::sync::state::freeze::Freeze;
use crate::sync::state::{State, StateError};

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
            Ok(Outcome::Thawed(before)) => self.now_thawed(&order, before, waiters),
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
        self.board.frozen(Some(freeze));
        let by = freeze.by.as_deref().unwrap_or("unknown");
        let (reason, since) = (freeze.reason.as_deref().unwrap_or("none"), freeze.since);
        warn!(by, reason, since, "the sync is frozen: no zone file is written until thaw");
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

    fn now_thawed(&mut self, order: &Order, before: Option<Freeze>, waiters: Vec<Waiter>) {
        self.board.frozen(None);
        let Order::Thaw(by) = order else { return };
        if let Some(Freeze { since, .. }) = before {
            info!(by, since, "the sync is thawed: a pass is made now");
        } else {
            info!(by, "thaw: the sync was not frozen; a pass is made now");
        }
        self.due.pass_for(waiters);
    }
}

fn refuse(waiters: Vec<Waiter>, why: &Diagnostic) {
    error!(id = %why.id, "{}", diag::printable(&why.to_string()));
    answer(waiters, || ControlReply::Refused(vec![why.clone()]));
}
