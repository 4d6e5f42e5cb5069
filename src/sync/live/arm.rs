//! Azure Resource Manager: resources and whole collections, with as few requests as they need.
//!
//! Input: a path below the address of ARM, a token. Output: what was read whole, or an error in the operator's words. A
//! collection of which any page fails is an error; there is no part of a collection.

pub mod paging;
mod refusal;
mod retry;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::outside::{CallError, Outside, Reply, Request, Road, Secret};
use super::token::{IdentityKind, TokenError, Tokens};
use paging::MAX_PAGE;
use retry::{Situation, Step};

/// The reason why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ArmError {
    /// The kind.
    pub kind: ArmErrorKind,
    /// What is wrong and what to do; nothing in it differs from try to try.
    pub text: String,
    /// Ids for Microsoft's support, which differ each time: for the log alone.
    pub trace: Vec<(&'static str, String)>,
}

impl ArmError {
    fn new(kind: ArmErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), trace: Vec::new() }
    }
}

/// The kinds of errors that callers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmErrorKind {
    /// 404: there is no such resource, or none that this identity may know of.
    NotFound,
    /// 403: the identity may not read this.
    Forbidden,
    /// No token, or ARM does not take it.
    Unauthorized,
    /// 429, or 503 with a time: not again before that time is over. It is zero if Azure named none.
    Throttled(Duration),
    /// No answer, or 408 or 5xx: it may pass by itself.
    Unreachable,
    /// The source is to end.
    Stopped,
    /// Anything else: an answer that is no answer.
    Other,
}

/// What asking cost, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Meter {
    /// Requests to ARM, those that failed too.
    pub requests: u64,
    /// Replies by status code; 0 for none.
    pub replies: BTreeMap<u16, u64>,
    /// The last `x-ms-ratelimit-remaining-*`, by the rest of that name.
    pub remaining: BTreeMap<String, u64>,
}

impl Meter {
    /// Names of quotas that are kept; Azure has a handful.
    const MAX_QUOTAS: usize = 16;

    fn count(&mut self, answer: &Result<Reply, CallError>) {
        self.requests += 1;
        *self.replies.entry(answer.as_ref().map_or(0, |reply| reply.status)).or_default() += 1;
        for (name, value) in answer.iter().flat_map(|reply| &reply.headers) {
            let quota = name.strip_prefix("x-ms-ratelimit-remaining-").filter(|quota| quota.len() <= 60);
            let (Some(quota), Ok(left)) = (quota, value.trim().parse()) else { continue };
            if self.remaining.len() < Self::MAX_QUOTAS || self.remaining.contains_key(quota) {
                self.remaining.insert(quota.to_owned(), left);
            }
        }
    }
}

/// The right to ask, and whose it is.
pub trait Bearer {
    /// A token.
    ///
    /// # Errors
    /// If there is none.
    fn get(&mut self, outside: &dyn Outside) -> Result<Secret, TokenError>;

    /// ARM does not take the last token.
    fn reject(&mut self);

    /// Whose token it is, in a few words.
    fn who(&self) -> String;

    /// The place that gives tokens, once it is known.
    fn kind(&self) -> Option<IdentityKind>;

    /// When the token ends, seconds since 1970.
    fn expires(&self) -> Option<u64>;

    /// The reason why a token that is still good could not be renewed.
    fn trouble(&self) -> Option<&TokenError>;
}

impl Bearer for Tokens {
    fn get(&mut self, outside: &dyn Outside) -> Result<Secret, TokenError> {
        Self::get(self, outside)
    }

    fn reject(&mut self) {
        Self::reject(self);
    }

    fn who(&self) -> String {
        let kind = Self::kind(self).map(|kind| kind.to_string()).unwrap_or_default();
        match self.holder() {
            Some(holder) => format!("identity {} ({kind})", crate::diag::printable(&holder)),
            None => format!("the identity ({kind})"),
        }
    }

    fn kind(&self) -> Option<IdentityKind> {
        Self::kind(self)
    }

    fn expires(&self) -> Option<u64> {
        Self::expires(self)
    }

    fn trouble(&self) -> Option<&TokenError> {
        Self::trouble(self)
    }
}

