//! One connection: HTTP/1.1 by hyper around the pure answers.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::accept;
use super::answer::{self, Answer, Asked, HEADERS};
use super::connections::Connection;
use super::context::Context;
use super::explained;
use super::guard::{self, Credentials, Listener};
use super::timeouts::{Timed, Timeouts};

/// Headers of a request.
const MAX_HEADERS: usize = 100;

/// Octets of a request line and its headers.
const MAX_HEAD: usize = 16 << 10;

/// A client and the way that it came by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) listener: Listener,
    pub(super) client: IpAddr,
    /// Whether more than one request may come on the connection.
    pub(super) may_stay: bool,
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All that was to be sent was sent, or the client is gone.
    Done,
    /// The client was too slow, or had to go for another one.
    CutOff,
}

/// Answers the requests of a connection, until the client goes, is too slow, or makes room for another.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Peer,
    context: &Context,
    connection: &Connection,
) -> End {
    let timeouts = Timeouts::new(Instant::now());
    let stream = TokioIo::new(Timed::new(stream, Arc::clone(&timeouts)));
    let respond = |request: Request<hyper::body::Incoming>| {
        let now = Instant::now();
        timeouts.asked(now);
        connection.asked(now);
        async move { Ok::<_, Infallible>(respond(&request, peer, context, now).await) }
    };
    let mut http = http1::Builder::new();
    // The times are kept here, for all phases of an exchange.
    http.header_read_timeout(None).keep_alive(peer.may_stay).half_close(true);
    http.max_headers(MAX_HEADERS).max_header_size(MAX_HEAD).max_buf_size(2 * MAX_HEAD);
    tokio::select! {
        // What is wrong with a client's connection is the client's.
        _ = http.serve_connection(stream, service_fn(respond)) => End::Done,
        () = timeouts.is_over() => End::CutOff,
        () = connection.displaced() => End::CutOff,
    }
}

/// The answer to a request, whatever its body holds.
async fn respond<B>(request: &Request<B>, peer: Peer, context: &Context, now: Instant) -> Response<Full<Bytes>> {
    let hosts: Vec<&[u8]> = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes).collect();
    let credentials = Credentials {
        client: peer.client,
        method: request.method().as_str(),
        hosts: &hosts,
        target: request.uri().authority().map(hyper::http::uri::Authority::as_str),
        is_old: request.version() < Version::HTTP_11,
    };
    let counters = context.board.listeners();
    counters.asked();
    let answer = match guard::check(peer.listener, &credentials, &context.settings.load()) {
        Ok(()) => {
            let accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let (path, query) = (request.uri().path(), request.uri().query());
            let asked = Asked { listener: peer.listener, path, query, form: accept::form(accepted) };
            match explained::answer(&asked, &context.explainer).await {
                Some(answer) => answer,
                None => answer::answer(&asked, &context.status(now)),
            }
        }
        Err(refusal) => {
            counters.refused();
            answer::refuse(refusal)
        }
    };
    written(answer, request.method() == Method::HEAD)
}

/// The answer as hyper sends it; for HEAD without its body, but with its length.
fn written(answer: Answer, is_head: bool) -> Response<Full<Bytes>> {
    let length = answer.body.len();
    let body = if is_head { Bytes::new() } else { Bytes::from(answer.body.into_owned()) };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    for (name, value) in HEADERS.into_iter().chain(answer.headers) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    response
}
