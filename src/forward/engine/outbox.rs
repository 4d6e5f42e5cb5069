//! The outbox of the engine: it leads to sockets, or to a test that records the queries.

use std::sync::Arc;
use std::time::Instant;

use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::Question;
use crate::forward::status::SharedUpstream;
use crate::forward::transport::Sockets;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::{NoSocket, QueryHandle};
use crate::forward::transport::tcp::Job;

/// The destination of queries. Replies come back as events.
pub(crate) trait Outbox {
    /// Sends a query over UDP, if the system has a socket for it.
    fn send(
        &mut self,
        to: Recipient<'_>,
        flight: FlightId,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> Result<QueryHandle, NoSocket>;

    /// Sends the same datagram again.
    fn resend(&mut self, query: QueryHandle);

    /// Ends the wait for the answer to this query.
    fn cancel(&mut self, query: QueryHandle);

    /// Makes the next query to this upstream leave from a port of its own.
    fn fresh_port(&mut self, upstream: UpstreamIndex);

    /// Asks over TCP.
    fn ask_tcp(&mut self, to: Recipient<'_>, job: Job);

    /// Ends the wait for the answer over TCP.
    fn cancel_tcp(&mut self, upstream: UpstreamIndex, flight: FlightId);
}

/// An upstream to which a query is sent.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    pub(crate) index: UpstreamIndex,
    pub(crate) shared: &'a Arc<SharedUpstream>,
}

impl Outbox for Sockets {
    fn send(
        &mut self,
        to: Recipient<'_>,
        flight: FlightId,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> Result<QueryHandle, NoSocket> {
        self.udp.send(to.index, to.shared, Some(flight), question, form, now)
    }

    fn resend(&mut self, query: QueryHandle) {
        self.udp.resend(query);
    }

    fn cancel(&mut self, query: QueryHandle) {
        self.udp.cancel(query);
    }

    fn fresh_port(&mut self, upstream: UpstreamIndex) {
        self.udp.fresh_port(upstream);
    }

    fn ask_tcp(&mut self, to: Recipient<'_>, job: Job) {
        self.tcp.ask(to.index, to.shared, job);
    }

    fn cancel_tcp(&mut self, upstream: UpstreamIndex, flight: FlightId) {
        self.tcp.cancel(upstream, flight);
    }
}
