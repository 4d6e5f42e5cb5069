//! The engine's decisions without sockets: for properties and fuzzing, and for tests that read as a transcript.
//!
//! In: steps of a few octets each (a question, passing time, an event at an upstream). Out: the queries sent and the
//! answers given, or the rule that was broken. The clock is the script's.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::callback::Batch;
use super::client_network::ClientNetwork;
use super::engine::exchanges::{Ask, Exchanges, GroupState};
use super::engine::flight::{FlightKey, Waiter};
use nix::errno::Errno;

use super::engine::outbox::{Outbox, Recipient};
use super::ids::{FlightId, GroupIndex, UpstreamIndex};
use super::question::{Failure, Question, Reply};
use super::queue::Queue;
use super::settings::{CaseRandomization, GroupSettings};
use super::transport::message::QueryForm;
use super::transport::socket::{NoSocket, QueryHandle, SocketEvent, SocketNews};
use super::transport::tcp::{Job, TcpOutcome};
use super::upstream::Upstream;
use crate::dns::{Message, Name, Rcode, Record, Rtype};

/// How late a timer of the wheel may be.
const LATE: Duration = Duration::from_millis(50);

/// An event for an open query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An answer with this RCODE and, if the query had one, an OPT record.
    Answer(Rcode),
    /// An answer with this RCODE and without an OPT record.
    AnswerWithoutEdns(Rcode),
    /// An answer with TC.
    Truncated,
    /// An answer that lost the case of the name.
    CaseMismatch,
    /// A header with this RCODE and nothing else.
    Bare(Rcode),
    /// An answer that does not parse.
    Malformed,
    /// An answer without an error and without a record.
    NoData,
    /// The network reports that the upstream cannot be reached.
    Unreachable,
    /// Somebody guesses ids.
    SpoofSuspected,
}

/// Upstreams, groups, and all open queries.
pub struct Script {
    exchanges: Exchanges,
    sent: Sent,
    begin: Instant,
    now: Instant,
    /// By number: the latest time of each waiter's answer, and how often it was answered.
    waiters: Arc<Mutex<Vec<Waits>>>,
    /// Whether the clients set AD.
    pub sets_ad: bool,
    /// The events, a line each.
    pub transcript: Arc<Mutex<String>>,
}

struct Waits {
    deadline: Instant,
    answered: u32,
}

/// An outbox that records the queries.
struct Sent {
    queries: Vec<OpenQuery>,
    jobs: Vec<(UpstreamIndex, Job)>,
    next: u32,
    no_socket: Option<(UpstreamIndex, NoSocket)>,
    begin: Instant,
    now: Instant,
    transcript: Arc<Mutex<String>>,
    broken: Option<String>,
}

struct OpenQuery {
    handle: QueryHandle,
    upstream: UpstreamIndex,
    flight: FlightId,
    name: Name,
    form: QueryForm,
    sent: Instant,
}

fn note(transcript: &Mutex<String>, at: Duration, what: &str) {
    let mut text = transcript.lock().unwrap_or_else(PoisonError::into_inner);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} ms: {what}", at.as_millis());
}

/// The flags of a query, in words.
fn how(form: QueryForm) -> String {
    [if form.edns { "" } else { " without EDNS" }, if form.ad { " with AD" } else { "" }].concat()
}

