//! One TCP connection to an upstream: one question at a time.
//!
//! In: queries, each after the answer to the one before. Out: their answers, and at last that the connection has
//! ended. Never: a wait of its own; its owner closes it when it takes too long.

use std::io;
use std::sync::Arc;

use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::dispatch::ConnectionId;
use super::{Answer, Job};
use crate::dns::{Message, Rcode, stream};
use crate::forward::question::Failure;
use crate::forward::status::SharedUpstream;
use crate::forward::transport::message::{self, Match};

/// An event of a connection.
pub(super) enum Event {
    /// The answer to its question.
    Answered(Answer),
    /// It could not be opened.
    NotOpened(io::Error),
    /// It has ended, with an error or without.
    Ended(io::Result<()>),
}

/// The owner's end of a connection, which is closed when it is dropped.
pub(super) struct Connection {
    queries: mpsc::UnboundedSender<Box<[u8]>>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    /// Opens a connection. Must be called within a tokio runtime.
    pub(super) fn open(
        id: ConnectionId,
        upstream: Arc<SharedUpstream>,
        events: mpsc::UnboundedSender<(ConnectionId, Event)>,
    ) -> Self {
        let (queries, inbox) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let last = match TcpStream::connect(upstream.address).await {
                Ok(stream) => {
                    let answered = |answer| drop(events.send((id, Event::Answered(answer))));
                    Event::Ended(serve(stream, &upstream, inbox, answered).await)
                }
                Err(error) => Event::NotOpened(error),
            };
            // If the receiver is gone, nobody waits.
            let _ = events.send((id, last));
        });
        Self { queries, task }
    }

    /// Sends a question, as soon as the connection is open.
    pub(super) fn send(&self, job: &Job) {
        let mut random = rand::rng();
        let query = message::query(random.random(), &job.question, job.form, || random.random());
        // If the connection has ended, its event says so.
        let _ = self.queries.send(query);
    }
}

/// Runs until the connection ends, or has more to say than it was asked.
async fn serve(
    mut stream: TcpStream,
    upstream: &SharedUpstream,
    mut queries: mpsc::UnboundedReceiver<Box<[u8]>>,
    answered: impl Fn(Answer),
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = Vec::new();
    while input.is_empty() {
        let query = tokio::select! {
            query = queries.recv() => query,
            read = stream.read_buf(&mut input) => return read.map(drop),
        };
        let Some(query) = query else { return Ok(()) };
        let mut out = Vec::with_capacity(2 + query.len());
        stream::frame(&mut out, |out| out.extend_from_slice(&query));
        stream.write_all(&out).await?;
        upstream.counters.sent.one();
        answered(read_answer(&mut stream, &mut input, &query).await?);
    }
    Ok(())
}

