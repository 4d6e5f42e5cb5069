//! What the key of a property says about its value.
//!
//! Keys are compared without case and without `_`, `-`, `.` and blanks: `ip_addresses`, `IP Addresses` and
//! `ipAddresses` are one. Resource Graph and flattening scripts put the keys above in front
//! (`customDnsConfigs_fqdn`): a few known ones are left out. Heads of columns have a table of their own
//! ([`crate::sync::source::keys`]): people write them, so that they are known by their last words, where in a key each
//! word more may turn the meaning.

/// The part that a property has in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Full names.
    Fqdn,
    /// A record's label or its full name.
    Record,
    /// A host's label or full name, of a record if there is a zone.
    Host,
    /// A name that resources of all kinds have too.
    Name,
    Zone,
    /// A resource id that ends in a zone.
    ZoneId,
    DistinguishedName,
    Address,
    /// A value that is an address where the object is a record.
    Content,
    /// Records of a set: a list of addresses or of objects with one.
    Set,
    /// The type of a record, or of anything.
    Type,
    Id,
    /// A private endpoint by its id or name.
    Endpoint,
    /// `customDnsConfigs`.
    Configs,
    /// `privateLinkConnectionProperties` of an IP configuration.
    Link,
    /// The connections of a private endpoint, with their states.
    Connections,
    /// The state of a connection, as text or as an object.
    Connection,
    Provisioning,
    /// Services behind a connection: `AzureBackup`, `blob`.
    Groups,
    /// The resource behind a connection.
    Service,
    Properties,
    Sensitive,
    Disabled,
    /// Known to say nothing about names and addresses.
    Aside,
    Other,
}

/// The longest key that means something, without separators.
const MAX_KEY: usize = 40;

/// The role of a key.
pub(super) fn role(key: &str) -> Role {
    let known = role_of_whole(key);
    if known != Role::Other || !key.contains(['_', '.']) {
        return known;
    }
    // From the longest end to the shortest.
    for (at, _) in key.match_indices(['_', '.']) {
        if !is_prefix(&key[..at]) {
            return Role::Other;
        }
        let found = role_of_whole(&key[at + 1..]);
        if found != Role::Other {
            return found;
        }
    }
    Role::Other
}

fn role_of_whole(key: &str) -> Role {
    let mut buffer = [0; MAX_KEY];
    plain(key, &mut buffer).map_or(Role::Other, of_plain)
}

/// The key in lower case without separators; `None` if it is too long to mean anything.
fn plain<'b>(key: &str, buffer: &'b mut [u8; MAX_KEY]) -> Option<&'b str> {
    let mut length = 0;
    for byte in key.bytes().filter(|byte| !matches!(byte, b'_' | b'-' | b'.' | b' ')) {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).ok()
}

fn of_plain(key: &str) -> Role {
    match key {
        "fqdn"
        | "fqdns"
        | "dnsfqdn"
        | "privatefqdn"
        | "publicfqdn"
        | "privatelinkfqdn"
        | "fullyqualifieddomainname"
        | "publicname"
        | "privatename"
        | "publicdnsname"
        | "privatednsname"
        | "privatelinkname" => Role::Fqdn,
        "recordsetname"
        | "relativerecordsetname"
        | "recordname"
        | "record"
        | "recordset"
        | "relativename"
        | "label" => Role::Record,
        "hostname" | "hostnames" | "host" | "dnsname" | "dnsnames" | "dns" | "domain" | "domains" | "domainname" => {
            Role::Host
        }
        "name" | "resourcename" | "key" => Role::Name,
        "zone" | "zonename" | "dnszone" | "dnszonename" | "privatednszone" | "privatednszonename" | "privatezone"
        | "privatezonename" | "origin" => Role::Zone,
        "privatednszoneid" | "dnszoneid" | "zoneid" | "privatednszoneresourceid" => Role::ZoneId,
        "distinguishedname" => Role::DistinguishedName,
        "ipaddress" | "ipaddresses" | "ip" | "ips" | "ipaddr" | "ipaddrs" | "address" | "addresses" | "addr"
        | "addrs" | "privateipaddress" | "privateipaddresses" | "privateip" | "privateips" | "ipv4" | "ipv6"
        | "ipv4address" | "ipv6address" | "ipv4addresses" | "ipv6addresses" | "ip4address" | "ip6address"
        | "ipv4addr" | "ipv6addr" | "privateipv4address" | "ansiblehost" | "a" | "aaaa" => Role::Address,
        "value" | "content" | "data" | "rdata" => Role::Content,
        "arecord" | "arecords" | "aaaarecord" | "aaaarecords" | "records" | "recorddata" | "resourcerecords"
        | "ipv4addrs" | "ipv6addrs" | "rrdatas" | "values" => Role::Set,
        _ => of_azure(key),
    }
}

