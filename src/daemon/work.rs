//! The queue of background work: passes, reading zones, reading the config, watching folders.
//!
//! Input: work that is due. Output: one task at a time, with the clients that wait for it. The loop itself never
//! touches a disk, so that it hears signals, the control socket and `status` even while a share or a disk hangs.

use std::collections::VecDeque;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::control::protocol::ControlReply;
use crate::sync::guard::Consent;
use crate::sync::state::freeze::Freeze;
use crate::sync::undo::Undo;

/// A client that waits for a pass or a reload.
pub(super) type Waiter = oneshot::Sender<ControlReply>;

/// The reason to read the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Something in its folder changed. That may be half a file: what would be lost by it waits for a person.
    FileEvent,
    /// A person asked for it, by `reload` or SIGHUP.
    Person,
}

/// Work on lists and zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Read zone files.
    Zones,
    /// A pass, then the zone files.
    Pass,
}

/// What somebody wants of a pass of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// That held changes are written.
    Consent(Consent),
    /// That the last change is undone, in place of what lists say.
    Undo(Undo),
}

/// An order that needs no pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Write nothing from now on.
    Freeze(Freeze),
    /// Write again; with who says so.
    Thaw(String),
}

/// The work that is due.
#[derive(Default)]
pub(super) struct Due {
    config: Option<Why>,
    task: Option<Task>,
    /// Clients that wait for the next reading of the config.
    reloads: Vec<Waiter>,
    /// Clients that wait for the next pass.
    passes: Vec<Waiter>,
    /// Passes that somebody consents to in part, and undos: each is made by itself, for its client alone.
    wishes: VecDeque<(Wish, Waiter)>,
    /// Orders in the order in which they came, each with the client that waits for it: as many as there are connections
    /// at most.
    orders: VecDeque<(Order, Waiter)>,
}

impl Due {
    pub(super) fn config(&mut self, why: Why) {
        self.config = self.config.max(Some(why));
    }

    /// A pass reads zones too.
    pub(super) fn task(&mut self, task: Task) {
        self.task = self.task.max(Some(task));
    }

    pub(super) fn reload_for(&mut self, waiter: Waiter) {
        self.config(Why::Person);
        self.reloads.push(waiter);
    }

    pub(super) fn pass_for(&mut self, waiters: impl IntoIterator<Item = Waiter>) {
        self.passes.extend(waiters);
        self.task(Task::Pass);
    }

    pub(super) fn wish_for(&mut self, wish: Wish, waiter: Waiter) {
        self.wishes.push_back((wish, waiter));
    }

    pub(super) fn order_for(&mut self, order: Order, waiter: Waiter) {
        self.orders.push_back((order, waiter));
    }

    /// The next order, if there is one.
    pub(super) fn take_order(&mut self) -> Option<(Order, Waiter)> {
        self.orders.pop_front()
    }

    /// The config, if it is to be read.
    pub(super) fn take_config(&mut self) -> Option<(Why, Vec<Waiter>)> {
        Some((self.config.take()?, std::mem::take(&mut self.reloads)))
    }

    /// The next task, if there is one, with the clients that wait for it.
    pub(super) fn take_task(&mut self) -> Option<(Task, Option<Wish>, Vec<Waiter>)> {
        if let Some((wish, waiter)) = self.wishes.pop_front() {
            return Some((Task::Pass, Some(wish), vec![waiter]));
        }
        let task = self.task.take()?;
        let waiters = if task == Task::Pass { std::mem::take(&mut self.passes) } else { Vec::new() };
        Some((task, None, waiters))
    }
}

/// Waits for a task and gives its result with the clients that waited for it; for ever if there is no task. There is no
/// result if the task stopped with a panic.
pub(super) async fn finished<T>(running: &mut Option<Running<T>>) -> (Option<T>, Vec<Waiter>) {
    let Some(current) = running.as_mut() else { return std::future::pending().await };
    let result = (&mut current.result).await.ok();
    let waiters = std::mem::take(&mut current.waiters);
    *running = None;
    (result, waiters)
}

/// Something that runs behind the loop.
pub(super) struct Running<T> {
    pub(super) started: Instant,
    waiters: Vec<Waiter>,
    result: oneshot::Receiver<T>,
}

impl<T> Running<T> {
    pub(super) fn new(result: oneshot::Receiver<T>, waiters: Vec<Waiter>) -> Self {
        Self { started: Instant::now(), waiters, result }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_takes_the_reading_of_zones_with_it_and_a_persons_word_a_file_events() {
        let mut due = Due::default();
        assert!(due.take_task().is_none() && due.take_config().is_none());
        due.task(Task::Pass);
        due.task(Task::Zones);
        due.config(Why::Person);
        due.config(Why::FileEvent);
        assert_eq!(due.take_task().map(|(task, ..)| task), Some(Task::Pass));
        assert_eq!(due.take_config().map(|(why, _)| why), Some(Why::Person));
        assert!(due.take_task().is_none() && due.take_config().is_none());
    }

    #[tokio::test]
    async fn a_client_that_asks_while_a_pass_runs_waits_for_the_next_one() {
        let mut due = Due::default();
        let (first, _) = oneshot::channel();
        due.pass_for([first]);
        assert_eq!(due.take_task().unwrap().2.len(), 1);
        let (second, _) = oneshot::channel();
        due.pass_for([second]);
        assert_eq!(due.take_task().unwrap().2.len(), 1);
    }

    #[tokio::test]
    async fn consent_is_for_a_pass_of_its_own_and_no_other_client_has_it() {
        let mut due = Due::default();
        let [(other, _), (approver, _)] = [oneshot::channel(), oneshot::channel()];
        due.pass_for([other]);
        let digest = "eefb3f0b5d6c7e88a1b2c3d4e5f60718".parse().unwrap();
        let wish = Wish::Consent(Consent { digest, by: "alice".into() });
        due.wish_for(wish.clone(), approver);
        let (_, taken, waiters) = due.take_task().unwrap();
        assert_eq!((taken, waiters.len()), (Some(wish), 1));
        let (task, consent, waiters) = due.take_task().unwrap();
        assert_eq!((task, consent, waiters.len()), (Task::Pass, None, 1));
    }
}
