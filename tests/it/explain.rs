//! `explain`: each cause with the real binary, real lists and an upstream that plays public DNS.

use std::fs;

use serde_json::Value;

use crate::support::site::{Ran, Site};
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::support::web::get;

const BLOB: &str = "privatelink.blob.core.windows.net";

/// Public DNS: accounts with and without a private endpoint, other services, other clouds.
const PUBLIC: &str = "
acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
acct.privatelink.blob.core.windows.net. 60 CNAME blob.ams09prdstr07a.store.core.windows.net.
a1.blob.core.windows.net. 60 CNAME a1.privatelink.blob.core.windows.net.
a1.privatelink.blob.core.windows.net. 60 CNAME blob.ams09prdstr07a.store.core.windows.net.
plain.blob.core.windows.net. 60 CNAME blob.ams09prdstr07a.store.core.windows.net.
blob.ams09prdstr07a.store.core.windows.net. 60 A 20.60.1.1
acct.file.core.windows.net. 60 CNAME acct.privatelink.file.core.windows.net.
acct.privatelink.file.core.windows.net. 60 A 20.60.1.2
plain.file.core.windows.net. 60 A 20.60.1.3
acct.blob.core.chinacloudapi.cn. 60 A 20.60.1.4
www.contoso.com. 60 CNAME acct.blob.core.windows.net.
www.example. 60 A 20.60.1.5
host.corp.example. 60 A 10.9.0.1
";

/// A server with these lists, whose geo is `we`, behind public DNS.
fn site(upstream: &Upstream, lists: &[(&str, &str)]) -> Site {
    let site = Site::new().with_upstream(upstream).with_config("[backup]\ngeos = [\"we\"]\n");
    lists.iter().fold(site, |site, (name, text)| site.with_list(name, text))
}

fn upstream() -> Upstream {
    Upstream::serving(PUBLIC)
}

fn explain(site: &Site, arguments: &[&str]) -> Ran {
    site.run("explain", arguments)
}

/// The explanation as JSON; panics unless it has this cause and this exit code, something to do, and says this.
fn cause(site: &Site, arguments: &[&str], cause: &str, code: i32, said: &[&str]) -> Value {
    let ran = explain(site, &[arguments, &["--json"]].concat());
    let found: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    assert_eq!((found["cause"].as_str(), ran.code), (Some(cause), Some(code)), "{found:#}");
    let headline = found["headline"].as_str().unwrap();
    for text in said {
        assert!(headline.contains(text), "no '{text}' in {found:#}");
    }
    assert!(!found["what_to_do"].as_array().unwrap().is_empty(), "{found:#}");
    assert!(!ran.all().contains("SECRET"), "{ran:#?}");
    found
}

/// Waits until the last pass ended like this.
fn until_pass(site: &Site, outcome: &str) {
    wait_until(&format!("a pass that is {outcome}"), || site.status()["sync"]["pass"]["outcome"] == outcome);
}

