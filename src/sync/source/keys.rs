//! One table for the heads of columns, the labels of screens and the keys of JSON: what the values below them hold.
//!
//! Keys are compared by their letters and digits alone, without case: `IP address`, `ip_address` and `IpAddress` are
//! one key. Words in front of the last ones are known by that end (`customDnsConfigs_fqdn`, `Private Endpoint IP`).

/// What a key says of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Full names.
    FullName,
    /// The label of a record in a zone that another key names, or a full name.
    Label,
    /// The name of anything: of a record if a zone stands beside it and nothing says more, often of the endpoint.
    Name,
    /// The name of a zone, or the id of its resource.
    Zone,
    /// A zone if a label stands beside it, else a full name.
    ZoneOrName,
    /// Addresses.
    Address,
    /// The type of a record, and of many other things.
    Type,
    /// The state of a connection.
    Connection,
    /// The state of provisioning.
    Provisioning,
    /// `State` and `Status`: of the connection or of the provisioning.
    State,
    /// A private endpoint, by its name or id.
    Endpoint,
    /// The key stands in endpoint lists, and its values are of no use here.
    Other,
}

/// Letters and digits of the longest key that is looked at. Heads of columns are short; a key may be a whole file.
const LONGEST: usize = 64;

const FULL_NAMES: [&str; 12] = [
    "customervisiblefqdns",
    "dnsfqdn",
    "dnsname",
    "dnsnames",
    "domain",
    "domainname",
    "domains",
    "fqdn",
    "fqdns",
    "hosts",
    "privatedns",
    "privatednsname",
];

const LABELS: [&str; 13] = [
    "dnsrecord",
    "host",
    "hostname",
    "hostnames",
    "label",
    "record",
    "recordname",
    "recordset",
    "recordsetname",
    "relativename",
    "relativerecordsetname",
    "resourcename",
    "storageaccountname",
];

const ZONES: [&str; 8] = [
    "dnszone",
    "dnszonename",
    "privatednszone",
    "privatednszoneid",
    "privatednszonename",
    "privatezone",
    "zone",
    "zonename",
];

const ADDRESSES: [&str; 26] = [
    "address",
    "addresses",
    "arecord",
    "arecords",
    "content",
    "data",
    "ip",
    "ip4address",
    "ip6address",
    "ipaddr",
    "ipaddress",
    "ipaddresses",
    "ipadresse",
    "ips",
    "ipv4",
    "ipv4addr",
    "ipv4address",
    "ipv6",
    "ipv6address",
    "privateip",
    "privateips",
    "rdata",
    "recorddata",
    "records",
    "value",
    "values",
];

const TYPES: [&str; 7] = ["dnstype", "querytype", "recordtype", "rrtype", "rtype", "type", "typ"];

const ENDPOINTS: [&str; 9] = [
    "endpoint",
    "endpointname",
    "pe",
    "peid",
    "pename",
    "privateendpoint",
    "privateendpointid",
    "privateendpointname",
    "privateendpoints",
];

/// Heads that stand beside the others in the exports and reports that people have.
const OTHERS: [&str; 44] = [
    "class",
    "comment",
    "comments",
    "configurationname",
    "customdnsconfigs",
    "description",
    "etag",
    "group",
    "groupid",
    "groupids",
    "id",
    "interface",
    "kommentar",
    "location",
    "mac",
    "macaddress",
    "networkinterface",
    "networkinterfaces",
    "nic",
    "nicname",
    "note",
    "notes",
    "owner",
    "port",
    "privatelinkserviceconnections",
    "region",
    "resource",
    "resourcegroup",
    "resourcegroupname",
    "resourceid",
    "section",
    "server",
    "service",
    "source",
    "subnet",
    "subresource",
    "subscription",
    "subscriptionid",
    "subscriptionname",
    "timestamp",
    "timetolive",
    "ttl",
    "vault",
    "vnet",
];

/// Ends by which longer keys are known. The first that fits counts.
const ENDS: [(&str, Key); 16] = [
    ("fqdn", Key::FullName),
    ("fqdns", Key::FullName),
    ("ipaddress", Key::Address),
    ("ipaddresses", Key::Address),
    ("ipv4address", Key::Address),
    ("ipv4addresses", Key::Address),
    ("ipv6address", Key::Address),
    ("privateip", Key::Address),
    ("publicip", Key::Address),
    ("dnszone", Key::Zone),
    ("dnszonename", Key::Zone),
    ("recordsetname", Key::Label),
    ("connectionstate", Key::Connection),
    ("connectionstatus", Key::Connection),
    ("provisioningstate", Key::Provisioning),
    ("privateendpointname", Key::Endpoint),
];