/// Something to read.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The path of a resource or a collection, as ids are written.
    pub path: &'a str,
    /// The version of the API.
    pub version: &'a str,
    /// The right that it takes, such as `Microsoft.Network/privateEndpoints/read`.
    pub right: &'a str,
    /// The subscription whose quota it costs.
    pub subscription: &'a str,
}

/// Until when Azure asked not to be asked, by subscription: on the clock of [`Outside::elapsed`].
pub type Holds = BTreeMap<String, Duration>;

/// Time that a read may lose to failures and to waiting for better luck.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// Time of a whole read, however well it goes.
const WHOLE: Duration = Duration::from_mins(10);
/// Pages of a collection.
const MAX_PAGES: usize = 1_000;
/// Resources of a collection that are kept.
const MAX_KEPT: usize = 200_000;

/// ARM, for one read of a source.
pub struct Client<'a> {
    outside: &'a dyn Outside,
    tokens: &'a mut dyn Bearer,
    holds: &'a mut Holds,
    arm: &'a str,
    begin: Duration,
    lost: Duration,
    meter: Meter,
    no_token: Option<TokenError>,
}

impl<'a> Client<'a> {
    /// Asks the ARM at this address, such as `https://management.azure.com`.
    pub fn new(outside: &'a dyn Outside, tokens: &'a mut dyn Bearer, holds: &'a mut Holds, arm: &'a str) -> Self {
        let begin = outside.elapsed();
        holds.retain(|_, until| *until > begin);
        let (lost, meter) = (Duration::ZERO, Meter::default());
        Self { outside, tokens, holds, arm, begin, lost, meter, no_token: None }
    }

    /// What was asked so far.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The reason why there is no token, if one was needed and could not be had.
    pub fn no_token(&self) -> Option<&TokenError> {
        self.no_token.as_ref()
    }

    /// A whole collection, as far as it is wanted.
    ///
    /// # Errors
    /// If any page of it fails, or a link to the next page is no such link.
    pub fn list<T: DeserializeOwned>(&mut self, ask: &Ask<'_>, wants: impl Fn(&T) -> bool) -> Result<Vec<T>, ArmError> {
        let mut url = self.url(ask)?;
        let mut seen = HashSet::from([url.clone()]);
        let mut all = Vec::new();
        loop {
            let reply = self.send(ask, &url)?;
            let bad =
                |why: String| ArmError { trace: refusal::trace(&reply), ..ArmError::new(ArmErrorKind::Other, why) };
            let page = paging::read::<T>(&reply.body).map_err(bad)?;
            all.extend(page.value.into_iter().filter(&wants));
            if all.len() > MAX_KEPT {
                return Err(bad(format!("the collection has over {MAX_KEPT} resources: name smaller scopes")));
            }
            let Some(link) = page.next else { return Ok(all) };
            paging::check_link(&link, self.arm).map_err(bad)?;
            if !seen.insert(link.clone()) {
                return Err(bad("a page links to one that was read before: the collection has no end".to_owned()));
            }
            if seen.len() > MAX_PAGES {
                return Err(bad(format!("the collection has over {MAX_PAGES} pages: name smaller scopes")));
            }
            url = link;
        }
    }

