//! Asks upstreams and resolvers, all of them side by side, each question for two seconds at most.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::through::{Probe, Through};
use super::{Chain, Upstream, Upstreams};
use crate::azure::Cloud;
use crate::cli::doctor::ask::{self, Limits, Question, Said};
use crate::cli::doctor::facts::{Listed, Lists};
use crate::cli::doctor::machine::Machine;
use crate::cli::doctor::{Resolver, Server};
use crate::config::Config;
use crate::dns::Name;
use crate::forward::{GroupSettings, Placement, RESOLV_CONF, State as UpstreamState, UpstreamSpec, would_loop};

/// Servers that are asked at most.
const MAX_SERVERS: usize = 16;

/// Accounts and vault names in a sample.
const SAMPLE: usize = 5;

/// The time for one question.
const PATIENCE: Duration = Duration::from_secs(2);

fn limits() -> Limits {
    Limits { window: 16, patience: PATIENCE, tries: 2, deadline: Instant::now() + 2 * PATIENCE }
}

/// Asks all; `server` is the address of the running server, if it answers.
pub(in crate::cli::doctor) fn gather(
    (config, lists, machine): (&Config, &Lists, &Machine),
    server: (&Server, Option<SocketAddr>),
    through: &[Resolver],
) -> Upstreams {
    let accounts = accounts(lists);
    let cloud = config.sync.cloud.unwrap_or_default();
    let targets = targets(config, machine, &accounts, cloud);
    let specs: Vec<UpstreamSpec> = config.groups.iter().flat_map(|group| group.upstreams.clone()).collect();
    let servers = ask_servers(config, (server.0, machine), &targets);
    let answering = servers.iter().find(|upstream| upstream.udp.reply().is_some()).map(|upstream| upstream.address);
    let resolvers = resolvers(through, machine);
    Upstreams {
        absent: Placement::absent(PathBuf::from(RESOLV_CONF), &specs),
        chains: chains(config, &servers, &accounts),
        entra: server.1.or(answering).map(|at| entra(at, cloud)).unwrap_or_default(),
        is_azure: machine.is_azure,
        through: ask_through(&resolvers, lists, cloud),
        servers,
    }
}

/// A few accounts, spread over all of them.
fn accounts(lists: &Lists) -> Vec<&Listed> {
    let all: Vec<&Listed> =
        lists.records.iter().filter(|listed| !listed.is_ipv6() && listed.public_name().is_some()).collect();
    spread(&all)
}

fn spread<'l>(all: &[&'l Listed]) -> Vec<&'l Listed> {
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.iter().step_by(step).copied().collect()
}

/// Each upstream with a name that it should know.
fn targets(config: &Config, machine: &Machine, accounts: &[&Listed], cloud: Cloud) -> Vec<(SocketAddr, String)> {
    let host = |address: &str| address.trim_start_matches("https://").to_owned();
    let public = accounts.first().and_then(|listed| listed.public_name()).unwrap_or_else(|| host(cloud.authority()));
    let mut targets: Vec<(SocketAddr, String)> = Vec::new();
    for group in &config.groups {
        let name = if group.suffix == Name::root() { public.clone() } else { group.suffix.without_dot() };
        for spec in &group.upstreams {
            let addresses = match spec {
                UpstreamSpec::Address(address) => vec![*address],
                UpstreamSpec::System => machine.resolvers.clone(),
                UpstreamSpec::Scoped(_) => Vec::new(),
            };
            for address in addresses {
                if targets.len() < MAX_SERVERS && targets.iter().all(|(known, _)| *known != address) {
                    targets.push((address, name.clone()));
                }
            }
        }
    }
    targets
}

