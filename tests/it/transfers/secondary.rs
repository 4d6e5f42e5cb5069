//! A secondary, as far as a test needs one: it asks for zones, and reads what comes.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};

use domain::base::Rtype;
use socket2::{Domain, Socket, Type};

use crate::support::client::{Ask, ask, read_framed};
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::{SOON, wait_until};

/// The messages of a transfer, and their records.
pub(super) struct Received {
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) records: Vec<Rr>,
}

/// A query for a whole zone.
pub(super) fn axfr(apex: &str) -> Vec<u8> {
    Ask { opt: None, ..ask(apex, "AXFR") }.bytes()
}

/// A query for what changed since a serial.
pub(super) fn ixfr(apex: &str, serial: u32) -> Vec<u8> {
    let mut query = Ask { opt: None, ..ask(apex, "IXFR") }.bytes();
    query[9] = 1;
    query.extend_from_slice(b"\xc0\x0c\0\x06\0\x01\0\0\0\0\0\x16\0\0");
    query.extend(serial.to_be_bytes());
    query.extend([0; 16]);
    query
}

/// A connection that takes what comes.
pub(super) fn connect(server: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(server).unwrap())
}

/// A connection with a small buffer, from another address of the loopback network: what the test does not read, the
/// server cannot send.
pub(super) fn slow(server: SocketAddr, from: Option<&str>) -> TcpStream {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    if let Some(from) = from {
        socket.bind(&SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    }
    socket.connect(&server.into()).unwrap();
    patient(socket.into())
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// Reads a transfer to its end. The end is a single SOA, an error, the second SOA of a whole zone, or the fourth of a
/// difference.
pub(super) fn receive(stream: &mut impl Read) -> io::Result<Received> {
    let mut received = Received { messages: Vec::new(), records: Vec::new() };
    loop {
        let message = read_framed(stream)?;
        let reply = Reply::read(message.clone()).unwrap();
        received.messages.push(message);
        received.records.extend(reply.answer);
        let records = &received.records;
        let is_soa = |record: &&Rr| record.rtype == Rtype::SOA;
        let soas = if records.get(1).as_ref().is_some_and(is_soa) { 4 } else { 2 };
        if records.len() < 2 || records.iter().filter(is_soa).count() == soas {
            return Ok(received);
        }
    }
}

/// The answer to a query that is sent as it is.
pub(super) fn over_udp(server: SocketAddr, query: &[u8]) -> Reply {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    socket.send(query).unwrap();
    let mut buffer = vec![0; 65535];
    let length = socket.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    Reply::read(buffer).unwrap()
}

/// The serial of a SOA record.
pub(super) fn serial(soa: &Rr) -> u32 {
    assert_eq!(soa.rtype, Rtype::SOA, "{soa}");
    let numbers = &soa.rdata[soa.rdata.len() - 20..];
    u32::from_be_bytes([numbers[0], numbers[1], numbers[2], numbers[3]])
}

/// Waits until a zone has this serial.
pub(super) fn until_serial(server: &Server, apex: &str, wanted: u32) {
    wait_until(&format!("serial {wanted} is in service"), || {
        server.ask(apex, "SOA").answer.first().map(serial) == Some(wanted)
    });
}
