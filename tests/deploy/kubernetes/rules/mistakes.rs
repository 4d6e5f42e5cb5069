//! Mistakes made on purpose in a copy of the manifests, at least one for each rule.

use super::super::manifests::{Manifests, Tools};
use super::breaches;

/// A mistake in a file of the base, unless the name has a folder: what stands there, what is written in its place, and
/// what is said of it.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const SET: &str = "statefulset.yaml";
const TOML: &str = "privatelink-dns.toml";
const POLICY: &str = "networkpolicy.yaml";
const SERVICES: &str = "services.yaml";
const BUDGET: &str = "poddisruptionbudget.yaml";
const RENDER: &str = "kustomization.yaml";
const ENCRYPTED_SET: &str = "components/encrypted/statefulset.yaml";

#[test]
fn each_rule_finds_a_mistake_made_on_purpose() {
    let Some(tools) = Tools::find() else { return };
    for (file, from, to, said) in
        [&RIGHTS_AND_FILES[..], &LIFETIME, &NETWORK, &PASSAGE, &WHOLE, &CLIENTS, &ENCRYPTED].concat()
    {
        let path = if file.contains('/') { (*file).to_owned() } else { format!("base/{file}") };
        let folder = path.rsplit_once('/').expect("a folder").0;
        // A component is a part of what others render.
        let folder = if folder.starts_with("components") { "encrypted/aks" } else { folder };
        let manifests = Manifests::copy().with(&path, from, to);
        let found = breaches(&manifests.render(&tools, folder).objects);
        assert!(found.iter().any(|found| found.contains(said)), "{file}: '{to}' should be '{said}': {found:#?}");
    }
}

const RIGHTS_AND_FILES: [Mistake; 17] = [
    (
        SET,
        "containerPort: 53\n              protocol: UDP",
        "containerPort: 53\n              hostPort: 53\n              protocol: UDP",
        "hostPort",
    ),
    (RENDER, "disableNameSuffixHash: true", "disableNameSuffixHash: true\n  immutable: true", "immutable lists"),
    (SET, "[\"NET_BIND_SERVICE\"]", "[\"NET_BIND_SERVICE\", \"SYS_ADMIN\"]", "SYS_ADMIN"),
    (SET, "runAsUser: 65532", "runAsUser: 10001", "is not the user of the image"),
    (SET, "fsGroup: 65532", "fsGroup: 65533", "fsGroup"),
    (SET, "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation is not"),
    (SET, "drop: [\"ALL\"]", "drop: []", "capabilities is not"),
    (SET, "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot is not"),
    (SET, "type: RuntimeDefault", "type: Unconfined", "seccompProfile is not"),
    (SET, "dnsPolicy: None", "dnsPolicy: None\n      hostNetwork: true", "hostNetwork"),
    (
        SET,
        "emptyDir:\n            medium: Memory\n            sizeLimit: 1Mi",
        "hostPath: { path: /run }",
        "volume 'run'",
    ),
    (RENDER, "newTag: \"0.1.0\"", "newTag: latest", "image: privatelink-dns:latest"),
    (SET, "mountPath: /etc/privatelink-dns/endpoints", "mountPath: /lists\n              subPath: a", "subPath"),
    (SET, "mountPath: /var/lib/privatelink-dns", "mountPath: /data", "zone_dir"),
    ("examples/sidecar/cronjob.yaml", "mountPath: /run/privatelink-dns", "mountPath: /run/dns", "control"),
    (TOML, "path = \"endpoints/*\"", "path = \"lists/*\"", "source 'endpoints'"),
    (RENDER, "disableNameSuffixHash: true", "disableNameSuffixHash: false", "a hash in its name"),
];

const LIFETIME: [Mistake; 12] = [
    (SET, "minReadySeconds: 10", "minReadySeconds: 0", "minReadySeconds"),
    (BUDGET, "  unhealthyPodEvictionPolicy: AlwaysAllow\n", "", "holds up a drain"),
    (SET, "path: /ready", "path: /ready\n              scheme: HTTPS", "readinessProbe"),
    (SET, "failureThreshold: 6", "failureThreshold: 1", "livenessProbe: kills"),
    (SET, "failureThreshold: 30", "failureThreshold: 3", "startupProbe: kills"),
    (SET, "failureThreshold: 3\n", "failureThreshold: 12\n", "readinessProbe: after"),
    (SET, "path: /health", "path: /ready", "livenessProbe"),
    (SET, "path: /ready", "path: /health", "readinessProbe"),
    (SET, "terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 15", "terminationGracePeriodSeconds"),
    (TOML, "lameduck = \"12s\"", "lameduck = \"30s\"", "terminationGracePeriodSeconds"),
    (SET, "podManagementPolicy: Parallel", "podManagementPolicy: OrderedReady", "podManagementPolicy"),
    (BUDGET, "maxUnavailable: 1", "maxUnavailable: 2", "PodDisruptionBudget"),
];

