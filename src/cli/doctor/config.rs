//! Section 1: the config. In: the config as it was read, its problems, and the lists. Out: findings.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::facts::Lists;
use super::finding::{Finding, some};
use super::id::Id;
use crate::cli::sync::is_to_come;
use crate::config::Config;
use crate::diag::{self, Diagnostic, Id as DiagnosticId};
use crate::zone::ViewName;
use crate::zone::store::{folder_of, has_hand_written};

/// Warnings of the config that have a check of their own.
const OWN_CHECK: [DiagnosticId; 4] = [
    DiagnosticId::CONFIG_GEOS_OPEN,
    DiagnosticId::CONFIG_EXPOSED,
    DiagnosticId::CONFIG_NO_ZONE,
    DiagnosticId::PEER_OUTSIDE_ACCESS,
];

/// The length of the shortest IPv4 prefix that can be a subnet's: a whole virtual network.
const WIDE: u8 = 16;

/// As many networks are written into one line; more of them are widened.
const MAX_NETWORKS: usize = 8;

/// Addresses of no network in use (RFC 5737): whoever lets all of them in lets everybody in.
const STRANGERS: [[u8; 4]; 3] = [[192, 0, 2, 1], [198, 51, 100, 1], [203, 0, 113, 1]];

/// All checks of the section.
pub(super) fn check(config: &Config, problems: &[Diagnostic], lists: &Lists, exposed: &[PathBuf]) -> Vec<Finding> {
    let mut found = vec![
        loads(config, problems),
        zones(config),
        geos(config, lists),
        targets(config, lists),
        access(config),
        sources(config, lists),
        listen(config),
        rights(config, exposed),
    ];
    found.extend(peers(config, lists));
    found
}

/// The finding where the config cannot be read at all.
pub(super) fn unreadable(reason: &str) -> Finding {
    let help = format!("name the config file: {}", diag::command(&["doctor"], "FILE"));
    Finding::problem(Id::CONFIG, reason).run(help)
}

fn loads(config: &Config, problems: &[Diagnostic]) -> Finding {
    let file = diag::path(&config.file);
    let lines = |found: &mut dyn Iterator<Item = &Diagnostic>| found.map(ToString::to_string).collect::<Vec<_>>();
    let check = diag::command(&["check"], &file);
    if !problems.is_empty() {
        let problems = lines(&mut problems.iter());
        return Finding::problem(Id::CONFIG, problems.join("\n")).run(format!("mend these lines, then: {check}"));
    }
    let warnings = lines(&mut config.warnings.iter().filter(|found| !OWN_CHECK.contains(&found.id)));
    if warnings.is_empty() {
        return Finding::good(Id::CONFIG, file);
    }
    Finding::warning(Id::CONFIG, warnings.join("\n")).run(check)
}

fn zones(config: &Config) -> Finding {
    if config.zones.hosted.is_empty() {
        let fact = "no zone is hosted but for hand-written files in zone_dir";
        return Finding::problem(Id::ZONES, fact).run("[backup]\ncloud = \"public\"");
    }
    let fed: BTreeSet<&ViewName> = config.sync.sources.iter().filter_map(|source| source.view.as_ref()).collect();
    let by_hand = |view: &&ViewName| has_hand_written(&folder_of(&config.zones.zone_dir, Some(view)));
    let unfed: Vec<&ViewName> =
        config.zones.views.iter().filter(|view| !fed.contains(view)).filter(|view| !by_hand(view)).collect();
    if let [first, ..] = unfed[..] {
        let fact = format!("no source feeds {}: clients there get what the base has", some(&unfed));
        let help =
            format!("in [[views]] of '{first}': sources = [\"NAME\"], the name of a [[sources]]; or remove the view");
        return Finding::warning(Id::ZONES, fact).run(help);
    }
    let zones: Vec<String> = config.zones.hosted.keys().map(crate::dns::Name::without_dot).collect();
    Finding::good(Id::ZONES, format!("{} of them: {}", zones.len(), some(&zones)))
}

fn geos(config: &Config, lists: &Lists) -> Finding {
    let met = lists.geos();
    if config.zones.unread_suffix.is_none() {
        return Finding::good(Id::GEOS, "no zone waits for a list to name its geo code");
    }
    let awaits_first = lists.sources.iter().any(|source| source.problems.to_vec().iter().any(is_to_come));
    if met.is_empty() && lists.records.is_empty() && awaits_first {
        // What to write follows from the first list, and PD106 asks for that.
        return Finding::skipped(
            Id::GEOS,
            "geos is not pinned, and the first list, which may name geo codes, is not there",
        );
    }
    let codes: Vec<String> = met.iter().map(|code| format!("\"{code}\"")).collect();
    let (fact, line) = if met.is_empty() {
        ("geos is not pinned, and no list names a geo code yet".to_owned(), "geos = [\"we\"]".to_owned())
    } else {
        (format!("geos is not pinned; the lists name {}", met.join(", ")), format!("geos = [{}]", codes.join(", ")))
    };
    Finding::warning(Id::GEOS, fact).run(format!("in [backup]: {line}"))
}

/// The listed addresses as subnets, in few enough networks for one line.
fn subnets(lists: &Lists) -> Vec<IpNet> {
    let addresses: BTreeSet<IpAddr> =
        lists.records.iter().flat_map(|listed| listed.addresses.iter().copied()).collect();
    let networks = |v4: u8, v6: u8| {
        let network = |address: &IpAddr| match address {
            IpAddr::V4(address) => Ipv4Net::new(*address, v4).ok().map(|net| IpNet::V4(net.trunc())),
            IpAddr::V6(address) => Ipv6Net::new(*address, v6).ok().map(|net| IpNet::V6(net.trunc())),
        };
        IpNet::aggregate(&addresses.iter().filter_map(network).collect())
    };
    let narrow = networks(24, 64);
    if narrow.len() <= MAX_NETWORKS { narrow } else { networks(WIDE, 48) }
}

