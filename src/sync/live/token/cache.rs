//! How long a token is kept, by the rules of MSAL: used until five minutes before its end; one that lives two hours or
//! more is renewed from half of its life on, and stays while that fails. Pure: the time is an argument.

use std::time::Duration;

use super::{Token, TokenError};
use crate::sync::live::outside::Secret;

/// The last part of a token's life, in which a new one is wanted.
const MARGIN: Duration = Duration::from_mins(5);
/// The life from which on a token is renewed early.
const LONG: Duration = Duration::from_hours(2);
/// The first and the longest pause between two tries to renew a token that is still good.
const PAUSES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));
/// The time in which a second rejection is no reason to ask again.
const AFTER_REJECTION: Duration = Duration::from_secs(15);

/// What to do about a token now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Use this one.
    Keep(Secret),
    /// Try once to get a new one; this one is good meanwhile.
    Renew(Secret),
    /// There is none: get one.
    Ask {
        /// True if ARM did not take the last one.
        is_fresh: bool,
    },
    /// There is none, and the place asked to be left alone.
    Leave(TokenError),
}

/// A token with its times, on the monotonic clock.
#[derive(Debug)]
struct Held {
    text: Secret,
    came: Duration,
    life: Duration,
    /// The end by the wall clock.
    expires: u64,
}

impl Held {
    fn end(&self) -> Duration {
        self.came.saturating_add(self.life)
    }

    /// The time from which on a new one is wanted.
    fn renewal(&self) -> Duration {
        // Half of a life that is hardly longer than the margin, or every call would ask for a token.
        let margin = MARGIN.min(self.life / 2);
        self.came + if self.life >= LONG { self.life / 2 } else { self.life.saturating_sub(margin) }
    }
}

/// The last failure, while it lasts.
#[derive(Debug)]
struct Failure {
    error: TokenError,
    /// Failures in a row.
    times: u32,
    /// No try to renew before.
    not_before: Duration,
    /// No try at all before: the place asked for that.
    closed_until: Option<Duration>,
}

/// The token of one identity.
#[derive(Debug, Default)]
pub(super) struct Cache {
    held: Option<Held>,
    failure: Option<Failure>,
    is_rejected: bool,
    /// When a rejected one was last dropped.
    dropped: Option<Duration>,
}

impl Cache {
    /// What to do now.
    pub(super) fn step(&mut self, now: Duration) -> Step {
        let is_fresh = self.drop_rejected(now);
        let failure = self.failure.as_ref();
        match self.held.as_ref().filter(|held| now < held.end()) {
            Some(held) if now < held.renewal() => Step::Keep(held.text.clone()),
            Some(held) if failure.is_some_and(|failure| now < failure.not_before) => Step::Keep(held.text.clone()),
            Some(held) => Step::Renew(held.text.clone()),
            None => {
                let closed = failure.filter(|failure| failure.closed_until.is_some_and(|until| now < until));
                closed.map_or(Step::Ask { is_fresh }, |failure| {
                    let rest = failure.closed_until.map(|until| until.saturating_sub(now));
                    Step::Leave(TokenError { retry_after: rest, ..failure.error.clone() })
                })
            }
        }
    }

    /// Drops a token that ARM did not take, unless it has just replaced another such one; true if it was dropped.
    fn drop_rejected(&mut self, now: Duration) -> bool {
        let again = self.dropped.is_some_and(|dropped| now.saturating_sub(dropped) < AFTER_REJECTION);
        let drops = std::mem::take(&mut self.is_rejected) && !again && self.held.is_some();
        if drops {
            self.held = None;
            self.dropped = Some(now);
        }
        drops
    }

    /// A new token where there was none. Its life counts from `asked`, before it was made.
    pub(super) fn store(&mut self, token: Token, asked: Duration, unix: u64) -> Secret {
        let text = token.text.clone();
        let expires = unix.saturating_add(token.life.as_secs());
        self.held = Some(Held { text: token.text, came: asked, life: token.life, expires });
        self.failure = None;
        text
    }

    /// A new token in place of a good one: the one that lasts longer stays, since some places keep tokens too.
    pub(super) fn renewed(&mut self, token: Token, asked: Duration, unix: u64, random: f64) {
        if self.held.as_ref().is_some_and(|held| held.end() > asked.saturating_add(token.life)) {
            let text = "the place gives tokens that end before the one in use; the one in use stays".to_owned();
            self.failed(TokenError::passing(text), asked, random);
        } else {
            self.store(token, asked, unix);
        }
    }

    /// No token came.
    pub(super) fn failed(&mut self, error: TokenError, now: Duration, random: f64) {
        let times = self.failure.as_ref().map_or(0, |failure| failure.times);
        let pause = (PAUSES.0 * 2_u32.saturating_pow(times.min(8))).min(PAUSES.1).mul_f64(0.75 + 0.25 * random);
        let pause = pause.max(error.retry_after.unwrap_or_default());
        let closed_until = error.retry_after.map(|time| now + time);
        self.failure = Some(Failure { error, times: times + 1, not_before: now + pause, closed_until });
    }

    /// ARM did not take the token.
    pub(super) fn reject(&mut self) {
        self.is_rejected = self.held.is_some();
    }

    /// The token that is held, good or not.
    pub(super) fn text(&self) -> Option<Secret> {
        self.held.as_ref().map(|held| held.text.clone())
    }

    /// When it ends, seconds since 1970.
    pub(super) fn expires(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.expires)
    }

    /// The last failure, while it lasts.
    pub(super) fn trouble(&self) -> Option<&TokenError> {
        self.failure.as_ref().map(|failure| &failure.error)
    }
}