/// Reads until there is an answer. What was read behind it stays in `input`.
async fn read_answer(stream: &mut TcpStream, input: &mut Vec<u8>, query: &[u8]) -> io::Result<Answer> {
    loop {
        let mut at = 0;
        while let Some((message, end)) = stream::message_at(input, at) {
            at = end;
            if let Some(answer) = judge(query, message) {
                input.drain(..at);
                return Ok(answer);
            }
        }
        input.drain(..at);
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The answer in a message that arrived after a query; `None` if it has another id: it answers an earlier query, or
/// nothing at all. An off-path attacker cannot write into the connection, so neither the case of the name matters nor,
/// in an error, that the question is missing: it is about the only question that was asked.
pub(crate) fn judge(query: &[u8], bytes: &[u8]) -> Option<Answer> {
    if message::id(bytes)? != message::id(query)? {
        return None;
    }
    let is_whole = matches!(message::judge(query, bytes), Match::Answer | Match::CaseMismatch);
    let message = Message::parse(bytes).ok().filter(|message| {
        let is_bare = !is_whole && is_bare_response(bytes) && message.rcode != Rcode::NOERROR;
        (is_whole || is_bare) && !message.truncated()
    });
    Some(message.map(Box::new).ok_or(Failure::Malformed))
}

/// Whether it is a response to a query that has neither a question nor records, except for OPT.
fn is_bare_response(bytes: &[u8]) -> bool {
    bytes.get(2).is_some_and(|flags| flags & 0xf8 == 0x80) && bytes.get(4..10) == Some(&[0; 6])
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::net::TcpListener;

    use super::*;
    use crate::dns::Rtype;
    use crate::forward::ids::FlightId;
    use crate::forward::question::Question;
    use crate::forward::transport::message::QueryForm;

    const FORM: QueryForm = QueryForm::PLAIN;

    fn question(name: &str) -> Question {
        Question {
            name: name.parse().unwrap(),
            rtype: Rtype::A,
            dnssec_ok: false,
            checking_disabled: false,
            authentic_data: false,
        }
    }

    fn query(id: u16) -> Box<[u8]> {
        message::query(id, &question("www.example"), FORM, || 0)
    }

    fn job(name: &str) -> Job {
        let deadline = Instant::now() + Duration::from_mins(1);
        let flight = FlightId { slot: 0, generation: 0 };
        Job { flight, question: question(name), form: FORM, network: None, deadline }
    }

    /// The next query on a stream, as a response.
    async fn reply(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut bytes).await.unwrap();
        bytes[2] |= 0x80;
        bytes
    }

    async fn write(stream: &mut TcpStream, message: &[u8]) {
        let mut framed = Vec::new();
        stream::frame(&mut framed, |out| out.extend_from_slice(message));
        stream.write_all(&framed).await.unwrap();
    }

    fn shared(listener: &TcpListener) -> Arc<SharedUpstream> {
        Arc::new(SharedUpstream::new(listener.local_addr().unwrap()))
    }

    /// A connection, the upstream's end of it, and its events.
    async fn opened() -> (Connection, TcpStream, mpsc::UnboundedReceiver<(ConnectionId, Event)>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (events, inbox) = mpsc::unbounded_channel();
        let connection = Connection::open(ConnectionId(1), shared(&listener), events);
        (connection, listener.accept().await.unwrap().0, inbox)
    }

    #[tokio::test]
    async fn a_connection_carries_one_question_after_the_other_and_an_answer_with_another_id_is_ignored() {
        let (connection, mut upstream, mut events) = opened().await;
        connection.send(&job("a.example"));
        let first = reply(&mut upstream).await;
        write(&mut upstream, &first).await;
        assert!(matches!(events.recv().await, Some((ConnectionId(1), Event::Answered(Ok(_))))));
        connection.send(&job("b.example"));
        let second = reply(&mut upstream).await;
        let mut other = second.clone();
        other[0] ^= 0x55;
        write(&mut upstream, &other).await;
        write(&mut upstream, &second).await;
        assert!(matches!(events.recv().await, Some((_, Event::Answered(Ok(_))))));
        drop(upstream);
        assert!(matches!(events.recv().await, Some((_, Event::Ended(_)))));
    }

    #[tokio::test]
    async fn a_connection_on_which_more_comes_than_was_asked_ends() {
        let (connection, mut upstream, mut events) = opened().await;
        connection.send(&job("a.example"));
        let first = reply(&mut upstream).await;
        write(&mut upstream, &first).await;
        assert!(matches!(events.recv().await, Some((_, Event::Answered(Ok(_))))));
        write(&mut upstream, &first).await;
        assert!(matches!(events.recv().await, Some((_, Event::Ended(_)))));
    }

    #[tokio::test]
    async fn a_dropped_connection_is_closed_and_a_closed_port_is_reported() {
        let (connection, mut upstream, _events) = opened().await;
        drop(connection);
        assert_eq!(upstream.read(&mut [0]).await.unwrap(), 0);
        let (events, mut inbox) = mpsc::unbounded_channel();
        let nobody = shared(&TcpListener::bind("127.0.0.1:0").await.unwrap());
        let _connection = Connection::open(ConnectionId(2), nobody, events);
        assert!(matches!(inbox.recv().await, Some((ConnectionId(2), Event::NotOpened(_)))));
    }

    fn rcode(bytes: &[u8]) -> Option<Result<Rcode, Failure>> {
        judge(&query(7), bytes).map(|answer| answer.map(|message| message.rcode))
    }

    #[test]
    fn the_case_of_the_name_does_not_matter() {
        let mut reply = query(7).to_vec();
        reply[2] |= 0x80;
        assert_eq!(rcode(&reply), Some(Ok(Rcode::NOERROR)));
        reply[13] ^= 0x20;
        assert_eq!(rcode(&reply), Some(Ok(Rcode::NOERROR)));
        reply[13] ^= 0x01;
        assert_eq!(rcode(&reply), Some(Err(Failure::Malformed)), "another name");
    }

    #[test]
    fn an_error_without_a_question_is_an_answer() {
        let bare = |flags: [u8; 2]| [0, 7, flags[0], flags[1], 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(rcode(&bare([0x81, 0x05])), Some(Ok(Rcode::REFUSED)));
        assert_eq!(rcode(&bare([0x80, 0x01])), Some(Ok(Rcode::FORMERR)));
        assert_eq!(rcode(&bare([0x81, 0x80])), Some(Err(Failure::Malformed)), "no error");
        assert_eq!(rcode(&bare([0x01, 0x05])), Some(Err(Failure::Malformed)), "a query");
        assert_eq!(rcode(&bare([0xa1, 0x05])), Some(Err(Failure::Malformed)), "another opcode");
        assert_eq!(rcode(&bare([0x83, 0x05])), Some(Err(Failure::Malformed)), "truncated");
        let mut bad_version = bare([0x81, 0x00]).to_vec();
        bad_version[11] = 1;
        bad_version.extend([0, 0, 41, 4, 208, 1, 0, 0, 0, 0, 0]);
        assert_eq!(rcode(&bad_version), Some(Ok(Rcode::BADVERS)));
    }

    #[test]
    fn a_message_with_another_id_is_no_answer_to_this_query() {
        let mut other = query(8).to_vec();
        other[2] |= 0x80;
        assert_eq!(rcode(&other), None);
        assert_eq!(rcode(&[0, 7, 0x81]), None, "too short to have one");
    }
}
