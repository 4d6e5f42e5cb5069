//! A folder of its own for one server: config, endpoint lists and zone files, and the verbs run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use toml::{Table, Value};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_privatelink-dns");

/// The config of a test that does not change it: any port, our three zones, patience with an upstream on a busy
/// machine.
const DEFAULTS: &str = r#"
    zone_dir = "zones"
    [backup]
    cloud = "public"
    [access]
    allow = ["127.0.0.0/8", "::1/128"]
    [forward]
    upstreams = ["127.0.0.1:9"]
    timeout = "30s"
"#;

/// The folder: `config/privatelink-dns.toml`, `config/endpoints/`, `zones/`.
pub(crate) struct Site {
    dir: TempDir,
    config: Table,
}

impl Site {
    /// An empty folder with the default config.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        for folder in ["config/endpoints", "zones"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let listen = if super::has_ipv6() { "\"127.0.0.1:0\", \"[::1]:0\"" } else { "\"127.0.0.1:0\"" };
        let config = format!("listen = [{listen}]\n{DEFAULTS}").parse().unwrap();
        let site = Self { dir, config };
        site.write_config();
        site
    }

    /// With an endpoint list, and the source that names it.
    pub(crate) fn with_list(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.write_list(name, content);
        self.add(&format!("[[sources]]\nname = \"{name}\"\npath = \"config/endpoints/{name}\"\n"));
        self
    }

    /// With a hand-written zone file.
    pub(crate) fn with_zone(self, apex: &str, content: &str) -> Self {
        self.write_zone(apex, content);
        self
    }

    /// With more config: tables are merged, `[[tables]]` appended, values replaced.
    pub(crate) fn with_config(mut self, toml: &str) -> Self {
        self.add(toml);
        self
    }

    /// With this upstream for everything else.
    pub(crate) fn with_upstream(self, upstream: &super::upstream::Upstream) -> Self {
        self.with_config(&format!("[forward]\nupstreams = [\"{}\"]", upstream.address()))
    }

    /// Merges more config into the file.
    pub(crate) fn add(&mut self, toml: &str) {
        let more: Table = toml.parse().unwrap_or_else(|error| panic!("{error}, in: {toml}"));
        merge(&mut self.config, more);
        self.write_config();
    }

    /// Takes a key out of the config.
    pub(crate) fn remove_config(&mut self, key: &str) {
        self.config.remove(key);
        self.write_config();
    }

    fn write_config(&self) {
        self.replace("config/privatelink-dns.toml", self.config.to_string());
    }

    /// Replaces the config file by this very text; the next `add` undoes it.
    pub(crate) fn write_raw_config(&self, text: &str) {
        self.replace("config/privatelink-dns.toml", text);
    }

    /// The path of something in the folder.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The config file.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.path("config/privatelink-dns.toml")
    }

    /// Writes a list in place, as an editor or a script with `>` does.
    pub(crate) fn write_list(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.list_path(name), content).unwrap();
    }

    /// Replaces a list by rename, as careful programs do.
    pub(crate) fn rename_list(&self, name: &str, content: impl AsRef<[u8]>) {
        self.replace(&format!("config/endpoints/{name}"), content);
    }

    /// The path of a list.
    pub(crate) fn list_path(&self, name: &str) -> PathBuf {
        self.path("config/endpoints").join(name)
    }

    /// Writes a hand-written zone file by rename.
    pub(crate) fn write_zone(&self, apex: &str, content: &str) {
        self.replace(&format!("zones/{apex}.zone"), content);
    }

    /// A zone file as it is on disk; empty if it is not there.
    pub(crate) fn zone(&self, apex: &str) -> String {
        fs::read_to_string(self.path(&format!("zones/{apex}.zone"))).unwrap_or_default()
    }

    /// The newest contents of a Kubernetes-style volume: a folder of lists behind a `..data` symbolic link, and a
    /// link in front of each file. The swap is one rename, as the kubelet does it.
    pub(crate) fn swap_volume(&self, volume: &str, version: &str, files: &[(&str, &str)]) {
        let root = self.path(volume);
        let folder = format!("..{version}");
        fs::create_dir_all(root.join(&folder)).unwrap();
        for (name, content) in files {
            fs::write(root.join(&folder).join(name), content).unwrap();
        }
        let fresh = root.join("..data_tmp");
        std::os::unix::fs::symlink(&folder, &fresh).unwrap();
        fs::rename(&fresh, root.join("..data")).unwrap();
        for (name, _) in files {
            let link = root.join(name);
            if fs::symlink_metadata(&link).is_err() {
                std::os::unix::fs::symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
    }

    /// Writes beside the file, then renames over it.
    fn replace(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        let fresh = path.with_extension("tmp-of-the-test");
        fs::write(&fresh, content).unwrap();
        fs::rename(fresh, path).unwrap();
    }

    /// A verb, to be run with this folder's config.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(verb).arg("--config").arg(self.config_file());
        command.env_remove("PRIVATELINK_DNS_CONFIG").env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn run(&self, verb: &str, arguments: &[&str]) -> Ran {
        let output = self.command(verb).args(arguments).output().unwrap();
        Ran::from(output)
    }

    /// Runs a sync in which all must be good.
    pub(crate) fn sync(&self) {
        let ran = self.run("sync", &[]);
        ran.expect(0, &[]);
        assert!(!ran.all().contains("error:"), "{ran:#?}");
    }

    /// Has the running server read everything again, and waits until it has.
    pub(crate) fn reload(&self) {
        self.run("reload", &[]).expect(0, &["config read"]);
    }

    /// The status of the running server.
    pub(crate) fn status(&self) -> serde_json::Value {
        let ran = self.run("status", &["--json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
    }

    /// The status as text. Its exit code says how bad things are.
    pub(crate) fn shown(&self, texts: &[&str]) -> String {
        let ran = self.run("status", &[]);
        assert!(matches!(ran.code, Some(0 | 1 | 3)) && ran.stderr.is_empty(), "{ran:#?}");
        for text in texts {
            assert!(ran.stdout.contains(text), "no '{text}' in {ran:#?}");
        }
        ran.stdout
    }

    /// The running server's counter of this name.
    pub(crate) fn counted(&self, name: &str) -> usize {
        let status = self.status();
        let count =
            status["queries"]["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter '{name}' in {status:#}"));
        usize::try_from(count).unwrap()
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&self) -> super::server::Server {
        super::server::Server::start(self.command("serve"))
    }
}

/// The end of a verb.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its output on both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Panics unless it ended with this code and printed all of these.
    pub(crate) fn expect(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for text in said {
            assert!(self.all().contains(text), "'{text}' is missing in {self:#?}");
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn merge(table: &mut Table, more: Table) {
    for (key, value) in more {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (Some(Value::Array(old)), Value::Array(new)) if new.iter().all(Value::is_table) => old.extend(new),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}
