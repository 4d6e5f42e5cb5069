//! What the scripted Azure does instead of a good answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::http::{Answer, Request};

/// What happens to the requests whose path and query hold `part`.
#[derive(Clone)]
pub(crate) struct Fault {
    part: String,
    /// Requests that pass before it acts.
    after: usize,
    /// Requests that it acts on.
    times: usize,
    act: Act,
}

/// What is done with a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// This answer.
    Say(Answer),
    /// These very bytes, and the connection ends.
    Raw(Vec<u8>),
    /// The good answer's first octets of body, and the connection ends.
    Cut(usize),
    /// The good answer an octet at a time, with this time between two.
    Slow(Duration),
    /// Nothing, until the test ends it.
    Hang,
    /// The connection is reset before an answer.
    Reset,
    /// The good answer, changed.
    Edit(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// The good answer with a header field more.
    Head(&'static str, String),
}

/// How an answer is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole(Answer),
    Raw(Vec<u8>),
    Cut(Answer, usize),
    Slow(Answer, Duration),
    Hang,
    Reset,
}

impl Fault {
    /// For requests that hold `part`, without case, for ever.
    pub(crate) fn on(part: &str, act: Act) -> Self {
        Self { part: part.to_ascii_lowercase(), after: 0, times: usize::MAX, act }
    }

    /// For that many of them.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Once that many have passed.
    pub(crate) fn after(mut self, after: usize) -> Self {
        self.after = after;
        self
    }

    /// A status with ARM's form of an error.
    pub(crate) fn status(part: &str, status: u16, code: &str) -> Self {
        let body = serde_json::json!({"error": {"code": code, "message": format!("{code}, said the test.")}});
        Self::on(part, Act::Say(Answer::json(status, &body)))
    }

    /// A change of the good answer.
    pub(crate) fn edit(part: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::on(part, Act::Edit(Arc::new(change)))
    }

    /// True if it acts on this request, which it has then done once more.
    pub(crate) fn acts(&mut self, request: &Request) -> bool {
        if self.times == 0 || !request.target.to_ascii_lowercase().contains(&self.part) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        self.times = self.times.saturating_sub(usize::from(self.times != usize::MAX));
        true
    }

    /// What it makes of a good answer.
    pub(crate) fn applied(&self, good: Answer) -> Sent {
        match &self.act {
            Act::Say(answer) => Sent::Whole(answer.clone()),
            Act::Raw(bytes) => Sent::Raw(bytes.clone()),
            Act::Cut(length) => Sent::Cut(good, *length),
            Act::Slow(between) => Sent::Slow(good, *between),
            Act::Hang => Sent::Hang,
            Act::Reset => Sent::Reset,
            Act::Head(name, value) => Sent::Whole(good.with(name, value.clone())),
            Act::Edit(change) => {
                let mut body: Value = serde_json::from_slice(&good.body).unwrap_or_default();
                change(&mut body);
                Sent::Whole(Answer { body: body.to_string().into_bytes(), ..good })
            }
        }
    }
}
