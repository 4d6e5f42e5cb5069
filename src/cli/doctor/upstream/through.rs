//! Resolvers that clients ask and that should forward to this server: whether listed names lead to private addresses
//! there, and if not, why.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::ResponseCode;

use super::is_private;
use crate::azure::{Cloud, forwarded_suffixes};
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
    /// The cloud whose names it should forward.
    pub(in crate::cli::doctor) cloud: Cloud,
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
    let (reason, help) = reason(&ways, through.cloud);
    Finding::problem(Id::THROUGH, format!("{at} {reason}:\n{}", lines(&bad))).run(help)
}

/// What is wrong, and what helps.
fn reason(ways: &[(&Probe, Way)], cloud: Cloud) -> (&'static str, String) {
    let is = |wanted: &[Way]| ways.iter().any(|(_, way)| wanted.contains(way));
    if is(&[Way::Silent]) {
        return ("does not answer", "look for a firewall on the way, and whether it runs".to_owned());
    }
    if is(&[Way::Nothing]) {
        return ("drops private addresses (rebinding protection)", exempt(cloud));
    }
    if is(&[Way::Public, Way::Unknown]) && is(&[Way::Private]) {
        return ("forwards some of these names here, and asks elsewhere for others", forward(cloud));
    }
    if is(&[Way::Public, Way::Unknown]) {
        return ("does not forward these names to this server", forward(cloud));
    }
    if is(&[Way::Fails]) {
        let help = "look into its log; its forwarder, this server, may be out of reach for it, or BIND's \
                    deny-answer-addresses refuses private addresses (docs/forwarders.md)";
        return ("refuses or fails", help.to_owned());
    }
    let help = "another private zone or hosts file answers there; take it away, or mend the lists";
    ("gives other private addresses", help.to_owned())
}

fn forward(cloud: Cloud) -> String {
    format!(
        "have it forward to this server {}; rules for privatelink.* alone are not enough for many resolvers \
         (docs/forwarders.md)",
        forwarded_suffixes(cloud).join(", ")
    )
}

fn exempt(cloud: Cloud) -> String {
    let suffixes = forwarded_suffixes(cloud);
    format!(
        "allow private addresses for {}:\ndnsmasq: rebind-domain-ok=/{}/ (or no stop-dns-rebind)\n\
         Unbound, pfSense, OPNsense: private-domain, one for each\n\
         Knot Resolver, AdGuard, FRITZ!Box: an exception from DNS rebinding protection",
        suffixes.join(", "),
        suffixes.join("/")
    )
}
