//! The site of the page: two servers of ours with its config, each secondary's address, and the keys.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::servers::Secondary;
use crate::forwarders::page::blocks;
use crate::forwarders::world::{LIST, World};
use crate::support::site::Site;
use crate::support::wait_until;
use crate::tool::{find, run};

/// The folder of the keys on the page.
const KEYS: &str = "/etc/privatelink-dns/keys";

/// The folders on the page in which the secondaries keep what they have.
const KEPT: [&str; 5] =
    ["/var/lib/unbound", "/var/lib/pdns-recursor", "/var/lib/knot-resolver", "/var/lib/knot", "/var/lib/nsd"];

/// It ends with its value.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) keys: Keys,
    /// Whether BIND and Unbound validate, with the key of the root as trust anchor.
    pub(crate) validates: bool,
}

/// The files of the keys, by name, which servers of both sides have.
pub(crate) struct Keys(TempDir);

/// The page.
pub(crate) fn page() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/secondaries.md");
    std::fs::read_to_string(file).unwrap()
}

/// The config of our servers: the first that the page has.
pub(crate) fn first(page: &str) -> String {
    let config = blocks(page).into_iter().find(|(info, _)| info == "toml");
    config.expect("the page has a config").1
}

/// The list of both servers, with one more line.
pub(crate) fn list(more: &str) -> String {
    format!("{LIST}10.1.0.5 acct.z20.blob.storage.azure.net\n{more}\n")
}

impl Stage {
    /// Starts it with the config of a page, once both servers have made the feed and the catalog.
    pub(crate) fn start(page: &str) -> Option<Self> {
        Self::start_with(page, |site| site)
    }

    /// The same, with more in the folder of each of our servers.
    pub(crate) fn start_with(page: &str, more: impl Fn(Site) -> Site) -> Option<Self> {
        let keygen = find("tsig-keygen")?;
        let config = first(page);
        let keys = Keys::make(&keygen, &config);
        let config = keys.placed(&config);
        let world = World::start_with(|site, _| {
            site.write_list("a.txt", list(""));
            more(site.with_config(&config))
        })?;
        let stage = Self { world, keys, validates: false };
        for secondary in Secondary::ALL.iter().filter(|secondary| **secondary != Secondary::Bind) {
            stage.world.host.ip(&format!("addr add {}/32 dev lo", secondary.ip()));
        }
        // Unbound transfers from the address that the system chooses. On a host of its own that is its only one.
        for ours in ["10.0.0.4", "10.0.0.5"] {
            stage
                .world
                .host
                .ip(&format!("route replace local {ours} dev lo table local src {}", Secondary::Unbound.ip()));
        }
        wait_until("the feeds are made", || {
            stage.world.sites.iter().all(|site| site.zone("rpz.privatelink").contains("10.1.0.8"))
        });
        Some(stage)
    }

    /// Both servers have this list from now on.
    pub(crate) fn have_list(&self, text: &str) {
        for site in &self.world.sites {
            site.rename_list("a.txt", text);
        }
    }
}

impl Keys {
    /// Makes each key that a config names.
    fn make(keygen: &Path, config: &str) -> Self {
        let keys = Self(TempDir::new().unwrap());
        let lines = config.lines().filter(|line| line.starts_with("key "));
        for name in lines.filter_map(|line| line.split('"').nth(1)) {
            keys.add(keygen, name);
        }
        keys
    }

    /// Makes one more.
    pub(crate) fn add(&self, keygen: &Path, name: &str) {
        let (good, clause) = run(Command::new(keygen).arg(name));
        assert!(good, "{clause}");
        let file = self.file(name);
        std::fs::write(&file, clause).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    }

    /// A config of the page with the folder of these keys.
    pub(crate) fn placed(&self, config: &str) -> String {
        config.replace(KEYS, &self.0.path().display().to_string())
    }

    /// The file of a key.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A block of the page with the key, and with the folder for what the secondary keeps.
    pub(crate) fn fill(&self, secondary: Secondary, block: &str, kept: &Path) -> String {
        let key = format!("pl-{}", secondary.peer());
        let file = self.file(&key);
        let clause = std::fs::read_to_string(&file).unwrap_or_default();
        let secret = clause.split('"').nth(3).unwrap_or_default();
        let mut text = block.replace("SECRET", secret);
        for folder in ["/etc/bind", "/etc/knot-resolver"] {
            text = text.replace(&format!("{folder}/{key}"), &file.display().to_string());
        }
        for folder in KEPT {
            text = text.replace(folder, &kept.display().to_string());
        }
        text
    }
}

/// What a server of ours says of a peer and a zone.
pub(crate) fn known(site: &Site, secondary: Secondary, zone: &str) -> Value {
    known_of(site, secondary.peer(), zone)
}

/// The same of a peer by its name.
pub(crate) fn known_of(site: &Site, peer: &str, zone: &str) -> Value {
    let status = site.status();
    let of = |list: &Value, key: &str, name: &str| {
        list.as_array().and_then(|all| all.iter().find(|one| one[key] == name)).cloned().unwrap_or_default()
    };
    let peer = of(&status["peers"], "peer", peer);
    of(&peer["zones"], "zone", zone)
}

/// Transfers, and questions about zones for secondaries, that a server of ours has refused.
pub(crate) fn refused(site: &Site) -> u64 {
    answers(site, "not-served")
}

/// Answers of a server of ours that have this reason.
pub(crate) fn answers(site: &Site, reason: &str) -> u64 {
    let status = site.status();
    let answers = status["queries"]["answers"].as_array().cloned().unwrap_or_default();
    answers.iter().filter(|one| one["reason"] == reason).filter_map(|one| one["count"].as_u64()).sum()
}
