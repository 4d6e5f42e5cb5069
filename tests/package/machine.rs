//! A container with the package installed, and what an operator does there.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::container::{Container, Ended};

/// The list that is dropped into the folder of lists: two storage accounts of a vault.
pub(crate) const LIST: &str = "10.1.2.4 smplepod01ecs114.blob.core.windows.net\n\
                               10.1.2.5 smplepod01ecs114.queue.core.windows.net\n\
                               10.1.2.6 smplepod01prot120.blob.core.windows.net\n";

/// Names of the list, and one that it lacks below a zone that is hosted.
pub(crate) const NAMES: [&str; 3] = [
    "smplepod01ecs114.privatelink.blob.core.windows.net",
    "smplepod01ecs114.privatelink.queue.core.windows.net",
    "smplepod01prot120.privatelink.blob.core.windows.net",
];

/// The config in `/etc`.
pub(crate) const CONFIG: &str = "etc/privatelink-dns/privatelink-dns.toml";

/// A package file from the environment.
pub(crate) fn package(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} names no .deb: run this by 'cargo xtask acceptance package'"));
    fs::canonicalize(path).unwrap()
}

impl Container {
    /// Boots, installs the package, and waits until the server runs.
    pub(crate) fn with_package() -> Self {
        let container = Self::boot();
        container.install("PACKAGE");
        container.is_up();
        container
    }

    /// What `apt install FILE` does and says.
    pub(crate) fn install(&self, variable: &str) -> String {
        let file = package(variable);
        let copy = self.root().join("root").join(file.file_name().unwrap());
        fs::copy(&file, &copy).unwrap();
        let name = copy.file_name().unwrap().to_str().unwrap();
        // An administrator has an edited config kept: that is what dpkg does unless told otherwise.
        self.succeed(&format!(
            "cd /root && apt-get install -y -qq --allow-downgrades -o Dpkg::Options::=--force-confold ./{name}"
        ))
    }

    /// Waits until systemd says that the server runs.
    pub(crate) fn is_up(&self) {
        self.wait_for("the server", |container| (container.state() == "active").then_some(()));
    }

    /// `active`, `inactive`, `failed`, ...
    pub(crate) fn state(&self) -> String {
        self.run("systemctl is-active privatelink-dns").text.trim().to_owned()
    }

    /// Drops the list in, and waits until its first name has its address.
    pub(crate) fn give_list(&self) {
        fs::write(self.root().join("etc/privatelink-dns/endpoints/vault-we.txt"), LIST).unwrap();
        self.wait_for("a private answer", |container| {
            container.dig("127.0.0.1", NAMES[0]).eq("10.1.2.4").then_some(())
        });
    }

    /// The last line of a short answer on port 53 of an address, empty if there is none.
    pub(crate) fn dig(&self, server: &str, name: &str) -> String {
        let server = format!("@{server}");
        let ended = self.beside(&["dig", &server, name, "+short", "+time=1", "+tries=1"]);
        if ended.code == Some(0) { ended.text.lines().last().unwrap_or_default().to_owned() } else { String::new() }
    }

    /// Runs a verb as root.
    pub(crate) fn verb(&self, words: &str) -> Ended {
        self.run(&format!("privatelink-dns {words}"))
    }

    /// The log of the server since the boot.
    pub(crate) fn log(&self) -> String {
        self.run("journalctl -u privatelink-dns --no-pager -o cat").text
    }

    /// Replaces a part of the config that must be there.
    pub(crate) fn edit_config(&self, from: &str, to: &str) {
        let path = self.root().join(CONFIG);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "the config lacks {from}:\n{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// All files, links and folders below `/etc`, `/usr`, `/var/lib` and so on, with what is in them, apart from those
    /// that every installation changes.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        const CHANGES: [&str; 9] = [
            "/etc/passwd",
            "/etc/group",
            "/etc/shadow",
            "/etc/gshadow",
            "/etc/.pwd.lock",
            "/var/lib/dpkg",
            "/var/lib/apt",
            "/var/lib/systemd",
            "/etc/ld.so.cache",
        ];
        let listed = self.succeed(
            "find /etc /usr /var/lib /opt -xdev -type f -print0 | xargs -0 sha256sum; \
             find /etc /usr /var/lib /opt -xdev '(' -type d -o -type l ')' -printf '%y:%l %p\\n'",
        );
        let pairs = listed.lines().filter_map(|line| line.split_once(' '));
        let all = pairs.map(|(what, path)| (path.trim().to_owned(), what.to_owned()));
        all.filter(|(path, _)| !CHANGES.iter().any(|changing| path.starts_with(changing))).collect()
    }
}

/// The paths in which two lists of files differ.
pub(crate) fn differences(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let gone = before.iter().filter(|(path, what)| after.get(*path) != Some(*what)).map(|(path, _)| path);
    let new = after.keys().filter(|path| !before.contains_key(*path));
    gone.chain(new).cloned().collect()
}
