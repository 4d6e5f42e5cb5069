//! Fields that take one of a few words. The API server refuses any other word; the schemas that are at hand take it.

use serde_json::Value;

use super::super::pods::Pod;

/// Keys and their words.
const WORDS: [(&str, &[&str]); 17] = [
    ("accessModes", &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]),
    ("concurrencyPolicy", &["Allow", "Forbid", "Replace"]),
    ("dnsPolicy", &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
    ("externalTrafficPolicy", &["Cluster", "Local"]),
    ("fsGroupChangePolicy", &["Always", "OnRootMismatch"]),
    ("imagePullPolicy", &["Always", "IfNotPresent", "Never"]),
    ("internalTrafficPolicy", &["Cluster", "Local"]),
    ("ipFamilyPolicy", &["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ("medium", &["", "Memory"]),
    ("podManagementPolicy", &["OrderedReady", "Parallel"]),
    ("policyTypes", &["Ingress", "Egress"]),
    ("protocol", &["UDP", "TCP", "SCTP"]),
    ("restartPolicy", &["Always", "OnFailure", "Never"]),
    ("unhealthyPodEvictionPolicy", &["IfHealthyBudget", "AlwaysAllow"]),
    ("whenDeleted", &["Delete", "Retain"]),
    ("whenScaled", &["Delete", "Retain"]),
    ("whenUnsatisfiable", &["DoNotSchedule", "ScheduleAnyway"]),
];

/// Every word that the API server would refuse.
pub(super) fn words(pod: &Pod<'_>) -> Vec<String> {
    pod.objects.iter().filter(|object| object["kind"] != "ConfigMap").flat_map(below).collect()
}

fn below(value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let known = WORDS.iter().find(|(known, _)| known == key).map(|(_, words)| *words);
        let found = value.as_array().map_or_else(|| vec![value], |all| all.iter().collect());
        let unknown =
            found.into_iter().filter_map(Value::as_str).find(|word| known.is_some_and(|all| !all.contains(word)));
        wrong.extend(unknown.map(|word| format!("{key}: '{word}' is none of {:?}", known.unwrap_or_default())));
        wrong.extend(below(value));
    }
    wrong.extend(value.as_array().into_iter().flatten().flat_map(below));
    wrong
}
