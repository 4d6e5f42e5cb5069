//! Tokens as a daemon gets them, in a scripted world.

mod entra;
mod keeping;
mod managed;
mod secrecy;

use super::*;
use crate::sync::live::outside::Reply;
use crate::sync::live::settings::UserAssigned;
use crate::sync::live::tests::{BEGIN, Script, Sent, reply};

const AUDIENCE: &str = "https://management.azure.com/";
const AUTHORITY: &str = "https://login.microsoftonline.com";
const APP: &str = "aaaaaaaa-0000-0000-0000-000000000001";
const TENANT: &str = "99999999-8888-7777-6666-555555555555";
const HIMDS: &str = "/opt/azcmagent/bin/himds";

fn tokens(identity: Identity) -> Tokens {
    Tokens::new(identity, AUTHORITY.to_owned(), AUDIENCE.to_owned())
}

fn managed() -> Tokens {
    tokens(Identity::Managed(None))
}

/// A reply with a token that lives so long.
fn token(text: &str, seconds: u64) -> Reply {
    reply(200, format!(r#"{{"access_token":"{text}","expires_in":"{seconds}","token_type":"Bearer"}}"#))
}

fn text(result: Result<Secret, TokenError>) -> String {
    result.map_or_else(|error| error.text, |secret| secret.reveal().to_owned())
}
