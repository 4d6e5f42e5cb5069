//! A real Unbound and a real BIND forward everything to us, as on-premises resolvers do.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::client::ask;
use crate::support::wait_until;
use crate::tool::find;
use crate::world::world;

/// A foreign server; killed when it goes out of scope.
pub(crate) struct Resolver {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            eprintln!("--- the resolver's log ---\n{log}");
        }
    }
}

/// An address of the loopback network that no other server of this test run has. There nobody else takes the port that
/// was found free, and no client that probes it can have it for its own port.
pub(crate) fn own_ip() -> Ipv4Addr {
    static TAKEN: AtomicU16 = AtomicU16::new(1);
    let [high, low] = TAKEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let [_, _, _, run] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + run % 128, high, low)
}

/// The address for BIND, which listens only at addresses that an interface has by name.
pub(crate) fn bind_ip() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}

/// A port that is free for UDP and TCP now. These servers cannot be told to take any and say which.
fn free_address(ip: Ipv4Addr) -> SocketAddrV4 {
    for _ in 0..50 {
        let tcp = TcpListener::bind((ip, 0)).unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind((ip, port)).is_ok() {
            return SocketAddrV4::new(ip, port);
        }
    }
    panic!("no port of {ip} is free for both UDP and TCP");
}

/// Starts a server with a config made for an address, again with another one should somebody take it first.
pub(crate) fn start(
    program: &Path,
    arguments: &[&str],
    ip: impl Fn() -> Ipv4Addr,
    config: impl Fn(&Path, SocketAddrV4) -> String,
) -> Resolver {
    let mut tries = (0..5).filter_map(|_| start_at(program, arguments, free_address(ip()), &config));
    tries.next().unwrap_or_else(|| panic!("{} does not start", program.display()))
}

/// Starts a server at this address; `None` if it ends at once.
pub(crate) fn start_at(
    program: &Path,
    arguments: &[&str],
    address: SocketAddrV4,
    config: impl Fn(&Path, SocketAddrV4) -> String,
) -> Option<Resolver> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("conf");
    std::fs::write(&file, config(folder.path(), address)).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let child = Command::new(program)
        .args(arguments)
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut resolver = Resolver { child, address: address.into(), folder };
    let answers = resolver.answers();
    if !answers {
        let log = std::fs::read_to_string(resolver.folder.path().join("log")).unwrap_or_default();
        eprintln!("--- {} ended by itself ---\n{log}", program.display());
    }
    answers.then_some(resolver)
}

impl Resolver {
    /// Waits until it answers; `false` if it ended instead.
    fn answers(&mut self) -> bool {
        let mut alive = true;
        wait_until("the resolver answers", || {
            alive = self.child.try_wait().unwrap().is_none();
            let probe = ask("localhost", "A").patience(Duration::from_millis(300));
            !alive || probe.try_to(self.address).is_ok()
        });
        alive
    }

    fn resolves(&self, name: &str) -> Vec<String> {
        ask(name, "A").to(self.address).addresses()
    }
}

/// Both accounts, cold and warm, our backup name, NODATA, and another name of the world.
fn forwards_to_us(start: impl Fn(SocketAddr) -> Option<Resolver>) {
    let world = world();
    let Some(resolver) = start(world.server.address()) else { return };
    let backup = "4611686018427387904-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
    for _ in 0..2 {
        assert_eq!(resolver.resolves("acct.blob.core.windows.net"), ["10.1.0.5"]);
        assert_eq!(resolver.resolves("other.blob.core.windows.net"), ["20.60.2.2"]);
        assert_eq!(resolver.resolves("acct.privatelink.blob.core.windows.net"), ["10.1.0.5"]);
        assert_eq!(resolver.resolves(backup), ["10.1.0.8"]);
        assert_eq!(resolver.resolves("www.example"), ["192.0.2.1"]);
        let nodata = ask("acct.blob.core.windows.net", "AAAA").to(resolver.address);
        assert_eq!(nodata.rcode, "NOERROR", "{nodata}");
        assert!(nodata.addresses().is_empty(), "{nodata}");
        assert_eq!(ask("no.privatelink.we.backup.windowsazure.com", "A").to(resolver.address).rcode, "NXDOMAIN");
    }
    world.server.stop();
}

