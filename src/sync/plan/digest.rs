//! The digest that an operator approves: it covers the changes that the guard holds back, and nothing else.
//!
//! No serial, no clock and no path goes into it: the same held change on two servers has one digest, and one consent
//! fits both.

use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::{Scope, ZonePlan};

/// The first 128 bits of a SHA-256 over the held changes: a person who can write lists should not be able to make two
/// that have one digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u128);

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not the digest of a held change: a digest has 32 hexadecimal digits, as `plan` and `status` show it", crate::diag::printable(.0))]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| DigestError(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Digest {
    /// Of what is held back in each zone; the zones sorted.
    pub fn of<'z>(held: impl Iterator<Item = (&'z ZonePlan, Scope)>) -> Self {
        let mut hash = Sha256::new();
        let mut line = String::new();
        for (zone, scope) in held {
            // Writing to a String cannot fail.
            let _ = match &zone.id.view {
                None => writeln!(line, "zone {}", zone.id.apex),
                Some(view) => writeln!(line, "zone {} view {view}", zone.id.apex),
            };
            for change in zone.held_changes(scope) {
                let _ = write!(line, "{} {}", change.owner(), change.rtype());
                push_all(&mut line, change.before());
                line.push_str(" >");
                push_all(&mut line, change.after());
                line.push('\n');
                if line.len() > 1 << 16 {
                    hash.update(&line);
                    line.clear();
                }
            }
            if scope == Scope::Everything {
                for lost in &zone.foreign {
                    let _ = writeln!(line, "lost {lost}");
                }
            }
        }
        hash.update(&line);
        let bytes = hash.finalize();
        Self(bytes.iter().take(16).fold(0, |value, byte| value << 8 | u128::from(*byte)))
    }
}

fn push_all(line: &mut String, addresses: impl Iterator<Item = IpAddr>) {
    for address in addresses {
        let _ = write!(line, " {address}");
    }
}