/// What a key says of its values; `None` if it is not known. Costs no more than the key is long, and little for long
/// ones.
pub(super) fn key(text: &str) -> Option<Key> {
    let mut buffer = String::new();
    normalise(text, &mut buffer)?;
    let word = buffer.as_str();
    exact(word)
        .or_else(|| ENDS.iter().find(|(end, _)| word.ends_with(end)).map(|(_, key)| *key))
        .or_else(|| ends_in_ip(text).then_some(Key::Address))
}

/// The letters and digits of a key in lower case; `None` if there is none, or if they are more than a key has.
fn normalise(text: &str, into: &mut String) -> Option<()> {
    for c in text.chars().filter(|c| c.is_alphanumeric()).take(LONGEST + 1) {
        into.extend(c.to_lowercase());
    }
    (!into.is_empty() && into.chars().count() <= LONGEST).then_some(())
}

fn exact(word: &str) -> Option<Key> {
    let sets: [(&[&str], Key); 7] = [
        (&FULL_NAMES, Key::FullName),
        (&LABELS, Key::Label),
        (&ZONES, Key::Zone),
        (&ADDRESSES, Key::Address),
        (&TYPES, Key::Type),
        (&ENDPOINTS, Key::Endpoint),
        (&OTHERS, Key::Other),
    ];
    match word {
        "name" | "names" => Some(Key::Name),
        "dns" => Some(Key::ZoneOrName),
        "state" | "status" => Some(Key::State),
        _ => sets.into_iter().find(|(words, _)| words.contains(&word)).map(|(_, key)| key),
    }
}

/// `NewIP`, `NAT IP` and `backup_ips`, but not `ownership`: the last word is told apart by its case or by what is no
/// letter.
fn ends_in_ip(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let text = text.strip_suffix(['s', 'S']).unwrap_or(text);
    let Some((at, ip)) = text.len().checked_sub(2).and_then(|at| Some((at, text.get(at..)?))) else { return false };
    let before = text[..at].chars().next_back();
    let is_word = before.is_none_or(|c| !c.is_alphabetic() || (c.is_lowercase() && ip.starts_with('I')));
    is_word && ip.eq_ignore_ascii_case("ip")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_letters_and_digits_or_by_its_end() {
        for (text, expected) in [
            ("FQDN", Some(Key::FullName)),
            ("customDnsConfigs_fqdn", Some(Key::FullName)),
            ("Privatelink FQDN", Some(Key::FullName)),
            ("Host-Name", Some(Key::Label)),
            ("Name", Some(Key::Name)),
            ("DNS", Some(Key::ZoneOrName)),
            ("Private DNS zone", Some(Key::Zone)),
            ("privateDnsZoneId", Some(Key::Zone)),
            ("Time zone", None),
            ("IP address", Some(Key::Address)),
            ("ip_addresses", Some(Key::Address)),
            ("IP-Adresse", Some(Key::Address)),
            ("Private Endpoint IP", Some(Key::Address)),
            ("OldIP", Some(Key::Address)),
            ("backup_ips", Some(Key::Address)),
            ("ownership", None),
            ("Ship", None),
            ("PEConnectionState", Some(Key::Connection)),
            ("provisioningState", Some(Key::Provisioning)),
            ("Status", Some(Key::State)),
            ("PEName", Some(Key::Endpoint)),
            ("TTL", Some(Key::Other)),
            ("", None),
            ("---", None),
            ("Schlüssel", None),
        ] {
            assert_eq!(key(text), expected, "{text}");
        }
        assert_eq!(key(&"fqdn".repeat(1_000_000)), None);
    }

    #[test]
    fn every_key_of_the_table_is_found_as_it_stands_there() {
        for words in [&FULL_NAMES[..], &LABELS, &ZONES, &ADDRESSES, &TYPES, &ENDPOINTS, &OTHERS] {
            for word in words {
                assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{word}");
                assert!(key(word).is_some(), "{word}");
            }
        }
    }
}
