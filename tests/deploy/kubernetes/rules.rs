//! Rules of our own: what the manifests and the config in them say of one another, and what no checker knows.
//!
//! In: the objects of one kustomization. Out: a line for each rule that is broken, with what is wrong.

mod clients;
pub(super) mod lifetime;
mod mistakes;
mod network;
mod passage;
mod storage;
mod whole;
mod words;

use serde_json::Value;

use super::pods::{self, Pod, list, pod, text};

/// A rule: nothing, or what is wrong.
type Rule = fn(&Pod<'_>) -> Vec<String>;

const RULES: [Rule; 25] = [
    rights,
    restricted,
    image,
    storage::whole_folders,
    storage::volumes,
    storage::config_maps,
    storage::secrets,
    lifetime::liveness,
    lifetime::readiness,
    lifetime::patiences,
    lifetime::grace,
    lifetime::disruption,
    network::container_ports,
    network::services,
    network::policy_in,
    network::policy_out,
    passage::packets,
    clients::selectors,
    clients::resolver,
    clients::identity,
    whole::program,
    whole::life,
    whole::mounts,
    whole::namespace,
    words::words,
];

/// Every rule that these objects break.
pub(super) fn breaches(objects: &[Value]) -> Vec<String> {
    let pod = pod(objects);
    RULES.iter().flat_map(|rule| rule(&pod)).collect()
}

/// One line if something is wrong.
fn unless(is_right: bool, wrong: impl FnOnce() -> String) -> Vec<String> {
    if is_right { Vec::new() } else { vec![wrong()] }
}

/// The server has one right, port 53, and is the user to whom the image's folders belong.
fn rights(pod: &Pod<'_>) -> Vec<String> {
    let context = &pod.server["securityContext"];
    let all: Vec<&Value> = [&pod.spec["initContainers"], &pod.spec["containers"]].into_iter().flat_map(list).collect();
    let added: Vec<&str> =
        all.iter().flat_map(|one| list(&one["securityContext"]["capabilities"]["add"])).map(text).collect();
    let user = context.get("runAsUser").unwrap_or(&pod.spec["securityContext"]["runAsUser"]);
    [
        unless(added == ["NET_BIND_SERVICE"], || format!("capabilities: {added:?} in place of NET_BIND_SERVICE")),
        unless(*user == 65532, || format!("runAsUser: {user} is not the user of the image, 65532")),
        unless(pod.spec["securityContext"]["fsGroup"] == 65532, || {
            "fsGroup: without 65532 the server cannot write to its disk".to_owned()
        }),
    ]
    .concat()
}

/// What the namespace enforces (Pod Security Standards, *restricted*): the API server takes no other pod.
fn restricted(pod: &Pod<'_>) -> Vec<String> {
    let ours = &pod.spec["securityContext"];
    let mut wrong = Vec::new();
    for one in list(&pod.spec["initContainers"]).chain(list(&pod.spec["containers"])) {
        let (name, own) = (text(&one["name"]), &one["securityContext"]);
        let either = |key: &str| own.get(key).unwrap_or(&ours[key]);
        let added = list(&own["capabilities"]["add"]).all(|one| one == "NET_BIND_SERVICE");
        let dropped = list(&own["capabilities"]["drop"]).any(|one| one == "ALL");
        let found = [
            (own["allowPrivilegeEscalation"] == false, "allowPrivilegeEscalation"),
            (added && dropped, "capabilities"),
            (*either("runAsNonRoot") == true && *either("runAsUser") != 0, "runAsNonRoot"),
            (either("seccompProfile")["type"] == "RuntimeDefault", "seccompProfile"),
            (own["privileged"] != true, "privileged"),
        ];
        let bad = found.into_iter().filter(|(is_good, _)| !is_good);
        wrong.extend(bad.map(|(_, what)| format!("container '{name}': {what} is not as 'restricted' wants it")));
    }
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|key| pod.spec[key] == true);
    wrong.extend(host.map(|key| format!("{key}: 'restricted' does not allow it")));
    let is_held = |one: &Value| list(&one["ports"]).any(|port| port.get("hostPort").is_some());
    wrong.extend(unless(!is_held(pod.server), || "hostPort: 'restricted' does not allow it".to_owned()));
    let is_good = |volume: &&Value| ["configMap", "emptyDir", "secret"].iter().any(|kind| volume.get(*kind).is_some());
    let other = list(&pod.spec["volumes"]).filter(|volume| !is_good(volume));
    wrong.extend(other.map(|volume| format!("volume '{}': no ConfigMap, emptyDir or Secret", text(&volume["name"]))));
    wrong
}

/// The image is of this version.
fn image(pod: &Pod<'_>) -> Vec<String> {
    let (found, wanted) = (pods::image(pod.server), concat!("privatelink-dns:", env!("CARGO_PKG_VERSION")));
    unless(found == wanted, || format!("image: {found} in place of {wanted}"))
}