fn targets(config: &Config, lists: &Lists) -> Finding {
    let allowed = &config.sync.allowed_targets;
    let is_wide = |network: &&IpNet| match network {
        IpNet::V4(network) => network.prefix_len() < WIDE,
        IpNet::V6(network) => network.prefix_len() < 48,
    };
    let wide: Vec<&IpNet> = allowed.iter().filter(is_wide).collect();
    let in_use = subnets(lists);
    if wide.is_empty() || in_use.is_empty() {
        let shown: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        return Finding::good(Id::TARGETS, some(&shown));
    }
    let quoted: Vec<String> = in_use.iter().map(|network| format!("\"{network}\"")).collect();
    let fact = format!("allowed_targets has {}, but the lists use {}", some(&wide), some(&in_use));
    let help = format!(
        "in [sync], once these are the subnets of the endpoints, and with room for those to come: allowed_targets = [{}]",
        quoted.join(", ")
    );
    Finding::warning(Id::TARGETS, fact).run(help)
}

fn access(config: &Config) -> Finding {
    let strangers = STRANGERS.map(IpAddr::from);
    if config.access.is_closed() {
        let fact = "allow is empty: every client is refused";
        return Finding::problem(Id::ACCESS, fact).run("in [access]: allow = [\"10.0.0.0/8\"]");
    }
    if !strangers.iter().all(|client| config.access.permits(*client)) {
        return Finding::good(Id::ACCESS, "allow names the networks that may ask");
    }
    if strangers.iter().any(|client| config.access.is_unlimited(*client)) {
        let fact = "every address may ask, and without limits";
        let help = "in [access]: allow = [\"10.0.0.0/8\"]; or, if strangers have to ask, [limits] with trusted = \
                    [\"10.0.0.0/8\"]";
        return Finding::problem(Id::ACCESS, fact).run(help);
    }
    Finding::warning(Id::ACCESS, "every address may ask, within [limits]")
        .run("if no stranger has to ask, in [access]: allow = [\"10.0.0.0/8\"]")
}

fn sources(config: &Config, lists: &Lists) -> Finding {
    let sources = &config.sync.sources;
    if sources.is_empty() {
        let fact = "no source is configured: nothing fills the zones";
        return Finding::warning(Id::SOURCES, fact)
            .run("[[sources]]\nname = \"vault-we\"\npath = \"config/endpoints/vault-we.txt\"");
    }
    let away: Vec<Diagnostic> =
        lists.sources.iter().flat_map(|source| source.problems.to_vec()).filter(is_away).collect();
    if away.is_empty() {
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        return Finding::good(Id::SOURCES, format!("{} configured: {}", names.len(), some(&names)));
    }
    let facts = away.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    if !away.iter().any(Diagnostic::is_error) {
        return Finding::warning(Id::SOURCES, facts).run("put the list there, and let everybody read it: chmod 644");
    }
    Finding::problem(Id::SOURCES, facts).run("correct the path of the source, or put the list there")
}

/// Whether a problem of a source is that its list is not there.
pub(super) fn is_away(found: &Diagnostic) -> bool {
    found.id == DiagnosticId::SOURCE_NO_FILES || found.id == DiagnosticId::LIST_UNREADABLE
}

fn listen(config: &Config) -> Finding {
    let shown: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let is_loopback = |address: &std::net::SocketAddr| address.ip().to_canonical().is_loopback();
    if !config.listen.iter().all(is_loopback) {
        return Finding::good(Id::LISTEN, some(&shown));
    }
    let fact = format!("the server listens on {} alone: no other machine can reach it", some(&shown));
    let help = "the machine's own address: listen = [\"10.0.0.4:53\"]; fine as it is if another server on this machine \
                forwards here";
    Finding::warning(Id::LISTEN, fact).run(help)
}

/// Peers have a check where there are any.
fn peers(config: &Config, lists: &Lists) -> Option<Finding> {
    let all: Vec<&str> = config.transfer.peers.iter().map(|peer| &*peer.name).collect();
    let outside = config.warnings.iter().filter(|found| found.id == DiagnosticId::PEER_OUTSIDE_ACCESS);
    let facts: Vec<String> = outside.chain(&lists.peers).map(ToString::to_string).collect();
    let finding = if facts.is_empty() {
        Finding::good(Id::PEERS, format!("{} configured: {}", all.len(), some(&all)))
    } else {
        let check = diag::command(&["check"], &diag::path(&config.file));
        Finding::warning(Id::PEERS, facts.join("\n")).run(format!("mend [[peers]] or [access], then: {check}"))
    };
    (!all.is_empty()).then_some(finding)
}

fn rights(config: &Config, exposed: &[PathBuf]) -> Finding {
    let own = config.warnings.iter().filter(|found| found.id == DiagnosticId::CONFIG_EXPOSED).map(ToString::to_string);
    let secrets =
        exposed.iter().map(|file| format!("{}: every user of this machine may read this secret", diag::path(file)));
    let facts: Vec<String> = own.chain(secrets).collect();
    if facts.is_empty() {
        return Finding::good(Id::EXPOSED, "nobody else may write the config or read its secrets");
    }
    let mut files: Vec<String> = exposed.iter().map(|file| diag::path(file)).collect();
    if facts.len() > exposed.len() {
        files.insert(0, diag::path(&config.file));
    }
    Finding::problem(Id::EXPOSED, facts.join("\n")).run(format!("chmod o-rw {}", files.join(" ")))
}
