//! A service manager, as far as it keeps sockets: it hears what a service says (`sd_notify(3)`), keeps the descriptors that
//! the service sends, and hands them over to the next process (`sd_listen_fds(3)`).

use std::fs::File;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use command_fds::{CommandFdExt, FdMapping};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

/// The first descriptor that a service gets.
const FIRST: i32 = 3;

/// It listens until the test is over.
pub(crate) struct Manager {
    dir: TempDir,
    heard: Arc<Mutex<Heard>>,
}

/// What the services have said.
#[derive(Default)]
struct Heard {
    store: Vec<(String, OwnedFd)>,
    messages: Vec<String>,
}

impl Manager {
    /// A manager without a service yet.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        let heard = Arc::<Mutex<Heard>>::default();
        let own = Arc::clone(&heard);
        std::thread::spawn(move || while hear(&socket, &own) {});
        Self { dir, heard }
    }

    /// Makes the command one of a service, which gets what is in the store.
    pub(crate) fn command(&self, service: &Command) -> Command {
        let kept = self.lock().store.iter().map(|(_, kept)| kept.try_clone().unwrap()).collect();
        self.command_with(service, kept)
    }

    /// Makes the command one of a service, which gets these descriptors.
    pub(crate) fn command_with(&self, service: &Command, descriptors: Vec<OwnedFd>) -> Command {
        let mut command = Command::new("sh");
        // The number of the process is known to itself alone.
        command.args(["-c", "export LISTEN_PID=$$; exec \"$@\"", "sh"]);
        command.arg(service.get_program()).args(service.get_args());
        command.env_remove("PRIVATELINK_DNS_CONFIG").env_remove("RUST_LOG").stdin(std::process::Stdio::null());
        command.env("NOTIFY_SOCKET", self.path()).env("LISTEN_FDS", descriptors.len().to_string());
        let mappings = (FIRST..).zip(descriptors).map(|(child_fd, parent_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).unwrap();
        command
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("notify")
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The local addresses of the sockets in the store, sorted; each has the name of ours.
    pub(crate) fn kept(&self) -> Vec<String> {
        let heard = self.lock();
        let shown = |(name, kept): &(String, OwnedFd)| {
            assert_eq!(name, "listen");
            let socket = socket2::SockRef::from(kept);
            let protocol = if socket.r#type().unwrap() == socket2::Type::DGRAM { "UDP" } else { "TCP" };
            format!("{protocol} {}", socket.local_addr().unwrap().as_socket().unwrap())
        };
        let mut kept: Vec<String> = heard.store.iter().map(shown).collect();
        kept.sort();
        kept
    }

    /// Every message so far.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.lock().messages.clone()
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // The thread ends with this word.
        let _gone = UnixDatagram::unbound().and_then(|socket| socket.send_to(b"END", self.path()));
    }
}

/// Hears one message; false at the end.
fn hear(socket: &UnixDatagram, heard: &Mutex<Heard>) -> bool {
    let (mut text, mut space) = ([0; 4096], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))]);
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let sent = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptors: Vec<OwnedFd> = sent.flatten().collect();
    let text = String::from_utf8(text[..received.bytes].to_vec()).unwrap();
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored").to_owned();
    let says = |word: &str| text.lines().any(|line| line == word);
    if says("FDSTOREREMOVE=1") {
        heard.store.retain(|(kept, _)| *kept != name);
    } else if says("FDSTORE=1") {
        heard.store.extend(descriptors.into_iter().map(|kept| (name.clone(), kept)));
    }
    let goes_on = text != "END";
    heard.messages.push(text);
    goes_on
}

/// Whether a process would hand this descriptor of its own to the programs that it starts.
pub(crate) fn is_inherited(pid: nix::unistd::Pid, descriptor: i32) -> bool {
    let info = std::io::read_to_string(File::open(format!("/proc/{pid}/fdinfo/{descriptor}")).unwrap()).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim();
    i32::from_str_radix(flags, 8).unwrap() & nix::libc::O_CLOEXEC == 0
}