#[test]
fn a_listed_account_is_private_with_the_line_that_lists_it_and_the_whole_chain() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "# vault\n10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    let ran = explain(&site, &["https://www.contoso.com/c?sv=2022&sig=SECRET"]);
    let list = site.list_path("we.txt");
    let first = format!("PRIVATE 10.1.0.5: we.txt ({}:2) lists it", list.display());
    assert_eq!((ran.stdout.lines().next(), ran.code), (Some(first.as_str()), Some(0)), "{ran:#?}");
    let by = format!("from upstream {}", upstream.address());
    ran.expect(
        0,
        &["www.contoso.com CNAME acct.blob.core.windows.net, ", &by, "cached until ", "last change ", "-> 10.1.0.5"],
    );
    ran.expect(
        0,
        &["acct.privatelink.blob.core.windows.net A 10.1.0.5, 10 s, from zone", "what was", "left aside"][..1],
    );
    assert!(!ran.all().contains("SECRET"), "{ran:#?}");
    for spelling in ["acct.blob.core.windows.net:443", "ACCT.privatelink.blob.core.windows.net.", "acct"] {
        let found = cause(&site, &[spelling], "listed", 0, &["PRIVATE 10.1.0.5", "we.txt:2"]);
        assert_eq!(found["record"]["name"], format!("acct.{BLOB}"), "{found:#}");
    }
    let second = explain(&site, &["www.contoso.com", "--json"]);
    assert!(second.stdout.contains(r#""kind": "cache""#), "the chain is in the server's own cache now: {second:#?}");
    cause(&site, &["10.1.0.5"], "address-listed", 0, &["PRIVATE 10.1.0.5", "in service for acct.privatelink.blob"]);
    cause(&site, &["10.1.0.6:443"], "address-unlisted", 1, &["FAILED 10.1.0.6"]);
    cause(&site, &["acct.blob.core.windows.net", "AAAA"], "no-data", 1, &["FAILED NOERROR", "no AAAA record"]);
}

#[test]
fn a_name_in_no_list_is_public_and_its_neighbours_are_named() {
    let upstream = upstream();
    let lists = [
        ("a.txt", "10.1.0.7 a1.queue.core.windows.net\n10.1.0.5 acct1.blob.core.windows.net\n"),
        ("b.txt", "10.1.0.8 b.blob.core.windows.net\n# 10.1.0.9 plain.blob.core.windows.net\n"),
    ];
    let site = site(&upstream, &lists);
    let _server = site.start();
    let found = cause(
        &site,
        &["a1.blob.core.windows.net"],
        "other-service",
        4,
        &["PUBLIC 20.60.1.1", "'a1' for blob", "a.txt:1", "for queue"],
    );
    assert_eq!(found["mentions"][0]["service"], "queue", "{found:#}");
    let found = cause(&site, &["acct.blob.core.windows.net"], "unlisted", 4, &["no list has 'acct' for blob"]);
    assert_eq!(found["nearest"][0], format!("acct1.{BLOB}"), "{found:#}");
    cause(&site, &["plain.blob.core.windows.net"], "in-comment", 4, &["b.txt:2", "in a comment"]);
    let label = cause(&site, &["nobody"], "label-unknown", 1, &["FAILED nobody"]);
    assert!(label["what_to_do"].to_string().contains("explain nobody.blob.core.windows.net"), "{label:#}");
}

#[test]
fn an_account_without_a_hop_through_privatelink_is_told_that_its_connection_is_not_approved() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 plain.blob.core.windows.net\n")]);
    let _server = site.start();
    cause(
        &site,
        &["plain.blob.core.windows.net"],
        "no-privatelink-hop",
        4,
        &["PUBLIC 20.60.1.1", "we.txt:1", "probably not approved"],
    );
}

#[test]
fn names_of_other_services_and_clouds_are_public_for_their_own_reasons() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    cause(&site, &["acct.file.core.windows.net"], "privatelink-not-hosted", 4, &["privatelink.file.core.windows.net"]);
    cause(&site, &["plain.file.core.windows.net"], "service-not-hosted", 4, &["file shares"]);
    cause(&site, &["acct.blob.core.chinacloudapi.cn"], "other-cloud", 4, &["china cloud", "cloud = \"public\""]);
    cause(&site, &["www.example"], "no-endpoint-name", 4, &["no name of a private endpoint"]);
    cause(&site, &["host.corp.example"], "upstream-private", 0, &["PRIVATE 10.9.0.1", "says so"]);
    cause(&site, &["nobody.example"], "no-such-name", 1, &["FAILED NXDOMAIN", "says that the name does not exist"]);
}

#[test]
fn a_backup_name_fails_for_the_reason_that_it_has() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 1-ab-pod01-fc1.we.backup.windowsazure.com\n")]);
    let _server = site.start();
    let private = "1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com";
    cause(&site, &[private], "listed", 0, &["PRIVATE 10.1.0.5", "we.txt:1"]);
    cause(
        &site,
        &["1-ab-pod01-fc1.we.backup.windowsazure.com"],
        "backup-public-name",
        1,
        &["FAILED NXDOMAIN", private, "10.1.0.5"],
    );
    cause(
        &site,
        &["1-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"],
        "unlisted",
        1,
        &["FAILED NXDOMAIN", "geo 'we'"],
    );
    cause(&site, &["1-ab-pod01-fc1.privatelink.ne.backup.windowsazure.com"], "geo-not-hosted", 1, &["geo code 'ne'"]);
    let found =
        cause(&site, &["1-ab-pod01-fc1.privatelink.westeurope.backup.windowsazure.com"], "region-name", 1, &["'we'"]);
    assert!(found["what_to_do"].to_string().contains(private), "{found:#}");
    cause(&site, &["1-ab-pod01-fc1.privatelink.we.backup.windowsazur.com"], "bad-name", 1, &["did you mean"]);
}

