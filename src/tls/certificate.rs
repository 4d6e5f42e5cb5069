//! A certificate with its key, as two files have them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::unistd::User;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::settings::Pair;
use super::validity;
use crate::files;

/// Octets of a file; a chain has some thousand.
const MAX_BYTES: u64 = 256 << 10;

/// Those that clients take, as ring signs with them.
const NO_KEY: &str = "the key is of a kind that cannot be used: take ECDSA P-256 or P-384, Ed25519, or RSA of 2048 bits \
                      or more";

/// What webpki wants of a certificate, as clients do.
const NO_CERTIFICATE: &str = "its first certificate cannot be used: it has to be of version 3, with subject alternative \
                              names; sign it anew with them";

/// A certificate that is in use.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// Its file.
    pub(crate) file: PathBuf,
    /// The names under which clients ask for it; empty for those of the certificate itself.
    pub(super) names: Vec<String>,
    /// The first second in which it is valid, and the last one, since 1970.
    pub(crate) valid: (u64, u64),
    pub(super) key: Arc<CertifiedKey>,
}

/// The reason why a pair cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PairError {
    /// The key is another certificate's: perhaps one of the two files is about to be replaced.
    Differs,
    /// This user may not read a file, in words; the service may be another user.
    Denied(PathBuf, String),
    /// Something else, in words.
    Other(PathBuf, String),
}

impl Certificate {
    /// Reads a pair.
    pub(super) fn read(pair: &Pair, provider: &CryptoProvider) -> Result<Self, PairError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |text: String| PairError::Other(path.clone(), text)
        };
        let (bytes, _) = read(&pair.certificate).map_err(|unread| unread.of(&pair.certificate))?;
        let (chain, valid) = chain_and_validity(&bytes).map_err(at(&pair.certificate))?;
        let (bytes, is_private) = read(&pair.key).map_err(|unread| unread.of(&pair.key))?;
        if !is_private {
            let text = "others than this service can read or write the key, so it is not used: chmod 600 it, or 640 if \
                        root owns it";
            return Err(at(&pair.key)(text.to_owned()));
        }
        let key = key(&bytes).map_err(at(&pair.key))?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| at(&pair.key)(NO_KEY.to_owned()))?;
        let key = Arc::new(CertifiedKey::new(chain, key));
        match key.keys_match() {
            // A key that cannot say what it belongs to has to be believed.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Self { file: pair.certificate.clone(), names: pair.names.clone(), valid, key })
            }
            Err(Error::InconsistentKeys(_)) if is_in_wrong_order(&key) => Err(at(&pair.certificate)(
                "the key's certificate is not the first of its chain: put it there".to_owned(),
            )),
            Err(Error::InconsistentKeys(_)) => Err(PairError::Differs),
            Err(_) => Err(at(&pair.certificate)(NO_CERTIFICATE.to_owned())),
        }
    }

    /// Whether it is a proof for this name or address, by its subject alternative names.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        let parsed = self.key.end_entity_cert().ok().and_then(|first| ParsedCertificate::try_from(first).ok());
        let name = ServerName::try_from(name).ok();
        parsed.zip(name).is_some_and(|(parsed, name)| verify_server_name(&parsed, &name).is_ok())
    }

    /// Whether a client that asks for this name gets it.
    pub(super) fn is_asked_by(&self, name: &str) -> bool {
        if self.names.is_empty() { self.is_for(name) } else { self.names.iter().any(|own| own == name) }
    }
}

/// The user of this process, who reads the files: in `check` perhaps not that of the service.
pub(crate) fn reader() -> String {
    let id = nix::unistd::geteuid();
    User::from_uid(id).ok().flatten().map_or_else(|| format!("user {id}"), |user| format!("user '{}'", user.name))
}

/// Whether the key is that of another certificate of the chain.
fn is_in_wrong_order(key: &CertifiedKey) -> bool {
    let alone =
        |certificate: &CertificateDer<'static>| CertifiedKey::new(vec![certificate.clone()], Arc::clone(&key.key));
    key.cert.iter().skip(1).any(|certificate| alone(certificate).keys_match().is_ok())
}

