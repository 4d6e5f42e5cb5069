//! A request as RFC 8484 has it: the query in it, or the reason why there is none.
//!
//! In: the head of a request, and later its body. Out: a DNS message, or a refusal with its status. Pure.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

/// The longest message, octets.
pub(crate) const MAX_MESSAGE: usize = 65_535;

/// The media type of DNS messages (RFC 8484 section 6).
pub(crate) const DNS_MESSAGE: &str = "application/dns-message";

/// RFC 8484 section 6 leaves padding out; some clients have it all the same.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// This query is in its target.
    Query(Vec<u8>),
    /// The query is its body.
    Body,
}

/// Why a request has no answer of DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its path is another.
    Path,
    /// It is neither GET nor POST.
    Method,
    /// Its body is of another type.
    MediaType,
    /// Its body is longer than a message may be.
    TooLong,
    /// Its body did not come in time.
    TooSlow,
    /// Its target has no query, or one that cannot be decoded.
    NoQuery,
    /// What it brings is no query of DNS.
    NotDns,
}

impl Refusal {
    /// The status, and a sentence for a person.
    pub(crate) fn shown(self) -> (StatusCode, &'static str) {
        match self {
            Self::Path => (StatusCode::NOT_FOUND, "DNS is at another path of this server.\n"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "DNS is asked by GET or POST.\n"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "A query has the type application/dns-message.\n"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "A query has at most 65535 octets.\n"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "The query did not come in time.\n"),
            Self::NoQuery => (StatusCode::BAD_REQUEST, "The query is missing: ?dns= and its octets in base64url.\n"),
            Self::NotDns => (StatusCode::BAD_REQUEST, "This is no query of DNS.\n"),
        }
    }
}

/// Reads the head of a request; `path` is where DNS is. `Accept` does not matter: there is one form of an answer.
pub(crate) fn read(method: &Method, target: &Uri, fields: &HeaderMap, path: &str) -> Result<Asked, Refusal> {
    if target.path() != path {
        return Err(Refusal::Path);
    }
    match *method {
        Method::GET => query_of(target.query().unwrap_or_default()).map(Asked::Query),
        Method::POST if is_dns(fields) => Ok(Asked::Body),
        Method::POST => Err(Refusal::MediaType),
        _ => Err(Refusal::Method),
    }
}

/// The same from octets, for the fuzz target: the query in the target of the request, or `None` if it is its body; else
/// the status of the refusal. `None` in all if HTTP itself refuses the octets.
pub fn query_in_target(method: &[u8], target: &[u8], media_type: &[u8]) -> Option<Result<Option<Vec<u8>>, u16>> {
    let (method, target) = (Method::from_bytes(method).ok()?, Uri::try_from(target).ok()?);
    let fields = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_bytes(media_type).ok()?)]);
    let asked = read(&method, &target, &fields, "/dns-query").map_err(|refusal| refusal.shown().0.as_u16());
    Some(asked.map(|asked| if let Asked::Query(query) = asked { Some(query) } else { None }))
}

fn query_of(parameters: &str) -> Result<Vec<u8>, Refusal> {
    let dns = form_urlencoded::parse(parameters.as_bytes()).find(|(name, _)| name == "dns");
    let query = dns.and_then(|(_, text)| BASE64.decode(&*text).ok()).ok_or(Refusal::NoQuery)?;
    if query.len() > MAX_MESSAGE { Err(Refusal::TooLong) } else { Ok(query) }
}

fn is_dns(fields: &HeaderMap) -> bool {
    let text = fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(DNS_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, target: &str, media_type: Option<&str>) -> Result<Asked, u16> {
        let mut fields = HeaderMap::new();
        if let Some(media_type) = media_type {
            fields.insert(CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        read(&method, &target.parse().unwrap(), &fields, "/dns-query").map_err(|refusal| refusal.shown().0.as_u16())
    }

    #[test]
    fn rfc8484_4_1_a_query_comes_by_get_in_base64url_or_by_post_in_its_body() {
        assert_eq!(asked("GET", "/dns-query?dns=AAD_-w", None), Ok(Asked::Query(vec![0, 0, 255, 251])));
        assert_eq!(asked("GET", "https://dns.corp.example/dns-query?a=b&dns=AAE", None), Ok(Asked::Query(vec![0, 1])));
        assert_eq!(asked("GET", "/dns-query?dns=AA==", None), Ok(Asked::Query(vec![0])), "with padding");
        assert_eq!(
            asked("GET", "/dns-query?dns=%41A%3D%3d", None),
            Ok(Asked::Query(vec![0])),
            "RFC 3986 section 6.2.2.2"
        );
        assert_eq!(asked("GET", "/dns-query?dns=", None), Ok(Asked::Query(vec![])));
        assert_eq!(asked("GET", "/dns-query?dns", None), Ok(Asked::Query(vec![])));
        assert_eq!(asked("POST", "/dns-query", Some("application/dns-message")), Ok(Asked::Body));
        assert_eq!(asked("POST", "/dns-query?x", Some("Application/DNS-Message; charset=x")), Ok(Asked::Body));
    }

    #[test]
    fn each_mistake_of_a_request_has_its_status() {
        for (method, target, media_type, status) in [
            ("GET", "/", None, 404),
            ("GET", "/dns-query/", None, 404),
            ("POST", "/other", Some("application/dns-message"), 404),
            ("PUT", "/dns-query", Some("application/dns-message"), 405),
            ("HEAD", "/dns-query?dns=AAE", None, 405),
            ("POST", "/dns-query", None, 415),
            ("POST", "/dns-query", Some("application/dns-json"), 415),
            ("GET", "/dns-query", None, 400),
            ("GET", "/dns-query?name=a.example", None, 400),
            ("GET", "/dns-query?dns=AA+/", None, 400),
        ] {
            assert_eq!(asked(method, target, media_type), Err(status), "{method} {target}");
        }
    }
}
