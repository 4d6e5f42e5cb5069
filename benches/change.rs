//! The delay until a change is served: from the write of a list or a zone file to the first answer with it, by the real
//! binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a bench that cannot be set up has nothing to measure"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

use support::site::Site;

/// The time that `times` changes take, each with an address of its own.
fn served(
    name: &str,
    times: u64,
    number: &mut u8,
    server: &support::server::Server,
    change: impl Fn(&str),
) -> Duration {
    let mut passed = Duration::ZERO;
    for _ in 0..times {
        *number = number.wrapping_add(1);
        let address = format!("10.1.0.{number}");
        let start = Instant::now();
        change(&address);
        server.until_resolves(name, &address);
        passed += start.elapsed();
    }
    passed
}

fn change(bench: &mut Criterion) {
    let list = |address: &str| format!("{address} acct.blob.core.windows.net\n");
    let zone = |address: &str| format!("$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nwww A {address}\n");
    let config = "[sync]\ninterval = \"1h\"\nmiss_interval = \"1h\"\nmax_removed = \"100%\"";
    let site = Site::new().with_list("a.txt", list("10.1.0.0")).with_zone("corp.example", &zone("10.1.0.0"));
    let site = site.with_config(config);
    let server = site.start();
    let mut group = bench.benchmark_group("served");
    let (mut lists, mut zones) = (0, 0);
    group.sample_size(10).bench_function("a list", |timer| {
        let write = |address: &str| site.write_list("a.txt", list(address));
        let name = "acct.privatelink.blob.core.windows.net";
        timer.iter_custom(|times| served(name, times, &mut lists, &server, write));
    });
    group.bench_function("a zone file", |timer| {
        let write = |address: &str| site.write_zone("corp.example", &zone(address));
        timer.iter_custom(|times| served("www.corp.example", times, &mut zones, &server, write));
    });
    group.finish();
    server.stop();
}

criterion_group!(benches, change);
criterion_main!(benches);
