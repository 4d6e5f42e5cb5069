//! The upstreams called "system": the name servers in `/etc/resolv.conf`.
//!
//! In: the file. Out: its name servers in order. Any line except a `nameserver` line with an address is skipped, as in
//! resolv.conf(5); a change of the file is noticed by its modification time and size.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The largest number of name servers used (MAXNS of resolv.conf(5)).
const MAX_SERVERS: usize = 3;

/// The file as last read.
#[derive(Debug)]
pub(crate) struct ResolvConf {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
}

impl ResolvConf {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, stamp: None }
    }

    /// The name servers, if the file has changed since it was read. A file that cannot be read changes nothing, and
    /// neither does one without name servers: it may be half written.
    pub(crate) fn changed(&mut self) -> Option<Vec<SocketAddr>> {
        let stamp = stamp(&self.path)?;
        if self.stamp == Some(stamp) {
            return None;
        }
        let text = std::fs::read_to_string(&self.path).ok()?;
        let servers = name_servers(&text);
        let is_first = self.stamp.replace(stamp).is_none();
        (is_first || !servers.is_empty()).then_some(servers)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

/// The name servers in a resolv.conf, port 53.
pub(crate) fn name_servers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next() == Some("nameserver")).then(|| words.next())?
        })
        .filter_map(address)
        .take(MAX_SERVERS)
        .collect()
}

/// An address, IPv6 with its scope (`fe80::1%2`, `fe80::1%eth0`).
fn address(word: &str) -> Option<SocketAddr> {
    if let Ok(ip) = word.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, 53));
    }
    let (ip, scope) = word.split_once('%')?;
    let ip: Ipv6Addr = ip.parse().ok()?;
    let scope = scope.parse().ok().or_else(|| nix::net::if_::if_nametoindex(scope).ok())?;
    Some(SocketAddrV6::new(ip, 53, 0, scope).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_name_servers_are_read_and_all_else_is_passed_over() {
        let text = "# made by hand\nsearch example\nnameserver 168.63.129.16 # host\n nameserver ::1\nnameserver x\n\
            nameserver\noptions edns0\nnameserver fe80::1%7\nnameserver 10.0.0.4\n";
        let shown: Vec<String> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["168.63.129.16:53", "[::1]:53", "[fe80::1%7]:53"]);
    }

    #[test]
    fn a_scope_may_be_the_name_of_an_interface() {
        let scope = match address("fe80::1%lo").unwrap() {
            SocketAddr::V6(v6) => v6.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        assert_ne!(scope, 0);
        assert_eq!(address("fe80::1%no-such-interface"), None);
    }

    #[test]
    fn a_change_of_the_file_is_noticed_once_and_its_loss_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        std::fs::write(&path, "nameserver 10.0.0.1\n").unwrap();
        let mut resolv_conf = ResolvConf::new(path.clone());
        assert_eq!(resolv_conf.changed().unwrap().len(), 1);
        assert_eq!(resolv_conf.changed(), None);
        std::fs::write(&path, "nameserver 10.0.0.1\nnameserver 10.0.0.2\n").unwrap();
        assert_eq!(resolv_conf.changed().unwrap().len(), 2);
        std::fs::write(&path, "").unwrap();
        assert_eq!(resolv_conf.changed(), None, "half written");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(resolv_conf.changed(), None);
    }
}
