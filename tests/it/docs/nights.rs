//! What is wrong in each night of docs/operations.md, with the real binary: a server, its upstream, and what happened
//! to them.

use std::process::Command;

use super::scene::Scene;
use crate::hangs;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

/// A vault's list as people copy it.
const VAULT: &str = include_str!("../../../config/endpoints/vault-v1-we.txt");

/// Public DNS, as far as the nights need it.
const PUBLIC: &str = "\
www.corp.example. 300 A 192.0.2.80
smplepod01ecs114.blob.core.windows.net. 60 CNAME smplepod01ecs114.privatelink.blob.core.windows.net.
smplepod01ecs114.privatelink.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.
smplepod01ecs114.queue.core.windows.net. 60 CNAME smplepod01ecs114.privatelink.queue.core.windows.net.
smplepod01ecs114.privatelink.queue.core.windows.net. 60 CNAME queue.ams01prdstr01a.store.core.windows.net.
smplepod01prot120.blob.core.windows.net. 60 CNAME smplepod01prot120.privatelink.blob.core.windows.net.
smplepod01prot120.privatelink.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.
smplnpod01ecs301.blob.core.windows.net. 60 CNAME smplnpod01ecs301.privatelink.blob.core.windows.net.
smplnpod01ecs301.privatelink.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.
smplepod01prot121.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.
smplepod01ecs115.blob.core.windows.net. 60 CNAME smplepod01ecs115.privatelink.blob.core.windows.net.
smplepod01ecs115.privatelink.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.
blob.ams01prdstr01a.store.core.windows.net. 60 A 20.60.1.1
queue.ams01prdstr01a.store.core.windows.net. 60 A 20.60.1.2
login.microsoftonline.com. 300 A 20.190.160.1
login.microsoft.com. 300 A 20.190.160.2
login.windows.net. 300 A 20.190.160.3
graph.microsoft.com. 300 A 20.190.160.4
management.azure.com. 300 A 20.190.160.5
";

/// A site with the vault's list, and its upstream.
pub(super) fn vault(config: &str) -> Scene {
    on(Site::new().with_list("vault-we.txt", VAULT).with_config(config), Upstream::serving(PUBLIC))
}

pub(super) fn on(site: Site, upstream: Upstream) -> Scene {
    let site = site
        .with_upstream(&upstream)
        .with_config("[backup]\ngeos = [\"we\"]\n[sync]\nallowed_targets = [\"10.12.0.0/24\"]");
    Scene::on(site).asking(upstream, "168.63.129.16:53")
}

pub(super) fn wrong_list() -> Scene {
    let scene = vault("").start();
    let wrong = VAULT.replace("10.12.0.28", "10.12.0.280");
    scene.site.rename_list("vault-we.txt", wrong + "smplepod01ecs115.blob.core.windows.net    10.12.0.29\n");
    scene.server().until_says("10.12.0.280", 0);
    scene
}

pub(super) fn held_plan() -> Scene {
    let scene = vault("").start();
    // Somebody exported the first page alone.
    let short: Vec<&str> =
        VAULT.lines().filter(|line| !line.contains("-ab-pod01-") || line.contains("-rec2")).collect();
    scene.site.rename_list("vault-we.txt", short.join("\n") + "\n");
    scene.server().until_says("held back", 0);
    scene
}

pub(super) fn not_approved() -> Scene {
    let pending = r#"[{
  "name": "pee2epe_prot121_blob",
  "privateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Pending"}}],
  "customDnsConfigs": [{"fqdn": "smplepod01prot121.blob.core.windows.net", "ipAddresses": ["10.12.0.31"]}]
}]
"#;
    let site = Site::new().with_list("vault-we.txt", VAULT).with_list("new.json", pending);
    let scene = on(site, Upstream::serving(PUBLIC)).start();
    wait_until("both lists are read", || scene.site.status()["sources"][1]["last_good"].is_u64());
    scene
}

pub(super) fn share() -> Scene {
    let far = "[[sources]]\nname = \"share\"\npath = \"hangs/vault-ne.txt\"\n";
    let mut scene = vault("[sync]\npass_deadline = \"300ms\"\ninterval = \"1s\"");
    scene.site.add(far);
    std::fs::create_dir(scene.site.path("hangs")).unwrap();
    std::fs::write(scene.site.path("hangs/vault-ne.txt"), "10.12.0.40 smplnpod01ecs301.blob.core.windows.net\n")
        .unwrap();
    scene.environment = vec![("LD_PRELOAD", hangs::shim()), ("HANG_WHILE", scene.site.path("flag"))];
    let scene = scene.start();
    scene.server().until_resolves("smplnpod01ecs301.privatelink.blob.core.windows.net", "10.12.0.40");
    std::fs::write(scene.site.path("flag"), "").unwrap();
    scene.server().until_says("source 'share': no answer", 0);
    scene
}

