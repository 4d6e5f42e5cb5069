//! Port 53 for a user who is not root, in each way in which containers are run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::container::{Container, Setup, USUAL};
use crate::pod::{ADDRESS, LISTED, Pod};
use crate::unpacked::{folder, image, succeed};

/// A port that everybody may listen on.
const PORT_5300: &[(&str, &str)] = &[("listen = [\"0.0.0.0:53\", \"[::]:53\"]", "listen = [\"0.0.0.0:5300\"]")];

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn with_the_one_capability_port_53_answers_and_no_other_right_is_there() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &USUAL);
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
fn port_53_answers_too_where_programs_may_gain_rights() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &Setup { may_gain: true, ..USUAL });
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
    assert_eq!(value(&container.status(), "CapPrm"), "400");
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
    let _container = Container::ready(&pod, &Setup { without_ipv6: true, ..USUAL });
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
    let warnings: Vec<String> =
        pod.log().lines().filter(|line| line.contains("nobody is answered at [::]:53")).map(str::to_owned).collect();
    assert_eq!(warnings.len(), 1, "{}", pod.log());
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn with_the_capability_in_effect_on_its_file_a_program_does_not_start_without_need_of_it() {
    let pod = Pod::new();
    let root = copy("in-effect", &["-a"]);
    succeed(Command::new("setcap").arg("cap_net_bind_service=+ep").arg(root.join("usr/bin/privatelink-dns")));
    let setup = Setup { config: PORT_5300, root: Some(root), ..Setup::default() };
    assert_ne!(Container::start(&pod, &setup).end(), Some(0));
    assert!(pod.log().contains("operation not permitted"), "{}", pod.log());
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn a_copy_of_the_image_that_lost_the_capability_of_the_file_has_no_port_53() {
    let pod = Pod::new();
    let setup = Setup { root: Some(copy("without", &["-r", "--preserve=mode,ownership"])), ..USUAL };
    assert_eq!(Container::start(&pod, &setup).end(), Some(1));
    assert!(pod.log().contains("no permission for port 53"), "{}", pod.log());
}

/// A copy of the image's files.
fn copy(name: &str, options: &[&str]) -> PathBuf {
    let copy = folder().join(name);
    succeed(Command::new("cp").args(options).arg(&image().rootfs).arg(&copy));
    copy
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
