//! The control socket and the verbs that use it: `flush`, `status`, `reload`, `sync --running`.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::{is_at, wait_until};

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const ZONE: &str = "privatelink.blob.core.windows.net";
const NAME: &str = "acct.privatelink.blob.core.windows.net";
const SOCKET: &str = "zones/.control.sock";

fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry[key] == name).expect(name)
}

#[test]
fn without_a_server_each_verb_says_so_in_one_line_with_code_1() {
    let site = Site::new().with_list("a.txt", LIST);
    for (verb, arguments) in
        [("status", &[][..]), ("reload", &[]), ("flush", &["www.example"]), ("sync", &["--running"])]
    {
        let ran = site.run(verb, arguments);
        ran.expect(1, &["no server is running", "privatelink-dns serve"]);
        assert_eq!(ran.all().lines().count(), 1, "{ran:#?}");
    }
    site.run("flush", &[]).expect(2, &["<NAME>"]);
    site.run("flush", &["not..a.name"]).expect(2, &["not..a.name"]);
    site.run("sync", &["--running", "--approve", "x"]).expect(2, &["32 hexadecimal digits"]);
}

#[test]
fn status_shows_zones_sources_upstreams_cache_and_counters() {
    let upstream = Upstream::serving("www.example. 600 A 192.0.2.1");
    let site = Site::new().with_list("a.txt", LIST).with_upstream(&upstream);
    let server = site.start();
    server.resolves("www.example");
    let found = site.status();
    let zone = named(&found["zones"], "zone", ZONE);
    assert_eq!(zone["records"], 3);
    assert_eq!(zone["managed"], true);
    assert_eq!(zone["on_miss"], "forward");
    assert_eq!(zone["degraded"], serde_json::json!([]));
    assert!(named(&found["sources"], "name", "a.txt")["last_good"].is_u64(), "{found:#}");
    assert_eq!(found["sync"]["pass"]["outcome"], "written");
    let address = upstream.address().to_string();
    assert_eq!(named(&found["upstreams"], "address", &address)["state"], "up");
    assert_eq!(found["cache"]["entries"], 1);
    assert_eq!(found["queries"]["counters"]["forwarded"], 1);
    assert_eq!(found["queries"]["waiting"], 0);
    site.shown(&[ZONE, "a.txt", &address, "cache: 1 of"]);
    server.stop();
    assert!(!site.path(SOCKET).exists(), "the socket goes with the server");
}

#[test]
fn status_names_bad_lists_bad_zones_and_the_command_that_approves_a_held_plan() {
    let site = Site::new()
        .with_list("a.txt", LIST)
        .with_list("b.txt", "10.1.0.2 b.queue.core.windows.net\n")
        .with_zone("corp.example", "$ORIGIN corp.example.\n@ 300 SOA ns a 1 1 1 1 x\n");
    let server = site.start();
    site.write_list("b.txt", "");
    site.run("sync", &["--running"]).expect(5, &["--approve", "stay as they are in service"]);
    let found = site.status();
    assert!(is_at(&named(&found["zones"], "zone", "corp.example")["degraded"][0], "corp.example.zone", 2));
    let held = &found["sync"]["pass"]["held"];
    let digest = held["digest"].as_str().unwrap();
    let command = format!("sync --running --approve {digest} --config {}", site.config_file().display());
    assert!(held["what_to_do"].as_str().unwrap().contains(&command), "{held:#}");
    site.shown(&[&command]);
    site.write_list("b.txt", "10.1.0.300 b.queue.core.windows.net\n");
    site.run("sync", &["--running"]).expect(1, &["b.txt:1"]);
    let found = site.status();
    let error = &named(&found["sources"], "name", "b.txt")["errors"][0];
    assert!(is_at(error, "b.txt", 1), "{error}");
    assert_eq!((&error["id"], &error["source"]), (&"list-bad-address".into(), &"b.txt".into()));
    assert_eq!(named(&found["sources"], "name", "a.txt")["errors"], serde_json::json!([]));
    server.stop();
}