pub(super) fn dead_upstream() -> Scene {
    let mut scene = vault("[forward]\ntimeout = \"1s\"").start();
    scene.upstreams[0].kill();
    let mut asked = 0..;
    wait_until("the upstream is down", || {
        scene.server().ask(&format!("n{}.corp.example", asked.next().unwrap()), "A");
        scene.site.status()["upstreams"][0]["state"] == "down"
    });
    scene
}

/// As full as a disk can be made without one: no file may grow.
pub(super) fn full_disk() -> Scene {
    let scene = vault("[sync]\ninterval = \"1s\"");
    let serve = scene.site.command("serve");
    // A program that runs out of room is not killed for it, as SIGXFSZ would.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    let scene = scene.start_by(command);
    let pid = scene.server().pid().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=16:"]).status().unwrap().success());
    let more = VAULT.to_owned() + "smplepod01ecs115.blob.core.windows.net    10.12.0.29\n";
    scene.site.rename_list("vault-we.txt", more);
    scene.server().until_says("ERROR", 0);
    scene
}

/// A resolver of the office in front of ours, whose firewall drops answers with private addresses.
pub(super) fn firewall() -> Scene {
    let mut scene = vault("").start();
    let mut office = PUBLIC.replace(" A 20.60.1.", " TXT dropped.");
    for name in VAULT.lines().filter_map(|line| line.split_once(".we.backup")).map(|(name, _)| name) {
        office.extend([name, ".privatelink.we.backup.windowsazure.com. 60 TXT dropped\n"]);
    }
    let office = Upstream::serving(&office);
    scene.call(office.address(), "10.1.0.53:53");
    scene.upstreams.push(office);
    scene
}

pub(super) fn emptied_config() -> Scene {
    let scene = vault("").start();
    scene.site.write_raw_config("");
    scene.server().until_says("the new config is not taken", 0);
    scene
}

pub(super) fn unlisted() -> Scene {
    let scene = vault("").start();
    scene.server().ask("smplepod01ecs115.blob.core.windows.net", "A");
    scene
}

/// Another program holds the port.
pub(super) fn nothing_answers() -> Scene {
    let scene = vault("");
    let held = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    let mut scene = Scene { _held: vec![held], ..scene };
    scene.call(address, "10.0.0.4:53");
    scene.site.remove_config("listen");
    scene.site.add(&format!("listen = [\"{address}\"]"));
    scene
}

pub(super) fn all_well() -> Scene {
    let scene = vault("").start();
    scene.server().until_resolves("smplepod01ecs114.blob.core.windows.net", "10.12.0.23");
    scene
}

/// Two servers, of which the second one has an older list.
pub(super) fn pair() -> Scene {
    let mut scene = all_well();
    let older: String =
        VAULT.lines().filter(|line| !line.contains("prot120")).fold(String::new(), |all, line| all + line + "\n");
    let site = Site::new().with_list("vault-we.txt", older).with_config(
        "[backup]\ngeos = [\"we\"]\n[sync]\nallowed_targets = [\"10.12.0.0/24\"]\n[admin]\nlisten = \"127.0.0.1:0\"",
    );
    let server = site.start();
    server.until_resolves("smplepod01ecs114.privatelink.blob.core.windows.net", "10.12.0.23");
    scene.call(server.admin(), "10.0.0.5:9153");
    scene.beside = Some((site, server));
    scene
}

/// All is well, with the account of a partner; no account with backup data yet.
pub(super) fn questions() -> Scene {
    let list: String =
        VAULT.lines().filter(|line| !line.contains("prot120")).fold(String::new(), |all, line| all + line + "\n");
    let public = PUBLIC.to_owned()
        + "partner.blob.core.windows.net. 60 CNAME partner.privatelink.blob.core.windows.net.\n\
           partner.privatelink.blob.core.windows.net. 60 CNAME blob.ams01prdstr01a.store.core.windows.net.\n\
           smplepod01ecs114.z12.blob.storage.azure.net. 60 CNAME smplepod01ecs114.privatelink.blob.core.windows.net.\n";
    let scene = on(Site::new().with_list("vault-we.txt", list), Upstream::serving(&public)).start();
    scene.server().until_resolves("smplepod01ecs114.blob.core.windows.net", "10.12.0.23");
    scene
}