impl Outbox for Sent {
    fn send(
        &mut self,
        to: Recipient<'_>,
        flight: FlightId,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> Result<QueryHandle, NoSocket> {
        if let Some(reason) = self.no_socket.filter(|(upstream, _)| *upstream == to.index).map(|(_, reason)| reason) {
            return Err(reason);
        }
        let case = if form.mixed { "" } else { " in lower case" };
        let how = how(form) + case;
        note(&self.transcript, now - self.begin, &format!("to {}: {}{how}", to.index.0, question.name));
        self.next += 1;
        let handle = QueryHandle { slot: self.next, generation: 0, id: 0 };
        self.queries.push(OpenQuery {
            handle,
            upstream: to.index,
            flight,
            name: question.name.clone(),
            form,
            sent: now,
        });
        Ok(handle)
    }

    fn resend(&mut self, query: QueryHandle) {
        match self.queries.iter().find(|own| own.handle == query) {
            Some(own) => note(&self.transcript, self.now - self.begin, &format!("to {}: again", own.upstream.0)),
            None => self.broken = Some("a query was sent again that was over".to_owned()),
        }
    }

    fn cancel(&mut self, query: QueryHandle) {
        self.queries.retain(|own| own.handle != query);
    }

    fn fresh_port(&mut self, _upstream: UpstreamIndex) {}

    fn ask_tcp(&mut self, to: Recipient<'_>, job: Job) {
        let how = how(job.form);
        note(
            &self.transcript,
            self.now - self.begin,
            &format!("to {}: {}{how} over TCP", to.index.0, job.question.name),
        );
        self.jobs.push((to.index, job));
    }

    fn cancel_tcp(&mut self, upstream: UpstreamIndex, flight: FlightId) {
        match self.jobs.iter().position(|(to, job)| *to == upstream && job.flight == flight) {
            Some(place) => drop(self.jobs.remove(place)),
            None => self.broken = Some("a question over TCP was ended that was over".to_owned()),
        }
    }
}

impl Script {
    /// Groups of upstreams, each upstream with slots for `room` questions at once. Upstreams are numbers; two groups
    /// that have the same number share it.
    pub fn new(groups: &[&[u16]], room: usize) -> Self {
        let begin = Instant::now();
        let address = |number: u16| SocketAddr::from(([127, 0, 0, 1], 1024 + number));
        let count = groups.iter().flat_map(|group| group.iter()).max().map_or(0, |last| last + 1);
        let states = groups.iter().map(|group| GroupState {
            settings: GroupSettings {
                suffix: Name::root(),
                upstreams: Vec::new(),
                timeout: Duration::from_secs(5),
                max_in_flight: None,
                max_qps: None,
                case_randomization: CaseRandomization::Auto,
            },
            upstreams: group.iter().map(|number| UpstreamIndex(usize::from(*number))).collect(),
            is_own: false,
            queue: Queue::new(8),
            counters: Arc::default(),
        });
        let mut exchanges = Exchanges::new(states.collect(), begin);
        let upstream = |number| Upstream::new(address(number), Some(room), None, begin);
        exchanges.upstreams = (0..count).map(upstream).collect();
        let transcript: Arc<Mutex<String>> = Arc::default();
        let sent = Sent {
            queries: Vec::new(),
            jobs: Vec::new(),
            next: 0,
            no_socket: None,
            begin,
            now: begin,
            transcript: Arc::clone(&transcript),
            broken: None,
        };
        Self { exchanges, sent, begin, now: begin, waiters: Arc::default(), sets_ad: false, transcript }
    }

    fn waiter(&self, network: Option<ClientNetwork>, patience: Duration, has_fallback: bool) -> Waiter {
        let deadline = self.now + patience;
        let (waiters, transcript, begin) = (Arc::clone(&self.waiters), Arc::clone(&self.transcript), self.begin);
        let mut all = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let number = all.len();
        all.push(Waits { deadline, answered: 0 });
        let then = Box::new(move |outcome: Result<Arc<Reply>, Failure>, batch: &mut Batch| {
            let mut all = waiters.lock().unwrap_or_else(PoisonError::into_inner);
            all[number].answered += 1;
            let what = match outcome {
                Ok(reply) => reply.rcode.to_string(),
                Err(failure) => format!("{failure:?}"),
            };
            note(&transcript, batch.now - begin, &format!("waiter {number}: {what}"));
        });
        Waiter { network, deadline, has_fallback, then }
    }

    /// Asks a group for the A of a name; a second waiter, if there is one, has this patience.
    pub fn ask(&mut self, group: usize, name: &str, patience: Duration, impatient: Option<Duration>) {
        let Ok(name) = name.parse() else { return };
        self.ask_question(GroupIndex(group), name, false, 1, patience, impatient);
    }

