//! The credentials of the server: certificates with their keys, and what is demanded of clients.
//!
//! In: the settings and the credentials in use. Out: new ones, and what is wrong with the files. Clients that resume a
//! session hold its state themselves, in a ticket (RFC 8446 section 2.2), so that nothing here grows with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::certificate::{self, Certificate, PairError};
use super::settings::{Pair, Settings, Version};
use crate::diag::{Diagnostic, Id, Place, path};

/// A protocol on top of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// DNS over TLS (RFC 7858).
    Dot,
    /// HTTP/2 (RFC 9113), which carries DNS (RFC 8484).
    Http2,
}

impl Protocol {
    /// Its name in a handshake (RFC 7301).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Dot => b"dot",
            Self::Http2 => b"h2",
        }
    }
}

/// The credentials that are in use.
#[derive(Clone)]
pub(crate) struct Credentials {
    settings: Settings,
    /// Those of the certificates that can be used, in the order of the config.
    pub(crate) certificates: Arc<[Certificate]>,
    /// The roots of which clients need a certificate, as they were read.
    client_ca: Option<Vec<u8>>,
    tickets: Arc<dyn ProducesTickets>,
    dot: Arc<ServerConfig>,
    http2: Arc<ServerConfig>,
}

/// What reading the files came to.
pub(crate) struct Loaded {
    /// `None` if no certificate can be used: then nothing encrypts.
    pub(crate) credentials: Option<Arc<Credentials>>,
    /// What is wrong with the files.
    pub(crate) problems: Vec<Diagnostic>,
    /// True if a file in use was replaced by one that cannot be used, or a certificate and its key differ: as a rule a
    /// program is yet to write the rest.
    pub(crate) is_halfway: bool,
}

impl Credentials {
    /// The side of the server in a handshake.
    pub(crate) fn server_config(&self, protocol: Protocol) -> Arc<ServerConfig> {
        match protocol {
            Protocol::Dot => Arc::clone(&self.dot),
            Protocol::Http2 => Arc::clone(&self.http2),
        }
    }
}

/// Reads all files. Where a pair cannot be used, the one in use stays. Where nothing new can be used, all stays as it
/// is, unless the settings now demand something else of clients: then nobody is let in.
pub(crate) fn load(settings: &Settings, in_use: Option<&Arc<Credentials>>) -> Loaded {
    let provider = Arc::new(ring::default_provider());
    let (mut certificates, mut problems, mut is_halfway) = (Vec::new(), Vec::new(), false);
    for pair in &settings.pairs {
        let kept = in_use.and_then(|in_use| in_use.of(pair));
        match Certificate::read(pair, &provider) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => {
                is_halfway |= kept.is_some() || error == PairError::Differs;
                problems.push(explain(pair, error, kept.is_some()));
                certificates.extend(kept);
            }
        }
    }
    let stays = || in_use.filter(|in_use| in_use.demands_as(settings)).cloned();
    if certificates.is_empty() {
        let credentials = if settings.pairs.is_empty() { None } else { stays() };
        return Loaded { credentials, problems, is_halfway };
    }
    match Credentials::new(settings, certificates, provider, in_use) {
        Ok(credentials) => Loaded { credentials: Some(credentials), problems, is_halfway },
        Err(error) => {
            let credentials = stays();
            problems.push(error.explain(credentials.is_some()));
            Loaded { is_halfway: is_halfway || credentials.is_some(), credentials, problems }
        }
    }
}

fn explain(pair: &Pair, error: PairError, is_kept: bool) -> Diagnostic {
    let is_denied = matches!(error, PairError::Denied(..));
    let (file, text) = match error {
        PairError::Denied(file, text) | PairError::Other(file, text) => (file, text),
        PairError::Differs => {
            let key = path(&pair.key);
            (pair.certificate.clone(), format!("the key in {key} is not this certificate's: replace both files"))
        }
    };
    let now = match (is_kept, is_denied) {
        (true, _) => "the one before stays in use",
        // In `check` the service may be another user, who may read it.
        (false, true) => "clients of a server that runs as this user cannot get this certificate",
        (false, false) => "clients cannot get this certificate",
    };
    Diagnostic::error(Id::CERTIFICATE_UNUSABLE, Place::file(&file), format!("{text}; {now}"))
}

impl Credentials {
    /// The certificate that a client gets which asks for this name.
    pub(super) fn given_to(&self, name: &str) -> Option<&Certificate> {
        given(&self.certificates, Some(name))
    }

