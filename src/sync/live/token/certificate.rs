//! A client certificate: a short-lived text that is signed with its private key, by which Entra knows who asks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::sync::live::outside::Secret;

/// The life of an assertion, seconds.
const LIFE: u64 = 600;

/// The reason why a file cannot sign. No text holds anything of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// No certificate.
    #[error("holds no certificate; put the certificate and its private key into it, as PEM")]
    NoCertificate,
    /// No private key.
    #[error("holds no private key; put the certificate and its private key into it, as PEM")]
    NoKey,
    /// The key is encrypted.
    #[error("holds an encrypted private key; decrypt it: openssl pkey -in FILE -out NEW")]
    Encrypted,
    /// The key is no RSA key.
    #[error("holds a private key that is not of the kind RSA; Entra takes RSA alone")]
    NotRsa,
    /// The key cannot be read.
    #[error("holds a private key that cannot be read, or one of less than 2048 bits")]
    BadKey,
    /// The key is that of another certificate.
    #[error("holds a private key that belongs to none of its certificates")]
    OtherKey,
    /// Signing failed.
    #[error("holds a private key that cannot sign")]
    NoSignature,
}

/// What is asserted.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    /// The application's id.
    pub(super) client_id: &'a str,
    /// The URL that the assertion goes to.
    pub(super) url: &'a str,
    /// Seconds since 1970.
    pub(super) unix: u64,
    /// An id that is used once.
    pub(super) id: u128,
}

/// The signed assertion (RFC 7523 section 2.2): PS256, with the certificate's SHA-256 (`x5t#S256`).
pub(super) fn assertion(pem: &str, claims: &Claims<'_>) -> Result<Secret, Unfit> {
    let (certificate, key) = pair(pem)?;
    let header =
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate))});
    let id = claims.id;
    let body = json!({
        "aud": claims.url,
        "iss": claims.client_id,
        "sub": claims.client_id,
        "jti": format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            id >> 96, id >> 80 & 0xffff, id >> 64 & 0xffff, id >> 48 & 0xffff, id & 0xffff_ffff_ffff),
        "nbf": claims.unix,
        "iat": claims.unix,
        "exp": claims.unix.saturating_add(LIFE),
    });
    let signed = [header, body].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).ok_or(Unfit::NotRsa)?;
    let signature = signer.sign(signed.as_bytes()).map_err(|_| Unfit::NoSignature)?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// The private key of a file, and the certificate that belongs to it, wherever in the chain it stands.
fn pair(pem: &str) -> Result<(CertificateDer<'static>, std::sync::Arc<dyn SigningKey>), Unfit> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect();
    if pem.contains("ENCRYPTED") {
        return Err(Unfit::Encrypted);
    }
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| Unfit::NoKey)?;
    let key = rustls::crypto::ring::sign::any_supported_type(&der).map_err(|_| Unfit::BadKey)?;
    if key.algorithm() != rustls::SignatureAlgorithm::RSA {
        return Err(Unfit::NotRsa);
    }
    if certificates.is_empty() {
        return Err(Unfit::NoCertificate);
    }
    let belongs = |certificate: &CertificateDer<'static>| {
        CertifiedKey::new(vec![certificate.clone()], key.clone()).keys_match().is_ok()
    };
    let certificate = certificates.into_iter().find(belongs).ok_or(Unfit::OtherKey)?;
    Ok((certificate, key))
}