const NETWORK: [Mistake; 17] = [
    (
        SERVICES,
        "type: ClusterIP\n  selector",
        "type: ClusterIP\n  internalTrafficPolicy: Local\n  selector",
        "without an answer",
    ),
    (SERVICES, "targetPort: dns\n      protocol: UDP", "targetPort: dns-tcp\n      protocol: UDP", "has no port as in"),
    (SET, "serviceName: privatelink-dns-pods", "serviceName: privatelink-dns-pod", "serviceName"),
    ("overlays/aks/loadbalancer.yaml", "internal: \"true\"", "internal: \"false\"", "from outside"),
    (
        "overlays/aks/loadbalancer.yaml",
        "azure-load-balancer-internal: \"true\"",
        "azure-load-balancer-mode: auto",
        "from outside",
    ),
    (SERVICES, "type: ClusterIP\n  selector", "type: NodePort\n  selector", "from outside"),
    (TOML, "0.0.0.0:53\"", "0.0.0.0:5353\"", "ports: the container has"),
    (TOML, "0.0.0.0:8053", "0.0.0.0:8054", "ports: the container has"),
    (SERVICES, "protocol: UDP", "protocol: TCP", "no port 53 over UDP"),
    (SERVICES, "targetPort: metrics", "targetPort: admin", "the container has no port"),
    (SERVICES, "publishNotReadyAddresses: true", "publishNotReadyAddresses: false", "publishNotReadyAddresses"),
    ("overlays/aks/loadbalancer.yaml", "Policy: Local", "Policy: Cluster", "externalTrafficPolicy"),
    (POLICY, "protocol: UDP", "protocol: SCTP", "port 53 over UDP"),
    (POLICY, "cidr: 172.16.0.0/12", "cidr: 172.16.0.0/16", "[access] allow"),
    (POLICY, "port: 9153", "port: 8053", "port 8053 over TCP"),
    (TOML, "168.63.129.16\"]", "10.9.0.4\"]", "upstream 10.9.0.4"),
    (TOML, "168.63.129.16\"]", "system\"]", "by address"),
];

/// A policy that the API server takes, and that closes too much or too little.
const PASSAGE: [Mistake; 9] = [
    (
        POLICY,
        "[\"Ingress\", \"Egress\"]\n  ingress",
        "[\"Egress\"]\n  ingress",
        "10.0.0.0, port 53 over UDP: open is false",
    ),
    (POLICY, "[\"Ingress\", \"Egress\"]\n  ingress", "[\"Ingress\"]\n  ingress", "168.63.129.16, port 53 over UDP"),
    (
        POLICY,
        "podSelector: {}",
        "podSelector: { matchLabels: { app.kubernetes.io/name: privatelink-dns } }",
        "open is true",
    ),
    (
        POLICY,
        "namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: monitoring",
        "namespaceSelector: {}",
        "'shop' with {}, port 9153",
    ),
    (POLICY, "  egress:\n", "    - ports: [{ port: 53, protocol: UDP }]\n  egress:\n", "203.0.113.7, port 53 over UDP"),
    (POLICY, "  egress:\n", "    - from: [{ namespaceSelector: {} }]\n  egress:\n", "port 22 over TCP: open is true"),
    (POLICY, "  egress:\n", "  egress:\n    - {}\n", "169.254.169.254, port 80 over TCP: open is true"),
    ("overlays/aks/networkpolicy.yaml", "169.254.169.254/32", "169.254.169.25/32", "169.254.169.254, port 443"),
    ("examples/sidecar/networkpolicy.yaml", "k8s-app: kube-dns", "k8s-app: coredns", "kube-dns\"}, port 53 over UDP"),
];