    fn ask_question(
        &mut self,
        group: GroupIndex,
        name: Name,
        dnssec_ok: bool,
        network: u8,
        patience: Duration,
        impatient: Option<Duration>,
    ) {
        let authentic_data = self.sets_ad && !dnssec_ok;
        let question = Question { name, rtype: Rtype::A, dnssec_ok, checking_disabled: false, authentic_data };
        let network = Some(ClientNetwork::of([10, 0, network, 1].into()));
        let waiter = self.waiter(network, patience, false);
        let impatient = impatient.map(|patience| self.waiter(network, patience, true));
        let keep = Box::new(|outcome, _| outcome);
        let ask = Ask { key: Arc::new(FlightKey { group, question }), keep, waiter, impatient };
        self.at_once(|exchanges, sent| exchanges.ask(ask, sent));
    }

    /// Lets time pass, from one moment at which something is due to the next.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            let wake = self.exchanges.wake(self.now).unwrap_or(until);
            self.now = wake.max(self.now + Duration::from_millis(1)).min(until);
            self.at_once(|exchanges, sent| {
                exchanges.run_timers(sent);
                exchanges.run_queues(sent);
            });
        }
    }

    /// Applies an event to the nth open query over UDP.
    pub fn happens(&mut self, nth: usize, event: Event) {
        let Some(query) = self.sent.queries.get(nth) else { return };
        let (handle, upstream, sent) = (query.handle, query.upstream, query.sent);
        let message = |rcode, has_edns| {
            SocketNews::Answer(Box::new(answer(&query.name, rcode, has_edns, rcode == Rcode::NOERROR)))
        };
        let news = match event {
            Event::Answer(rcode) => message(rcode, query.form.edns),
            Event::AnswerWithoutEdns(rcode) => message(rcode, false),
            Event::NoData => SocketNews::Answer(Box::new(answer(&query.name, Rcode::NOERROR, query.form.edns, false))),
            Event::Truncated => SocketNews::Truncated { rcode: Rcode::NOERROR, has_edns: query.form.edns },
            Event::CaseMismatch => SocketNews::CaseMismatch,
            Event::Bare(rcode) => SocketNews::Bare(rcode),
            Event::Malformed => SocketNews::Malformed,
            Event::Unreachable => SocketNews::Unreachable(Errno::ECONNREFUSED),
            Event::SpoofSuspected => SocketNews::SpoofSuspected,
        };
        let event = SocketEvent { upstream, flight: Some(query.flight), handle, sent, news };
        if event.news.is_last() {
            self.sent.queries.remove(nth);
        }
        self.at_once(|exchanges, sent| exchanges.take_event(event, sent));
    }

    /// Finishes the nth question over TCP.
    pub fn tcp_happens(&mut self, nth: usize, answer: Result<Rcode, Failure>) {
        if nth >= self.sent.jobs.len() {
            return;
        }
        let (upstream, job) = self.sent.jobs.remove(nth);
        let message = |rcode| self::answer(&job.question.name, rcode, job.form.edns, rcode == Rcode::NOERROR);
        let answer = answer.map(|rcode| Box::new(message(rcode)));
        let outcome = TcpOutcome { upstream, flight: job.flight, answer };
        self.at_once(|exchanges, sent| exchanges.take_tcp_outcome(outcome, sent));
    }

    /// Runs one moment.
    fn at_once(&mut self, what: impl FnOnce(&mut Exchanges, &mut Sent)) {
        self.sent.now = self.now;
        self.exchanges.begin(self.now);
        what(&mut self.exchanges, &mut self.sent);
        self.exchanges.end();
    }

    /// Checks the rules that must hold at any time.
    ///
    /// # Errors
    /// The first rule that does not hold now.
    pub fn check(&self) -> Result<(), String> {
        if let Some(broken) = &self.sent.broken {
            return Err(broken.clone());
        }
        for (number, waits) in self.waiters.lock().unwrap_or_else(PoisonError::into_inner).iter().enumerate() {
            if waits.answered > 1 {
                return Err(format!("waiter {number} was answered {} times", waits.answered));
            }
            if waits.answered == 0 && waits.deadline + LATE < self.now {
                return Err(format!("waiter {number} waits past its deadline"));
            }
        }
        for (index, upstream) in self.exchanges.upstreams.iter().enumerate() {
            let open = self.exchanges.open_attempts(UpstreamIndex(index));
            if upstream.limit.in_flight() != open {
                let counted = upstream.limit.in_flight();
                return Err(format!("upstream {index} has {open} questions in hand, and {counted} are counted"));
            }
        }
        Ok(())
    }

    /// Lets every waiter's time run out, and checks that nothing stays open.
    ///
    /// # Errors
    /// The things that stay open.
    pub fn end(&mut self) -> Result<(), String> {
        self.pass(Duration::from_secs(20));
        self.check()?;
        match (self.exchanges.is_empty(), self.sent.queries.len() + self.sent.jobs.len()) {
            (true, 0) => Ok(()),
            (false, _) => Err("a flight without waiters stays open".to_owned()),
            (true, open) => Err(format!("{open} queries stay open")),
        }
    }
}

