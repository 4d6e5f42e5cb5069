//! Two networks with a cable between them, as a pod and its cluster have: one for containers, the other for clients and
//! an upstream. The first outlives its containers.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::unpacked::{folder, succeed};

/// The address of the containers.
pub(crate) const ADDRESS: &str = "10.77.0.2";

/// The address of the clients, and of the upstream at port 53.
const OUTSIDE: &str = "10.77.0.1";

/// A public name that the upstream knows, and its address.
pub(crate) const PUBLIC: (&str, &str) = ("www.example.com", "192.0.2.80");

/// A list: one storage account of a vault.
pub(crate) const LIST: &str = "10.1.2.4 smplepod01ecs114.blob.core.windows.net\n";

/// The name of the list, and its address.
pub(crate) const LISTED: (&str, &str) = ("smplepod01ecs114.privatelink.blob.core.windows.net", "10.1.2.4");

/// The limit for something that should happen soon; it ends a test that hangs, and says nothing about speed.
const SOON: Duration = Duration::from_mins(1);

/// The networks, and the folders that containers get.
pub(crate) struct Pod {
    /// Holds the network of the containers.
    pause: Child,
    /// Holds that of the clients.
    upstream: Child,
    /// For `endpoints`, `volume`, `run` and more; removed at the end.
    pub(crate) folder: PathBuf,
}

impl Pod {
    /// Connects both, and gives the containers a list, in the way in which Kubernetes mounts a `ConfigMap`.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = folder().join(format!("pod-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        for name in ["endpoints", "volume", "run", "etc/endpoints"] {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        // As an emptyDir: everybody may write. A volume with fsGroup belongs to the group of the server.
        succeed(Command::new("chmod").arg("0777").arg(folder.join("run")));
        succeed(Command::new("chown").arg("0:65532").arg(folder.join("volume")));
        succeed(Command::new("chmod").arg("2775").arg(folder.join("volume")));
        fs::write(folder.join("resolv.conf"), format!("nameserver {OUTSIDE}\n")).unwrap();
        let config = folder.join("unbound.conf");
        let text = format!(
            "server:\ninterface: {OUTSIDE}\nip-freebind: yes\naccess-control: 0.0.0.0/0 allow\nusername: \"\"\n\
             chroot: \"\"\npidfile: \"\"\nuse-syslog: no\nlogfile: \"\"\ndo-daemonize: no\nmodule-config: iterator\n\
             do-ip6: no\nlocal-zone: \".\" static\nlocal-data: \"{} A {}\"\nremote-control:\ncontrol-enable: no\n",
            PUBLIC.0, PUBLIC.1
        );
        fs::write(&config, text).unwrap();
        let alone = |program: &str| {
            let mut command = Command::new("unshare");
            command.args(["--net", "--", program]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let pod = Self {
            pause: alone("sleep").arg("600").spawn().unwrap(),
            upstream: alone("unbound").arg("-d").arg("-c").arg(&config).spawn().unwrap(),
            folder,
        };
        pod.connect();
        pod.give_list("vault-we.txt", LIST);
        pod.wait_for("the upstream", |pod| (pod.dig(OUTSIDE, PUBLIC.0, &[]) == PUBLIC.1).then_some(()));
        pod
    }

    fn connect(&self) {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let is_apart = |id: u32| fs::read_link(format!("/proc/{id}/ns/net")).is_ok_and(|network| network != own);
        let both = [self.pause.id(), self.upstream.id()];
        self.wait_for("two networks", |_| both.iter().all(|id| is_apart(*id)).then_some(()));
        let pause = self.pause.id().to_string();
        let cable = ["link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", &pause];
        succeed(self.outside("ip").args(cable));
        for (program, device, address) in [
            (Self::outside as fn(&Self, &str) -> Command, "veth0", OUTSIDE),
            (Self::inside as fn(&Self, &str) -> Command, "eth0", ADDRESS),
        ] {
            let ip = |arguments: &[&str]| succeed(program(self, "ip").args(arguments));
            ip(&["address", "add", &format!("{address}/24"), "dev", device]);
            ip(&["link", "set", device, "up"]);
            ip(&["link", "set", "lo", "up"]);
        }
    }

    /// The file of the containers' network.
    pub(crate) fn network(&self) -> String {
        format!("/proc/{}/ns/net", self.pause.id())
    }

    /// A program of this machine in the containers' network.
    pub(crate) fn inside(&self, program: &str) -> Command {
        in_network(&self.pause, program)
    }

    /// A program of this machine where the clients are.
    pub(crate) fn outside(&self, program: &str) -> Command {
        in_network(&self.upstream, program)
    }

    /// Adds or replaces a list.
    pub(crate) fn give_list(&self, name: &str, text: &str) {
        self.give("endpoints", name, text);
    }

    /// Adds or replaces a file in a folder, by a swap of the link `..data`: so a kubelet does it.
    pub(crate) fn give(&self, folder: &str, name: &str, text: &str) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = self.folder.join(folder);
        let fresh = format!("..version_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        fs::create_dir(folder.join(&fresh)).unwrap();
        let old = fs::read_link(folder.join("..data")).ok();
        for entry in old.iter().flat_map(|old| fs::read_dir(folder.join(old)).unwrap()).flatten() {
            fs::copy(entry.path(), folder.join(&fresh).join(entry.file_name())).unwrap();
        }
        fs::write(folder.join(&fresh).join(name), text).unwrap();
        std::os::unix::fs::symlink(&fresh, folder.join("..data_tmp")).unwrap();
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
        // A link that is there already stays.
        let _ = std::os::unix::fs::symlink(format!("..data/{name}"), folder.join(name));
        if let Some(old) = old {
            fs::remove_dir_all(folder.join(old)).unwrap();
        }
    }

    /// The last line of a short answer, empty if there is none; asked by a client.
    pub(crate) fn dig(&self, server: &str, name: &str, options: &[&str]) -> String {
        let server = format!("@{server}");
        let mut dig = self.outside("dig");
        let output = dig.args([&server, name, "+short", "+time=1", "+tries=1"]).args(options).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { text.lines().last().unwrap_or_default().to_owned() } else { String::new() }
    }

    /// The status of an HTTP reply of the probe port, asked by a client; `000` without one.
    pub(crate) fn probe(&self, path: &str) -> String {
        let url = format!("http://{ADDRESS}:8053{path}");
        let arguments = ["--silent", "--max-time", "2", "--output", "/dev/null", "--write-out", "%{http_code}", &url];
        let output = self.outside("curl").args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Polls until there is something.
    pub(crate) fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(start.elapsed() < SOON, "waited {SOON:?} for {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the containers wrote to standard output and standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for child in [&mut self.pause, &mut self.upstream] {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn in_network(process: &Child, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &process.id().to_string(), "-n", "--", program]).stdin(Stdio::null());
    command
}
