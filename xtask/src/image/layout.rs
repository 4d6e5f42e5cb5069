//! The archive: the layout of the OCI's image specification 1.1 in one tar, and beside it the `manifest.json` by which
//! versions of Docker before 25 load an image.

use std::process::Command;

use serde_json::{Value, json};
use tar::Builder;

use super::About;
use super::files::{Entry, PROGRAM, USER, VOLUMES};
use super::layer::{Layer, append};
use crate::machine::said;
use crate::package::{Context, write};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The octets of the archive.
pub(super) fn archive(context: &Context, layer: &Layer, about: &About) -> Result<Vec<u8>, String> {
    let mut blobs = Blobs { context, files: Vec::new() };
    let layers = blobs.add(LAYER, layer.compressed.clone())?;
    let config = blobs.add(CONFIG, config(about, &layer.plain_digest).to_string().into_bytes())?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layers], "annotations": labels(about),
    });
    let mut described = blobs.add(MANIFEST, manifest.to_string().into_bytes())?;
    let name = format!("privatelink-dns:{}", about.version);
    described["platform"] = json!({"architecture": about.architecture, "os": "linux"});
    described["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [described]});
    let docker = json!([{"Config": path(&config), "RepoTags": [name], "Layers": [path(&layers)]}]);
    let mut files = blobs.files;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    for (name, value) in
        [("index.json", index), ("manifest.json", docker), ("oci-layout", json!({"imageLayoutVersion": "1.0.0"}))]
    {
        files.push(Entry::file(name, value.to_string()));
    }
    let time = context.epoch.parse().map_err(|_| format!("'{}' is no time", context.epoch))?;
    let mut tar = Builder::new(Vec::new());
    let added = files.iter().try_for_each(|file| append(&mut tar, file, time));
    added.and_then(|()| tar.into_inner()).map_err(|error| format!("archive: {error}"))
}

/// How the image is run.
fn config(about: &About, layer: &str) -> Value {
    let volumes: serde_json::Map<String, Value> =
        VOLUMES.iter().map(|volume| (format!("/{volume}"), json!({}))).collect();
    json!({
        "created": about.created,
        "architecture": about.architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": {"53/tcp": {}, "53/udp": {}, "443/tcp": {}, "853/tcp": {}, "8053/tcp": {}},
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": [format!("/{PROGRAM}")],
            "Cmd": ["serve"],
            "Volumes": volumes,
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Labels": labels(about),
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": about.created, "created_by": "cargo xtask image"}],
    })
}

/// The labels of the OCI; one without a value is left out.
fn labels(about: &About) -> Value {
    let labels = [
        ("title", Some("privatelink-dns")),
        ("description", Some(about.description.as_str())),
        ("version", Some(&about.version)),
        ("revision", Some(&about.revision)),
        ("created", Some(&about.created)),
        ("licenses", Some(&about.licenses)),
        ("source", about.source.as_deref()),
    ];
    let labels = labels.into_iter().filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)));
    labels
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Contents by their digests.
struct Blobs<'c> {
    context: &'c Context,
    files: Vec<Entry>,
}

impl Blobs<'_> {
    /// Adds one; returns its descriptor.
    fn add(&mut self, kind: &str, bytes: Vec<u8>) -> Result<Value, String> {
        let file = self.context.stage.join("blob");
        let size = bytes.len();
        write(&file, &bytes)?;
        let sum = said(Command::new("sha256sum").arg(&file))?;
        let digest = sum.split_whitespace().next().unwrap_or_default();
        self.files.push(Entry::file(&format!("blobs/sha256/{digest}"), bytes));
        Ok(json!({"mediaType": kind, "digest": format!("sha256:{digest}"), "size": size}))
    }
}

/// Where the contents of a descriptor are in the archive.
fn path(descriptor: &Value) -> String {
    format!("blobs/{}", descriptor["digest"].as_str().unwrap_or_default().replace(':', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_without_a_value_is_left_out() {
        let about = About {
            version: "0.1.0".to_owned(),
            revision: String::new(),
            created: "2026-11-26T00:00:00Z".to_owned(),
            architecture: "amd64",
            description: "A DNS server".to_owned(),
            licenses: "MIT".to_owned(),
            source: None,
        };
        let keys: Vec<String> = labels(&about).as_object().unwrap().keys().cloned().collect();
        let expected = ["created", "description", "licenses", "title", "version"];
        assert_eq!(keys, expected.map(|key| format!("org.opencontainers.image.{key}")));
    }

    #[test]
    fn the_contents_of_a_descriptor_are_below_its_algorithm() {
        assert_eq!(path(&json!({"digest": "sha256:ab"})), "blobs/sha256/ab");
    }
}
