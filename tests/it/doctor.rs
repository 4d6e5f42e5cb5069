//! `doctor` on the real binary, in a world of real servers, sockets and files.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::site::{BINARY, Ran, Site};
use crate::support::upstream::Upstream;

const ACCOUNT: &str = "wepod01prot1.blob.core.windows.net";
const HOP: &str = "wepod01prot1.privatelink.blob.core.windows.net";

/// A vault with an account for its data.
const LIST: &str = "10.1.0.1 71-ab-pod01-id1.privatelink.we.backup.windowsazure.com\n\
    10.1.0.2 71-ab-pod01-rec2.privatelink.we.backup.windowsazure.com\n\
    10.1.0.3 71-ab-pod01-prot1.privatelink.we.backup.windowsazure.com\n\
    10.1.0.7 wepod01prot1.blob.core.windows.net\n";

/// What public DNS says.
const PUBLIC: &str = "wepod01prot1.blob.core.windows.net. 60 CNAME wepod01prot1.privatelink.blob.core.windows.net.\n\
    wepod01prot1.privatelink.blob.core.windows.net. 60 CNAME blob.ams09.store.core.windows.net.\n\
    blob.ams09.store.core.windows.net. 60 A 20.60.1.1\n\
    login.microsoftonline.com. 60 A 20.190.128.1\n\
    management.azure.com. 60 A 20.190.128.2\n\
    login.microsoft.com. 60 A 20.190.128.3\n\
    login.windows.net. 60 A 20.190.128.4\n\
    graph.microsoft.com. 60 A 20.190.128.5\n";

/// The findings of a run, by id: the state and the fact of each, and what to do.
struct Findings(BTreeMap<String, Vec<(String, String)>>);

impl Findings {
    /// Runs `doctor --json` with more arguments; it must end with this code.
    #[track_caller]
    fn of(site: &Site, arguments: &[&str], code: i32) -> Self {
        let all: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let ran = site.run("doctor", &all);
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        Self::read(&ran.stdout)
    }

    fn read(text: &str) -> Self {
        let report: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(report["version"], 1);
        let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for section in report["sections"].as_array().unwrap() {
            for finding in section["findings"].as_array().unwrap() {
                let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
                let fact = format!("{} {}", text("fact"), text("to_do"));
                found.entry(text("id")).or_default().push((text("state"), fact));
                assert!(text("why").ends_with('.') && !text("title").is_empty(), "{finding}");
            }
        }
        Self(found)
    }

    /// Panics unless a finding of this check has this state and says all of these.
    #[track_caller]
    fn expect(&self, id: &str, state: &str, texts: &[&str]) {
        let found = self.0.get(id).unwrap_or_else(|| panic!("no {id} in {:#?}", self.0));
        let is_it = |(of, fact): &&(String, String)| of == state && texts.iter().all(|text| fact.contains(text));
        assert!(found.iter().any(|finding| is_it(&finding)), "no {state} {id} with {texts:?} in {found:#?}");
    }

    /// Panics if a finding of this check has this state.
    #[track_caller]
    fn expect_no(&self, id: &str, state: &str) {
        let found = self.0.get(id).map(Vec::as_slice).unwrap_or_default();
        assert!(found.iter().all(|(of, _)| of != state), "{id}: {found:#?}");
    }
}

fn site(list: &str, upstream: &Upstream) -> Site {
    Site::new()
        .with_list("a.txt", list)
        .with_upstream(upstream)
        .with_config("[backup]\ngeos = [\"we\"]\n[sync]\ninterval = \"1h\"\nallowed_targets = [\"10.1.0.0/24\"]")
}

