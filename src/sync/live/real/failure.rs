//! What went wrong on a way, in words that are the same from try to try and say what to do.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::CertificateError;

use crate::sync::live::outside::CallError;

/// The way of a request.
pub(super) struct Way {
    /// The host that is meant, without brackets.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// `host:port` of the proxy in between.
    pub(super) proxy: Option<String>,
    /// Time for the connection and for the whole exchange.
    pub(super) times: (Duration, Duration),
}

impl Way {
    /// The error in words.
    pub(super) fn error(&self, error: ureq::Error) -> CallError {
        use ureq::{Error, Timeout};
        let to = &self.host;
        CallError::Unreachable(match error {
            Error::BodyExceedsLimit(max) => return CallError::TooLarge(max),
            Error::Timeout(Timeout::Connect | Timeout::Resolve) => return CallError::TimedOut(self.times.0),
            Error::Timeout(_) => return CallError::TimedOut(self.times.1),
            Error::HostNotFound => self.no_address(),
            Error::ConnectProxyFailed(why) => self.refused_by_proxy(&why),
            Error::Rustls(why) => self.no_tls(&why),
            Error::Io(why) => match why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(inner) => self.no_tls(inner),
                None if why.kind() == ErrorKind::TimedOut => return CallError::TimedOut(self.times.1),
                // The resolver's errors have no kind and no number of their own.
                None if why.raw_os_error().is_none() && why.to_string().contains("lookup address") => self.no_address(),
                None => self.broken(why.kind()),
            },
            Error::Protocol(_) | Error::LargeResponseHeader(..) => {
                format!("what answers in place of {to} does not speak HTTP as it should: look for a proxy or firewall")
            }
            Error::BadUri(_) | Error::Http(_) => "the address or a header field cannot be sent".to_owned(),
            _ => format!("the exchange with {to} failed"),
        })
    }

    /// The next machine on the way: the proxy, or the host itself.
    fn next(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("the proxy {proxy} (HTTPS_PROXY)"),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    fn no_address(&self) -> String {
        let name = self.proxy.as_ref().map_or(self.host.clone(), |_| self.next());
        format!("the DNS of this machine has no address for {name}")
    }

    fn broken(&self, kind: ErrorKind) -> String {
        let next = self.next();
        match kind {
            ErrorKind::ConnectionRefused => format!("{next} refuses the connection"),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                format!("there is no route to {next}")
            }
            ErrorKind::PermissionDenied => format!("this machine does not allow a connection to {next}"),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => format!("the connection to {next} broke off"),
            ErrorKind::NotConnected => "the source is to end".to_owned(),
            other => format!("the connection to {next} failed: {other}"),
        }
    }

    fn refused_by_proxy(&self, why: &str) -> String {
        let next = self.next();
        if why.contains("407") {
            return format!("{next} asks for a login (407): write HTTPS_PROXY=http://user:password@host:port");
        }
        let status: String = why.chars().filter(char::is_ascii_digit).take(3).collect();
        let status = if status.len() == 3 { format!(" ({status})") } else { String::new() };
        format!("{next} does not connect to {}:{}{status}: ask its owner to allow it", self.host, self.port)
    }

    fn no_tls(&self, error: &rustls::Error) -> String {
        let host = &self.host;
        let inspected = "if a proxy inspects TLS, add its root certificate to those of this system, or name the file in \
                         SSL_CERT_FILE";
        match error {
            rustls::Error::InvalidCertificate(why) => match why {
                CertificateError::UnknownIssuer => {
                    format!("the TLS certificate of {host} comes from an issuer that this system does not know: {inspected}")
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    format!("the TLS certificate is not for {host}: something else answers in its place; {inspected}")
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    format!("the TLS certificate of {host} has expired: look at this machine's clock too")
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    format!("the TLS certificate of {host} is not valid yet: look at this machine's clock")
                }
                CertificateError::Revoked => format!("the TLS certificate of {host} is revoked"),
                _ => format!("the TLS certificate of {host} is not good: {inspected}"),
            },
            rustls::Error::AlertReceived(alert) => format!("{host} ends TLS with the alert {alert:?}"),
            rustls::Error::General(text) if text.contains("CA certificates") => {
                "this system has no root certificates: install the package ca-certificates, or name a file in SSL_CERT_FILE"
                    .to_owned()
            }
            _ => format!("TLS with {host} failed: what answers may be a proxy or another service; {inspected}"),
        }
    }
}
