//! A small DNS client: one question out, one reply back, with every knob a test wants to turn.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use domain::base::Name;
use rand::RngExt;
use socket2::{Domain, Socket, Type};

use super::record::rtype;
use super::reply::Reply;

/// The time that a client waits: longer than the server's own deadline for an upstream, and than a busy machine takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// The OPT record to send.
#[derive(Clone, Debug)]
pub(crate) struct SendOpt {
    pub(crate) payload: u16,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

/// A question and how to ask it. As `dig` does by default: RD and EDNS are on.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a knob of its own, and they combine")]
pub(crate) struct Ask {
    pub(crate) name: String,
    pub(crate) qtype: u16,
    pub(crate) class: u16,
    pub(crate) opcode: u8,
    pub(crate) rd: bool,
    /// AA and TC, which no client sets.
    pub(crate) high_flags: u8,
    /// The octet of RA, AD, CD and the reserved bit.
    pub(crate) low_flags: u8,
    pub(crate) opt: Option<SendOpt>,
    pub(crate) tcp: bool,
    pub(crate) header_only: bool,
    /// Damage that no client does; the reply need not have the question then.
    pub(crate) mangled: Option<Mangled>,
    pub(crate) mixed_case: bool,
    pub(crate) from: Option<IpAddr>,
    pub(crate) patience: Duration,
}

/// Damage to a query's bytes before they are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mangled {
    /// The QR flag: it is a response.
    pub(crate) response: bool,
    /// Other counts than what is there: QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT.
    pub(crate) counts: [Option<u16>; 4],
    /// More octets at the end.
    pub(crate) tail: Vec<u8>,
    /// No more octets than this.
    pub(crate) cut: Option<usize>,
}

impl Mangled {
    fn apply(&self, query: &mut Vec<u8>) {
        query[2] |= u8::from(self.response) << 7;
        for (place, count) in query[4..12].chunks_exact_mut(2).zip(self.counts) {
            if let Some(count) = count {
                place.copy_from_slice(&count.to_be_bytes());
            }
        }
        query.extend_from_slice(&self.tail);
        query.truncate(self.cut.unwrap_or(usize::MAX));
    }
}

/// `name` and `qtype` over UDP.
pub(crate) fn ask(name: &str, qtype: &str) -> Ask {
    Ask {
        name: name.to_owned(),
        qtype: rtype(qtype).to_int(),
        class: 1,
        opcode: 0,
        rd: true,
        high_flags: 0,
        low_flags: 0,
        opt: Some(SendOpt { payload: 1232, version: 0, flags: 0, options: Vec::new() }),
        tcp: false,
        header_only: false,
        mangled: None,
        mixed_case: false,
        from: None,
        patience: PATIENCE,
    }
}

impl Ask {
    /// Over TCP.
    pub(crate) fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// From another address of the loopback network.
    pub(crate) fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// Waits no longer than this.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Asks; panics if there is no well-formed reply.
    pub(crate) fn to(&self, server: SocketAddr) -> Reply {
        self.try_to(server).unwrap_or_else(|why| panic!("{} at {server}: {why}", self.name))
    }

    /// Asks; says why if there is no well-formed reply to just this question.
    pub(crate) fn try_to(&self, server: SocketAddr) -> Result<Reply, String> {
        let query = self.sent();
        let bytes = if self.tcp { self.over_tcp(server, &query) } else { self.over_udp(server, &query) }?;
        if bytes.get(..2) != query.get(..2) {
            return Err("the id is another one".to_owned());
        }
        if bytes.get(2).is_none_or(|flags| flags & 0x80 == 0) {
            return Err("QR is not set: a query came back".to_owned());
        }
        if self.header_only || self.mangled.is_some() {
            return Reply::read(bytes);
        }
        let question = &query[12..self.question_end(&query)];
        if bytes.get(12..12 + question.len()) != Some(question) {
            return Err("the question is not echoed byte for byte".to_owned());
        }
        Reply::read(bytes)
    }