#[test]
fn a_site_on_which_all_is_well_has_no_problem() {
    let upstream = Upstream::serving(PUBLIC);
    let site = site(LIST, &upstream);
    site.sync();
    let server = site.start();
    let through = server.address().to_string();
    // The test's own addresses are loopback ones, and whether its machine has a good clock is not its business.
    let ran = site.run("doctor", &["--json", "--through", &through]);
    assert!(matches!(ran.code, Some(1 | 3)), "{ran:#?}");
    let found = Findings::read(&ran.stdout);
    for id in ["PD101", "PD102", "PD103", "PD104", "PD105", "PD106", "PD108", "PD201", "PD202", "PD207", "PD209"] {
        found.expect(id, "good", &[]);
    }
    for id in ["PD210", "PD211", "PD212", "PD301", "PD302", "PD304", "PD305", "PD306", "PD307", "PD308"] {
        found.expect(id, "good", &[]);
    }
    for number in (401..=410).chain(501..=504).chain([701]) {
        found.expect(&format!("PD{number}"), "good", &[]);
    }
    found.expect("PD107", "warning", &["no other machine can reach it"]);
    found.expect("PD501", "good", &["4 of 4 over UDP"]);
    found.expect("PD502", "good", &["4 of 4 over TCP"]);
    found.expect("PD601", "skipped", &["--connect"]);
    let text = site.run("doctor", &[]).stdout;
    for said in [
        "[√] what is served",
        "[!] config",
        "PD107 ! the server listens",
        "why: Other machines",
        "run: the machine's own",
    ] {
        assert!(text.contains(said), "no '{said}' in {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour in a pipe: {text:?}");
}

#[test]
fn thousands_of_records_are_all_asked() {
    use std::fmt::Write as _;
    let mut list = String::new();
    for n in 0..3000 {
        writeln!(list, "10.1.{}.{} acct{n}.blob.core.windows.net", n / 250, n % 250 + 1).unwrap();
    }
    let upstream = Upstream::serving(PUBLIC);
    let site = site(&list, &upstream).with_config("[sync]\nallowed_targets = [\"10.1.0.0/16\"]");
    site.sync();
    let _server = site.start();
    let ran = site.run("doctor", &["--json"]);
    let found = Findings::read(&ran.stdout);
    found.expect_no("PD501", "problem");
    found.expect_no("PD502", "problem");
    assert!(site.counted("udp_queries") >= 3000, "{}", site.counted("udp_queries"));
}

#[test]
fn without_a_config_it_says_where_it_looked_and_what_it_still_can() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(BINARY);
    command.args(["doctor", "--json", "--config"]).arg(folder.path().join("none.toml"));
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let found = Findings::read(&ran.stdout);
    found.expect("PD101", "problem", &["cannot read the config", "--config FILE"]);
    found.expect("PD701", "good", &["Resolve-DnsName"]);
    assert!(found.0.contains_key("PD205"), "{:#?}", found.0);
}

#[test]
fn without_a_server_what_is_served_is_skipped_and_the_reason_is_said() {
    let site = Site::new().with_list("a.txt", LIST).with_config("listen = [\"127.0.0.1:0\"]");
    let found = Findings::of(&site, &[], 1);
    found.expect("PD209", "problem", &["no server is running with this config", "systemctl start"]);
    found.expect("PD501", "skipped", &["no server answers"]);
    found.expect("PD103", "warning", &["geos = [\"we\"]"]);
    found.expect("PD301", "problem", &["127.0.0.1:9"]);
    // Broken lines of the config are all shown, and the rest is checked all the same.
    site.write_raw_config("listen = [\"localhost:53\"]\n[sync]\ninterval = \"soon\"\n");
    let found = Findings::of(&site, &[], 1);
    found.expect("PD101", "problem", &["privatelink-dns.toml:1", "privatelink-dns.toml:3", "privatelink-dns check"]);
    found.expect("PD102", "problem", &["[backup]"]);
}

