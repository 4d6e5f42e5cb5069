//! The verbs: exit codes, and what they say with file and line.

use std::process::Command;

use crate::support::site::{BINARY, Ran, Site};
use crate::support::upstream::Upstream;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const ZONE: &str = "privatelink.blob.core.windows.net";

#[test]
fn check_says_that_all_is_good_with_code_0() {
    let ran = Site::new().with_list("a.txt", LIST).run("check", &[]);
    ran.expect(0, &["privatelink-dns.toml: good", "1 source, 1 listed record, 2 zones"]);
    assert!(!ran.all().contains("error"), "{ran:#?}");
}

#[test]
fn the_shipped_config_and_samples_are_good() {
    let output = Command::new(BINARY)
        .args(["check", "--config"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/config/privatelink-dns.toml"))
        .output()
        .unwrap();
    let ran = Ran::from(output);
    ran.expect(0, &["privatelink-dns.toml: good", "4 sources, 37 listed records, 5 zones"]);
    for severity in ["error", "warning"] {
        assert!(!ran.all().contains(severity), "{ran:#?}");
    }
}

#[test]
fn check_lists_every_problem_with_file_and_line_and_code_2() {
    let site = Site::new()
        .with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n10.1.0.300 bad.blob.core.windows.net\nnothing here\n")
        .with_zone("corp.example", "$ORIGIN corp.example.\n@ 300 SOA ns a 1 1 1 1 1\n@ 300 NS ns\nns 300 A 10.2.0.x\n")
        .with_config("[access]\nallow = [\"10.0.0.0/33\"]");
    let ran = site.run("check", &[]);
    ran.expect(2, &["a.txt:2", "a.txt:3", "corp.example.zone:4", "10.0.0.0/33", "privatelink-dns.toml:"]);
}

#[test]
fn two_problems_in_the_config_are_both_listed() {
    let site = Site::new();
    site.write_raw_config("listen = [\"localhost:53\"]\nzone_dir = \"zones\"\n[sync]\ninterval = \"soon\"\n");
    site.run("check", &[]).expect(2, &["privatelink-dns.toml:1", "privatelink-dns.toml:4"]);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let site = Site::new();
    site.write_raw_config("listen = [\"127.0.0.1:0\"]\n\n[forward]\nupstream = [\"127.0.0.1:9\"]\n");
    site.run("check", &[]).expect(2, &["privatelink-dns.toml:4:1", "unknown key 'upstream' in", "'upstreams'"]);
}

#[test]
fn usage_errors_end_with_code_2() {
    for (arguments, named) in [(&["fly"][..], "'fly'"), (&["check", "--loud"], "'--loud'"), (&["query"], "<NAME>")] {
        let ran = Ran::from(Command::new(BINARY).args(arguments).output().unwrap());
        ran.expect(2, &[named, "Usage: privatelink-dns"]);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_named_in_plain_words() {
    let site = Site::new();
    site.write_raw_config("listen = 53\nzone_dir = [\"zones\"]\ncontrol = 7\nbackup = \"public\"\n");
    let expected = ["listen: expected a list, not a whole number", "zone_dir: expected a string in quotes, not a list"];
    site.run("check", &[]).expect(2, &expected);
}

#[test]
fn an_address_with_a_slip_of_the_finger_is_named_as_one() {
    let site = Site::new().with_list("a.txt", "10.12.0.23x acct.blob.core.windows.net\n");
    site.run("check", &[]).expect(2, &["a.txt:1", "'10.12.0.23x' is not an IP address"]);
}

#[test]
fn the_config_may_be_named_before_the_verb() {
    let site = Site::new().with_list("a.txt", LIST);
    let ran = Command::new(BINARY).arg("--config").arg(site.config_file()).arg("check").output().unwrap();
    Ran::from(ran).expect(0, &["privatelink-dns.toml: good"]);
}

#[test]
fn plan_writes_nothing_and_ends_with_code_3_while_there_are_changes() {
    let site = Site::new().with_list("a.txt", LIST);
    site.run("plan", &[]).expect(3, &[ZONE, "acct", "10.1.0.1"]);
    site.run("check", &[]).expect(0, &["good"]);
    assert_eq!(std::fs::read_dir(site.path("zones")).unwrap().count(), 0, "no zone, and nothing remembered either");
    site.run("sync", &[]).expect(0, &["1 created"]);
    assert!(site.zone(ZONE).contains("10.1.0.1"), "{}", site.zone(ZONE));
    site.run("plan", &[]).expect(0, &["no changes"]);
}

#[test]
fn sync_refuses_to_empty_a_zone_with_code_5_and_keeps_the_file() {
    let site = Site::new().with_list("a.txt", LIST);
    site.sync();
    let before = site.zone(ZONE);
    site.write_list("a.txt", "10.1.0.2 other.queue.core.windows.net\n");
    site.run("plan", &[]).expect(5, &[ZONE, "--approve"]);
    site.run("sync", &[]).expect(5, &[ZONE, "--approve"]);
    assert_eq!(site.zone(ZONE), before);
}

#[test]
fn sync_with_a_bad_line_fails_and_names_it() {
    let site = Site::new().with_list("a.txt", LIST);
    site.sync();
    let before = site.zone(ZONE);
    site.write_list("a.txt", "10.1.0.9 acct.blob.core.windows.net\nnonsense\n");
    let ran = site.run("sync", &[]);
    ran.expect(1, &["a.txt:2", "neither an address nor a full host name"]);
    assert_eq!(site.zone(ZONE), before);
}

#[test]
fn query_prints_the_answer_and_where_it_came_from() {
    let upstream = Upstream::serving(
        "acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.\n\
         acct.privatelink.blob.core.windows.net. 60 A 20.60.0.1\n\
         www.example. 60 A 192.0.2.1\n",
    );
    let site = Site::new().with_list("a.txt", LIST).with_upstream(&upstream);
    site.sync();
    let address = upstream.address().to_string();
    site.run("query", &["acct.privatelink.blob.core.windows.net"]).expect(0, &["10.1.0.1", &format!("{ZONE}.zone")]);
    site.run("query", &["acct.blob.core.windows.net", "A"]).expect(0, &["10.1.0.1", ZONE, &address]);
    site.run("query", &["www.example"]).expect(0, &["192.0.2.1", &address]);
}

#[test]
fn a_partitioned_name_is_planned_written_and_settled() {
    let site = Site::new().with_list("a.txt", "10.1.0.1 acct.z12.blob.storage.azure.net\n");
    site.sync();
    let zone = site.zone("privatelink.blob.core.windows.net");
    assert!(zone.ends_with("\nacct A 10.1.0.1\n; alias acct.z12.blob.storage.azure.net acct\n"), "{zone}");
    site.run("plan", &[]).expect(0, &["no changes"]);
    site.write_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n");
    site.run("plan", &[]).expect(3, &["- alias acct.z12.blob.storage.azure.net of acct"]);
    site.sync();
    assert!(!site.zone("privatelink.blob.core.windows.net").contains("alias"));
}

#[test]
fn query_prints_no_name_in_the_random_case_that_the_upstream_was_asked_in() {
    let records = "www.a-long-name.example. 60 CNAME host.a-long-name.example.\n\
                   host.a-long-name.example. 60 A 192.0.2.1\n\
                   a-long-name.example. 60 MX 10 host.a-long-name.example.\n";
    let upstream = Upstream::serving(records);
    let site = Site::new().with_upstream(&upstream);
    // Each question is asked in another case.
    for _ in 0..3 {
        let ran = site.run("query", &["www.a-long-name.example"]);
        ran.expect(0, &["IN CNAME host.a-long-name.example.", "host.a-long-name.example. 60 IN A 192.0.2.1"]);
        site.run("query", &["a-long-name.example", "MX"]).expect(0, &["IN MX 10 host.a-long-name.example."]);
    }
}

/// The files below a folder that end in `.rs`.
fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_message_writes_the_config_into_a_command_by_itself() {
    let mut files = Vec::new();
    sources(concat!(env!("CARGO_MANIFEST_DIR"), "/src").as_ref(), &mut files);
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let is_by_hand = line.contains("privatelink-dns ") && line.contains("--config {");
            assert!(!is_by_hand, "{}:{}: diag::command writes commands", file.display(), number + 1);
        }
    }
}