#[test]
fn a_change_that_waits_for_consent_is_named_with_the_digest_that_approves_it() {
    let upstream = upstream();
    let list = |start: u8| {
        (start..start + 5).map(|n| format!("10.1.0.{n} acct{n}.blob.core.windows.net")).collect::<Vec<_>>().join("\n")
    };
    let site = site(&upstream, &[("we.txt", &list(1))]);
    let _server = site.start();
    site.write_list("we.txt", list(6));
    site.run("sync", &["--running"]).expect(5, &[]);
    let found = cause(
        &site,
        &["acct1.privatelink.blob.core.windows.net"],
        "listed-change-held",
        0,
        &["PRIVATE 10.1.0.1", "its removal"],
    );
    let digest = found["held"][0]["digest"].as_str().unwrap();
    let ran = explain(&site, &["acct1.privatelink.blob.core.windows.net"]);
    ran.expect(
        0,
        &[
            &format!("privatelink-dns sync --running --approve {digest} --config"),
            "waits for consent",
            "would become empty",
        ][..2],
    );
    site.run("sync", &["--approve", digest]).expect(0, &[]);
    wait_until("the change is in service", || {
        explain(&site, &["acct1.privatelink.blob.core.windows.net"]).code == Some(1)
    });
    cause(
        &site,
        &["acct1.privatelink.blob.core.windows.net"],
        "unlisted",
        1,
        &["FAILED NXDOMAIN", "no list has 'acct1'"],
    );
}

#[test]
fn lists_that_disagree_are_named_whether_or_not_the_record_is_in_service() {
    let upstream = upstream();
    let lists = [("a.txt", "10.1.0.5 acct.blob.core.windows.net\n"), ("b.txt", "10.1.0.9 b.blob.core.windows.net\n")];
    let site = site(&upstream, &lists);
    let _server = site.start();
    site.write_list(
        "b.txt",
        "10.1.0.6 acct.blob.core.windows.net\n10.1.0.9 b.blob.core.windows.net\n10.2.0.1 a1.blob.core.windows.net\n",
    );
    site.write_list("a.txt", "10.1.0.5 acct.blob.core.windows.net\n10.2.0.2 a1.blob.core.windows.net\n");
    site.run("sync", &["--running"]);
    let both = ["a.txt:1) says 10.1.0.5", "b.txt:1) says 10.1.0.6"];
    cause(&site, &["acct.blob.core.windows.net"], "listed-conflict", 0, &[&["PRIVATE 10.1.0.5"], &both[..]].concat());
    let both = ["a.txt:2) says 10.2.0.2", "b.txt:3) says 10.2.0.1"];
    cause(&site, &["a1.blob.core.windows.net"], "conflict", 4, &[&["PUBLIC 20.60.1.1"], &both[..]].concat());
}

#[test]
fn a_list_that_is_refused_or_away_is_named_with_its_error() {
    let upstream = upstream();
    let site = site(
        &upstream,
        &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n"), ("b.txt", "10.1.0.6 b.blob.core.windows.net\n")],
    );
    let _server = site.start();
    let broken =
        "10.1.0.5 acct.blob.core.windows.net\n10.0.0.300 x.blob.core.windows.net\n10.1.0.7 a1.blob.core.windows.net\n";
    site.write_list("we.txt", broken);
    until_pass(&site, "incomplete");
    let said = ["PUBLIC 20.60.1.1", "we.txt:3", "the list is refused", "we.txt:2", "10.0.0.300"];
    cause(&site, &["a1.blob.core.windows.net"], "list-refused", 4, &said);
    cause(
        &site,
        &["acct.blob.core.windows.net"],
        "listed-last-good",
        0,
        &["PRIVATE 10.1.0.5", "we.txt:2", "10.0.0.300"],
    );
    fs::remove_file(site.list_path("we.txt")).unwrap();
    site.run("sync", &["--running"]);
    cause(&site, &["plain.blob.core.windows.net"], "list-unreadable", 4, &["source 'we.txt'", "cannot read the list"]);
}

