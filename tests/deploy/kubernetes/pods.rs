//! The pods among rendered objects, seen as the server in them sees them: its mounts, its config, its ports.

use serde_json::Value;
use toml::Table;

/// The name of the config in its `ConfigMap`, and where it is mounted.
pub(super) const CONFIG: &str = "privatelink-dns.toml";
pub(super) const CONFIG_FOLDER: &str = "/etc/privatelink-dns";

/// A pod with our server in it.
pub(super) struct Pod<'a> {
    pub(super) objects: &'a [Value],
    /// The `StatefulSet` or the `CronJob`.
    pub(super) owner: &'a Value,
    pub(super) labels: &'a Value,
    pub(super) spec: &'a Value,
    /// The container of the server.
    pub(super) server: &'a Value,
}

/// What is mounted somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Volume<'a> {
    ConfigMap(&'a str),
    Secret(&'a str),
    Memory,
    /// Gone with the pod.
    Scratch,
    /// Outlives the pod.
    Claim,
    Unknown,
}

/// The elements of an array; none if it is not there.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A string; empty if it is not there.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The objects of a kind.
pub(super) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// Whether a selector's labels are all among those of a pod; an empty selector is everybody's.
pub(super) fn selects(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

/// The image of a container, without its registry.
pub(super) fn image(container: &Value) -> &str {
    text(&container["image"]).rsplit('/').next().unwrap_or_default()
}

/// The one pod with our server.
pub(super) fn pod(objects: &[Value]) -> Pod<'_> {
    let templates = objects.iter().flat_map(|owner| {
        [&owner["spec"]["template"], &owner["spec"]["jobTemplate"]["spec"]["template"]].map(|found| (owner, found))
    });
    let mut pods = templates.filter(|(_, template)| template.is_object()).filter_map(|(owner, template)| {
        let spec = &template["spec"];
        let mut containers = list(&spec["initContainers"]).chain(list(&spec["containers"]));
        let server = containers.find(|container| image(container).starts_with("privatelink-dns"))?;
        Some(Pod { objects, owner, labels: &template["metadata"]["labels"], spec, server })
    });
    pods.next().expect("a pod with an image of privatelink-dns")
}

impl<'a> Pod<'a> {
    /// Path and volume of each mount of the server.
    pub(super) fn mounts(&self) -> Vec<(&'a str, Volume<'a>)> {
        list(&self.server["volumeMounts"]).map(|one| (text(&one["mountPath"]), self.volume(&one["name"]))).collect()
    }

    fn volume(&self, name: &Value) -> Volume<'a> {
        if list(&self.owner["spec"]["volumeClaimTemplates"]).any(|claim| claim["metadata"]["name"] == *name) {
            return Volume::Claim;
        }
        let found = list(&self.spec["volumes"]).find(|volume| volume["name"] == *name).unwrap_or(&Value::Null);
        if let Some(map) = found["configMap"]["name"].as_str() {
            return Volume::ConfigMap(map);
        }
        if let Some(secret) = found["secret"]["secretName"].as_str() {
            return Volume::Secret(secret);
        }
        match found["emptyDir"].get("medium") {
            Some(medium) if medium == "Memory" => Volume::Memory,
            _ if found["emptyDir"].is_object() => Volume::Scratch,
            _ => Volume::Unknown,
        }
    }

    /// The volume under a path: that of the longest mount above it.
    pub(super) fn under(&self, path: &str) -> Volume<'a> {
        let above = |mount: &str| path == mount || path.strip_prefix(mount).is_some_and(|rest| rest.starts_with('/'));
        let fitting = self.mounts().into_iter().filter(|(mount, _)| above(mount));
        fitting.max_by_key(|(mount, _)| mount.len()).map_or(Volume::Unknown, |(_, volume)| volume)
    }

    /// The files of a `ConfigMap`.
    pub(super) fn files(&self, map: &str) -> Vec<(&'a str, &'a str)> {
        let found = of_kind(self.objects, "ConfigMap").find(|object| object["metadata"]["name"] == map);
        let data = found.and_then(|found| found["data"].as_object());
        data.into_iter().flatten().map(|(name, content)| (name.as_str(), text(content))).collect()
    }

    /// The text of the config that the server finds.
    pub(super) fn config_text(&self) -> &'a str {
        let Volume::ConfigMap(map) = self.under(CONFIG_FOLDER) else { panic!("no ConfigMap at {CONFIG_FOLDER}") };
        let files = self.files(map);
        files.iter().find(|(name, _)| *name == CONFIG).unwrap_or_else(|| panic!("no {CONFIG} in '{map}': {files:?}")).1
    }

    /// The same, read.
    pub(super) fn config(&self) -> Table {
        self.config_text().parse().unwrap_or_else(|error| panic!("{error}"))
    }
}
