//! The checks that take too long for every change.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::{busy, cargo_with, fuzz, image, package, soak};

/// One long check.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// What it needs, as `.ci/tools` calls it.
    pub(crate) tools: &'static [&'static str],
    /// The usual time of the stage, minutes.
    pub(crate) minutes: u64,
    pub(crate) run: fn(&Path, u64) -> Result<(), String>,
}

/// All stages, in the order in which they run. A new stage needs a line here, and `.ci/tools` its tools.
pub(crate) const STAGES: &[Stage] = &[
    Stage {
        name: "interop",
        what: "other people's servers and clients, again and again",
        tools: &["system", "sdk"],
        minutes: 10,
        run: interop,
    },
    Stage {
        name: "secondaries",
        what: "fifty slow secondaries of a million records; BIND, Knot and NSD through a thousand changes and kills",
        tools: &["system"],
        minutes: 30,
        run: secondaries,
    },
    Stage {
        name: "browser",
        what: "the status page in Chromium, read by axe-core and html-validate",
        tools: &["browser"],
        minutes: 2,
        run: browser,
    },
    Stage {
        name: "prometheus",
        what: "Prometheus scrapes the real binary, and alerts fire and clear",
        tools: &["system"],
        minutes: 2,
        run: prometheus,
    },
    Stage {
        name: "testssl",
        what: "testssl.sh looks for what is weak in our TLS",
        tools: &["system"],
        minutes: 2,
        run: testssl,
    },
    Stage {
        name: "package",
        what: "the packages: built twice, linted, installed and purged, and in booted containers",
        tools: &["system", "package", "container"],
        minutes: 40,
        run: packages,
    },
    Stage {
        name: "image",
        what: "the container image: made twice, and run by runc as Kubernetes does",
        tools: &["image", "runtime"],
        minutes: 10,
        run: container_image,
    },
    Stage {
        name: "busy",
        what: "all tests beside busy loops, again and again",
        tools: &["system", "deploy"],
        minutes: 60,
        run: busy_machine,
    },
    Stage {
        name: "soak",
        what: "load while upstreams fail, lists change and the server is killed",
        tools: &["system"],
        minutes: 120,
        run: endure,
    },
    Stage {
        name: "fuzz",
        what: "all fuzz targets, each its share of the time",
        tools: &["fuzz"],
        minutes: 480,
        run: fuzz_all,
    },
];

/// A function that returns whether `minutes` are over.
fn clock(minutes: u64) -> impl Fn() -> bool {
    let start = Instant::now();
    move || start.elapsed() >= Duration::from_mins(minutes)
}

fn interop(root: &Path, minutes: u64) -> Result<(), String> {
    let is_over = clock(minutes);
    let python = root.join("target/azure-sdk/bin/python").display().to_string();
    loop {
        // A tool that is missing is a failure.
        let variables = [("CI", "true"), ("AZURE_SDK_PYTHON", python.as_str())];
        cargo_with(root, &["test", "--locked", "--test", "interop"], &variables)?;
        if is_over() {
            return Ok(());
        }
    }
}

fn secondaries(root: &Path, minutes: u64) -> Result<(), String> {
    let is_over = clock(minutes);
    // Longer than a transfer of a version that was replaced may go on.
    let crowd = [("HOSTS", "1000000"), ("CHANGES", "120"), ("PLACES", "10")];
    let arguments = ["test", "--release", "--locked", "--test", "it", "transfers::crowd", "--", "--nocapture"];
    cargo_with(root, &arguments, &crowd)?;
    for seed in 1_u64.. {
        let seed = seed.to_string();
        let variables = [("CI", "true"), ("CHANGES", "1000"), ("SEED", seed.as_str())];
        cargo_with(root, &["test", "--locked", "--test", "interop", "endurance", "--", "--nocapture"], &variables)?;
        if is_over() {
            break;
        }
    }
    Ok(())
}

fn browser(root: &Path, _minutes: u64) -> Result<(), String> {
    let test = "page::the_status_page_is_right_in_a_browser_in_each_state";
    let arguments = ["test", "--locked", "--test", "interop", test, "--", "--ignored", "--exact", "--nocapture"];
    cargo_with(root, &arguments, &[("CI", "true")])
}

fn prometheus(root: &Path, minutes: u64) -> Result<(), String> {
    let is_over = clock(minutes);
    let test = "prometheus::prometheus_scrapes_the_server_and_an_alert_fires_while_a_list_is_broken";
    loop {
        let arguments = ["test", "--locked", "--test", "interop", test, "--", "--ignored", "--exact"];
        cargo_with(root, &arguments, &[("CI", "true")])?;
        if is_over() {
            return Ok(());
        }
    }
}

fn testssl(root: &Path, _minutes: u64) -> Result<(), String> {
    let test = "encrypted::testssl_finds_nothing_weak_over_tls_and_over_https";
    let arguments = ["test", "--locked", "--test", "interop", test, "--", "--ignored", "--exact"];
    cargo_with(root, &arguments, &[("CI", "true")])
}

fn packages(root: &Path, _minutes: u64) -> Result<(), String> {
    package::check(root)
}

fn container_image(root: &Path, _minutes: u64) -> Result<(), String> {
    image::check(root)
}

fn busy_machine(root: &Path, minutes: u64) -> Result<(), String> {
    let is_over = clock(minutes);
    busy::run_until(root, &[], |_| is_over())
}

fn endure(root: &Path, minutes: u64) -> Result<(), String> {
    soak(root, &[(minutes * 60).to_string(), "sync".to_owned(), "reload".to_owned(), "kill".to_owned()])
}

fn fuzz_all(root: &Path, minutes: u64) -> Result<(), String> {
    let targets = fuzz::targets(root)?.len().max(1) as u64;
    fuzz::run(root, &[(minutes * 60 / targets).max(1).to_string()])
}
