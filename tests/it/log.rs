//! The log of the real binary: forms, levels, the query log, a reader that stands still.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";
const MISSING: &str = "nope.privatelink.we.backup.windowsazure.com";

fn site(log: &str) -> Site {
    let geos = "[backup]\ngeos = [\"we\"]\n";
    Site::new().with_list("a.txt", LIST).with_config(geos).with_config(&format!("[log]\n{log}"))
}

/// The lines of a log in JSON.
fn objects(log: &str) -> Vec<serde_json::Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The lines of the query log.
fn queries(log: &str) -> Vec<serde_json::Value> {
    objects(log).into_iter().filter(|line| line["message"] == "query").collect()
}

#[test]
fn json_has_one_object_for_each_event_with_its_level_and_its_fields() {
    let site = site("format = \"json\"");
    let server = site.start();
    site.write_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n10.1.0.2\n");
    server.until_says("list-", 0);
    let lines = objects(&server.stop());
    let ready = lines.iter().find(|line| line["message"] == "ready").expect("a ready line");
    assert_eq!((&ready["level"], ready["records"].is_u64()), (&"info".into(), true), "{ready}");
    let error = lines.iter().find(|line| line["level"] == "error").expect("an error");
    assert!(error["id"].as_str().unwrap().starts_with("list-"), "{error}");
    assert!(lines.iter().all(|line| line["time"].as_str().unwrap().ends_with('Z')), "{lines:#?}");
}

#[test]
fn in_the_journal_each_line_has_its_priority_and_no_time_of_its_own() {
    let site = site("level = \"debug\"");
    // A held change, which has the longest message.
    site.write_list("a.txt", "10.1.0.1 a.blob.core.windows.net\n10.1.0.2 b.blob.core.windows.net\n");
    site.sync();
    site.write_list("a.txt", "# none is left\n");
    let journal = site.path("journal");
    let stderr = File::create(&journal).unwrap();
    let metadata = stderr.metadata().unwrap();
    let mut command = site.command("serve");
    command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    let (mut child, log) = (command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap(), || read(&journal));
    wait_until("a held plan is logged", || log().contains("held") && log().contains("ready"));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
    let log = log();
    for line in log.lines() {
        assert!(["<3>", "<4>", "<6>", "<7>"].iter().any(|priority| line.starts_with(priority)), "{line}");
    }
    assert!(log.lines().any(|line| line.starts_with("<3>") && line.contains("held")), "{log}");
    assert!(log.lines().any(|line| line.starts_with("<6>ready ")), "{log}");
    assert!(log.lines().any(|line| line.starts_with("<7>")), "debug shows something:\n{log}");
}

fn read(path: &std::path::Path) -> String {
    let mut text = String::new();
    File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_pipe_that_is_not_the_journal_gets_text_although_its_parent_writes_to_the_journal() {
    let site = site("");
    let mut command = site.command("serve");
    command.env("JOURNAL_STREAM", "8:1");
    let log = Server::start(command).stop();
    assert!(log.lines().all(|line| line.contains("Z  INFO ") || line.contains("Z  WARN ")), "{log}");
}

#[test]
fn a_bad_rust_log_is_said_and_the_configured_level_counts() {
    let site = site("level = \"debug\"");
    for (said, is_said) in [("verbose", true), ("", false)] {
        let mut command = site.command("serve");
        command.env("RUST_LOG", said);
        let log = Server::start(command).stop();
        assert_eq!(log.contains("RUST_LOG 'verbose' is not a log filter"), is_said, "{log}");
        assert!(log.contains(" INFO ready") && log.contains("DEBUG "), "{log}");
    }
    let mut command = site.command("serve");
    command.env("RUST_LOG", "error");
    assert_eq!(Server::start(command).stop(), "", "all is well");
}

#[test]
fn a_reload_changes_the_level_at_once_and_says_that_the_format_waits_for_a_restart() {
    let mut site = site("level = \"error\"");
    let server = site.start();
    assert_eq!(server.stderr(), "");
    site.add("[log]\nlevel = \"debug\"\nformat = \"json\"");
    site.reload();
    server.until_says("'[log] format' changed; that takes effect at the next start", 0);
    server.until_says("DEBUG ", 0);
    server.stop();
}

#[test]
fn queries_in_vain_are_logged_with_client_name_and_reason_and_others_are_not() {
    let site = site("format = \"json\"\nqueries = \"misses\"").with_config("[access]\nallow = [\"127.0.0.1/32\"]");
    let server = site.start();
    server.ask(NAME, "A");
    server.ask("NoPe.privatelink.we.backup.windowsazure.com", "AAAA");
    ask(MISSING, "A").tcp().to(server.address());
    ask(NAME, "A").from("127.0.0.9".parse().unwrap()).to(server.address());
    let lines = queries(&server.stop());
    let shown: Vec<[&str; 6]> = lines
        .iter()
        .map(|line| ["client", "name", "rtype", "transport", "rcode", "reason"].map(|key| line[key].as_str().unwrap()))
        .collect();
    let expected = [
        ["127.0.0.1", MISSING, "AAAA", "udp", "NXDOMAIN", "zone"],
        ["127.0.0.1", MISSING, "A", "tcp", "NXDOMAIN", "zone"],
        ["127.0.0.9", NAME, "A", "udp", "REFUSED", "not-allowed"],
    ];
    assert_eq!(shown, expected);
    assert_eq!((&lines[0]["missed"], &lines[2]["missed"]), (&MISSING.into(), &serde_json::Value::Null));
    assert!(lines.iter().all(|line| line["took_us"].is_u64()));
}

#[test]
fn the_query_log_is_off_by_default_and_a_reload_turns_it_on() {
    let mut site = site("format = \"json\"");
    let server = site.start();
    server.ask(MISSING, "A");
    // Whatever the level: who asks for queries wants to see them.
    site.add("[log]\nqueries = \"errors\"\nlevel = \"error\"");
    site.reload();
    // The upstream of this test does not exist.
    assert_eq!(server.ask("www.example", "A").rcode, "SERVFAIL");
    server.until_says("\"rcode\":\"SERVFAIL\"", 0);
    let names: Vec<_> = queries(&server.stop()).iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["www.example"]);
}

