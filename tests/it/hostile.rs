//! Files as an attack: none ends the server, harms other files' contents, or writes to a terminal.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use nix::sys::signal::Signal;

use crate::support::client::ask;
use crate::support::server::process_status;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::{is_at, wait_until};

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

/// JSON within JSON text, each level of the parser's own depth.
fn text_within_text(levels: usize) -> String {
    let mut json = "1".to_owned();
    for _ in 0..levels {
        json = format!("{{\"aText\": {}}}", serde_json::to_string(&format!("[{json}]")).unwrap());
        if json.len() > 1 << 20 {
            break;
        }
    }
    json
}

/// Lists, zone files and configs that are made to do harm.
fn bombs() -> Vec<(&'static str, String)> {
    let name = "a.".repeat(100) + "blob.core.windows.net";
    vec![
        ("text-in-text.json", text_within_text(16)),
        ("brackets.json", "[".repeat(2_000_000)),
        ("objects.json", "{\"a\":".repeat(500_000)),
        ("values.json", format!("[{}0]", "0,".repeat(8_000_000))),
        (
            "keys.json",
            format!("{{{}\"z\":1}}", (0..60_000).map(|n| format!("\"k{n}\":1,")).collect::<Vec<_>>().concat()),
        ),
        ("product.txt", format!("{{{}}} {}\n", "10.0.0.1 ".repeat(4_000), "x.blob.core.windows.net ".repeat(4_000))),
        ("one-line.txt", "10.0.0.1 ".repeat(300_000)),
        ("labels.txt", format!("10.0.0.1 {name}\n").repeat(2_000)),
        ("product.json", {
            let names = vec!["\"y.blob.core.windows.net\""; 3_000].join(",");
            let addresses = vec!["\"10.0.0.1\""; 3_000].join(",");
            format!("[{{\"fqdns\": [{names}], \"ipAddresses\": [{addresses}]}}]")
        }),
        ("dots.toml", format!("{} = 1\n", vec!["a"; 200_000].join("."))),
    ]
}

#[test]
fn a_list_that_is_a_bomb_ends_no_server_and_takes_no_other_list_along() {
    for (name, bomb) in bombs() {
        // However slow the machine is.
        let patient = "[sync]\npass_deadline = \"10m\"\n";
        let site = Site::new().with_list("good.txt", LIST).with_list(name, bomb).with_config(patient);
        let server = site.start();
        assert_eq!(server.resolves(NAME), ["10.1.0.1"], "{name}");
        let status = site.status();
        let source = status["sources"].as_array().unwrap().iter().find(|source| source["name"] == name).unwrap();
        // Nothing in these is an endpoint: they are read to their end, and harmless.
        let is_harmless = ["keys.json", "values.json"].contains(&name);
        assert_eq!(source["errors"].as_array().unwrap().is_empty(), is_harmless, "{name} says so: {source:#}");
        let peak = process_status(server.pid(), "VmHWM") / 1024;
        assert!((1..700).contains(&peak), "{name}: {peak} MB");
        site.run("check", &[]).expect(if is_harmless { 0 } else { 2 }, &[name]);
        server.stop();
    }
}

#[test]
fn a_bad_list_holds_up_no_other_and_its_last_good_contents_stand_through_a_restart() {
    let site = Site::new().with_list("a.txt", LIST).with_list("b.txt", "10.1.0.2 b.blob.core.windows.net\n");
    site.start().stop();
    site.write_list("a.txt", "10.1.0.1x acct.blob.core.windows.net\n");
    site.write_list("b.txt", "10.1.0.2 b.blob.core.windows.net\n10.1.0.3 c.blob.core.windows.net\n");
    let server = site.start();
    server.until_resolves("c.privatelink.blob.core.windows.net", "10.1.0.3");
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    let status = site.status();
    let sources = status["sources"].as_array().unwrap();
    assert!(is_at(&sources[0]["errors"][0], "a.txt", 1), "{sources:#?}");
    assert!(sources[0]["last_good"].is_u64(), "{sources:#?}");
    assert!(sources[1]["errors"].as_array().unwrap().is_empty(), "{sources:#?}");
    assert_eq!(status["sync"]["pass"]["outcome"], "incomplete");
    server.stop();
}

#[test]
fn a_list_that_was_never_good_removes_nothing_that_may_be_in_it() {
    let site = Site::new().with_list("a.txt", LIST).with_list("b.txt", "10.1.0.2 b.blob.core.windows.net\n");
    site.sync();
    std::fs::remove_dir_all(site.path("zones/.state")).unwrap();
    site.write_list("b.txt", "nonsense\n");
    site.run("sync", &[]).expect(1, &["b.txt:1", "other sources are not affected"]);
    assert!(site.zone("privatelink.blob.core.windows.net").contains("\nb A 10.1.0.2\n"));
}