#[test]
fn the_process_that_holds_the_port_is_named() {
    let held = UdpSocket::bind("127.0.0.1:0").unwrap();
    let site = Site::new().with_config(&format!("listen = [\"{}\"]", held.local_addr().unwrap()));
    let found = Findings::of(&site, &[], 1);
    let process = format!("(process {})", std::process::id());
    found.expect("PD201", "problem", &[&process, "over UDP", "systemctl status"]);
}

#[test]
fn what_the_guard_holds_and_lists_that_disagree_are_no_fault_of_the_server() {
    let upstream = Upstream::serving(PUBLIC);
    let many = LIST.to_owned() + "10.1.0.8 acct8.blob.core.windows.net\n10.1.0.9 acct9.blob.core.windows.net\n";
    let site = site(&many, &upstream);
    site.sync();
    let _server = site.start();
    let moved = many.replace("10.1.0.7", "10.1.0.17").replace("10.1.0.8", "10.1.0.18").replace("10.1.0.9", "10.1.0.19");
    site.write_list("a.txt", moved);
    let ran = site.run("doctor", &["--json"]);
    let found = Findings::read(&ran.stdout);
    found.expect("PD410", "problem", &["privatelink.blob.core.windows.net", "--approve"]);
    found.expect(
        "PD501",
        "warning",
        &[HOP, "the guard holds the change back", "in service 10.1.0.7, listed 10.1.0.17"],
    );
    found.expect_no("PD501", "problem");
    found.expect_no("PD502", "problem");
    let site = site.with_list("b.txt", format!("10.1.0.99 {ACCOUNT}\n"));
    let ran = site.run("doctor", &["--json"]);
    let found = Findings::read(&ran.stdout);
    found.expect("PD403", "problem", &["10.1.0.99"]);
    found.expect("PD501", "warning", &[HOP, "lists disagree"]);
    found.expect_no("PD501", "problem");
}

#[test]
fn a_server_that_gives_something_else_is_found_with_the_line_of_the_list() {
    let upstream = Upstream::serving(PUBLIC);
    let wrong = Upstream::serving(&format!("{HOP}. 60 A 10.1.0.66\n"));
    let mut site = site(LIST, &upstream);
    site.sync();
    site.add(&format!("control = \"off\"\nlisten = [\"{}\"]", wrong.address()));
    let ran = site.run("doctor", &["--json"]);
    let found = Findings::read(&ran.stdout);
    found.expect("PD209", "skipped", &["control = \"off\""]);
    found.expect("PD501", "problem", &[HOP, "10.1.0.66, listed 10.1.0.7", "a.txt:4"]);
    found.expect("PD502", "problem", &["NXDOMAIN, listed 10.1.0.1", "a.txt:1"]);
}

#[test]
fn a_machine_outside_access_is_told_and_the_server_is_not_called_wrong() {
    let upstream = Upstream::serving(PUBLIC);
    let site = site(LIST, &upstream).with_config("[access]\nallow = [\"10.0.0.0/8\"]");
    site.sync();
    let _server = site.start();
    let ran = site.run("doctor", &["--json"]);
    let found = Findings::read(&ran.stdout);
    found.expect("PD503", "warning", &["refuses this machine's own address", "allow in [access]"]);
    found.expect("PD501", "skipped", &[]);
}

#[test]
fn an_account_without_an_approved_endpoint_is_found_in_its_public_chain() {
    let public = PUBLIC.replace(&format!("{ACCOUNT}. 60 CNAME {HOP}."), &format!("{ACCOUNT}. 60 A 20.60.1.1"));
    assert_ne!(public, PUBLIC);
    let upstream = Upstream::serving(&public);
    let site = site(LIST, &upstream);
    site.sync();
    let _server = site.start();
    let found = Findings::of(&site, &[], 1);
    found.expect("PD306", "problem", &[ACCOUNT, "no privatelink hop"]);
    found.expect("PD504", "problem", &[ACCOUNT, "20.60.1.1", "approve the endpoint"]);
}

