//! One question on its way through zones, cache and upstreams: how far it came, and what it still needs.
//!
//! In: a name, a type and what the client's flags ask for. Out: the state that [`super::Resolver`] carries from step to step, and
//! how long the answer stays valid. It knows neither cache nor upstreams.

use std::sync::Arc;

use super::chase::{Chase, Provenance, Resolved};
use super::route::Route;
use crate::dns::{Ede, Name, Rtype};
use crate::forward::cache::Validity;
use crate::forward::client_network::ClientNetwork;
use crate::forward::question::{Question, Reply};

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

/// A question on its way.
pub struct Resolution {
    pub(super) chase: Chase,
    pub(super) qtype: Rtype,
    pub(super) flags: QueryFlags,
    /// Why the answer is not what it would be in good times.
    pub(super) degraded: Option<Ede>,
    reuse: Reuse,
    /// The network of the client that waits; none if no client waits.
    pub network: Option<ClientNetwork>,
    /// Where each part came from, if the caller wants to know.
    pub trace: Option<Trace>,
}

/// The names that were looked up outside of the hosted zones, and where each answer came from.
pub type Trace = Vec<(Name, Provenance)>;

/// Whether an answer may be given again.
#[derive(Clone, Copy)]
enum Reuse {
    /// No upstream has a part in it.
    Local,
    /// As long as this part of it is valid.
    While(Validity),
    /// It is for this question alone.
    Never,
}

/// What memory could not answer.
pub struct UpstreamQuestion {
    pub(super) route: Arc<Route>,
    pub(super) question: Question,
    /// What is answered if the upstream fails or is slow.
    pub(super) fallback: Option<Fallback>,
}

/// What a client gets when upstreams fail or are slow.
pub(super) enum Fallback {
    /// Our own CNAME for a public name of ours.
    SynthesizedCname(Reply),
    /// The cache's answer past its time (RFC 8767).
    Stale(Reply),
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
        let chase = Chase::new(qname, qtype);
        Self { chase, qtype, flags, degraded: None, reuse: Reuse::Local, network: None, trace: None }
    }

    /// How long the answer may be given again to the same question: if all that is forwarded in it came from the cache at
    /// one time. Neither failures nor what was made up for them may be.
    pub fn validity(&self) -> Option<Validity> {
        match self.reuse {
            Reuse::While(validity) => Some(validity),
            Reuse::Local | Reuse::Never => None,
        }
    }

    /// Takes note of where the answer for a name comes from.
    pub(super) fn record(&mut self, name: &Name, provenance: Provenance) {
        self.chase.note_provenance(provenance);
        if let Some(trace) = &mut self.trace {
            trace.push((name.clone(), provenance));
        }
    }

    /// Adds a part that is valid this long, or for this question alone.
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
