//! Azure Resource Manager: which answer a request gets.

use serde_json::{Value, json};

use super::answers;
use super::estate::{Estate, SUBSCRIPTION};
use super::http::{Answer, Request};
use super::world::World;

/// The answer to a request of ARM.
pub(crate) fn answer(world: &mut World, request: &Request) -> Answer {
    let answer = decided(world, request);
    world.estate.remaining = world.estate.remaining.saturating_sub(1).max(1);
    answer
        .with("x-ms-ratelimit-remaining-subscription-reads", world.estate.remaining.to_string())
        .with("x-ms-ratelimit-remaining-subscription-global-reads", "3749")
        .with("x-ms-request-id", world.correlation())
        .with("x-ms-correlation-request-id", world.correlation())
        .with("x-ms-routing-request-id", format!("WESTEUROPE:20261125T000000Z:{}", world.correlation()))
        .with("Cache-Control", "no-cache")
}

fn decided(world: &World, request: &Request) -> Answer {
    let path = request.path();
    if path == "/metadata/endpoints" {
        return metadata(&world.arm);
    }
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if let Err(code) = world.identities.check(token) {
        let challenge = "Bearer authorization_uri=\"https://login.microsoftonline.com/x\", error=\"invalid_token\"";
        return error(401, code, "The access token is not valid.").with("WWW-Authenticate", challenge);
    }
    if request.query("api-version").is_none() {
        return error(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required.",
        );
    }
    let estate = &world.estate;
    if estate.refused.iter().any(|part| path.contains(part.as_str())) {
        return forbidden(&path);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["subscriptions"] => subscriptions(estate),
        ["tenants"] => Answer::json(200, &json!({"value": [{"tenantId": super::estate::TENANT}]})),
        ["subscriptions", subscription, rest @ ..] => {
            if !estate.subscriptions.iter().any(|known| known.eq_ignore_ascii_case(subscription)) {
                return error(
                    404,
                    "SubscriptionNotFound",
                    &format!("The subscription '{subscription}' could not be found."),
                );
            }
            let (group, rest) = match rest {
                ["resourcegroups", group, rest @ ..] => (Some(*group), rest),
                rest => (None, rest),
            };
            if let Some(group) = group.filter(|group| !has_group(estate, subscription, group)) {
                return error(404, "ResourceGroupNotFound", &format!("Resource group '{group}' could not be found."));
            }
            resource(world, request, (subscription, group), rest)
        }
        _ => error(404, "NotFound", "There is nothing here."),
    }
}

fn has_group(estate: &Estate, subscription: &str, group: &str) -> bool {
    let lives_there = |its_subscription: &str, its_group: &str| {
        its_subscription.eq_ignore_ascii_case(subscription) && its_group.eq_ignore_ascii_case(group)
    };
    estate.groups.contains(&format!("{subscription}/{group}"))
        || estate.endpoints.iter().any(|endpoint| lives_there(&endpoint.subscription, &endpoint.group))
        || estate.zones.iter().any(|zone| lives_there(SUBSCRIPTION, &zone.group))
}

fn resource(world: &World, request: &Request, place: (&str, Option<&str>), rest: &[&str]) -> Answer {
    let (subscription, group) = place;
    let is_here = |its_subscription: &str, its_group: &str| {
        its_subscription.eq_ignore_ascii_case(subscription)
            && group.is_none_or(|group| its_group.eq_ignore_ascii_case(group))
    };
    let estate = &world.estate;
    let here = || estate.endpoints.iter().filter(|endpoint| is_here(&endpoint.subscription, &endpoint.group));
    match rest {
        ["providers", "microsoft.network", "privateendpoints"] => {
            page(world, request, here().map(answers::endpoint).collect())
        }
        ["providers", "microsoft.network", "privateendpoints", name] => {
            one(here().find(|endpoint| endpoint.name.eq_ignore_ascii_case(name)).map(answers::endpoint), name)
        }
        ["providers", "microsoft.network", "networkinterfaces"] => {
            let mut all: Vec<Value> = here().filter(|endpoint| endpoint.has_nic).map(answers::nic).collect();
            let machines =
                (0..estate.machines).map(|number| answers::machine(subscription, group.unwrap_or("vms"), number));
            all.splice(0..0, machines);
            page(world, request, all)
        }
        ["providers", "microsoft.network", "networkinterfaces", name] => {
            let own =
                |endpoint: &&super::estate::Endpoint| answers::nic_id(endpoint).to_ascii_lowercase().ends_with(name);
            one(here().filter(|endpoint| endpoint.has_nic).find(own).map(answers::nic), name)
        }
        ["providers", "microsoft.network", "privatednszones", zone, kind] => {
            let found = estate.zones.iter().find(|this| this.name == *zone && is_here(SUBSCRIPTION, &this.group));
            match found {
                Some(zone) => page(world, request, answers::record_sets(zone, kind)),
                None => error(404, "ParentResourceNotFound", &format!("The zone '{zone}' was not found.")),
            }
        }
        _ => error(404, "InvalidResourceType", "The resource type could not be found."),
    }
}

