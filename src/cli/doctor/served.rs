//! Section 5: what is served: every listed record is asked of the running server, as a client would ask.
//!
//! In: the lists, and the server's answers. Out: findings. A listed name that is held back, or on which lists disagree,
//! is no fault of the server: its reason is said instead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;

use super::ask::{self, Limits, Question, Said};
use super::facts::{Listed, Lists, Standing, joined};
use super::finding::{Finding, lines};
use super::id::Id;
use crate::diag::command;

/// Questions in flight at our own server.
const WINDOW: usize = 64;

/// The same for names that it may have to ask upstream, which takes 180 at most.
const PUBLIC_WINDOW: usize = 32;

/// Listed records that every further address of the server is asked for, the time for them, and such addresses.
const FEW: usize = 8;
const FEW_TIME: Duration = Duration::from_secs(2);
const MAX_ADDRESSES: usize = 8;

/// The time for all questions over one transport.
const TIME: Duration = Duration::from_secs(6);

/// The server's answers.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The address that was asked for everything.
    pub(super) server: SocketAddr,
    /// The other addresses, which were asked for the first few: over UDP and over TCP.
    pub(super) others: Vec<(SocketAddr, Vec<Said>, Vec<Said>)>,
    /// For each listed RRset, over UDP.
    pub(super) udp: Vec<Said>,
    /// The same over TCP.
    pub(super) tcp: Vec<Said>,
    /// For each listed RRset with a public name.
    pub(super) public: Vec<(usize, Said)>,
}

impl Served {
    /// Asks the server at its addresses; `None` without one. It takes twenty seconds at most.
    pub(super) fn gather(at: &[SocketAddr], lists: &Lists) -> Option<Self> {
        let (&server, others) = at.split_first()?;
        let question = |listed: &Listed| Question { name: listed.name(), is_ipv6: listed.is_ipv6() };
        let private: Vec<Question> = lists.records.iter().map(question).collect();
        let public: Vec<(usize, Question)> = lists
            .records
            .iter()
            .enumerate()
            .filter_map(|(index, listed)| {
                Some((index, Question { name: listed.public_name()?, is_ipv6: listed.is_ipv6() }))
            })
            .collect();
        let limits = |window, patience, tries| Limits {
            window,
            patience: Duration::from_millis(patience),
            tries,
            deadline: Instant::now() + TIME,
        };
        let udp = ask::udp(server, &private, limits(WINDOW, 1000, 2));
        if !udp.is_empty() && udp.iter().all(|said| said.reply().is_none()) {
            // Silence once is enough.
            let tcp = ask::tcp(server, &private[..1], limits(WINDOW, 1000, 1));
            let tcp = tcp.into_iter().cycle().take(private.len()).collect();
            return Some(Self { server, others: Vec::new(), udp, tcp, public: Vec::new() });
        }
        let few = &private[..private.len().min(FEW)];
        let ask_few = |at: &SocketAddr| {
            let limits = Limits { deadline: Instant::now() + FEW_TIME, ..limits(WINDOW, 1000, 2) };
            (*at, ask::udp(*at, few, limits), ask::tcp(*at, few, limits))
        };
        let others = others.iter().take(MAX_ADDRESSES).map(ask_few).collect();
        let tcp = ask::tcp(server, &private, limits(WINDOW, 2000, 1));
        let (indices, questions): (Vec<usize>, Vec<Question>) = public.into_iter().unzip();
        // The server itself waits 1.8 s for an upstream before it falls back on its zones.
        let public = ask::udp(server, &questions, limits(PUBLIC_WINDOW, 3000, 1));
        Some(Self { server, others, udp, tcp, public: indices.into_iter().zip(public).collect() })
    }
}

