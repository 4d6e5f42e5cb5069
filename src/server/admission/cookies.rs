//! DNS cookies (RFC 7873, RFC 9018): proof that a client is at the address it asks from.
//!
//! In: a query's cookie, the client's address, the time. Out: whether the cookie is one of ours, and the cookie to
//! answer with. Never: a required cookie. A client without a cookie, or with an old one, is answered all the same and
//! gets a new one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt;
use siphasher::sip::SipHasher24;

use crate::dns::Cookie;

/// A key of SipHash-2-4.
pub type Secret = [u8; 16];

/// Seconds for which a cookie is good (RFC 9018 section 4.3).
const GOOD_FOR: i32 = 3600;

/// Seconds that another server's clock may be ahead of ours (same section).
const AHEAD: i32 = 300;

/// Seconds after which a good cookie is replaced (same section).
const RENEW_AFTER: i32 = 1800;

/// Version 1, the three reserved octets zero.
const VERSION: [u8; 4] = [1, 0, 0, 0];

/// The cookie settings of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether cookies are answered at all.
    pub enabled: bool,
    /// The first secret makes cookies, and all are accepted; without any, the server makes one of its own.
    pub secrets: Vec<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, secrets: Vec::new() }
    }
}

/// The status of a query's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieStatus {
    /// No server cookie, or cookies are off.
    Absent,
    /// The cookie was not made by us for this address, or is too old.
    Bad,
    /// The cookie is good, but due for replacement.
    Renew,
    /// Good.
    Good,
}

impl CookieStatus {
    /// Whether the client has shown that it receives what is sent to its address.
    pub fn proves_address(self) -> bool {
        matches!(self, Self::Renew | Self::Good)
    }
}

/// Secrets and a clock.
#[derive(Clone, Debug)]
pub struct Cookies {
    /// Empty when cookies are off.
    secrets: Arc<[Secret]>,
    /// A moment, and its time of day. Between two snapshots the time of day advances from here, so that a query without
    /// a cookie need not read another clock.
    clock: (Instant, u32),
}

impl Cookies {
    /// Cookies by the config; `own` is the secret of a server without configured ones.
    pub fn new(settings: &Settings, own: Secret, now: (Instant, SystemTime)) -> Self {
        let secrets = match settings {
            Settings { enabled: false, .. } => Arc::default(),
            Settings { secrets, .. } if secrets.is_empty() => Arc::new([own]) as Arc<[Secret]>,
            Settings { secrets, .. } => secrets.as_slice().into(),
        };
        Self { secrets, clock: clock(now) }
    }

    /// The same with the clock set.
    #[must_use]
    pub fn at(&self, now: (Instant, SystemTime)) -> Self {
        Self { secrets: Arc::clone(&self.secrets), clock: clock(now) }
    }

    /// A secret for a server without a configured one.
    pub fn own_secret() -> Secret {
        rand::rng().random()
    }

    /// The status of a query's cookie, and the cookie to answer with: the client's own, or ours renewed; none if the
    /// query has none, or cookies are off.
    pub(crate) fn check(
        &self,
        cookie: Option<&Cookie<'_>>,
        client: IpAddr,
        now: Instant,
    ) -> (CookieStatus, Option<[u8; 24]>) {
        let (Some(cookie), Some(secret)) = (cookie, self.secrets.first()) else {
            return (CookieStatus::Absent, None);
        };
        let time = self.time(now);
        let status = if cookie.server.is_empty() { CookieStatus::Absent } else { self.judge(cookie, client, time) };
        let mut answer = [0; 24];
        answer[..8].copy_from_slice(cookie.client);
        if status == CookieStatus::Good {
            answer[8..].copy_from_slice(cookie.server);
        } else {
            answer[8..12].copy_from_slice(&VERSION);
            answer[12..16].copy_from_slice(&time.to_be_bytes());
            let mut head = [0; 16];
            head.copy_from_slice(&answer[..16]);
            answer[16..].copy_from_slice(&hash(secret, &head, client));
        }
        (status, Some(answer))
    }

    fn judge(&self, cookie: &Cookie<'_>, client: IpAddr, time: u32) -> CookieStatus {
        let Ok(server) = <&[u8; 16]>::try_from(cookie.server) else { return CookieStatus::Bad };
        let made = u32::from_be_bytes([server[4], server[5], server[6], server[7]]);
        // RFC 9018 section 4.3: serial number arithmetic.
        let age = time.wrapping_sub(made).cast_signed();
        if server[0] != VERSION[0] || !(-AHEAD..=GOOD_FOR).contains(&age) {
            return CookieStatus::Bad;
        }
        let mut head = [0; 16];
        head[..8].copy_from_slice(cookie.client);
        head[8..].copy_from_slice(&server[..8]);
        match self.secrets.iter().position(|secret| hash(secret, &head, client) == server[8..]) {
            Some(0) if age <= RENEW_AFTER => CookieStatus::Good,
            Some(_) => CookieStatus::Renew,
            None => CookieStatus::Bad,
        }
    }

    fn time(&self, now: Instant) -> u32 {
        let (at, time) = self.clock;
        let past = u32::try_from(now.saturating_duration_since(at).as_secs()).unwrap_or_default();
        time.wrapping_add(past)
    }
}

/// Seconds since 1970, modulo 2^32 (RFC 9018 section 4.3).
fn clock((instant, time): (Instant, SystemTime)) -> (Instant, u32) {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    (instant, u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or_default())
}

/// Over client cookie, version, reserved octets, time, and the client's address (RFC 9018 section 4.4).
fn hash(secret: &Secret, head: &[u8; 16], client: IpAddr) -> [u8; 8] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(head);
    let end = match client.to_canonical() {
        IpAddr::V4(address) => {
            bytes[16..20].copy_from_slice(&address.octets());
            20
        }
        IpAddr::V6(address) => {
            bytes[16..].copy_from_slice(&address.octets());
            32
        }
    };
    // Little-endian, as the reference implementation and all interoperable ones write it.
    SipHasher24::new_with_key(secret).hash(&bytes[..end]).to_le_bytes()
}

#[cfg(test)]
mod tests;
