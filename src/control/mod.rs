//! Floor 6: the control socket: `flush`, `status`, `explain`, `reload`, `freeze`, `thaw` and `sync --running` reach the
//! running server through it.
//!
//! Input: one line of JSON on a unix socket, from our own user, root, or a member of the groups of the config. Output:
//! one line of JSON. Requests that shared state can answer are answered here; the others go to the daemon's loop.
//! Queries and zones are never touched.

pub mod in_process;
mod peer;
mod places;
pub(crate) mod protocol;
pub(crate) mod rights;
pub(crate) mod who;

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::Name;
use crate::explain::Explainer;
use crate::files;
use crate::server::Shared;
use crate::status::Board;
use crate::sync::plan::Digest;
use peer::{Accounts, peer_of};
use places::Places;
use protocol::{ControlReply, ControlRequest};
use rights::{Right, Rights, Standing};
use who::{Peer, Who};

/// Octets of a request: the longest has one name in presentation format, 1,004 octets at most.
const MAX_REQUEST: u64 = 4096;

/// The time that a client may take to send its line, or to read ours.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that a stranger's last words may take: it has a place meanwhile.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(1);

/// A command for the daemon's loop, and the channel for its reply.
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    pub(crate) answer: oneshot::Sender<ControlReply>,
}

/// The kind of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    /// As SIGHUP does.
    Reload {
        /// Who says so.
        who: Who,
    },
    /// One pass now.
    Sync,
    /// One pass now, with consent to the held changes of this digest.
    Approve {
        /// Who says so.
        who: Who,
        /// The digest.
        digest: Digest,
    },
    /// The inverse of the last change, with consent to what is held of it if there is a digest.
    Undo {
        /// Who says so.
        who: Who,
        /// The digest.
        digest: Option<Digest>,
    },
    /// Write no zone file until thaw.
    Freeze {
        /// Who says so.
        who: Who,
        /// Why.
        reason: Option<String>,
    },
    /// Write again.
    Thaw {
        /// Who says so.
        who: Who,
    },
}

/// The state that the connections need.
pub(crate) struct ControlContext {
    pub(crate) shared: Arc<Shared>,
    pub(crate) board: Arc<Board>,
    pub(crate) explainer: Arc<Explainer>,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Who may do what. A new config changes it.
    pub(crate) rights: Arc<ArcSwap<Rights>>,
}

/// The listening socket; its file goes when it is dropped.
pub(crate) struct Control {
    path: PathBuf,
    inode: u64,
    task: JoinHandle<()>,
}

/// The reason why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    #[error("{}", self.diagnostic())]
    Taken(PathBuf),
    #[error("{}", self.diagnostic())]
    InTheWay(PathBuf),
    #[error("{}", self.diagnostic())]
    System { path: PathBuf, cause: io::Error },
}

impl ControlError {
    /// The same as a diagnostic.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let (path, text) = match self {
            Self::Taken(path) => {
                (path, "another server already answers on this control socket; this server runs without one".to_owned())
            }
            Self::InTheWay(path) => {
                let text =
                    "the control socket's file exists and is not a socket; move it, or set 'control' to another path";
                (path, text.to_owned())
            }
            Self::System { path, cause } => {
                let folder = diag::path(path.parent().unwrap_or(path));
                let text = format!(
                    "control socket: {cause}; the server runs without one, and status, reload and flush cannot reach \
                     it; let its user write to {folder} (in a container, mount a tmpfs or an emptyDir there), or set \
                     'control' to another path"
                );
                (path, text)
            }
        };
        Diagnostic::error(Id::CONTROL_FAILED, Place::file(path), text)
    }
}

/// A socket that is in its place but not listened to yet.
pub(crate) struct PlacedSocket {
    path: PathBuf,
    listener: std::os::unix::net::UnixListener,
    file: std::fs::Metadata,
}

