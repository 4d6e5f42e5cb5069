//! The client against sockets that say what no good server says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};

use super::{Limits, Question, Said, tcp, udp};

fn limits(tries: u32) -> Limits {
    let deadline = Instant::now() + Duration::from_mins(5);
    Limits { window: 4, patience: Duration::from_millis(300), tries, deadline }
}

fn questions(count: usize) -> Vec<Question> {
    (0..count).map(|n| Question::a(format!("a{n}.example"))).collect()
}

/// A good answer with this address.
fn answer(query: &[u8], last: u8) -> Vec<u8> {
    let query = Message::from_vec(query).unwrap();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.authoritative = true;
    let question = query.queries[0].clone();
    reply.add_answer(Record::from_rdata(question.name().clone(), 10, RData::A(A::new(10, 0, 0, last))));
    reply.add_query(question);
    reply.to_vec().unwrap()
}

/// A server of datagrams, which reacts to each with any number of datagrams, until the test ends.
fn server(react: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            for reply in react(&buffer[..length]) {
                socket.send_to(&reply, from).unwrap();
            }
        }
    });
    address
}

fn addresses(said: &Said) -> String {
    said.shown()
}

#[test]
fn every_question_gets_its_own_answer_whatever_comes_in_between() {
    let at = server(|query| {
        let mut stranger = answer(query, 9);
        stranger[0] ^= 0x55;
        // Junk, the reply to nobody's question, the answer, and the answer again.
        vec![vec![7], stranger, answer(query, 4), answer(query, 5)]
    });
    let said = udp(at, &questions(50), limits(2));
    assert!(said.iter().all(|said| addresses(said) == "10.0.0.4"), "{said:?}");
    let reply = said[0].reply().unwrap();
    assert!(reply.is_authoritative && !reply.is_truncated && reply.rcode == ResponseCode::NoError);
}

#[test]
fn what_is_no_answer_to_the_question_is_malformed() {
    type Damage = fn(&[u8]) -> Vec<u8>;
    let cases: [(Damage, &str); 4] = [
        (|query| query.to_vec(), "it is a query"),
        (|query| answer(query, 4)[..20].to_vec(), "cannot be read"),
        (|query| [&query[..2], &[0xff; 40]].concat(), "cannot be read"),
        (
            |query| {
                let mut other = answer(query, 4);
                other[14] ^= 1;
                other
            },
            "another question",
        ),
    ];
    for (damage, text) in cases {
        let at = server(move |query| vec![damage(query)]);
        let said = udp(at, &questions(1), limits(1));
        assert!(matches!(&said[0], Said::Malformed(_)) && said[0].shown().contains(text), "{text}: {said:?}");
    }
}

#[test]
fn a_silent_server_is_not_asked_for_all_of_a_long_list() {
    let at = server(|_| Vec::new());
    let said = udp(at, &questions(400), limits(2));
    assert_eq!(said[0], Said::Silence);
    assert_eq!(said.iter().filter(|said| **said == Said::NotAsked).count(), 396, "{said:?}");
}

#[test]
fn a_closed_port_is_said_at_once() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for said in [udp(free, &questions(3), limits(2)), tcp(free, &questions(3), limits(1))] {
        assert!(said.iter().all(|said| said.shown().contains("nothing listens")), "{said:?}");
    }
}

#[test]
fn a_connection_that_ends_early_is_opened_again_for_the_rest() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Three answers for each connection, which is then closed.
            for _ in 0..3 {
                let mut length = [0; 2];
                if stream.read_exact(&mut length).is_err() {
                    break;
                }
                let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut query).unwrap();
                let reply = answer(&query, 4);
                let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length[..], &reply].concat()).unwrap();
            }
        }
    });
    let said = tcp(at, &questions(10), Limits { window: 2, ..limits(1) });
    assert!(said.iter().all(|said| addresses(said) == "10.0.0.4"), "{said:?}");
}

#[test]
fn a_name_that_is_none_is_not_sent() {
    let at = server(|query| vec![answer(query, 4)]);
    let said = udp(at, &[Question::a("x".repeat(64)), Question::a("b.example")], limits(1));
    assert!(matches!(said[0], Said::Malformed(_)) && addresses(&said[1]) == "10.0.0.4", "{said:?}");
}
