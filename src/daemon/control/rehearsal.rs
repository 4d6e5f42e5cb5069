//! The control socket without a socket: for fuzzing.
//!
//! In: the bytes of a connection. Out: the bytes that come back. What only the daemon's loop can do is refused; it
//! serves nobody.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::protocol::Reply;
use super::{Desk, Order, converse};
use crate::daemon::board::Board;
use crate::server::Shared;

/// Octets under way in each direction, more than either end sends at once.
const ROOM: usize = 1 << 16;

/// A desk to which anyone may come, one after the other.
pub struct Rehearsal {
    desk: Desk,
    orders: mpsc::Receiver<Order>,
    runtime: Runtime,
}

impl Rehearsal {
    /// Over this state, on a runtime that has the time.
    pub fn new(shared: Arc<Shared>, runtime: Runtime) -> Self {
        let (sender, orders) = mpsc::channel(1);
        let board = Arc::new(Board::new(Path::new("rehearsal"), Vec::new(), std::time::Instant::now()));
        Self { desk: Desk { shared, board, orders: sender }, orders, runtime }
    }

    /// A connection in which these bytes are sent and nothing after them.
    pub fn hear(&mut self, sent: &[u8]) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(ROOM);
        let (desk, orders) = (&self.desk, &mut self.orders);
        let client = async move {
            // The other end need not wait for more than a line.
            let _ = client.write_all(sent).await;
            let _ = client.shutdown().await;
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            heard
        };
        let daemon = async {
            while let Some(order) = orders.recv().await {
                let _ = order.answer.send(Reply::Refused(vec![super::stopping()]));
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                (heard, _) = async { tokio::join!(client, converse(server, desk)) } => heard,
                () = daemon => Vec::new(),
            }
        })
    }
}
