//! The manifests on the page about Kubernetes, checked as those in `deploy/kubernetes` are.

use std::path::Path;

use serde_json::Value;

use super::against_schemas;
use super::manifests::{Manifests, Tools};
use super::pods::{Pod, list, of_kind, pod, text};
use super::rules::breaches;
use super::rules::lifetime::patience;
use crate::checkers::ROOT;

fn page() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("docs/kubernetes.md")).unwrap()
}

/// The YAML blocks of the page, in their order.
fn blocks() -> Vec<String> {
    let page = page();
    let blocks = page.split("```yaml\n").skip(1);
    blocks.map(|rest| rest.split_once("```").expect("an end of the block").0.to_owned()).collect()
}

#[test]
fn the_kustomization_of_the_page_renders_with_its_own_lists_and_keeps_the_rules() {
    let Some(tools) = Tools::find() else { return };
    let ours = blocks().into_iter().find(|block| block.contains("kind: Kustomization")).expect("a kustomization");
    let list = "acct.blob.core.windows.net 10.12.0.9\n";
    let manifests = Manifests::copy().with_file("site/kustomization.yaml", &ours);
    let manifests = manifests.with_file("site/endpoints/vault-we.txt", list);
    let manifests = manifests.with_file("site/privatelink-dns.toml", &config());
    let rendered = manifests.render(&tools, "site");
    assert_eq!(against_schemas(&tools, &rendered.yaml), None);
    assert_eq!(breaches(&rendered.objects), [""; 0]);
    let maps: Vec<_> = of_kind(&rendered.objects, "ConfigMap").collect();
    assert_eq!(maps.len(), 2, "none beside those of the base");
    let lists = maps.iter().find(|map| text(&map["metadata"]["name"]) == "privatelink-dns-lists").expect("the lists");
    assert_eq!(lists["data"], serde_json::json!({ "vault-we.txt": list }), "in place of the example");
}

fn config() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("deploy/kubernetes/base/privatelink-dns.toml")).unwrap()
}

/// What keeps the certificate of a Certificate from the pod, if anything does.
fn lost(certificate: &Value, pod: &Pod<'_>) -> Option<&'static str> {
    let (name, spec) = (&certificate["metadata"]["namespace"], &certificate["spec"]);
    let mounted = list(&pod.spec["volumes"]).any(|one| one["secret"]["secretName"] == spec["secretName"]);
    let has_names = spec["dnsNames"][0] == "dns.corp.example" && spec["issuerRef"]["name"].is_string();
    let found = [
        (mounted, "another Secret"),
        (*name == pod.owner["metadata"]["namespace"], "another namespace"),
        (has_names, "no name or issuer"),
    ];
    found.into_iter().find(|(is_good, _)| !is_good).map(|(_, what)| what)
}

#[test]
fn the_component_fits_the_kustomization_of_the_page_and_mounts_the_secret_of_the_certificate_there() {
    let Some(tools) = Tools::find() else { return };
    let line = "components: [../components/encrypted]";
    assert!(page().contains(&format!("`{line}`")), "the page has the line");
    let ours = blocks().into_iter().find(|block| block.contains("kind: Kustomization")).expect("a kustomization");
    let manifests = Manifests::copy();
    let listeners = std::fs::read_to_string(manifests.path("components/encrypted/listeners.toml")).unwrap();
    let manifests = manifests.with_file("site/kustomization.yaml", &(ours + line));
    let manifests = manifests.with_file("site/endpoints/vault-we.txt", "acct.blob.core.windows.net 10.12.0.9\n");
    let manifests = manifests.with_file("site/privatelink-dns.toml", &(config() + &listeners));
    let rendered = manifests.render(&tools, "site");
    assert_eq!(breaches(&rendered.objects), [""; 0]);
    let certificate = blocks().into_iter().find(|block| block.contains("kind: Certificate")).expect("a certificate");
    let pod = pod(&rendered.objects);
    assert_eq!(lost(&tools.read(&certificate)[0], &pod), None);
    for (from, to, said) in [
        ("secretName: privatelink-dns-tls", "secretName: dns-tls", "another Secret"),
        ("namespace: privatelink-dns", "namespace: cert-manager", "another namespace"),
        ("dnsNames: [\"dns.corp.example\"]", "commonName: dns.corp.example", "no name or issuer"),
    ] {
        assert_eq!(lost(&tools.read(&certificate.replace(from, to))[0], &pod), Some(said), "{to}");
    }
}

#[test]
fn other_manifests_of_the_page_keep_the_schemas() {
    let Some(tools) = Tools::find() else { return };
    // The schemas of Kubernetes have no kinds of other projects.
    let has_schema =
        |block: &String| !["kind: Kustomization", "cert-manager.io"].iter().any(|kind| block.contains(kind));
    let others: Vec<String> = blocks().into_iter().filter(has_schema).collect();
    assert!(!others.is_empty());
    for block in others {
        assert_eq!(against_schemas(&tools, &block), None, "{block}");
    }
}

#[test]
fn the_times_of_the_probes_on_the_page_are_those_of_the_base() {
    let Some(tools) = Tools::find() else { return };
    let rendered = Manifests::copy().render(&tools, "base");
    let (page, pod) = (page(), pod(&rendered.objects));
    for (row, key) in [("startup", "startupProbe"), ("liveness", "livenessProbe"), ("readiness", "readinessProbe")] {
        let line = page.lines().find(|line| line.starts_with(&format!("| {row} | "))).expect("a row");
        let after = line.split(" | ").nth(2).expect("a time");
        let wanted = format!("{} s", patience(&pod.server[key]));
        assert!(after.starts_with(&wanted), "{line}: the base has {wanted}");
    }
}

/// The calls of kubectl that do not say in which namespace, and would look in that of the reader's context.
fn without_namespace(page: &str) -> Vec<&str> {
    let calls = page.split(['`', '\n']).filter(|text| text.starts_with("kubectl "));
    let is_elsewhere =
        |call: &str| ["--namespace ", "--kustomize ", "kubectl run "].iter().any(|word| call.contains(word));
    calls.filter(|call| !is_elsewhere(call)).collect()
}

#[test]
fn every_call_of_kubectl_on_the_page_says_its_namespace() {
    let page = page();
    // A span that goes on in the next line is one call.
    let joined = page.replace("kubectl --namespace privatelink-dns\n", "kubectl --namespace privatelink-dns ");
    assert_eq!(without_namespace(&joined), [""; 0]);
    assert_eq!(
        without_namespace("x `kubectl rollout undo y`\nkubectl get z\n"),
        ["kubectl rollout undo y", "kubectl get z"]
    );
}
