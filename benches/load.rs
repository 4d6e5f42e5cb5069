//! The cost of a change: reading a list, the plan for it, and reading a zone file.
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use privatelink_dns::azure::Cloud;
use privatelink_dns::dns::Name;
use privatelink_dns::sync::desired::{DesiredState, Settings, merge};
use privatelink_dns::sync::plan::{Current, plan};
use privatelink_dns::sync::source::{Format, parse};
use privatelink_dns::zone::{Zone, ZoneId};

const APEX: &str = "privatelink.blob.core.windows.net";
const MILLION: usize = 1_000_000;

fn address(n: usize) -> String {
    format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
}

fn zone_text(records: usize) -> String {
    let mut text = "$TTL 10\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n".to_owned();
    (0..records).for_each(|n| writeln!(text, "acct{n:07} A {}", address(n)).unwrap());
    text
}

fn wanted(records: usize) -> DesiredState {
    let mut text = String::new();
    (0..records).for_each(|n| writeln!(text, "acct{n:07}.blob.core.windows.net {}", address(n)).unwrap());
    let listing = parse("bench", Path::new("bench.txt"), Format::Auto, text.into_bytes()).unwrap();
    merge(vec![listing], &Settings::of_cloud(Cloud::Public, &[])).unwrap()
}

/// The plan when nothing has changed: the cost of every interval.
fn plans(bench: &mut Criterion) {
    let apex: Name = APEX.parse().unwrap();
    let mut group = bench.benchmark_group("plan");
    group.sample_size(10);
    for records in [10_000, MILLION] {
        let zone = Zone::from_text(&apex, zone_text(records).as_bytes()).0.unwrap();
        let current = BTreeMap::from([(ZoneId::base(apex.clone()), Current::of(&zone))]);
        let desired = wanted(records);
        group.bench_function(records.to_string(), |b| {
            let state = || (desired.clone(), current.clone());
            b.iter_batched(state, |(desired, current)| plan(desired, current, 10), BatchSize::PerIteration);
        });
    }
}

fn load(bench: &mut Criterion) {
    let apex: Name = APEX.parse().unwrap();
    let text = zone_text(MILLION);
    let mut group = bench.benchmark_group("zone load");
    group.sample_size(10);
    group.bench_function(MILLION.to_string(), |b| {
        b.iter(|| Zone::from_text(&apex, black_box(text.as_bytes())).0.unwrap());
    });
}

fn rows(entries: usize, head: &str, row: impl Fn(&str, &str) -> String, end: &str) -> Vec<u8> {
    let mut text = head.to_owned();
    for n in 0..entries {
        text += &row(&format!("acct{n:07}.blob.core.windows.net"), &address(n));
    }
    // JSON takes a comma behind the last value.
    text += end;
    text.into_bytes()
}

/// The lists of an estate as people have them: lines, a table with a header, `customDnsConfigs`.
fn lists(bench: &mut Criterion) {
    let json = |name: &str, ip: &str| {
        format!("  {{\n    \"fqdn\": \"{name}\",\n    \"ipAddresses\": [\n      \"{ip}\"\n    ]\n  }},\n")
    };
    let forms = [
        ("text", rows(MILLION, "", |name, ip| format!("{ip} {name}\n"), "")),
        ("csv", rows(MILLION, "FQDN,IP,Comment\n", |name, ip| format!("{name},{ip},vault\n"), "")),
        ("json", rows(MILLION, "[\n", json, "]\n")),
    ];
    let mut group = bench.benchmark_group("list");
    group.sample_size(10);
    for (form, bytes) in forms {
        let read = |bytes| parse("bench", Path::new("bench"), Format::Auto, bytes).unwrap();
        group.bench_function(format!("{form} {MILLION}"), |b| {
            b.iter_batched(|| bytes.clone(), read, BatchSize::PerIteration);
        });
    }
}

criterion_group!(changes, plans, load, lists);
criterion_main!(changes);
