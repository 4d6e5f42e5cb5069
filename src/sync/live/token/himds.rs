//! The agent of Azure Arc (himds). It gives a token only to who can read a file that it has just written: a challenge
//! names the file, and its content goes into a second request.
//!
//! Whoever listens on the agent's port could name any file. So nothing of the path is used but its base name, and that
//! only if the rest of it is the agent's own folder.

use std::io;
use std::path::Path;

use super::question::{Question, metadata, selector};
use super::{Effort, IdentityKind, Token, TokenError};
use crate::sync::live::outside::{Outside, Reply, Secret};
use crate::sync::live::settings::UserAssigned;

/// The agent's address where the environment has none, which is the rule on Linux.
pub(super) const ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";

/// The folder of the agent's keys.
const KEYS: &str = "/var/opt/azcmagent/tokens";
/// Octets of a key.
const MAX_KEY: u64 = 4096;

const NOBODY: &str = "; does the agent run (azcmagent show, systemctl status himdsd)?";

/// The program whose presence is the sign of Arc.
pub(super) fn program() -> &'static Path {
    Path::new("/opt/azcmagent/bin/himds")
}

/// Asks for a token.
pub(super) fn ask(
    outside: &dyn Outside,
    endpoint: &str,
    who: Option<&UserAssigned>,
    audience: &str,
    effort: Effort,
) -> Result<Token, TokenError> {
    let mut query = vec![("api-version", "2020-06-01"), ("resource", audience)];
    query.extend(selector(who, "msi_res_id"));
    let kind = IdentityKind::Arc;
    let mut question = Question { kind, endpoint, query, headers: vec![metadata()], advice: NOBODY };
    let challenge = question.send(outside, effort)?;
    let advice = "; is this machine connected (azcmagent show)?";
    match challenge.status {
        401 => {}
        // Microsoft's agent gives no token without a challenge.
        200 => return Err(wrong("there was a token without a challenge, so it is not from the agent; it is not used")),
        _ => return question.token(outside, &challenge, advice),
    }
    let name = name_of(&challenge)?;
    question.headers.push(("Authorization", key(outside, &name)?));
    let reply = question.send(outside, effort)?;
    if reply.status == 401 {
        return Err(wrong("the agent did not take the key that it had asked for; it is asked again"));
    }
    let token = question.token(outside, &reply, advice)?;
    who.map_or(Ok(()), |who| confirmed(who, &reply))?;
    Ok(token)
}

fn wrong(text: &str) -> TokenError {
    TokenError::passing(format!("{}: {text}", IdentityKind::Arc))
}

fn name_of(challenge: &Reply) -> Result<String, TokenError> {
    let fields = challenge.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
    let mut why = NoKey::NoChallenge;
    for (_, value) in fields {
        match key_name(value) {
            Ok(name) => return Ok(name),
            Err(NoKey::NoChallenge) => {}
            Err(error) => why = error,
        }
    }
    Err(wrong(&format!("{why}; nothing was sent")))
}

/// The reason why a challenge names no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// No scheme `Basic` with a `realm`.
    #[error("the agent asks for a key, but its answer does not say which")]
    NoChallenge,
    /// The file is in another folder.
    #[error("the agent asks for a file outside {KEYS}")]
    Folder,
    /// Its name is not that of a key.
    #[error(
        "the agent asks for a file that is no key: its name has to be of letters, digits, '-', '_' and '.', with .key"
    )]
    Name,
}

/// The base name of the key file that a challenge (`WWW-Authenticate`) names.
///
/// # Errors
/// If there is none, or it is no file of the agent.
pub fn key_name(challenge: &str) -> Result<String, NoKey> {
    let (scheme, rest) = challenge.trim().split_once(' ').ok_or(NoKey::NoChallenge)?;
    let (parameter, value) = rest.split_once('=').ok_or(NoKey::NoChallenge)?;
    if !scheme.eq_ignore_ascii_case("Basic") || !parameter.trim().eq_ignore_ascii_case("realm") {
        return Err(NoKey::NoChallenge);
    }
    let value = value.trim();
    let quoted = value.strip_prefix('"').and_then(|value| value.split_once('"')).map(|(value, _)| value);
    let path = quoted.unwrap_or_else(|| value.split([',', ' ']).next().unwrap_or_default());
    let (folder, name) = path.rsplit_once('/').ok_or(NoKey::Folder)?;
    if folder != KEYS {
        return Err(NoKey::Folder);
    }
    let is_plain = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet));
    let stem = name.strip_suffix(".key").unwrap_or_default();
    let is_name = is_plain && !stem.is_empty() && !stem.starts_with('.') && name.len() <= 255;
    if is_name { Ok(name.to_owned()) } else { Err(NoKey::Name) }
}