#[test]
fn a_source_whose_lists_are_gone_is_an_error_in_status_and_keeps_the_time_when_it_was_last_good() {
    let site = Site::new()
        .with_config("[[sources]]\nname = \"team-a\"\npath = \"config/endpoints/*.lst\"\n[sync]\ninterval = \"1h\"\n");
    site.write_list("we.lst", LIST);
    let server = site.start();
    site.run("status", &[]).expect(0, &["all well"]);
    let of_source = || named(&site.status()["sources"], "name", "team-a").clone();
    let before = of_source();
    assert!(before["modified"].is_u64() && before["errors"] == serde_json::json!([]), "{before:#}");
    std::fs::remove_file(site.list_path("we.lst")).unwrap();
    site.run("sync", &["--running"]).expect(1, &["no file matches"]);
    let after = of_source();
    assert_eq!(after["last_good"], before["last_good"], "the last good lists are as old as they are");
    assert_eq!((&after["errors"][0]["id"], &after["entries"]), (&"source-no-files".into(), &before["entries"]));
    site.run("status", &[])
        .expect(1, &["error: source 'team-a' fails, its last good lists stay in use", "no file matches"]);
    site.run("status", &["--live"]).expect(0, &[]);
    site.write_list("we.lst", LIST);
    site.run("sync", &["--running"]).expect(0, &[]);
    site.run("status", &[]).expect(0, &["all well"]);
    server.stop();
}

#[test]
fn flush_forgets_a_name_or_a_subtree() {
    const NAMES: [&str; 4] = ["example", "a.example", "b.a.example", "other"];
    let upstream = Upstream::serving("");
    let site = Site::new().with_list("a.txt", LIST).with_upstream(&upstream);
    let server = site.start();
    // Each time the upstream has new addresses: an old one comes from the cache.
    let addresses = |last: u8| {
        let records: String = NAMES.map(|name| format!("{name}. 600 A 192.0.2.{last}\n")).concat();
        upstream.serve(&records);
        NAMES.map(|name| server.resolves(name).concat().replace("192.0.2.", ""))
    };
    assert_eq!(addresses(1), ["1", "1", "1", "1"]);
    assert_eq!(addresses(2), ["1", "1", "1", "1"]);
    site.run("flush", &["a.example."]).expect(0, &["'a.example': 1 cached answer forgotten"]);
    assert_eq!(addresses(3), ["1", "3", "1", "1"]);
    site.run("flush", &["A.example", "--subtree"]).expect(0, &["2 cached answers forgotten"]);
    assert_eq!(addresses(4), ["1", "4", "4", "1"]);
    site.run("flush", &[".", "--subtree"]).expect(0, &["all names: 4 cached answers forgotten"]);
    assert_eq!(addresses(5), ["5", "5", "5", "5"]);
    server.stop();
}

