//! Keys: a name, an algorithm and a secret.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use crate::dns::{CanonicalName, Name};

/// The algorithms that are made and checked: those of RFC 8945 section 6 that are not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// hmac-sha256, which everybody has.
    HmacSha256,
    /// hmac-sha384.
    HmacSha384,
    /// hmac-sha512.
    HmacSha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The name in a config.
    pub fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// The name in wire format.
    pub(super) fn wire(self) -> &'static [u8] {
        match self {
            Self::HmacSha256 => b"\x0bhmac-sha256\0",
            Self::HmacSha384 => b"\x0bhmac-sha384\0",
            Self::HmacSha512 => b"\x0bhmac-sha512\0",
        }
    }

    /// Octets of a MAC.
    pub(super) fn mac_len(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
            Self::HmacSha512 => 64,
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|algorithm| algorithm.name()).collect();
            format!("'{text}' is not one of {}", names.join(", "))
        })
    }
}

/// The reason why a secret makes no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// RFC 2104 section 3 advises against a secret shorter than the MAC; less than half of it is a mistake.
    #[error("the secret has {has} octets; {least} are the least for {algorithm}, and `tsig-keygen` makes a good one")]
    Short {
        /// Octets of the secret.
        has: usize,
        /// The least octets.
        least: usize,
        /// The algorithm.
        algorithm: &'static str,
    },
}

/// A key. It never shows its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    secret: Box<[u8]>,
}

impl Key {
    /// A key with this secret.
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let (has, least) = (secret.len(), algorithm.mac_len() / 2);
        if has < least {
            return Err(KeyError::Short { has, least, algorithm: algorithm.name() });
        }
        Ok(Self { name, algorithm, secret: secret.into() })
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The MAC of the parts, one after another.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        match self.algorithm {
            Algorithm::HmacSha256 => digest::<Hmac<Sha256>>(&self.secret, parts).finalize().into_bytes().to_vec(),
            Algorithm::HmacSha384 => digest::<Hmac<Sha384>>(&self.secret, parts).finalize().into_bytes().to_vec(),
            Algorithm::HmacSha512 => digest::<Hmac<Sha512>>(&self.secret, parts).finalize().into_bytes().to_vec(),
        }
    }

    /// Whether a MAC, or its beginning, is that of the parts; in constant time.
    pub(super) fn is_mac(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        let result = match self.algorithm {
            Algorithm::HmacSha256 => digest::<Hmac<Sha256>>(&self.secret, parts).verify_truncated_left(mac),
            Algorithm::HmacSha384 => digest::<Hmac<Sha384>>(&self.secret, parts).verify_truncated_left(mac),
            Algorithm::HmacSha512 => digest::<Hmac<Sha512>>(&self.secret, parts).verify_truncated_left(mac),
        };
        result.is_ok()
    }
}

#[allow(clippy::expect_used, reason = "an HMAC takes a secret of any length (RFC 2104 section 2)")]
fn digest<M: Mac + KeyInit>(secret: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("a secret of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} {})", self.name.without_dot(), self.algorithm.name())
    }
}

/// All keys, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(HashMap<Box<[u8]>, Arc<Key>>);

impl Keys {
    /// These keys; of two with one name the later one stays.
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self(keys.into_iter().map(|key| (key.name.as_wire().into(), Arc::new(key))).collect())
    }

    /// The key with this name.
    pub fn get(&self, name: CanonicalName<'_>) -> Option<&Arc<Key>> {
        self.0.get(name.as_wire())
    }
}
