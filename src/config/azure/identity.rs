//! The identity that asks Azure, and the keys that go with each kind.

use std::path::Path;

use super::super::reader::Section;
use super::super::values;
use super::is_resource;
use crate::diag::Id;
use crate::sync::live::settings::{Identity, UserAssigned};

/// The words for the identities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Managed,
    Workload,
    Secret,
    Certificate,
    Cli,
}

impl Kind {
    /// The keys of an identity that fit, and those among them that are needed.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Managed => (&["client_id", "object_id", "resource_id"], &[]),
            Self::Workload => (&["client_id", "tenant"], &[]),
            Self::Secret => (&["client_id", "tenant", "secret_file"], &["client_id", "tenant", "secret_file"]),
            Self::Certificate => {
                (&["client_id", "tenant", "certificate_file"], &["client_id", "tenant", "certificate_file"])
            }
            Self::Cli => (&[], &[]),
        }
    }

    /// The reason why another key does not fit.
    fn reason(self) -> &'static str {
        match self {
            Self::Managed => {
                "a managed identity has no such key; write identity = \"secret\" or \"certificate\" for a service principal"
            }
            Self::Workload => {
                "a workload identity proves itself by the token file that Kubernetes gives it; remove the key"
            }
            Self::Secret => {
                "a service principal with identity = \"secret\" has client_id, tenant and secret_file alone"
            }
            Self::Certificate => {
                "a service principal with identity = \"certificate\" has client_id, tenant and certificate_file alone"
            }
            Self::Cli => "with identity = \"cli\" the one who is signed in to the Azure CLI asks; remove the key",
        }
    }
}

/// The keys that say who asks.
const IDENTITY_KEYS: [&str; 6] = ["client_id", "object_id", "resource_id", "tenant", "secret_file", "certificate_file"];

/// Who asks; whatever is wrong has been said.
pub(super) fn identity(section: &Section<'_>, base: &Path) -> Identity {
    let kinds = [
        ("managed", Kind::Managed),
        ("workload", Kind::Workload),
        ("secret", Kind::Secret),
        ("certificate", Kind::Certificate),
        ("cli", Kind::Cli),
    ];
    let kind = section.string("identity", |text| values::choice(text, &kinds)).unwrap_or(Kind::Managed);
    let (fitting, needed) = kind.keys();
    for key in IDENTITY_KEYS.into_iter().filter(|key| !fitting.contains(key)) {
        section.refuse(key, kind.reason());
    }
    for key in needed.iter().filter(|key| !section.has(key)) {
        let text = format!("a source with this identity needs {}", fitting.join(", "));
        section.problem(Id::CONFIG_MISSING_KEY, format!("{text}: {key} is missing"));
    }
    let has = |key: &'static str| fitting.contains(&key);
    let client_id = has("client_id").then(|| section.string("client_id", guid)).flatten();
    let tenant = has("tenant").then(|| section.string("tenant", tenant)).flatten();
    let file = |key| section.string(key, |text| Ok(base.join(text))).unwrap_or_default();
    match kind {
        Kind::Managed => Identity::Managed(user_assigned(section, client_id)),
        Kind::Workload => Identity::Workload { client_id, tenant },
        Kind::Secret => Identity::Secret {
            client_id: client_id.unwrap_or_default(),
            tenant: tenant.unwrap_or_default(),
            file: file("secret_file"),
        },
        Kind::Certificate => Identity::Certificate {
            client_id: client_id.unwrap_or_default(),
            tenant: tenant.unwrap_or_default(),
            file: file("certificate_file"),
        },
        Kind::Cli => {
            let text = "identity: \"cli\" is for trying out: the server itself needs an identity that nobody signs out";
            section.warn_at("identity", Id::CONFIG_BAD_VALUE, text);
            Identity::Cli
        }
    }
}

fn user_assigned(section: &Section<'_>, client_id: Option<String>) -> Option<UserAssigned> {
    let named: Vec<&str> =
        ["client_id", "object_id", "resource_id"].into_iter().filter(|key| section.has(key)).collect();
    if let [_, second, ..] = named.as_slice() {
        let text = format!("{second}: {} name the same thing in different ways; keep one", named.join(" and "));
        section.problem_at(second, text);
    }
    let object_id = section.string("object_id", guid).map(UserAssigned::ObjectId);
    let resource_id = section.string("resource_id", user_assigned_id).map(UserAssigned::ResourceId);
    client_id.map(UserAssigned::ClientId).or(object_id).or(resource_id)
}

fn user_assigned_id(text: &str) -> Result<String, String> {
    if is_resource(text, "/providers/microsoft.managedidentity/userassignedidentities/", 9) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "'{text}' is no resource id of an identity, which ends in \".../providers/Microsoft.ManagedIdentity/\
         userAssignedIdentities/<name>\""
    ))
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, octet)| match at {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

fn guid(text: &str) -> Result<String, String> {
    if is_guid(text) {
        return Ok(text.to_owned());
    }
    // It may be a secret in the wrong place, so it is not shown.
    Err("an id looks like \"11111111-2222-3333-4444-555555555555\"".to_owned())
}

/// The id of a tenant, or one of its domains.
fn tenant(text: &str) -> Result<String, String> {
    let is_domain = text.contains('.')
        && text.split('.').all(|label| !label.is_empty())
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-.".contains(&octet));
    if is_guid(text) || is_domain {
        return Ok(text.to_owned());
    }
    Err("write the tenant's id, or a domain of it such as \"contoso.onmicrosoft.com\"".to_owned())
}
