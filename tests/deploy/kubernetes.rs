//! The manifests of `deploy/kubernetes`: rendered by kubectl, held against the schemas of Kubernetes and the checks of
//! checkov, and against rules of our own where no tool looks. Each kind of check finds a mistake made on purpose.
//!
//! Nothing here runs in a cluster.

mod manifests;
mod page;
mod pods;
mod rules;
mod served;

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use self::manifests::{KUSTOMIZATIONS, Manifests, Tools};
use crate::checkers::ROOT;
use crate::tool;

/// The oldest Kubernetes that the manifests are for, and the newest that kubernetes-validate knows.
const VERSIONS: [&str; 2] = ["1.29.0", "1.37.0"];

/// The complaints of kubernetes-validate about rendered manifests; `None` if there are none.
fn against_schemas(tools: &Tools, yaml: &str) -> Option<String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rendered.yaml");
    std::fs::write(&file, yaml).unwrap();
    let complaints = VERSIONS.into_iter().map(|version| {
        let options = ["--strict", "--quiet", "--kubernetes-version", version];
        tool::run(Command::new(&tools.validate).args(options).arg(&file))
    });
    complaints.filter(|(is_good, _)| !is_good).map(|(_, said)| said).reduce(|all, said| all + &said)
}

/// A folder for rendered manifests. checkov looks into none whose name begins with a dot.
fn folder() -> TempDir {
    tempfile::Builder::new().prefix("rendered").tempdir().unwrap()
}

/// The complaints of checkov about a folder of rendered manifests: one line for each.
fn against_checkov(tools: &Tools, folder: &Path) -> Vec<String> {
    let config = Path::new(ROOT).join("deploy/kubernetes/checkov.yaml");
    let mut command = Command::new(&tools.checkov);
    // Without --skip-download it asks its vendor.
    command.args(["--skip-download", "--compact", "--output", "json", "--config-file"]).arg(config);
    let (_, said) = tool::run(command.arg("--directory").arg(folder));
    let start = said.find('{').unwrap_or_else(|| panic!("{said}"));
    let report = serde_json::Deserializer::from_str(&said[start..]).into_iter::<serde_json::Value>().next();
    let report = report.unwrap().unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(report["summary"]["passed"].as_u64() > Some(0), "it has looked at something: {said}");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let failed = report["results"]["failed_checks"].as_array().cloned().unwrap_or_default();
    failed.iter().map(|one| ["check_id", "file_path", "check_name"].map(|key| text(&one[key])).join(" ")).collect()
}

#[test]
fn every_kustomization_renders_and_keeps_the_schemas_of_kubernetes() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::copy();
    for folder in KUSTOMIZATIONS {
        let rendered = manifests.render(&tools, folder);
        assert_eq!(against_schemas(&tools, &rendered.yaml), None, "{folder}");
    }
}

#[test]
fn every_kustomization_keeps_our_own_rules() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::copy();
    for folder in KUSTOMIZATIONS {
        assert_eq!(rules::breaches(&manifests.render(&tools, folder).objects), [""; 0], "{folder}");
    }
}

#[test]
fn checkov_has_no_complaint_but_those_with_a_reason() {
    let Some(tools) = Tools::find() else { return };
    let (manifests, folder) = (Manifests::copy(), folder());
    for one in KUSTOMIZATIONS {
        let file = folder.path().join(one.replace('/', "-")).with_extension("yaml");
        std::fs::write(file, manifests.render(&tools, one).yaml).unwrap();
    }
    assert_eq!(against_checkov(&tools, folder.path()), [""; 0]);
}

#[test]
fn the_schemas_find_an_unknown_field_and_a_wrong_type() {
    let Some(tools) = Tools::find() else { return };
    for (from, to, said) in [
        ("  podManagementPolicy: Parallel", "  podManagementPolice: Parallel", "podManagementPolice"),
        ("terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 30s", "30s"),
        ("containerPort: 8053", "containerPort: \"8053\"", "8053"),
    ] {
        let manifests = Manifests::copy().with("base/statefulset.yaml", from, to);
        let found = against_schemas(&tools, &manifests.render(&tools, "base").yaml);
        assert!(found.as_deref().is_some_and(|found| found.contains(said)), "{to}: {found:?}");
    }
}

#[test]
fn a_file_that_is_missing_or_a_patch_that_fits_nothing_does_not_render() {
    let Some(tools) = Tools::find() else { return };
    let manifests = Manifests::copy().with("base/kustomization.yaml", "- services.yaml", "- service.yaml");
    assert!(manifests.refusal(&tools, "base").contains("service.yaml"));
    let manifests = Manifests::copy().with("overlays/aks/identity.yaml", "kind: StatefulSet", "kind: Deployment");
    assert!(manifests.refusal(&tools, "overlays/aks").contains("Deployment"));
    // The component opens its ports in the rule for questions, or in none.
    let manifests = Manifests::copy().with("base/networkpolicy.yaml", "port: 53\n", "port: 54\n");
    assert!(manifests.refusal(&tools, "encrypted/base").contains("/spec/ingress/0/ports/0/port"));
}

#[test]
fn checkov_finds_a_privileged_pod_a_missing_probe_and_a_token() {
    let Some(tools) = Tools::find() else { return };
    let folder = folder();
    let mistakes = [
        ("privileged", "readOnlyRootFilesystem: true", "privileged: true", "CKV_K8S_16"),
        ("probe", "livenessProbe:", "another:", "CKV_K8S_8"),
        ("token", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "CKV_K8S_38"),
    ];
    for (name, from, to, _) in mistakes {
        let manifests = Manifests::copy().with("base/statefulset.yaml", from, to);
        std::fs::write(folder.path().join(name).with_extension("yaml"), manifests.render(&tools, "base").yaml).unwrap();
    }
    let found = against_checkov(&tools, folder.path());
    for (name, _, _, id) in mistakes {
        let line = format!("{id} /{name}.yaml");
        assert!(found.iter().any(|found| found.starts_with(&line)), "{line} is not in {found:#?}");
    }
}
