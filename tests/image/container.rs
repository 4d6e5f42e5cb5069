//! A container of the image, run by runc as a kubelet would have it: a root that cannot be written, the image's own
//! user, no way to gain rights.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::pod::Pod;
use crate::unpacked::{folder, image};

/// What is asked of the runtime.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a word of its own in a runtime's config")]
pub(crate) struct Setup {
    /// Capabilities of the container; for a user other than root, runtimes make none of them ambient.
    pub(crate) capabilities: &'static [&'static str],
    /// Let programs gain rights, as with `allowPrivilegeEscalation: true`.
    pub(crate) may_gain: bool,
    /// Parts of the image's config that are replaced, in a file that is mounted over it.
    pub(crate) config: &'static [(&'static str, &'static str)],
    /// Mount the pod's folder `etc` over that of the image's config.
    pub(crate) with_etc: bool,
    /// Leave `/run/privatelink-dns` as it is in the image: it cannot be written then.
    pub(crate) without_run: bool,
    /// Files in place of those of the image.
    pub(crate) root: Option<PathBuf>,
    /// System calls that fail as if the kernel had no IPv6.
    pub(crate) without_ipv6: bool,
}

/// As a kubelet runs it where `capabilities.add` has `NET_BIND_SERVICE` alone.
pub(crate) const USUAL: Setup = Setup {
    capabilities: &["CAP_NET_BIND_SERVICE"],
    may_gain: false,
    config: &[],
    with_etc: false,
    without_run: false,
    root: None,
    without_ipv6: false,
};

/// A container.
pub(crate) struct Container<'p> {
    pub(crate) pod: &'p Pod,
    runc: Child,
    id: String,
}

/// The end of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard output and then standard error.
    pub(crate) text: String,
}

impl<'p> Container<'p> {
    /// Starts it; its output goes to the pod's log.
    pub(crate) fn start(pod: &'p Pod, setup: &Setup) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("privatelink-dns-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let bundle = pod.folder.join(&id);
        fs::create_dir_all(&bundle).unwrap();
        fs::write(bundle.join("config.json"), config(pod, setup).to_string()).unwrap();
        let log = OpenOptions::new().create(true).append(true).open(pod.folder.join("log")).unwrap();
        let mut runc = runc();
        runc.arg("run").arg("--bundle").arg(&bundle).arg(&id);
        let runc = runc.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        Self { pod, runc, id }
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn ready(pod: &'p Pod, setup: &Setup) -> Self {
        let mut container = Self::start(pod, setup);
        pod.wait_for("readiness", |pod| {
            assert_eq!(container.runc.try_wait().unwrap(), None, "it has ended\n{}", pod.log());
            (pod.probe("/ready") == "200").then_some(())
        });
        container
    }

    /// Runs a program of the image in the container, as its own user.
    pub(crate) fn exec(&self, words: &[&str]) -> Ended {
        let output = runc().args(["exec", &self.id]).args(words).stdin(Stdio::null()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Runs a verb of the program in the container.
    pub(crate) fn verb(&self, words: &str) -> Ended {
        let words: Vec<&str> = ["/usr/bin/privatelink-dns"].into_iter().chain(words.split_whitespace()).collect();
        self.exec(&words)
    }

    /// The id of its first process, as this machine has it.
    pub(crate) fn first_process(&self) -> u64 {
        let state = runc().args(["state", &self.id]).output().unwrap().stdout;
        serde_json::from_slice::<Value>(&state).unwrap()["pid"].as_u64().unwrap()
    }

    /// Sends its first process a signal.
    pub(crate) fn signal(&self, name: &str) {
        assert!(runc().args(["kill", &self.id, name]).status().unwrap().success());
    }

    /// Waits for its end; its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        let pod = self.pod;
        pod.wait_for("the end of the container", |_| self.runc.try_wait().unwrap()).code()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = runc().args(["delete", "--force", &self.id]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.runc.kill();
        let _ = self.runc.wait();
    }
}

fn runc() -> Command {
    let mut command = Command::new("runc");
    command.arg("--root").arg(folder().join("runc"));
    command
}

/// The runtime's config: that of umoci, as a kubelet would change it.
fn config(pod: &Pod, setup: &Setup) -> Value {
    let mut config = image().runtime_config.clone();
    let process = &mut config["process"];
    process["terminal"] = json!(false);
    process["noNewPrivileges"] = json!(!setup.may_gain);
    let had = setup.capabilities;
    process["capabilities"] = json!({"bounding": had, "permitted": had, "effective": had});
    // Not more than this machine has, and as many as [tcp] needs.
    process["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "soft": 8192, "hard": 8192}]);
    config["root"] = json!({"path": setup.root.as_ref().unwrap_or(&image().rootfs), "readonly": true});
    for namespace in config["linux"]["namespaces"].as_array_mut().unwrap() {
        if namespace["type"] == "network" {
            namespace["path"] = json!(pod.network());
        }
    }
    let mounts = config["mounts"].as_array_mut().unwrap();
    // umoci mounts a tmpfs at each volume, and the cgroups, which this test does not need.
    mounts.retain(|mount| !["cgroup", "mqueue"].iter().any(|kind| mount["type"] == *kind) && mount["source"] != "none");
    if setup.with_etc {
        mounts.push(bind(&pod.folder.join("etc"), "/etc/privatelink-dns", "ro"));
    }
    mounts.push(bind(&pod.folder.join("volume"), "/var/lib/privatelink-dns", "rw"));
    mounts.push(bind(&pod.folder.join("endpoints"), "/etc/privatelink-dns/endpoints", "ro"));
    mounts.push(bind(&pod.folder.join("resolv.conf"), "/etc/resolv.conf", "ro"));
    if !setup.without_run {
        mounts.push(bind(&pod.folder.join("run"), "/run/privatelink-dns", "rw"));
    }
    if !setup.config.is_empty() {
        mounts.push(bind(&edited(pod, setup.config), "/etc/privatelink-dns/privatelink-dns.toml", "ro"));
    }
    if setup.without_ipv6 {
        // EAFNOSUPPORT, for socket(AF_INET6, ...).
        let call = json!({
            "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
            "args": [{"index": 0, "value": 10, "op": "SCMP_CMP_EQ"}],
        });
        config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [call]});
    }
    config
}

fn bind(from: &Path, to: &str, mode: &str) -> Value {
    json!({"destination": to, "type": "bind", "source": from, "options": ["bind", "nosuid", "nodev", "noexec", mode]})
}

/// The image's config with some parts replaced, which must be there; the file.
fn edited(pod: &Pod, changes: &[(&str, &str)]) -> PathBuf {
    let path = pod.folder.join("privatelink-dns.toml");
    fs::write(&path, config_with(changes)).unwrap();
    path
}

/// The image's config with some parts replaced, which must be there.
pub(crate) fn config_with(changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(image().rootfs.join("etc/privatelink-dns/privatelink-dns.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the config lacks {from}:\n{text}");
        text = text.replacen(from, to, 1);
    }
    text
}
