//! Forwarding loops: detected at once when an upstream is one of our own addresses, and by probes otherwise.
//!
//! A probe is a question for a random name that only we know. When it arrives as a client's question, the upstream it
//! was sent to leads back to us, or somebody on the way has sent a copy. The upstream's answer tells the two apart. In:
//! names of questions, addresses, answers to probes. Out: whether a name is ours, which upstreams loop. Never: a false
//! alarm from a made-up name: the name holds two random numbers of 64 bits.
//!
//! ```text
//!                    a copy arrives here             an error, or no answer in time
//!     sent ------------------------------> seen ------------------------------------> a loop
//!      |                                    |
//!      | any answer, or none until          | NOERROR or NXDOMAIN: the upstream knows
//!      | the next probe                     | the answer by itself
//!      +-------------> no loop <------------+
//! ```

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rand::Rng;

use crate::dns::{Name, Rtype};
use crate::forward::question::Question;
use crate::forward::status::{ErrorKind, SharedUpstream};
use crate::forward::transport::socket::QueryHandle;

/// Hex digits of a 64-bit number.
const DIGITS: usize = 16;

/// Length of the first label of a probe's name, as its length octet.
#[expect(clippy::cast_possible_truncation, reason = "32")]
pub const PROBE_LABEL: u8 = 2 * DIGITS as u8;

/// The labels behind the first one, which say what the name is.
const NAME: [&str; 2] = ["loop-probe", "privatelink-dns"];

/// The suffix of the default group's probes. It is never delegated, and resolvers treat it like any other name (RFC
/// 6761 section 6.5); `invalid` is answered by many of them, so that a loop through them would stay hidden.
const DEFAULT_SUFFIX: &str = "example";

/// How long an upstream may take to answer a probe that was seen here.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// The time between the first two probes; it doubles, since others may still be starting.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time between probes, and the time between them while there is a loop.
const MAX_INTERVAL: Duration = Duration::from_mins(1);
const LOOP_INTERVAL: Duration = Duration::from_secs(10);

/// Whether a query sent to `upstream` comes straight back to a server that listens on `listen`.
pub fn would_loop(upstream: SocketAddr, listen: &[SocketAddr]) -> bool {
    let to = upstream.ip().to_canonical();
    listen.iter().any(|own| {
        let here = own.ip().to_canonical();
        own.port() == upstream.port()
            && (here == to || to.is_unspecified() || (here.is_unspecified() && to.is_loopback()))
    })
}

/// What is known of a loop through one upstream: pure.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The number of the last probe, until it is answered.
    open: Option<u64>,
    /// Whether that probe has arrived here.
    seen: bool,
    looping: bool,
}

impl Verdict {
    /// A probe was sent. The one before it will not be answered any more.
    fn sent(&mut self, number: u64) {
        if self.open.replace(number).is_some() {
            self.looping = self.seen;
        }
        self.seen = false;
    }

    /// A question with this number has arrived here. Only the open probe counts: the number of one that was answered
    /// is worth nothing.
    fn arrived(&mut self, number: u64) {
        self.seen |= self.open == Some(number);
    }

    /// The upstream has answered the probe, with NOERROR or NXDOMAIN if `by_itself`: this server never says that. An
    /// answer that came before the probe arrived here is not this server's either.
    fn answered(&mut self, by_itself: bool) {
        if self.open.take().is_some() {
            self.looping = self.seen && !by_itself;
        }
    }

    /// The time for an answer is over. An answer that comes later still counts.
    fn time_passed(&mut self) {
        self.looping |= self.open.is_some() && self.seen;
    }
}

/// An upstream that is searched for loops; servers' threads know it too.
#[derive(Debug)]
pub(crate) struct Probed {
    shared: Arc<SharedUpstream>,
    verdict: Mutex<Verdict>,
}