#[test]
fn reload_waits_for_the_outcome_and_says_what_is_wrong() {
    let mut site = Site::new().with_list("a.txt", LIST);
    let server = site.start();
    site.write_list("b.txt", "10.1.0.4 fresh.blob.core.windows.net\n");
    site.add("[[sources]]\nname = \"b\"\npath = \"config/endpoints/b.txt\"");
    let ran = site.run("reload", &[]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(server.resolves("fresh.privatelink.blob.core.windows.net"), ["10.1.0.4"], "right after the verb");
    let good = std::fs::read_to_string(site.config_file()).unwrap();
    site.write_raw_config(&format!("lisssten = []\n{good}"));
    site.run("reload", &[]).expect(1, &["lisssten", "stays in service"]);
    assert!(site.status()["config"]["problems"][0]["text"].as_str().unwrap().contains("lisssten"));
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn sync_by_hand_is_picked_up_by_the_server_that_runs() {
    let site = Site::new().with_list("a.txt", LIST).with_config("[sync]\ninterval = \"1h\"");
    let server = site.start();
    site.write_list("a.txt", "10.1.0.9 acct.blob.core.windows.net\n");
    site.run("sync", &["--running"]).expect(0, &[]);
    assert_eq!(server.resolves(NAME), ["10.1.0.9"], "right after the verb");
    server.stop();
}

#[test]
fn a_socket_that_a_killed_server_left_is_replaced_and_a_live_one_is_not() {
    let site = Site::new().with_list("a.txt", LIST);
    let mut killed = site.start();
    killed.signal(Signal::SIGKILL);
    killed.ended();
    assert!(site.path(SOCKET).exists());
    let server = site.start();
    assert_eq!(std::fs::metadata(site.path(SOCKET)).unwrap().permissions().mode() & 0o777, 0o600);
    let pid = site.status()["server"]["pid"].clone();
    let second = site.start();
    second.until_says("another server already answers", 0);
    second.stop();
    assert_eq!(site.status()["server"]["pid"], pid, "the first one still answers");
    server.stop();
}

#[test]
fn nonsense_on_the_socket_gets_an_error_and_harms_nobody() {
    let site = Site::new().with_list("a.txt", LIST);
    let server = site.start();
    let long = vec![b'x'; 20_000];
    for request in [&b"\n"[..], b"{}\n", b"{\"do\":\"fly\"}\n", b"\xff\xfe\n", &long] {
        let mut stream = UnixStream::connect(site.path(SOCKET)).unwrap();
        // The server may hang up on the long one before it has read all.
        let _gone = stream.write_all(request);
        let mut reply = String::new();
        let read = stream.read_to_string(&mut reply);
        assert!(read.is_err() || reply.starts_with("{\"refused\":"), "{reply}");
    }
    let _silent: Vec<UnixStream> = (0..15).map(|_| UnixStream::connect(site.path(SOCKET)).unwrap()).collect();
    wait_until("status", || site.run("status", &["--live"]).code == Some(0));
    server.stop();
}

#[test]
fn control_can_be_elsewhere_or_off() {
    let mut site = Site::new().with_list("a.txt", LIST).with_config("control = \"run.sock\"");
    let server = site.start();
    assert!(site.path("run.sock").exists(), "the socket is where the config says");
    assert!(!site.path(SOCKET).exists(), "and not at its usual place");
    site.shown(&[ZONE]);
    server.stop();
    site.add("control = \"off\"");
    let server = site.start();
    site.run("status", &[]).expect(2, &["off"]);
    server.stop();
    site.add(&format!("control = \"{}\"", "x".repeat(120)));
    site.run("check", &[]).expect(2, &["longer than"]);
}

#[test]
fn however_many_questions_miss_the_lists_are_looked_at_once_an_interval_and_each_miss_is_counted() {
    let config = "[sync]\ninterval = \"1h\"\nmiss_interval = \"1h\"";
    let upstream = Upstream::serving("");
    let site = Site::new().with_list("a.txt", LIST).with_upstream(&upstream).with_config(config);
    let server = site.start();
    let zone = "privatelink.queue.core.windows.net";
    let passes =
        || site.status()["sync"]["passes"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let ask = |from: u32| {
        for n in from..from + 100 {
            server.ask(&format!("missing{n}.{zone}"), "A");
        }
    };
    assert_eq!(passes(), 1, "the one at the start");
    ask(0);
    wait_until("the lists are looked at early", || passes() == 2);
    ask(100);
    // A pass that the questions set off would come before the pass of a later file event.
    let corp = "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n";
    site.write_zone("corp.example", corp);
    server.until_resolves("corp.example", "10.0.0.1");
    assert_eq!(passes(), 2);
    assert_eq!(named(&site.status()["zones"], "zone", zone)["misses"], 200);
    site.shown(&["200 not found"]);
    server.stop();
}

#[test]
fn a_server_with_another_config_that_answers_at_our_socket_is_not_taken_for_ours() {
    let site = Site::new().with_list("a.txt", LIST);
    let server = site.start();
    let other = site.path("other.toml");
    let socket = site.path(SOCKET);
    std::fs::write(&other, format!("zone_dir = \"zones\"\ncontrol = {socket:?}\n[backup]\ncloud = \"public\"\n"))
        .unwrap();
    for verb in [&["status"][..], &["reload"], &["flush", "www.example"], &["sync", "--running"]] {
        let output = std::process::Command::new(crate::support::site::BINARY)
            .args(verb)
            .arg("--config")
            .arg(&other)
            .output()
            .unwrap();
        let ran = crate::support::site::Ran::from(output);
        ran.expect(1, &["runs with another config", "privatelink-dns.toml"]);
    }
    server.stop();
}
