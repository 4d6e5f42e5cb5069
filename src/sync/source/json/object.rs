//! The shapes inside a JSON tree that stand for endpoints.

use std::collections::HashMap;
use std::net::IpAddr;

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;

use super::{DEPTH_ADVICE, Within, as_text};
use crate::diag::Id;
use crate::sync::source::lines::LineCounter;
use crate::sync::source::listing::{ListingBuilder, MAX_ADDRESSES};
use crate::sync::source::statement::{Statement, Written};
use crate::sync::source::token::{TokenKind, quoted, tokens};

/// Keys that hold full names, in lower case.
const NAME_KEYS: [&str; 4] = ["fqdn", "fqdns", "hostname", "dnsname"];
/// Keys that hold addresses: Azure's own and what `--query` examples rename them to.
const ADDRESS_KEYS: [&str; 9] = [
    "ipaddresses",
    "ipaddress",
    "ips",
    "ip",
    "privateipaddress",
    "privateipaddresses",
    "privateip",
    "addresses",
    "address",
];
/// Keys that hold a label to which a zone belongs.
const LABEL_KEYS: [&str; 4] = ["recordsetname", "recordname", "resourcename", "name"];
/// Keys that hold a zone.
const ZONE_KEYS: [&str; 4] = ["dns", "zone", "dnszone", "zonename"];

/// Goes through a document and adds what it finds.
pub(super) struct Walker<'t, 'b> {
    pub(super) lines: LineCounter<'t>,
    pub(super) round: u32,
    pub(super) within: Within,
    pub(super) out: &'b mut ListingBuilder,
}

impl Walker<'_, '_> {
    /// `zone` is the private DNS zone around the value, if there is one.
    pub(super) fn walk(&mut self, value: &Value<'_>, zone: Option<&str>) {
        match value {
            Value::Array(array) => array.elements.iter().for_each(|element| self.walk(element, zone)),
            Value::Object(object) => self.object(object, zone),
            _ => {}
        }
    }

    fn object(&mut self, object: &Object<'_>, zone: Option<&str>) {
        let id = get(object, &["privatednszoneid"]).and_then(as_text);
        let zone = id.map_or(zone, |id| id.rsplit('/').next());
        self.endpoint(object, zone);
        let in_strings =
            JsonInStrings::of(object.properties.iter().map(|property| (property.name.as_str(), &property.value)));
        for property in &object.properties {
            let key = property.name.as_str();
            if in_strings.replace(key) {
                continue;
            }
            if let Some(text) = json_in_string(key, &property.value) {
                self.text(text, &property.value);
            } else if key.eq_ignore_ascii_case("customdnsconfigs") {
                self.configs(&property.value, zone);
            } else {
                self.walk(&property.value, zone);
            }
        }
    }

    /// JSON in a string.
    fn text(&mut self, text: &str, value: &Value<'_>) {
        let line = self.line(value);
        match self.within {
            Within::File => super::document(text, line, self.round, Within::Text, self.out),
            Within::Text => self.out.problem(line, Id::LIST_SYNTAX, || {
                "JSON in a string of JSON that is in a string itself, which is not read: use `ConvertTo-Json -Depth 10` and \
                 keep the objects"
                    .to_owned()
            }),
        }
    }

    /// `customDnsConfigs`, where strings are what the depth limit left of objects.
    fn configs(&mut self, value: &Value<'_>, zone: Option<&str>) {
        let has_text = match value {
            Value::Array(array) => array.elements.iter().any(|element| element.as_string_lit().is_some()),
            other => as_text(other).is_some_and(|text| !text.trim().is_empty()),
        };
        if has_text {
            let line = self.line(value);
            self.out.problem(line, Id::LIST_CUT_OFF, || DEPTH_ADVICE.to_owned());
        } else {
            self.walk(value, zone);
        }
    }

    /// Adds the object if it is an endpoint.
    fn endpoint(&mut self, object: &Object<'_>, zone: Option<&str>) {
        let addresses = get(object, &ADDRESS_KEYS);
        let link = get(object, &["privatelinkconnectionproperties"]).and_then(Value::as_object);
        let of_link = link.and_then(|link| get(link, &["fqdns"]));
        let Some(names) = get(object, &NAME_KEYS).or(of_link) else {
            return self.labelled(object, zone, addresses);
        };
        // `fqdns` alone is the inside of an IP configuration, whose address stands one level up.
        let is_inside = addresses.is_none() && get(object, &["fqdns"]).is_some();
        let texts = texts(names);
        if is_inside || texts.is_empty() || is_other_type(object) {
            return;
        }
        let line = self.line(names);
        let Some(addresses) = self.addresses(addresses, line, texts[0]) else {
            return;
        };
        for name in &texts {
            if name.parse::<IpAddr>().is_ok() {
                self.out
                    .problem(line, Id::LIST_NO_NAME, || format!("'{name}' is an address where a host name belongs"));
            }
        }
        let names: Vec<Written<'_>> = texts.into_iter().map(Written::full).collect();
        let round = self.round;
        self.out.add(&Statement { line, round, names: &names, addresses: &addresses, ..Statement::default() });
    }

    /// A label and its zone instead of a full name.
    fn labelled(&mut self, object: &Object<'_>, zone: Option<&str>, addresses: Option<&Value<'_>>) {
        let zone = get(object, &ZONE_KEYS).and_then(as_text).or(zone);
        let Some(label) = get(object, &LABEL_KEYS) else {
            return;
        };
        let (Some(text), Some(_), false) = (as_text(label), addresses, is_other_type(object)) else {
            return;
        };
        if zone.is_none() && !is_full_name(text) {
            // Something else that has a name and an address.
            return;
        }
        let line = self.line(label);
        let Some(addresses) = self.addresses(addresses, line, text) else {
            return;
        };
        let (names, round) = ([Written { text, zone, column: 0 }], self.round);
        self.out.add(&Statement { line, round, names: &names, addresses: &addresses, ..Statement::default() });
    }