fn ask_servers(
    config: &Config,
    (server, machine): (&Server, &Machine),
    targets: &[(SocketAddr, String)],
) -> Vec<Upstream> {
    let states = server.status().map(|status| &status.upstreams[..]).unwrap_or_default();
    let is_loop = |address: &SocketAddr| {
        would_loop(*address, &config.listen)
            || machine.leads_here(config, address)
            || states.iter().any(|state| state.state == UpstreamState::Looping && state.address == address.to_string())
    };
    let one = |(address, name): &(SocketAddr, String)| {
        let (is_loop, questions) = (is_loop(address), [Question::a(name)]);
        let first = |said: Vec<Said>| said.into_iter().next().unwrap_or(Said::NotAsked);
        let (udp, tcp) = thread::scope(|scope| {
            let tcp = scope.spawn(|| first(ask::tcp(*address, &questions, limits())));
            (first(ask::udp(*address, &questions, limits())), tcp.join().unwrap_or(Said::NotAsked))
        });
        Upstream { address: *address, name: name.clone(), udp, tcp, is_loop }
    };
    side_by_side(targets, one)
}

/// The results of some work on each item, one thread for each.
fn side_by_side<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let threads: Vec<_> = items.iter().map(|item| scope.spawn(|| work(item))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// The upstream that answers and that a name is asked of: the longest suffix wins.
fn route(config: &Config, servers: &[Upstream], name: &str) -> Option<SocketAddr> {
    let name: Name = name.parse().ok()?;
    let mut groups: Vec<&GroupSettings> =
        config.groups.iter().filter(|group| name.is_at_or_below(&group.suffix)).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.suffix.label_count()));
    let answers = |at: &&Upstream| at.udp.reply().is_some() && !at.is_loop;
    let upstreams = &groups.first()?.upstreams;
    let is_named = |at: &&Upstream| {
        upstreams.contains(&UpstreamSpec::Address(at.address)) || upstreams.contains(&UpstreamSpec::System)
    };
    servers.iter().filter(is_named).find(answers).map(|upstream| upstream.address)
}

fn chains(config: &Config, servers: &[Upstream], accounts: &[&Listed]) -> Vec<Chain> {
    let one = |listed: &&Listed| {
        let name = listed.public_name()?;
        let said = ask::udp(route(config, servers, &name)?, &[Question::a(&name)], limits()).into_iter().next()?;
        Some(Chain { name, listed: listed.addresses.clone(), said })
    };
    side_by_side(accounts, one).into_iter().flatten().collect()
}

/// The names by which machines sign in, and by which Azure is asked.
fn entra(server: SocketAddr, cloud: Cloud) -> Vec<(String, Said)> {
    let host = |address: &str| address.trim_start_matches("https://").to_owned();
    let mut names = vec![host(cloud.authority()), host(cloud.arm())];
    if cloud == Cloud::Public {
        names.extend(["login.microsoft.com", "login.windows.net", "graph.microsoft.com"].map(str::to_owned));
    }
    let questions: Vec<Question> = names.iter().map(Question::a).collect();
    let said = ask::udp(server, &questions, limits());
    names.into_iter().zip(said).collect()
}

/// The resolvers to check, each once.
fn resolvers(named: &[Resolver], machine: &Machine) -> Vec<SocketAddr> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for resolver in named {
        let addresses = match resolver {
            Resolver::At(address) => std::slice::from_ref(address),
            Resolver::System => &machine.resolvers[..],
        };
        all.extend(addresses);
    }
    let mut seen = BTreeSet::new();
    all.retain(|address| seen.insert(*address));
    all.truncate(MAX_SERVERS);
    all
}

fn ask_through(resolvers: &[SocketAddr], lists: &Lists, cloud: Cloud) -> Vec<Through> {
    let (accounts, vaults): (Vec<&Listed>, Vec<&Listed>) =
        lists.records.iter().filter(|listed| !listed.is_ipv6()).partition(|listed| listed.public_name().is_some());
    let sample: Vec<&Listed> = spread(&accounts).into_iter().chain(spread(&vaults)).collect();
    let names: Vec<String> =
        sample.iter().map(|listed| listed.public_name().unwrap_or_else(|| listed.name())).collect();
    let questions: Vec<Question> = names.iter().map(Question::a).collect();
    side_by_side(resolvers, |resolver| {
        let said = ask::udp(*resolver, &questions, limits());
        let probe = |((listed, name), said): ((&&Listed, &String), Said)| Probe {
            name: name.clone(),
            listed: listed.addresses.clone(),
            said,
        };
        let probes = sample.iter().zip(&names).zip(said).map(probe).collect();
        Through { resolver: *resolver, cloud, probes }
    })
}
