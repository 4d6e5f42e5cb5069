//! Questions over TCP, many at a time on one connection (RFC 7766 section 6.2.1.1).

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::{Limits, Question, Said, read, reason, written};

/// Connections that a run opens at most: a server may close one at any time (RFC 7766 section 6.2.4).
const MAX_CONNECTIONS: u32 = 8;

/// Asks all of them.
pub(in crate::cli::doctor) fn ask(server: SocketAddr, questions: &[Question], limits: Limits) -> Vec<Said> {
    let mut said = vec![Said::NotAsked; questions.len()];
    let mut waiting: VecDeque<usize> = (0..questions.len()).collect();
    for _ in 0..MAX_CONNECTIONS {
        if waiting.is_empty() || Instant::now() >= limits.deadline {
            break;
        }
        let stream = TcpStream::connect_timeout(&server, limits.patience);
        let mut connection = match stream.and_then(|stream| Connection::new(stream, limits)) {
            Ok(connection) => connection,
            Err(error) => {
                let failed = if error.kind() == io::ErrorKind::TimedOut {
                    Said::Silence
                } else {
                    Said::Unreachable(reason(server, &error))
                };
                for index in &waiting {
                    said[*index] = failed.clone();
                }
                break;
            }
        };
        let before = waiting.len();
        let ended = connection.run(questions, &mut waiting, &mut said, limits);
        let has_answered = waiting.len() + connection.flights.len() < before;
        // What was in flight is asked again, unless this connection brought nothing.
        let left: Vec<usize> = connection.flights.into_values().map(|(index, _)| index).collect();
        if has_answered {
            waiting.extend(left);
        } else {
            let failed = match ended {
                Err(error) if !is_timeout(&error) => Said::Unreachable(closed(server, &error)),
                _ => Said::Silence,
            };
            for index in left {
                said[index] = failed.clone();
            }
            break;
        }
    }
    said
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn closed(server: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("{server} closed the connection without an answer")
        }
        _ => reason(server, error),
    }
}

struct Connection {
    stream: TcpStream,
    flights: HashMap<u16, (usize, Instant)>,
    next_id: u16,
}

impl Connection {
    fn new(stream: TcpStream, limits: Limits) -> io::Result<Self> {
        stream.set_read_timeout(Some(limits.patience))?;
        stream.set_write_timeout(Some(limits.patience))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, flights: HashMap::new(), next_id: rand::random() })
    }

    /// Until all are answered, the deadline, or an error.
    fn run(
        &mut self,
        questions: &[Question],
        waiting: &mut VecDeque<usize>,
        said: &mut [Said],
        limits: Limits,
    ) -> io::Result<()> {
        while !(waiting.is_empty() && self.flights.is_empty()) && Instant::now() < limits.deadline {
            let mut bytes = Vec::new();
            while self.flights.len() < limits.window
                && let Some(index) = waiting.pop_front()
            {
                self.next_id = self.next_id.wrapping_add(1);
                match written(&questions[index], self.next_id) {
                    Ok(message) => {
                        let length = u16::try_from(message.len()).unwrap_or_default();
                        bytes.extend_from_slice(&length.to_be_bytes());
                        bytes.extend_from_slice(&message);
                        self.flights.insert(self.next_id, (index, Instant::now()));
                    }
                    Err(error) => said[index] = Said::Malformed(error),
                }
            }
            self.stream.write_all(&bytes)?;
            if !self.flights.is_empty() {
                self.take(questions, said)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, questions: &[Question], said: &mut [Said]) -> io::Result<()> {
        let mut length = [0; 2];
        self.stream.read_exact(&mut length)?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut bytes)?;
        let id = bytes.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)).unwrap_or_default();
        if let Some((index, sent)) = self.flights.remove(&id) {
            said[index] = read(&bytes, &questions[index], sent.elapsed());
        }
        Ok(())
    }
}
