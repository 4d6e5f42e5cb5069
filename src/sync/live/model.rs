//! The resources of Azure as ARM writes them. Every field may be missing or null, and keys that are not known here are
//! passed over: replies carry more than any specification.

use serde::{Deserialize, Deserializer};

/// Reads null like a field that is not there.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// Reads an array without the nulls in it; null itself is an empty one.
///
/// # Errors
/// If it is no array, or one of something else.
pub fn items<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    let items = Option::<Vec<Option<T>>>::deserialize(from)?.unwrap_or_default();
    Ok(items.into_iter().flatten().collect())
}

/// `Microsoft.Network/privateEndpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateEndpoint {
    /// The resource id, in any case.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// The name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The rest.
    #[serde(deserialize_with = "or_default")]
    pub properties: EndpointProperties,
}

/// The properties of a private endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointProperties {
    /// `Succeeded`, `Updating`, `Creating`, `Deleting`, `Failed` or `Canceled`.
    #[serde(deserialize_with = "or_default")]
    pub provisioning_state: String,
    /// Connections that Azure approves by itself.
    #[serde(deserialize_with = "items")]
    pub private_link_service_connections: Vec<Connection>,
    /// Connections that the owner of the target approves.
    #[serde(deserialize_with = "items")]
    pub manual_private_link_service_connections: Vec<Connection>,
    /// Its subnet.
    #[serde(deserialize_with = "or_default")]
    pub subnet: Reference,
    /// Its network interfaces.
    #[serde(deserialize_with = "items")]
    pub network_interfaces: Vec<Reference>,
    /// Names and addresses as the endpoint itself has them: a cross-check.
    #[serde(deserialize_with = "items")]
    pub custom_dns_configs: Vec<DnsConfig>,
}

/// A reference to another resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// Its resource id.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
}

/// One connection of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// Everything it has.
    #[serde(deserialize_with = "or_default")]
    pub properties: ConnectionProperties,
}

/// The properties of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ConnectionProperties {
    /// The resource id of its target.
    #[serde(deserialize_with = "or_default")]
    pub private_link_service_id: String,
    /// The parts of the target, such as `AzureBackup` or `blob`.
    #[serde(deserialize_with = "items")]
    pub group_ids: Vec<String>,
    /// Its state.
    #[serde(deserialize_with = "or_default")]
    pub private_link_service_connection_state: ConnectionState,
}

/// The state of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ConnectionState {
    /// `Approved`, `Pending`, `Rejected`, `Disconnected`, `Removed` or anything else.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
}

/// A name with its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DnsConfig {
    /// The name.
    #[serde(deserialize_with = "or_default")]
    pub fqdn: String,
    /// Its addresses.
    #[serde(deserialize_with = "items")]
    pub ip_addresses: Vec<String>,
}

/// `Microsoft.Network/networkInterfaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NetworkInterface {
    /// The resource id, in any case.
    #[serde(deserialize_with = "or_default")]
    pub id: String,
    /// The rest.
    #[serde(deserialize_with = "or_default")]
    pub properties: InterfaceProperties,
}

/// The properties of a network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InterfaceProperties {
    /// Its addresses.
    #[serde(deserialize_with = "items")]
    pub ip_configurations: Vec<IpConfiguration>,
    /// The endpoint that it belongs to.
    #[serde(deserialize_with = "or_default")]
    pub private_endpoint: Reference,
}

/// One address of a network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IpConfiguration {
    /// Everything it has.
    #[serde(deserialize_with = "or_default")]
    pub properties: IpConfigurationProperties,
}

/// The properties of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct IpConfigurationProperties {
    /// The address; a machine's may be a network such as `172.20.2.16/28`.
    #[serde(rename = "privateIPAddress", deserialize_with = "or_default")]
    pub private_ip_address: String,
    /// The names that lead to it.
    #[serde(rename = "privateLinkConnectionProperties", deserialize_with = "or_default")]
    pub private_link: PrivateLinkProperties,
}

/// The names of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PrivateLinkProperties {
    /// The part of the target, such as `AzureBackup`.
    #[serde(deserialize_with = "or_default")]
    pub group_id: String,
    /// The names.
    #[serde(deserialize_with = "items")]
    pub fqdns: Vec<String>,
}

/// `Microsoft.Network/privateDnsZones/A` and `/AAAA`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RecordSet {
    /// The owner below the zone, or `@`.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The rest.
    #[serde(deserialize_with = "or_default")]
    pub properties: RecordSetProperties,
}

/// The properties of a record set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RecordSetProperties {
    /// The full name, with its final dot.
    #[serde(deserialize_with = "or_default")]
    pub fqdn: String,
    /// IPv4 addresses.
    #[serde(deserialize_with = "items")]
    pub a_records: Vec<ARecord>,
    /// IPv6 addresses.
    #[serde(deserialize_with = "items")]
    pub aaaa_records: Vec<AaaaRecord>,
}

/// An A record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ARecord {
    /// The address.
    #[serde(deserialize_with = "or_default")]
    pub ipv4_address: String,
}

/// An AAAA record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AaaaRecord {
    /// The address.
    #[serde(deserialize_with = "or_default")]
    pub ipv6_address: String,
}
