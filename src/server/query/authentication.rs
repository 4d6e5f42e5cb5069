//! The signature of a query (RFC 8945).
//!
//! In: a query's TSIG record, the keys, the time of day. Out: what signs the answer, or the answer that says why the
//! signature is not good. Never: a signed query that is answered as if it were not signed.

use std::time::{SystemTime, UNIX_EPOCH};

use super::options::ReplyOptions;
use super::signature::Signature;
use super::{Refusal, Request, Served, refuse};
use crate::dns::Rcode;
use crate::dns::tsig::{self, TsigFailure};
use crate::server::counters::Reason;

/// The time of day, seconds since 1970.
pub(super) fn today(clock: fn() -> SystemTime) -> u64 {
    clock().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The signature for the answer; none if the query is not signed. A signature that is not good ends here with an answer
/// (section 5.2).
pub(super) fn examine(request: &Request<'_>, clock: fn() -> SystemTime) -> Result<Option<Box<Signature>>, Served> {
    let Some(tsig) = &request.query.tsig else { return Ok(None) };
    let now = today(clock);
    let plain = ReplyOptions::default();
    let failure = match tsig::verify(request.message, tsig, &request.snapshot.settings.keys, now) {
        Ok(signer) => return Ok(Some(Box::new(Signature::new(signer, now)))),
        Err(failure) => failure,
    };
    let not_authentic = Refusal::new(Reason::Tsig, Rcode::NOTAUTH);
    Err(match failure {
        TsigFailure::Malformed => refuse(request, &plain, &Refusal::new(Reason::Malformed, Rcode::FORMERR)),
        TsigFailure::Unsigned(error) => {
            let limit = request.context.transport.max_answer(&request.query);
            refuse(request, &plain, &not_authentic).map(|answer| tsig.append_error(answer, error, limit))
        }
        TsigFailure::Signed(signer) => {
            let signature = Some(Box::new(Signature::new(*signer, now)));
            refuse(request, &plain.signed(signature), &not_authentic)
        }
    })
}
