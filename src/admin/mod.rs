//! Floor 5: the admin listener: `/metrics`, `/health`, `/ready`, `/status.json` and the status page over HTTP.
//!
//! Each of them is a pure rendering of a [`Status`](crate::status::Status). Nothing here changes anything.

#[allow(dead_code, reason = "the listener that calls it is on its way")]
pub(crate) mod metrics;
#[allow(dead_code, reason = "the listener that calls it is on its way")]
pub(crate) mod page;
