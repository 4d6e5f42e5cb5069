//! The Prometheus project's own tools: promtool reads `/metrics`, the alerts and the dashboard; Prometheus scrapes the
//! real binary, and an alert fires when a list is broken.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::client::ask;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::web;
use crate::tool::{find, run};

const LIST: &str = "10.1.0.5 acct.blob.core.windows.net\n10.1.0.6 acct.queue.core.windows.net\n";
const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n[sync]\ninterval = \"1s\"\n";

/// Where the files for Prometheus are.
fn contrib(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(file)
}

/// The site and its upstream, with a source of a name that has to be escaped.
fn site() -> (Site, Upstream) {
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1\n");
    (Site::new().with_list("a.txt", LIST).with_config(ADMIN).with_upstream(&upstream), upstream)
}

/// What promtool says of this text; its exit code is no success if it is anything but silence.
fn checked(promtool: &Path, metrics: &str) -> (bool, String) {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().expect("piped").write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn promtool_has_nothing_to_say_of_the_metrics() {
    let Some(promtool) = find("promtool") else { return };
    let (site, _upstream) = site();
    let server = site.start();
    for name in ["acct.privatelink.blob.core.windows.net", "none.privatelink.blob.core.windows.net", "www.example"] {
        ask(name, "A").to(server.address());
    }
    let answer = web::get(server.admin(), "/metrics");
    assert_eq!((answer.code, answer.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    for name in ["privatelink_dns_ready 1\n", "process_resident_memory_bytes ", "privatelink_dns_zone_records{"] {
        assert!(answer.body.contains(name), "{name} is missing in:\n{}", answer.body);
    }
    assert_eq!(checked(&promtool, &answer.body), (true, String::new()));
    // It would say something.
    assert!(!checked(&promtool, "# TYPE a_counter counter\na_counter 1\n").0);
    server.stop();
}

#[test]
fn the_alerts_pass_their_tests_and_the_dashboard_asks_what_prometheus_understands() {
    let Some(promtool) = find("promtool") else { return };
    let rules = contrib("prometheus/privatelink-dns.rules.yml");
    let (good, said) = run(Command::new(&promtool).args(["check", "rules"]).arg(&rules));
    assert!(good, "{said}");
    let (good, said) = run(Command::new(&promtool).args(["test", "rules"]).arg(rules.with_extension("test.yml")));
    assert!(good, "{said}");
    let folder = TempDir::new().unwrap();
    let generated = folder.path().join("dashboard.yml");
    fs::write(&generated, as_rules(&queries())).unwrap();
    let (good, said) = run(Command::new(&promtool).args(["check", "rules"]).arg(&generated));
    assert!(good, "{said}");
}

/// Every query of the dashboard, with its variables replaced.
fn queries() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| collect(value, found));
            }
            Value::Array(array) => array.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let text = fs::read_to_string(contrib("grafana/privatelink-dns.json")).unwrap();
    let mut found = Vec::new();
    collect(&serde_json::from_str(&text).unwrap(), &mut found);
    assert!(found.len() > 50, "{}", found.len());
    let replaced = |query: String| {
        let query = query.replace("$__rate_interval", "5m").replace("$instance", ".*").replace("$job", ".*");
        assert!(!query.contains('$'), "an unknown variable: {query}");
        query
    };
    found.into_iter().map(replaced).collect()
}

/// JSON is YAML.
fn as_rules(queries: &[String]) -> String {
    let rule = |(number, query): (usize, &String)| serde_json::json!({"record": format!("q:{number}"), "expr": query});
    let rules: Vec<Value> = queries.iter().enumerate().map(rule).collect();
    serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string()
}

/// A Prometheus that scrapes one server; it ends when it goes out of scope.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Prometheus {
    fn start(program: &Path, target: SocketAddr) -> Self {
        let folder = TempDir::new().unwrap();
        // Seconds instead of minutes; the expressions are those of the file.
        let rules = fs::read_to_string(contrib("prometheus/privatelink-dns.rules.yml")).unwrap();
        let hasty: Vec<&str> = rules.lines().filter(|line| !line.trim().starts_with("for: ")).collect();
        fs::write(folder.path().join("rules.yml"), hasty.join("\n")).unwrap();
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: privatelink-dns\n    static_configs:\n      - targets: ['{target}']\n"
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let address = free_address();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address, folder }
    }

    /// The results of a query; none while it does not answer.
    fn query(&self, query: &str) -> Vec<Value> {
        let encoded: Vec<String> = query.bytes().map(|octet| format!("%{octet:02X}")).collect();
        let encoded = encoded.concat();
        let Ok(mut stream) = std::net::TcpStream::connect(self.address) else { return Vec::new() };
        let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        let mut heard = String::new();
        if stream.write_all(request.as_bytes()).is_err()
            || std::io::Read::read_to_string(&mut stream, &mut heard).is_err()
        {
            return Vec::new();
        }
        let body = heard.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Waits for the first results of a query.
    fn until(&self, query: &str) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let found = self.query(query);
            if !found.is_empty() {
                return found;
            }
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_mins(2), "no result of {query}; its log:\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// An address that nobody listens on; Prometheus takes no port from the kernel.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
#[ignore = "scrapes for half a minute: cargo xtask acceptance prometheus"]
fn prometheus_scrapes_the_server_and_an_alert_fires_while_a_list_is_broken() {
    let Some(program) = find("prometheus") else { return };
    let (site, _upstream) = site();
    let server = site.start();
    let prometheus = Prometheus::start(&program, server.admin());
    prometheus.until("up == 1");
    // Some scrapes, in the form that Prometheus asks for.
    prometheus.until("count_over_time(privatelink_dns_ready[1m]) >= 5");
    let series = prometheus.until("count({job=\"privatelink-dns\", __name__=~\"privatelink_dns_.*|process_.*\"})");
    let count: f64 = series[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!((200.0..400.0).contains(&count), "{count} series");
    for name in ["acct.privatelink.blob.core.windows.net", "www.example"] {
        ask(name, "A").to(server.address());
    }
    prometheus.until("privatelink_dns_responses_total{origin=\"zone\", rcode=\"NOERROR\", proto=\"udp\"} > 0");
    prometheus.until("histogram_quantile(0.5, sum by (le) (privatelink_dns_response_duration_seconds_bucket)) > 0");
    assert!(prometheus.query("ALERTS{alertname!=\"PrivatelinkDnsMissesRising\"}").is_empty(), "all is well");
    // A list that says something else than before, and cannot be read.
    site.rename_list("a.txt", "10.1.0.300 acct.blob.core.windows.net\n");
    prometheus.until("privatelink_dns_source_errors > 0");
    prometheus.until("privatelink_dns_sync_last_pass_outcome{outcome=\"incomplete\"} == 1");
    // The list that takes a record away is held: a person is asked.
    site.rename_list("a.txt", "10.1.0.6 acct.queue.core.windows.net\n");
    let fired = prometheus.until("ALERTS{alertname=\"PrivatelinkDnsPlanHeld\", alertstate=\"firing\"}");
    assert_eq!(fired[0]["metric"]["severity"], "warning");
    site.rename_list("a.txt", LIST);
    prometheus.until("absent(ALERTS{alertname=\"PrivatelinkDnsPlanHeld\"})");
    server.stop();
    let fired = prometheus.until("ALERTS{alertname=\"PrivatelinkDnsDown\", alertstate=\"firing\"}");
    assert_eq!(fired[0]["metric"]["severity"], "critical");
}
