//! Counters and state of upstreams, for `status`: atomics that the forwarding thread writes and any thread reads.

mod last_error;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::histogram::{AtomicHistogram, Bounds, Histogram};
use last_error::seconds;
pub use last_error::{ErrorKind, UpstreamError};
pub(crate) use last_error::{LastError, errno};

/// The bounds of round trips: 400 us to 6.5536 s.
const ROUND_TRIPS: Bounds = Bounds::doubling(400, 15);

/// Defines the counters once: the atomics, their snapshot, and their names.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of one upstream; they only grow.
        #[derive(Debug, Default)]
        pub(crate) struct UpstreamCounters { $($(#[$doc])* pub(crate) $name: Counter),* }

        /// The values of an upstream's counters at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counts { $($(#[$doc])* pub $name: u64),* }

        impl UpstreamCounters {
            fn read(&self) -> Counts {
                Counts { $($name: self.$name.0.load(Relaxed)),* }
            }
        }

        impl Counts {
            /// Each counter with its name.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counters! {
    /// Queries sent, over UDP and TCP, retransmits included.
    sent,
    /// Answers accepted.
    received,
    /// Loop probes sent.
    probes,
    /// Loop probes that were answered.
    probes_answered,
    /// Waits that ended without a reply.
    silences,
    /// Queries sent again.
    retransmits,
    /// Errors from the network, such as port unreachable.
    unreachable,
    /// Datagrams with an unknown id.
    junk_id,
    /// Datagrams with the answer to another question.
    junk_question,
    /// Datagrams that are not responses, or do not parse.
    junk_form,
    /// Answers that came too late to be used.
    late,
    /// Questions asked over TCP because the answer was truncated.
    tcp_truncated,
    /// Questions asked over TCP because of many wrong answers, a sign that somebody guesses.
    tcp_spoofed,
    /// Questions asked over TCP because UDP stayed silent.
    tcp_silent,
    /// Questions asked over TCP because of signs that UDP will stay silent, such as ICMP errors.
    tcp_hinted,
    /// TCP connections opened.
    tcp_opened,
    /// TCP connections that failed: they could not be opened, or left a question without an answer.
    tcp_failed,
    /// Questions asked once more over TCP, on a fresh connection.
    tcp_retried,
    /// Questions asked again without EDNS.
    edns_fallback,
    /// Questions asked again in lower case because the upstream did not keep the case.
    case_fallback,
    /// Questions asked again without AD.
    ad_fallback,
    /// Questions that had to wait for a free slot.
    delayed,
    /// Datagrams for which the kernel had no buffer space.
    send_dropped,
    /// Forwarding loops found.
    loops,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }
}

/// The part of an upstream that is shared outside the forwarding thread.
#[derive(Debug)]
pub(crate) struct SharedUpstream {
    pub(crate) address: SocketAddr,
    pub(crate) counters: UpstreamCounters,
    pub(crate) up: AtomicBool,
    /// The verdict of the last loop probe.
    pub(crate) looping: AtomicBool,
    pub(crate) round_trip_us: AtomicU64,
    round_trips: AtomicHistogram,
    pub(crate) in_flight: AtomicU64,
    pub(crate) edns_off: AtomicBool,
    pub(crate) case_off: AtomicBool,
    pub(crate) ad_off: AtomicBool,
    pub(crate) last_error: LastError,
    /// When it was last found to be up, down or looping and was not before, seconds since 1970; 0 until then.
    changed_at: AtomicU64,
}

impl SharedUpstream {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            counters: UpstreamCounters::default(),
            up: AtomicBool::new(true),
            looping: AtomicBool::new(false),
            round_trip_us: AtomicU64::new(0),
            round_trips: AtomicHistogram::new(ROUND_TRIPS),
            in_flight: AtomicU64::new(0),
            edns_off: AtomicBool::new(false),
            case_off: AtomicBool::new(false),
            ad_off: AtomicBool::new(false),
            last_error: LastError::default(),
            changed_at: AtomicU64::new(0),
        }
    }

    /// Counts an accepted answer, which came this long after its question was first sent.
    pub(crate) fn answered(&self, took: Duration) {
        self.counters.received.one();
        self.round_trips.add(took);
    }

    /// Publishes whether it answers.
    pub(crate) fn set_up(&self, up: bool) {
        if self.up.swap(up, Relaxed) != up {
            self.has_changed();
        }
    }

    /// Publishes whether it leads back to us; returns whether that is new.
    pub(crate) fn set_looping(&self, looping: bool) -> bool {
        let is_new = self.looping.swap(looping, Relaxed) != looping;
        if is_new {
            self.has_changed();
        }
        is_new
    }

    fn has_changed(&self) {
        self.changed_at.store(seconds(SystemTime::now()), Relaxed);
    }

    pub(crate) fn status(&self) -> UpstreamStatus {
        let round_trip = self.round_trip_us.load(Relaxed);
        UpstreamStatus {
            address: self.address,
            state: match (self.looping.load(Relaxed), self.up.load(Relaxed)) {
                (true, _) => State::Looping,
                (false, true) => State::Up,
                (false, false) => State::Down,
            },
            since: Some(self.changed_at.load(Relaxed)).filter(|at| *at > 0),
            round_trip: (round_trip > 0).then(|| Duration::from_micros(round_trip)),
            round_trips: self.round_trips.read(),
            in_flight: self.in_flight.load(Relaxed),
            without_edns: self.edns_off.load(Relaxed),
            without_case: self.case_off.load(Relaxed),
            without_ad: self.ad_off.load(Relaxed),
            last_error: self.last_error.read(),
            counts: self.counters.read(),
        }
    }
}