    fn addresses(&mut self, value: Option<&Value<'_>>, line: u32, name: &str) -> Option<Vec<IpAddr>> {
        let mut found = Vec::new();
        for text in value.map(texts).unwrap_or_default() {
            // A list that was flattened to a string has blanks between its addresses.
            for word in text.split([' ', ',', ';', '{', '}']).filter(|word| !word.is_empty()) {
                let Ok(address) = word.parse() else {
                    let is_cut_off = word.starts_with("System.");
                    let id = if is_cut_off { Id::LIST_CUT_OFF } else { Id::LIST_BAD_ADDRESS };
                    let advice = if is_cut_off { format!("; {DEPTH_ADVICE}") } else { String::new() };
                    self.out.problem(line, id, || format!("'{}' is not an IP address{advice}", quoted(word)));
                    return None;
                };
                // One more than there may be is enough to know that there are too many.
                if found.len() <= MAX_ADDRESSES {
                    found.push(address);
                }
            }
        }
        if found.is_empty() {
            self.out.problem(line, Id::LIST_NO_ADDRESS, || {
                format!(
                    "'{}' has no address: is the endpoint still being provisioned? List it again when that is done",
                    quoted(name)
                )
            });
            return None;
        }
        Some(found)
    }

    fn line(&mut self, value: &Value<'_>) -> u32 {
        self.lines.at(value.range().start)
    }
}

/// The value of the first of these keys, in any case.
fn get<'v, 't>(object: &'v Object<'t>, keys: &[&str]) -> Option<&'v Value<'t>> {
    let is_key = |name: &str| keys.iter().any(|key| name.eq_ignore_ascii_case(key));
    let found = object.properties.iter().find(|property| is_key(property.name.as_str()))?;
    (!matches!(found.value, Value::NullKeyword(_))).then_some(&found.value)
}

/// A string, or the strings of an array; empty ones left out.
fn texts<'v>(value: &'v Value<'_>) -> Vec<&'v str> {
    let all = match value {
        Value::Array(array) => array.elements.iter().filter_map(as_text).collect(),
        other => as_text(other).into_iter().collect::<Vec<_>>(),
    };
    all.into_iter().filter(|text| !text.trim().is_empty()).collect()
}

/// `name` holds many things; a resource's own name with dots in it is no host name.
fn is_full_name(text: &str) -> bool {
    tokens(text).next().is_some_and(|token| token.text == text && token.kind == TokenKind::Name)
}

/// A record set of another type than A and AAAA.
fn is_other_type(object: &Object<'_>) -> bool {
    let rtype = get(object, &["recordtype"]).and_then(as_text);
    rtype.is_some_and(|text| !text.eq_ignore_ascii_case("A") && !text.eq_ignore_ascii_case("AAAA"))
}

/// Keys of an object whose values stand in a string beside them too, in lower case: `CustomDnsConfigsText` holds as
/// JSON what `CustomDnsConfigs` may have lost to PowerShell's depth limit. Looked up once for each property, of which
/// there may be as many as there are octets.
struct JsonInStrings(HashMap<String, bool>);

impl JsonInStrings {
    fn of<'v>(properties: impl Iterator<Item = (&'v str, &'v Value<'v>)>) -> Self {
        let mut known = HashMap::new();
        for (key, value) in properties {
            if let Some(of) = key.len().checked_sub(TEXT_SUFFIX.len()).filter(|_| is_text_key(key)) {
                // The first of equal keys counts, as for all others.
                let replaces = || as_text(value).is_some_and(is_json_text);
                known.entry(key[..of].to_ascii_lowercase()).or_insert_with(replaces);
            }
        }
        Self(known)
    }

    /// True if the text is to be read instead of the value with this key.
    fn replace(&self, key: &str) -> bool {
        !self.0.is_empty() && self.0.get(&key.to_ascii_lowercase()).is_some_and(|replaces| *replaces)
    }
}

/// The end of the key of such a string, in lower case.
const TEXT_SUFFIX: &str = "text";

fn is_text_key(key: &str) -> bool {
    key.len() > TEXT_SUFFIX.len()
        && key.get(key.len() - TEXT_SUFFIX.len()..).is_some_and(|end| end.eq_ignore_ascii_case(TEXT_SUFFIX))
}

/// The JSON in the string beside a value.
fn json_in_string<'v>(key: &str, value: &'v Value<'_>) -> Option<&'v str> {
    as_text(value).filter(|text| is_text_key(key) && is_json_text(text))
}

fn is_json_text(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonc_parser::ast::NullKeyword;
    use jsonc_parser::common::Range;

    #[test]
    fn each_property_of_an_object_is_looked_at_once_for_twins() {
        for properties in [1000, 2000] {
            let null = Value::NullKeyword(NullKeyword { range: Range { start: 0, end: 0 } });
            let keys: Vec<String> = (0..properties).map(|n| format!("k{n}Text")).collect();
            let mut steps = 0;
            let in_strings = JsonInStrings::of(keys.iter().map(|key| (key.as_str(), &null)).inspect(|_| steps += 1));
            assert_eq!((steps, in_strings.0.len()), (properties, properties));
        }
    }
}