fn one(found: Option<Value>, name: &str) -> Answer {
    found.map_or_else(
        || error(404, "ResourceNotFound", &format!("The resource '{name}' was not found.")),
        |value| Answer::json(200, &value),
    )
}

/// One page of a collection, and the link to the next.
fn page(world: &World, request: &Request, mut all: Vec<Value>) -> Answer {
    let path = request.path();
    if world.estate.blind.iter().any(|part| path.contains(part.as_str())) {
        all.clear();
    }
    let start = request.query("$skipToken").and_then(|token| token.parse().ok()).unwrap_or(0_usize).min(all.len());
    let end = all.len().min(start + world.estate.page.max(1));
    let mut body = json!({"value": all[start..end]});
    if end < all.len() {
        let version = request.query("api-version").unwrap_or_default();
        let path = request.target.split('?').next().unwrap_or_default();
        body["nextLink"] = format!("{}{path}?api-version={version}&$skipToken={end}", world.arm).into();
    }
    Answer::json(200, &body)
}

fn subscriptions(estate: &Estate) -> Answer {
    let one = |id: &String| {
        json!({"id": format!("/subscriptions/{id}"), "subscriptionId": id, "displayName": "lab", "state": "Enabled",
               "tenantId": super::estate::TENANT, "authorizationSource": "RoleBased", "managedByTenants": []})
    };
    Answer::json(200, &json!({"value": estate.subscriptions.iter().map(one).collect::<Vec<_>>()}))
}

/// An error as ARM writes it.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"error": {"code": code, "message": message, "details": [], "additionalInfo": []}});
    Answer::json(status, &body).with("x-ms-failure-cause", "gateway")
}

/// 403, with the right that is missing.
pub(crate) fn forbidden(path: &str) -> Answer {
    let kinds = [("networkinterfaces", "networkInterfaces"), ("privatednszones", "privateDnsZones/A")];
    let kind = kinds.iter().find(|(part, _)| path.contains(part)).map_or("privateEndpoints", |(_, kind)| *kind);
    let scope = path.split("/providers/microsoft.network/").next().unwrap_or_default();
    error(
        403,
        "AuthorizationFailed",
        &format!(
            "The client '{}' with object id '{}' does not have authorization to perform action \
             'Microsoft.Network/{kind}/read' over scope '{scope}' or the scope is invalid. If access was recently \
             granted, please refresh your credentials.",
            super::identity::CLIENT,
            super::identity::OBJECT
        ),
    )
}

/// What a cloud says of itself; the Azure CLI asks for it.
fn metadata(arm: &str) -> Answer {
    Answer::json(
        200,
        &json!({
            "name": "Scripted", "portal": arm, "graph": arm, "graphAudience": arm, "resourceManager": format!("{arm}/"),
            "batch": arm, "gallery": arm, "media": arm, "sqlManagement": arm, "vmImageAliasDoc": arm,
            "authentication": {
                "loginEndpoint": format!("{arm}/"), "tenant": "common", "identityProvider": "AAD",
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"]
            },
            "suffixes": {"storage": "core.windows.net", "keyVaultDns": "vault.azure.net"}
        }),
    )
}
