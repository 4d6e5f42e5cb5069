//! BIND, Knot and NSD as secondaries of a zone that changes all the time, while we and they are killed: in the end all
//! have our zone, as another program compares it, and no serial ever went back.
//!
//! `CHANGES=1000` makes a long run of it, `SEED` repeats one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::resolvers::{Resolver, bind_ip, own_ip, start, start_at};
use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::tool::{find, run};

const ZONE: &str = "privatelink.we.backup.windowsazure.com";
const SECRET: &str = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";

/// What has dig sign.
const SIGNED: [&str; 2] = ["-y", "hmac-sha256:k1:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="];

/// Changes between two comparisons.
const TOGETHER: u32 = 6;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Bind,
    Knot,
    Nsd,
}

impl Kind {
    fn program(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Bind => ("named", &["-g", "-n", "1", "-c"]),
            Self::Knot => ("knotd", &["-c"]),
            Self::Nsd => ("nsd", &["-d", "-c"]),
        }
    }

    /// Its config: what it keeps is in a folder that stays when it is killed.
    fn config(self, kept: &Path, ours: SocketAddr, at: SocketAddrV4) -> String {
        let (kept, ip, port) = (kept.display(), at.ip(), at.port());
        let (our_ip, our_port) = (ours.ip(), ours.port());
        match self {
            Self::Bind => format!(
                "options {{ directory \"{kept}\"; pid-file \"{kept}/pid\"; listen-on port {port} {{ {ip}; }};\n\
                 listen-on-v6 {{ none; }}; recursion no; allow-transfer {{ any; }}; notify no; }};\ncontrols {{ }};\n\
                 key \"k1\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n\
                 zone \"{ZONE}\" {{ type secondary; file \"we\"; primaries {{ {our_ip} port {our_port} key k1; }}; }};\n"
            ),
            Self::Knot => format!(
                "server:\n  rundir: \"{kept}\"\n  listen: {ip}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
                 background-workers: 1\ncontrol:\n  listen: \"{kept}/control\"\ndatabase:\n  storage: \"{kept}\"\n\
                 key:\n - id: k1\n   algorithm: hmac-sha256\n   secret: {SECRET}\nremote:\n - id: ours\n   \
                 address: {our_ip}@{our_port}\n   key: k1\nacl:\n - id: told\n   address: {our_ip}\n   key: k1\n   \
                 action: notify\n - id: all\n   address: 127.0.0.0/8\n   action: transfer\nzone:\n - domain: {ZONE}\n   \
                 storage: \"{kept}\"\n   master: ours\n   acl: [told, all]\n"
            ),
            Self::Nsd => format!(
                "server:\n ip-address: {ip}@{port}\n port: {port}\n server-count: 1\n username: \"\"\n chroot: \"\"\n \
                 zonesdir: \"{kept}\"\n database: \"\"\n pidfile: \"{kept}/pid\"\n xfrdfile: \"{kept}/xfrd\"\n \
                 xfrdir: \"{kept}\"\n zonelistfile: \"{kept}/list\"\n logfile: \"{kept}/log\"\nremote-control:\n \
                 control-enable: no\nkey:\n name: k1\n algorithm: hmac-sha256\n secret: \"{SECRET}\"\nzone:\n \
                 name: {ZONE}\n zonefile: we\n allow-notify: {our_ip} k1\n request-xfr: {our_ip}@{our_port} k1\n \
                 provide-xfr: 127.0.0.0/8 NOKEY\n"
            ),
        }
    }
}

/// A secondary, which can be killed and come back where it was.
struct Secondary {
    kind: Kind,
    kept: TempDir,
    ours: SocketAddr,
    running: Option<Resolver>,
    address: SocketAddr,
}

