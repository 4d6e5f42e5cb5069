//! The engine against upstreams with every kind of fault: on a clock that the test moves (`world.rs`), or over real
//! TCP.

mod scripted;
mod world;

mod failover;
mod faults;
mod limits;
mod sharing;
mod status;
mod tcp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Ask, Engine};
use crate::dns::{Name, Rtype};
use crate::forward::*;
use scripted::{Got, Replies, Scripted, address, now};
use tokio::sync::oneshot;
use world::{Cast, Place, World};

const MS: Duration = Duration::from_millis(1);

/// A timer is up to one tick of the wheel late, and its effect perhaps one more.
const LATE: Duration = super::timer_wheel::TICK.saturating_mul(2);

fn group(upstreams: &[SocketAddr]) -> GroupSettings {
    GroupSettings {
        suffix: Name::root(),
        upstreams: upstreams.iter().copied().map(UpstreamSpec::Address).collect(),
        timeout: Duration::from_secs(5),
        max_in_flight: None,
        max_qps: None,
        case_randomization: CaseRandomization::Auto,
    }
}

fn start(groups: Vec<GroupSettings>) -> Upstreams {
    Upstreams::start(Settings { groups, resolv_conf: "/nonexistent".into(), listen: vec![] }).unwrap()
}

fn forwarder(upstreams: &[&Scripted]) -> Upstreams {
    let mut settings = group(&upstreams.iter().map(|upstream| upstream.address).collect::<Vec<_>>());
    // This group runs on the machine's clock, and the machine may be busy.
    settings.timeout = Duration::from_mins(1);
    start(vec![settings])
}

fn question(name: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: Rtype::A,
        dnssec_ok: false,
        checking_disabled: false,
        authentic_data: false,
    }
}

/// Asks a group on the machine's clock.
async fn ask_group(group: &dyn AskUpstream, name: &str) -> Result<Arc<Reply>, Failure> {
    let (sender, answer) = oneshot::channel();
    let then = Box::new(|outcome, _: &mut Batch| drop(sender.send(outcome)));
    let now = Instant::now();
    let waiter = Waiter { network: None, deadline: now + Duration::from_mins(1), has_fallback: false, then };
    group.ask(question(name), Box::new(|outcome, _| outcome), waiter, None, now);
    answer.await.unwrap_or(Err(Failure::Stopped))
}

async fn ask(forwarder: &Upstreams, name: &str) -> Result<Arc<Reply>, Failure> {
    ask_group(&*forwarder.groups()[0], name).await
}

/// The nth client's network.
fn network(number: u8) -> ClientNetwork {
    ClientNetwork::of([10, 0, number, 1].into())
}

fn counts(forwarder: &Upstreams, index: usize) -> Counts {
    forwarder.status()[index].counts.clone()
}

/// An address without a listener: one that was free a moment ago.
fn nobody() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits for all of them, in the given order.
async fn futures<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, output) in &mut all {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}
