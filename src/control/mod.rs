//! Floor 6: the control socket: `flush`, `status`, `reload` and `sync --running` reach the running server through it.
//!
//! Input: one line of JSON on a unix socket that only our own user and root can open. Output: one line of JSON.
//! Requests that shared state can answer are answered here; the others go to the daemon's loop. Queries and zones are
//! never touched.

pub mod in_process;
pub(crate) mod protocol;
pub(crate) mod who;

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::diag::{Diagnostic, Id, Place};
use crate::dns::Name;
use crate::explain::Explainer;
use crate::files;
use crate::server::Shared;
use crate::status::Board;
use protocol::{ControlReply, ControlRequest};
use who::{Peer, Who};

/// Octets of a request: the longest has one name in presentation format, 1,004 octets at most.
const MAX_REQUEST: u64 = 4096;

/// The time that a client may take to send its line, or to read ours.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time that the account database may take.
const NAME_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections at one time: an operator and some scripts.
const MAX_CONNECTIONS: usize = 16;

/// A command for the daemon's loop, and the channel for its reply.
pub(crate) struct Command {
    pub(crate) kind: CommandKind,
    pub(crate) answer: oneshot::Sender<ControlReply>,
}

/// The kind of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CommandKind {
    /// As SIGHUP does.
    Reload,
    /// One pass now.
    Sync,
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
                (path, format!("control socket: {cause}; flush, status and reload cannot reach this server"))
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
pub(crate) fn place(path: &Path) -> Result<PlacedSocket, ControlError> {
    clear(path)?;
    let failed = |cause| ControlError::System { path: path.to_owned(), cause };
    let (listener, file) = bind(path).map_err(failed)?;
    Ok(PlacedSocket { path: path.to_owned(), listener, file })
}

impl Control {
    /// Listens.
    pub(crate) fn start(placed: PlacedSocket, context: ControlContext) -> Result<Self, ControlError> {
        let PlacedSocket { path, listener, file } = placed;
        match listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener)) {
            Ok(listener) => {
                let task = tokio::spawn(accept(listener, Arc::new(context), file.uid()));
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
fn bind(path: &Path) -> io::Result<(std::os::unix::net::UnixListener, std::fs::Metadata)> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder, 0o755)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let fresh = PathBuf::from(fresh);
    // A process with our id may have died here.
    let _ = std::fs::remove_file(&fresh);
    let listener = std::os::unix::net::UnixListener::bind(&fresh)?;
    let placed = std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))
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

async fn accept(listener: UnixListener, context: Arc<ControlContext>, owner: u32) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let Some(peer) = peer_of(&stream).filter(|peer| is_ours(*peer, owner)) else { continue };
                let context = Arc::clone(&context);
                tokio::spawn(async move {
                    // A client that went away gets no reply, and nothing is lost.
                    let _ = converse(stream, peer, &context).await;
                    drop(place);
                });
            }
            // For instance no file descriptor is left: wait instead of spinning.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// True if the peer is the socket's owner or root, whatever the mode of the folder and the file.
fn is_ours(peer: Peer, owner: u32) -> bool {
    peer.uid == owner || peer.uid == 0
}

/// The other end of a connection, as the kernel vouches for it.
fn peer_of(stream: &UnixStream) -> Option<Peer> {
    let peer = stream.peer_cred().ok()?;
    Some(Peer { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() })
}

async fn converse(stream: impl AsyncRead + AsyncWrite, peer: Peer, context: &ControlContext) -> io::Result<()> {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST));
    tokio::time::timeout(CLIENT_TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    let reply = match ControlRequest::read(&line) {
        Ok(request) => context.answer(request, peer).await,
        Err(error) => bad_request(format!("not a request: {error}")),
    };
    let mut bytes = serde_json::to_vec(&reply)?;
    bytes.push(b'\n');
    tokio::time::timeout(CLIENT_TIMEOUT, writer.write_all(&bytes)).await?
}

impl ControlContext {
    async fn answer(&self, request: ControlRequest, peer: Peer) -> ControlReply {
        match request {
            ControlRequest::Status => {
                ControlReply::Status(Box::new(self.board.status(&self.shared, SystemTime::now())))
            }
            ControlRequest::Flush { name, subtree } => match name.parse::<Name>() {
                Ok(name) => ControlReply::Flushed(self.shared.snapshot.load().resolver.cache().flush(&name, subtree)),
                Err(error) => bad_request(format!("'{name}' is not a domain name: {error}")),
            },
            ControlRequest::Reload => self.command(CommandKind::Reload).await,
            ControlRequest::Sync => self.command(CommandKind::Sync).await,
            ControlRequest::Freeze { reason } => {
                self.command(CommandKind::Freeze { who: name_of(peer).await, reason }).await
            }
            ControlRequest::Thaw => self.command(CommandKind::Thaw { who: name_of(peer).await }).await,
            ControlRequest::Explain { name, rtype, client } => {
                let asked = match Explainer::asked(&name, &rtype, client.as_deref()) {
                    Ok(asked) => asked,
                    Err(reason) => return bad_request(reason),
                };
                match self.explainer.explain(&asked).await {
                    Ok(explanation) => ControlReply::Explained(Box::new(explanation)),
                    Err(reason) => ControlReply::Refused(vec![reason.diagnostic()]),
                }
            }
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

/// Asks the account database, which may be at the other end of a network, and waits for it a little.
async fn name_of(peer: Peer) -> Who {
    let asked = tokio::task::spawn_blocking(move || Who::of(peer));
    match tokio::time::timeout(NAME_TIMEOUT, asked).await {
        Ok(Ok(who)) => who,
        _ => Who::by_number(peer),
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
