//! What the commands of a page find when they are run, but for the nights of docs/operations.md.

use super::scene::Scene;
use crate::azure;
use crate::support::site::Site;

/// The shipped config and lists in a folder of their own, on any port; the server starts with the page's `serve`.
pub(super) fn clone() -> Scene {
    let site = Site::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/");
    for entry in std::fs::read_dir(format!("{shipped}endpoints")).unwrap() {
        let path = entry.unwrap().path();
        site.write_list(&path.file_name().unwrap().to_string_lossy(), std::fs::read(&path).unwrap());
    }
    let config = std::fs::read_to_string(format!("{shipped}privatelink-dns.toml")).unwrap();
    assert!(config.contains("127.0.0.1:5300"), "the README's port is the config's");
    let config = config.replace("127.0.0.1:5300", "127.0.0.1:0").replace("[\"system\"]", "[\"127.0.0.1:9\"]");
    site.write_raw_config(&config);
    Scene::on(site)
}

/// A list with slips in its names: a storage suffix that is wrong, a region for a geo code.
pub(super) fn slips() -> Scene {
    let list = "10.12.0.23 smplepod01ecs114.blob.core.windows.net\n\
                10.12.0.24 smplepod01ecs114.queue.core.window.net\n\
                10.12.0.15 4611686018427300001-ab-pod01-fc1.westeurope.backup.windowsazure.com\n";
    Scene::on(Site::new().with_list("vault-we.txt", list).with_config("[backup]\ngeos = [\"we\"]"))
}

/// A live source, as the first config of docs/azure.md has it, and the Azure that it reads.
pub(super) fn live() -> Scene {
    let (azure, site) = azure::stage();
    let config = std::fs::read_to_string(site.config_file()).unwrap().replace("\"live\"", "\"vault-we\"");
    site.write_raw_config(&config.replace("[backup]", "[backup]\ngeos = [\"we\"]"));
    Scene { azure: Some(azure), ..Scene::on(site) }
}

/// A folder `site` with the config and the list of the manifests for Kubernetes.
pub(super) fn kubernetes() -> Scene {
    let site = Site::new();
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/base");
    std::fs::create_dir_all(site.path("site/endpoints")).unwrap();
    for file in ["privatelink-dns.toml", "endpoints/vault-we.txt"] {
        std::fs::copy(base.join(file), site.path("site").join(file)).unwrap();
    }
    Scene::on(site)
}

/// The config of docs/views.md with its two lists, synced.
pub(super) fn views() -> Scene {
    let site = Site::new()
        .with_list("vault-hub.txt", "10.9.4.5 acct.blob.core.windows.net\n10.9.4.6 shared.blob.core.windows.net\n")
        .with_list("vault-spoke-a.txt", "10.1.4.5 acct.blob.core.windows.net\n")
        .with_config("[backup]\ngeos = [\"we\"]")
        .with_config("[[views]]\nname = \"spoke-a\"\nclients = [\"10.1.0.0/16\"]\nsources = [\"vault-spoke-a.txt\"]");
    let synced = site.command("sync").output().unwrap();
    assert!(synced.status.success(), "{synced:?}");
    Scene::on(site).start()
}
