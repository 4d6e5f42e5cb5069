//! A small HTTP client for the admin and the probe listener: octets out, an answer back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::SOON;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// With names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The next answer on the stream; to a HEAD it has no body.
    pub(crate) fn read(stream: &mut impl Read, is_head: bool) -> io::Result<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet)?;
            head.extend(octet);
        }
        let head = String::from_utf8(head).expect("ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let code = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status line");
        let fields = lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line}")));
        let headers = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let mut answer = Self { code, headers, body: String::new() };
        let length = answer.header("content-length").parse().unwrap_or(0);
        let mut body = vec![0; if is_head { 0 } else { length }];
        stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).expect("UTF-8");
        Ok(answer)
    }
}

/// A connection.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// A request with these further lines of headers.
pub(crate) fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\n{headers}\r\n")
}

/// The answer to this request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let mut stream = connect(address);
    stream.write_all(request(method, target, headers).as_bytes()).unwrap();
    Answer::read(&mut stream, method == "HEAD").unwrap()
}

/// GET, as `curl` does it.
pub(crate) fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, "GET", target, &format!("Host: {address}\r\nAccept: */*\r\n"))
}

/// All that comes back for these octets until the server ends the connection.
pub(crate) fn all(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = connect(address);
    // The server may end it before it has taken all.
    let _ended = stream.write_all(sent);
    let mut heard = Vec::new();
    let _reset = stream.read_to_end(&mut heard);
    String::from_utf8_lossy(&heard).into_owned()
}
