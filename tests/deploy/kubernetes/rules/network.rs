//! Ports and networks: the config against the ports of the pod, the Services and the policies.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::super::pods::{Pod, list, of_kind, selects, text};
use super::unless;

/// A transport and a port.
pub(super) type Port = (String, u64);

pub(super) fn port(protocol: &str, number: u64) -> Port {
    (protocol.to_owned(), number)
}

/// The ports of the config that others than the pod's own containers can reach, by what they are for.
pub(super) fn reachable(pod: &Pod<'_>) -> Vec<(&'static str, Port)> {
    let config = pod.config();
    let admin = |key: &str| config.get("admin").and_then(|admin| admin.get(key)?.as_str()?.parse::<SocketAddr>().ok());
    let listen = config["listen"].as_array().into_iter().flatten().filter_map(|one| one.as_str()?.parse().ok());
    let dns = listen.flat_map(|address: SocketAddr| [("dns", "UDP", address), ("dns", "TCP", address)]);
    let encrypted = ["dot", "doh"].into_iter().filter_map(|key| config.get(key)?.get("listen")?.as_array());
    let encrypted = encrypted.flatten().filter_map(|one| Some(("dns", "TCP", one.as_str()?.parse().ok()?)));
    let http = [("metrics", admin("listen")), ("probe", admin("probe"))];
    let http = http.into_iter().filter_map(|(what, address)| Some((what, "TCP", address?)));
    let all = dns.chain(encrypted).chain(http).filter(|(_, _, address)| !address.ip().is_loopback());
    all.map(|(what, protocol, address)| (what, port(protocol, address.port().into()))).collect()
}

/// The ports of a list of the API; TCP where none is said.
fn ports<'a>(value: &'a Value, key: &'a str) -> impl Iterator<Item = Port> + 'a {
    list(value).map(move |one| port(one["protocol"].as_str().unwrap_or("TCP"), one[key].as_u64().unwrap_or_default()))
}

/// The container declares just what the server listens on.
pub(super) fn container_ports(pod: &Pod<'_>) -> Vec<String> {
    let wanted: BTreeSet<Port> = reachable(pod).into_iter().map(|(_, port)| port).collect();
    let found: BTreeSet<Port> = ports(&pod.server["ports"], "containerPort").collect();
    unless(found == wanted, || format!("ports: the container has {found:?}, the config {wanted:?}"))
}

/// A Service for clients has port 53 over UDP and TCP and those of clients that encrypt, and leads to ready pods; the one
/// for each pod, to all of them. A load balancer leaves the client's address as it is.
pub(super) fn services(pod: &Pod<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    // A name leads to the port of that name and of the Service's protocol: else there is no endpoint.
    let behind = |one: &Value| {
        let is_same =
            |key: &str, other: &Value| one[key].as_str().unwrap_or("TCP") == other[key].as_str().unwrap_or("TCP");
        let is_it = |other: &&Value| other["name"] == one["targetPort"] && is_same("protocol", other);
        list(&pod.server["ports"]).find(is_it).is_some_and(|other| other["containerPort"] == one["port"])
    };
    let asked: Vec<Port> =
        reachable(pod).into_iter().filter(|(what, _)| *what == "dns").map(|(_, port)| port).collect();
    for service in of_kind(pod.objects, "Service") {
        let (name, spec) = (text(&service["metadata"]["name"]), &service["spec"]);
        let found: BTreeSet<Port> = ports(&spec["ports"], "port").collect();
        let lost = asked.iter().filter(|port| !found.contains(port));
        wrong.extend(lost.map(|(protocol, number)| format!("Service '{name}': no port {number} over {protocol}")));
        let unknown = list(&spec["ports"]).find(|one| !behind(one));
        wrong.extend(unknown.map(|one| format!("Service '{name}': the container has no port as in {one}")));
        let (is_headless, has_all) = (spec["clusterIP"] == "None", spec["publishNotReadyAddresses"] == true);
        wrong.extend(unless(is_headless == has_all, || format!("Service '{name}': publishNotReadyAddresses")));
        let is_balancer = spec["type"] == "LoadBalancer";
        wrong.extend(unless(!is_balancer || spec["externalTrafficPolicy"] == "Local", || {
            format!("Service '{name}': externalTrafficPolicy hides the clients from [access]")
        }));
        wrong.extend(unless(spec["internalTrafficPolicy"] != "Local", || {
            format!("Service '{name}': internalTrafficPolicy leaves pods on most nodes without an answer")
        }));
        // Without this one Azure gives the Service a public address.
        let internal = &service["metadata"]["annotations"]["service.beta.kubernetes.io/azure-load-balancer-internal"];
        let is_inside = if is_balancer { internal == "true" } else { spec["type"] == "ClusterIP" };
        wrong.extend(unless(is_inside, || format!("Service '{name}': it can be reached from outside the network")));
    }
    wrong
}

