//! Section 3: the servers that are asked for all else, the public chains of listed accounts, names that must be
//! public, and resolvers that should forward to this server.
//!
//! In: what each of them answered. Out: findings; `upstream/gather.rs` asks.

pub(super) mod gather;
pub(super) mod through;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::ResponseCode;

use super::ask::{Reply, Said, rcode};
use super::facts::joined;
use super::finding::{Finding, lines};
use super::id::Id;
use super::served::has_hop;
use crate::azure;

/// An answer that takes longer is slow.
const SLOW: Duration = Duration::from_secs(1);

/// An upstream and its answers.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// Its address.
    pub(super) address: SocketAddr,
    /// The name that it was asked for.
    pub(super) name: String,
    /// Over UDP.
    pub(super) udp: Said,
    /// Over TCP.
    pub(super) tcp: Said,
    /// Whether it is one of our own listen addresses, or the server found that it leads back.
    pub(super) is_loop: bool,
}

/// An account and what an upstream says of its public name.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// The public name.
    pub(super) name: String,
    /// The listed addresses.
    pub(super) listed: Vec<IpAddr>,
    /// The upstream's answer.
    pub(super) said: Said,
}

/// Everything that was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Upstreams {
    /// Each upstream.
    pub(super) servers: Vec<Upstream>,
    /// Entries of `upstreams` that name no server now.
    pub(super) absent: Vec<String>,
    /// A sample of listed accounts.
    pub(super) chains: Vec<Chain>,
    /// Names of Entra and ARM.
    pub(super) entra: Vec<(String, Said)>,
    /// Whether this machine is in Azure; `None` if that is not known.
    pub(super) is_azure: Option<bool>,
    /// Resolvers that should forward to this server.
    pub(super) through: Vec<through::Through>,
}

/// All checks of the section.
pub(super) fn check(found: &Upstreams) -> Vec<Finding> {
    let mut findings = vec![
        transport(Id::UPSTREAM_UDP, "UDP", found, |upstream| &upstream.udp),
        transport(Id::UPSTREAM_TCP, "TCP", found, |upstream| &upstream.tcp),
        speed(found),
        azure_resolver(found),
        loops(found),
        chains(found),
        entra(found),
    ];
    findings.extend(through::check(&found.through));
    findings
}

fn transport(id: Id, transport: &str, found: &Upstreams, said: impl Fn(&Upstream) -> &Said) -> Finding {
    if found.servers.is_empty() {
        let fact = if found.absent.is_empty() { "none is configured".to_owned() } else { found.absent.join("; ") };
        return Finding::problem(id, fact)
            .run("in [forward]: upstreams = [\"168.63.129.16\"] in Azure, else the site's resolver");
    }
    let (mut silent, mut failing) = (Vec::new(), Vec::new());
    for upstream in &found.servers {
        match said(upstream) {
            Said::Reply(Reply { rcode: code @ (ResponseCode::ServFail | ResponseCode::Refused), .. }) => {
                failing.push(format!("{} answers {} for {}", upstream.address, rcode(*code), upstream.name));
            }
            Said::Reply(_) => {}
            other => silent.push(format!("{}: {}", upstream.address, other.shown())),
        }
    }
    let help = format!(
        "dig {}@{} {}{}; look for a firewall in between, or name other upstreams",
        if transport == "TCP" { "+tcp " } else { "" },
        found.servers[0].address.ip(),
        if found.servers[0].address.port() == 53 {
            String::new()
        } else {
            format!("-p {} ", found.servers[0].address.port())
        },
        found.servers[0].name
    );
    let facts: Vec<String> = silent.iter().chain(&failing).cloned().chain(found.absent.iter().cloned()).collect();
    if facts.is_empty() {
        return Finding::good(id, format!("{} answered over {transport}", found.servers.len()));
    }
    // The others stand in for one of several.
    let is_all = silent.len() + failing.len() == found.servers.len();
    let finding = if is_all { Finding::problem(id, lines(&facts)) } else { Finding::warning(id, lines(&facts)) };
    finding.run(help)
}

fn speed(found: &Upstreams) -> Finding {
    let timed = |upstream: &Upstream| Some((upstream.address, upstream.udp.reply()?.took));
    let times: Vec<(SocketAddr, Duration)> = found.servers.iter().filter_map(timed).collect();
    let shown = |(address, took): &(SocketAddr, Duration)| format!("{address} took {} ms", took.as_millis());
    let slow: Vec<String> = times.iter().filter(|(_, took)| *took > SLOW).map(shown).collect();
    match (slow.is_empty(), times.iter().max_by_key(|(_, took)| *took)) {
        (false, _) => Finding::warning(Id::UPSTREAM_SPEED, lines(&slow)).run("put the nearer one first in upstreams"),
        (true, Some(slowest)) => Finding::good(Id::UPSTREAM_SPEED, shown(slowest)),
        (true, None) => Finding::skipped(Id::UPSTREAM_SPEED, "none answered"),
    }
}

