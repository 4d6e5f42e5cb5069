//! `[feed]` on the real binary: the files of the RPZ feed and the catalog follow the zones in service.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::support::client::ask;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const RPZ: &str = "rpz.privatelink";
const CATALOG: &str = "catalog.privatelink";
const CORP: &str = "$TTL 10\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nwww CNAME acct.blob.core.windows.net.\n";
const FEED: &str = "[feed]\nrpz = \"rpz.privatelink\"\ncatalog = \"catalog.privatelink\"";

fn list(address: &str) -> String {
    format!("{address} acct.blob.core.windows.net\n10.1.0.9 1-ab-pod01-rec2.privatelink.we.backup.windowsazure.com\n")
}

fn site() -> Site {
    Site::new()
        .with_list("a.txt", list("10.1.0.1"))
        .with_zone("corp.example", CORP)
        .with_config("[backup]\ngeos = [\"we\"]\n[sync]\nmax_removed = \"100%\"")
        .with_config(FEED)
}

/// The serial of a zone file; 0 if there is none.
fn serial(site: &Site, apex: &str) -> u32 {
    let text = site.zone(apex);
    let soa = text.lines().find(|line| line.contains(" SOA "));
    soa.and_then(|soa| soa.split(' ').nth(5)?.parse().ok()).unwrap_or_default()
}

fn until_feed_has(site: &Site, line: &str) {
    wait_until(&format!("the feed has '{line}'"), || site.zone(RPZ).lines().any(|has| has == line));
}

#[test]
fn a_change_of_a_list_is_in_the_feed_within_a_moment_under_every_name_that_leads_to_it() {
    let site = site();
    let server = site.start();
    until_feed_has(&site, "acct.privatelink.blob.core.windows.net A 10.1.0.1");
    let catalog = serial(&site, CATALOG);
    for round in 2..5_u32 {
        let (before, address) = (serial(&site, RPZ), format!("10.1.0.{round}"));
        site.rename_list("a.txt", list(&address));
        until_feed_has(&site, &format!("acct.blob.core.windows.net A {address}"));
        let feed = site.zone(RPZ);
        for name in ["acct.privatelink.blob.core.windows.net", "www.corp.example"] {
            assert!(feed.contains(&format!("{name} A {address}\n")), "{name}: {feed}");
        }
        assert!(feed.contains("*.privatelink.we.backup.windowsazure.com CNAME .\n"), "{feed}");
        assert!(!feed.contains("10.1.0.1\n"), "{feed}");
        assert!(serial(&site, RPZ) > before);
    }
    let zones = site.zone(CATALOG);
    assert!(zones.contains(" PTR privatelink.we.backup.windowsazure.com.\n"), "{zones}");
    assert!(zones.contains(" PTR corp.example.\n") && !zones.contains("blob"), "{zones}");
    assert_eq!(serial(&site, CATALOG), catalog, "no zone came or went");
    server.stop();
}

#[test]
fn rfc8914_a_name_in_the_feed_is_refused_and_no_upstream_is_asked_for_it() {
    let upstream = Upstream::serving("");
    let site = site().with_upstream(&upstream);
    let server = site.start();
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.1");
    wait_until("the feed is in service", || !site.status()["derived"][1]["serial"].is_null());
    for name in [RPZ, CATALOG, "acct.blob.core.windows.net.rpz.privatelink", "version.catalog.privatelink"] {
        for qtype in ["A", "SOA", "DS", "ANY"] {
            for tcp in [false, true] {
                let question = ask(name, qtype);
                let reply = if tcp { question.tcp() } else { question }.to(server.address());
                assert_eq!((reply.rcode.as_str(), reply.ede()), ("REFUSED", Some(18)), "{name} {qtype}: {reply}");
            }
        }
    }
    assert_eq!(upstream.questions().iter().filter(|asked| asked.contains("privatelink")).count(), 0);
    server.stop();
}

#[test]
fn a_restart_moves_no_serial() {
    let site = site();
    let server = site.start();
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.1");
    let before = [RPZ, CATALOG].map(|apex| site.zone(apex));
    server.stop();
    let server = site.start();
    wait_until("the feed is in service", || !site.status()["derived"][1]["serial"].is_null());
    server.until_idle();
    assert_eq!([RPZ, CATALOG].map(|apex| site.zone(apex)), before);
    server.stop();
}

/// A zone that sync writes, the feed, and the catalog.
const WRITTEN: [&str; 3] = ["privatelink.blob.core.windows.net", RPZ, CATALOG];

/// Waits until each zone is on disk, and has a later serial than before.
fn until_later(site: &Site, before: [u32; 3]) -> [u32; 3] {
    wait_until("every zone is written", || WRITTEN.iter().all(|apex| serial(site, apex) > 0));
    let now = WRITTEN.map(|apex| serial(site, apex));
    assert!(now.iter().zip(before).all(|(now, before)| *now > before), "{before:?} -> {now:?}");
    now
}

/// Loses every file that the server wrote into its zone folder.
fn lose(site: &Site) {
    for apex in WRITTEN {
        fs::remove_file(site.path(&format!("zones/{apex}.zone"))).unwrap();
    }
}

