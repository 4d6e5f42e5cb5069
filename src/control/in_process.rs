//! The control socket without a socket: for fuzzing.
//!
//! Input: the bytes of a connection. Output: the bytes of the reply. Commands that only the daemon's loop can execute
//! are refused.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::peer::Accounts;
use super::protocol::ControlReply;
use super::rights::Standing;
use super::who::Peer;
use super::{Caller, Command, ControlContext, converse};
use crate::explain::Explainer;
use crate::server::Shared;
use crate::status::Board;

/// Octets under way in each direction, more than either end sends at once.
const ROOM: usize = 1 << 16;

/// The control socket of a server, with connections one after the other.
pub struct InProcess {
    context: ControlContext,
    commands: mpsc::Receiver<Command>,
    runtime: Runtime,
}

impl InProcess {
    /// Over this state, on a runtime that has the time.
    pub fn new(shared: Arc<Shared>, runtime: Runtime) -> Self {
        let (sender, commands) = mpsc::channel(1);
        let board = Arc::new(Board::new(Path::new("in_process"), &[], std::time::SystemTime::now()));
        let explainer = Explainer::new(Arc::clone(&shared), Arc::clone(&board));
        let context = ControlContext { shared, board, explainer, commands: sender, rights: Arc::default() };
        Self { context, commands, runtime }
    }

    /// A connection in which these bytes are sent and nothing after them.
    pub fn hear(&mut self, sent: &[u8]) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(ROOM);
        let (context, commands) = (&self.context, &mut self.commands);
        let (accounts, peer) = (Accounts::new(), Peer::own());
        let caller = Caller { peer, standing: Standing::Owner, rights: Arc::default(), accounts: &accounts };
        let client = async move {
            // The other end need not wait for more than a line.
            let _ = client.write_all(sent).await;
            let _ = client.shutdown().await;
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            heard
        };
        let daemon = async {
            while let Some(command) = commands.recv().await {
                let _ = command.answer.send(ControlReply::Refused(vec![super::stopping()]));
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                (heard, _) = async { tokio::join!(client, converse(server, &caller, context)) } => heard,
                () = daemon => Vec::new(),
            }
        })
    }
}