impl Probed {
    fn verdict(&self) -> MutexGuard<'_, Verdict> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns something. A change of the verdict is logged by whoever watches the state of upstreams.
    fn learn(&self, event: impl FnOnce(&mut Verdict)) {
        let (shared, mut verdict) = (&self.shared, self.verdict());
        event(&mut verdict);
        if shared.set_looping(verdict.looping) && verdict.looping {
            shared.counters.loops.one();
            shared.last_error.note(ErrorKind::Loop, None, Instant::now());
        }
    }
}

/// The search for a loop through one upstream.
pub(crate) struct LoopSearch {
    /// When the next step is due.
    pub(crate) due: Instant,
    pub(crate) probed: Arc<Probed>,
    /// The probe on its way, while its socket waits for the answer.
    pub(crate) query: Option<QueryHandle>,
    /// When the last probe was sent, until the time for its answer is over.
    sent: Option<Instant>,
    gap: Duration,
}

impl LoopSearch {
    pub(crate) fn new(shared: Arc<SharedUpstream>, now: Instant) -> Self {
        let probed = Arc::new(Probed { shared, verdict: Mutex::default() });
        Self { due: now, probed, query: None, sent: None, gap: FIRST_INTERVAL }
    }

    /// Takes the step that is due: judges by the last probe once its time is over, or has the next one sent. Returns
    /// whether to send one.
    pub(crate) fn step(&mut self, now: Instant) -> bool {
        let Some(sent) = self.sent.take() else {
            (self.sent, self.due) = (Some(now), now + ANSWER_TIME);
            return true;
        };
        self.probed.learn(Verdict::time_passed);
        let is_looping = self.probed.shared.looping.load(Relaxed);
        self.due = now.max(sent + if is_looping { LOOP_INTERVAL } else { self.gap });
        self.gap = (self.gap * 2).min(MAX_INTERVAL);
        false
    }

    /// Takes the upstream's answer to the probe; `by_itself` if it is NOERROR or NXDOMAIN.
    pub(crate) fn answered(&mut self, by_itself: bool) {
        self.probed.shared.counters.probes_answered.one();
        self.query = None;
        self.probed.learn(|verdict| verdict.answered(by_itself));
    }
}

/// All upstreams in use, and the names of their probes.
#[derive(Debug)]
pub(crate) struct LoopProbes {
    nonce: [u8; DIGITS],
    /// Whether probes are sent at all.
    is_on: bool,
    upstreams: RwLock<Vec<Arc<Probed>>>,
}

impl LoopProbes {
    pub(crate) fn new() -> Self {
        Self { nonce: hex(rand::rng().next_u64()), is_on: true, upstreams: RwLock::default() }
    }

    /// Those of a run that asks one question and ends.
    pub(crate) fn off() -> Self {
        Self { is_on: false, ..Self::new() }
    }

    /// Sets the upstreams in use.
    pub(crate) fn set(&self, upstreams: Vec<Arc<Probed>>) {
        *self.upstreams.write().unwrap_or_else(PoisonError::into_inner) = upstreams;
    }

