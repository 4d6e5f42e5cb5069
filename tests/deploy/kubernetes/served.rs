//! The configs and lists of the manifests, mounted as the kubelet does it, in the real binary.
//!
//! A mount of a `ConfigMap` is a folder `..<time>`, the link `..data` to it, and a link for each file; a change is one
//! rename of `..data`. Paths are moved below a folder of the test, ports come from the kernel, and the upstreams are the
//! test's; all else is as in the manifests.

use std::io::Write;
use std::process::Command;
use std::sync::Arc;

use nix::sys::signal::Signal;
use toml::{Table, Value};

use super::manifests::{KUSTOMIZATIONS, Manifests, Tools};
use super::pods::{CONFIG, CONFIG_FOLDER, Pod, Volume, list, pod, text};
use crate::support::azure::Azure;
use crate::support::azure::estate::{Endpoint, TENANT};
use crate::support::azure::identity::{CLIENT, FEDERATED};
use crate::support::client::{ask, framed, read_framed};
use crate::support::server::Server;
use crate::support::site::{BINARY, Ran, Site};
use crate::support::tls::{Authority, BOTH, NAME, Signed, certificate, connect, write_key};
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::support::web::get;

const BLOB: &str = "smplepod01ecs114.privatelink.blob.core.windows.net";
const QUEUE: &str = "smplepod01ecs114.privatelink.queue.core.windows.net";
const NEW: &str = "smplepod01ecs115.privatelink.blob.core.windows.net";

/// The volumes of a pod below a folder of the test.
struct Mounted {
    site: Site,
    /// Mount paths, longest first.
    paths: Vec<String>,
    command: Vec<String>,
    /// Who has signed the certificate in the Secret.
    authority: Authority,
}

impl Mounted {
    /// All mounts of the server's container; the `ConfigMaps` with their files.
    fn of(pod: &Pod<'_>) -> Self {
        let site = Site::new();
        let mut mounts = pod.mounts();
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        let mounted = Self {
            paths: mounts.iter().map(|(path, _)| (*path).to_owned()).collect(),
            command: list(&pod.server["livenessProbe"]["exec"]["command"]).map(|word| text(word).to_owned()).collect(),
            authority: Authority::new(),
            site,
        };
        for (path, volume) in &mounts {
            std::fs::create_dir_all(mounted.site.path(&path[1..])).unwrap();
            if let Volume::ConfigMap(map) = volume {
                let files = pod.files(map);
                let moved: Vec<_> = files.iter().map(|(name, content)| (*name, mounted.moved(content))).collect();
                mounted.swap(path, "2026_11_26_01", &moved);
            }
            if let Volume::Secret(_) = volume {
                mounted.renew(path, "2026_11_26_01");
            }
        }
        mounted
    }

    /// The text with every mount path moved.
    fn moved(&self, text: &str) -> String {
        let root = self.site.path("").display().to_string();
        let root = root.trim_end_matches('/');
        // A placeholder, so that a path is not moved twice.
        let marked =
            self.paths.iter().fold(text.to_owned(), |text, path| text.replace(path, &format!("@@{}", &path[1..])));
        marked.replace("@@", &format!("{root}/"))
    }

