//! Port 53 for a user who is not root, in each way in which containers are run.

use std::fs;

use crate::container::{Container, NET_BIND_SERVICE, Setup};
use crate::pod::{ADDRESS, LISTED, Pod};

const ALONE: Setup = Setup { capabilities: NET_BIND_SERVICE, config: &[], without_run: false, without_ipv6: false };

/// A port that everybody may listen on.
const PORT_5300: &[(&str, &str)] = &[("listen = [\"0.0.0.0:53\", \"[::]:53\"]", "listen = [\"0.0.0.0:5300\"]")];

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn with_the_one_capability_port_53_answers_and_no_other_right_is_there() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &ALONE);
    for options in [&[][..], &["+tcp"]] {
        assert_eq!(pod.dig(ADDRESS, LISTED.0, options), LISTED.1);
    }
    // The first process of the container, as this machine has it.
    let status = container.status();
    let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|key| value(&status, key));
    assert_eq!(sets, ["0", "400", "400", "400", "0"], "{status}");
    assert_eq!((value(&status, "NoNewPrivs"), value(&status, "Uid")), ("1", "65532\t65532\t65532\t65532"));
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn without_a_capability_a_port_above_1023_answers() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &Setup { config: PORT_5300, ..Setup::default() });
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &["-p", "5300"]), LISTED.1);
    assert_eq!(value(&container.status(), "CapPrm"), "0");
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn without_a_capability_port_53_answers_where_the_pod_frees_low_ports() {
    let pod = Pod::new();
    let free = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start";
    assert!(pod.inside("sh").args(["-c", free]).status().unwrap().success());
    let _container = Container::ready(&pod, &Setup::default());
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn without_a_capability_port_53_ends_with_one_line_that_says_what_the_container_lacks() {
    let pod = Pod::new();
    assert_eq!(Container::start(&pod, &Setup::default()).end(), Some(1));
    let log = pod.log();
    println!("{log}");
    assert_eq!(log.trim().lines().count(), 1, "{log}");
    for part in ["0.0.0.0:53, [::]:53", "no permission for port 53", "the capability NET_BIND_SERVICE"] {
        assert!(log.contains(part), "{log}");
    }
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn a_kernel_without_ipv6_serves_ipv4_and_is_told_so() {
    let pod = Pod::new();
    let _container = Container::ready(&pod, &Setup { without_ipv6: true, ..ALONE });
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
    let warnings: Vec<String> =
        pod.log().lines().filter(|line| line.contains("nobody is answered at [::]:53")).map(str::to_owned).collect();
    assert_eq!(warnings.len(), 1, "{}", pod.log());
}

impl Container<'_> {
    /// What the kernel says of its first process.
    fn status(&self) -> String {
        fs::read_to_string(format!("/proc/{}/status", self.first_process())).unwrap()
    }
}

/// A value of `/proc/PID/status`; a number without the zeros in front.
fn value<'s>(status: &'s str, key: &str) -> &'s str {
    let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap().trim();
    match value.trim_start_matches('0') {
        "" => "0",
        value => value,
    }
}
