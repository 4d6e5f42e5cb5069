//! The service while it runs: restarts, upgrades, hangs, neighbours.

use std::fs;

use crate::container::Container;
use crate::load::Load;
use crate::machine::NAMES;
use crate::upstream::PUBLIC;

/// Seconds of a load over something that happens within two seconds.
const SHORT: u32 = 10;

/// Seconds of a load over a restart with the twelve seconds in which a load balancer looks elsewhere.
const LONG: u32 = 25;

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn no_query_is_lost_over_a_restart_and_an_upgrade() {
    let container = Container::with_package();
    container.give_list();
    // Names of a zone, and one that is forwarded: the cache is empty after each restart.
    let names = [NAMES[0], NAMES[1], NAMES[2], PUBLIC.0];
    let load = Load::start(&container, &names, LONG);
    container.succeed("systemctl restart privatelink-dns");
    assert_eq!(load.end(LONG).lost, 0, "{}", container.log());
    container.edit_config("lameduck = \"12s\"", "lameduck = \"0s\"");
    container.succeed("systemctl reload privatelink-dns");
    let pid = || container.succeed("systemctl show -P MainPID privatelink-dns");
    for again in 0..3 {
        let (load, before) = (Load::start(&container, &names, SHORT), pid());
        container.succeed("systemctl restart privatelink-dns");
        assert_ne!(pid(), before);
        assert_eq!(load.end(SHORT).lost, 0, "restart {again}: {}", container.log());
    }
    for variable in ["PACKAGE_NEXT", "PACKAGE"] {
        let (load, before) = (Load::start(&container, &names, SHORT), pid());
        container.install(variable);
        container.is_up();
        assert_ne!(pid(), before, "the upgrade restarts the server");
        assert_eq!(load.end(SHORT).lost, 0, "{variable}: {}", container.log());
    }
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn beside_systemd_resolved_the_server_says_who_holds_port_53_and_touches_nothing() {
    let mut container = Container::with_package();
    // It has port 53 of another address, which would be named instead.
    container.stop_upstream();
    container.succeed("systemctl start systemd-resolved");
    assert_eq!(container.state(), "active");
    container.succeed("ip address add 10.9.8.7/32 dev lo");
    container.edit_config("listen = [\"127.0.0.1:53\"]", "listen = [\"0.0.0.0:53\"]");
    assert_ne!(container.run("systemctl restart privatelink-dns").code, Some(0));
    let log = container.log();
    println!("{}", log.lines().rev().take(6).collect::<Vec<_>>().join("\n"));
    assert!(log.contains("127.0.0.53:53") && log.contains("systemd-resolved"), "{log}");
    println!("{}", container.verb("doctor").text);
    assert_eq!(container.succeed("systemctl is-active systemd-resolved").trim(), "active");
    container.edit_config("listen = [\"0.0.0.0:53\"]", "listen = [\"127.0.0.1:53\", \"10.9.8.7:53\"]");
    container.succeed("systemctl reset-failed privatelink-dns; systemctl restart privatelink-dns");
    container.give_list();
    assert_eq!(container.dig("10.9.8.7", NAMES[0]), "10.1.2.4");
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_listen_address_that_comes_later_is_waited_for() {
    let container = Container::with_package();
    container.edit_config("listen = [\"127.0.0.1:53\"]", "listen = [\"127.0.0.1:53\", \"10.9.8.7:53\"]");
    container.succeed("systemctl restart privatelink-dns");
    container.give_list();
    let status = container.verb("status");
    println!("{}", status.text);
    assert!(status.text.contains("10.9.8.7"), "{}", status.text);
    assert_eq!(container.dig("10.9.8.7", NAMES[0]), "");
    container.succeed("ip address add 10.9.8.7/32 dev lo");
    container.wait_for("an answer from the new address", |container| {
        (container.dig("10.9.8.7", NAMES[0]) == "10.1.2.4").then_some(())
    });
    container.wait_for("a good status", |container| (container.verb("status").code == Some(0)).then_some(()));
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_server_that_hangs_is_restarted_by_its_watchdog() {
    let container = Container::with_package();
    container.give_list();
    container.succeed("kill -STOP $(systemctl show -P MainPID privatelink-dns)");
    assert_eq!(container.dig("127.0.0.1", NAMES[0]), "");
    container.wait_for("an answer after the watchdog", |container| {
        (container.dig("127.0.0.1", NAMES[0]) == "10.1.2.4").then_some(())
    });
    let restarts = container.succeed("systemctl show -P NRestarts privatelink-dns");
    assert_eq!(restarts.trim(), "1");
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn groups_of_the_package_may_ask_and_approve_and_nobody_else() {
    let container = Container::with_package();
    container.give_list();
    container.succeed("useradd -G privatelink-dns-ask ann; useradd -G privatelink-dns-approve ben; useradd eve");
    let as_user = |user: &str, words: &str| {
        container.run(&format!("setpriv --reuid {user} --regid {user} --init-groups privatelink-dns {words}"))
    };
    for (user, may_ask, may_approve) in [("ann", true, false), ("ben", true, true), ("eve", false, false)] {
        let (asked, froze) = (as_user(user, "status"), as_user(user, "freeze a test"));
        assert_eq!(asked.code == Some(0), may_ask, "{user}: {}", asked.text);
        assert_eq!(froze.code == Some(0), may_approve, "{user}: {}", froze.text);
    }
    assert_eq!(as_user("ben", "thaw").code, Some(0));
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_reload_goes_by_the_verb_and_a_wrong_config_leaves_the_server_as_it_was() {
    let container = Container::with_package();
    container.give_list();
    container.edit_config("lameduck = \"12s\"", "lameduck = \"0s\"");
    container.succeed("systemctl reload privatelink-dns");
    container.edit_config("lameduck = \"0s\"", "lameduk = \"0s\"");
    let ended = container.run("systemctl reload privatelink-dns");
    assert_ne!(ended.code, Some(0));
    assert_eq!(container.state(), "active");
    assert_eq!(container.dig("127.0.0.1", NAMES[0]), "10.1.2.4");
    assert!(container.log().contains("lameduk"), "{}", container.log());
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_thread_priority_that_the_sandbox_denies_is_said_once() {
    let container = Container::with_package();
    let folder = container.root().join("etc/systemd/system/privatelink-dns.service.d");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("deny.conf"), "[Service]\nSystemCallFilter=~setpriority\n").unwrap();
    container.succeed("systemctl daemon-reload && systemctl restart privatelink-dns");
    container.give_list();
    let said = container.log().lines().filter(|line| line.contains("setpriority")).count();
    assert_eq!(said, 1, "{}", container.log());
    assert_eq!(container.state(), "active");
}