#[test]
fn a_name_cannot_forge_a_line_of_the_log() {
    let server = site("queries = \"all\"").start();
    server.ask(r"a\010\027[31m\034x.example", "A");
    let log = server.stop();
    let line = log.lines().find(|line| line.contains(" query ")).expect("a line");
    assert!(line.contains(r#"name=a\010\027[31m\"x.example rtype=A"#), "{line}");
}

#[test]
fn a_reader_of_the_log_that_stands_still_stops_neither_answers_nor_the_end() {
    let site = site("queries = \"all\"\nlevel = \"debug\"");
    let (reader, writer) = std::io::pipe().unwrap();
    fill(&writer);
    let mut child = site.command("serve").stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let address = ready["listen"][0]["udp"].as_str().unwrap().parse().unwrap();
    for _ in 0..100 {
        assert_eq!(ask(NAME, "A").to(address).addresses(), ["10.1.0.1"]);
    }
    site.run("status", &[]).expect(0, &["zone"]);
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let mut status = None;
    wait_until("the server ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    drop(reader);
}

#[test]
fn an_upstream_that_cannot_be_reached_is_logged_and_shown_as_down_and_so_is_its_return() {
    let mut upstream = Upstream::serving("www.example. 60 A 192.0.2.1\n");
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let (state, address) = (|| site.status()["upstreams"][0]["state"].clone(), upstream.address());
    upstream.kill();
    let mut asked = 0..;
    wait_until("the upstream is down", || {
        let name = format!("n{}.example", asked.next().unwrap());
        assert_eq!(server.ask(&name, "A").rcode, "SERVFAIL");
        state() == "down"
    });
    let said = format!("upstream {address} does not answer");
    server.until_says(&said, 0);
    upstream.restart();
    server.until_resolves("www.example", "192.0.2.1");
    server.until_says(&format!("upstream {address} answers again"), 0);
    assert_eq!(state(), "up");
    let log = server.stop();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&said)).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains(" WARN ") && lines[0].contains("no other upstream is up"), "{log}");
    assert!(log.lines().any(|line| line.contains(" INFO ") && line.contains("answers again")), "{log}");
}

#[test]
fn a_source_that_fails_is_said_once_and_so_is_that_it_is_good_again() {
    let site = Site::new().with_list("a.txt", LIST).with_config("[sync]\ninterval = \"1s\"");
    let server = site.start();
    let passes = || {
        site.status()["sync"]["passes"].as_object().unwrap().values().filter_map(serde_json::Value::as_u64).sum::<u64>()
    };
    std::fs::remove_file(site.list_path("a.txt")).unwrap();
    server.until_says("ERROR", 0);
    let before = passes();
    wait_until("three more passes", || passes() > before + 3);
    site.write_list("a.txt", LIST);
    server.until_says("the source is good again source=\"a.txt\"", 0);
    let log = server.stop();
    let said = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!((said(" ERROR "), said("good again source=")), (1, 1), "{log}");
}

#[test]
fn names_asked_for_in_vain_are_in_the_status_until_recent_is_turned_off() {
    let upstream = Upstream::serving("www.example. 60 A 192.0.2.1\n");
    let mut site = site("").with_upstream(&upstream).with_config("[access]\nallow = [\"127.0.0.1/32\"]");
    let server = site.start();
    let other_tenant = "other.privatelink.blob.core.windows.net";
    for _ in 0..3 {
        server.ask(MISSING, "A");
    }
    // The zone forwards what it lacks; the answer to the first question is kept and given to the second.
    server.ask(other_tenant, "A");
    server.ask(other_tenant, "A");
    ask(NAME, "A").from("127.0.9.9".parse().unwrap()).to(server.address());
    let recent = || site.status()["recent"].clone();
    let shown = |recent: &serde_json::Value| {
        let line = |entry: &serde_json::Value| {
            format!("{} {} {} {}", entry["kind"], entry["name"], entry["network"], entry["count"]).replace('"', "")
        };
        let mut lines: Vec<String> = recent["entries"].as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines
    };
    let expected = [
        format!("miss {MISSING} 127.0.0.0/24 3"),
        format!("miss {other_tenant} 127.0.0.0/24 2"),
        format!("refusal {NAME} 127.0.9.0/24 1"),
    ];
    let seen = recent();
    assert_eq!(shown(&seen), expected, "{seen:#}");
    assert_eq!((&seen["enabled"], &seen["unrecorded"]), (&true.into(), &0.into()));
    site.add("[log]\nrecent = false");
    site.reload();
    server.ask(MISSING, "A");
    let seen = site.status()["recent"].clone();
    assert_eq!((&seen["enabled"], seen["entries"].as_array().unwrap().len()), (&false.into(), 0), "{seen:#}");
    server.stop();
}

/// Fills a pipe to its last octet.
fn fill(writer: &PipeWriter) {
    let flags = |flags| fcntl(writer, FcntlArg::F_SETFL(flags)).unwrap();
    flags(OFlag::O_NONBLOCK);
    let mut writer = writer;
    while writer.write(&[b'x'; 512]).is_ok() {}
    while writer.write(b"x").is_ok() {}
    flags(OFlag::empty());
}