    fn swap(&self, mount: &str, version: &str, files: &[(&str, String)]) {
        let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (*name, content.as_str())).collect();
        self.site.swap_volume(&mount[1..], version, &files);
    }

    /// A new certificate in a mounted Secret. Its key is readable for the owner alone: a group counts for files of root
    /// alone, and the test may be somebody else.
    fn renew(&self, mount: &str, version: &str) -> Signed {
        let signed = self.authority.sign(&[NAME]);
        let folder = self.site.path(&mount[1..]).join(format!("..{version}"));
        std::fs::create_dir_all(&folder).unwrap();
        write_key(&folder.join("tls.key"), "");
        self.swap(mount, version, &[("tls.crt", signed.certificate.clone()), ("tls.key", signed.key.clone())]);
        signed
    }

    /// A new version of the config.
    fn write_config(&self, version: &str, config: &Table) {
        self.swap(CONFIG_FOLDER, version, &[(CONFIG, config.to_string())]);
    }

    /// The config as it is mounted.
    fn config(&self) -> Table {
        let text = std::fs::read_to_string(self.site.path(&CONFIG_FOLDER[1..]).join(CONFIG)).unwrap();
        text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Ports from the kernel, and this upstream for everything that is forwarded.
    fn for_test(&self, upstream: &Upstream) -> Table {
        let mut config = self.config();
        let any = || Value::from("127.0.0.1:0");
        config.insert("listen".into(), vec![any()].into());
        for key in ["dot", "doh"] {
            if let Some(listener) = config.get_mut(key).and_then(Value::as_table_mut) {
                listener.insert("listen".into(), vec![any()].into());
            }
        }
        let admin = config.entry("admin").or_insert_with(|| Table::new().into()).as_table_mut().unwrap();
        for key in ["listen", "probe"] {
            admin.insert(key.into(), any());
        }
        admin.insert("lameduck".into(), "0s".into());
        config["forward"].as_table_mut().unwrap().insert("upstreams".into(), vec!["127.0.0.1:9".to_owned()].into());
        let address = vec![upstream.address().to_string()];
        match config["forward"].get_mut("rules").and_then(Value::as_array_mut) {
            Some(rules) => rules.iter_mut().for_each(|rule| rule["upstreams"] = address.clone().into()),
            None => config["forward"]["upstreams"] = address.into(),
        }
        config
    }

    /// The program as the container runs it.
    fn command(&self, verb: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(verb).env_remove("RUST_LOG");
        command.env("PRIVATELINK_DNS_CONFIG", self.site.path(&CONFIG_FOLDER[1..]).join(CONFIG));
        command
    }

    fn start(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }
}

fn code(server: &Server, target: &str) -> u16 {
    get(server.probe(), target).code
}

fn until_ready(server: &Server) {
    wait_until("/ready says 200", || code(server, "/ready") == 200);
}

#[test]
fn check_has_no_complaint_about_any_config_with_its_lists() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::copy();
    for folder in KUSTOMIZATIONS {
        let rendered = manifests.render(&tools, folder);
        let mounted = Mounted::of(&pod(&rendered.objects));
        let ran = Ran::from(mounted.command(&["check"]).output().unwrap());
        // A live source is read by `serve`, and `check` says that this is yet to be done.
        let unread = usize::from(folder.ends_with("/aks"));
        let warnings = ran.stderr.matches("warning: ").count();
        assert!(ran.code == Some(0) && warnings == unread, "{folder}: {ran:#?}");
        assert_eq!(ran.stderr.matches("has not been read yet").count(), unread, "{folder}: {ran:#?}");
    }
}

#[test]
fn the_config_for_aks_is_that_of_the_base_but_for_its_sources() {
    let config = |file: &str| -> Table {
        let text = std::fs::read_to_string(Manifests::copy().path(file)).unwrap();
        text.parse::<Table>().unwrap().into_iter().filter(|(key, _)| key != "sources").collect()
    };
    assert_eq!(config("overlays/aks/privatelink-dns.toml"), config("base/privatelink-dns.toml"));
}

#[test]
fn check_reads_a_config_with_its_lists_before_anything_is_applied() {
    let manifests = Manifests::copy();
    for folder in ["base", "examples/sidecar"] {
        let config = manifests.path(folder).join(CONFIG);
        let ran = Ran::from(Command::new(BINARY).args(["check", "--strict", "--config"]).arg(config).output().unwrap());
        ran.expect(0, &["1 source", "6 listed records"]);
    }
}

#[test]
fn a_mistake_in_a_config_or_a_list_of_the_manifests_is_found_by_check() {
    let Some(tools) = Tools::find() else { return };
    for (file, from, to, said) in [
        ("base/privatelink-dns.toml", "lameduck =", "lame_duck =", "lame_duck"),
        ("base/privatelink-dns.toml", "allow    = [\"10.0.0.0/8\"", "hosts    = [\"10.0.0.0/8\"", "allow has to name"),
        ("base/endpoints/vault-we.txt", "10.12.0.23", "10.12.0.230.1", "vault-we.txt:8"),
    ] {
        let manifests = Manifests::copy().with(file, from, to);
        let rendered = manifests.render(&tools, "base");
        let mounted = Mounted::of(&pod(&rendered.objects));
        let ran = Ran::from(mounted.command(&["check", "--strict"]).output().unwrap());
        assert!(ran.code != Some(0) && ran.all().contains(said), "{to}: {ran:#?}");
    }
}

