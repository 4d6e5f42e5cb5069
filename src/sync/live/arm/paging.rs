//! The pages of a collection, and links from page to page.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use ureq::http::Uri;

/// Octets of a page.
pub(super) const MAX_PAGE: u64 = 64 << 20;
/// Braces and commas of a page: what is made of it takes some hundred MB at most.
const MAX_PARTS: usize = 4_000_000;

/// One page of a collection.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct Page<T> {
    /// Its resources.
    #[serde(deserialize_with = "objects")]
    pub value: Vec<T>,
    /// The link to the next page.
    #[serde(default, rename = "nextLink")]
    pub next: Option<String>,
}

fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(from)?.into_iter().map(|object| object.0).collect())
}

/// A JSON object: an array is no object, whatever serde would make of it.
struct Object<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OfMap<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for OfMap<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_map(OfMap(PhantomData)).map(Object)
    }
}

/// Reads a page.
///
/// # Errors
/// If it is anything but one: the text says what, and the same each time.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Page<T>, String> {
    let mut page: Page<T> = object(
        body,
        "the answer is no collection: 'value' is no array of objects, or something in one has another form",
    )?;
    page.next = page.next.filter(|link| !link.is_empty());
    Ok(page)
}

/// Reads a resource.
///
/// # Errors
/// If it is anything but one.
pub fn resource<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    object(body, "the answer is no resource: something in it has another form than Azure's")
}

fn object<T: DeserializeOwned>(body: &[u8], otherwise: &str) -> Result<T, String> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if memchr::memchr2_iter(b'{', b',', body).count() > MAX_PARTS {
        return Err("the answer has more parts than can be read: name smaller scopes".to_owned());
    }
    let why = |error: serde_json::Error| {
        if is_html(body) {
            "the answer is a page of HTML: look for a proxy or gateway that answers in place of Azure".to_owned()
        } else if error.is_data() {
            otherwise.to_owned()
        } else if error.is_eof() {
            "the answer breaks off before its end".to_owned()
        } else {
            "the answer is not JSON".to_owned()
        }
    };
    serde_json::from_slice(body).map(|object: Object<T>| object.0).map_err(why)
}

/// True for a page for people.
pub(super) fn is_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Sees whether a link to the next page leads where our token may go: to the same scheme, host and port.
///
/// # Errors
/// If it leads elsewhere, or nowhere.
pub fn check_link(link: &str, arm: &str) -> Result<(), String> {
    let place = |text: &str| {
        let uri: Uri = text.parse().ok()?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = match authority.as_str().get(authority.host().len()..)? {
            "" => {
                if scheme == "https" {
                    443
                } else {
                    80
                }
            }
            port => port.strip_prefix(':')?.parse::<u16>().ok()?,
        };
        Some((scheme, authority.host().to_ascii_lowercase(), port))
    };
    let plain = link.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    match (place(link).filter(|_| plain), place(arm)) {
        (Some(to), Some(here)) if to == here => Ok(()),
        (None, _) => Err("the link to the next page is no URL".to_owned()),
        _ => Err("the link to the next page leads to another server, which is not to have our token".to_owned()),
    }
}

/// A path with all escaped that would end it.
pub(super) fn escaped(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for octet in path.bytes() {
        if octet.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@".contains(&octet) {
            out.push(char::from(octet));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{octet:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::live::model::PrivateEndpoint;

    #[test]
    fn a_page_is_an_object_with_an_array_of_objects_or_an_error() {
        let good: [(&str, usize, Option<&str>); 4] = [
            (r#"{"value":[]}"#, 0, None),
            (r#"{"value":[{"id":"/x","more":[1]}],"nextLink":null,"count":1}"#, 1, None),
            (r#"{"nextLink":"","value":[{},{"properties":null}]}"#, 2, None),
            ("\u{feff}{\"value\":[],\"nextLink\":\"https://a/\"}", 0, Some("https://a/")),
        ];
        for (body, count, next) in good {
            let page = read::<PrivateEndpoint>(body.as_bytes()).unwrap();
            assert_eq!((page.value.len(), page.next.as_deref()), (count, next), "{body}");
        }
        for (body, why) in [
            ("", "breaks off"),
            (r#"{"value":[{"id":"/x"}"#, "breaks off"),
            ("null", "no collection"),
            ("{}", "no collection"),
            (r#"{"value":null}"#, "no collection"),
            (r#"{"value":{}}"#, "no collection"),
            (r#"{"value":[null]}"#, "no collection"),
            (r#"{"value":[[]]}"#, "no collection"),
            ("[[],null]", "no collection"),
            (r#"{"value":[],"value":[]}"#, "no collection"),
            (r#"{"value":[],"nextLink":7}"#, "no collection"),
            (r#"{"value":[{"properties":7}]}"#, "no collection"),
            (r#"{"value":[]} x"#, "not JSON"),
            (" <html><title>502</title>", "HTML"),
        ] {
            let error = read::<PrivateEndpoint>(body.as_bytes()).err().unwrap();
            assert!(error.contains(why), "{body}: {error}");
        }
        let many = format!("{{\"value\":[{}{{}}]}}", "{},".repeat(MAX_PARTS / 2));
        assert!(read::<PrivateEndpoint>(many.as_bytes()).is_err_and(|why| why.contains("more parts")));
    }

    #[test]
    fn a_link_leads_to_the_server_that_was_asked_or_nowhere() {
        let arm = "https://management.azure.com";
        for good in [
            "https://management.azure.com/x?$skipToken=a%2Fb",
            "HTTPS://Management.Azure.com:443/x",
            "https://management.azure.com?a",
        ] {
            check_link(good, arm).unwrap();
        }
        check_link("https://127.0.0.1:8443/x", "https://127.0.0.1:8443").unwrap();
        for bad in [
            "http://management.azure.com/x",
            "https://management.azure.com:8443/x",
            "https://management.azure.com.example/x",
            "https://management.azure.com@example.com/x",
            "https://example.com/https://management.azure.com/",
            "https://management.azure.com\\@example.com/x",
            "https://management.azure.com:/x",
            "https://management.azure.com:443x/",
            "https://[management.azure.com]/",
            "//management.azure.com/x",
            "/subscriptions/x",
            "https://management.azure.com/\u{e4}",
            "https://management.azure.com/a b",
            "https://",
            "x",
        ] {
            assert!(check_link(bad, arm).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_in_an_id_leaves_the_path() {
        assert_eq!(escaped("/a(b)_c.d/x?y#z%2f\\ ü"), "/a(b)_c.d/x%3Fy%23z%252f%5C%20%C3%BC");
    }
}
