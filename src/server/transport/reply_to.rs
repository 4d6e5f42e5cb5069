//! Questions for upstreams whose answers a connection waits for: each comes back once, whatever happens to it.

use std::time::Instant;

use crate::server::query::{Arrived, Later};

/// Asks upstream; `give` gets the query with its outcome, or `None` if it got lost, which must not keep a connection
/// open for good.
pub(super) fn ask(later: Later, now: Instant, give: impl FnOnce(Option<Arrived>) + Send + 'static) {
    let reply_to = ReplyTo(Some(give));
    later.ask(now, move |arrived, _| reply_to.give(arrived));
}

struct ReplyTo<F: FnOnce(Option<Arrived>)>(Option<F>);

impl<F: FnOnce(Option<Arrived>)> ReplyTo<F> {
    fn give(mut self, arrived: Arrived) {
        if let Some(give) = self.0.take() {
            give(Some(arrived));
        }
    }
}

impl<F: FnOnce(Option<Arrived>)> Drop for ReplyTo<F> {
    fn drop(&mut self) {
        if let Some(give) = self.0.take() {
            give(None);
        }
    }
}