impl Secondary {
    fn start(kind: Kind, ours: SocketAddr) -> Option<Self> {
        let (program, arguments) = kind.program();
        let (program, kept) = (find(program)?, TempDir::new().unwrap());
        let ip = || if matches!(kind, Kind::Bind) { bind_ip() } else { own_ip() };
        let running = start(&program, arguments, ip, |_, at| kind.config(kept.path(), ours, at));
        Some(Self { kind, ours, address: running.address, running: Some(running), kept })
    }

    /// Kills it, and starts it again with what it kept.
    fn kill(&mut self) {
        self.running = None;
        // Processes of NSD outlive its first one by a moment; another one that starts meanwhile cannot have its port.
        wait_until(&format!("{:?} leaves {}", self.kind, self.address), || {
            UdpSocket::bind(self.address).is_ok() && TcpListener::bind(self.address).is_ok()
        });
        let (program, arguments) = self.kind.program();
        let SocketAddr::V4(at) = self.address else { return };
        let config = |_: &Path, at| self.kind.config(self.kept.path(), self.ours, at);
        self.running = find(program).and_then(|program| start_at(&program, arguments, at, config));
        assert!(self.running.is_some(), "{:?} does not come back", self.kind);
    }
}

/// Our server, its list, and the last serial that anybody saw.
struct Ours {
    site: Site,
    server: Option<Server>,
    address: SocketAddr,
    hosts: BTreeMap<u32, u32>,
    serial: u32,
}

impl Ours {
    fn start() -> Self {
        let ip = own_ip();
        let address = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap();
        let site = Site::new().with_list("a.txt", list(&BTreeMap::from([(0, 1)])));
        fs::write(site.path("k1"), SECRET).unwrap();
        fs::set_permissions(site.path("k1"), Permissions::from_mode(0o600)).unwrap();
        let key = site.path("k1").display().to_string();
        let site = site.with_config(&format!(
            "listen = [\"{address}\"]\nstate_dir = \"state\"\n[backup]\ngeos = [\"we\"]\n[sync]\nmax_removed = \"100%\"\n[[keys]]\nname = \"k1\"\n\
             secret_file = \"{key}\"\n"
        ));
        Self { site, server: None, address, hosts: BTreeMap::from([(0, 1)]), serial: 0 }
    }

    fn run(&mut self) {
        self.server = Some(self.site.start());
    }

    /// Loses the folder of the zones, perhaps within the second of the last change.
    fn lose_zones(&self) {
        fs::remove_dir_all(self.site.path("zones")).unwrap();
        fs::create_dir(self.site.path("zones")).unwrap();
    }

    /// Notes the serial in service, which never goes back.
    fn note(&mut self) -> u32 {
        let now = serial(self.address).unwrap_or(self.serial);
        assert!(now >= self.serial, "the serial went back from {} to {now}", self.serial);
        self.serial = now;
        now
    }
}

fn list(hosts: &BTreeMap<u32, u32>) -> String {
    hosts.iter().fold(String::new(), |mut text, (host, address)| {
        writeln!(text, "10.1.{}.{} {host}-ab-pod01-rec2.{ZONE}", address / 250, 1 + address % 250).unwrap();
        text
    })
}

/// The serial that a server has; none while it has no copy.
fn serial(server: SocketAddr) -> Option<u32> {
    let reply = ask(ZONE, "SOA").try_to(server).ok()?;
    reply.answer.first()?.data().split(' ').nth(2)?.parse().ok()
}

/// All records that a server hands out, in a file. Ours wants a signature.
fn axfr(server: SocketAddr, arguments: &[&str], file: &Path) {
    let mut dig = Command::new("dig");
    dig.args(["+noall", "+answer", "+onesoa", ZONE, "AXFR", "-p", &server.port().to_string()]);
    let (_, text) = run(dig.arg(format!("@{}", server.ip())).args(arguments));
    fs::write(file, text).unwrap();
}