/// Puts a socket at `path`, in the place of one that a dead process left. It may wait for the disk.
pub(crate) fn place(path: &Path, rights: &Rights) -> Result<PlacedSocket, ControlError> {
    clear(path)?;
    let failed = |cause| ControlError::System { path: path.to_owned(), cause };
    let (listener, file) = bind(path, mode(rights)).map_err(failed)?;
    Ok(PlacedSocket { path: path.to_owned(), listener, file })
}

/// With groups everybody may connect, and the kernel's word on the peer decides: a file has one group, and there are
/// two.
fn mode(rights: &Rights) -> u32 {
    if rights.has_groups() { 0o666 } else { 0o600 }
}

/// Opens the socket's file to others, or closes it, as the rights say. It may wait for the disk.
///
/// # Errors
/// The error of the system.
pub(crate) fn set_mode(path: &Path, rights: &Rights) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode(rights)))
}

impl Control {
    /// Listens.
    pub(crate) fn start(placed: PlacedSocket, context: ControlContext) -> Result<Self, ControlError> {
        let PlacedSocket { path, listener, file } = placed;
        match listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener)) {
            Ok(listener) => {
                let task = tokio::spawn(accept(listener, context, file.uid()));
                Ok(Self { path, inode: file.ino(), task })
            }
            Err(cause) => Err(ControlError::System { path, cause }),
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // Another server may have put its own there since.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes sure that no server answers at `path` and that no other file is lost there.
fn clear(path: &Path) -> Result<(), ControlError> {
    match std::fs::symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => Err(ControlError::InTheWay(path.to_owned())),
        Ok(_) if is_listened_to(path) => Err(ControlError::Taken(path.to_owned())),
        _ => Ok(()),
    }
}

/// True if a server listens there. One that never accepts has a full queue: to connect would wait for it for ever, to
/// ask without waiting says so at once.
fn is_listened_to(path: &Path) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    match connect() {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Binds beside `path`, shuts others out, then takes the place, so that no client meets it half made.
fn bind(path: &Path, mode: u32) -> io::Result<(std::os::unix::net::UnixListener, std::fs::Metadata)> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder, 0o755)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    // A process with our id may have died here.
    let _ = std::fs::remove_file(&fresh);
    let listener = std::os::unix::net::UnixListener::bind(&fresh)?;
    let placed = std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode))
        .and_then(|()| std::fs::rename(&fresh, path))
        .and_then(|()| std::fs::symlink_metadata(path));
    match placed {
        Ok(file) => Ok((listener, file)),
        Err(error) => {
            let _ = std::fs::remove_file(&fresh);
            Err(error)
        }
    }
}

/// Who connects, and where to.
struct Door {
    owner: u32,
    places: Places,
    accounts: Accounts,
    context: ControlContext,
}

async fn accept(listener: UnixListener, context: ControlContext, owner: u32) {
    let door = Arc::new(Door { owner, places: Places::new(), accounts: Accounts::new(), context });
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let door = Arc::clone(&door);
                tokio::spawn(async move { door.welcome(stream).await });
            }
            // For instance no file descriptor is left: wait instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

impl Door {
    /// Serves a connection, as far as its peer has the right.
    async fn welcome(&self, stream: UnixStream) {
        let Some(peer) = peer_of(&stream) else { return };
        let rights = self.context.rights.load_full();
        // Whatever the mode of the folder and the file: the kernel's word on the peer decides.
        let is_owner = peer.uid == self.owner || peer.uid == 0;
        if !is_owner && !rights.has_groups() {
            return;
        }
        let place = if is_owner { self.places.for_owner().await } else { self.places.for_other(peer.uid) };
        let Some(_place) = place else { return };
        let standing = if is_owner { Standing::Owner } else { self.accounts.standing(peer, &rights).await };
        let caller = Caller { peer, standing, rights, accounts: &self.accounts };
        // A client that went away gets no reply, and nothing is lost.
        let _ = match caller.rights.check(standing, Right::Ask) {
            Ok(()) => converse(stream, &caller, &self.context).await,
            Err(refusal) => turn_away(stream, refusal).await,
        };
    }
}

/// A peer with what it may do.
struct Caller<'d> {
    peer: Peer,
    standing: Standing,
    rights: Arc<Rights>,
    accounts: &'d Accounts,
}