fn answer(name: &Name, rcode: Rcode, has_edns: bool, has_record: bool) -> Message {
    let record = Record { owner: name.clone(), rtype: Rtype::A, ttl: 60, rdata: [192, 0, 2, 1].into() };
    Message {
        id: 0,
        response: true,
        flags: [0x81, 0x80],
        rcode,
        answer: has_record.then_some(record).into_iter().collect(),
        authority: Vec::new(),
        names_servers: false,
        has_edns,
        ede: None,
    }
}

/// Plays a script of octets against two groups that share an upstream.
///
/// # Errors
/// The first rule that does not hold.
pub fn play(script: &[u8]) -> Result<(), String> {
    let mut play = Script::new(&[&[0, 1], &[1, 2]], 3);
    play.exchanges.groups[1].settings.case_randomization = CaseRandomization::Off;
    for step in script.chunks_exact(3) {
        let (a, b) = (usize::from(step[1]), u64::from(step[2]));
        match step[0] % 8 {
            0 | 1 => {
                let Ok(name) = format!("n{}.example", a % 6).parse() else { continue };
                let patience = Duration::from_millis(50 + b * 20);
                play.sets_ad = b % 4 == 1;
                let impatient = (b % 3 == 0).then(|| patience / 3);
                play.ask_question(GroupIndex(a % 2), name, b % 5 == 0, step[1] >> 5, patience, impatient);
            }
            2 => play.pass(Duration::from_millis(b * 8)),
            3 | 4 => play.happens(a % (play.sent.queries.len().max(1)), event(step[2])),
            5 => {
                let answer = match b % 4 {
                    0 => Ok(Rcode::NOERROR),
                    1 => Ok(Rcode::SERVFAIL),
                    2 => Err(Failure::Unreachable),
                    _ => Err(Failure::Malformed),
                };
                play.tcp_happens(a % (play.sent.jobs.len().max(1)), answer);
            }
            6 => {
                let reason = if b % 8 < 4 { NoSocket::Exhausted } else { NoSocket::NoRoute };
                play.sent.no_socket = (b % 4 == 0).then_some((UpstreamIndex(a % 3), reason));
            }
            _ => {
                let upstream = &play.exchanges.upstreams[a % 3];
                upstream.shared.looping.store(b % 4 == 0, std::sync::atomic::Ordering::Relaxed);
            }
        }
        play.check()?;
    }
    play.end()
}

fn event(octet: u8) -> Event {
    match octet % 14 {
        0 | 1 => Event::Answer(Rcode::NOERROR),
        2 => Event::Answer(Rcode::SERVFAIL),
        3 => Event::Answer(Rcode::NXDOMAIN),
        4 => Event::AnswerWithoutEdns(Rcode::FORMERR),
        5 => Event::Answer(Rcode::BADVERS),
        6 => Event::Truncated,
        7 => Event::CaseMismatch,
        8 => Event::Bare(Rcode(u16::from(octet >> 5))),
        9 => Event::Unreachable,
        10 => Event::Malformed,
        11 => Event::NoData,
        12 => Event::Answer(Rcode::REFUSED),
        _ => Event::SpoofSuspected,
    }
}

#[cfg(test)]
mod tests;