fn azure_resolver(found: &Upstreams) -> Finding {
    let has = |ip: IpAddr| found.servers.iter().find(|upstream| upstream.address.ip() == ip);
    if has(azure::RESOLVER_MISPRINT).is_some() {
        let fact = format!("{} is a misprint in many pages: nothing answers there", azure::RESOLVER_MISPRINT);
        return Finding::problem(Id::AZURE_RESOLVER, fact)
            .run(format!("in [forward]: upstreams = [\"{}\"]", azure::RESOLVER));
    }
    let Some(upstream) = has(azure::RESOLVER) else {
        return Finding::good(Id::AZURE_RESOLVER, "it is not among the upstreams");
    };
    let answers = upstream.udp.reply().is_some() || upstream.tcp.reply().is_some();
    match (found.is_azure, answers) {
        (_, true) => Finding::good(Id::AZURE_RESOLVER, "it answers"),
        (Some(true), false) => Finding::problem(Id::AZURE_RESOLVER, "this machine is in Azure, and it does not answer")
            .run("look for a network security group with the tag AzurePlatformDNS, or a firewall on this machine"),
        (_, false) => Finding::problem(
            Id::AZURE_RESOLVER,
            "it does not answer: this machine seems to be outside of Azure",
        )
        .run(
            "in [forward]: upstreams = [\"<the site's own resolver>\"], or the inbound endpoint of a private resolver",
        ),
    }
}

fn loops(found: &Upstreams) -> Finding {
    let looping: Vec<String> = found
        .servers
        .iter()
        .filter(|upstream| upstream.is_loop)
        .map(|upstream| format!("{} leads back to this server", upstream.address))
        .collect();
    if looping.is_empty() {
        return Finding::good(Id::LOOP, "none of them leads back here");
    }
    Finding::problem(Id::LOOP, lines(&looping)).run(
        "in a VNet of Azure whose DNS is this server: [forward] upstreams = [\"168.63.129.16\"]; elsewhere have that \
         server forward all but our zones to another one",
    )
}

/// Whether an address is one that the internet does not route.
pub(super) fn is_private(address: &IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Whether an address is valid on one link alone.
pub(super) fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn chains(found: &Upstreams) -> Finding {
    let asked: Vec<&Chain> = found.chains.iter().filter(|chain| chain.said.reply().is_some()).collect();
    if asked.is_empty() {
        return Finding::skipped(Id::CHAINS, "no account is listed, or no upstream answers");
    }
    let (mut wrong, mut odd) = (Vec::new(), Vec::new());
    for chain in &asked {
        let Some(reply) = chain.said.reply() else { continue };
        let name = &chain.name;
        let has_private = reply.addresses.iter().any(is_private);
        match reply.rcode {
            ResponseCode::NXDomain if has_hop(reply) => odd.push(format!(
                "{name}: the upstream has a zone of its own for the private name, and it lacks this account"
            )),
            ResponseCode::NXDomain => wrong.push(format!("{name}: NXDOMAIN, so there is no such account")),
            ResponseCode::NoError if has_private && reply.addresses == chain.listed => odd.push(format!(
                "{name}: the upstream gives {} by itself, from another private zone",
                joined(&reply.addresses)
            )),
            ResponseCode::NoError if has_private => wrong.push(format!(
                "{name}: the upstream gives {} by itself, from another private zone; listed {}",
                joined(&reply.addresses),
                joined(&chain.listed)
            )),
            ResponseCode::NoError if !has_hop(reply) => wrong
                .push(format!("{name}: {}, no privatelink hop: no private endpoint of it is approved", reply.shown())),
            ResponseCode::NoError => {}
            code => odd.push(format!("{name}: {}", rcode(code))),
        }
    }
    let help = "approve the endpoint's connection in the portal, take accounts that are gone out of the lists, and unlink \
                private zones of the same name from the upstream's network";
    let facts: Vec<String> = wrong.iter().chain(&odd).cloned().collect();
    match (wrong.is_empty(), odd.is_empty()) {
        (true, true) => Finding::good(Id::CHAINS, format!("{} asked, each by way of its private name", asked.len())),
        (true, false) => Finding::warning(Id::CHAINS, lines(&facts)).run(help),
        (false, _) => Finding::problem(Id::CHAINS, lines(&facts)).run(help),
    }
}

fn entra(found: &Upstreams) -> Finding {
    let answered: Vec<(&String, &Reply)> =
        found.entra.iter().filter_map(|(name, said)| Some((name, said.reply()?))).collect();
    if answered.is_empty() {
        return Finding::skipped(Id::ENTRA, "nobody could be asked");
    }
    let (mut private, mut none) = (Vec::new(), Vec::new());
    for (name, reply) in &answered {
        if reply.addresses.iter().any(is_private) {
            private.push(format!("{name}: {}, which is private", joined(&reply.addresses)));
        } else if reply.addresses.is_empty() {
            none.push(format!("{name}: {}", reply.shown()));
        }
    }
    if !private.is_empty() {
        return Finding::problem(Id::ENTRA, lines(&private))
            .run("find who answers for these names: a private zone or a hosts file; take it away");
    }
    if found.servers.iter().all(|upstream| upstream.udp.reply().is_none() && upstream.tcp.reply().is_none()) {
        return Finding::skipped(Id::ENTRA, "no upstream answers");
    }
    if !none.is_empty() {
        return Finding::warning(Id::ENTRA, lines(&none)).run("see the checks of the upstreams above");
    }
    Finding::good(Id::ENTRA, format!("{} asked, each has a public address", answered.len()))
}
