//! The certificates of the scripted Azure, and the check of an assertion that a certificate's key signed.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, SignatureScheme};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::identity::{CLIENT, Identities};

/// The hosts that the certificate is for.
const HOSTS: [&str; 4] = ["127.0.0.1", "localhost", "management.azure.com", "login.microsoftonline.com"];

/// A server's TLS by a new CA, whose certificate is written to a PEM file.
pub(crate) fn server(ca_file: &Path) -> Arc<ServerConfig> {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, "CA of the scripted Azure");
    std::fs::write(ca_file, params.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(HOSTS.map(str::to_owned)).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.distinguished_name.push(rcgen::DnType::CommonName, "scripted Azure");
    let certificate = leaf.signed_by(&key, &issuer).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap())
}

/// Checks an assertion as Entra does: its form, whom it names, and the signature by the certificate's key.
pub(crate) fn assertion(identities: &Identities, text: &str) -> Result<(), String> {
    let parts: Vec<&str> = text.split('.').collect();
    let [head, claims, signature] = parts.as_slice() else { return Err("not a JWT".to_owned()) };
    let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
    let json = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).map_err(|error| error.to_string());
    let (head, claims) = (json(head)?, json(claims)?);
    let Some(certificate) = &identities.certificate else { return Err("no certificate is registered".to_owned()) };
    let print = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate.der));
    // Microsoft's Python still signs in the old form, whose print of the certificate is by SHA-1.
    let scheme = match head["alg"].as_str() {
        Some("PS256") if head["x5t#S256"] == print.as_str() => SignatureScheme::RSA_PSS_SHA256,
        Some("RS256") if head["x5t"].is_string() => SignatureScheme::RSA_PKCS1_SHA256,
        _ => return Err(format!("the head is {head}, the certificate {print}")),
    };
    let audience = claims["aud"].as_str().unwrap_or_default();
    if claims["iss"] != CLIENT || claims["sub"] != CLIENT || !audience.ends_with("/oauth2/v2.0/token") {
        return Err(format!("the claims are {claims}"));
    }
    // Microsoft's Python writes fractions, and `iat` in place of `nbf`.
    let from = claims["nbf"].as_f64().or(claims["iat"].as_f64());
    let life = from.zip(claims["exp"].as_f64()).map(|(from, until)| until - from);
    if life.is_none_or(|life| !(60.0..86_400.0).contains(&life)) || claims["jti"].is_null() {
        return Err(format!("the claims are {claims}"));
    }
    let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
    let signature = bytes(signature)?;
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms.mapping;
    let algorithms = known.iter().find(|(known, _)| *known == scheme).map(|(_, all)| *all);
    let is_good = algorithms
        .unwrap_or_default()
        .iter()
        .any(|algorithm| algorithm.verify_signature(&certificate.public_key, signed.as_bytes(), &signature).is_ok());
    if is_good { Ok(()) } else { Err("the signature is wrong".to_owned()) }
}

/// The certificate of a service principal.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// It and its key, PEM.
    pub(crate) pem: String,
    der: Vec<u8>,
    public_key: Vec<u8>,
}

impl Certificate {
    /// One for this RSA key, PEM.
    pub(crate) fn of(key: &str) -> Self {
        let pair = KeyPair::from_pem(key).unwrap();
        let certificate = CertificateParams::new(Vec::<String>::new()).unwrap().self_signed(&pair).unwrap();
        let pem = format!("{key}{}", certificate.pem());
        Self { pem, der: certificate.der().to_vec(), public_key: pair.public_key_raw().to_vec() }
    }
}
