//! Who holds a port: the socket tables of the kernel, and the descriptors of processes (proc(5)); and what to do.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::diag;

/// Octets of a table that are read: some ten thousand sockets.
const MAX_TABLE: u64 = 4 << 20;

/// Processes that are looked at.
const MAX_PROCESSES: usize = 20_000;

/// The process that keeps sockets for others.
const SERVICE_MANAGER: u32 = 1;

/// The addresses of the stub resolver of systemd-resolved, at port 53.
const STUB: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 53), Ipv4Addr::new(127, 0, 0, 54)];

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The address of the socket.
    pub(crate) address: SocketAddr,
    /// UDP or TCP.
    pub(crate) transport: &'static str,
    /// The process: its id and name; `None` if its descriptors may not be looked at.
    pub(crate) process: Option<(u32, String)>,
}

impl Holder {
    /// Whether it is the stub resolver of systemd-resolved. In a sandbox its process cannot be seen, but nobody else
    /// has these addresses.
    fn is_stub(&self) -> bool {
        let is_named = |(_, name): &(u32, String)| name.starts_with("systemd-resolve");
        let is_at = STUB.iter().any(|stub| self.address == SocketAddr::from((*stub, 53)));
        self.process.as_ref().map_or(is_at, is_named)
    }

    /// The changes that make the address free, or do without it; the first is the least. `own` are the addresses of
    /// this machine. Nothing but the reader makes them.
    pub(crate) fn cures(&self, wanted: SocketAddr, own: &[IpAddr]) -> Vec<String> {
        let is_usable = |ip: &&IpAddr| ip.is_ipv4() && !ip.is_loopback() && !ip.is_unspecified();
        let elsewhere = own.iter().find(is_usable).map_or_else(
            || "listen on another address of this machine (see 'ip address')".to_owned(),
            |own| format!("listen on the machine's own address alone: listen = [\"{own}:{}\"]", wanted.port()),
        );
        if self.is_stub() {
            let off = "in /etc/systemd/resolved.conf, [Resolve] DNSStubListener=no, then: systemctl restart \
                       systemd-resolved && ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf";
            return vec![elsewhere, off.to_owned()];
        }
        let stop = match &self.process {
            Some((SERVICE_MANAGER, _)) => "systemctl list-sockets says for which socket unit; stop that".to_owned(),
            Some((_, name)) if name == "privatelink-dns" => {
                return vec!["it is another privatelink-dns: stop it, or give this one another address".to_owned()];
            }
            Some((pid, name)) => {
                format!("stop '{}' (systemctl status {pid} says which service it is)", diag::printable(name))
            }
            None => format!("find it as root (ss -lunpt 'sport = :{}') and stop it", wanted.port()),
        };
        vec![stop, elsewhere]
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, transport, process } = self;
        match process {
            Some((pid, name)) => {
                write!(f, "'{}' (process {pid}) has {address} over {transport}", diag::printable(name))
            }
            None if self.is_stub() => write!(f, "systemd-resolved has {address} over {transport}"),
            None => write!(f, "another user's process has {address} over {transport}"),
        }
    }
}

/// The reason why an address is taken over UDP or TCP, in one line: who has it, and the cures.
pub(crate) fn explain(holders: &[Holder], transport: &str, wanted: SocketAddr, own: &[IpAddr]) -> String {
    let has_it = |holder: &&Holder| holder.transport == transport;
    let Some(holder) = holders.iter().find(has_it).or(holders.first()) else {
        let port = wanted.port();
        return format!("the port is taken; as root, this says by whom: ss -lunpt 'sport = :{port}'");
    };
    match holder.cures(wanted, own).as_slice() {
        [cure] => format!("the port is taken: {holder}; {cure}"),
        cures => format!("the port is taken: {holder}; either {}", cures.join("; or ")),
    }
}

