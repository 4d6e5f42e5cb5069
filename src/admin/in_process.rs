//! The admin and the probe listener without a socket: for fuzzing.
//!
//! Input: the bytes of a connection. Output: the bytes of the replies.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::context::Context;
use super::guard::Door;
use super::seats::Seats;
use super::serve::{Visitor, converse};
use crate::server::Shared;
use crate::status::Board;

/// Octets under way in each direction.
const ROOM: usize = 1 << 16;

/// The listeners of a server, with connections one after the other.
pub struct InProcess {
    context: Arc<Context>,
    seats: Arc<Seats>,
    runtime: Runtime,
}

impl InProcess {
    /// Over this state, on a runtime that has the time.
    pub fn new(shared: Arc<Shared>, runtime: Runtime) -> Self {
        let board = Arc::new(Board::new(Path::new("in_process"), &[], SystemTime::now()));
        Self { context: Context::new(shared, board), seats: Seats::new(1), runtime }
    }

    /// A connection to `listen` from this machine, in which these bytes are sent and nothing after them.
    pub fn ask(&mut self, sent: &[u8]) -> Vec<u8> {
        self.hear(sent, Door::Admin)
    }

    /// The same to `probe`.
    pub fn probe(&mut self, sent: &[u8]) -> Vec<u8> {
        self.hear(sent, Door::Probe)
    }

    fn hear(&mut self, sent: &[u8], door: Door) -> Vec<u8> {
        let (client, server) = tokio::io::duplex(ROOM);
        let visitor = Visitor { door, client: Ipv4Addr::LOCALHOST.into(), may_stay: door == Door::Admin };
        let (mut reader, mut writer) = tokio::io::split(client);
        let (seat, _) = self.seats.take(Instant::now());
        let send = async move {
            // The other end need not take all of it.
            let _ = writer.write_all(sent).await;
            let _ = writer.shutdown().await;
        };
        let read = async move {
            let mut heard = Vec::new();
            let _ = reader.read_to_end(&mut heard).await;
            heard
        };
        let serve = converse(server, visitor, &self.context, &seat);
        self.runtime.block_on(async { tokio::join!(send, read, serve).1 })
    }
}
