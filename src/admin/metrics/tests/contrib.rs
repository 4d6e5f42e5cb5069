//! The alerts, the dashboard and the documents name what there is.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::samples;
use crate::admin::metrics::families;
use crate::admin::metrics::family::{Family, Kind};

const RULES: &str = include_str!("../../../../contrib/prometheus/privatelink-dns.rules.yml");
const RULES_TEST: &str = include_str!("../../../../contrib/prometheus/privatelink-dns.rules.test.yml");
const DASHBOARD: &str = include_str!("../../../../contrib/grafana/privatelink-dns.json");
const DOCUMENT: &str = include_str!("../../../../docs/metrics.md");

/// The names that a query may use.
fn series() -> BTreeSet<String> {
    let names = |family: &Family| match family.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name)).to_vec(),
        _ => vec![family.name.to_owned()],
    };
    families(&samples::full()).iter().flat_map(names).collect()
}

/// The words of a text that look like our metrics.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("privatelink_dns_") || word.starts_with("process_")).collect()
}

fn alerts() -> Vec<&'static str> {
    RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn the_alerts_their_tests_and_the_dashboard_name_only_metrics_that_there_are() {
    let series = series();
    for (file, text, least) in [("alerts", RULES, 20), ("tests", RULES_TEST, 20), ("dashboard", DASHBOARD, 40)] {
        let named = named(text);
        let unknown: Vec<_> = named.iter().filter(|name| !series.contains(**name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
        assert!(named.len() >= least, "{file}: {}", named.len());
    }
}

#[test]
fn each_alert_is_tested_before_it_fires_when_it_fires_and_when_it_is_over() {
    for alert in alerts() {
        let mut checks = Vec::new();
        let mut lines = RULES_TEST.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.strip_prefix("alertname: ") == Some(alert) {
                checks.push(lines.next() == Some("exp_alerts:"));
            }
        }
        let fires = checks.iter().position(|fires| *fires).unwrap_or_else(|| panic!("{alert} never fires"));
        assert!(fires > 0, "{alert}: no test of when it is quiet");
        assert!(checks[fires..].contains(&false), "{alert}: no test of its end");
    }
}

#[test]
fn each_alert_says_its_severity_what_is_wrong_where_and_what_shows_more() {
    let alerts: Vec<&str> = RULES.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 20);
    for alert in alerts {
        let line = |key: &str| alert.lines().find_map(|line| line.trim().strip_prefix(key)).unwrap_or_default();
        assert!(["critical", "warning"].contains(&line("severity: ")), "{alert}");
        let summary = line("summary: ");
        assert!(summary.contains("{{ $labels.") && summary.ends_with(".\""), "{alert}");
        let description = line("description: ");
        let shows = ["privatelink-dns ", "/ready", "The page", "journalctl", "Raise ", "scrape config"];
        assert!(shows.iter().any(|more| description.contains(more)), "{alert}");
    }
}

#[test]
fn the_dashboard_has_variables_units_and_no_ids_of_one_installation() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let variables: Vec<_> =
        dashboard["templating"]["list"].as_array().unwrap().iter().filter_map(|each| each["name"].as_str()).collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    assert!(dashboard["id"].is_null() && dashboard["schemaVersion"].as_u64() >= Some(41));
    let mut queries = 0;
    let mut below = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        if panel["type"] == "row" {
            continue;
        }
        let title = panel["title"].as_str().unwrap();
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let (series, selected) = (named(expression).len(), expression.matches("instance=~\"$instance\"").count());
            assert!(selected >= series.max(1) && expression.contains("job=~\"$job\""), "{title}: {expression}");
            queries += 1;
        }
        // Panels stand in the order in which they are read.
        let y = panel["gridPos"]["y"].as_u64().unwrap();
        assert!(y >= below, "{title}");
        below = y;
    }
    assert!(queries > 50, "{queries}");
}

#[test]
fn the_document_has_every_metric_and_every_alert() {
    let mut table = "| name | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in families(&samples::full()) {
        let kind = format!("{:?}", family.kind).to_lowercase();
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        writeln!(table, "| `{}` | {kind} | {} | {} |", family.name, labels.join(", "), family.help).unwrap();
    }
    let (_, rest) = DOCUMENT.split_once("<!-- begin: every metric -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- end -->").unwrap();
    assert!(written == table, "the table of docs/metrics.md should be:\n{table}");
    for alert in alerts() {
        assert!(DOCUMENT.contains(&format!("| `{alert}` |")), "docs/metrics.md has no row for {alert}");
    }
}
