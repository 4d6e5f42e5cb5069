//! The end of the server: load balancers hear of it, the queries that wait for upstreams get their answers, and then
//! reading stops.
//!
//! ```text
//!   SIGTERM, SIGINT -> /ready says 503, queries are answered for `lameduck` -> and until none waits -> end
//!   a second one ends the server at once
//! ```

use std::future::Future;
use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::manager::Manager;
use super::signals::Ending;
use super::{Daemon, StartError};
use crate::status::{Board, seconds};
use crate::sync::pass::rfc3339;

/// The time that questions at upstreams may take once the server stops; queries are answered meanwhile.
const DRAIN_TIME: Duration = Duration::from_secs(6);

/// The time beyond that and `lameduck` that the service manager is asked for.
const MARGIN: Duration = Duration::from_secs(5);

/// How the server came to its end.
pub(super) enum Stopped {
    /// By itself.
    Broken(Result<(), StartError>),
    /// Somebody asked for it, by this signal.
    Asked(&'static str),
    /// Somebody asked for it twice.
    AtOnce,
}

/// Runs the server until it is to stop and `lameduck` is over.
pub(super) async fn until_stopped(
    run: impl Future<Output = Result<(), StartError>>,
    ending: &mut Ending,
    (board, manager): (&Board, &Manager),
    lameduck: impl Fn() -> Duration,
) -> Stopped {
    tokio::pin!(run);
    let signal = tokio::select! {
        broken = &mut run => return Stopped::Broken(broken),
        signal = ending.next() => signal,
    };
    board.draining();
    let lameduck = lameduck();
    manager.stopping(&reason(signal, lameduck, SystemTime::now()), lameduck + DRAIN_TIME + MARGIN);
    if lameduck.is_zero() {
        return Stopped::Asked(signal);
    }
    info!(signal, "not ready any more; queries are answered for {lameduck:?} more; a second signal ends that");
    tokio::select! {
        broken = &mut run => Stopped::Broken(broken),
        () = tokio::time::sleep(lameduck) => Stopped::Asked(signal),
        second = ending.next() => {
            warn!(signal = second, "a second signal: stopping at once");
            Stopped::AtOnce
        }
    }
}

/// The status line of a server that stops.
fn reason(signal: &str, lameduck: Duration, now: SystemTime) -> String {
    if lameduck.is_zero() {
        let most = DRAIN_TIME.as_secs();
        return format!("stopping ({signal}): queries that wait for upstreams are answered, {most} s at most");
    }
    let until = rfc3339(seconds(now + lameduck));
    format!("stopping ({signal}): /ready says 503; queries are answered until {until}")
}

/// Answers until the queries that wait for upstreams have their answers, and ends.
pub(super) async fn drain(mut daemon: Daemon, stopped: Stopped, ending: &mut Ending) -> Result<(), StartError> {
    let ended = match stopped {
        Stopped::AtOnce => return Ok(()),
        Stopped::Asked(signal) => {
            info!(signal, "draining");
            Ok(())
        }
        Stopped::Broken(broken) => {
            daemon.board.draining();
            let why = broken.as_ref().err().map_or_else(|| "stopping".to_owned(), |why| format!("stopping: {why}"));
            daemon.manager.stopping(&why, DRAIN_TIME + MARGIN);
            broken
        }
    };
    if let Some(answering) = daemon.answering.take() {
        let draining = daemon.manager.while_beating(answering.drain(&daemon.shared, DRAIN_TIME), || {});
        tokio::select! {
            () = draining => {}
            signal = ending.next() => warn!(signal, "a second signal: stopping at once"),
        }
    }
    info!("stopped");
    ended
}
