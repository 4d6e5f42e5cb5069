//! The ordinary upstream: hickory-server and its own zones in memory.
//!
//! In: records in presentation format, as the `domain` crate reads them (hickory's own reader corrupts some). Out: the
//! answers of a server that is authoritative for all of them. It is not a resolver: a chain is followed within one
//! zone, for eight links, and an answer does not say whether its last target exists. A client has to ask for that
//! target itself.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use domain::base::Rtype;
use hickory_proto::rr::{LowerName, Record};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use hickory_server::Server;
use hickory_server::net::BufDnsStreamHandle;
use hickory_server::net::runtime::{Time, TokioTime};
use hickory_server::net::xfer::Protocol;
use hickory_server::server::{Request, RequestHandler, ResponseHandle, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use tokio::runtime::Runtime;

use super::answers::Received;
use super::ledger::Ledger;
use super::sockets::{Transport, asynchronous};
use crate::support::SOON;
use crate::support::record::Rr;

/// The SOA of the root, where the records have none of their own.
const ROOT_SOA: &str = ". 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2026112300 1800 900 604800 86400";

/// Answers that may wait on one TCP connection.
const TCP_ANSWERS: usize = 32;

/// hickory's zones: one for each SOA among the records, and the root for all the others.
pub(crate) struct Zones(RwLock<Arc<Catalog>>);

impl Zones {
    /// From a zone file with fully qualified owners.
    pub(crate) fn of(records: &str) -> Self {
        Self::new(&read(records))
    }

    /// From records.
    pub(crate) fn new(records: &[Rr]) -> Self {
        Self(RwLock::new(Arc::new(catalog(records))))
    }

    /// Replaces all records by these.
    pub(crate) fn replace(&self, records: &str) {
        let fresh = Arc::new(catalog(&read(records)));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// hickory's answer to a message, in the bytes that it would send; `None` if it sends none.
    pub(crate) async fn answer(&self, message: &[u8], client: SocketAddr, by: Transport) -> Option<Vec<u8>> {
        let protocol = if by == Transport::Udp { Protocol::Udp } else { Protocol::Tcp };
        let request = Request::from_bytes(message.to_vec(), client, protocol).ok()?;
        let (stream, mut sent) = BufDnsStreamHandle::new(client);
        let handle = ResponseHandle::new(client, stream, protocol);
        self.catalog().handle_request::<_, TokioTime>(&request, handle).await;
        let message = Pin::new(&mut sent).next_if(|_| true).await?;
        Some(message.into_parts().0)
    }
}

fn read(records: &str) -> Vec<Rr> {
    Rr::from_zone(records).unwrap_or_else(|error| panic!("{error}"))
}

fn catalog(records: &[Rr]) -> Catalog {
    let root = Rr::from_line(ROOT_SOA).unwrap_or_else(|error| panic!("{error}"));
    let own = records.iter().filter(|record| record.rtype == Rtype::SOA);
    let soas = std::iter::once(&root).chain(own).map(|soa| (LowerName::from(converted(soa).name), soa));
    let mut zones: BTreeMap<LowerName, InMemoryZoneHandler> = BTreeMap::new();
    // A root of their own comes later and stays.
    for (apex, soa) in soas {
        let mut zone = InMemoryZoneHandler::empty(apex.clone().into(), ZoneType::Primary, AxfrPolicy::Deny);
        insert(&mut zone, soa);
        zones.insert(apex, zone);
    }
    for record in records.iter().filter(|record| record.rtype != Rtype::SOA) {
        let owner = LowerName::from(converted(record).name);
        let above = zones.iter_mut().filter(|(apex, _)| apex.zone_of(&owner));
        let (_, zone) = above.max_by_key(|(apex, _)| apex.num_labels()).expect("the root is above all");
        insert(zone, record);
    }
    let mut catalog = Catalog::new();
    for (apex, zone) in zones {
        catalog.upsert(apex, vec![Arc::new(zone)]);
    }
    catalog
}

/// Without its DNSSEC features hickory has no place for what signs or denies.
fn insert(zone: &mut InMemoryZoneHandler, record: &Rr) {
    let is_dnssec = matches!(record.rtype, Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3);
    let is_taken = !is_dnssec && zone.upsert_mut(converted(record), 0);
    assert!(is_taken, "hickory cannot serve '{record}': spell it out as a reply");
}

/// By way of the wire format, which says the same to both crates.
fn converted(record: &Rr) -> Record {
    let mut wire = record.owner.as_slice().to_vec();
    wire.extend(record.rtype.to_int().to_be_bytes());
    wire.extend(1_u16.to_be_bytes());
    wire.extend(record.ttl.to_be_bytes());
    wire.extend(u16::try_from(record.rdata.len()).unwrap().to_be_bytes());
    wire.extend_from_slice(&record.rdata);
    Record::read(&mut BinDecoder::new(&wire)).unwrap_or_else(|error| panic!("hickory cannot read {record}: {error}"))
}

/// hickory's catalog, which counts.
struct Counting {
    zones: Arc<Zones>,
    ledger: Arc<Ledger>,
}

#[async_trait]
impl RequestHandler for Counting {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, handle: R) -> ResponseInfo {
        let by = if request.protocol() == Protocol::Udp { Transport::Udp } else { Transport::Tcp };
        if let Some(received) = Received::read(request.as_slice()) {
            self.ledger.count(&received, request.src(), by);
            self.ledger.note_hickory();
        }
        self.zones.catalog().handle_request::<R, T>(request, handle).await
    }
}

/// Serves until the runtime ends.
pub(crate) fn serve(runtime: &Runtime, udp: UdpSocket, tcp: TcpListener, zones: &Arc<Zones>, ledger: &Arc<Ledger>) {
    let _inside = runtime.enter();
    let (udp, tcp) = asynchronous(udp, tcp);
    let mut server = Server::new(Counting { zones: Arc::clone(zones), ledger: Arc::clone(ledger) });
    server.register_socket(udp);
    server.register_listener(tcp, SOON, TCP_ANSWERS);
    runtime.spawn(async move { server.block_until_done().await });
}
