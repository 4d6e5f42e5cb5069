//! That the server of the pod is started at all, as the image starts it, and may write where it writes.

use serde_json::Value;

use super::super::pods::{Pod, Volume, list, of_kind, text};
use super::unless;

/// The least memory for a list of ten thousand names and a full cache, in Mi.
const MEMORY_MI: u64 = 128;

/// The program is that of the image, with its verb and the config at its usual place.
pub(super) fn program(pod: &Pod<'_>) -> Vec<String> {
    let server = pod.server;
    let args: Vec<&str> = list(&server["args"]).map(text).collect();
    let is_moved = list(&server["env"]).any(|one| one["name"] == "PRIVATELINK_DNS_CONFIG");
    let limit = text(&server["resources"]["limits"]["memory"]);
    let limit = limit.strip_suffix("Mi").and_then(|number| number.parse::<u64>().ok());
    [
        unless(server.get("command").is_none(), || "command: it replaces the entrypoint of the image".to_owned()),
        unless(args == ["serve"], || format!("args: {args:?} in place of serve")),
        unless(!is_moved, || "env: the config is mounted at its usual place".to_owned()),
        unless(limit >= Some(MEMORY_MI), || format!("limits: memory {limit:?} Mi is less than {MEMORY_MI}")),
    ]
    .concat()
}

/// The kind of the pod fits: a set changes pod by pod, a sidecar ends with its job.
pub(super) fn life(pod: &Pod<'_>) -> Vec<String> {
    let is_sidecar = list(&pod.spec["initContainers"]).any(|one| one == pod.server);
    let restarts = pod.spec["restartPolicy"].as_str().unwrap_or("Always");
    let strategy = pod.owner["spec"]["updateStrategy"]["type"].as_str().unwrap_or("RollingUpdate");
    let left = pod.owner["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_u64().unwrap_or(0);
    [
        unless(!is_sidecar || pod.server["restartPolicy"] == "Always", || {
            "restartPolicy: an init container that has to end before the job begins".to_owned()
        }),
        unless((pod.owner["kind"] == "CronJob") == (restarts != "Always"), || {
            format!("restartPolicy: {restarts} does not fit a {}", pod.owner["kind"])
        }),
        unless(pod.spec["nodeSelector"]["kubernetes.io/os"] == "linux", || "nodeSelector: it needs Linux".to_owned()),
        unless(pod.server["imagePullPolicy"] != "Never", || "imagePullPolicy: a new node has no image".to_owned()),
        unless(strategy == "RollingUpdate" && left == 0, || format!("updateStrategy: {strategy} leaves the old pods")),
    ]
    .concat()
}

/// What the server writes it may write; a `ConfigMap` or a Secret is mounted with all of its files, readable by it.
pub(super) fn mounts(pod: &Pod<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for one in list(&pod.server["volumeMounts"]) {
        let path = text(&one["mountPath"]);
        let is_given = matches!(pod.under(path), Volume::ConfigMap(_) | Volume::Secret(_));
        wrong.extend(unless(is_given || one["readOnly"] != true, || format!("{path}: the server cannot write there")));
    }
    for volume in list(&pod.spec["volumes"]) {
        let is_changed = |key: &&str| volume["configMap"].get(*key).is_some() || volume["secret"].get(*key).is_some();
        let has_mode = volume["configMap"].get("defaultMode").is_some();
        let changed = ["items", "optional"].into_iter().find(is_changed).or(has_mode.then_some("defaultMode"));
        wrong.extend(
            changed.map(|key| format!("volume '{}': {key} is not needed and hides files", text(&volume["name"]))),
        );
    }
    for claim in list(&pod.owner["spec"]["volumeClaimTemplates"]) {
        let mut modes = list(&claim["spec"]["accessModes"]).map(text);
        let is_own = modes.any(|mode| ["ReadWriteOnce", "ReadWriteOncePod"].contains(&mode));
        wrong.extend(unless(is_own, || "accessModes: the server cannot write to its disk".to_owned()));
        let size = text(&claim["spec"]["resources"]["requests"]["storage"]);
        wrong.extend(unless(!size.ends_with("Ki") && size != "1Mi", || format!("storage: {size} is too little")));
        let kept = &pod.owner["spec"]["persistentVolumeClaimRetentionPolicy"];
        let is_kept = ["whenDeleted", "whenScaled"].iter().all(|key| kept[key] == "Retain");
        wrong.extend(unless(is_kept, || "persistentVolumeClaimRetentionPolicy: the disks go with the set".to_owned()));
    }
    wrong
}

/// All objects are in one namespace, which is the strict one if it is ours, and the pod's account is among them.
pub(super) fn namespace(pod: &Pod<'_>) -> Vec<String> {
    let own = &pod.owner["metadata"]["namespace"];
    let is_elsewhere = |object: &&Value| object["kind"] != "Namespace" && object["metadata"]["namespace"] != *own;
    let mut wrong: Vec<String> =
        pod.objects.iter().filter(is_elsewhere).map(|object| format!("{} is not in {own}", object["kind"])).collect();
    for space in of_kind(pod.objects, "Namespace") {
        let is_strict = space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted";
        wrong.extend(unless(is_strict, || "Namespace: it does not enforce 'restricted'".to_owned()));
        wrong.extend(unless(space["metadata"]["name"] == *own, || format!("Namespace: it is not {own}")));
    }
    let account = &pod.spec["serviceAccountName"];
    let has_account = of_kind(pod.objects, "ServiceAccount").any(|one| one["metadata"]["name"] == *account);
    wrong.extend(unless(pod.owner["kind"] == "CronJob" || has_account, || format!("serviceAccountName: no {account}")));
    wrong
}
