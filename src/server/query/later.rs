//! A query that waits for an upstream, and its result.

use std::sync::Arc;

use super::options::ReplyOptions;
use super::{Answer, complete};
use crate::dns::Query;
use crate::forward::Batch;
use crate::forward::resolver::chase::Resolved;
use crate::forward::resolver::{Resolution, UpstreamQuestion};
use crate::server::admission::pending::Permit;
use crate::server::context::RequestContext;
use crate::server::snapshot::{Shared, Snapshot};

/// A query that waits for an upstream.
pub(crate) struct Later {
    pub(super) message: Vec<u8>,
    pub(super) context: RequestContext,
    pub(super) options: ReplyOptions,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) resolution: Resolution,
    pub(super) question: UpstreamQuestion,
    pub(super) permit: Permit,
}

/// The result of a query that waited. It holds its permit until it is dropped: drop it once its answer is sent.
pub(crate) struct Finished {
    message: Vec<u8>,
    pub(crate) context: RequestContext,
    options: ReplyOptions,
    snapshot: Arc<Snapshot>,
    resolved: Resolved,
    _permit: Permit,
}

impl Later {
    /// Asks upstream; the outcome goes to `then`, on the thread that has it.
    pub(crate) fn finish<F>(self, then: F)
    where
        F: FnOnce(Finished, &mut Batch) + Send + 'static,
    {
        let Self { message, context, options, snapshot, resolution, question, permit } = self;
        let view = snapshot.view(context.ip());
        let (resolver, zones) = (Arc::clone(view.resolver), Arc::clone(view.zones));
        resolver.finish_then(zones, resolution, question, context.at, move |resolved, _, batch| {
            then(Finished { message, context, options, snapshot, resolved, _permit: permit }, batch);
        });
    }
}

impl Finished {
    /// The answer; `None` only if the message no longer parses, although it parsed before.
    pub(crate) fn compose(&self, shared: &Shared) -> Option<Answer> {
        let query = Query::parse(&self.message).ok()?;
        let (disposition, composed) =
            complete(shared, &self.snapshot, &query, &self.resolved, &self.context, &self.options);
        Some(Answer { bytes: composed.bytes, disposition, cacheable: None })
    }
}
