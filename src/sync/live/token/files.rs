//! Files that hold secrets: read at each request, so that a new one is taken without a restart.

use std::io;
use std::path::Path;

use super::TokenError;
use crate::diag;
use crate::files::is_private;
use crate::sync::live::outside::{Outside, Secret};

/// Octets of a file with a secret, a token or a certificate chain.
const MAX: u64 = 256 << 10;

/// A text of one line in a file that nobody else can read: a client secret.
pub(super) fn secret(outside: &dyn Outside, path: &Path) -> Result<Secret, TokenError> {
    let shown = diag::path(path);
    let text = private(outside, path, "client secret")?;
    let text = without_line_end(text.strip_prefix('\u{feff}').unwrap_or(&text));
    if text.is_empty() {
        return Err(TokenError::lasting(format!("client secret: {shown} is empty; write the secret into it")));
    }
    if text.chars().any(char::is_control) {
        return Err(TokenError::lasting(format!(
            "client secret: {shown} holds more than one line of text; it has to hold the secret alone"
        )));
    }
    Ok(Secret::new(text.to_owned()))
}

/// A text in a file that nobody else can read.
pub(super) fn private(outside: &dyn Outside, path: &Path, what: &str) -> Result<String, TokenError> {
    let (bytes, mode) = outside.read(path, MAX).map_err(|error| unreadable(what, path, &error))?;
    if !is_private(mode, outside.owner(path)) {
        return Err(TokenError::lasting(format!(
            "{what}: others than this service can read or write {} (mode {:04o}), so it is not used; chmod 600 it, or 640 \
             if root owns it (in Kubernetes: defaultMode: 0400). What others may have read should be replaced too",
            diag::path(path),
            mode & 0o7777
        )));
    }
    String::from_utf8(bytes).map_err(|_| {
        TokenError::lasting(format!(
            "{what}: {} is not text in UTF-8; {}",
            diag::path(path),
            "a .pfx file has to be made PEM"
        ))
    })
}

/// The federated token of a Kubernetes service account. Who may read it is decided by Kubernetes, for whose pod it is.
pub(super) fn federated(outside: &dyn Outside, path: &Path) -> Result<Secret, TokenError> {
    let what = "workload identity";
    let (bytes, _) = outside.read(path, MAX).map_err(|error| unreadable(what, path, &error))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(TokenError::passing(format!("{what}: {} holds no token; it is read again", diag::path(path))));
    }
    Ok(Secret::new(text.to_owned()))
}

fn unreadable(what: &str, path: &Path, error: &io::Error) -> TokenError {
    TokenError::lasting(format!("{what}: {} cannot be read: {error}; it is tried again", diag::path(path)))
}

/// A text without one final line end.
pub(super) fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_goes_and_what_belongs_to_the_secret_stays() {
        for (text, left) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("a", "a"), ("", "")] {
            assert_eq!(without_line_end(text), left);
        }
    }
}
