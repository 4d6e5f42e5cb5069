//! What a place that gives tokens says: a token with its life, or an error. Pure, and total: any bytes give one or the
//! other.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Token;
use crate::sync::live::outside::Secret;

/// Octets of a reply. Tokens have about two thousand.
pub const MAX_BODY: u64 = 64 << 10;
/// The life of a token whose reply tells none: ARM says when it is over.
const UNTOLD: Duration = Duration::from_hours(1);
/// The longest life that is believed.
const LONGEST: Duration = Duration::from_hours(48);

/// The reason why a reply with status 200 holds no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// Not JSON, or no object.
    #[error("its answer is not a JSON object; does a proxy or a sign-in page stand between?")]
    NotJson,
    /// No `access_token`, or one that is no text.
    #[error("its answer holds no access_token")]
    Missing,
    /// It has characters that no HTTP header may have.
    #[error("its token holds characters that a token cannot have")]
    Characters,
    /// `token_type` is not `Bearer`.
    #[error("its token is not of the type Bearer")]
    Type,
    /// It is over by its own words.
    #[error("its token has already ended; is the clock of this machine right?")]
    Ended,
}

/// Reads the token of a reply; `unix` is the time now.
///
/// # Errors
/// If there is none that is good now.
pub fn token(body: &[u8], unix: u64) -> Result<Token, NoToken> {
    let Some(reply @ Value::Object(_)) = json(body) else { return Err(NoToken::NotJson) };
    // The Azure CLI has a name of its own for it.
    let text = ["access_token", "accessToken"].into_iter().find_map(|name| reply.get(name)?.as_str());
    let text = text.filter(|text| !text.is_empty()).ok_or(NoToken::Missing)?;
    if !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(NoToken::Characters);
    }
    let kind = ["token_type", "tokenType"].into_iter().find_map(|name| reply.get(name)?.as_str());
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("Bearer")) {
        return Err(NoToken::Type);
    }
    let life = life(&reply, text, unix);
    if life.is_zero() {
        return Err(NoToken::Ended);
    }
    Ok(Token { text: Secret::new(text.to_owned()), life })
}

/// By the seconds that are left, else by the end on the wall clock, else by the token's own claim.
fn life(reply: &Value, text: &str, unix: u64) -> Duration {
    let left = reply.get("expires_in").and_then(number);
    let until = |end: u64| end.saturating_sub(unix);
    let on = || reply.get("expires_on").and_then(number).map(until);
    let claim = || claims(text)?.get("exp").and_then(number).map(until);
    left.or_else(on).or_else(claim).map_or(UNTOLD, Duration::from_secs).min(LONGEST)
}

/// A number that may be written as a text; below zero it is zero.
fn number(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let float = || text.parse::<f64>().ok().filter(|number| number.is_finite());
    text.parse().ok().or_else(|| float().map(whole))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is out of range is the nearest end")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// Bytes as JSON, with or without a byte order mark.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
}

/// The claims of a token, which nobody has verified: for messages and as a last resort.
fn claims(token: &str) -> Option<Value> {
    let part = token.split('.').nth(1)?.trim_end_matches('=');
    json(&URL_SAFE_NO_PAD.decode(part).ok()?)
}

