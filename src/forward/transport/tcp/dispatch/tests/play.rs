//! One upstream's connections, played by the test: every action is checked and written down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::super::*;
use crate::dns::{Message, Rcode, Rtype};
use crate::forward::question::Question;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::tcp::places::MAX;

pub(super) const MS: Duration = Duration::from_millis(1);

/// Connections with the question that each carries, and questions with the number of times that each was asked.
pub(super) struct Play {
    pub(super) dispatch: Dispatch,
    pub(super) begin: Instant,
    pub(super) now: Instant,
    pub(super) asked: u32,
    pub(super) open: BTreeMap<ConnectionId, Option<u32>>,
    pub(super) fresh: BTreeSet<ConnectionId>,
    pub(super) sent: BTreeMap<u32, u8>,
    reused: BTreeSet<u32>,
    pub(super) cancelled: BTreeSet<u32>,
    pub(super) outcomes: BTreeMap<u32, Result<Rcode, Failure>>,
    pub(super) failed: usize,
    pub(super) retried: usize,
    pub(super) transcript: String,
}

impl Play {
    pub(super) fn new() -> Self {
        let begin = Instant::now();
        Self {
            dispatch: Dispatch::new(),
            begin,
            now: begin,
            asked: 0,
            open: BTreeMap::new(),
            fresh: BTreeSet::new(),
            sent: BTreeMap::new(),
            reused: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            failed: 0,
            retried: 0,
            transcript: String::new(),
        }
    }

    /// Asks a question of the nth network; returns its number.
    pub(super) fn ask(&mut self, network: u8, patience: Duration) -> u32 {
        self.asked += 1;
        let question = Question {
            name: "www.example".parse().unwrap(),
            rtype: Rtype::A,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        };
        let job = Job {
            flight: FlightId { slot: self.asked, generation: 0 },
            question,
            form: QueryForm { mixed: false, ..QueryForm::FULL },
            network: Some(ClientNetwork::of([10, 0, network, 1].into())),
            deadline: self.now + patience,
        };
        self.dispatch.ask(job, self.now);
        self.act();
        self.asked
    }

    pub(super) fn ask_many(&mut self, network: u8, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.ask(network, 5000 * MS)).collect()
    }

    /// Nobody waits for the answer to a question any more.
    pub(super) fn cancel(&mut self, question: u32) {
        self.open.values_mut().filter(|carried| **carried == Some(question)).for_each(|own| *own = None);
        if !self.outcomes.contains_key(&question) {
            self.cancelled.insert(question);
        }
        self.dispatch.cancel(FlightId { slot: question, generation: 0 }, self.now);
        self.act();
    }

    pub(super) fn answer(&mut self, connection: u64) {
        self.dispatch.answered(ConnectionId(connection), Ok(Box::new(message())), self.now);
        self.act();
    }

    pub(super) fn malformed(&mut self, connection: u64) {
        self.dispatch.answered(ConnectionId(connection), Err(Failure::Malformed), self.now);
        self.act();
    }

    /// The upstream closes a connection.
    pub(super) fn end(&mut self, connection: u64) {
        self.dispatch.ended(ConnectionId(connection), true, self.now);
        self.act();
    }

    /// A connection cannot be opened.
    pub(super) fn refuse(&mut self, connection: u64) {
        self.dispatch.ended(ConnectionId(connection), false, self.now);
        self.act();
    }

    /// Lets time pass, from one moment at which something is due to the next.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now = self.dispatch.wake(self.now).unwrap_or(until).clamp(self.now, until);
            self.dispatch.time_passed(self.now);
            self.act();
            let next = self.dispatch.wake(self.now);
            assert!(next.is_none_or(|next| next > self.now), "time does not stand still");
        }
    }

    /// Does what is to be done, and checks it.
    pub(super) fn act(&mut self) {
        for action in self.dispatch.actions() {
            let at = (self.now - self.begin).as_millis();
            let line = match action {
                Action::Open(id) => {
                    assert!(self.open.insert(id, None).is_none() && self.fresh.insert(id), "a new connection");
                    continue;
                }
                Action::Send(id, job) => {
                    let question = job.flight.slot;
                    assert!(!self.cancelled.contains(&question), "a question that someone waits for");
                    let carried = self.open.get_mut(&id).expect("an open connection");
                    assert_eq!(carried.replace(question), None, "one question at a time");
                    let is_fresh = self.fresh.remove(&id);
                    let count = self.sent.entry(question).or_default();
                    *count += 1;
                    assert!(*count <= 2, "once more, and never again");
                    assert!(is_fresh || self.reused.insert(question), "once on a connection used before");
                    format!("q{question} on {}{}", id.0, if is_fresh { "" } else { " again" })
                }
                Action::Close(id) => {
                    self.open.remove(&id).expect("an open connection");
                    format!("close {}", id.0)
                }
                Action::Report(flight, answer) => {
                    let outcome = answer.map(|message| message.rcode);
                    let line = outcome.as_ref().map_or_else(|failure| format!("{failure:?}"), Rcode::to_string);
                    let before = self.outcomes.insert(flight.slot, outcome);
                    assert!(
                        before.is_none() && !self.cancelled.contains(&flight.slot),
                        "one outcome for each question"
                    );
                    self.open.values_mut().filter(|carried| **carried == Some(flight.slot)).for_each(|own| *own = None);
                    format!("q{}: {line}", flight.slot)
                }
                Action::CountFailed => {
                    self.failed += 1;
                    continue;
                }
                Action::CountRetried => {
                    self.retried += 1;
                    continue;
                }
            };
            writeln!(self.transcript, "{at} ms: {line}").unwrap();
        }
        let carried = self.open.values().flatten().count();
        assert!(self.open.len() - carried <= MAX_IDLE, "few connections are idle");
        assert!(self.dispatch.exchanges.len() <= MAX && carried <= 2 * MAX, "the places bound the connections");
    }

    pub(super) fn says(&self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(self.transcript.lines().collect::<Vec<_>>(), expected, "\n{}", self.transcript);
    }

    /// The connection on which a question waits.
    pub(super) fn connection_of(&self, question: u32) -> Option<u64> {
        self.open.iter().find(|(_, carried)| **carried == Some(question)).map(|(id, _)| id.0)
    }
}

fn message() -> Message {
    Message::parse(&[0, 7, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap()
}