    fn probed(&self) -> Vec<Arc<Probed>> {
        self.upstreams.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn all(&self) -> Vec<Arc<SharedUpstream>> {
        self.probed().iter().map(|probed| Arc::clone(&probed.shared)).collect()
    }

    /// A question that only we ask, `<32 hex digits>.loop-probe.privatelink-dns.<suffix>`: below the suffix, so that a
    /// server that forwards that suffix to us forwards this too. The type is A, since every server, filter and log
    /// knows it; some refuse HINFO (RFC 8482), and TXT below random names looks like a tunnel.
    pub(crate) fn probe(&self, upstream: &Probed, suffix: &Name) -> Option<Question> {
        if !self.is_on {
            return None;
        }
        let number = rand::rng().next_u64();
        let below = if suffix.label_count() == 0 { DEFAULT_SUFFIX.parse().ok()? } else { suffix.clone() };
        let below = NAME.iter().rev().try_fold(below, |below, label| below.prepend(label.as_bytes()))?;
        let name = below.prepend(&[self.nonce, hex(number)].concat())?;
        upstream.learn(|verdict| verdict.sent(number));
        Some(Question { name, rtype: Rtype::A, dnssec_ok: false, authentic_data: false, checking_disabled: false })
    }

    /// Whether this QNAME (wire format, any case) is a probe of ours that has come back, or a copy of one.
    pub(crate) fn is_probe(&self, qname: &[u8]) -> bool {
        let Some(label) = qname.get(1..=2 * DIGITS).filter(|_| usize::from(qname[0]) == 2 * DIGITS) else {
            return false;
        };
        let (nonce, number) = label.split_at(DIGITS);
        if !nonce.eq_ignore_ascii_case(&self.nonce) {
            return false;
        }
        let number = str::from_utf8(number).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        for upstream in self.probed() {
            number.inspect(|number| upstream.verdict().arrived(*number));
        }
        true
    }
}

fn hex(number: u64) -> [u8; DIGITS] {
    let mut shift = 64;
    [(); DIGITS].map(|()| {
        shift -= 4;
        b"0123456789abcdef"[usize::try_from(number >> shift & 0xf).unwrap_or_default()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_upstream_that_is_where_we_listen_is_a_loop() {
        let listen = [address("10.0.0.4:53"), address("[::]:5300")];
        assert!(would_loop(address("10.0.0.4:53"), &listen));
        assert!(would_loop(address("127.0.0.1:5300"), &listen));
        assert!(would_loop(address("[::ffff:10.0.0.4]:53"), &listen));
        assert!(!would_loop(address("10.0.0.4:5300"), &listen), "found by the probe, if it is one of our addresses");
        assert!(!would_loop(address("168.63.129.16:53"), &listen));
    }

    /// What happens to a probe, in order.
    #[derive(Clone, Copy, Debug)]
    enum Event {
        /// A probe with this number is sent.
        Sent(u64),
        /// It arrives here, or a copy of it.
        Arrives(u64),
        /// The upstream answers it with NOERROR or NXDOMAIN.
        Knows,
        /// The upstream answers with an error: ours, or one of its own.
        Fails,
        /// The time for an answer is over.
        Time,
    }

    #[test]
    fn only_an_upstream_that_does_not_know_the_answer_by_itself_is_a_loop() {
        use Event::{Arrives, Fails, Knows, Sent, Time};
        for (what, events, looping) in [
            ("a good upstream", &[Sent(1), Knows, Time][..], false),
            ("a silent upstream", &[Sent(1), Time, Sent(2), Time], false),
            ("an upstream that refuses", &[Sent(1), Fails, Time], false),
            ("a copy before the answer", &[Sent(1), Arrives(1), Knows, Time], false),
            ("a copy after the answer", &[Sent(1), Knows, Arrives(1), Time], false),
            ("a copy after an error", &[Sent(1), Fails, Arrives(1), Time, Sent(2)], false),
            ("a copy before an answer that is late", &[Sent(1), Arrives(1), Time, Knows], false),
            ("copies of an old number", &[Sent(1), Knows, Sent(2), Arrives(1), Time, Arrives(1), Fails], false),
            ("a made-up number", &[Sent(1), Arrives(7), Time], false),
            ("a loop that hands our error back", &[Sent(1), Arrives(1), Fails], true),
            ("a loop through two servers, both ask twice", &[Sent(1), Arrives(1), Arrives(1), Fails], true),
            ("a loop in which our error is lost", &[Sent(1), Arrives(1), Time], true),
            ("a loop that takes its time", &[Sent(1), Time, Arrives(1), Sent(2)], true),
            ("a loop that stays", &[Sent(1), Arrives(1), Fails, Time, Sent(2), Arrives(2), Fails], true),
            ("a loop under the next probe", &[Sent(1), Arrives(1), Fails, Time, Sent(2)], true),
            ("a loop that ends", &[Sent(1), Arrives(1), Fails, Time, Sent(2), Knows], false),
            ("a loop whose server is gone", &[Sent(1), Arrives(1), Time, Sent(2), Time, Sent(3)], false),
            ("a loop that is broken elsewhere", &[Sent(1), Arrives(1), Fails, Time, Sent(2), Fails], false),
        ] {
            let mut verdict = Verdict::default();
            for event in events {
                match *event {
                    Sent(number) => verdict.sent(number),
                    Arrives(number) => verdict.arrived(number),
                    Knows => verdict.answered(true),
                    Fails => verdict.answered(false),
                    Time => verdict.time_passed(),
                }
            }
            assert_eq!(verdict.looping, looping, "{what}: {events:?}");
        }
    }

    fn searched(text: &str) -> LoopSearch {
        LoopSearch::new(Arc::new(SharedUpstream::new(address(text))), Instant::now())
    }

    #[test]
    fn a_probe_that_comes_back_marks_its_upstream_and_no_other() {
        let directory = LoopProbes::new();
        let mut searches = ["10.0.0.1:53", "10.0.0.2:53"].map(searched);
        directory.set(searches.iter().map(|search| Arc::clone(&search.probed)).collect());
        let suffix: Name = "corp.example".parse().unwrap();
        let probes = searches.each_ref().map(|search| directory.probe(&search.probed, &suffix).unwrap().name);
        assert!(!directory.is_probe(suffix.as_wire()) && !directory.is_probe(&[0]));
        assert!(directory.is_probe(&probes[1].as_wire().to_ascii_uppercase()));
        for search in &mut searches {
            search.answered(false);
        }
        let looping = directory.all().iter().map(|shared| shared.looping.load(Relaxed)).collect::<Vec<_>>();
        assert_eq!(looping, [false, true]);
    }

    #[test]
    fn a_probe_says_in_its_name_what_it_is_and_lies_below_the_suffix_of_its_group() {
        let (directory, search) = (LoopProbes::new(), searched("10.0.0.1:53"));
        for (suffix, below) in
            [(".", "loop-probe.privatelink-dns.example."), ("corp.example", "loop-probe.privatelink-dns.corp.example.")]
        {
            let question = directory.probe(&search.probed, &suffix.parse().unwrap()).unwrap();
            let name = question.name.to_string();
            let (number, rest) = name.split_once('.').unwrap();
            assert!(number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()), "{number}");
            assert_eq!((rest, question.rtype), (below, Rtype::A));
        }
        let long = [["x".repeat(63).as_str(); 3].join(".").as_str(), "yy"].join(".").parse().unwrap();
        assert_eq!(directory.probe(&search.probed, &long), None, "there is no space for a name");
        assert_eq!(LoopProbes::off().probe(&search.probed, &Name::root()), None);
    }

    #[test]
    fn probes_come_at_growing_intervals_and_every_ten_seconds_while_there_is_a_loop() {
        let begin = Instant::now();
        let mut search = LoopSearch { due: begin, ..searched("10.0.0.1:53") };
        let mut sent = Vec::new();
        for _ in 0..20 {
            let now = search.due;
            if search.step(now) {
                sent.push((now - begin).as_secs());
                // From the fifth probe on each of them comes back.
                search.probed.learn(|verdict| verdict.sent(7));
                if sent.len() >= 5 {
                    search.probed.verdict().arrived(7);
                }
            }
        }
        assert_eq!(sent, [0, 1, 3, 7, 15, 25, 35, 45, 55, 65]);
    }

    #[test]
    fn a_made_up_name_of_the_same_form_is_not_a_probe() {
        let name = Name::root().prepend(&[b'0'; 32]).unwrap();
        assert!(!LoopProbes::new().is_probe(name.as_wire()));
    }
}
