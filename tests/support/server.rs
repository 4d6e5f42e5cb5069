//! The real binary, running.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::client::ask;
use super::reply::Reply;
use super::{SOON, wait_until};

/// The time that the server may take until its ready line.
const START: Duration = SOON;

/// A server process; killed when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    stderr: Arc<Mutex<String>>,
    listen: Vec<SocketAddr>,
    ready: serde_json::Value,
    /// The lines of stdout after the ready line: none, by the contract.
    rest: Receiver<String>,
}

impl Server {
    /// Starts a `serve` command and does not wait for its ready line.
    pub(crate) fn begin(command: Command) -> Self {
        let (child, stderr, lines) = spawn(command);
        Self { child, stderr, listen: Vec::new(), ready: serde_json::Value::Null, rest: lines }
    }

    /// Starts a `serve` command and waits for its ready line.
    pub(crate) fn start(command: Command) -> Self {
        let mut server = Self::begin(command);
        let line = server.rest.recv_timeout(START).unwrap_or_else(|_| {
            let status = server.child.try_wait();
            panic!("no ready line; status {status:?}; stderr:\n{}", server.stderr())
        });
        server.ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(server.ready["ready"], true, "{line}");
        server.listen = addresses(&server.ready["listen"]);
        server
    }

    /// The first listen address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listen[0]
    }

    /// The listen address of IPv6.
    pub(crate) fn address6(&self) -> SocketAddr {
        *self.listen.iter().find(|address| address.is_ipv6()).expect("a listen address of IPv6")
    }

    /// The address of the admin listener.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.named("admin")
    }

    /// The address of the probe listener.
    pub(crate) fn probe(&self) -> SocketAddr {
        self.named("probe")
    }

    /// The first address of DNS over TLS.
    pub(crate) fn dot(&self) -> SocketAddr {
        self.ready["dot"][0].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{}", self.ready))
    }

    /// The first address of DNS over HTTPS.
    pub(crate) fn doh(&self) -> SocketAddr {
        self.ready["doh"][0].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{}", self.ready))
    }

    fn named(&self, key: &str) -> SocketAddr {
        self.ready[key].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{}", self.ready))
    }

    /// Every listen address.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Asks over UDP.
    pub(crate) fn ask(&self, name: &str, qtype: &str) -> Reply {
        ask(name, qtype).to(self.address())
    }

    /// The addresses a name resolves to; empty if there is no good answer.
    pub(crate) fn resolves(&self, name: &str) -> Vec<String> {
        ask(name, "A").try_to(self.address()).map(|reply| reply.addresses()).unwrap_or_default()
    }

    /// Waits until a name resolves to just this address.
    pub(crate) fn until_resolves(&self, name: &str, address: &str) {
        wait_until(&format!("{name} resolves to {address}"), || self.resolves(name) == [address]);
    }

    /// The log so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the log says this, after its first `start` octets.
    pub(crate) fn until_says(&self, text: &str, start: usize) {
        wait_until(&format!("the log says '{text}'"), || self.stderr()[start..].contains(text));
    }

    /// Waits until all its threads sleep: the work that it has begun is done.
    pub(crate) fn until_idle(&self) {
        // The state comes after the name of the thread, which is in brackets.
        let sleeps = |stat: String| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'));
        wait_until("the server's threads sleep", || {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
            let stats = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")));
            // A thread that has ended meanwhile does nothing either.
            stats.filter_map(Result::ok).all(sleeps)
        });
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Has it read everything again.
    pub(crate) fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// True while it runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it with SIGTERM; panics unless it drains and exits 0 with nothing more on stdout.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "after SIGTERM; stderr:\n{}", self.stderr());
        let rest: Vec<String> = self.rest.try_iter().collect();
        assert!(rest.is_empty(), "stdout carries the ready line alone, but then came {rest:?}");
        self.stderr()
    }

    /// Ends it with SIGTERM, and gives its exit code.
    pub(crate) fn stopped(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.ended().code()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.expect("just seen")
    }
}

/// A number that the kernel gives of a process, such as `VmRSS` in KiB; 0 once it is gone.
pub(crate) fn process_status(pid: Pid, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `stop`.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}", self.stderr());
        }
    }
}

/// A `serve` that should fail: its exit code and its output, or a panic if it runs on.
pub(crate) fn fails_to_start(command: Command) -> super::site::Ran {
    let (mut child, stderr, lines) = spawn(command);
    let deadline = Instant::now() + START;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            None => {
                let _gone = child.kill();
                panic!("it should not start, but it runs");
            }
        }
    };
    // The reader thread ends with the pipe.
    let stdout: Vec<String> = lines.iter().collect();
    let said = || stderr.lock().unwrap_or_else(PoisonError::into_inner).clone();
    wait_until("its last words", || Arc::strong_count(&stderr) == 1);
    super::site::Ran { code: status.code(), stdout: stdout.join("\n"), stderr: said() }
}

fn spawn(mut command: Command) -> (Child, Arc<Mutex<String>>, Receiver<String>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = Arc::new(Mutex::new(String::new()));
    let (pipe, kept) = (child.stderr.take().expect("piped"), Arc::clone(&stderr));
    std::thread::spawn(move || keep(pipe, &kept));
    let (sender, lines) = channel();
    let pipe = child.stdout.take().expect("piped");
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // The test may be over.
            let _gone = sender.send(line);
        }
    });
    (child, stderr, lines)
}

fn keep(mut pipe: impl Read, kept: &Mutex<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer) {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

fn addresses(listen: &serde_json::Value) -> Vec<SocketAddr> {
    let read = |entry: &serde_json::Value| {
        assert_eq!(entry["udp"], entry["tcp"], "one port for UDP and TCP");
        entry["udp"].as_str().and_then(|text| text.parse().ok()).expect("an address")
    };
    listen.as_array().expect("a list of addresses").iter().map(read).collect()
}