#[test]
fn an_endpoint_whose_connection_is_not_approved_is_named_with_its_state() {
    let upstream = upstream();
    let list = r#"[{"name": "pe-1", "privateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Pending"}}],
        "customDnsConfigs": [{"fqdn": "a1.blob.core.windows.net", "ipAddresses": ["10.1.0.7"]}]},
        {"name": "pe-2", "privateLinkServiceConnections": [{"privateLinkServiceConnectionState": {"status": "Approved"}}],
        "customDnsConfigs": [{"fqdn": "acct.blob.core.windows.net", "ipAddresses": ["10.1.0.5"]}]}]"#;
    let site = site(&upstream, &[("pe.json", list)]);
    let _server = site.start();
    let said = ["PUBLIC 20.60.1.1", "pe.json:2", "private endpoint 'pe-1' is Pending"];
    cause(&site, &["a1.blob.core.windows.net"], "not-approved", 4, &said);
    cause(&site, &["acct.blob.core.windows.net"], "listed", 0, &["private endpoint"][..0]);
}

#[test]
fn a_client_outside_the_access_list_is_told_so() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    let said = ["FAILED REFUSED", "192.0.2.7 is not in [access] allow"];
    cause(&site, &["acct.blob.core.windows.net", "--client", "192.0.2.7"], "not-allowed", 1, &said);
    cause(&site, &["acct.blob.core.windows.net", "--client", "127.0.0.9"], "listed", 0, &["PRIVATE"]);
    explain(&site, &["acct.blob.core.windows.net", "--client", "nobody"]).expect(2, &["'nobody' is no IP address"]);
}

#[test]
fn an_upstream_that_is_down_is_named_and_our_own_public_names_are_answered_without_it() {
    let mut upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    upstream.kill();
    let address = upstream.address().to_string();
    cause(&site, &["www.example"], "upstream-down", 1, &["FAILED SERVFAIL", &address]);
    let said = ["PRIVATE 10.1.0.5", "from its own zone", "we.txt:1"];
    cause(&site, &["acct.blob.core.windows.net"], "synthesized", 0, &said);
}

#[test]
fn a_zone_without_a_good_copy_and_a_zone_of_a_person_speak_for_themselves() {
    let upstream = upstream();
    let good = "@ 60 SOA ns. h. 1 2 3 4 5\n@ 60 NS ns.\nhost 60 A 10.3.0.1\nweb 60 A 20.1.1.1\n";
    let site = site(&upstream, &[]).with_zone("hand.example", good).with_zone("bad.example", "@ 60 SOA nonsense\n");
    let _server = site.start();
    cause(&site, &["host.hand.example"], "by-hand", 0, &["PRIVATE 10.3.0.1", "hand.example.zone"]);
    cause(&site, &["web.hand.example"], "by-hand", 4, &["PUBLIC 20.1.1.1", "hand.example.zone"]);
    cause(&site, &["nobody.hand.example"], "not-in-zone", 1, &["FAILED NXDOMAIN", "hand.example.zone"]);
    cause(&site, &["x.bad.example"], "no-good-copy", 1, &["FAILED SERVFAIL", "bad.example.zone:1"]);
}

#[test]
fn while_no_list_was_read_every_backup_name_says_so() {
    let upstream = upstream();
    let site = Site::new().with_upstream(&upstream).with_list("we.txt", "10.0.0.300 acct.blob.core.windows.net\n");
    let _server = site.start();
    let name = "1-ab-pod01-fc1.privatelink.we.backup.windowsazure.com";
    cause(&site, &[name], "no-list-read", 1, &["FAILED SERVFAIL", "no list has been read yet", "we.txt:1"]);
}