/// The servers that a resolver forwards to: a suffix, `.` for all the rest, and the addresses to ask for it.
pub(crate) type Routes = [(String, Vec<SocketAddr>)];

/// Unbound that forwards everything to an address.
pub(crate) fn unbound(ours: SocketAddr) -> Option<Resolver> {
    unbound_over(&[(".".to_owned(), vec![ours])])
}

/// BIND that forwards everything to an address.
pub(crate) fn bind(ours: SocketAddr) -> Option<Resolver> {
    bind_over(&[(".".to_owned(), vec![ours])])
}

/// Unbound with these forward-zones.
pub(crate) fn unbound_over(routes: &Routes) -> Option<Resolver> {
    let program = find("unbound")?;
    let zone = |(suffix, addresses): &(String, Vec<SocketAddr>)| {
        let address = |address: &SocketAddr| format!(" forward-addr: {}@{}\n", address.ip(), address.port());
        format!("forward-zone:\n name: \"{suffix}\"\n{}", addresses.iter().map(address).collect::<String>())
    };
    let zones: String = routes.iter().map(zone).collect();
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        format!(
            "server:\n interface: {ip}@{port}\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
             directory: \"{0}\"\n pidfile: \"{0}/pid\"\n logfile: \"\"\n use-syslog: no\n module-config: \"iterator\"\n \
             do-not-query-localhost: no\n access-control: 127.0.0.0/8 allow\n verbosity: 1\n num-threads: 1\n\
             remote-control:\n control-enable: no\n{zones}",
            folder.display(),
        )
    };
    Some(start(&program, &["-d", "-c"], own_ip, config))
}

/// BIND with these forward zones.
pub(crate) fn bind_over(routes: &Routes) -> Option<Resolver> {
    let program = find("named")?;
    let forwarders = |addresses: &[SocketAddr]| {
        let address = |address: &SocketAddr| format!("{} port {}; ", address.ip(), address.port());
        format!("forward only; forwarders {{ {}}};", addresses.iter().map(address).collect::<String>())
    };
    let (root, others): (Vec<_>, Vec<_>) = routes.iter().partition(|(suffix, _)| suffix == ".");
    let everything: String = root.iter().map(|(_, addresses)| forwarders(addresses)).collect();
    let zone = |(suffix, addresses): &&(String, Vec<SocketAddr>)| {
        format!("zone \"{suffix}\" {{ type forward; {} }};\n", forwarders(addresses))
    };
    let zones: String = others.iter().map(zone).collect();
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        format!(
            "options {{ directory \"{0}\"; pid-file \"{0}/pid\"; listen-on port {port} {{ {ip}; }};\n\
             listen-on-v6 {{ none; }}; recursion yes; allow-query {{ 127.0.0.0/8; }}; dnssec-validation no;\n\
             {everything} }};\n\
             controls {{ }};\n{zones}",
            folder.display(),
        )
    };
    Some(start(&program, &["-g", "-n", "1", "-c"], bind_ip, config))
}

#[test]
fn unbound_that_forwards_to_us_resolves_both_accounts() {
    forwards_to_us(unbound);
}

#[test]
fn bind_that_forwards_to_us_resolves_both_accounts() {
    forwards_to_us(bind);
}

#[test]
fn unbound_and_bind_resolve_through_the_ordinary_upstream() {
    use crate::support::upstream::Upstream;
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1\n");
    for start in [unbound, bind] {
        if let Some(resolver) = start(upstream.address()) {
            assert_eq!(resolver.resolves("www.example"), ["192.0.2.1"]);
        }
    }
}
