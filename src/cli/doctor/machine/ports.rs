//! Who holds a port: the socket tables of the kernel, and the descriptors of processes (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Octets of a table that are read: some ten thousand sockets.
const MAX_TABLE: u64 = 4 << 20;

/// Processes that are looked at.
const MAX_PROCESSES: usize = 20_000;

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Holder {
    /// The address of the socket.
    pub(in crate::cli::doctor) address: SocketAddr,
    /// UDP or TCP.
    pub(in crate::cli::doctor) transport: &'static str,
    /// The process: its id and name; `None` if its descriptors may not be looked at.
    pub(in crate::cli::doctor) process: Option<(u32, String)>,
}

/// The sockets that keep others from this address: bound there, or to every address of its port.
pub(super) fn holders(root: &Path, wanted: SocketAddr) -> Vec<Holder> {
    let mut sockets = Vec::new();
    for (table, transport) in [("udp", "UDP"), ("udp6", "UDP"), ("tcp", "TCP"), ("tcp6", "TCP")] {
        let Ok(text) = crate::files::read_head(&root.join("proc/net").join(table), MAX_TABLE) else { continue };
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
            found.entry(inode).or_insert((pid, name.trim_end().to_owned()));
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
    fn this_process_is_found_by_the_port_that_it_holds() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = holders(Path::new("/"), socket.local_addr().unwrap());
        let me = std::process::id();
        assert!(found.iter().any(|holder| holder.process.as_ref().is_some_and(|(pid, _)| *pid == me)), "{found:?}");
    }
}
