//! A client of DNS over TLS, and the certificates that it believes in. It is rustls: tests with clients of other hands
//! are in `tests/interop`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::SOON;
use super::server::Server;
use super::site::Site;
use super::upstream::Upstream;

/// The name that certificates here are for, besides 127.0.0.1.
pub(crate) const NAME: &str = "dns.corp.example";

/// A name of the site with a certificate, whose address is 10.1.0.1.
pub(crate) const OURS: &str = "acct.privatelink.blob.core.windows.net";

/// The versions that clients speak.
pub(crate) const BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// What a client and the server say to one another.
pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// An authority that signs certificates.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate in PEM, and its key.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: (CertificateDer<'static>, Vec<u8>),
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "CA of the tests");
        let certificate = params.self_signed(&key).unwrap();
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Self { certificate: der, pem, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A new certificate for these hosts.
    pub(crate) fn sign(&self, hosts: &[&str]) -> Signed {
        self.sign_for(hosts, Duration::from_hours(24 * 90))
    }

    /// One that is valid from ten times this long ago, and for this long.
    pub(crate) fn sign_for(&self, hosts: &[&str], time: Duration) -> Signed {
        let key = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        let now = SystemTime::now();
        (params.not_before, params.not_after) = ((now - 10 * time).into(), (now + time).into());
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let der = (certificate.der().clone(), key.serialize_der());
        Signed { certificate: certificate.pem(), key: key.serialize_pem(), der }
    }

    /// A client that believes in certificates of this authority alone.
    pub(crate) fn client(
        &self,
        identity: Option<&Signed>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        match identity {
            None => builder.with_no_client_auth(),
            Some(Signed { der: (certificate, key), .. }) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.clone()));
                builder.with_client_auth_cert(vec![certificate.clone()], key).unwrap()
            }
        }
    }
}

impl Signed {
    /// The certificate as the server shows it.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.der.0
    }

    /// Writes both files.
    pub(crate) fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.certificate).unwrap();
        write_key(key, &self.key);
    }
}

/// Writes a key that nobody else can read.
pub(crate) fn write_key(path: &Path, pem: &str) {
    std::fs::write(path, pem).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Connects and ends the handshake.
pub(crate) fn connect(config: &Arc<ClientConfig>, name: &str, server: SocketAddr) -> std::io::Result<Stream> {
    let socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(SOON))?;
    socket.set_write_timeout(Some(SOON))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.flush()?;
    Ok(stream)
}

/// The certificate that the server has shown.
pub(crate) fn certificate(stream: &Stream) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

/// Whether the server ends the connection as TLS wants it: with its own word for it, not by a mere end of the octets.
pub(crate) fn ends_properly(stream: &mut Stream) -> bool {
    matches!(stream.read(&mut [0; 512]), Ok(0))
}

/// A site with a certificate, and the authority that signed it.
pub(crate) struct Encrypted {
    pub(crate) site: Site,
    pub(crate) authority: Authority,
}

impl Encrypted {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more keys of `[tls]`.
    pub(crate) fn with(tls: &str) -> Self {
        let site = Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n");
        let config = format!(
            "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n{tls}[dot]\nlisten = [\"127.0.0.1:0\"]\n[doh]\nlisten = [\"127.0.0.1:0\"]\n"
        );
        let this = Self { site: site.with_config(&config), authority: Authority::new() };
        this.renew();
        this
    }

    /// With this upstream for everything else.
    pub(crate) fn with_upstream(mut self, upstream: &Upstream) -> Self {
        self.site = self.site.with_upstream(upstream);
        self
    }

    /// With more config.
    pub(crate) fn with_config(mut self, toml: &str) -> Self {
        self.site.add(toml);
        self
    }

    /// A new certificate and its key.
    pub(crate) fn sign(&self) -> Signed {
        self.authority.sign(&[NAME, "127.0.0.1"])
    }

    /// Replaces certificate and key.
    pub(crate) fn renew(&self) {
        self.sign().write(&self.site.path("cert.pem"), &self.site.path("key.pem"));
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::new(self.authority.client(None, &BOTH))
    }

    pub(crate) fn connect(&self, server: &Server) -> Stream {
        connect(&self.client(), NAME, server.dot()).unwrap()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let status = self.site.status();
        let problems = status["encryption"]["problems"].as_array().unwrap().clone();
        problems.iter().map(|problem| problem["text"].as_str().unwrap().to_owned()).collect()
    }
}