/// All certificates of a PEM text, and the first and the last second of the first.
fn chain_and_validity(text: &[u8]) -> Result<(Vec<CertificateDer<'static>>, (u64, u64)), String> {
    let chain = chain(text)?;
    let validities: Option<Vec<_>> = chain.iter().map(|certificate| validity::of(certificate)).collect();
    let first = validities.and_then(|all| all.first().copied());
    first.map(|valid| (chain, valid)).ok_or_else(|| "one of its certificates is not one of X.509".to_owned())
}

/// The reason why a file cannot be read.
pub(super) struct Unread {
    is_denied: bool,
    /// In words.
    pub(super) text: String,
}

impl Unread {
    fn of(self, path: &Path) -> PairError {
        if self.is_denied {
            PairError::Denied(path.to_owned(), self.text)
        } else {
            PairError::Other(path.to_owned(), self.text)
        }
    }
}

/// The octets of a file, and whether it is private.
pub(super) fn read(path: &Path) -> Result<(Vec<u8>, bool), Unread> {
    let (bytes, about) = files::read(path, MAX_BYTES).map_err(|error| {
        let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
        let text = if is_denied {
            format!("{} may not read it: give it to the service's group, and chmod 640", reader())
        } else {
            format!("cannot be read: {error}")
        };
        Unread { is_denied, text }
    })?;
    Ok((bytes, files::is_private(about.mode(), Some(about.uid()))))
}

/// All certificates of a PEM text.
pub(super) fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(without_mark(text)).collect();
    let chain = chain.map_err(|error| match error {
        // As of a file that is still being written.
        pem::Error::MissingSectionEnd { .. } => {
            "ends in the middle: a line -----END CERTIFICATE----- is missing".to_owned()
        }
        pem::Error::Base64Decode(why) => format!("is not PEM: its base64 cannot be read: {why}"),
        _ => "is not PEM: a line -----BEGIN CERTIFICATE----- cannot be read".to_owned(),
    })?;
    if chain.is_empty() {
        return Err("has no certificate: write the chain in PEM, its own certificate first".to_owned());
    }
    Ok(chain)
}

/// The text without the byte order mark that some editors put in front, which would hide the first line.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // What is wrong must not show the key.
    PrivateKeyDer::from_pem_slice(without_mark(text)).map_err(|_| {
        let is_encrypted = text.windows(9).any(|window| window == b"ENCRYPTED");
        let why = if is_encrypted {
            "has a key with a passphrase, which nobody could type: write it anew without one, by openssl pkey"
        } else {
            "has no key: write it in PEM, as PKCS#8, PKCS#1 or SEC1"
        };
        why.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::crypto::ring::default_provider;

    use super::*;

    /// What is said of these two files; nothing if the pair can be used.
    fn said(certificate: &str, key: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = [("c.pem", certificate), ("k.pem", key)].map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        });
        match Certificate::read(&Pair { certificate, key, names: Vec::new() }, &default_provider()) {
            Ok(_) => String::new(),
            Err(PairError::Differs) => "differs".to_owned(),
            Err(PairError::Denied(path, text) | PairError::Other(path, text)) => {
                format!("{}: {text}", path.file_name().unwrap().display())
            }
        }
    }

    /// The PEM of an authority, of a certificate by it, and of the key of that.
    fn chain_of_two() -> [String; 3] {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (own, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let root = authority.self_signed(&own).unwrap().pem();
        let issuer = Issuer::new(authority, own);
        let leaf =
            CertificateParams::new(vec!["dns.corp.example".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        [root, leaf.pem(), key.serialize_pem()]
    }

    #[test]
    fn each_mistake_of_a_chain_has_its_own_words() {
        let [root, leaf, key] = chain_of_two();
        assert_eq!(said(&format!("{leaf}{root}"), &key), "");
        assert!(said(&format!("{root}{leaf}"), &key).contains("c.pem: the key's certificate is not the first"));
        assert_eq!(said(&root, &key), "differs");
        let garbage = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
        for chain in [format!("{garbage}{leaf}"), format!("{leaf}{garbage}")] {
            assert_eq!(said(&chain, &key), "c.pem: one of its certificates is not one of X.509");
        }
    }

    #[test]
    fn a_byte_order_mark_hides_neither_certificate_nor_key() {
        let [root, leaf, key] = chain_of_two();
        assert_eq!(said(&format!("\u{feff}{leaf}{root}"), &format!("\u{feff}{key}")), "");
    }
}