/// The rules of the policies that hold for the pod; each with its peers and its ports.
fn rules<'a>(pod: &'a Pod<'_>, key: &'a str, peers: &'a str) -> Vec<(&'a Value, BTreeSet<Port>)> {
    let policies = of_kind(pod.objects, "NetworkPolicy");
    let ours = policies.filter(|policy| selects(&policy["spec"]["podSelector"]["matchLabels"], pod.labels));
    let all = ours.flat_map(|policy| list(&policy["spec"][key]));
    all.map(|rule| (&rule[peers], ports(&rule["ports"], "port").collect())).collect()
}

/// The networks of the rules with this port.
fn networks(rules: &[(&Value, BTreeSet<Port>)], wanted: &Port) -> BTreeSet<String> {
    let with_it = rules.iter().filter(|(_, ports)| ports.contains(wanted));
    with_it.flat_map(|(peers, _)| list(peers)).map(|peer| text(&peer["ipBlock"]["cidr"]).to_owned()).collect()
}

/// Port 53 is open to the networks that may ask, metrics to somebody, probes to nobody but the node.
pub(super) fn policy_in(pod: &Pod<'_>) -> Vec<String> {
    let rules = rules(pod, "ingress", "from");
    let allow = pod.config()["access"]["allow"].as_array().cloned().unwrap_or_default();
    let allow = allow.iter().filter_map(toml::Value::as_str).map(str::to_owned);
    let allowed: BTreeSet<String> = allow.filter(|network| !network.starts_with("127.")).collect();
    let mut wrong = Vec::new();
    for (what, wanted) in reachable(pod) {
        let is_open = rules.iter().any(|(_, ports)| ports.contains(&wanted));
        let name = format!("NetworkPolicy: port {} over {}", wanted.1, wanted.0);
        wrong.extend(unless(is_open == (what != "probe"), || format!("{name}: open is {is_open}")));
        let mut found = networks(&rules, &wanted);
        found.remove("");
        wrong.extend(unless(what != "dns" || !is_open || found == allowed, || {
            format!("{name}: {found:?} is not [access] allow {allowed:?}")
        }));
    }
    let known: BTreeSet<Port> = reachable(pod).into_iter().map(|(_, port)| port).collect();
    let more: Vec<&Port> = rules.iter().flat_map(|(_, ports)| ports).filter(|port| !known.contains(port)).collect();
    wrong.extend(unless(more.is_empty(), || format!("NetworkPolicy: nothing listens on {more:?}")));
    wrong
}

/// The upstreams are addresses that a policy lets the pod reach over UDP and TCP, and a live source reaches Azure.
pub(super) fn policy_out(pod: &Pod<'_>) -> Vec<String> {
    let (config, rules) = (pod.config(), rules(pod, "egress", "to"));
    let mut wrong = Vec::new();
    for upstream in config["forward"]["upstreams"].as_array().into_iter().flatten().filter_map(toml::Value::as_str) {
        if upstream.parse::<std::net::IpAddr>().is_err() {
            wrong.push(format!("upstream {upstream}: not by address, so it may lead back here"));
            continue;
        }
        let is_open = |protocol| networks(&rules, &port(protocol, 53)).contains(&format!("{upstream}/32"));
        wrong
            .extend(unless(is_open("UDP") && is_open("TCP"), || format!("upstream {upstream}: no policy lets it out")));
    }
    let is_live = config["sources"].as_array().into_iter().flatten().any(|source| source.get("kind").is_some());
    let has_way = !networks(&rules, &port("TCP", 443)).is_empty();
    wrong.extend(unless(!is_live || has_way, || "NetworkPolicy: no way to Azure over TCP 443".to_owned()));
    wrong
}
