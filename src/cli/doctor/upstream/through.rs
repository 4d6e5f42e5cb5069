//! Resolvers that clients ask and that should forward to this server: whether listed names lead to private addresses
//! there, and if not, why.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::ResponseCode;

use super::is_private;
use crate::cli::doctor::ask::Said;
use crate::cli::doctor::facts::joined;
use crate::cli::doctor::finding::{Finding, lines};
use crate::cli::doctor::id::Id;

/// A listed name as a client asks for it, and the resolver's answer.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Probe {
    /// The name: of an account its public one.
    pub(in crate::cli::doctor) name: String,
    /// The listed addresses.
    pub(in crate::cli::doctor) listed: Vec<IpAddr>,
    /// The resolver's answer.
    pub(in crate::cli::doctor) said: Said,
}

/// A resolver and its answers.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Through {
    /// Its address.
    pub(in crate::cli::doctor) resolver: SocketAddr,
    /// A sample of listed names.
    pub(in crate::cli::doctor) probes: Vec<Probe>,
}

/// What an answer says of a resolver, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The private address.
    Private,
    /// Another private address.
    Another,
    /// The public address: the name was not asked of this server.
    Public,
    /// No such name: it was asked elsewhere, since this server has it.
    Unknown,
    /// The name, and no address of it: private addresses are dropped.
    Nothing,
    /// The resolver refuses or fails.
    Fails,
    /// No answer at all.
    Silent,
}

fn way(probe: &Probe) -> Way {
    match &probe.said {
        Said::Reply(reply) if reply.addresses == probe.listed => Way::Private,
        Said::Reply(reply) if reply.addresses.iter().any(is_private) => Way::Another,
        Said::Reply(reply) if !reply.addresses.is_empty() => Way::Public,
        Said::Reply(reply) if reply.rcode == ResponseCode::NoError => Way::Nothing,
        Said::Reply(reply) if reply.rcode == ResponseCode::NXDomain => Way::Unknown,
        Said::Reply(_) => Way::Fails,
        _ => Way::Silent,
    }
}

/// One finding for each resolver.
pub(in crate::cli::doctor) fn check(through: &[Through]) -> Vec<Finding> {
    if through.is_empty() {
        let fact = "name a resolver of clients to have it checked, for example --through 10.0.0.10";
        return vec![Finding::skipped(Id::THROUGH, fact)];
    }
    through.iter().map(resolver).collect()
}

fn resolver(through: &Through) -> Finding {
    let at = through.resolver;
    if through.probes.is_empty() {
        return Finding::skipped(Id::THROUGH, format!("{at}: no name is listed that it could be asked for"));
    }
    let ways: Vec<(&Probe, Way)> = through.probes.iter().map(|probe| (probe, way(probe))).collect();
    let bad: Vec<String> = ways
        .iter()
        .filter(|(_, way)| *way != Way::Private)
        .map(|(probe, _)| format!("{}: {}, listed {}", probe.name, probe.said.shown(), joined(&probe.listed)))
        .collect();
    if bad.is_empty() {
        return Finding::good(Id::THROUGH, format!("{at} gives the private address of {} names", ways.len()));
    }
    let (reason, help) = reason(&ways);
    Finding::problem(Id::THROUGH, format!("{at} {reason}:\n{}", lines(&bad))).run(help)
}

fn reason(ways: &[(&Probe, Way)]) -> (&'static str, &'static str) {
    const FORWARD: &str = "have it forward these names to this server, the public ones too: backup.windowsazure.com, \
                           blob.core.windows.net, queue.core.windows.net, storage.azure.net; a rule for privatelink.* \
                           alone is never asked, since the resolver gets the whole public chain from elsewhere";
    const REBIND: &str = "allow private addresses for core.windows.net, backup.windowsazure.com and storage.azure.net:\n\
                          dnsmasq: --rebind-domain-ok=/core.windows.net/ (or no --stop-dns-rebind)\n\
                          Unbound, pfSense, OPNsense: private-domain: \"core.windows.net\"\n\
                          Knot Resolver, AdGuard, FRITZ!Box: an exception from DNS rebinding protection";
    let is = |wanted: &[Way]| ways.iter().any(|(_, way)| wanted.contains(way));
    if is(&[Way::Silent]) {
        return ("does not answer", "look for a firewall on the way, and whether it runs");
    }
    if is(&[Way::Nothing]) {
        return ("drops private addresses (rebinding protection)", REBIND);
    }
    if is(&[Way::Public, Way::Unknown]) && is(&[Way::Private]) {
        return ("forwards some of these names here, and asks elsewhere for others", FORWARD);
    }
    if is(&[Way::Public, Way::Unknown]) {
        return ("does not forward these names to this server", FORWARD);
    }
    if is(&[Way::Fails]) {
        return ("refuses or fails", "look into its log; its forwarder, this server, may be out of reach for it");
    }
    (
        "gives other private addresses",
        "another private zone or hosts file answers there; take it away, or mend the lists",
    )
}