#[test]
fn a_list_that_becomes_a_pipe_between_two_passes_hangs_nothing() {
    let site = Site::new().with_list("a.txt", LIST).with_config("[sync]\ninterval = \"1s\"");
    let server = site.start();
    std::fs::remove_file(site.list_path("a.txt")).unwrap();
    nix::unistd::mkfifo(&site.list_path("a.txt"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    site.run("sync", &["--running"]).expect(1, &["is a pipe, socket or device"]);
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn the_contents_of_a_list_and_the_names_of_files_move_no_cursor() {
    let evil = "ev\u{1b}[2J\r\nil.txt";
    let site = Site::new().with_config("[[sources]]\nname = \"all\"\npath = \"config/endpoints/*.txt\"");
    site.write_list(
        "a.txt",
        "10.1.0.1 acct.blob.core.windows.net\n10.1.0.2 x\u{9b}2J\u{7}\u{1b}]0;t\u{7}.example.org\n",
    );
    site.write_list(evil, "10.1.0.3 c.blob.core.windows.net\nx\u{8}\u{1b}[31m 10.1.0.4\n");
    site.write_list("go\u{1b}[2J\n\tod.txt", "10.1.0.5 d.blob.core.windows.net\n");
    let server = site.start();
    let said: Vec<String> =
        [("check", &[][..]), ("plan", &[]), ("sync", &[]), ("status", &[]), ("sync", &["--running"])]
            .into_iter()
            .map(|(verb, arguments)| site.run(verb, arguments).all())
            .chain([server.stderr()])
            .collect();
    for text in &said {
        let moves = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(moves), "{text:?}");
        let is_line = |line: &str| line.starts_with("il.txt") || line.starts_with("\tod.txt");
        assert!(!text.lines().any(is_line), "a name makes no line of its own: {text:?}");
    }
    let provenance = site.path("zones/.state/provenance/privatelink.blob.core.windows.net.txt");
    let kept = std::fs::read_to_string(provenance).unwrap();
    assert_eq!(kept.lines().filter(|line| line.starts_with("d\tA\t1\tall\t")).count(), 1, "{kept}");
    assert!(said[0].contains("ev\\u{1b}[2J\\r\\nil.txt"), "{}", said[0]);
    server.stop();
}

#[test]
fn an_upstreams_words_move_no_cursor_either() {
    let upstream = Upstream::serving("");
    let site = Site::new().with_upstream(&upstream);
    let ran = site.run("query", &["x\\027[2J.example"]);
    assert!(!ran.all().contains(|c: char| c.is_control() && c != '\n'), "{ran:?}");
}

#[test]
fn geo_codes_that_nobody_knows_make_no_zones_and_hold_up_nobody() {
    let made_up = |n| format!("10.1.0.9 x.q{n}x.backup.windowsazure.com\n");
    let list = (0..300).map(made_up).collect::<Vec<_>>().concat() + LIST;
    let site = Site::new().with_list("a.txt", list);
    site.run("check", &[]).expect(0, &["geo code 'q0x' is not known", "geos = [\"q0x\"]"]);
    let server = site.start();
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    let zones = std::fs::read_dir(site.path("zones")).unwrap();
    let zones = zones.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".zone")).count();
    assert_eq!(zones, 2, "blob and queue");
    server.stop();
    let mut site = site;
    site.add("[backup]\ngeos = [\"q0x\"]");
    site.sync();
    assert!(site.zone("privatelink.q0x.backup.windowsazure.com").contains("\nx A 10.1.0.9\n"), "consent is to name it");
}