/// Who a token speaks for, by its own words: the id of the object in Entra, else of the application.
pub fn holder(token: &str) -> Option<String> {
    let claims = claims(token)?;
    let claim = |name: &str| claims.get(name)?.as_str().filter(|id| is_id(id)).map(str::to_owned);
    ["oid", "appid", "azp"].into_iter().find_map(claim)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// The words of an error, in the forms of Entra, IMDS, App Service and ARM. Foreign text: nothing of it is shown as it
/// is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Such as `invalid_client`.
    pub error: String,
    /// A text for people.
    pub description: String,
    /// The numbers of Entra's errors, such as 7000215.
    pub codes: Vec<u64>,
    /// Ids for Microsoft's support.
    pub ids: Vec<(&'static str, String)>,
}

/// Reads the error of a reply; what is not there is empty.
pub fn refusal(body: &[u8]) -> Refusal {
    let Some(reply) = json(body) else { return Refusal::default() };
    let inner = reply.get("error").filter(|error| error.is_object()).unwrap_or(&reply);
    let text = |value: &Value, names: &[&str]| {
        names.iter().find_map(|name| value.get(name)?.as_str()).unwrap_or_default().to_owned()
    };
    let description = text(inner, &["error_description", "message", "Message"]);
    let listed = reply.get("error_codes").and_then(Value::as_array).into_iter().flatten().filter_map(number);
    let mut codes: Vec<u64> = aadsts(&description).into_iter().chain(listed).take(8).collect();
    codes.dedup();
    let ids = [("trace_id", "trace_id"), ("correlation_id", "correlation_id"), ("timestamp", "timestamp")]
        .into_iter()
        .filter_map(|(name, key)| Some((name, reply.get(key)?.as_str()?.to_owned())))
        .collect();
    Refusal { error: text(inner, &["error", "code", "ErrorCode"]), description, codes, ids }
}

/// The number behind `AADSTS`.
fn aadsts(text: &str) -> Option<u64> {
    let rest = text.split_once("AADSTS")?.1;
    rest.get(..rest.bytes().take_while(u8::is_ascii_digit).count())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life_of(times: &str) -> Result<u64, NoToken> {
        token(format!("{{\"access_token\":\"a.b.c\"{times}}}").as_bytes(), 1_000_000).map(|token| token.life.as_secs())
    }

    #[test]
    fn times_are_numbers_or_texts_or_missing() {
        for (times, life) in [
            (r#","expires_in":3599"#, Ok(3599)),
            (r#","expires_in":"3599","expires_on":"5""#, Ok(3599)),
            (r#","expires_in":3599.7"#, Ok(3599)),
            (r#","expires_in":null,"expires_on":1000600"#, Ok(600)),
            (r#","expires_on":"1000600""#, Ok(600)),
            (r#","expires_on":"11/25/2026 1:02:03 PM +00:00""#, Ok(3600)),
            (r#","expires_in":"","expires_on":[]"#, Ok(3600)),
            ("", Ok(3600)),
            (r#","expires_in":18446744073709551615"#, Ok(48 * 3600)),
            (r#","expires_in":1e300"#, Ok(48 * 3600)),
            (r#","expires_in":0"#, Err(NoToken::Ended)),
            (r#","expires_in":-5"#, Err(NoToken::Ended)),
            (r#","expires_on":999999"#, Err(NoToken::Ended)),
            (r#","token_type":"bearer""#, Ok(3600)),
            (r#","token_type":"pop""#, Err(NoToken::Type)),
        ] {
            assert_eq!(life_of(times), life, "{times}");
        }
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1000060}"#);
        let body = format!(r#"{{"access_token":"a.{claims}.c"}}"#);
        assert_eq!(token(body.as_bytes(), 1_000_000).unwrap().life, Duration::from_mins(1));
    }

    #[test]
    fn what_no_header_may_have_is_no_token() {
        for (body, why) in [
            ("", NoToken::NotJson),
            ("<html>", NoToken::NotJson),
            ("[]", NoToken::NotJson),
            ("{}", NoToken::Missing),
            (r#"{"access_token":null}"#, NoToken::Missing),
            (r#"{"access_token":7}"#, NoToken::Missing),
            (r#"{"access_token":""}"#, NoToken::Missing),
            (r#"{"access_token":"a b"}"#, NoToken::Characters),
            (r#"{"access_token":"a\r\nHost: x"}"#, NoToken::Characters),
            (r#"{"access_token":"ä"}"#, NoToken::Characters),
        ] {
            assert_eq!(token(body.as_bytes(), 0), Err(why), "{body}");
        }
        assert!(token(b"\xef\xbb\xbf{\"access_token\":\"a\"}", 0).is_ok(), "a byte order mark is no reason");
    }

    #[test]
    fn an_error_has_the_forms_of_entra_imds_and_app_service() {
        let entra = refusal(
            br#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. X",
                "error_codes":[7000215],"trace_id":"1-2","correlation_id":"3-4","timestamp":"5"}"#,
        );
        assert_eq!((entra.error.as_str(), entra.codes.as_slice()), ("invalid_client", [7_000_215].as_slice()));
        assert_eq!(entra.ids.len(), 3);
        assert_eq!(refusal(br#"{"statusCode":500,"message":"Oops"}"#).description, "Oops");
        assert_eq!(refusal(br#"{"error":{"code":"A","message":"B"}}"#).error, "A");
        assert_eq!(refusal(br#"{"error_description":"AADSTS: x"}"#).codes, [0_u64; 0]);
        assert_eq!(refusal(b"<html>"), Refusal::default());
    }
}
