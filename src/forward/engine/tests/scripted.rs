//! An upstream that acts by a test's script, on UDP and TCP of one port.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::dns::{Class, Name, Query, Rcode, Record, Rtype, Section, Writer};

/// A query as the upstream received it.
pub(crate) struct Got {
    pub(crate) bytes: Vec<u8>,
    pub(crate) tcp: bool,
    pub(crate) from: SocketAddr,
    /// The number of queries before it.
    pub(crate) number: usize,
    /// The number of earlier queries that are not answered yet.
    pub(crate) open: usize,
}

impl Got {
    pub(crate) fn query(&self) -> Query<'_> {
        Query::parse(&self.bytes).unwrap()
    }

    pub(crate) fn name(&self) -> Name {
        Name::from_wire(self.query().qname).unwrap()
    }

    /// A response with these answers; OPT if the query had it.
    pub(crate) fn reply(&self, rcode: Rcode, answer: &[Record]) -> Vec<u8> {
        let query = self.query();
        let mut writer = Writer::new(65535, 0);
        writer.header(query.header.id, [0x81, 0x80 | u8::try_from(rcode.0).unwrap()]);
        writer.question(query.qname, query.qtype, Class::IN);
        for record in answer {
            assert!(writer.record(Section::Answer, record, record.ttl));
        }
        if query.edns.is_some() {
            writer.opt(1232, 0, query.dnssec_ok(), &crate::dns::ResponseOptions::default());
        }
        writer.finish().0
    }

    /// The usual answer: one address.
    pub(crate) fn good(&self) -> Vec<u8> {
        self.reply(Rcode::NOERROR, &[address(&self.name(), 1)])
    }
}

pub(crate) fn address(owner: &Name, last: u8) -> Record {
    Record { owner: owner.clone(), rtype: Rtype::A, ttl: 60, rdata: [192, 0, 2, last].into() }
}

/// Datagrams to send, each with its delay after the one before.
pub(crate) type Replies = Vec<(Duration, Vec<u8>)>;

pub(crate) fn now(bytes: Vec<u8>) -> Replies {
    vec![(Duration::ZERO, bytes)]
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    pub(crate) count: Arc<AtomicUsize>,
    pub(crate) connections: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

type Script = Arc<dyn Fn(&Got) -> Replies + Send + Sync>;

impl Scripted {
    pub(crate) async fn start(script: impl Fn(&Got) -> Replies + Send + Sync + 'static) -> Self {
        let (udp, tcp) = bind().await;
        let address = udp.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let connections = Arc::new(AtomicUsize::new(0));
        let script: Script = Arc::new(script);
        let tasks = vec![
            tokio::spawn(serve_udp(Arc::new(udp), Arc::clone(&script), Arc::clone(&count))),
            tokio::spawn(serve_tcp(tcp, script, Arc::clone(&count), Arc::clone(&connections))),
        ];
        Self { address, count, connections, tasks }
    }

    pub(crate) fn asked(&self) -> usize {
        self.count.load(SeqCst)
    }
}

async fn bind() -> (UdpSocket, TcpListener) {
    for _ in 0..20 {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free on UDP and TCP");
}

/// Loop probes are answered, but neither counted nor shown to the script.
pub(crate) fn is_probe(bytes: &[u8]) -> bool {
    bytes.to_ascii_lowercase().get(45..56) == Some(b"\x0aloop-probe")
}

async fn serve_udp(socket: Arc<UdpSocket>, script: Script, count: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let bytes = buffer[..length].to_vec();
        if is_probe(&bytes) {
            continue;
        }
        let number = count.fetch_add(1, SeqCst);
        let replies = script(&Got { bytes, tcp: false, from, number, open: 0 });
        let socket = Arc::clone(&socket);
        tokio::spawn(async move {
            for (delay, bytes) in replies {
                tokio::time::sleep(delay).await;
                let _ = socket.send_to(&bytes, from).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, script: Script, count: Arc<AtomicUsize>, connections: Arc<AtomicUsize>) {
    let mut open = tokio::task::JoinSet::new();
    while let Ok((stream, from)) = listener.accept().await {
        connections.fetch_add(1, SeqCst);
        open.spawn(serve_stream(stream, from, Arc::clone(&script), Arc::clone(&count)));
    }
}

/// An empty list of replies closes the connection.
fn serve_stream(
    mut stream: TcpStream,
    from: SocketAddr,
    script: Script,
    count: Arc<AtomicUsize>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        while let Ok(length) = stream.read_u16().await {
            let mut bytes = vec![0; usize::from(length)];
            if stream.read_exact(&mut bytes).await.is_err() {
                return;
            }
            let number = count.fetch_add(1, SeqCst);
            let replies = script(&Got { bytes, tcp: true, from, number, open: 0 });
            if replies.is_empty() {
                return;
            }
            for (delay, bytes) in replies {
                tokio::time::sleep(delay).await;
                let mut framed = u16::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
                framed.extend(bytes);
                if stream.write_all(&framed).await.is_err() {
                    return;
                }
            }
        }
    })
}
