//! A booted Debian in a container: made once, copied for each test, shut down at its end.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::upstream::Upstream;

/// The Debian that the packages are tried in.
const SUITE: &str = "bookworm";

/// What a small server has: its init, its bus, a stub resolver, and `ip`.
const INSTALLED: &str = "systemd,systemd-sysv,dbus,systemd-resolved,iproute2,ca-certificates";

/// The limit for something that should happen soon; it ends a test that hangs, and says nothing about speed.
const SOON: Duration = Duration::from_mins(2);

/// A container that runs.
pub(crate) struct Container {
    nspawn: Child,
    /// The process id of its init, as this machine has it.
    init: u32,
    root: PathBuf,
    upstream: Option<Upstream>,
}

/// The end of a command in a container.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard output and then standard error.
    pub(crate) text: String,
}

impl Container {
    /// Boots a fresh copy, and gives it an upstream.
    pub(crate) fn boot() -> Self {
        Self::boot_with("", |_| ())
    }

    /// The same with more of Debian's packages, separated by commas, and after a change of its files.
    pub(crate) fn boot_with(packages: &str, prepare: impl FnOnce(&Path)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let base = base(packages);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = base.with_file_name(format!("run-{}-{number}", std::process::id()));
        succeed(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&base).arg(&root));
        prepare(&root);
        let console = File::create(root.with_extension("console")).unwrap();
        let nspawn = Command::new("systemd-nspawn")
            .args([
                "--quiet",
                "--boot",
                "--private-network",
                "--register=no",
                "--keep-unit",
                "--link-journal=no",
                "--resolv-conf=off",
            ])
            .arg("--directory")
            .arg(&root)
            .stdin(Stdio::null())
            .stdout(console.try_clone().unwrap())
            .stderr(console)
            .spawn()
            .unwrap();
        let mut container = Self { nspawn, init: 0, root, upstream: None };
        container.init = container.wait_for("a first process", Container::find_init);
        container.wait_for("the end of the boot", |container| {
            let state = container.run("systemctl is-system-running").text;
            ["running", "degraded"].contains(&state.trim()).then_some(())
        });
        container.upstream = Some(Upstream::start(&container));
        container
    }

    /// The init of a container is a child of the process that started it, and the first one in its own space.
    fn find_init(&self) -> Option<u32> {
        let id = self.nspawn.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let mut ids = children.split_whitespace().filter_map(|id| id.parse().ok());
        ids.find(|id: &u32| {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let spaces = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            spaces.split_whitespace().nth(1) == Some("1")
        })
    }

    /// Ends the upstream: nobody but the package and Debian's own services is left.
    pub(crate) fn stop_upstream(&mut self) {
        self.upstream = None;
    }

    /// The folder that is `/` in the container.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Has a shell run a script as root.
    pub(crate) fn run(&self, script: &str) -> Ended {
        self.command(&["/bin/sh", "-c", script], &["-m", "-u", "-i", "-n", "-p", "-r", "-w"])
    }

    /// Has a shell run a script as root; it must succeed.
    pub(crate) fn succeed(&self, script: &str) -> String {
        let ended = self.run(script);
        assert_eq!(ended.code, Some(0), "{script}\n{}", ended.text);
        ended.text
    }

    /// Runs a program of this machine in the network of the container.
    pub(crate) fn beside(&self, words: &[&str]) -> Ended {
        self.command(words, &["-n"])
    }

    /// A program of this machine in the network of the container.
    pub(crate) fn in_network(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.init.to_string(), "-n", "--", program]);
        command
    }

    fn command(&self, words: &[&str], spaces: &[&str]) -> Ended {
        let output = Command::new("nsenter")
            .args(["-t", &self.init.to_string()])
            .args(spaces)
            .arg("--")
            .args(words)
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// Polls until there is something.
    pub(crate) fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(start.elapsed() < SOON, "waited {SOON:?} for {what}\n{}", self.last_words());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The last lines of the console, and of the server's log.
    fn last_words(&self) -> String {
        let mut console = String::new();
        let _ = File::open(self.root.with_extension("console")).and_then(|mut file| file.read_to_string(&mut console));
        let log = self
            .run("journalctl -u privatelink-dns -n 30 --no-pager -o cat; systemctl status -n 0 privatelink-dns")
            .text;
        let from = console.len().saturating_sub(4000);
        format!("{}\n{log}", console.get(from..).unwrap_or_default())
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.upstream.take());
        // systemd-nspawn hands SIGTERM on as the wish to power off.
        let _ = Command::new("kill").arg(self.nspawn.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if let Ok(Some(_)) = self.nspawn.try_wait() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
        let _ = fs::remove_dir_all(&self.root);
        let _ = fs::remove_file(self.root.with_extension("console"));
    }
}

/// The folder of the Debian with some more packages that is copied; it is made if it is not there.
fn base(packages: &str) -> PathBuf {
    static MADE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/container");
    let base = folder.join(format!("{SUITE},{packages}").trim_end_matches(','));
    if !base.exists() {
        println!("making a Debian, once: {}", base.display());
        fs::create_dir_all(&folder).unwrap();
        let fresh = folder.join("fresh");
        let _ = fs::remove_dir_all(&fresh);
        let include = format!("--include={INSTALLED},{packages}").trim_end_matches(',').to_owned();
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.args(["--variant=minbase", &include, SUITE]).arg(&fresh).args(mirror()).stdout(Stdio::null());
        succeed(&mut debootstrap);
        // Tests begin without it: most servers on which the package is installed have no stub resolver.
        succeed(Command::new("chroot").arg(&fresh).args(["systemctl", "disable", "systemd-resolved"]));
        // The link of systemd-resolved leads out of the container, for programs of this machine.
        let resolv_conf = fresh.join("etc/resolv.conf");
        let _ = fs::remove_file(&resolv_conf);
        fs::write(resolv_conf, "").unwrap();
        fs::rename(fresh, &base).unwrap();
    }
    base
}

/// The mirror that this machine uses; none on a machine that is no Debian.
fn mirror() -> Option<String> {
    let release = format!("Codename: {SUITE}");
    let output = Command::new("apt-get").args(["indextargets", "--format", "$(SITE)", &release]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

fn succeed(command: &mut Command) {
    let status = command.status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{command:?}: {status:?}");
}
