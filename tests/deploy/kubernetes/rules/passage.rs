//! What the `NetworkPolicy` objects let through, asked as a packet would: between which pod and whom, to which port.
//!
//! A policy that selects a pod closes each direction of its `policyTypes` but for its rules. A rule without peers is
//! for everybody, one without ports for every port, and a pod that no policy selects is open: none of that is an error
//! to the API server, and each is an outage or a hole.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::super::pods::{Pod, list, of_kind, selects, text};
use super::network::{Port, port, reachable};

/// Who is at the other end.
enum Peer {
    Address(Ipv4Addr),
    /// Namespace and labels.
    Pod(&'static str, Value),
}

/// A direction: what `policyTypes` calls it, and the keys of its rules and of their peers.
struct Direction(&'static str, &'static str, &'static str);

const IN: Direction = Direction("Ingress", "ingress", "from");
const OUT: Direction = Direction("Egress", "egress", "to");

/// An address of somebody else (RFC 5737), and the metadata service of a node in Azure.
const STRANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Every packet that passes and should not, or the other way round.
pub(super) fn packets(pod: &Pod<'_>) -> Vec<String> {
    let mut wrong = incoming(pod);
    wrong.extend(outgoing(pod));
    if pod.owner["kind"] == "StatefulSet" {
        // The namespace is ours alone: nothing else in it talks to anybody.
        let other = json!({ "app": "other" });
        wrong.extend(differs(pod, &other, &IN, &Peer::Pod("shop", json!({})), &port("TCP", 80), false));
        wrong.extend(differs(pod, &other, &OUT, &Peer::Address(STRANGER), &port("TCP", 443), false));
    }
    wrong
}

fn incoming(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let allowed = config["access"]["allow"].as_array().into_iter().flatten().filter_map(toml::Value::as_str);
    let allowed: Vec<Ipv4Addr> =
        allowed.filter_map(network).filter(|(first, _)| !first.is_loopback()).flat_map(<[_; 2]>::from).collect();
    let mut wrong = Vec::new();
    for (what, to) in reachable(pod) {
        for address in &allowed {
            wrong.extend(differs(pod, pod.labels, &IN, &Peer::Address(*address), &to, what == "dns"));
        }
        wrong.extend(differs(pod, pod.labels, &IN, &Peer::Pod("shop", json!({})), &to, what == "dns"));
        wrong.extend(differs(pod, pod.labels, &IN, &Peer::Address(STRANGER), &to, false));
        let is_read = what == "metrics";
        wrong.extend(differs(pod, pod.labels, &IN, &Peer::Pod("monitoring", json!({})), &to, is_read || what == "dns"));
    }
    for peer in [Peer::Pod("shop", json!({})), Peer::Address(STRANGER), Peer::Address(Ipv4Addr::new(10, 0, 0, 9))] {
        wrong.extend(differs(pod, pod.labels, &IN, &peer, &port("TCP", 22), false));
    }
    wrong
}

fn outgoing(pod: &Pod<'_>) -> Vec<String> {
    let config = pod.config();
    let mut wrong = Vec::new();
    let mut expect = |peer: Peer, to: Port, is_open: bool| {
        wrong.extend(differs(pod, pod.labels, &OUT, &peer, &to, is_open));
    };
    let upstreams = config["forward"]["upstreams"].as_array().into_iter().flatten().filter_map(toml::Value::as_str);
    for upstream in upstreams.filter_map(|upstream| upstream.parse().ok()) {
        expect(Peer::Address(upstream), port("UDP", 53), true);
        expect(Peer::Address(upstream), port("TCP", 53), true);
    }
    let has_cluster = config["forward"].get("rules").is_some();
    for protocol in ["UDP", "TCP"] {
        let dns = json!({ "k8s-app": "kube-dns" });
        expect(Peer::Pod("kube-system", dns), port(protocol, 53), has_cluster);
        expect(Peer::Pod("kube-system", json!({ "app": "other" })), port(protocol, 53), false);
        expect(Peer::Address(STRANGER), port(protocol, 53), false);
    }
    // Azure: for a live source, and for the job beside a sidecar.
    let is_live = config["sources"].as_array().into_iter().flatten().any(|source| source.get("kind").is_some());
    expect(Peer::Address(STRANGER), port("TCP", 443), is_live || pod.owner["kind"] != "StatefulSet");
    expect(Peer::Address(STRANGER), port("TCP", 80), false);
    expect(Peer::Address(METADATA), port("TCP", 80), false);
    expect(Peer::Address(METADATA), port("TCP", 443), false);
    expect(Peer::Pod("shop", json!({})), port("TCP", 8080), false);
    wrong
}

/// A line if a packet passes and should not, or the other way round.
fn differs(pod: &Pod<'_>, of: &Value, direction: &Direction, peer: &Peer, to: &Port, wanted: bool) -> Option<String> {
    let Direction(name, ..) = direction;
    let whom = match peer {
        Peer::Address(address) => address.to_string(),
        Peer::Pod(namespace, labels) => format!("a pod of '{namespace}' with {labels}"),
    };
    let is = passes(pod, of, direction, peer, to);
    let line = || format!("{name} of a pod with {of}: {whom}, port {} over {}: open is {is}, not {wanted}", to.1, to.0);
    (is != wanted).then(line)
}

/// Whether a packet passes between a pod with these labels, in the namespace of our pod, and a peer.
fn passes(pod: &Pod<'_>, labels: &Value, direction: &Direction, peer: &Peer, to: &Port) -> bool {
    let Direction(name, key, peers) = direction;
    let namespace = &pod.owner["metadata"]["namespace"];
    let holds = |policy: &&Value| {
        let (spec, types) = (&policy["spec"], &policy["spec"]["policyTypes"]);
        // Without `policyTypes` the API server writes Ingress, and Egress where rules of it are.
        let by_default = *name == "Ingress" || spec.get("egress").is_some();
        let is_of_type = if types.is_array() { list(types).any(|one| one == name) } else { by_default };
        policy["metadata"]["namespace"] == *namespace && matches(&spec["podSelector"], labels) && is_of_type
    };
    let mut policies = of_kind(pod.objects, "NetworkPolicy").filter(holds).peekable();
    let lets = |rule: &Value| {
        has_port(&rule["ports"], to)
            && (list(&rule[*peers]).next().is_none()
                || list(&rule[*peers]).any(|one| is_peer(one, peer, text(namespace))))
    };
    policies.peek().is_none() || policies.any(|policy| list(&policy["spec"][*key]).any(lets))
}

/// A selector; one with expressions, which nothing here reads, selects nobody.
fn matches(selector: &Value, labels: &Value) -> bool {
    let everybody = json!({});
    selector.get("matchExpressions").is_none() && selects(selector.get("matchLabels").unwrap_or(&everybody), labels)
}

fn has_port(ports: &Value, (protocol, wanted): &Port) -> bool {
    list(ports).next().is_none()
        || list(ports).any(|one| {
            let first = one["port"].as_u64();
            let last = one["endPort"].as_u64().or(first);
            let is_within = first.is_none_or(|first| first <= *wanted) && last.is_none_or(|last| *wanted <= last);
            one["protocol"].as_str().unwrap_or("TCP") == protocol && is_within
        })
}

fn is_peer(rule: &Value, peer: &Peer, own: &str) -> bool {
    match peer {
        Peer::Address(address) => {
            let is_in =
                |cidr: &Value| network(text(cidr)).is_some_and(|(first, last)| (first..=last).contains(address));
            is_in(&rule["ipBlock"]["cidr"]) && !list(&rule["ipBlock"]["except"]).any(is_in)
        }
        Peer::Pod(namespace, labels) => {
            let of_namespace = match rule.get("namespaceSelector") {
                Some(selector) => matches(selector, &json!({ "kubernetes.io/metadata.name": namespace })),
                None => rule.get("podSelector").is_some() && *namespace == own,
            };
            of_namespace && rule.get("podSelector").is_none_or(|selector| matches(selector, labels))
        }
    }
}

/// The first and the last address of a network.
fn network(cidr: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let (address, bits) = cidr.split_once('/')?;
    let (address, bits) = (u32::from(address.parse::<Ipv4Addr>().ok()?), bits.parse::<u32>().ok()?);
    let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
    Some((Ipv4Addr::from(address & !hosts), Ipv4Addr::from(address | hosts)))
}

#[test]
fn a_network_has_its_first_and_its_last_address() {
    let of = |cidr| network(cidr).map(|(first, last)| (first.to_string(), last.to_string()));
    let pair = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
    assert_eq!(of("172.16.0.0/12"), pair("172.16.0.0", "172.31.255.255"));
    assert_eq!(of("168.63.129.16/32"), pair("168.63.129.16", "168.63.129.16"));
    assert_eq!(of("0.0.0.0/0"), pair("0.0.0.0", "255.255.255.255"));
    assert_eq!(of("fd00::/8"), None);
}
