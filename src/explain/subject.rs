//! What a person typed or pasted, and the name, label or address in it.
//!
//! Input: a name in any spelling, a URL, `host:port`, a UNC path, a connection string, an address, a bare label.
//! Output: a [`Subject`]. What stands behind the host of a URL is dropped unread and never shown: the signature of
//! a shared access signature is a secret.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::diag::printable;
use crate::dns::Name;

/// Octets of a text that are looked at: a long URL has a few thousand.
const MAX_TEXT: usize = 64 << 10;

/// What is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A name of several labels, or the root.
    Name(Name),
    /// One label, such as the name of a storage account.
    Label(String),
    /// An address.
    Address(IpAddr),
}

/// What a person typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// As far as it was understood; safe to show.
    pub text: String,
    /// What is meant.
    pub target: Target,
    /// What was left aside.
    pub note: Option<&'static str>,
}

/// The reason why a text is none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Nothing is left of it.
    #[error("there is no name in it: type a name such as acct.blob.core.windows.net, a URL, or an address")]
    Empty,
    /// Several words, or the parameters of a URL alone. They are not repeated: they may hold a secret.
    #[error("this is no name, URL or address: type a name such as acct.blob.core.windows.net")]
    NoName,
    /// It does not parse as a name.
    #[error("'{text}' is not a domain name: {reason}")]
    BadName {
        /// The name.
        text: String,
        /// Why.
        reason: String,
    },
}

impl Subject {
    /// Finds what is meant.
    ///
    /// # Errors
    /// If there is no name in it, or a bad one; the message holds no part of a query string.
    pub fn parse(text: &str) -> Result<Self, SubjectError> {
        let text = stripped(text);
        if text.is_empty() {
            return Err(SubjectError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(SubjectError::NoName);
        }
        if let Some(account) = account_of_connection_string(text) {
            return Self::of(account, Some("of the connection string only the account name was used"));
        }
        let (host, note) = host_of(text);
        Self::of(host, note)
    }

    fn of(host: &str, note: Option<&'static str>) -> Result<Self, SubjectError> {
        let target = |target| Ok(Self { text: printable(host).into_owned(), target, note });
        if let Some(address) = address(host) {
            return target(Target::Address(address));
        }
        let host = without_port(host);
        if host.is_empty() {
            return Err(SubjectError::Empty);
        }
        let is_secret = |c: char| c.is_whitespace() || matches!(c, '=' | '&' | '%' | '<' | '>' | '"' | ';' | '+');
        if host.contains(is_secret) || host.len() > 1024 {
            return Err(SubjectError::NoName);
        }
        let name: Name = host.parse().map_err(|error: crate::dns::NameError| SubjectError::BadName {
            text: printable(host).into_owned(),
            reason: error.to_string(),
        })?;
        let text = printable(host).into_owned();
        let is_label = name.label_count() == 1 && !host.ends_with('.') && host != "localhost";
        let target = if is_label { Target::Label(name.without_dot()) } else { Target::Name(name) };
        Ok(Self { text, target, note })
    }
}

/// Without blanks, quotes and brackets around it, and the marks that end a sentence.
fn stripped(text: &str) -> &str {
    let is_around = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '\u{feff}');
    let text = text.trim_start_matches(is_around);
    text.trim_end_matches(|c| is_around(c) || matches!(c, ',' | ';'))
}

/// `DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=...`
fn account_of_connection_string(text: &str) -> Option<&str> {
    let mut parts = text.split(';').filter_map(|part| part.split_once('='));
    parts.find(|(key, _)| key.trim().eq_ignore_ascii_case("AccountName")).map(|(_, value)| value.trim())
}

/// The host of a URL, a UNC path, `user@host` or a host with something behind it.
fn host_of(text: &str) -> (&str, Option<&'static str>) {
    const BEHIND: &str = "what stands behind the host was left aside";
    let (rest, is_url) = match text.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (text.trim_start_matches('\\'), text.starts_with("\\\\")),
    };
    let rest = rest.trim_start_matches('/');
    let ends_host = |c: char| matches!(c, '/' | '?' | '#') || is_url && c == '\\';
    // A backslash in front of digits or a dot is an escape of a name in presentation format (RFC 1035 section 5.1).
    let end = rest.find(ends_host).unwrap_or(rest.len());
    let (host, behind) = rest.split_at(end);
    // `wasbs://container@acct.blob.core.windows.net`
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    (host, (behind.len() > 1).then_some(BEHIND))
}

/// An address, with or without a port or brackets.
fn address(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    if let Ok(socket) = host.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => host,
    }
}