#[test]
fn the_base_is_ready_from_its_mounts_and_a_swapped_list_and_config_are_taken() {
    let Some(tools) = Tools::find() else { return };
    let upstream = Upstream::serving("www.corp.example. 60 A 10.9.9.9");
    let rendered = Manifests::copy().render(&tools, "base");
    let pod = pod(&rendered.objects);
    let mounted = Mounted::of(&pod);
    let mut config = mounted.for_test(&upstream);
    config["sync"].as_table_mut().unwrap().insert("interval".into(), "1h".into());
    mounted.write_config("2026_11_26_02", &config);
    let server = mounted.start();
    assert_eq!((code(&server, "/health"), code(&server, "/ready")), (200, 200));
    assert_eq!(server.resolves(BLOB), ["10.12.0.23"]);
    assert_eq!(server.resolves("www.corp.example"), ["10.9.9.9"]);
    // One `ConfigMap` is mounted in the folder of the other.
    let mount = format!("{CONFIG_FOLDER}/endpoints");
    let Volume::ConfigMap(map) = pod.under(&mount) else { panic!("{mount}") };
    let lists = pod.files(map).into_iter();
    let more: Vec<_> = lists.map(|(name, list)| (name, format!("{list}{NEW} 10.12.0.25\n"))).collect();
    mounted.swap(&mount, "2026_11_26_02", &more);
    wait_until("the new record is in the zone", || {
        let zone = "var/lib/privatelink-dns/zones/privatelink.blob.core.windows.net.zone";
        std::fs::read_to_string(mounted.site.path(zone)).is_ok_and(|zone| zone.contains("smplepod01ecs115"))
    });
    server.until_resolves(NEW, "10.12.0.25");
    let closed = "[[zones]]\nname = \"privatelink.queue.core.windows.net\"\non_miss = \"nxdomain\"".parse().unwrap();
    let said = server.stderr().len();
    mounted.write_config("2026_11_26_03", &config.into_iter().chain::<Table>(closed).collect());
    server.until_says("config", said);
    wait_until("a miss is NXDOMAIN", || server.ask(&QUEUE.replace("114", "999"), "A").rcode == "NXDOMAIN");
    server.stop();
}

#[test]
fn the_component_has_the_server_answer_over_tls_and_take_a_secret_that_is_swapped() {
    let Some(tools) = Tools::find() else { return };
    let upstream = Upstream::serving("");
    let rendered = Manifests::copy().render(&tools, "encrypted/base");
    let mounted = Mounted::of(&pod(&rendered.objects));
    let mut config = mounted.for_test(&upstream);
    config["sync"].as_table_mut().unwrap().insert("interval".into(), "1h".into());
    mounted.write_config("2026_11_26_02", &config);
    let server = mounted.start();
    let client = Arc::new(mounted.authority.client(None, &BOTH));
    let mut stream = connect(&client, NAME, server.dot()).unwrap();
    stream.write_all(&framed(&ask(BLOB, "A").bytes())).unwrap();
    let answer = read_framed(&mut stream).unwrap();
    assert!(answer.windows(4).any(|octets| octets == [10, 12, 0, 23]), "{answer:?}");
    let renewed = mounted.renew(&format!("{CONFIG_FOLDER}/tls"), "2026_11_26_02");
    wait_until("the renewed certificate is served", || {
        let shown = |address| certificate(&connect(&client, NAME, address).unwrap());
        [server.dot(), server.doh()].into_iter().all(|address| shown(address) == renewed.octets())
    });
    server.stop();
}