#[test]
fn rfc1982_no_serial_goes_back_when_zones_are_lost_though_serials_are_ahead_of_the_clock() {
    let site = site().with_config("state_dir = \"state\"");
    let server = site.start();
    let first = until_later(&site, [0; 3]);
    server.stop();
    // As after more than one change a second for long, or with a clock that was ahead. The year is 2065.
    for (apex, serial) in WRITTEN.into_iter().zip(first) {
        site.write_zone(apex, &site.zone(apex).replace(&serial.to_string(), "3000000000"));
    }
    let server = site.start();
    wait_until("the feed is in service", || !site.status()["derived"][1]["serial"].is_null());
    site.rename_list("a.txt", list("10.1.0.2"));
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.2");
    assert_eq!([WRITTEN[0], RPZ].map(|apex| serial(&site, apex)), [3_000_000_001; 2]);
    // The server runs, and knows what it serves.
    server.until_idle();
    lose(&site);
    site.rename_list("a.txt", list("10.1.0.3"));
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.3");
    let last = until_later(&site, [3_000_000_001, 3_000_000_001, 3_000_000_000]);
    server.stop();
    // Nobody does but the state.
    lose(&site);
    site.rename_list("a.txt", list("10.1.0.4"));
    let server = site.start();
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.4");
    until_later(&site, last);
    server.stop();
}

#[test]
fn a_server_that_is_killed_while_it_writes_leaves_a_whole_feed_and_a_serial_that_never_goes_back() {
    let site = site();
    let mut last = 0;
    for round in 1..=20_u8 {
        let address = format!("10.1.1.{round}");
        site.rename_list("a.txt", list(&address));
        let mut server = site.start();
        if round % 4 == 0 {
            until_feed_has(&site, &format!("acct.blob.core.windows.net A {address}"));
        }
        server.signal(Signal::SIGKILL);
        server.ended();
        let feed = site.zone(RPZ);
        if feed.is_empty() {
            continue;
        }
        assert!(feed.ends_with('\n'), "{feed}");
        let whole = feed.lines().filter(|line| line.starts_with("acct.") || line.starts_with("www.")).count();
        assert_eq!(whole, 3, "{feed}");
        let now = serial(&site, RPZ);
        assert!(now >= last, "{now} after {last}");
        last = now;
    }
    assert!(last > 0);
}

#[test]
fn a_frozen_server_writes_no_feed_and_thaw_makes_it() {
    let site = site();
    let server = site.start();
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.1");
    site.run("freeze", &[]).expect(0, &[]);
    let before = site.zone(RPZ);
    // A hand-written file is no part of the sync, and what it says is in service.
    site.write_zone("corp.example", &CORP.replace("www", "web"));
    wait_until("the zone is in service", || {
        site.status()["zones"][0]["contents"].is_number() && {
            server.ask("web.corp.example", "CNAME").rcode.as_str() == "NOERROR"
        }
    });
    server.until_idle();
    assert_eq!(site.zone(RPZ), before);
    site.run("thaw", &[]).expect(0, &[]);
    until_feed_has(&site, "web.corp.example A 10.1.0.1");
    server.stop();
}

#[test]
fn a_disk_without_room_is_one_line_and_heals_and_the_answers_are_untouched() {
    // One list longer than the other, so that the zones fit and the feed, which has each name twice, does not.
    let name = |n: u8| format!("10.2.0.{n} name{n}.blob.core.windows.net\n");
    let names: String = (0..40).map(name).collect();
    let site = site();
    let serve = site.command("serve");
    // A program that runs out of room is not killed for it, as SIGXFSZ would.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    let server = Server::start(command);
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.1");
    let limit = |size: &str| {
        let (pid, size) = (server.pid().to_string(), format!("--fsize={size}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &size]).status().unwrap().success());
    };
    limit("4096");
    let before = site.zone(RPZ);
    site.rename_list("a.txt", list("10.1.0.1") + &names);
    server.until_resolves("name7.privatelink.blob.core.windows.net", "10.2.0.7");
    let said = "the file on disk is the last good one";
    server.until_says(said, 0);
    assert_eq!(site.zone(RPZ), before);
    wait_until("the status says it", || {
        let status = site.status();
        let findings = status["verdict"]["findings"].to_string();
        status["derived"][1]["degraded"][0]["id"] == "zone-unwritable"
            && findings.contains("rpz.privatelink is not up to date")
    });
    assert_eq!(server.stderr().matches(said).count(), 1, "{}", server.stderr());
    limit("unlimited");
    until_feed_has(&site, "name7.blob.core.windows.net A 10.2.0.7");
    wait_until("the feed is good", || site.status()["derived"][1]["degraded"].as_array().unwrap().is_empty());
    server.stop();
}

#[test]
fn check_says_what_the_feed_cannot_hold_and_which_files_are_in_its_way() {
    let corp = format!("{CORP}*.apps A 10.0.0.7\nfar CNAME other.example.net.\n");
    let mut site = site().with_zone("corp.example", &corp);
    site.sync();
    site.run("check", &[]).expect(
        0,
        &[
            "zone 'corp.example': the RPZ feed leaves out 1 wildcard ('*.apps'",
            "1 CNAME ('far': to names without an address here)",
            "it denies no other name of the zone",
        ],
    );
    site.write_zone(RPZ, CORP);
    let own = ["rpz.privatelink.zone: [feed] names this zone, and the file is none that the server made"];
    site.run("check", &[]).expect(2, &own);
    let server = site.start();
    site.shown(&own);
    server.stop();
    assert_eq!(site.zone(RPZ), CORP, "never overwritten");
    fs::remove_file(site.path("zones/rpz.privatelink.zone")).unwrap();
    let server = site.start();
    until_feed_has(&site, "acct.blob.core.windows.net A 10.1.0.1");
    server.stop();
    site.remove_config("feed");
    site.run("check", &[])
        .expect(0, &["rpz.privatelink.zone: [feed] made this file and does not name its zone any more"]);
    let server = site.start();
    assert_ne!(server.ask("acct.blob.core.windows.net.rpz.privatelink", "A").addresses(), ["10.1.0.1"], "no zone");
    assert_eq!(site.status()["derived"].as_array().map(Vec::len), Some(0));
    server.stop();
}