/// Keys of Azure's own objects, and those that say nothing.
fn of_azure(key: &str) -> Role {
    match key {
        "type" | "recordtype" | "querytype" | "rrtype" => Role::Type,
        "id" | "resourceid" => Role::Id,
        "privateendpoint" | "privateendpointname" | "privateendpointid" | "endpointname" | "pename" => Role::Endpoint,
        "customdnsconfigs" | "customdnsconfig" | "customdnsconfigurations" => Role::Configs,
        "privatelinkconnectionproperties" => Role::Link,
        "privatelinkserviceconnections" | "manualprivatelinkserviceconnections" | "privateserviceconnection" => {
            Role::Connections
        }
        "privatelinkserviceconnectionstate"
        | "connectionstate"
        | "connectionstatus"
        | "status"
        | "state"
        | "approvalstatus" => Role::Connection,
        "provisioningstate" => Role::Provisioning,
        "groupids" | "groupid" | "subresourcenames" | "subresourcename" => Role::Groups,
        "privatelinkserviceid" | "privateconnectionresourceid" => Role::Service,
        "properties" => Role::Properties,
        "sensitive" => Role::Sensitive,
        "disabled" => Role::Disabled,
        "ttl" | "timetolive" | "timestamp" | "resourcegroup" | "resourcegroupname" | "subscription" | "location"
        | "comment" | "description" | "class" | "recordclass" | "no" | "nr" | "index" => Role::Aside,
        _ => Role::Other,
    }
}

/// True for what flattening puts in front of the keys that matter. Anything else may turn the meaning:
/// `public_ip_address`, `gateway_ip`.
fn is_prefix(text: &str) -> bool {
    let mut buffer = [0; MAX_KEY];
    text.split(['_', '.']).all(|part| {
        matches!(
            plain(part, &mut buffer),
            Some(
                "properties"
                    | "customdnsconfigs"
                    | "customdnsconfig"
                    | "dnsconfigs"
                    | "dnsconfig"
                    | "configs"
                    | "config"
                    | "dns"
                    | "recordsets"
                    | "recordset"
                    | "ipconfigurations"
                    | "ipconfiguration"
                    | "ipconfigs"
                    | "ipconfig"
                    | "privatelinkconnectionproperties"
                    | "privateendpoint"
                    | "endpoint"
                    | "pe"
                    | "nic"
                    | "value"
                    | "item"
                    | "record"
                    | "records"
            )
        ) || part.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_without_case_and_separators() {
        for key in ["ipAddresses", "IP_Addresses", "ip addresses", "ip-addresses", "IPADDRESSES"] {
            assert_eq!(role(key), Role::Address, "{key}");
        }
        assert_eq!(role("private_dns_zone_id"), Role::ZoneId);
    }

    #[test]
    fn known_prefixes_are_left_out_and_others_are_another_key() {
        for (key, found) in [
            ("customDnsConfigs_fqdn", Role::Fqdn),
            ("properties.customDnsConfigs[0].ipAddresses", Role::Other),
            ("properties_customDnsConfigs_0_ipAddresses", Role::Address),
            ("properties_privateIPAddress", Role::Address),
            ("public_ip_address", Role::Other),
            ("gateway_ip", Role::Other),
            ("resource_group_name", Role::Aside),
            ("private_service_connection_name", Role::Other),
        ] {
            assert_eq!(role(key), found, "{key}");
        }
        assert_eq!(role(&"x".repeat(1000)), Role::Other);
    }
}
