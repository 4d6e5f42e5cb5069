//! A site on a host of its own: two servers of ours at the addresses that the page has, and one that plays the public
//! internet: the root, which is signed, and all zones below it.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::network::{Host, lone_host};
use crate::resolvers::{Resolver, start_at};
use crate::support::server::Server;
use crate::support::site::Site;
use crate::tool::{find, run};

/// The servers that the blocks of the page forward to.
const OURS: [&str; 2] = ["10.0.0.4", "10.0.0.5"];

/// The resolvers under test.
pub(crate) const RESOLVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 53);

/// The public internet (RFC 5737).
pub(crate) const PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);

/// Our endpoints.
pub(crate) const LIST: &str = "10.1.0.5 acct.blob.core.windows.net\n10.1.0.6 acct.queue.core.windows.net\n\
                    10.1.0.8 4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com\n";

/// The zones of the public internet. As in Azure's, the server of `blob.core.windows.net` has the alias to the private
/// name and the alias behind that, and only the root and none of Azure's zones is signed.
const ZONES: [(&str, &str); 9] = [
    ("net", "windows NS ns.example.\nazure NS ns.example."),
    ("com", "windowsazure NS ns.example."),
    ("example", "ns A 192.0.2.53\nwww 60 A 20.70.0.1\nalias 60 CNAME acct.blob.core.windows.net."),
    ("windows.net", "core NS ns.example."),
    (
        "core.windows.net",
        "blob NS ns.example.\nqueue NS ns.example.\nblob.ams.store 60 A 20.60.0.1\n\
                          queue.ams.store 60 A 20.60.0.2\nblob.dub.store 60 A 20.60.2.2",
    ),
    (
        "blob.core.windows.net",
        "acct 60 CNAME acct.privatelink\nacct.privatelink 60 CNAME blob.ams.store.core.windows.net.\n\
                               other 60 CNAME other.privatelink\n\
                               other.privatelink 60 CNAME blob.dub.store.core.windows.net.\n\
                               plain 60 CNAME blob.dub.store.core.windows.net.",
    ),
    (
        "queue.core.windows.net",
        "acct 60 CNAME acct.privatelink\n\
                                acct.privatelink 60 CNAME queue.ams.store.core.windows.net.",
    ),
    ("azure.net", "acct.z20.blob.storage 60 CNAME acct.privatelink.blob.core.windows.net."),
    ("windowsazure.com", "pod01-rec2.we.backup 60 A 20.61.0.1"),
];

/// The head of a zone file.
const HEAD: &str = "$TTL 300\n@ SOA ns.example. admin.example. 1 3600 300 86400 60\n@ NS ns.example.\n";

/// The host with its servers; all end with it.
pub(crate) struct World {
    pub(crate) host: Host,
    /// The trust anchor of the root: a DNSKEY record.
    pub(crate) anchor: String,
    /// The folders of our servers, in the order of their addresses.
    pub(crate) sites: Vec<Site>,
    servers: Vec<Server>,
    public: Option<Resolver>,
    folder: TempDir,
}

impl World {
    /// Starts it; `None` and a loud line where a tool is missing or this user may make no host.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|site, _| site)
    }

    /// The same, with more in the folder of each of our servers, by its address.
    pub(crate) fn start_with(more: impl Fn(Site, &str) -> Site) -> Option<Self> {
        let named = find("named")?;
        let (keygen, signzone) = (find("dnssec-keygen")?, find("dnssec-signzone")?);
        let host = lone_host()?;
        for ip in OURS.map(str::to_owned).into_iter().chain([RESOLVER.to_string(), PUBLIC.to_string()]) {
            host.ip(&format!("addr add {ip}/32 dev lo"));
        }
        let folder = TempDir::new().unwrap();
        let anchor = write_zones(folder.path(), &keygen, &signzone);
        let sites = OURS.map(|ip| more(site(ip), ip)).into();
        let mut world = Self { host, anchor, sites, servers: Vec::new(), public: None, folder };
        let folder = world.folder.path();
        let config = |own: &Path, _: SocketAddrV4| named_conf(own, folder);
        let address = SocketAddrV4::new(PUBLIC, 53);
        let public = world.host.run(|| start_at(&named, &["-g", "-n", "1", "-c"], address, config));
        world.public = Some(public.expect("named starts"));
        let sites = &world.sites;
        let servers = world.host.run(|| sites.iter().map(Site::start).collect());
        world.servers = servers;
        Some(world)
    }

    /// The public internet is away from now on.
    pub(crate) fn cut_off(&mut self) {
        self.public = None;
    }

    /// The first of our servers stops.
    pub(crate) fn stop_first(&mut self) {
        self.servers.remove(0).stop();
    }

    /// Our servers stop.
    pub(crate) fn stop_ours(&mut self) {
        for server in self.servers.drain(..) {
            server.stop();
        }
    }
}

fn site(ip: &str) -> Site {
    Site::new().with_list("a.txt", LIST).with_config(&format!(
        "listen = [\"{ip}:53\"]\n[access]\nallow = [\"10.0.0.0/8\"]\n[forward]\nupstreams = [\"{PUBLIC}:53\"]"
    ))
}

/// The zone files; the DNSKEY record of the root.
fn write_zones(folder: &Path, keygen: &Path, signzone: &Path) -> String {
    let mut root = HEAD.to_owned();
    for (zone, records) in ZONES {
        std::fs::write(folder.join(format!("{zone}.zone")), format!("{HEAD}{records}\n")).unwrap();
        if !zone.contains('.') {
            // Writing to a String cannot fail.
            let _fits = writeln!(root, "{zone} NS ns.example.");
        }
    }
    root.push_str("ns.example. A 192.0.2.53\n");
    std::fs::write(folder.join("root.zone"), root).unwrap();
    let key = Command::new(keygen).args(["-a", "13", "-f", "KSK", "."]).current_dir(folder).output().unwrap();
    let key = String::from_utf8(key.stdout).unwrap();
    let sign = ["-S", "-z", "-K", ".", "-o", ".", "-f", "root.signed", "root.zone"];
    let (signed, said) = run(Command::new(signzone).args(sign).current_dir(folder));
    assert!(signed, "{said}");
    let record = std::fs::read_to_string(folder.join(format!("{}.key", key.trim()))).unwrap();
    record.lines().find(|line| line.contains("DNSKEY") && !line.starts_with(';')).unwrap().to_owned()
}

/// BIND as the server of every zone, and as the resolver of a provider.
fn named_conf(own: &Path, zones: &Path) -> String {
    let (own, folder) = (own.display(), zones.display());
    let mut config = format!(
        "options {{ directory \"{own}\"; pid-file \"{own}/pid\"; listen-on port 53 {{ {PUBLIC}; }};\n\
         listen-on-v6 {{ none; }}; recursion yes; allow-query {{ any; }}; dnssec-validation no; }};\ncontrols {{ }};\n\
         zone \".\" {{ type primary; file \"{folder}/root.signed\"; }};\n"
    );
    for (zone, _) in ZONES {
        // Writing to a String cannot fail.
        let _fits = writeln!(config, "zone \"{zone}\" {{ type primary; file \"{folder}/{zone}.zone\"; }};");
    }
    config
}