#[test]
fn a_pod_that_comes_back_without_any_list_serves_from_its_disk() {
    let Some(tools) = Tools::find() else { return };
    let upstream = Upstream::serving("");
    let rendered = Manifests::copy().render(&tools, "base");
    let mounted = Mounted::of(&pod(&rendered.objects));
    mounted.write_config("2026_11_26_02", &mounted.for_test(&upstream));
    let server = mounted.start();
    assert_eq!(server.resolves(BLOB), ["10.12.0.23"]);
    server.stop();
    std::fs::remove_dir_all(mounted.site.path("etc/privatelink-dns/endpoints")).unwrap();
    std::fs::create_dir(mounted.site.path("etc/privatelink-dns/endpoints")).unwrap();
    let server = mounted.start();
    assert_eq!((code(&server, "/ready"), server.resolves(BLOB)), (200, vec!["10.12.0.23".to_owned()]));
    server.stop();
}

#[test]
fn a_pod_without_its_first_list_lives_is_not_ready_and_answers_no_private_name() {
    let Some(tools) = Tools::find() else { return };
    let upstream = Upstream::serving("");
    let rendered = Manifests::copy().render(&tools, "base");
    let mounted = Mounted::of(&pod(&rendered.objects));
    mounted.write_config("2026_11_26_02", &mounted.for_test(&upstream));
    std::fs::remove_dir_all(mounted.site.path("etc/privatelink-dns/endpoints")).unwrap();
    let server = mounted.start();
    assert_eq!((code(&server, "/health"), code(&server, "/ready")), (200, 503));
    assert_eq!(server.ask(BLOB, "A").rcode, "SERVFAIL");
    server.stop();
}

#[test]
fn the_overlay_for_aks_is_ready_once_its_workload_identity_has_read_azure() {
    let Some(tools) = Tools::find() else { return };
    let (azure, upstream) = (Azure::start(), Upstream::serving(""));
    let name = "acct1pod01prot100.blob.core.windows.net";
    azure.world().estate.endpoints.push(Endpoint::vault("pe-vault").with(name, "10.1.0.20"));
    let rendered = Manifests::copy().render(&tools, "overlays/aks");
    let mounted = Mounted::of(&pod(&rendered.objects));
    let mut config = mounted.for_test(&upstream);
    let source = config["sources"][0].as_table_mut().unwrap();
    for key in ["arm", "authority"] {
        source.insert(key.into(), azure.arm().into());
    }
    mounted.write_config("2026_11_26_02", &config);
    // What the webhook of workload identity puts into a pod.
    let token = mounted.site.path("azure-identity-token");
    std::fs::write(&token, FEDERATED).unwrap();
    let mut command = mounted.command(&["serve"]);
    azure.introduce(&mut command);
    command.env("AZURE_CLIENT_ID", CLIENT).env("AZURE_TENANT_ID", TENANT).env("AZURE_FEDERATED_TOKEN_FILE", token);
    let server = Server::start(command);
    until_ready(&server);
    server.until_resolves(&name.replace(".blob", ".privatelink.blob"), "10.1.0.20");
    server.stop();
}

#[test]
fn the_sidecar_answers_its_pod_and_its_probe_and_leaves_names_of_the_cluster_to_the_cluster() {
    let Some(tools) = Tools::find() else { return };
    let cluster = Upstream::serving("ledger.backup.svc.cluster.local. 5 A 10.0.7.7");
    let rendered = Manifests::copy().render(&tools, "examples/sidecar");
    let mounted = Mounted::of(&pod(&rendered.objects));
    mounted.write_config("2026_11_26_02", &mounted.for_test(&cluster));
    let server = mounted.start();
    let words: Vec<&str> = mounted.command.iter().map(String::as_str).collect();
    assert_eq!(words.first(), Some(&"/usr/bin/privatelink-dns"), "the entrypoint of the image");
    let probe = || Ran::from(mounted.command(&words[1..]).output().unwrap()).code;
    assert_eq!(probe(), Some(0));
    assert_eq!(server.resolves(BLOB), ["10.12.0.23"]);
    assert_eq!(server.resolves("ledger.backup.svc.cluster.local"), ["10.0.7.7"]);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.stopped(), Some(0));
    assert_ne!(probe(), Some(0), "nobody answers any more");
}
