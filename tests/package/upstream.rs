//! The upstream of a container: an Unbound of this machine in its network, which knows two public names.

use std::fs;
use std::process::{Child, Stdio};

use crate::container::Container;

/// A public name, and its address.
pub(crate) const PUBLIC: (&str, &str) = ("www.example.com", "192.0.2.80");

/// The storage account of another tenant, and its address.
pub(crate) const OTHER_TENANT: (&str, &str) = ("anothertenant.blob.core.windows.net", "192.0.2.81");

/// An Unbound that runs.
pub(crate) struct Upstream(Child);

impl Upstream {
    /// Starts it where `/etc/resolv.conf` then says.
    pub(crate) fn start(container: &Container) -> Self {
        let folder = container.root().join("root");
        let config = folder.join("unbound.conf");
        let data = [PUBLIC, OTHER_TENANT].map(|(name, address)| format!("local-data: \"{name}. A {address}\"\n"));
        let text = format!(
            "server:\ninterface: 127.0.0.9\nusername: \"\"\nchroot: \"\"\npidfile: \"\"\nuse-syslog: no\nlogfile: \"\"\n\
             do-daemonize: no\nmodule-config: iterator\ndo-ip6: no\nlocal-zone: \".\" static\n{}\
             remote-control:\ncontrol-enable: no\n",
            data.concat()
        );
        fs::write(&config, text).unwrap();
        fs::write(container.root().join("etc/resolv.conf"), "nameserver 127.0.0.9\n").unwrap();
        let mut command = container.in_network("unbound");
        command.arg("-d").arg("-c").arg(&config);
        let upstream = Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        container
            .wait_for("the upstream", |container| (container.dig("127.0.0.9", PUBLIC.0) == PUBLIC.1).then_some(()));
        upstream
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