#[test]
fn resolvers_that_do_not_forward_here_or_drop_private_addresses_are_told_apart() {
    let public = Upstream::serving(PUBLIC);
    let site = site(LIST, &public);
    let elsewhere = public.address().to_string();
    let found = Findings::of(&site, &["--through", &elsewhere], 1);
    found.expect("PD308", "problem", &["does not forward these names to this server", "20.60.1.1"]);
    // Only privatelink zones are forwarded.
    let half =
        Upstream::serving(&format!("{PUBLIC}71-ab-pod01-id1.privatelink.we.backup.windowsazure.com. 60 A 10.1.0.1\n"));
    let found = Findings::of(&site, &["--through", &half.address().to_string()], 1);
    found.expect("PD308", "problem", &["forwards some of these names here", "privatelink.* alone"]);
    // The name is there, and no address of it is left.
    let drops = Upstream::serving(&format!("{ACCOUNT}. 60 TXT \"x\"\n"));
    let found = Findings::of(&site, &["--through", &drops.address().to_string()], 1);
    found.expect("PD308", "problem", &["rebinding protection", "dnsmasq"]);
    let denies = Upstream::serving("other.example. 60 A 10.1.0.1\n");
    let found = Findings::of(&site, &["--through", &denies.address().to_string()], 1);
    found.expect("PD308", "problem", &["does not forward these names to this server", "NXDOMAIN"]);
}

const SECRETS: [&str; 3] =
    ["00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100", "0badc0de0badc0de0badc0de0badc0de"];

#[test]
fn a_bundle_has_what_support_asks_for_and_no_secret() {
    let upstream = Upstream::serving(PUBLIC);
    let secrets = format!("[cookies]\nsecrets = [\"{}\", \"{}\"]", SECRETS[0], SECRETS[1]);
    let site = site(LIST, &upstream).with_config(&secrets);
    let commented = std::fs::read_to_string(site.config_file()).unwrap() + "\n# secrets = [\"" + SECRETS[2] + "\"]\n";
    site.write_raw_config(&commented);
    site.sync();
    let _server = site.start();
    let bundle = site.path("bundle.tar");
    let path = bundle.to_str().unwrap();
    let ran = site.run("doctor", &["--bundle", path]);
    assert!(ran.stderr.contains("doctor.json") && ran.stderr.contains("what may be a secret is cut"), "{ran:#?}");
    assert_eq!(std::fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&bundle).unwrap();
    for secret in SECRETS {
        let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!is_there, "{secret} is in the bundle");
    }
    let files = unpacked(&bytes);
    for name in ["doctor.json", "status.json", "check.json", "plan.json"] {
        let text = files.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", files.keys()));
        assert!(serde_json::from_str::<Value>(text).is_ok(), "{name}: {text}");
    }
    assert!(
        files["config.toml"].contains("<cut>") && files["config.toml"].contains("a.txt"),
        "{}",
        files["config.toml"]
    );
    assert!(files["changes.jsonl"].contains(HOP), "{}", files["changes.jsonl"]);
    assert!(files["versions.txt"].contains(env!("CARGO_PKG_VERSION")) && files.contains_key("log.txt"));
    assert!(files.keys().all(|name| !name.contains('/')), "{:?}", files.keys());
    // What is there stays.
    site.run("doctor", &["--bundle", path]).expect(2, &["is there already"]);
    assert_eq!(std::fs::read(&bundle).unwrap(), bytes);
}

/// The files of a tar, read by the format alone (POSIX ustar): a header of 512 octets, then the file in such blocks.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut rest = bytes;
    while rest.len() >= 512 && rest[0] != 0 {
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&rest[range]).trim_end_matches(['\0', ' ']).to_owned()
        };
        let length = usize::from_str_radix(text(124..136).trim(), 8).unwrap();
        files.insert(text(0..100), String::from_utf8_lossy(&rest[512..512 + length]).into_owned());
        rest = &rest[512 + length.div_ceil(512) * 512..];
    }
    files
}