    /// A resource; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn get<T: DeserializeOwned>(&mut self, ask: &Ask<'_>) -> Result<Option<T>, ArmError> {
        let url = self.url(ask)?;
        match self.send(ask, &url) {
            Ok(reply) => paging::resource(&reply.body)
                .map(Some)
                .map_err(|why| ArmError { trace: refusal::trace(&reply), ..ArmError::new(ArmErrorKind::Other, why) }),
            Err(error) if error.kind == ArmErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sees whether something can be read, by its first page.
    ///
    /// # Errors
    /// If it cannot.
    pub fn probe(&mut self, ask: &Ask<'_>) -> Result<(), ArmError> {
        let url = self.url(ask)?;
        self.send(ask, &url).map(drop)
    }

    /// Sees whether there is a token.
    ///
    /// # Errors
    /// If there is none.
    pub fn sign_in(&mut self) -> Result<(), ArmError> {
        self.token().map(drop)
    }

    /// The address of something. Nothing in an id leaves the path.
    fn url(&self, ask: &Ask<'_>) -> Result<String, ArmError> {
        if !ask.path.starts_with('/') || ask.path.len() > 4096 {
            return Err(ArmError::new(ArmErrorKind::Other, "Azure names a resource by an id that is none"));
        }
        Ok(format!("{}{}?api-version={}", self.arm, paging::escaped(ask.path), ask.version))
    }

    fn token(&mut self) -> Result<Secret, ArmError> {
        if self.no_token.is_none() {
            match self.tokens.get(self.outside) {
                Ok(token) => return Ok(token),
                Err(error) => self.no_token = Some(error),
            }
        }
        let (text, trace) =
            self.no_token.as_ref().map(|error| (error.text.clone(), error.trace.clone())).unwrap_or_default();
        Err(ArmError { kind: ArmErrorKind::Unauthorized, text, trace })
    }

    /// Sends a request until there is an answer or no hope for one.
    fn send(&mut self, ask: &Ask<'_>, url: &str) -> Result<Reply, ArmError> {
        let subscription = ask.subscription.to_ascii_lowercase();
        if let Some(until) = self.holds.get(&subscription) {
            return Err(refusal::throttled(until.saturating_sub(self.outside.elapsed())));
        }
        let mut token = self.token()?;
        let (mut tries, mut is_renewed) = (0, false);
        loop {
            let answer = match self.once(url, &token)? {
                Ok(reply) if reply.status == 200 => return Ok(reply),
                other => other,
            };
            let left = PATIENCE.saturating_sub(self.lost);
            let situation = Situation { tries, left, random: self.outside.random(), unix: self.outside.unix() };
            let not_before = match retry::decide(&answer, &situation) {
                Step::Again(time) => {
                    self.rest(time)?;
                    tries += 1;
                    continue;
                }
                Step::Renew if !is_renewed => {
                    is_renewed = true;
                    self.tokens.reject();
                    let other = self.token()?;
                    if std::mem::replace(&mut token, other.clone()) != other {
                        continue;
                    }
                    None
                }
                Step::Renew => None,
                Step::Leave(not_before) => not_before,
            };
            if let Some(time) = not_before {
                self.holds.insert(subscription, self.outside.elapsed() + time);
            }
            let asked = refusal::Asked { right: ask.right, who: &self.tokens.who(), not_before };
            return Err(refusal::error(&answer, &asked));
        }
    }

    /// One request, counted; the time of one that failed is lost.
    fn once(&mut self, url: &str, token: &Secret) -> Result<Result<Reply, CallError>, ArmError> {
        self.rest(Duration::ZERO)?;
        let at = self.outside.elapsed();
        if at.saturating_sub(self.begin) > WHOLE {
            let text = "there was no time left for it: Azure answers slowly, or the scopes are too many for one source";
            return Err(ArmError::new(ArmErrorKind::Unreachable, text));
        }
        let header = |value: &str| Secret::new(value.to_owned());
        let headers = vec![
            ("authorization", Secret::new(format!("Bearer {}", token.reveal()))),
            ("accept", header("application/json")),
            ("x-ms-client-request-id", Secret::new(self.guid())),
        ];
        let request = Request { road: Road::Cloud, url, headers, form: None, max_body: MAX_PAGE };
        let answer = self.outside.send(&request).map(|reply| refusal::without_token(reply, token));
        self.meter.count(&answer);
        if !answer.as_ref().is_ok_and(|reply| reply.status == 200) {
            self.lost += self.outside.elapsed().saturating_sub(at);
        }
        Ok(answer)
    }

    fn rest(&mut self, time: Duration) -> Result<(), ArmError> {
        self.lost += time;
        if self.outside.wait(time) { Ok(()) } else { Err(ArmError::new(ArmErrorKind::Stopped, "the source is to end")) }
    }

    /// A random id (RFC 9562 section 5.4), by which Microsoft finds a request of ours.
    fn guid(&self) -> String {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number from 0 to below 2^32")]
        let word = || (self.outside.random() * 4_294_967_296.0) as u64;
        let (a, b, c, d) = (word(), word(), word(), word());
        format!(
            "{a:08x}-{:04x}-4{:03x}-{:04x}-{:04x}{d:08x}",
            b >> 16,
            b & 0xfff,
            0x8000 | (c >> 16 & 0x3fff),
            c & 0xffff
        )
    }
}

#[cfg(test)]
mod tests;