/// The sockets that keep others from this address: bound there, or to every address of its port.
pub(crate) fn holders(root: &Path, wanted: SocketAddr) -> Vec<Holder> {
    let mut sockets = Vec::new();
    for (table, transport) in [("udp", "UDP"), ("udp6", "UDP"), ("tcp", "TCP"), ("tcp6", "TCP")] {
        // A sandbox with ProcSubset=pid has no /proc/net.
        let Ok(text) = crate::files::read_head(&root.join("proc/self/net").join(table), MAX_TABLE) else { continue };
        let text = String::from_utf8_lossy(&text).into_owned();
        for (address, inode) in text.lines().filter_map(|line| socket(line, transport)) {
            if is_in_the_way(address, wanted) {
                sockets.push((address, transport, inode));
            }
        }
    }
    if sockets.is_empty() {
        return Vec::new();
    }
    let processes = processes(root, &sockets.iter().map(|(_, _, inode)| *inode).collect::<Vec<_>>());
    let holder = |(address, transport, inode)| {
        let process = processes.get(&inode).cloned();
        Holder { address, transport, process }
    };
    sockets.into_iter().map(holder).collect()
}

fn is_in_the_way(held: SocketAddr, wanted: SocketAddr) -> bool {
    let (here, there) = (held.ip().to_canonical(), wanted.ip().to_canonical());
    held.port() == wanted.port() && (here == there || here.is_unspecified() || there.is_unspecified())
}

/// The address and inode of a line; of TCP only sockets that listen.
fn socket(line: &str, transport: &str) -> Option<(SocketAddr, u64)> {
    const LISTENS: &str = "0A";
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    let state = words.nth(1)?;
    if transport == "TCP" && state != LISTENS {
        return None;
    }
    let inode = words.nth(5)?.parse().ok()?;
    let (ip, port) = local.split_once(':')?;
    Some((SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?), inode))
}

/// Words of 32 bits in the machine's byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at * 8..at * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut octets = [0; 16];
            for (at, part) in octets.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(at)?);
            }
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

/// The process of each inode that one can be found for.
fn processes(root: &Path, inodes: &[u64]) -> HashMap<u64, (u32, String)> {
    let mut found = HashMap::new();
    let entries = fs::read_dir(root.join("proc")).into_iter().flatten().filter_map(Result::ok);
    let numbers = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    for (pid, path) in numbers.take(MAX_PROCESSES) {
        let descriptors = fs::read_dir(path.join("fd")).into_iter().flatten().filter_map(Result::ok);
        for target in descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()) {
            let Some(inode) = inode(&target).filter(|inode| inodes.contains(inode)) else { continue };
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let process = (pid, name.trim_end().to_owned());
            // The service manager may keep the sockets of others; then those are who has them.
            let known = found.entry(inode).or_insert_with(|| process.clone());
            if known.0 == SERVICE_MANAGER {
                *known = process;
            }
        }
    }
    found
}

