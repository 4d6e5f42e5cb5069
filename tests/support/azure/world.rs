//! Everything that the scripted Azure knows, and what it answers: no sockets.

use std::collections::BTreeSet;

use super::estate::Estate;
use super::fault::{Fault, Sent};
use super::http::{Answer, Request};
use super::identity::Identities;
use super::{Door, arm, identity};

/// The whole state.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) estate: Estate,
    pub(crate) identities: Identities,
    pub(crate) faults: Vec<Fault>,
    pub(crate) seen: Vec<Seen>,
    /// The address of ARM, for `nextLink`.
    pub(crate) arm: String,
    /// A number for each answer's ids, which differ each time.
    pub(crate) answers: u64,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) door: Door,
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Header fields, with names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The status of the answer; 0 for none.
    pub(crate) status: u16,
}

impl Seen {
    /// The first field of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All of it as a text, in which a token can be looked for.
    pub(crate) fn everything(&self) -> String {
        format!("{} {:?} {}", self.target, self.headers, self.body)
    }
}

impl World {
    /// The answer to a request, by the faults or by the estate; the request is kept.
    pub(crate) fn answer(&mut self, door: Door, request: &Request) -> Sent {
        self.answers += 1;
        let good = match door {
            Door::Local => identity::machine(&mut self.identities, request),
            Door::Cloud if request.path().contains("/oauth2/") || request.path().contains("/.well-known/") => {
                identity::entra(&mut self.identities, request)
            }
            Door::Cloud => arm::answer(self, request),
            Door::Elsewhere => Answer::json(200, &serde_json::json!({"value": []})),
        };
        let fault = self.faults.iter_mut().find_map(|fault| fault.acts(request).then(|| fault.clone()));
        let sent = fault.map_or(Sent::Whole(good.clone()), |fault| fault.applied(good));
        let status = match &sent {
            Sent::Whole(answer) | Sent::Cut(answer, _) | Sent::Slow(answer, _) => answer.status,
            Sent::Raw(_) | Sent::Hang | Sent::Reset => 0,
        };
        self.seen.push(Seen {
            door,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            status,
        });
        sent
    }

    /// Every text that nobody may see: tokens, keys, secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        let tokens = self.identities.issued.iter().map(|token| token.text.as_str());
        // A token's last part is as secret as the whole, and a log may cut its head off.
        let tails = self.identities.issued.iter().filter_map(|token| token.text.rsplit('.').next());
        tokens.chain(tails).chain(identity::SECRETS)
    }

    /// The requests of ARM so far, without those of Entra.
    pub(crate) fn arm_requests(&self) -> usize {
        let is_arm = |seen: &&Seen| seen.door == Door::Cloud && !seen.target.contains("/oauth2/");
        self.seen.iter().filter(is_arm).count()
    }

    /// The correlation ids that ARM gave: no two alike.
    pub(crate) fn correlation(&self) -> String {
        format!("c0ffee00-0000-0000-0000-{:012}", self.answers)
    }

    /// The tokens that ARM was shown.
    pub(crate) fn shown_tokens(&self) -> BTreeSet<String> {
        let shown = self.seen.iter().filter_map(|seen| seen.header("authorization")?.strip_prefix("Bearer "));
        shown.map(str::to_owned).collect()
    }
}
