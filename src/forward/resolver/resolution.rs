//! One question on its way: how far it came, and what it still needs.
//!
//! In: a name, a type and what the client's flags ask for. Out: the state that [`super::Resolver`] carries from step to step, and
//! how long the answer lasts. It knows neither cache nor upstreams.

use std::sync::Arc;

use super::Route;
use super::chase::{Chase, Resolved};
use crate::dns::{Ede, Name, Rtype};
use crate::forward::cache::Validity;
use crate::forward::{Question, Reply};

/// What the client's flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFlags {
    /// RD: cache and upstreams may be used. Without it the answer is what our zones say, and the cache shows nothing of
    /// what others asked.
    pub recursion: bool,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
}

/// A question on its way through zones, cache and upstreams.
pub struct Resolution {
    pub(crate) chase: Chase,
    pub(crate) qtype: Rtype,
    pub(crate) flags: QueryFlags,
    /// Why the answer is not what it would be in good times.
    pub(crate) note: Option<Ede>,
    life: Reuse,
    /// The network of the client that waits, 0 for nobody's: upstreams that are busy take networks in turn.
    pub network: u64,
    /// Where each part came from, if someone wants to know.
    pub trace: Option<Vec<(Name, Provenance)>>,
}

/// Whether an answer may be repeated.
#[derive(Clone, Copy)]
enum Reuse {
    /// No upstream has a part in it.
    Local,
    /// As long as this part of it.
    Validity(Validity),
    /// It is for this question alone.
    Once,
}

/// Where a part of an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// The cache.
    Cache,
    /// The cache, past its time.
    Stale,
    /// This upstream, just now.
    Upstream(std::net::SocketAddr),
    /// Our own alias for a public name.
    SynthesizedCname,
    /// Nobody: a special name has its answer here.
    Special,
}

/// What memory could not answer.
pub struct UpstreamQuestion {
    pub(crate) route: Arc<Route>,
    pub(crate) question: Question,
    pub(crate) stale: Option<Reply>,
}

/// How far memory led.
pub enum Progress {
    /// To the end.
    Done(Resolved),
    /// To a question for an upstream.
    Ask(UpstreamQuestion),
}

impl Resolution {
    /// A question at its start.
    pub fn new(qname: Name, qtype: Rtype, flags: QueryFlags) -> Self {
        Self { chase: Chase::new(qname, qtype), qtype, flags, note: None, life: Reuse::Local, network: 0, trace: None }
    }

    /// How long the answer may be repeated to who asks the same: if all that is forwarded in it came from the cache at
    /// one time. Neither failures nor what was made up for them last.
    pub fn validity(&self) -> Option<Validity> {
        match self.life {
            Reuse::Validity(validity) => Some(validity),
            Reuse::Local | Reuse::Once => None,
        }
    }

    pub(crate) fn trace(&mut self, name: &Name, part: Provenance) {
        if let Some(trace) = &mut self.trace {
            trace.push((name.clone(), part));
        }
    }

    pub(crate) fn add_source(&mut self, part: Option<Validity>) {
        self.life = match (self.life, part) {
            (Reuse::Local, Some(part)) => Reuse::Validity(part),
            (Reuse::Validity(before), Some(part)) if before.stored == part.stored => {
                Reuse::Validity(Validity { until: before.until.min(part.until), ..part })
            }
            _ => Reuse::Once,
        };
    }

    pub(crate) fn question(&self, name: Name) -> Question {
        Question {
            name,
            rtype: self.qtype,
            dnssec_ok: self.flags.dnssec_ok,
            checking_disabled: self.flags.checking_disabled,
        }
    }

    /// SERVFAIL with a reason.
    pub fn fail(&self, ede: Ede) -> Resolved {
        self.chase.fail(ede)
    }

    pub(crate) fn done(&mut self, mut resolved: Resolved) -> Progress {
        if let Some(note) = self.note.take() {
            resolved.ede = Some(note);
            resolved.authentic = false;
        }
        Progress::Done(resolved)
    }
}
