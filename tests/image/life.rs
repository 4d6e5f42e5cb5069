//! A container from its start to its end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::container::{Container, Setup, USUAL, config_with};
use crate::pod::{ADDRESS, LISTED, PUBLIC, Pod};

/// A second list, and the name in it.
const LATER: (&str, &str, &str) = (
    "10.1.2.9 smplepod01prot120.blob.core.windows.net\n",
    "smplepod01prot120.privatelink.blob.core.windows.net",
    "10.1.2.9",
);

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn a_mounted_list_is_served_over_udp_and_tcp_and_one_that_comes_later_too() {
    let pod = Pod::new();
    let _container = Container::ready(&pod, &USUAL);
    assert_eq!(pod.probe("/health"), "200");
    for options in [&[][..], &["+tcp"]] {
        assert_eq!(pod.dig(ADDRESS, LISTED.0, options), LISTED.1);
        assert_eq!(pod.dig(ADDRESS, PUBLIC.0, options), PUBLIC.1);
    }
    pod.give_list("vault-ne.txt", LATER.0);
    pod.wait_for("the later list", |pod| (pod.dig(ADDRESS, LATER.1, &[]) == LATER.2).then_some(()));
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn a_config_mounted_as_a_whole_folder_is_taken_when_it_is_swapped() {
    let pod = Pod::new();
    let file = "privatelink-dns.toml";
    pod.give("etc", file, &config_with(&[]));
    let container = Container::ready(&pod, &Setup { with_etc: true, ..USUAL });
    let zone = "privatelink.we.backup.windowsazure.com";
    assert!(!container.verb("status").text.contains(zone));
    pod.give("etc", file, &config_with(&[("[backup]\n", "[backup]\ngeos = [\"we\"]\n")]));
    pod.wait_for("the new zone", |_| container.verb("status").text.contains(zone).then_some(()));
    for words in ["status --live", "reload"] {
        let ended = container.verb(words);
        assert_eq!(ended.code, Some(0), "{words}: {}", ended.text);
    }
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn before_the_first_list_backup_names_are_servfail_and_the_container_is_alive_and_not_ready() {
    let pod = Pod::new();
    fs::remove_file(pod.folder.join("endpoints/vault-we.txt")).unwrap();
    let container = Container::start(&pod, &USUAL);
    pod.wait_for("an answer", |pod| (pod.dig(ADDRESS, PUBLIC.0, &[]) == PUBLIC.1).then_some(()));
    assert_eq!((pod.probe("/health").as_str(), pod.probe("/ready").as_str()), ("200", "503"));
    let asked = pod.outside("dig").args([&format!("@{ADDRESS}"), LISTED.0]).output().unwrap();
    assert!(String::from_utf8_lossy(&asked.stdout).contains("status: SERVFAIL"));
    assert_eq!(container.verb("status --live").code, Some(0));
    let status = container.verb("status");
    println!("{}", status.text);
    assert_eq!(status.code, Some(1));
    pod.give_list("vault-we.txt", crate::pod::LIST);
    pod.wait_for("readiness", |pod| (pod.probe("/ready") == "200").then_some(()));
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn verbs_run_in_the_container_without_a_shell_and_say_nothing_of_systemd() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &USUAL);
    for words in ["status --live", "status", "check", "reload", "plan"] {
        let ended = container.verb(words);
        println!("{words}: {}", ended.text);
        assert_eq!(ended.code, Some(0), "{words}: {}", ended.text);
    }
    let status = container.verb("status --json").text;
    assert!(status.contains("\"open_fds\""), "what the process uses can be read: {status}");
    let explained = container.verb(&format!("explain {}", LISTED.0));
    println!("{}", explained.text);
    assert!(explained.code == Some(0) && explained.text.contains("PRIVATE 10.1.2.4"), "{}", explained.text);
    let doctor = container.verb("doctor --all");
    println!("{}", doctor.text);
    for word in ["systemctl", "the unit", "sudo", "chown"] {
        assert!(!doctor.text.contains(word), "{}", doctor.text);
    }
    for shell in ["/bin/sh", "/usr/bin/sh", "/bin/busybox"] {
        let ended = container.exec(&[shell, "-c", "true"]);
        assert!(ended.code != Some(0) && ended.text.contains("no such file"), "{shell}: {}", ended.text);
    }
}

/// A source that reads Azure, whose Entra has the name of a host that the upstream knows and nobody can reach.
const LIVE: &[(&str, &str)] = &[(
    "[[sources]]",
    "[[sources]]\nname = \"live\"\nkind = \"azure\"\nidentity = \"secret\"\n\
     scopes = [\"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-backup\"]\n\
     client_id = \"11111111-2222-3333-4444-555555555555\"\ntenant = \"contoso.onmicrosoft.com\"\n\
     authority = \"https://www.example.com\"\nsecret_file = \"/var/lib/privatelink-dns/secret\"\n\n[[sources]]",
)];

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn names_of_azure_are_looked_up_by_the_c_library_of_the_image() {
    let pod = Pod::new();
    let secret = pod.folder.join("volume/secret");
    fs::write(&secret, "invented").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(secret, Some(65_532), Some(65_532)).unwrap();
    // It is not ready before its first read of Azure.
    let container = Container::start(&pod, &Setup { config: LIVE, ..USUAL });
    pod.wait_for("the server", |_| (container.verb("status --live").code == Some(0)).then_some(()));
    let fetched = container.verb("fetch --source live");
    println!("{}", fetched.text);
    assert!(fetched.text.contains("no route to www.example.com"), "{}", fetched.text);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn the_next_container_serves_from_the_volume_although_the_lists_are_gone() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &USUAL);
    container.signal("TERM");
    assert_eq!(container.end(), Some(0));
    for entry in fs::read_dir(pod.folder.join("endpoints")).unwrap().flatten() {
        let _ = fs::remove_file(entry.path());
    }
    let _container = Container::start(&pod, &USUAL);
    pod.wait_for("an answer", |pod| (pod.dig(ADDRESS, LISTED.0, &[]) == LISTED.1).then_some(()));
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn at_sigterm_the_container_is_not_ready_answers_for_a_while_and_ends_well() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &USUAL);
    container.signal("TERM");
    pod.wait_for("the end of readiness", |pod| (pod.probe("/ready") == "503").then_some(()));
    assert_eq!((pod.dig(ADDRESS, LISTED.0, &[]).as_str(), pod.probe("/health").as_str()), (LISTED.1, "200"));
    assert_eq!(container.end(), Some(0), "{}", pod.log());
    assert!(pod.log().lines().last().unwrap_or_default().contains("stopped"), "{}", pod.log());
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn without_a_folder_for_the_control_socket_the_server_serves_and_says_what_is_missing() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &Setup { without_run: true, ..USUAL });
    assert_eq!(pod.dig(ADDRESS, LISTED.0, &[]), LISTED.1);
    let log = pod.log();
    println!("{log}");
    assert!(log.contains("let its user write to /run/privatelink-dns (in a container, mount a tmpfs"), "{log}");
    let asked = container.verb("status --live");
    println!("{}", asked.text);
    assert_eq!(asked.code, Some(1), "{}", asked.text);
}

#[test]
#[ignore = "runs the image: cargo xtask acceptance image"]
fn a_container_that_ended_without_a_word_leaves_nothing_that_stops_the_next() {
    let pod = Pod::new();
    let container = Container::ready(&pod, &USUAL);
    container.signal("KILL");
    assert_ne!(container.end(), Some(0));
    let container = Container::ready(&pod, &USUAL);
    assert_eq!(container.verb("status --live").code, Some(0));
}
