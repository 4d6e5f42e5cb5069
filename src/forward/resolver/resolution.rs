//! One question on its way through zones, cache and upstreams: its progress, and its needs.
//!
//! In: a name, a type and the client's flags. Out: the state that [`super::Resolver`] carries from step to step, and
//! how long the answer stays valid. Never: a look at the cache or an upstream.

use std::sync::Arc;

use super::chase::{Chase, Provenance, Resolved};
use super::route::Route;
use crate::dns::{Ede, Name, Rtype};
use crate::forward::cache::Validity;
use crate::forward::client_network::ClientNetwork;
use crate::forward::question::{Question, Reply};

/// The client's flags.
#[expect(clippy::struct_excessive_bools, reason = "they are bits of a message")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFlags {
    /// RD: cache and upstreams may be used. Without it the answer comes from our zones alone, and the cache reveals
    /// nothing of other clients' questions.
    pub recursion: bool,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
    /// AD.
    pub authentic_data: bool,
}

/// The state of one question.
pub struct Resolution {
    pub(super) chase: Chase,
    pub(super) qtype: Rtype,
    pub(super) flags: QueryFlags,
    /// The reason why the answer is a substitute for the usual one.
    pub(super) degraded: Option<Ede>,
    reuse: Reuse,
    /// The network of the client that waits; `None` if no client waits.
    pub network: Option<ClientNetwork>,
    /// The source of each part, if the caller wants to know.
    pub trace: Option<Trace>,
}

/// The names that were looked up outside of the hosted zones, with the source of each answer.
pub type Trace = Vec<(Name, Provenance)>;

/// Whether an answer may be given again.
#[derive(Clone, Copy)]
enum Reuse {
    /// Yes: it is only from our own zones.
    Local,
    /// As long as the forwarded part is valid.
    While(Validity),
    /// No: it is for this question alone.
    Never,
}

/// The question that memory could not answer.
pub struct UpstreamQuestion {
    pub(super) route: Arc<Route>,
    pub(super) question: Question,
    /// The answer if the upstream fails or is slow.
    pub(super) fallback: Option<Fallback>,
}

/// The answer for a client when upstreams fail or are slow.
pub(super) enum Fallback {
    /// Our own CNAME for a public name of ours.
    SynthesizedCname(Reply),
    /// The cache's answer after its time (RFC 8767).
    Stale(Reply),
}

/// How far memory sufficed.
pub enum Progress {
    /// The answer is complete.
    Done(Resolved),
    /// An upstream has to be asked.
    Ask(UpstreamQuestion),
}

impl Resolution {
    /// A resolution at its start.
    pub fn new(qname: Name, qtype: Rtype, flags: QueryFlags) -> Self {
        let chase = Chase::new(qname, qtype);
        Self { chase, qtype, flags, degraded: None, reuse: Reuse::Local, network: None, trace: None }
    }

    /// Lets the client's message have `room` octets for records. An answer that takes more is truncated, and the
    /// records that would not be sent are left where they are.
    pub fn limit_to(&mut self, room: usize) {
        self.chase.limit_to(room);
    }

    /// How long the answer may be given again to the same question: only if all its forwarded parts came from the cache
    /// at one time. Failures and their substitutes may not be given again.
    pub fn validity(&self) -> Option<Validity> {
        match self.reuse {
            Reuse::While(validity) => Some(validity),
            Reuse::Local | Reuse::Never => None,
        }
    }

    /// Notes the source of the answer for a name.
    pub(super) fn record(&mut self, name: &Name, provenance: Provenance) {
        self.chase.note_provenance(provenance);
        if let Some(trace) = &mut self.trace {
            trace.push((name.clone(), provenance));
        }
    }

    /// Adds a part that is valid this long; `None` makes the answer good for this question only.
    pub(super) fn add_source(&mut self, validity: Option<Validity>) {
        self.reuse = match (self.reuse, validity) {
            (Reuse::Local, Some(validity)) => Reuse::While(validity),
            (Reuse::While(before), Some(validity)) if before.stored == validity.stored => {
                Reuse::While(Validity { until: before.until.min(validity.until), ..validity })
            }
            _ => Reuse::Never,
        };
    }

    pub(super) fn question(&self, name: Name) -> Question {
        Question {
            name,
            rtype: self.qtype,
            dnssec_ok: self.flags.dnssec_ok,
            checking_disabled: self.flags.checking_disabled,
            authentic_data: self.flags.authentic_data && !self.flags.dnssec_ok,
        }
    }

    pub(super) fn done(&mut self, mut resolved: Resolved) -> Progress {
        if let Some(degraded) = self.degraded.take() {
            resolved.ede = Some(degraded);
            resolved.authentic = false;
        }
        Progress::Done(resolved)
    }
}