/// The addresses at which this machine reaches a server that listens there, loopback ones first.
pub(super) fn reachable(listen: &[SocketAddr]) -> Vec<SocketAddr> {
    let known = listen.iter().filter(|address| address.port() != 0);
    let mapped = known.map(|address| match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), address.port()),
        _ => *address,
    });
    let mut all: Vec<SocketAddr> = mapped.collect();
    all.sort_by_key(|address| !address.ip().is_loopback());
    all.dedup();
    all
}

/// The findings where no server can be asked.
pub(super) fn skipped(why: &str) -> Vec<Finding> {
    [Id::SERVED_UDP, Id::SERVED_TCP, Id::EXCLUDED, Id::PUBLIC_NAMES].map(|id| Finding::skipped(id, why)).into()
}

/// All checks of the section.
pub(super) fn check(lists: &Lists, served: &Served) -> Vec<Finding> {
    if lists.records.is_empty() {
        return skipped("no list has a record");
    }
    let is_refused = |said: &Said| said.reply().is_some_and(|reply| reply.rcode == ResponseCode::Refused);
    if served.udp.iter().any(is_refused) {
        let fact = format!("the server at {} refuses this machine's own address", served.server);
        let help = "add it to allow in [access], or run this where clients are";
        let mut found = skipped("this machine is not in [access]");
        found[2] = Finding::warning(Id::EXCLUDED, fact).run(help);
        return found;
    }
    let mut found = private(Id::SERVED_UDP, "UDP", lists, served, &served.udp);
    found.extend(waiting(lists));
    found.extend(private(Id::SERVED_TCP, "TCP", lists, served, &served.tcp));
    found.push(Finding::good(Id::EXCLUDED, "this machine is in [access]"));
    found.push(public(lists, served));
    found
}

/// Records that the server gives as they were, for a reason that is no fault of its own.
fn waiting(lists: &Lists) -> Option<Finding> {
    let reason = |listed: &Listed| {
        let why = match listed.standing {
            Standing::Written => return None,
            Standing::Pending if lists.frozen.is_some() => "the sync is frozen",
            Standing::Pending => "the next pass writes it",
            Standing::Held => "the guard holds the change back",
            Standing::Conflict => "lists disagree",
        };
        let (name, place) = (listed.name(), &listed.place);
        Some(format!(
            "{name}: {why}; in service {}, listed {}: {place}",
            joined(&listed.in_service),
            joined(&listed.addresses)
        ))
    };
    let reasons: Vec<String> = lists.records.iter().filter_map(reason).collect();
    if reasons.is_empty() {
        return None;
    }
    let fact = format!("{} as they were before:\n{}", reasons.len(), lines(&reasons));
    let help = format!("{}; it says what each of them waits for", command(&["plan"], &lists.config));
    Some(Finding::warning(Id::SERVED_UDP, fact).run(help))
}

fn private(id: Id, transport: &str, lists: &Lists, served: &Served, said: &[Said]) -> Vec<Finding> {
    let mut wrong: Vec<String> =
        lists.records.iter().zip(said).filter_map(|(listed, said)| wrong(listed, said)).collect();
    for (at, udp, tcp) in &served.others {
        let said = if id == Id::SERVED_UDP { udp } else { tcp };
        let found = lists.records.iter().zip(said).filter_map(|(listed, said)| self::wrong(listed, said));
        wrong.extend(found.map(|found| format!("at {at}: {found}")));
    }
    let unasked = said.iter().filter(|said| **said == Said::NotAsked).count();
    let asked = said.len() - unasked;
    let server = served.server;
    let mut found = Vec::new();
    if !wrong.is_empty() {
        let fact = format!("{} of {asked} over {transport} at {server}:\n{}", wrong.len(), lines(&wrong));
        let help = format!("{}; it says what keeps them out of service", command(&["status"], &lists.config));
        found.push(Finding::problem(id, fact).run(help));
    }
    if unasked > 0 {
        let fact = format!("{unasked} of {} not asked over {transport} at {server}: no more time", said.len());
        found.push(Finding::warning(id, fact).run("run doctor again when the server has less to do"));
    }
    if found.is_empty() {
        let waits = lists.records.iter().filter(|listed| listed.standing != Standing::Written).count();
        let fact = format!("{} of {asked} over {transport} at {server}, each with its listed addresses", asked - waits);
        found.push(Finding::good(id, fact));
    }
    found
}

