//! Where files are: the paths of the config against the mounts of the pod.

use toml::Value;

use super::super::pods::{CONFIG_FOLDER, Pod, Volume, list, of_kind, text};
use super::unless;

/// A file that is mounted by itself never changes while the pod lives.
pub(super) fn whole_folders(pod: &Pod<'_>) -> Vec<String> {
    let by_path = |mount: &&serde_json::Value| mount.get("subPath").is_some() || mount.get("subPathExpr").is_some();
    let wrong = list(&pod.server["volumeMounts"]).filter(by_path);
    wrong.map(|mount| format!("{}: mounted by subPath, so a change is never seen", text(&mount["mountPath"]))).collect()
}

/// Each path of the config lies where it can live: zones and state on a disk, the socket in memory, lists in a
/// `ConfigMap` with at least one file.
pub(super) fn volumes(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let path = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
    // A job is a fresh pod each time; a server that others ask has to outlive its pod.
    let disk = if pod.owner["kind"] == "StatefulSet" { Volume::Claim } else { Volume::Scratch };
    let mut wrong = Vec::new();
    for (key, wanted) in [("zone_dir", disk), ("state_dir", disk), ("control", Volume::Memory)] {
        let found = pod.under(path(key));
        wrong.extend(unless(found == wanted, || format!("{key}: {} is on {found:?}, not on {wanted:?}", path(key))));
    }
    let sources = config.get("sources").and_then(Value::as_array).into_iter().flatten();
    for source in sources.filter(|source| source.get("path").is_some()) {
        let (name, path) = (source["name"].as_str().unwrap_or_default(), source["path"].as_str().unwrap_or_default());
        // Beside the config, so that `check` finds the lists in a folder with both as well.
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = format!("{CONFIG_FOLDER}/{folder}");
        let is_mounted = pod.mounts().iter().any(|(mount, volume)| {
            matches!(volume, Volume::ConfigMap(map) if *mount == folder && !pod.files(map).is_empty())
        });
        wrong
            .extend(unless(is_mounted, || format!("source '{name}': no ConfigMap with a file is mounted at {folder}")));
    }
    wrong
}

/// The files of `[tls]` are those of a Secret that nobody but root and the group of the pod can read, and that is the
/// reader's to make; no Secret is mounted for nothing.
pub(super) fn secrets(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let path = |key: &str| config.get("tls").and_then(|tls| tls.get(key)?.as_str());
    let is_read = |mount: &str| path("cert").is_some_and(|file| format!("{CONFIG_FOLDER}/{file}").starts_with(mount));
    let mut wrong = Vec::new();
    // As `kubectl create secret tls` and cert-manager name them.
    for (key, name) in [("cert", "tls.crt"), ("key", "tls.key")] {
        let Some(file) = path(key) else { continue };
        let found = pod.under(&format!("{CONFIG_FOLDER}/{file}"));
        let is_there = matches!(found, Volume::Secret(_)) && file.rsplit('/').next() == Some(name);
        wrong.extend(unless(is_there, || format!("[tls] {key}: {file} is on {found:?}, not {name} of a Secret")));
    }
    for (mount, volume) in pod.mounts() {
        let is_idle = matches!(volume, Volume::Secret(_)) && !is_read(mount);
        wrong.extend(unless(!is_idle, || format!("{mount}: no [tls] of the config reads this Secret")));
    }
    for volume in list(&pod.spec["volumes"]).filter(|volume| volume.get("secret").is_some()) {
        let (name, mode) = (text(&volume["name"]), &volume["secret"]["defaultMode"]);
        wrong.extend(unless(*mode == 0o440, || format!("volume '{name}': defaultMode {mode} in place of 0440")));
    }
    wrong.extend(of_kind(pod.objects, "Secret").map(|_| "Secret: a key has no place among manifests".to_owned()));
    wrong
}

/// The `ConfigMaps` that are mounted are there under names that stay, and nothing else is in the config's folder.
pub(super) fn config_maps(pod: &Pod<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mounted: Vec<&str> = pod
        .mounts()
        .into_iter()
        .filter_map(|(_, volume)| match volume {
            Volume::ConfigMap(map) => Some(map),
            _ => None,
        })
        .collect();
    for object in of_kind(pod.objects, "ConfigMap") {
        let map = text(&object["metadata"]["name"]);
        wrong
            .extend(unless(object["immutable"] != true, || format!("ConfigMap '{map}': immutable lists never change")));
        let is_hashed = map.rsplit('-').next().is_some_and(|end| end.len() == 10);
        wrong
            .extend(unless(!is_hashed, || format!("ConfigMap '{map}': a hash in its name: each change restarts pods")));
        wrong.extend(unless(mounted.contains(&map), || format!("ConfigMap '{map}' is mounted nowhere")));
    }
    let sources = pod.config().get("sources").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_read = |mount: &str| {
        let folder = |path: &str| format!("{CONFIG_FOLDER}/{}", path.rsplit_once('/').map_or("", |(folder, _)| folder));
        sources
            .iter()
            .any(|source| source.get("path").and_then(Value::as_str).is_some_and(|path| folder(path) == mount))
    };
    for (mount, volume) in pod.mounts() {
        let is_idle = matches!(volume, Volume::ConfigMap(_)) && mount != CONFIG_FOLDER && !is_read(mount);
        wrong.extend(unless(!is_idle, || format!("{mount}: no source of the config reads these lists")));
    }
    let unknown = pod.mounts().into_iter().filter(|(_, volume)| *volume == Volume::Unknown);
    wrong.extend(unknown.map(|(mount, _)| format!("{mount}: no volume of that name")));
    wrong.extend(unless(pod.mounts().iter().any(|(mount, _)| *mount == CONFIG_FOLDER), || {
        format!("{CONFIG_FOLDER}: nothing is mounted there")
    }));
    wrong
}
