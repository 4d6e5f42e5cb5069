//! The settings of encryption.

use std::path::PathBuf;

/// The oldest version of TLS that a client may speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 (RFC 5246), with forward secrecy and authenticated encryption alone.
    #[default]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// The files of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, and behind it those that lead to the root.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The names under which clients ask for it, in lower case; empty for those of the certificate itself.
    pub names: Vec<String>,
}

/// How the server proves itself, and what it demands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The certificates; a client that names none of them gets the first.
    pub pairs: Vec<Pair>,
    /// The oldest version.
    pub min_version: Version,
    /// The roots of which one has to have signed each client's certificate; none: no client needs one.
    pub client_ca: Option<PathBuf>,
}

impl Settings {
    /// Every file that they name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.pairs.iter().flat_map(|pair| [&pair.certificate, &pair.key]).chain(&self.client_ca)
    }
}
