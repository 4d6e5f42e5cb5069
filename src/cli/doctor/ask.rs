//! The DNS client of `doctor`. Its messages are hickory-proto's, written and read: a second opinion on the wire, by
//! other hands than those that wrote the server.
//!
//! In: a server, questions, limits. Out: one [`Said`] for each question, in their order. Never: more questions in
//! flight than the window, or work after the deadline.

mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

pub(super) use tcp::ask as tcp;
pub(super) use udp::ask as udp;

/// The payload that we take over UDP, as DNS Flag Day 2020 advises.
const PAYLOAD: u16 = 1232;

/// A name and a type of address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Without the final dot.
    pub(super) name: String,
    /// AAAA instead of A.
    pub(super) is_ipv6: bool,
}

impl Question {
    /// For the A records of a name.
    pub(super) fn a(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_ipv6: false }
    }
}

/// The bounds of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Questions in flight.
    pub(super) window: usize,
    /// The time for one try.
    pub(super) patience: Duration,
    /// Tries for each question.
    pub(super) tries: u32,
    /// The end of the whole run.
    pub(super) deadline: Instant,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A well-formed reply to just this question.
    Reply(Reply),
    /// Nothing came in time.
    Silence,
    /// The system or the network says that it cannot be reached.
    Unreachable(String),
    /// What came is no reply to it.
    Malformed(String),
    /// The deadline, or a server that answered nothing, came first.
    NotAsked,
}

impl Said {
    /// The reply, if one came.
    pub(super) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// What came, in a few words.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Reply(reply) => reply.shown(),
            Self::Silence => "no answer in time".to_owned(),
            Self::Unreachable(reason) => reason.clone(),
            Self::Malformed(reason) => format!("a reply that cannot be read: {reason}"),
            Self::NotAsked => "not asked".to_owned(),
        }
    }
}

/// The parts of a reply that the checks look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Its RCODE.
    pub(super) rcode: ResponseCode,
    /// AA.
    pub(super) is_authoritative: bool,
    /// TC.
    pub(super) is_truncated: bool,
    /// The addresses in its answer, sorted.
    pub(super) addresses: Vec<IpAddr>,
    /// The targets of its CNAMEs, in lower case without the final dot, in their order.
    pub(super) chain: Vec<String>,
    /// The time from question to reply.
    pub(super) took: Duration,
}

impl Reply {
    /// The addresses, or why there are none.
    pub(super) fn shown(&self) -> String {
        match (self.rcode, &self.addresses[..]) {
            (_, [_, ..]) => super::facts::joined(&self.addresses),
            (ResponseCode::NoError, []) => "no address (NODATA)".to_owned(),
            (code, []) => rcode(code),
        }
    }
}

/// The mnemonic of an RCODE.
pub(super) fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::NoError => "NOERROR".to_owned(),
        other => format!("RCODE {}", u16::from(other)),
    }
}

/// The bytes of a question under an id; an error if the name is none.
fn written(question: &Question, id: u16) -> Result<Vec<u8>, String> {
    let name = Name::from_ascii(format!("{}.", question.name)).map_err(|error| error.to_string())?;
    let mut message = Message::query();
    message.metadata.id = id;
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, rtype(question)));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    message.to_vec().map_err(|error| error.to_string())
}

fn rtype(question: &Question) -> RecordType {
    if question.is_ipv6 { RecordType::AAAA } else { RecordType::A }
}

/// The reply in these bytes, or why they are none to this question.
fn read(bytes: &[u8], question: &Question, took: Duration) -> Said {
    let message = match Message::from_vec(bytes) {
        Ok(message) => message,
        Err(error) => return Said::Malformed(error.to_string()),
    };
    if message.metadata.message_type != MessageType::Response {
        return Said::Malformed("it is a query".to_owned());
    }
    let is_ours = |query: &Query| {
        let name = query.name().to_ascii();
        name.trim_end_matches('.').eq_ignore_ascii_case(&question.name) && query.query_type() == rtype(question)
    };
    if message.queries.len() != 1 || !message.queries.iter().all(is_ours) {
        return Said::Malformed("it repeats another question".to_owned());
    }
    let mut reply = Reply {
        rcode: message.metadata.response_code,
        is_authoritative: message.metadata.authoritative,
        is_truncated: message.metadata.truncation,
        addresses: Vec::new(),
        chain: Vec::new(),
        took,
    };
    for record in &message.answers {
        match &record.data {
            RData::A(address) if !question.is_ipv6 => reply.addresses.push(address.0.into()),
            RData::AAAA(address) if question.is_ipv6 => reply.addresses.push(address.0.into()),
            RData::CNAME(target) => {
                reply.chain.push(target.0.to_ascii().trim_end_matches('.').to_ascii_lowercase());
            }
            _ => {}
        }
    }
    reply.addresses.sort_unstable();
    Said::Reply(reply)
}

/// An error of a socket in words for people.
fn reason(server: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!("nothing listens at {server}"),
        std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::HostUnreachable => {
            format!("there is no route to {}", server.ip())
        }
        _ => format!("{server}: {error}"),
    }
}

/// The unspecified address and any port, in the family of a server.
fn any_port(server: SocketAddr) -> SocketAddr {
    let ip: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0; 16].into() };
    SocketAddr::new(ip, 0)
}
