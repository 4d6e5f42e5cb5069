//! What an operator approves: a short digest of everything that a plan would do.

use std::fmt;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::{Plan, ZonePlan};

/// The first 64 bits of a SHA-256 over a plan's changes and the serials they start from. It guards against mistakes, not
/// against somebody who makes up lists: such a person needs no second plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

/// Text that is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no plan digest: it has 16 hexadecimal digits, as `plan` and the refusal show it")]
pub struct DigestError(String);

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or_else(|| DigestError(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Plan {
    /// The digest of exactly this plan: other changes, or a zone written in between, give another.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let mut line = format!("ttl {} empty {:?}\n", self.ttl, self.empty_sources);
        for zone in self.zones.iter().filter(|zone| zone.needs_writing()) {
            zone_head(zone, &mut line);
            for change in zone.changes() {
                let _ = write!(line, "{:?} {} {}", change.action(), change.owner(), change.rtype());
                push_all(&mut line, change.before());
                line.push_str(" >");
                push_all(&mut line, change.after());
                line.push('\n');
                if line.len() > 1 << 16 {
                    hash.update(&line);
                    line.clear();
                }
            }
            for alias in zone.alias_changes() {
                let _ = writeln!(line, "alias {:?} {} {}", alias.action, alias.name, alias.owner);
            }
        }
        hash.update(&line);
        let bytes = hash.finalize();
        Digest(bytes.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }
}

fn zone_head(zone: &ZonePlan, line: &mut String) {
    let serial = zone.serial.map_or(0, |serial| serial.0);
    // Writing to a String cannot fail.
    let _ = writeln!(line, "zone {} {serial} {:?} {:?} {:?}", zone.apex, zone.file, zone.old_ttl, zone.foreign);
}

fn push_all(line: &mut String, addresses: impl Iterator<Item = IpAddr>) {
    for address in addresses {
        let _ = write!(line, " {address}");
    }
}
