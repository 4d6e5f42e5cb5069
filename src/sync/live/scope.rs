//! The scopes of Azure that a live source reads, each on its own.

use std::fmt;
use std::str::FromStr;

/// A part of Azure that is read, and whose list is replaced, by itself. Ids keep the case they were written in; two
/// that differ in case alone are the same to Azure.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The private endpoints of a subscription.
    Subscription {
        /// Its id, a GUID.
        subscription: String,
    },
    /// The private endpoints of a resource group.
    Group {
        /// The subscription's id.
        subscription: String,
        /// Its name.
        group: String,
    },
    /// The address records of an Azure Private DNS zone.
    Zone {
        /// The subscription's id.
        subscription: String,
        /// The resource group.
        group: String,
        /// The zone, such as `privatelink.blob.core.windows.net`.
        zone: String,
    },
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscription { subscription } => write!(f, "/subscriptions/{subscription}"),
            Self::Group { subscription, group } => write!(f, "/subscriptions/{subscription}/resourceGroups/{group}"),
            Self::Zone { subscription, group, zone } => write!(
                f,
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/privateDnsZones/{zone}"
            ),
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    /// Reads `/subscriptions/<id>`, `/subscriptions/<id>/resourceGroups/<name>`, or the id of a private DNS zone.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "'{text}' is not a scope: write \"/subscriptions/<id>\", \"/subscriptions/<id>/resourceGroups/<name>\", or \
                 the id of a private DNS zone"
            )
        };
        let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        let owned = |part: &str| part.to_owned();
        let scope = match parts.as_slice() {
            ["", _, subscription] => guid(subscription).map(|subscription| Self::Subscription { subscription }),
            ["", _, subscription, _, group] => {
                guid(subscription).map(|subscription| Self::Group { subscription, group: owned(group) })
            }
            ["", _, subscription, _, group, _, _, _, zone] => guid(subscription).map(|subscription| Self::Zone {
                subscription,
                group: owned(group),
                zone: owned(zone),
            }),
            _ => None,
        };
        // What was not taken as a part is what `Display` writes.
        scope
            .filter(|scope| scope.to_string().eq_ignore_ascii_case(&parts.join("/")))
            .filter(|_| parts.iter().skip(1).all(|part| !part.is_empty()))
            .filter(|_| text.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#%\\\"'".contains(&octet)))
            .ok_or_else(wrong)
    }
}

fn guid(text: &str) -> Option<String> {
    let is_guid = text.len() == 36
        && text.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        });
    is_guid.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/11111111-2222-3333-4444-555555555555";

    #[test]
    fn scopes_are_the_ids_that_azure_shows() {
        for text in [
            SUBSCRIPTION.to_owned(),
            format!("{SUBSCRIPTION}/resourceGroups/rg-backup"),
            format!(
                "{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
            ),
        ] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "/",
            "11111111-2222-3333-4444-555555555555",
            "/subscriptions/x",
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/",
            "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/a?b",
        ] {
            assert!(text.parse::<Scope>().is_err_and(|why| why.contains("is not a scope")), "{text}");
        }
    }
}
