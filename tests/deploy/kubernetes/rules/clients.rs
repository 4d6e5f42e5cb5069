//! Who belongs to whom: selectors, the pod's own resolver, its identity.

use std::net::SocketAddr;

use serde_json::Value;

use super::super::pods::{Pod, list, of_kind, selects, text};
use super::unless;

/// Everything that is about the pods selects them.
pub(super) fn selectors(pod: &Pod<'_>) -> Vec<String> {
    let mut found: Vec<(String, &Value)> = Vec::new();
    for kind in ["Service", "PodDisruptionBudget", "NetworkPolicy"] {
        for object in of_kind(pod.objects, kind) {
            let spec = &object["spec"];
            let selector = match kind {
                "Service" => &spec["selector"],
                "PodDisruptionBudget" => &spec["selector"]["matchLabels"],
                // `podSelector: {}` is everybody's.
                _ => spec["podSelector"].get("matchLabels").unwrap_or(&spec["podSelector"]),
            };
            found.push((format!("{kind} '{}'", text(&object["metadata"]["name"])), selector));
        }
    }
    let apart = &pod.spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    for term in list(apart).chain(list(&pod.spec["topologySpreadConstraints"])) {
        found.push((text(&term["topologyKey"]).to_owned(), &term["labelSelector"]["matchLabels"]));
    }
    let own = &pod.owner["spec"]["selector"]["matchLabels"];
    if pod.owner["kind"] == "StatefulSet" {
        found.push(("StatefulSet".to_owned(), own));
    }
    let others = found.into_iter().filter(|(_, selector)| !selects(selector, pod.labels));
    let mut wrong: Vec<String> = others.map(|(what, _)| format!("{what}: its selector is of other pods")).collect();
    let is_alone = list(apart).any(|term| term["topologyKey"] == "kubernetes.io/hostname");
    // Without it no pod has a name of its own.
    let names = of_kind(pod.objects, "Service").find(|one| one["metadata"]["name"] == pod.owner["spec"]["serviceName"]);
    let has_names = names.is_some_and(|service| service["spec"]["clusterIP"] == "None");
    wrong.extend(unless(pod.owner["kind"] != "StatefulSet" || has_names, || {
        "serviceName: no headless Service".to_owned()
    }));
    wrong.extend(unless(pod.owner["kind"] != "StatefulSet" || is_alone, || "two pods may share a node".to_owned()));
    wrong
}

/// The pod asks its own server: at an address that it listens on, from one that may ask.
pub(super) fn resolver(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let strings = |value: &toml::Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| Some(one.as_str()?.to_owned())).collect()
    };
    let servers: Vec<&str> = list(&pod.spec["dnsConfig"]["nameservers"]).map(text).collect();
    let listens = strings(&config["listen"]).iter().filter_map(|one| one.parse::<SocketAddr>().ok()).any(|address| {
        address.port() == 53 && (address.ip().is_unspecified() || address.ip().to_string() == "127.0.0.1")
    });
    // Names of the search list are those of the cluster, and go to its DNS.
    let rules = config["forward"].get("rules").and_then(toml::Value::as_array).into_iter().flatten();
    let suffixes: Vec<&str> = rules.filter_map(|rule| rule.get("suffix")?.as_str()).collect();
    let is_forwarded = |search: &str| suffixes.iter().any(|suffix| search.ends_with(suffix));
    let lost = list(&pod.spec["dnsConfig"]["searches"]).map(text).find(|search| !is_forwarded(search));
    [
        unless(lost.is_none(), || format!("searches: no forward rule for {lost:?}")),
        unless(pod.spec["dnsPolicy"] == "None", || "dnsPolicy: the cluster's DNS may lead back here".to_owned()),
        unless(servers == ["127.0.0.1"], || format!("nameservers: {servers:?} in place of 127.0.0.1")),
        unless(listens, || "listen: the pod asks 127.0.0.1, port 53, where nothing listens".to_owned()),
        unless(strings(&config["access"]["allow"]).contains(&"127.0.0.0/8".to_owned()), || {
            "[access] allow: the pod itself may not ask".to_owned()
        }),
    ]
    .concat()
}

/// `identity = "workload"` has its label and its annotation, and nobody else has them.
pub(super) fn identity(pod: &Pod<'_>) -> Vec<String> {
    let wanted = pod.config_text().contains("identity = \"workload\"");
    let has_label = pod.labels.get("azure.workload.identity/use").is_some_and(|value| value == "true");
    let account =
        of_kind(pod.objects, "ServiceAccount").find(|one| one["metadata"]["name"] == pod.spec["serviceAccountName"]);
    let annotations = account.map(|account| &account["metadata"]["annotations"]);
    let has_client = annotations.is_some_and(|found| found.get("azure.workload.identity/client-id").is_some());
    unless(has_label == wanted && has_client == wanted, || {
        format!("workload identity: config {wanted}, label {has_label}, client id {has_client}")
    })
}