/// What another program says of the difference between two servers; nothing if there is none.
fn difference(ours: SocketAddr, (theirs, arguments): (SocketAddr, &[&str])) -> String {
    let folder = TempDir::new().unwrap();
    let files = ["ours", "theirs"].map(|name| folder.path().join(name));
    axfr(ours, &SIGNED, &files[0]);
    axfr(theirs, arguments, &files[1]);
    let (equal, text) = run(Command::new("ldns-compare-zones").args(["-a", "-e", "-s"]).args(&files));
    if equal { String::new() } else { text + &fs::read_to_string(&files[1]).unwrap() }
}

/// Numbers that look random.
fn next(state: &mut u64, below: u32) -> u32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    u32::try_from(*state >> 33).unwrap_or(0) % below
}

fn number(variable: &str, unset: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(unset)
}

#[test]
fn after_random_changes_and_kills_of_both_sides_each_secondary_has_our_zone_and_no_serial_went_back() {
    if [find("ldns-compare-zones"), find("dig")].contains(&None) {
        return;
    }
    let (changes, mut seed) = (u32::try_from(number("CHANGES", 18)).unwrap(), number("SEED", 20));
    let mut ours = Ours::start();
    let kinds = [Kind::Bind, Kind::Knot, Kind::Nsd];
    let mut secondaries: Vec<Secondary> =
        kinds.into_iter().filter_map(|kind| Secondary::start(kind, ours.address)).collect();
    for Secondary { kind, address, .. } in &secondaries {
        ours.site.add(&format!(
            "[[peers]]\nname = \"{kind:?}\"\naddress = [\"{address}\"]\nkey = \"k1\"\nzones = [\"backup\"]\n"
        ));
    }
    ours.run();
    for change in 1..=changes {
        for _ in 0..=next(&mut seed, 3) {
            let (host, address) = (next(&mut seed, 60), next(&mut seed, 5000));
            if ours.hosts.remove(&host).is_none() || address % 2 == 0 {
                ours.hosts.insert(host, address);
            }
        }
        // The last change before a comparison is one of its own, so that all can be seen to have it.
        ours.hosts.insert(99, change);
        ours.site.rename_list("a.txt", list(&ours.hosts));
        match next(&mut seed, 6) {
            0 => {
                ours.server = None;
                if change % 4 == 0 {
                    ours.lose_zones();
                }
                ours.run();
            }
            1 => {
                let one = next(&mut seed, 3) as usize % secondaries.len().max(1);
                secondaries.iter_mut().skip(one).take(1).for_each(Secondary::kill);
            }
            _ => {}
        }
        ours.note();
        if change % TOGETHER == 0 || change == changes {
            compare(&mut ours, &secondaries, change);
        }
    }
    println!("{changes} changes; serial {}", ours.serial);
}

/// Waits until we serve a change and each secondary has our serial, and compares the zones.
fn compare(ours: &mut Ours, secondaries: &[Secondary], change: u32) {
    let server = ours.server.as_ref().expect("it runs");
    server.until_resolves(&format!("99-ab-pod01-rec2.{ZONE}"), &format!("10.1.{}.{}", change / 250, 1 + change % 250));
    let now = ours.note();
    for Secondary { kind, address, .. } in secondaries {
        wait_until(&format!("{kind:?} has serial {now}"), || serial(*address) == Some(now));
        assert_eq!(difference(ours.address, (*address, &[])), "", "{kind:?} after {change} changes");
    }
}

#[test]
fn a_zone_that_differs_in_one_address_is_found() {
    if [find("ldns-compare-zones"), find("dig")].contains(&None) {
        return;
    }
    let two = [1, 2].map(|address| {
        let mut ours = Ours::start();
        ours.site.write_list("a.txt", list(&BTreeMap::from([(0, address)])));
        let peer =
            format!("[[peers]]\nname = \"p\"\naddress = [\"{}\"]\nkey = \"k1\"\nzones = [\"backup\"]\n", own_ip());
        ours.site.add(&peer);
        ours.run();
        ours
    });
    assert_ne!(difference(two[0].address, (two[1].address, &SIGNED)), "");
    assert_eq!(difference(two[0].address, (two[0].address, &SIGNED)), "");
}