#[test]
fn a_deaf_listener_in_the_sockets_place_holds_up_no_start() {
    let site = Site::new().with_list("a.txt", LIST);
    let socket = site.path("zones/.control.sock");
    let _deaf = UnixListener::bind(&socket).unwrap();
    let waiting: Vec<_> = (0..10_000)
        .map_while(|_| {
            let one = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
            one.set_nonblocking(true).unwrap();
            one.connect(&socket2::SockAddr::unix(&socket).unwrap()).ok().map(|()| one)
        })
        .collect();
    assert!(waiting.len() < 10_000, "the queue never fills");
    let server = site.start();
    server.until_says("another server already answers", 0);
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn a_user_who_may_only_read_the_zone_folder_cannot_hold_the_sync_off() {
    let site = Site::new().with_list("a.txt", LIST);
    std::fs::set_permissions(site.path("zones"), Permissions::from_mode(0o755)).unwrap();
    let folder = std::fs::File::open(site.path("zones")).unwrap();
    folder.try_lock().unwrap();
    site.sync();
    let mode = |path: &str| std::fs::metadata(site.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("zones/.privatelink-dns.lock"), 0o600);
    assert_eq!(mode("zones/.state"), 0o700, "nor read which lists there are");
}

#[test]
fn an_address_outside_allowed_targets_refuses_its_list_alone_and_check_says_so_too() {
    let site = Site::new()
        .with_list("a.txt", "20.60.0.1 public.blob.core.windows.net\n10.1.0.5 other.blob.core.windows.net\n")
        .with_list("b.txt", LIST);
    site.run("check", &[]).expect(2, &["a.txt:1:11: ", "has the address 20.60.0.1, which is outside allowed_targets"]);
    site.run("sync", &[]).expect(1, &["a.txt:1:11: ", "20.60.0.1"]);
    let zone = site.zone("privatelink.blob.core.windows.net");
    assert!(zone.contains("\nacct A 10.1.0.1\n"), "the other list goes on: {zone}");
    assert!(!zone.contains("\nother"), "nothing of the refused list goes in: {zone}");
}

#[test]
fn check_runs_the_guard_a_fault_that_no_consent_cures_is_an_error_and_a_change_that_can_be_approved_a_warning() {
    let site = Site::new().with_list("a.txt", LIST);
    site.sync();
    site.write_list("a.txt", "10.1.0.2 q.queue.core.windows.net\n");
    site.run("check", &[]).expect(0, &["warning", "would become empty", "until it is approved"]);
    site.write_zone("privatelink.blob.core.windows.net", "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n");
    site.write_list("a.txt", LIST);
    site.run("check", &[]).expect(2, &["not written by privatelink-dns"]);
}

#[test]
fn each_change_is_a_line_in_the_log_and_is_kept_and_each_record_knows_its_line_after_a_restart() {
    let site = Site::new().with_list("a.txt", LIST).with_config("[sync]\ninterval = \"1h\"");
    let server = site.start();
    site.rename_list("a.txt", "# moved\n10.1.0.9 acct.blob.core.windows.net\n");
    server.until_resolves(NAME, "10.1.0.9");
    server.until_says("before=\"10.1.0.1\" after=\"10.1.0.9\" source=\"a.txt\"", 0);
    let provenance = site.path("zones/.state/provenance/privatelink.blob.core.windows.net.txt");
    wait_until("it is remembered", || {
        std::fs::read_to_string(&provenance).is_ok_and(|text| text.contains("\t2\ta.txt\t"))
    });
    server.stop();
    let kept = std::fs::read_to_string(site.path("zones/.state/changes.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(kept.lines().last().unwrap()).unwrap();
    assert_eq!(last["name"], NAME);
    assert_eq!(last["before"][0], "10.1.0.1");
    assert_eq!(last["after"][0], "10.1.0.9");
    assert!(last["place"].as_str().unwrap().ends_with("a.txt:2"), "{last:#}");
    std::fs::remove_file(site.list_path("a.txt")).unwrap();
    site.start().stop();
    site.run("query", &[NAME]).expect(0, &["listed by a.txt (", "a.txt:2)"]);
}

#[test]
fn sigterm_is_heard_while_the_first_pass_is_busy() {
    let site = Site::new().with_list("values.json", format!("[{}0]", "{\"a\":0},".repeat(800_000)));
    let mut server = site.start();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn while_no_list_was_ever_read_every_backup_zone_is_servfail_and_the_ready_line_says_so() {
    let upstream = Upstream::serving(
        "x.we.backup.windowsazure.com. 60 CNAME x.privatelink.we.backup.windowsazure.com.\n\
         x.privatelink.we.backup.windowsazure.com. 60 A 40.112.1.1\nwww.example. 60 A 192.0.2.1\n",
    );
    let mut site = Site::new().with_upstream(&upstream).with_config(
        "[sync]\ninterval = \"1s\"\npass_deadline = \"200ms\"\n[[sources]]\nname = \"a\"\npath = \"config/endpoints/a.txt\"",
    );
    let server = site.start();
    for name in ["x.we.backup.windowsazure.com", "x.privatelink.we.backup.windowsazure.com"] {
        assert_eq!(ask(name, "A").to(server.address()).rcode, "SERVFAIL", "{name}");
    }
    assert_eq!(server.resolves("www.example"), ["192.0.2.1"]);
    server.until_says("privatelink.*.backup.windowsazure.com", 0);
    site.shown(&["no list was read yet", "privatelink.*.backup.windowsazure.com"]);
    site.run("check", &[]).expect(2, &["geos is not pinned"]);
    site.write_list("a.txt", LIST);
    wait_until("a list was read", || server.resolves("x.we.backup.windowsazure.com") == ["40.112.1.1"]);
    server.stop();
    site.add("[backup]\ngeos = [\"we\"]");
    assert!(!site.run("check", &[]).all().contains("geos is not pinned"));
}