#[test]
fn a_zone_that_cannot_be_written_is_named_with_the_error() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    // A folder stands where the temporary file is to be written, which stops root too.
    let in_the_way = site.path("zones/.privatelink-dns.tmp");
    fs::create_dir(&in_the_way).unwrap();
    fs::write(in_the_way.join("x"), "").unwrap();
    site.write_list("we.txt", "10.1.0.5 acct.blob.core.windows.net\n10.1.0.7 a1.blob.core.windows.net\n");
    until_pass(&site, "failed");
    let found =
        cause(&site, &["a1.blob.core.windows.net"], "not-written", 4, &["PUBLIC 20.60.1.1", "we.txt:2", "cannot"]);
    assert!(found["lists"].as_array().unwrap().is_empty(), "{found:#}");
}

#[test]
fn what_is_no_name_is_usage_and_without_a_server_it_fails() {
    let upstream = upstream();
    let site = site(&upstream, &[]);
    explain(&site, &["sv=2022&sig=SECRET"]).expect(2, &["no name, URL or address"]);
    explain(&site, &["a..b"]).expect(2, &["'a..b' is not a domain name: empty label"]);
    explain(&site, &["www.example", "NOTYPE"]).expect(2, &["NOTYPE"]);
    explain(&site, &["www.example", "AXFR"]).expect(2, &["AXFR"]);
    explain(&site, &["www.example"]).expect(1, &["no server is running"]);
}

#[test]
fn what_waits_for_the_end_of_a_freeze_says_so() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")]);
    let _server = site.start();
    site.run("freeze", &["audit of the vaults"]).expect(0, &[]);
    site.write_list("we.txt", "10.1.0.9 acct.blob.core.windows.net\n10.1.0.7 a1.blob.core.windows.net\n");
    site.run("sync", &["--running"]);
    let said = ["PRIVATE 10.1.0.5", "the server is frozen (audit of the vaults)", "10.1.0.9 of we.txt", "we.txt:1"];
    cause(&site, &["acct.blob.core.windows.net"], "listed-frozen", 0, &said);
    let said = ["PUBLIC 20.60.1.1", "10.1.0.7 of we.txt", "the server is frozen (audit of the vaults)"];
    let found = cause(&site, &["a1.blob.core.windows.net"], "frozen", 4, &said);
    assert!(found["what_to_do"].to_string().contains("privatelink-dns thaw"), "{found:#}");
}

#[test]
fn the_page_of_the_admin_listener_explains_by_a_form_and_links_to_it_from_each_missed_name() {
    let upstream = upstream();
    let site = site(&upstream, &[("we.txt", "10.1.0.5 acct.blob.core.windows.net\n")])
        .with_config("[admin]\nlisten = \"127.0.0.1:0\"\nprobe = \"127.0.0.1:0\"");
    let server = site.start();
    let empty = get(server.admin(), "/explain");
    assert_eq!(empty.code, 200);
    assert!(empty.body.contains("<form action=\"explain\" method=\"get\""), "{}", empty.body);
    let asked = "name=https%3A%2F%2Facct.blob.core.windows.net%2Fc%3Fsig%3DSECRET&type=&client=";
    let page = get(server.admin(), &format!("/explain?{asked}"));
    assert_eq!((page.code, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.contains("10.1.0.5: we.txt ("), "{}", page.body);
    assert!(page.body.contains("lists it") && !page.body.contains("SECRET"), "{}", page.body);
    let json = get(server.admin(), &format!("/explain.json?{asked}"));
    let found: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!((found["cause"].as_str(), found["verdict"].as_str()), (Some("listed"), Some("private")), "{found:#}");
    assert_eq!(get(server.admin(), "/explain?name=a..b").code, 400);
    assert_eq!(get(server.admin(), "/explain.json").code, 400);
    assert_eq!(get(server.probe(), "/explain?name=acct").code, 404);
    server.resolves("nobody.privatelink.we.backup.windowsazure.com");
    wait_until("the page links to what explains the missed name", || {
        get(server.admin(), "/").body.contains("explain?name=nobody.privatelink.we.backup.windowsazure.com")
    });
}