/// Tells a stranger why nothing is done, and hears its request out, so that it can read the reply.
async fn turn_away(mut stream: UnixStream, refusal: Diagnostic) -> io::Result<()> {
    let bytes = line_of(&ControlReply::Refused(vec![refusal]))?;
    let words = async {
        stream.write_all(&bytes).await?;
        stream.shutdown().await?;
        let mut request = Vec::new();
        stream.take(MAX_REQUEST).read_to_end(&mut request).await
    };
    tokio::time::timeout(STRANGER_TIMEOUT, words).await??;
    Ok(())
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    caller: &Caller<'_>,
    context: &ControlContext,
) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST));
    tokio::time::timeout(CLIENT_TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    let reply = match ControlRequest::read(&line) {
        Ok(request) => match caller.rights.check(caller.standing, request.right()) {
            Ok(()) => context.answer(request, caller).await,
            Err(refusal) => ControlReply::Refused(vec![refusal]),
        },
        Err(error) => bad_request(format!("not a request: {error}")),
    };
    tokio::time::timeout(CLIENT_TIMEOUT, writer.write_all(&line_of(&reply)?)).await?
}

fn line_of(reply: &ControlReply) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(reply)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl ControlContext {
    async fn answer(&self, request: ControlRequest, caller: &Caller<'_>) -> ControlReply {
        let who = || caller.accounts.who(caller.peer);
        match request {
            ControlRequest::Status => {
                ControlReply::Status(Box::new(self.board.status(&self.shared, SystemTime::now())))
            }
            ControlRequest::Flush { name, subtree } => match name.parse::<Name>() {
                Ok(name) => ControlReply::Flushed(self.shared.snapshot.load().resolver.cache().flush(&name, subtree)),
                Err(error) => bad_request(format!("'{name}' is not a domain name: {error}")),
            },
            ControlRequest::Reload => self.command(CommandKind::Reload { who: who().await }).await,
            ControlRequest::Sync { approve: None, undo: false } => self.command(CommandKind::Sync).await,
            ControlRequest::Sync { approve, undo } => match approve.as_deref().map(str::parse).transpose() {
                Ok(digest) if undo => self.command(CommandKind::Undo { who: who().await, digest }).await,
                Ok(Some(digest)) => self.command(CommandKind::Approve { who: who().await, digest }).await,
                Ok(None) => self.command(CommandKind::Sync).await,
                Err(error) => bad_request(error.to_string()),
            },
            ControlRequest::Freeze { reason } => self.command(CommandKind::Freeze { who: who().await, reason }).await,
            ControlRequest::Thaw => self.command(CommandKind::Thaw { who: who().await }).await,
            ControlRequest::Explain { name, rtype, client } => self.explain(&name, &rtype, client.as_deref()).await,
        }
    }

    async fn explain(&self, name: &str, rtype: &str, client: Option<&str>) -> ControlReply {
        let asked = match Explainer::asked(name, rtype, client) {
            Ok(asked) => asked,
            Err(reason) => return bad_request(reason),
        };
        match self.explainer.explain(&asked).await {
            Ok(explanation) => ControlReply::Explained(Box::new(explanation)),
            Err(reason) => ControlReply::Refused(vec![reason.diagnostic()]),
        }
    }

    async fn command(&self, kind: CommandKind) -> ControlReply {
        let (answer, outcome) = oneshot::channel();
        if self.commands.send(Command { kind, answer }).await.is_err() {
            return ControlReply::Refused(vec![stopping()]);
        }
        outcome.await.unwrap_or_else(|_| ControlReply::Refused(vec![stopping()]))
    }
}

fn bad_request(text: String) -> ControlReply {
    ControlReply::Refused(vec![Diagnostic::error(Id::CONTROL_BAD_REQUEST, Place::Server, text)])
}

fn stopping() -> Diagnostic {
    Diagnostic::error(Id::SERVER_STOPPING, Place::Server, "the server is stopping")
}

#[cfg(test)]
mod tests;