/// What starts, and what it may write.
const WHOLE: [Mistake; 20] = [
    (SET, "OnRootMismatch", "Sometimes", "'Sometimes' is none of"),
    (POLICY, "[\"Ingress\", \"Egress\"]\n  ingress", "[\"Ingress\", \"Outgress\"]\n  ingress", "'Outgress' is none of"),
    ("overlays/aks/kustomization.yaml", "  - path: no-lists.yaml\n", "", "no source of the config reads"),
    (SET, "kubernetes.io/os: linux", "kubernetes.io/os: windows", "nodeSelector"),
    (SET, "imagePullPolicy: IfNotPresent", "imagePullPolicy: Never", "imagePullPolicy"),
    (SET, "type: RollingUpdate", "type: RollingUpdate\n    rollingUpdate: { partition: 2 }", "updateStrategy"),
    (SET, "args: [\"serve\"]", "args: [\"check\"]", "in place of serve"),
    (SET, "args: [\"serve\"]", "args: [\"serve\"]\n          command: [\"/bin/sh\"]", "entrypoint"),
    (
        SET,
        "args: [\"serve\"]",
        "args: [\"serve\"]\n          env: [{ name: PRIVATELINK_DNS_CONFIG, value: /a }]",
        "usual place",
    ),
    (SET, "memory: 256Mi", "memory: 32Mi", "limits: memory"),
    (SET, "type: RollingUpdate", "type: OnDelete", "updateStrategy"),
    ("examples/sidecar/cronjob.yaml", "              restartPolicy: Always\n", "", "has to end before"),
    ("examples/sidecar/cronjob.yaml", "restartPolicy: Never", "restartPolicy: Always", "does not fit"),
    (
        SET,
        "mountPath: /var/lib/privatelink-dns",
        "mountPath: /var/lib/privatelink-dns\n              readOnly: true",
        "cannot write there",
    ),
    (
        SET,
        "name: privatelink-dns-lists",
        "name: privatelink-dns-lists\n            items: [{ key: a, path: b }]",
        "hides files",
    ),
    (SET, "ReadWriteOnce", "ReadOnlyMany", "accessModes"),
    (SET, "storage: 100Mi", "storage: 1Mi", "is too little"),
    (SET, "whenDeleted: Retain", "whenDeleted: Delete", "go with the set"),
    (SET, "serviceAccountName: privatelink-dns", "serviceAccountName: dns", "serviceAccountName: no"),
    ("base/namespace.yaml", "enforce: restricted", "enforce: privileged", "does not enforce"),
];

/// What the component for clients that encrypt adds.
const ENCRYPTED: [Mistake; 12] = [
    (ENCRYPTED_SET, "defaultMode: 0440", "defaultMode: 0444", "defaultMode 292 in place of 0440"),
    (ENCRYPTED_SET, "defaultMode: 0440", "optional: true", "optional is not needed"),
    (ENCRYPTED_SET, "mountPath: /etc/privatelink-dns/tls", "mountPath: /tls", "/tls: no [tls] of the config reads"),
    (ENCRYPTED_SET, "mountPath: /etc/privatelink-dns/tls", "mountPath: /tls", "not tls.crt of a Secret"),
    (ENCRYPTED_SET, "secret:\n            secretName", "configMap:\n            name", "not tls.key of a Secret"),
    (ENCRYPTED_SET, "readOnly: true", "subPath: tls.crt", "mounted by subPath"),
    (ENCRYPTED_SET, "containerPort: 443", "containerPort: 8443", "ports: the container has"),
    ("components/encrypted/services.yaml", "port: 853", "port: 8853", "'privatelink-dns-lb': no port 853 over TCP"),
    (
        "components/encrypted/kustomization.yaml",
        "kind: Service\n      labelSelector: app.kubernetes.io/name=privatelink-dns",
        "kind: Service\n      name: privatelink-dns",
        "'privatelink-dns-pods': no port 443 over TCP",
    ),
    ("components/encrypted/networkpolicy.yaml", "port: 443", "port: 444", "port 443 over TCP: open is false"),
    ("encrypted/base/privatelink-dns.toml", "tls/tls.key", "tls/privkey.pem", "not tls.key of a Secret"),
    ("encrypted/base/privatelink-dns.toml", "0.0.0.0:853", "0.0.0.0:8853", "no port 8853 over TCP"),
];

const CLIENTS: [Mistake; 9] = [
    (
        SET,
        "selector:\n    matchLabels:\n      app.kubernetes.io/name: privatelink-dns\n  template",
        "selector:\n    matchLabels:\n      app: dns\n  template",
        "StatefulSet: its selector",
    ),
    ("examples/sidecar/privatelink-dns.toml", "\"cluster.local\"", "\"cluster.lan\"", "searches: no forward rule"),
    (BUDGET, "matchLabels:\n      app.kubernetes.io/name: privatelink-dns", "matchLabels:\n      app: dns", "selector"),
    (SERVICES, "selector:\n    app.kubernetes.io/name: privatelink-dns", "selector:\n    app: dns", "selector"),
    (SET, "- topologyKey: kubernetes.io/hostname", "- topologyKey: example.com/rack", "share a node"),
    (SET, "dnsPolicy: None", "dnsPolicy: ClusterFirst", "dnsPolicy"),
    ("examples/sidecar/privatelink-dns.toml", "127.0.0.1:53", "127.0.0.2:53", "where nothing listens"),
    ("overlays/aks/identity.yaml", "use: \"true\"", "use: \"yes\"", "workload identity"),
    ("overlays/aks/networkpolicy.yaml", "port: 443", "port: 8443", "no way to Azure"),
];
