//! What the engine sends: to sockets, or to a test that takes note of it.

use std::sync::Arc;
use std::time::Instant;

use crate::forward::ids::{FlightId, UpstreamIndex};
use crate::forward::question::Question;
use crate::forward::status::SharedUpstream;
use crate::forward::transport::Sockets;
use crate::forward::transport::message::QueryForm;
use crate::forward::transport::socket::QueryHandle;
use crate::forward::transport::tcp::Job;

/// Where queries go. What comes of them comes back as events.
pub(crate) trait Outbox {
    /// Sends a query over UDP; `None` if the system has no socket for it.
    fn send(
        &mut self,
        to: Recipient<'_>,
        flight: FlightId,
        question: &Question,
        form: QueryForm,
        now: Instant,
    ) -> Option<QueryHandle>;

    /// Sends the same datagram again.
    fn resend(&mut self, query: QueryHandle);

    /// Nobody waits for the answer to this query any more.
    fn cancel(&mut self, query: QueryHandle);

    /// The next query to this upstream leaves from a port of its own.
    fn fresh_port(&mut self, upstream: UpstreamIndex);

    /// Asks over TCP.
    fn ask_tcp(&mut self, to: Recipient<'_>, job: Job);
}

/// An upstream that is sent something.
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
    ) -> Option<QueryHandle> {
        self.udp.send(to.index, to.shared, Some(flight), question, form, now).ok()
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
}