/// The content of a key file, as it goes behind `Basic`.
fn key(outside: &dyn Outside, name: &str) -> Result<Secret, TokenError> {
    // Its name is a new one each time.
    let traced = |error: TokenError| TokenError { trace: vec![("key_file", name.to_owned())], ..error };
    let path = Path::new(KEYS).join(name);
    let (bytes, _) = outside.read_itself(&path, MAX_KEY).map_err(|error| traced(unreadable(&error)))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let text = super::files::without_line_end(&text);
    if text.is_empty() || !text.bytes().all(|octet| octet == b' ' || octet.is_ascii_graphic()) {
        return Err(traced(wrong("the agent's key file does not hold a key; it is asked again")));
    }
    Ok(Secret::new(format!("Basic {text}")))
}

fn unreadable(error: &io::Error) -> TokenError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => TokenError::lasting(format!(
            "{}: the agent's key files in {KEYS} cannot be read: they are for root and the group 'himds'. Put this \
             service into that group: a file such as /etc/systemd/system/privatelink-dns.service.d/arc.conf with the \
             lines [Service] and SupplementaryGroups=himds, then systemctl daemon-reload and a restart",
            IdentityKind::Arc
        )),
        io::ErrorKind::NotFound => wrong("the agent names a key file that is not there; it is asked again"),
        io::ErrorKind::FileTooLarge => wrong("the agent names a key file above 4096 octets; it was not read"),
        _ => wrong(&format!("the agent's key file cannot be read: {error}")),
    }
}

/// Compares who the token is for with who was asked for: older agents ignore the question, and answer as the machine.
fn confirmed(who: &UserAssigned, reply: &Reply) -> Result<(), TokenError> {
    let body = super::reply::json(&reply.body);
    let said = |name: &str| body.as_ref().and_then(|body| body.get(name)?.as_str());
    let (wanted, said) = match who {
        UserAssigned::ClientId(id) => (id, said("client_id")),
        UserAssigned::ObjectId(id) => (id, said("object_id")),
        UserAssigned::ResourceId(id) => (id, said("msi_res_id").or_else(|| said("mi_res_id"))),
    };
    if said.is_some_and(|said| said.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    Err(TokenError::lasting(format!(
        "{}: the agent did not confirm the user-assigned identity '{}': agents that do not know such identities answer \
         with the machine's own. That token is not used. Update the agent, or give the role to the machine's identity and \
         take client_id, object_id or resource_id from the config",
        IdentityKind::Arc,
        crate::diag::printable(wanted)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_in_any_case_and_quoted_or_not() {
        for challenge in [
            "Basic realm=/var/opt/azcmagent/tokens/1-2.key",
            "basic REALM=/var/opt/azcmagent/tokens/1-2.key",
            "BASIC  Realm = \"/var/opt/azcmagent/tokens/1-2.key\"",
            "Basic realm=/var/opt/azcmagent/tokens/1-2.key, charset=\"UTF-8\"",
        ] {
            assert_eq!(key_name(challenge).as_deref(), Ok("1-2.key"), "{challenge}");
        }
    }

    #[test]
    fn a_challenge_names_no_file_but_a_key_of_the_agent() {
        for (challenge, why) in [
            ("", NoKey::NoChallenge),
            ("Basic", NoKey::NoChallenge),
            ("Basic realm", NoKey::NoChallenge),
            ("Bearer realm=/var/opt/azcmagent/tokens/a.key", NoKey::NoChallenge),
            ("Basic scope=/var/opt/azcmagent/tokens/a.key", NoKey::NoChallenge),
            ("Basic realm=a.key", NoKey::Folder),
            ("Basic realm=/etc/shadow", NoKey::Folder),
            ("Basic realm=/var/opt/azcmagent/tokens/../a.key", NoKey::Folder),
            ("Basic realm=/var/opt/azcmagent/tokens//a.key", NoKey::Folder),
            ("Basic realm=/var/opt/azcmagent/tokens/x/a.key", NoKey::Folder),
            ("Basic realm=//var/opt/azcmagent/tokens/a.key", NoKey::Folder),
            ("Basic realm=/VAR/opt/azcmagent/tokens/a.key", NoKey::Folder),
            ("Basic realm=/var/opt/azcmagent/tokens/a.key=b", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/.key", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/..key", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/a.pem", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/a\0.key", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/a\\b.key", NoKey::Name),
            ("Basic realm=/var/opt/azcmagent/tokens/", NoKey::Name),
        ] {
            assert_eq!(key_name(challenge), Err(why), "{challenge}");
        }
        let long = format!("Basic realm={KEYS}/{}.key", "a".repeat(252));
        assert_eq!(key_name(&long), Err(NoKey::Name));
    }
}