    /// The certificate of these files.
    fn of(&self, pair: &Pair) -> Option<Certificate> {
        let at = self.certificates.iter().find(|known| known.file == pair.certificate)?;
        Some(Certificate { names: pair.names.clone(), ..at.clone() })
    }

    /// Those in use, if nothing in the files is new.
    fn new(
        settings: &Settings,
        certificates: Vec<Certificate>,
        provider: Arc<CryptoProvider>,
        in_use: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, Unmade> {
        let client_ca = match &settings.client_ca {
            Some(file) => Some(certificate::read(file).map_err(|unread| Unmade::no_roots(file, unread.text))?.0),
            None => None,
        };
        let is_same = |in_use: &&Arc<Self>| {
            let chains = |of: &[Certificate]| of.iter().map(|each| each.key.cert.clone()).collect::<Vec<_>>();
            (&in_use.settings, &in_use.client_ca) == (settings, &client_ca)
                && chains(&in_use.certificates) == chains(&certificates)
        };
        if let Some(in_use) = in_use.filter(is_same) {
            return Ok(Arc::clone(in_use));
        }
        // A session that began under other roots is no proof for a client under these.
        let kept = in_use.filter(|in_use| in_use.client_ca == client_ca).map(|in_use| Arc::clone(&in_use.tickets));
        let tickets = match kept {
            Some(tickets) => tickets,
            None => ring::Ticketer::new().map_err(Unmade::Internal)?,
        };
        let certificates: Arc<[Certificate]> = certificates.into();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(versions(settings.min_version));
        let builder = builder.map_err(Unmade::Internal)?;
        let builder = match (&settings.client_ca, &client_ca) {
            (Some(file), Some(text)) => {
                let roots = roots(text).map_err(|text| Unmade::no_roots(file, text))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|error| Unmade::no_roots(file, error.to_string()))?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(ByName(Arc::clone(&certificates))));
        config.ticketer = Arc::clone(&tickets);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![Protocol::Dot.alpn().to_vec()];
        let mut http2 = config.clone();
        http2.alpn_protocols = vec![Protocol::Http2.alpn().to_vec()];
        let (dot, http2) = (Arc::new(config), Arc::new(http2));
        Ok(Arc::new(Self { settings: settings.clone(), certificates, client_ca, tickets, dot, http2 }))
    }

    /// Whether the settings demand of clients what these credentials demand.
    fn demands_as(&self, settings: &Settings) -> bool {
        (self.settings.min_version, &self.settings.client_ca) == (settings.min_version, &settings.client_ca)
    }
}

fn versions(min: Version) -> &'static [&'static SupportedProtocolVersion] {
    static ALL: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match min {
        Version::Tls12 => &ALL,
        Version::Tls13 => &ALL[..1],
    }
}

fn roots(text: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for root in certificate::chain(text)? {
        roots.add(root).map_err(|error| format!("a certificate in it cannot be a root: {error}"))?;
    }
    Ok(roots)
}

/// The reason why credentials cannot be made though there are certificates.
enum Unmade {
    /// The roots for clients cannot be used.
    NoRoots(PathBuf, String),
    /// A mistake in this program.
    Internal(rustls::Error),
}

impl Unmade {
    fn no_roots(file: &Path, text: String) -> Self {
        Self::NoRoots(file.to_owned(), text)
    }

    /// Input: whether the credentials before stay in use.
    fn explain(self, is_kept: bool) -> Diagnostic {
        let now = if is_kept {
            "roots and certificates before stay in use, and new ones are not taken"
        } else {
            "no client can be proven, so none that encrypts is let in"
        };
        let (place, text) = match self {
            Self::NoRoots(file, text) => (Place::file(&file), format!("client_ca: {text}; {now}")),
            Self::Internal(error) => {
                let text = format!("internal error: TLS cannot be set up ({error}); please report this with the log");
                (Place::Server, text)
            }
        };
        Diagnostic::error(Id::CERTIFICATE_UNUSABLE, place, text)
    }
}

/// The certificate by the name that a client asks for (RFC 6066 section 3); the first if it names none, or one of
/// nobody: clients that found the server by its address often do so.
fn given<'c>(certificates: &'c [Certificate], name: Option<&str>) -> Option<&'c Certificate> {
    let named = name.and_then(|name| certificates.iter().find(|each| each.is_asked_by(name)));
    named.or_else(|| certificates.first())
}

#[derive(Debug)]
struct ByName(Arc<[Certificate]>);

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        given(&self.0, hello.server_name()).map(|certificate| Arc::clone(&certificate.key))
    }
}

#[cfg(test)]
mod tests;