/// What is wrong with the answer for a listed record; `None` if nothing is, or if it waits for another reason.
fn wrong(listed: &Listed, said: &Said) -> Option<String> {
    let name = listed.name();
    let found = match said {
        // The rest comes over TCP, which is asked too.
        Said::Reply(reply) if reply.is_truncated => return None,
        Said::Reply(reply) if listed.standing == Standing::Written => {
            if reply.addresses == listed.addresses && !reply.is_authoritative {
                return Some(format!("{name}: the answer is not authoritative (AA)"));
            }
            if reply.addresses == listed.addresses && reply.rcode != ResponseCode::NoError {
                return Some(format!("{name}: the addresses are right, but the RCODE is {}", ask::rcode(reply.rcode)));
            }
            (reply.addresses != listed.addresses).then(|| reply.shown())?
        }
        Said::Reply(_) | Said::NotAsked => return None,
        other => other.shown(),
    };
    Some(format!("{name} {}: {found}, listed {}: {}", listed.rtype(), joined(&listed.addresses), listed.place))
}

fn public(lists: &Lists, served: &Served) -> Finding {
    if served.public.is_empty() {
        return Finding::skipped(Id::PUBLIC_NAMES, "no account is listed, or the server does not answer");
    }
    let wrong: Vec<String> =
        served.public.iter().filter_map(|(index, said)| wrong_public(lists.records.get(*index)?, said)).collect();
    // More of them than [limits] lets this machine's network ask for are refused.
    let is_left =
        |said: &Said| *said == Said::NotAsked || said.reply().is_some_and(|reply| reply.rcode == ResponseCode::Refused);
    let unasked = served.public.iter().filter(|(_, said)| is_left(said)).count();
    let asked = served.public.len() - unasked;
    let more =
        if unasked == 0 { String::new() } else { format!("; {unasked} not answered: no more time, or [limits]") };
    if wrong.is_empty() && unasked == 0 {
        return Finding::good(Id::PUBLIC_NAMES, format!("{asked}, each leads to the private address"));
    }
    if wrong.is_empty() {
        return Finding::warning(Id::PUBLIC_NAMES, format!("{asked} lead to the private address{more}"))
            .run("run doctor again when the server has less to do, or name this machine's network in trusted");
    }
    let fact = format!("{} of {asked}{more}:\n{}", wrong.len(), lines(&wrong));
    Finding::problem(Id::PUBLIC_NAMES, fact).run(
        "without a privatelink hop: approve the endpoint's connection in the portal, under the account's or vault's \
         networking; with SERVFAIL: see the section on upstreams",
    )
}

fn wrong_public(listed: &Listed, said: &Said) -> Option<String> {
    let name = listed.public_name()?;
    let is_right = |reply: &ask::Reply| {
        reply.addresses == listed.addresses
            || (listed.standing != Standing::Written && reply.addresses == listed.in_service)
    };
    match said {
        Said::NotAsked => None,
        Said::Reply(reply) if is_right(reply) || reply.rcode == ResponseCode::Refused => None,
        Said::Reply(reply) if reply.rcode == ResponseCode::NoError && !has_hop(reply) => {
            Some(format!("{name}: {}, since no privatelink hop is in its public chain", reply.shown()))
        }
        Said::Reply(reply) if listed.standing != Standing::Written && !reply.addresses.is_empty() => None,
        other => Some(format!("{name}: {}, listed {}", other.shown(), joined(&listed.addresses))),
    }
}

/// Whether a chain leads through a private name.
pub(super) fn has_hop(reply: &ask::Reply) -> bool {
    reply.chain.iter().any(|name| name.split('.').any(|label| label == "privatelink"))
}
