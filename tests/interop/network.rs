//! Two hosts with a cable between them, without leaving this one: network namespaces that have no name and end with the
//! values that hold them.

use std::fs::File;
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::gettid;

use crate::tool::{find, run};

/// A host: processes, threads and sockets that are made in it live there.
pub(crate) struct Host(File);

impl Host {
    /// A host without a link to anywhere; `None` and a loud line where this user may make none.
    fn new() -> Option<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).map(|()| Self(File::open("/proc/thread-self/ns/net").unwrap()))
        });
        match made.join().unwrap() {
            Err(Errno::EPERM) => {
                eprintln!("SKIPPED: only root may make network namespaces");
                None
            }
            host => Some(host.unwrap()),
        }
    }

    /// Does it there.
    pub(crate) fn run<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        let joined = thread::scope(|scope| scope.spawn(inside).join());
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs `ip` there.
    pub(crate) fn ip(&self, arguments: &str) {
        let tool = find("ip").expect("found before");
        let (good, said) = self.run(|| run(Command::new(tool).args(arguments.split(' '))));
        assert!(good, "ip {arguments}: {said}");
    }

    /// A number that the kernel counts there, `Ip: FragCreates` of `/proc/net/snmp`.
    pub(crate) fn counted(&self, table: &str, name: &str) -> u64 {
        let text = self.run(|| std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap());
        let mut lines = text.lines().filter(|line| line.starts_with(table)).map(str::split_whitespace);
        let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
        let found = names.zip(numbers).find(|(this, _)| *this == name);
        found.unwrap_or_else(|| panic!("no {name} in {text}")).1.parse().unwrap()
    }
}

/// A host with nothing but its own loopback.
pub(crate) fn lone_host() -> Option<Host> {
    find("ip")?;
    let host = Host::new()?;
    host.ip("link set lo up");
    Some(host)
}

/// Two hosts, `wire` at each being the end of one cable, without addresses.
pub(crate) fn two_hosts() -> Option<[Host; 2]> {
    find("ip")?;
    let (one, other) = (Host::new()?, Host::new()?);
    // A thread there is the name by which the kernel knows a namespace.
    other.run(|| one.ip(&format!("link add wire type veth peer name wire netns {}", gettid())));
    for host in [&one, &other] {
        // Addresses of links that the test gives, usable at once.
        for arguments in ["link set lo up", "link set wire addrgenmode none", "link set wire up"] {
            host.ip(arguments);
        }
    }
    Some([one, other])
}
