//! What is read of this machine: sockets, rights, limits, clock, folders. All of it goes through one root folder and
//! one time, which tests set. Nothing is decided here; `machine/check.rs` does that.

pub(super) mod check;
pub(super) mod clock;
pub(super) mod folders;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Server;
use crate::config::Config;
use crate::files;
use crate::forward::{RESOLV_CONF, UpstreamSpec};
use crate::host::ports::Holder;
use crate::host::{addresses, ports};
use crate::status::Status;
use clock::Clock;
use folders::Folder;

/// Octets of a file of the system that are read.
const MAX_FILE: u64 = 64 << 10;

/// The number of `CAP_NET_BIND_SERVICE` (capability.h).
const NET_BIND_SERVICE: u32 = 10;

/// The resolv.conf that names the servers behind the stub of systemd-resolved.
const BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// The places of our unit file.
const UNITS: [&str; 3] = [
    "etc/systemd/system/privatelink-dns.service",
    "usr/lib/systemd/system/privatelink-dns.service",
    "lib/systemd/system/privatelink-dns.service",
];

/// The door to the system.
#[derive(Clone, Debug)]
pub(super) struct System {
    /// The folder that stands for `/`.
    pub(super) root: PathBuf,
    /// The present time.
    pub(super) now: SystemTime,
}

/// The facts.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    /// For each listen address, who keeps others from it.
    pub(super) holders: Vec<(SocketAddr, Vec<Holder>)>,
    /// The first port that every process may bind (ip(7)).
    pub(super) first_free_port: Option<u16>,
    /// Whether this process may bind lower ports.
    pub(super) may_bind: bool,
    /// Whether systemd runs this machine (`sd_booted(3)`); in a container it does not.
    pub(super) has_systemd: bool,
    /// Whether our unit gives the server that right; `None` without a unit.
    pub(super) unit_may_bind: Option<bool>,
    /// The open files that the server, or else this process, may have.
    pub(super) max_files: Option<u64>,
    /// `net.ipv4.tcp_timestamps`.
    pub(super) timestamps: Option<bool>,
    /// What is known of the clock.
    pub(super) clock: Clock,
    /// The name servers of /etc/resolv.conf.
    pub(super) resolvers: Vec<SocketAddr>,
    /// Those behind the stub of systemd-resolved.
    pub(super) behind_stub: Vec<SocketAddr>,
    /// The addresses of this machine.
    pub(super) own: Vec<IpAddr>,
    /// The listen addresses that this machine does not have.
    pub(super) absent: Vec<SocketAddr>,
    /// The folders that the server writes.
    pub(super) folders: Vec<Folder>,
    /// Whether this machine is in Azure, as its firmware says; `None` where the firmware says nothing.
    pub(super) is_azure: Option<bool>,
}

impl Machine {
    /// Whether a name server is this machine at an address and port where the server listens.
    pub(super) fn leads_here(&self, config: &Config, resolver: &SocketAddr) -> bool {
        let is_own = self.own.contains(&resolver.ip()) || resolver.ip().is_loopback();
        let listens = |listen: &SocketAddr| {
            listen.port() == resolver.port() && (listen.ip() == resolver.ip() || listen.ip().is_unspecified())
        };
        is_own && config.listen.iter().any(listens)
    }
}

impl System {
    /// The real one.
    pub(super) fn real(now: SystemTime) -> Self {
        Self { root: PathBuf::from("/"), now }
    }

    /// Looks at everything. It may wait for the disk.
    pub(super) fn look(&self, config: &Config, server: &Server) -> Machine {
        let pid = server.status().map(|status| status.server.pid);
        let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
        Machine {
            holders: self.holders(config, server),
            first_free_port: self.number("proc/sys/net/ipv4/ip_unprivileged_port_start"),
            may_bind: self.may_bind(),
            has_systemd: self.path("run/systemd/system").is_dir(),
            unit_may_bind: UNITS.iter().find_map(|unit| Some(self.text(unit)?.contains("CAP_NET_BIND_SERVICE"))),
            max_files: self.max_files(&process),
            timestamps: self.number::<u8>("proc/sys/net/ipv4/tcp_timestamps").map(|value| value != 0),
            clock: Clock::read(config, self.now),
            resolvers: self.servers(RESOLV_CONF),
            behind_stub: self.servers(BEHIND_STUB),
            own: addresses::own(),
            absent: config.listen_addresses().all().into_iter().filter(|at| !addresses::is_here(*at)).collect(),
            folders: folders::look(config, pid.and_then(|pid| self.user(pid))),
            is_azure: self.is_azure(),
        }
    }

    /// For each address of the server, or else of the config, who keeps others from it. TLS and HTTPS need TCP alone.
    fn holders(&self, config: &Config, server: &Server) -> Vec<(SocketAddr, Vec<Holder>)> {
        let parsed = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect::<Vec<SocketAddr>>();
        let fixed = |all: &[SocketAddr]| all.iter().copied().filter(|at| at.port() != 0).collect::<Vec<_>>();
        let (dns, encrypted) = match server.status() {
            Some(Status { server, encryption, .. }) => {
                (parsed(&server.listen), parsed(&[&encryption.dot[..], &encryption.doh].concat()))
            }
            None => (fixed(&config.listen), fixed(&[&config.dot[..], &config.doh].concat())),
        };
        let all = dns.into_iter().map(|at| (at, ports::holders(&self.root, at)));
        let by_tcp = encrypted.into_iter().map(|at| {
            let holders = ports::holders(&self.root, at).into_iter().filter(|holder| holder.transport == "TCP");
            (at, holders.collect())
        });
        all.chain(by_tcp).collect()
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative.trim_start_matches('/'))
    }

    fn text(&self, relative: &str) -> Option<String> {
        let bytes = files::read_head(&self.path(relative), MAX_FILE).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn number<T: std::str::FromStr>(&self, relative: &str) -> Option<T> {
        self.text(relative)?.trim().parse().ok()
    }

    /// What is permitted counts: the server puts it into effect.
    fn may_bind(&self) -> bool {
        let status = self.text("proc/self/status").unwrap_or_default();
        let capabilities = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
        let capabilities = capabilities.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or_default();
        capabilities >> NET_BIND_SERVICE & 1 == 1
    }

    /// The user of a process. The owner of its folder in /proc is another one, root, where its file brings capabilities
    /// along (proc(5)).
    fn user(&self, pid: u32) -> Option<u32> {
        let status = self.text(&format!("proc/{pid}/status"))?;
        status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
    }

    fn max_files(&self, process: &str) -> Option<u64> {
        let limits = self.text(&format!("proc/{process}/limits"))?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        let soft = line.split_whitespace().next()?;
        if soft == "unlimited" { Some(u64::MAX) } else { soft.parse().ok() }
    }

    fn servers(&self, file: &str) -> Vec<SocketAddr> {
        let Ok(bytes) = files::read_head(&self.path(file), MAX_FILE) else { return Vec::new() };
        let addresses = crate::forward::name_servers(&bytes).into_iter().filter_map(|spec| match spec {
            UpstreamSpec::Address(address) => Some(address),
            UpstreamSpec::Scoped(_) | UpstreamSpec::System => None,
        });
        addresses.collect()
    }

    /// Azure's machines say so by the tag of their chassis.
    fn is_azure(&self) -> Option<bool> {
        const TAG: &str = "7783-7084-3265-9085-8269-3286-77";
        Some(self.text("sys/class/dmi/id/chassis_asset_tag")?.trim() == TAG)
    }
}

/// The time of a file's last change.
fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
