//! Questions over UDP, many at a time from one port.

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::{Limits, Question, Said, any_port, read, reason, written};

/// Octets of the longest datagram.
const MAX_DATAGRAM: usize = 65_535;

/// The shortest time to wait for a datagram: a time-out of zero is refused by the system.
const SHORTEST: Duration = Duration::from_millis(1);

/// A question on its way.
#[derive(Clone, Copy)]
struct Flight {
    index: usize,
    tries: u32,
    sent: Instant,
}

struct Run<'q> {
    server: SocketAddr,
    questions: &'q [Question],
    limits: Limits,
    socket: UdpSocket,
    said: Vec<Said>,
    waiting: VecDeque<(usize, u32)>,
    flights: HashMap<u16, Flight>,
    /// Ids in the order in which they were sent.
    sent: VecDeque<u16>,
    next_id: u16,
    has_answered: bool,
}

/// Asks all of them.
pub(in crate::cli::doctor) fn ask(server: SocketAddr, questions: &[Question], limits: Limits) -> Vec<Said> {
    let socket = match UdpSocket::bind(any_port(server)).and_then(|socket| socket.connect(server).map(|()| socket)) {
        Ok(socket) => socket,
        Err(error) => return vec![Said::Unreachable(reason(server, &error)); questions.len()],
    };
    let mut run = Run {
        server,
        questions,
        limits,
        socket,
        said: vec![Said::NotAsked; questions.len()],
        waiting: (0..questions.len()).map(|index| (index, 0)).collect(),
        flights: HashMap::new(),
        sent: VecDeque::new(),
        next_id: rand::random(),
        has_answered: false,
    };
    let mut buffer = vec![0; MAX_DATAGRAM];
    while run.goes_on() {
        if let Err(error) = run.turn(&mut buffer) {
            run.end(&error);
            break;
        }
    }
    run.said
}

impl Run<'_> {
    fn goes_on(&self) -> bool {
        !(self.waiting.is_empty() && self.flights.is_empty()) && Instant::now() < self.limits.deadline
    }

    /// Sends what the window allows, takes one datagram, and gives up on what is too old.
    fn turn(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        while self.flights.len() < self.limits.window
            && let Some((index, tries)) = self.waiting.pop_front()
        {
            self.send(index, tries)?;
        }
        let wait = self
            .oldest()
            .map_or(SHORTEST, |sent| (sent + self.limits.patience).saturating_duration_since(Instant::now()));
        self.socket.set_read_timeout(Some(wait.max(SHORTEST)))?;
        match self.socket.recv(buffer) {
            Ok(length) => self.take(&buffer[..length]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        self.expire();
        Ok(())
    }

    fn send(&mut self, index: usize, tries: u32) -> io::Result<()> {
        let id = self.free_id();
        match written(&self.questions[index], id) {
            Ok(bytes) => {
                if let Err(error) = self.socket.send(&bytes) {
                    self.waiting.push_front((index, tries));
                    return Err(error);
                }
                self.flights.insert(id, Flight { index, tries, sent: Instant::now() });
                self.sent.push_back(id);
            }
            Err(error) => self.said[index] = Said::Malformed(error),
        }
        Ok(())
    }

    /// The window is far smaller than the number of ids.
    fn free_id(&mut self) -> u16 {
        loop {
            self.next_id = self.next_id.wrapping_add(1);
            if !self.flights.contains_key(&self.next_id) {
                return self.next_id;
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let Some(id) = bytes.first_chunk::<2>().map(|id| u16::from_be_bytes(*id)) else { return };
        // Late replies, and what answers nothing.
        let Some(flight) = self.flights.remove(&id) else { return };
        self.said[flight.index] = read(bytes, &self.questions[flight.index], flight.sent.elapsed());
        self.has_answered = true;
    }

    /// When the oldest question in flight was sent; answered ones are dropped from the order.
    fn oldest(&mut self) -> Option<Instant> {
        loop {
            let id = self.sent.front()?;
            match self.flights.get(id) {
                Some(flight) => return Some(flight.sent),
                None => drop(self.sent.pop_front()),
            }
        }
    }

    fn expire(&mut self) {
        while let Some(sent) = self.oldest() {
            if sent.elapsed() < self.limits.patience {
                return;
            }
            let Some(flight) = self.sent.pop_front().and_then(|id| self.flights.remove(&id)) else { continue };
            if flight.tries + 1 < self.limits.tries {
                // Before those that were never asked: a silent server shows after one window.
                self.waiting.push_front((flight.index, flight.tries + 1));
                continue;
            }
            self.said[flight.index] = Said::Silence;
            // A server that has answered nothing so far is not asked for all the rest.
            if !self.has_answered {
                self.waiting.retain(|(_, tries)| *tries > 0);
            }
        }
    }

    /// The system says that it cannot be reached.
    fn end(&mut self, error: &io::Error) {
        let reason = reason(self.server, error);
        for flight in self.flights.values() {
            self.said[flight.index] = Said::Unreachable(reason.clone());
        }
        for (index, _) in &self.waiting {
            self.said[*index] = Said::Unreachable(reason.clone());
        }
    }
}
