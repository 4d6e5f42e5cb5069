//! A copy of `deploy/kubernetes` that a test may change, and what kubectl renders from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::checkers::{ROOT, find};
use crate::tool;

/// The folders for `kubectl apply -k`. The last two are a reader's, and are in the copy alone.
pub(super) const KUSTOMIZATIONS: [&str; 5] =
    ["base", "overlays/aks", "examples/sidecar", "encrypted/base", "encrypted/aks"];

/// Folders of readers who add encryption, and what they add it to.
const ENCRYPTED: [(&str, &str); 2] = [("encrypted/base", "base"), ("encrypted/aks", "overlays/aks")];

/// The checkers, and a Python with a reader of YAML.
pub(super) struct Tools {
    pub(super) kubectl: PathBuf,
    pub(super) validate: PathBuf,
    pub(super) checkov: PathBuf,
    pub(super) python: PathBuf,
}

impl Tools {
    /// All of them, or `None` and a loud line for the first that is missing.
    pub(super) fn find() -> Option<Self> {
        Some(Self {
            kubectl: find("kubectl")?,
            validate: find("kubernetes-validate")?,
            checkov: find("checkov")?,
            python: find("python")?,
        })
    }

    /// The documents of a YAML text.
    pub(super) fn read(&self, yaml: &str) -> Vec<Value> {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("text.yaml");
        std::fs::write(&file, yaml).unwrap();
        let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
        let (is_good, said) = tool::run(Command::new(&self.python).args(["-c", script]).arg(file));
        assert!(is_good, "{said}");
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

/// The copy; gone at the end of the test.
pub(super) struct Manifests {
    folder: TempDir,
}

/// What the API server would be given.
pub(super) struct Rendered {
    pub(super) yaml: String,
    pub(super) objects: Vec<Value>,
}

impl Manifests {
    pub(super) fn copy() -> Self {
        let folder = TempDir::new().unwrap();
        copy(&Path::new(ROOT).join("deploy/kubernetes"), folder.path());
        ENCRYPTED.into_iter().fold(Self { folder }, |manifests, (own, of)| manifests.with_encryption(own, of))
    }

    /// With a folder as the page has it: what another folder has, the component, and a config with its listeners.
    fn with_encryption(self, folder: &str, of: &str) -> Self {
        let text = |file: &str| std::fs::read_to_string(self.path(file)).unwrap();
        let config = text(&format!("{of}/privatelink-dns.toml")) + &text("components/encrypted/listeners.toml");
        let kustomization = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../../{of}]\n\
             components: [../../components/encrypted]\ngeneratorOptions: {{ disableNameSuffixHash: true }}\n\
             configMapGenerator:\n  - name: privatelink-dns-config\n    namespace: privatelink-dns\n    \
             behavior: replace\n    files: [privatelink-dns.toml]\n"
        );
        let this = self.with_file(&format!("{folder}/kustomization.yaml"), &kustomization);
        this.with_file(&format!("{folder}/privatelink-dns.toml"), &config)
    }

    /// A file or folder of the copy.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// With another text in place of one that must be in the file, wherever it stands.
    pub(super) fn with(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no '{from}'");
        std::fs::write(path, text.replace(from, to)).unwrap();
        self
    }

    /// With a further file.
    pub(super) fn with_file(self, file: &str, text: &str) -> Self {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The objects of a folder.
    pub(super) fn render(&self, tools: &Tools, folder: &str) -> Rendered {
        let (is_good, yaml) = self.kustomize(tools, folder);
        assert!(is_good, "{folder}: {yaml}");
        Rendered { objects: tools.read(&yaml), yaml }
    }

    /// Why a folder does not render.
    pub(super) fn refusal(&self, tools: &Tools, folder: &str) -> String {
        let (is_good, said) = self.kustomize(tools, folder);
        assert!(!is_good, "{folder} renders: {said}");
        said
    }

    fn kustomize(&self, tools: &Tools, folder: &str) -> (bool, String) {
        tool::run(Command::new(&tools.kubectl).arg("kustomize").arg(self.path(folder)))
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