/// Whether an upstream is usable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It answers, or has not been asked.
    #[default]
    Up,
    /// It does not answer; from time to time a question checks whether it does again.
    Down,
    /// It leads back to us, and is not asked.
    Looping,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Looping => "looping",
        })
    }
}

/// The status of one upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamStatus {
    /// Its address.
    pub address: SocketAddr,
    /// Whether it is usable.
    pub state: State,
    /// Since when, in seconds since 1970; `None` if that is since the start.
    pub since: Option<u64>,
    /// The smoothed round trip, once measured.
    pub round_trip: Option<Duration>,
    /// The times from a question to its answer, over UDP and TCP, for all answers accepted.
    pub round_trips: Histogram,
    /// Questions it has not answered yet.
    pub in_flight: u64,
    /// Whether it is asked without EDNS because it does not support it.
    pub without_edns: bool,
    /// Whether it is asked in lower case because it does not keep the case.
    pub without_case: bool,
    /// Whether it is asked without AD because it does not answer otherwise.
    pub without_ad: bool,
    /// Its last error, if it ever had one.
    pub last_error: Option<UpstreamError>,
    /// Its counters.
    pub counts: Counts,
}

impl Counts {
    /// Its failures by reason. Each is one event at the upstream, of which a question may meet several.
    pub fn failures(&self) -> [(&'static str, u64); 6] {
        [
            ("timeout", self.silences),
            ("unreachable", self.unreachable),
            ("malformed", self.junk_form),
            ("spoof", self.junk_id + self.junk_question),
            ("loop", self.loops),
            ("tcp", self.tcp_failed),
        ]
    }
}

/// Counters of one group.
#[derive(Debug, Default)]
pub(crate) struct GroupCounters {
    pub(crate) asked: Counter,
    pub(crate) shared: Counter,
    pub(crate) overloaded: Counter,
    pub(crate) timeouts: Counter,
    pub(crate) failures: Counter,
    pub(crate) waiting: AtomicU64,
    /// Whether Azure's resolver is one of the group.
    pub(crate) includes_azure: AtomicBool,
    /// The reasons why entries of `upstreams` are not in use.
    absent: Mutex<Vec<String>>,
}

/// The status of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupStatus {
    /// Questions asked of it.
    pub asked: u64,
    /// Questions that joined an equal one in flight.
    pub shared: u64,
    /// Questions that never got a free slot.
    pub overloaded: u64,
    /// Questions that no upstream answered in time.
    pub timeouts: u64,
    /// Questions that failed for another reason.
    pub failures: u64,
    /// Questions that wait for a free slot now.
    pub waiting: u64,
    /// The reasons why entries of `upstreams` are not in use: they name no server now, or this server itself.
    pub absent: Vec<String>,
}

impl GroupCounters {
    /// Sets the reasons why entries of `upstreams` are not in use, and returns those that were not known before.
    pub(crate) fn now_absent(&self, absent: Vec<String>) -> Vec<String> {
        let mut known = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let new = absent.iter().filter(|reason| !known.contains(reason)).cloned().collect();
        *known = absent;
        new
    }

    pub(crate) fn status(&self) -> GroupStatus {
        let read = |counter: &Counter| counter.0.load(Relaxed);
        GroupStatus {
            asked: read(&self.asked),
            shared: read(&self.shared),
            overloaded: read(&self.overloaded),
            timeouts: read(&self.timeouts),
            failures: read(&self.failures),
            waiting: self.waiting.load(Relaxed),
            absent: self.absent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
