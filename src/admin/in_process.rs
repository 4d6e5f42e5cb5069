//! The admin and the probe listener without a socket: for fuzzing.
//!
//! Input: the bytes of a connection. Output: the bytes of the replies.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::connections::Connections;
use super::context::Context;
use super::guard::Listener;
use super::serve::{Peer, converse};
use crate::explain::Explainer;
use crate::server::Shared;
use crate::status::Board;

/// Octets under way in each direction.
const ROOM: usize = 1 << 16;

/// The listeners of a server, with connections one after the other.
pub struct InProcess {
    context: Arc<Context>,
    connections: Arc<Connections>,
    runtime: Runtime,
}

impl InProcess {
    /// Over this state, on a runtime that has the time.
    pub fn new(shared: Arc<Shared>, runtime: Runtime) -> Self {
        let board = Arc::new(Board::new(Path::new("in_process"), &[], SystemTime::now()));
        let explainer = Explainer::new(Arc::clone(&shared), Arc::clone(&board));
        Self { context: Context::new(shared, board, explainer), connections: Connections::new(1), runtime }
    }

    /// A connection to `listen` from this machine, in which these bytes are sent and nothing after them.
    pub fn ask(&mut self, sent: &[u8]) -> Vec<u8> {
        self.hear(sent, Peer { listener: Listener::Admin, client: Ipv4Addr::LOCALHOST.into(), may_stay: true })
    }

    /// The same to `probe`.
    pub fn probe(&mut self, sent: &[u8]) -> Vec<u8> {
        self.hear(sent, Peer { listener: Listener::Probe, client: Ipv4Addr::LOCALHOST.into(), may_stay: false })
    }

    fn hear(&mut self, sent: &[u8], peer: Peer) -> Vec<u8> {
        let (client, server) = tokio::io::duplex(ROOM);
        let (mut reader, mut writer) = tokio::io::split(client);
        let (connection, _) = self.connections.admit(Instant::now());
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
        let serve = converse(server, peer, &self.context, &connection);
        self.runtime.block_on(async { tokio::join!(send, read, serve).1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::admission::access::Access;
    use crate::server::harness::offline;
    use crate::zone::ZoneSet;

    fn start() -> InProcess {
        let now = (Instant::now(), SystemTime::now());
        let snapshot = offline(ZoneSet::new([]), Access::new([]), crate::server::Settings::default(), now);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        InProcess::new(Shared::new(snapshot), runtime)
    }

    fn text(heard: Vec<u8>) -> String {
        String::from_utf8(heard).unwrap()
    }

    #[test]
    fn a_stranger_gets_a_bare_refusal_and_a_close_whatever_it_asks_for() {
        let mut listeners = start();
        let stranger = Peer { listener: Listener::Admin, client: [10, 0, 0, 9].into(), may_stay: false };
        for target in ["/", "/metrics", "/status.json", "/ready", "/nowhere"] {
            let sent = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(2);
            let heard = text(listeners.hear(sent.as_bytes(), stranger));
            assert!(heard.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{heard}");
            assert_eq!(heard.matches("HTTP/1.1").count(), 1, "{heard}");
            assert!(heard.contains("content-length: 0\r\n") && heard.contains("connection: close\r\n"), "{heard}");
            assert!(heard.ends_with("\r\n\r\n"), "{heard}");
        }
    }

    #[test]
    fn a_client_that_closes_its_end_behind_its_requests_gets_all_answers() {
        let sent = "HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3);
        let heard = text(start().ask(sent.as_bytes()));
        assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 3, "{heard}");
        assert_eq!(heard.matches("content-length: 3").count(), 3, "{heard}");
        assert!(!heard.contains("\r\n\r\nok"), "HEAD has no body: {heard}");
    }

    #[test]
    fn a_server_that_answers_no_query_yet_is_not_ready_and_the_probe_says_so() {
        let heard = text(start().probe(b"GET /ready HTTP/1.0\r\n\r\n"));
        assert!(heard.starts_with("HTTP/1.0 503 "), "{heard}");
        assert!(heard.contains("\r\n\r\nstarting: "), "{heard}");
    }

    #[test]
    fn what_is_no_request_gets_no_answer_of_ours() {
        let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 15));
        let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(101));
        for (sent, code) in [(long.as_str(), "431"), (&many, "431"), ("GET / HTTP/1.1\r\nHost\r\n\r\n", "400")] {
            let heard = text(start().ask(sent.as_bytes()));
            assert_eq!(heard.split(' ').nth(1), Some(code), "{heard}");
            assert!(heard.ends_with("\r\n\r\n"), "{heard}");
        }
        assert_eq!(start().ask(b""), b"");
        assert_eq!(start().ask(b"GET / HTTP/1.1\r\nHost: loc"), b"");
    }
}