    /// True if nothing comes back for it: a good question that is sent after it from the same port is answered first.
    /// A server that answers the damaged one does so before, or with the same answer from upstream.
    pub(crate) fn gets_silence(&self, server: SocketAddr) -> Result<(), String> {
        let text = |error: std::io::Error| format!("no reply to the good question either: {error}");
        let socket = self.socket_to(server).map_err(text)?;
        let good = Self { mangled: None, ..self.clone() }.sent();
        socket.send(&self.sent()).map_err(text)?;
        socket.send(&good).map_err(text)?;
        let mut buffer = vec![0; 65535];
        let length = socket.recv(&mut buffer).map_err(text)?;
        if buffer[..2] == good[..2] {
            return Ok(());
        }
        Reply::read(buffer[..length].to_vec()).and_then(|reply| Err(format!("  - no reply\n  + {reply}")))
    }

    fn question_end(&self, query: &[u8]) -> usize {
        let opt = self.opt.as_ref().map_or(0, |opt| 11 + opt.options.iter().map(|(_, d)| 4 + d.len()).sum::<usize>());
        query.len() - opt
    }

    /// Hears the server alone.
    fn socket_to(&self, server: SocketAddr) -> std::io::Result<UdpSocket> {
        let own = self.from.unwrap_or(match server.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
        let socket = UdpSocket::bind((own, 0))?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(self.patience))?;
        Ok(socket)
    }

    fn over_udp(&self, server: SocketAddr, query: &[u8]) -> Result<Vec<u8>, String> {
        let text = |error: std::io::Error| format!("no reply over UDP: {error}");
        let socket = self.socket_to(server).map_err(text)?;
        socket.send(query).map_err(text)?;
        let mut buffer = vec![0; 65535];
        let length = socket.recv(&mut buffer).map_err(text)?;
        buffer.truncate(length);
        Ok(buffer)
    }

    fn over_tcp(&self, server: SocketAddr, query: &[u8]) -> Result<Vec<u8>, String> {
        let text = |error: std::io::Error| format!("no reply over TCP: {error}");
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).map_err(text)?;
        if let Some(own) = self.from {
            socket.bind(&SocketAddr::new(own, 0).into()).map_err(text)?;
        }
        socket.connect_timeout(&server.into(), self.patience).map_err(text)?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(self.patience)).map_err(text)?;
        stream.write_all(&framed(query)).map_err(text)?;
        read_framed(&mut stream).map_err(text)
    }

    /// The bytes that are sent: the query, mangled if it is to be.
    pub(crate) fn sent(&self) -> Vec<u8> {
        let mut query = self.bytes();
        if let Some(mangled) = &self.mangled {
            mangled.apply(&mut query);
        }
        query
    }

    /// The query in wire format.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut rng = rand::rng();
        let mut out = rng.random::<u16>().to_be_bytes().to_vec();
        out.extend([self.opcode << 3 | self.high_flags | u8::from(self.rd), self.low_flags]);
        let counts = [u16::from(!self.header_only), 0, 0, u16::from(self.opt.is_some())];
        out.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        if !self.header_only {
            let name = if self.mixed_case { mix_case(&self.name) } else { self.name.clone() };
            let name: Name<Vec<u8>> = name.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
            out.extend_from_slice(name.as_slice());
            out.extend(self.qtype.to_be_bytes());
            out.extend(self.class.to_be_bytes());
        }
        if let Some(opt) = &self.opt {
            opt.write(&mut out);
        }
        out
    }
}

impl SendOpt {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend([0, 0, 41]);
        out.extend(self.payload.to_be_bytes());
        out.extend([0, self.version]);
        out.extend(self.flags.to_be_bytes());
        let options: Vec<u8> = self.options.iter().flat_map(|(code, data)| option(*code, data)).collect();
        out.extend(u16::try_from(options.len()).unwrap_or_default().to_be_bytes());
        out.extend(options);
    }
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or_default();
    [&code.to_be_bytes(), &length.to_be_bytes(), data].concat()
}

fn mix_case(name: &str) -> String {
    let mut rng = rand::rng();
    name.chars().map(|c| if rng.random::<bool>() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect()
}

/// A message as TCP carries it (RFC 1035 section 4.2.2).
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// The next message on a TCP stream.
pub(crate) fn read_framed(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// The time that `f` took, and its value.
pub(crate) fn timed<T>(f: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let value = f();
    (start.elapsed(), value)
}
