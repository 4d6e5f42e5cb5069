//! Many questions to one server, many at a time.

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use super::questions::Question;
use crate::support::client::{framed, read_framed};
use crate::support::reply::Reply;

/// Questions on their way at once: few enough for any server's socket buffer.
const AT_ONCE: usize = 64;

/// Tries before a question counts as unanswered.
const TRIES: usize = 5;

/// The time that a server may say nothing at all.
const PATIENCE: Duration = Duration::from_secs(2);

/// The replies over UDP, one for each question.
pub(super) fn over_udp(server: SocketAddr, questions: &[Question]) -> Vec<Result<Reply, String>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    questions.chunks(AT_ONCE).flat_map(|batch| one_batch(&socket, batch)).collect()
}

fn one_batch(socket: &UdpSocket, batch: &[Question]) -> Vec<Result<Reply, String>> {
    let messages: Vec<Vec<u8>> = (0_u16..).zip(batch).map(|(id, question)| question.bytes(id)).collect();
    let mut replies: Vec<Option<Vec<u8>>> = vec![None; batch.len()];
    let mut buffer = vec![0; 65535];
    for _ in 0..TRIES {
        let open: Vec<usize> = (0..batch.len()).filter(|index| replies[*index].is_none()).collect();
        for index in &open {
            socket.send(&messages[*index]).unwrap();
        }
        for _ in &open {
            let Ok(length) = socket.recv(&mut buffer) else { break };
            let bytes = &buffer[..length];
            let index = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            // An answer that came late, to the batch before, has another question.
            if echoes(&messages[index.min(messages.len() - 1)], bytes) {
                replies[index] = Some(bytes.to_vec());
            }
        }
        if replies.iter().all(Option::is_some) {
            break;
        }
    }
    replies.into_iter().map(|bytes| Reply::read(bytes.ok_or("no reply over UDP")?)).collect()
}

/// True if a reply has the question of a query, byte for byte.
fn echoes(query: &[u8], reply: &[u8]) -> bool {
    let end = query.len() - if query[11] == 1 { 11 } else { 0 };
    reply[..2] == query[..2] && reply.get(12..end) == Some(&query[12..end])
}

/// The reply over TCP.
pub(super) fn over_tcp(server: SocketAddr, question: &Question) -> Result<Reply, String> {
    let query = question.bytes(7);
    let text = |error: std::io::Error| format!("no reply over TCP: {error}");
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE).map_err(text)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(text)?;
    std::io::Write::write_all(&mut stream, &framed(&query)).map_err(text)?;
    let bytes = read_framed(&mut stream).map_err(text)?;
    if echoes(&query, &bytes) { Reply::read(bytes) } else { Err("another question's reply over TCP".to_owned()) }
}
