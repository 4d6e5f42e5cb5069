//! One question on its way: how far it came, and what it still needs.
//!
//! In: a name, a type and what the client's flags ask for. Out: the state that [`super::Resolver`] carries from step to step, and
//! how long the answer lasts. It knows neither cache nor upstreams.

use std::sync::Arc;

use super::Route;
use super::chase::{Chase, Resolved};
use crate::dns::{Ede, Name, Rtype};
use crate::forward::cache::Lasting;
use crate::forward::{Question, Reply};

/// What the client's flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// RD: cache and upstreams may be used. Without it the answer is what our zones say, and the cache shows nothing of
    /// what others asked.
    pub recursion: bool,
    /// DO.
    pub dnssec_ok: bool,
    /// CD.
    pub checking_disabled: bool,
}

/// A question on its way through zones, cache and upstreams.
pub struct Pursuit {
    pub(crate) chase: Chase,
    pub(crate) qtype: Rtype,
    pub(crate) wish: Wish,
    /// Why the answer is not what it would be in good times.
    pub(crate) note: Option<Ede>,
    life: Life,
    /// The network of the client that waits, 0 for nobody's: upstreams that are busy take networks in turn.
    pub network: u64,
    /// Where each part came from, if someone wants to know.
    pub trace: Option<Vec<(Name, Part)>>,
}

/// Whether an answer may be repeated.
#[derive(Clone, Copy)]
enum Life {
    /// No upstream has a part in it.
    Local,
    /// As long as this part of it.
    Lasting(Lasting),
    /// It is for this question alone.
    Once,
}

/// Where a part of an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The cache.
    Cache,
    /// The cache, past its time.
    Stale,
    /// This upstream, just now.
    Upstream(std::net::SocketAddr),
    /// Our own alias for a public name.
    OwnAlias,
    /// Nobody: a special name has its answer here.
    Special,
}

/// What memory could not answer.
pub struct Need {
    pub(crate) route: Arc<Route>,
    pub(crate) question: Question,
    pub(crate) stale: Option<Reply>,
}

/// How far memory led.
pub enum Progress {
    /// To the end.
    Done(Resolved),
    /// To a question for an upstream.
    Need(Need),
}

impl Pursuit {
    /// A question at its start.
    pub fn new(qname: Name, qtype: Rtype, wish: Wish) -> Self {
        Self { chase: Chase::new(qname, qtype), qtype, wish, note: None, life: Life::Local, network: 0, trace: None }
    }

    /// How long the answer may be repeated to who asks the same: if all that is forwarded in it came from the cache at
    /// one time. Neither failures nor what was made up for them last.
    pub fn lasting(&self) -> Option<Lasting> {
        match self.life {
            Life::Lasting(lasting) => Some(lasting),
            Life::Local | Life::Once => None,
        }
    }

    pub(crate) fn trace(&mut self, name: &Name, part: Part) {
        if let Some(trace) = &mut self.trace {
            trace.push((name.clone(), part));
        }
    }

    pub(crate) fn add_part(&mut self, part: Option<Lasting>) {
        self.life = match (self.life, part) {
            (Life::Local, Some(part)) => Life::Lasting(part),
            (Life::Lasting(before), Some(part)) if before.stored == part.stored => {
                Life::Lasting(Lasting { until: before.until.min(part.until), ..part })
            }
            _ => Life::Once,
        };
    }

    pub(crate) fn question(&self, name: Name) -> Question {
        Question {
            name,
            rtype: self.qtype,
            dnssec_ok: self.wish.dnssec_ok,
            checking_disabled: self.wish.checking_disabled,
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
