//! The Azure CLI: the identity of the person who is signed in, for trying out.

use std::io;
use std::time::Duration;

use super::wording::sentence;
use super::{IdentityKind, Token, TokenError, reply};
use crate::sync::live::outside::Outside;

/// The time it may take: it is slow to start.
const TIME: Duration = Duration::from_secs(30);

/// Asks for a token. `expiresOn`, a local time without a zone, is not read.
pub(super) fn ask(outside: &dyn Outside, audience: &str) -> Result<Token, TokenError> {
    let arguments = ["account", "get-access-token", "--output", "json", "--resource", audience];
    let kind = IdentityKind::Cli;
    let output = outside.run("az", &arguments, TIME).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TokenError::lasting(format!(
            "{kind}: there is no program 'az' in PATH; install the Azure CLI, or set another identity"
        )),
        io::ErrorKind::TimedOut => TokenError::passing(format!(
            "{kind}: az account get-access-token took longer than {}; it is tried again",
            humantime::format_duration(TIME)
        )),
        _ => TokenError::lasting(format!(
            "{kind}: az account get-access-token failed: {}; try az login, as the user of this process",
            sentence(&error.to_string(), &[], &[])
        )),
    })?;
    reply::token(&output, outside.unix())
        .map_err(|error| TokenError::lasting(format!("{kind}: az account get-access-token: {error}")))
}
