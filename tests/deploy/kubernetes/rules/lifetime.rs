//! Start, life and end of a pod.

use serde_json::Value;

use super::super::pods::{Pod, list, of_kind, text};
use super::unless;

/// The time after `lameduck` in which the server waits for its upstreams.
const DRAIN_S: u64 = 6;

/// A restart comes only of what a restart cures: the process itself.
pub(super) fn liveness(pod: &Pod<'_>) -> Vec<String> {
    let is_local = |probe: &Value| match probe.get("httpGet") {
        Some(get) => is_get(get, "/health"),
        None => list(&probe["exec"]["command"]).map(text).eq(["/usr/bin/privatelink-dns", "status", "--live"]),
    };
    let probes = ["startupProbe", "livenessProbe"].into_iter();
    probes
        .flat_map(|key| unless(is_local(&pod.server[key]), || format!("{key}: not /health, nor status --live")))
        .collect()
}

/// The probe listener speaks plain HTTP.
fn is_get(get: &Value, path: &str) -> bool {
    get["path"] == path && get["port"] == "probe" && get["scheme"].as_str().unwrap_or("HTTP") == "HTTP"
}

/// The seconds after which a probe has failed: the API server's defaults are every 10 s, three times.
pub(in super::super) fn patience(probe: &Value) -> u64 {
    probe["periodSeconds"].as_u64().unwrap_or(10) * probe["failureThreshold"].as_u64().unwrap_or(3)
}

/// A busy minute kills no pod, and clients leave one without its zones before a balancer's next two probes.
pub(super) fn patiences(pod: &Pod<'_>) -> Vec<String> {
    let is_asked = of_kind(pod.objects, "Service").next().is_some();
    let found = |key: &str| pod.server.get(key).map(patience);
    let mut wrong = Vec::new();
    for key in ["startupProbe", "livenessProbe"] {
        wrong.extend(unless(found(key) >= Some(60), || format!("{key}: kills the pod after {:?} s", found(key))));
    }
    let is_soon = found("readinessProbe").is_some_and(|seconds| seconds <= 15);
    wrong.extend(unless(is_soon || !is_asked, || format!("readinessProbe: after {:?} s", found("readinessProbe"))));
    wrong
}

/// Clients of a Service come to a pod that has its zones.
pub(super) fn readiness(pod: &Pod<'_>) -> Vec<String> {
    let probe = &pod.server["readinessProbe"]["httpGet"];
    let is_right = is_get(probe, "/ready");
    let has_service = of_kind(pod.objects, "Service").next().is_some();
    unless(is_right || !has_service, || "readinessProbe: not /ready at the port 'probe'".to_owned())
}

/// The pod is not killed while it still answers.
pub(super) fn grace(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let lameduck = config.get("admin").and_then(|admin| admin.get("lameduck")).and_then(toml::Value::as_str);
    let lameduck = lameduck.map_or(0, |text| text.trim_end_matches('s').parse::<u64>().expect("whole seconds"));
    let grace = pod.spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
    unless(grace > lameduck + DRAIN_S, || {
        format!("terminationGracePeriodSeconds: {grace} is not more than lameduck {lameduck} and {DRAIN_S} s")
    })
}

/// One pod at a time is away, and none waits for another to begin.
pub(super) fn disruption(pod: &Pod<'_>) -> Vec<String> {
    if pod.owner["kind"] != "StatefulSet" {
        return Vec::new();
    }
    let replicas = pod.owner["spec"]["replicas"].as_u64().unwrap_or(1);
    let budgets: Vec<u64> = of_kind(pod.objects, "PodDisruptionBudget")
        .map(|budget| budget["spec"]["maxUnavailable"].as_u64().unwrap_or(u64::MAX))
        .collect();
    [
        unless(pod.owner["spec"]["podManagementPolicy"] == "Parallel", || {
            "podManagementPolicy: the second pod would wait for the lists of the first".to_owned()
        }),
        unless(budgets.len() == 1 && budgets[0] < replicas, || {
            format!("PodDisruptionBudget: {budgets:?} of {replicas} pods may be away")
        }),
        unless(
            of_kind(pod.objects, "PodDisruptionBudget")
                .all(|one| one["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"),
            || "unhealthyPodEvictionPolicy: a pod that is not ready holds up a drain".to_owned(),
        ),
        unless(pod.owner["spec"]["minReadySeconds"].as_u64() >= Some(10), || {
            "minReadySeconds: the second pod goes before the first is back in the Service".to_owned()
        }),
    ]
    .concat()
}