fn inode(target: &Path) -> Option<u64> {
    target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernel_s_table_is_an_address_and_an_inode() {
        let udp =
            "  501: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 21345 2 0 0";
        let tcp = "   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0";
        let open = tcp.replace(" 0A ", " 01 ");
        if cfg!(target_endian = "little") {
            assert_eq!(socket(udp, "UDP"), Some(("127.0.0.53:53".parse().unwrap(), 21345)));
            assert_eq!(socket(tcp, "TCP"), Some(("127.0.0.1:631".parse().unwrap(), 1234)));
        }
        assert_eq!(socket(&open, "TCP"), None);
        assert_eq!(socket("  sl  local_address rem_address   st tx_queue rx_queue", "UDP"), None);
        let any =
            "  9: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 0:0 00:0 0 0 0 77";
        assert_eq!(socket(any, "UDP"), Some(("[::]:53".parse().unwrap(), 77)));
    }

    #[test]
    fn a_socket_of_every_address_is_in_the_way_of_each() {
        let way = |held: &str, wanted: &str| is_in_the_way(held.parse().unwrap(), wanted.parse().unwrap());
        assert!(way("127.0.0.53:53", "127.0.0.53:53") && way("0.0.0.0:53", "10.0.0.4:53"));
        assert!(way("127.0.0.53:53", "0.0.0.0:53") && way("[::]:53", "10.0.0.4:53"));
        assert!(!way("127.0.0.53:53", "10.0.0.4:53") && !way("10.0.0.4:54", "10.0.0.4:53"));
    }

    #[test]
    fn the_stub_of_systemd_resolved_is_known_by_its_address_where_its_process_is_hidden() {
        let holder = |address: &str, process: Option<(u32, &str)>| Holder {
            address: address.parse().unwrap(),
            transport: "UDP",
            process: process.map(|(pid, name)| (pid, name.to_owned())),
        };
        let own = ["127.0.0.1".parse().unwrap(), "10.1.2.3".parse().unwrap()];
        let wanted = "0.0.0.0:53".parse().unwrap();
        let said = |address, process| explain(&[holder(address, process)], "TCP", wanted, &own);
        for address in ["127.0.0.53:53", "127.0.0.54:53"] {
            for process in [None, Some((601, "systemd-resolve"))] {
                let said = said(address, process);
                let parts = [
                    "either listen on the machine's own address alone: listen = [\"10.1.2.3:53\"]",
                    "; or in \
                              /etc/systemd/resolved.conf, [Resolve] DNSStubListener=no",
                ];
                assert!(parts.iter().all(|part| said.contains(part)) && said.contains(address), "{said}");
                assert!(!said.contains("as root") && !said.contains('\n'), "{said}");
            }
        }
        for (address, process, part) in [
            ("127.0.0.53:5353", None, "either find it as root (ss -lunpt 'sport = :53') and stop it; or listen on"),
            ("0.0.0.0:53", None, "another user's process has 0.0.0.0:53 over UDP"),
            ("127.0.0.53:53", Some((9, "dns\u{1b}masq")), "either stop 'dns\\u{1b}masq' (systemctl status 9"),
            ("0.0.0.0:53", Some((1, "systemd")), "systemctl list-sockets"),
            ("0.0.0.0:53", Some((7, "privatelink-dns")), "over UDP; it is another privatelink-dns"),
        ] {
            let said = said(address, process);
            assert!(said.contains(part) && !said.contains("DNSStubListener"), "{said}");
        }
        assert!(explain(&[], "UDP", wanted, &own).contains("ss -lunpt 'sport = :53'"));
        let two = ["UDP", "TCP"].map(|transport| Holder { transport, ..holder("0.0.0.0:53", Some((7, transport))) });
        assert!(explain(&two, "TCP", wanted, &own).contains("'TCP' (process 7) has 0.0.0.0:53 over TCP"));
        let no_own = explain(&two, "UDP", wanted, &own[..1]);
        assert!(
            no_own.contains("'UDP'")
                && no_own.ends_with("or listen on another address of this machine (see 'ip address')")
        );
    }

    #[test]
    fn a_socket_that_the_service_manager_keeps_belongs_to_the_service() {
        let root = tempfile::TempDir::new().unwrap();
        let line = "  1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000 101 0 21345 2 0 0";
        std::fs::create_dir_all(root.path().join("proc/self/net")).unwrap();
        std::fs::write(root.path().join("proc/self/net/udp"), line).unwrap();
        for (pid, name) in [("1", "systemd\n"), ("77", "privatelink-dns\n")] {
            let folder = root.path().join("proc").join(pid);
            std::fs::create_dir_all(folder.join("fd")).unwrap();
            std::fs::write(folder.join("comm"), name).unwrap();
            std::os::unix::fs::symlink("socket:[21345]", folder.join("fd/9")).unwrap();
        }
        let found = holders(root.path(), "127.0.0.1:53".parse().unwrap());
        assert_eq!(found.len(), usize::from(cfg!(target_endian = "little")));
        assert!(found.iter().all(|holder| holder.process == Some((77, "privatelink-dns".to_owned()))), "{found:?}");
    }

    #[test]
    fn this_process_is_found_by_the_port_that_it_holds() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = holders(Path::new("/"), socket.local_addr().unwrap());
        let me = std::process::id();
        assert!(found.iter().any(|holder| holder.process.as_ref().is_some_and(|(pid, _)| *pid == me)), "{found:?}");
    }
}
