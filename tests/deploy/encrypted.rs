//! What the pages say of clients that encrypt: the hook that hands a renewed key over, and the ports that are opened.
//!
//! In: blocks of the pages. Out: a failure for a hook whose files the server does not take, and for a page that opens other
//! ports than the config on it listens on. certbot is not run: it calls the hook as it is called here, says its manual.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::checkers::ROOT;
use crate::support::site::{Ran, Site};
use crate::support::tls::{Authority, NAME};
use crate::tool;

/// Where certbot has the pair.
const LINEAGE: &str = "/etc/letsencrypt/live/dns.corp.example";

/// The group of the service in a container, which no machine of the tests has by name.
const GROUP: u32 = 65532;

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join("docs").join(name)).unwrap()
}

/// The first block of a language with this text in it.
fn block<'p>(page: &'p str, language: &str, with: &str) -> &'p str {
    let fence = format!("```{language}\n");
    let mut blocks = page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.find(|block| block.contains(with)).unwrap_or_else(|| panic!("no block {language} with '{with}'"))
}

fn hook() -> String {
    block(&page("encrypted.md"), "sh", "renewal-hooks").to_owned()
}

/// Runs the hook as root of a machine whose folders are the test's, for a renewed pair of the test; what is wrong then.
fn handed_over(hook: &str) -> Result<(), String> {
    let (site, lineage) = (Site::new(), TempDir::new().unwrap());
    let pair = Authority::new().sign(&[NAME]);
    pair.write(&lineage.path().join("fullchain.pem"), &lineage.path().join("privkey.pem"));
    let folder = site.path("tls");
    let own = hook.replace("/etc/privatelink-dns/tls", &folder.display().to_string());
    let own = own.replace(LINEAGE, &lineage.path().display().to_string());
    let own = own.replace("-g privatelink-dns", &format!("-g {GROUP}"));
    let script = site.path("hook");
    std::fs::write(&script, own).unwrap();
    let (works, said) = tool::run(Command::new("sh").arg("-e").arg(&script).env("RENEWED_LINEAGE", lineage.path()));
    if !works {
        return Err(said);
    }
    for file in [&folder, &folder.join("fullchain.pem"), &folder.join("privkey.pem")] {
        let about = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
        if about.gid() != GROUP || about.mode() & 0o040 == 0 {
            return Err(format!("{}: the service may not read it", file.display()));
        }
    }
    let tls = "[tls]\ncert = \"tls/fullchain.pem\"\nkey = \"tls/privkey.pem\"\n[dot]\nlisten = [\"127.0.0.1:0\"]\n";
    let site = site.with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n").with_config(tls);
    let ran = Ran::from(site.command("check").output().unwrap());
    if ran.code == Some(0) { Ok(()) } else { Err(ran.all()) }
}

#[test]
fn the_hook_of_the_page_hands_over_a_pair_that_the_service_can_read_and_takes() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root may give files to a group that is not its own");
        return;
    }
    assert_eq!(handed_over(&hook()), Ok(()));
    for (from, to, said) in [
        ("-m 640 \"$RENEWED_LINEAGE/privkey", "-m 644 \"$RENEWED_LINEAGE/privkey", "others than this service"),
        ("-m 640 \"$RENEWED_LINEAGE/privkey", "-m 600 \"$RENEWED_LINEAGE/privkey", "privkey.pem: the service may not"),
        ("-g privatelink-dns -m 750", "-m 700", "tls: the service may not"),
        ("$RENEWED_LINEAGE/privkey.pem", "$RENEWED_LINEAGE/key.pem", "key.pem"),
        // certbot has renewed another certificate.
        (LINEAGE, "/etc/letsencrypt/live/www.corp.example", "tls: No such file"),
    ] {
        assert!(hook().contains(from), "{from}");
        let found = handed_over(&hook().replace(from, to)).expect_err(to);
        assert!(found.contains(said), "{to}: {found}");
    }
}

#[test]
fn the_hook_of_the_page_is_good_shell() {
    let Some(shellcheck) = tool::find("shellcheck") else { return };
    let folder = TempDir::new().unwrap();
    let complaints = |hook: &str| {
        let script = folder.path().join("hook");
        std::fs::write(&script, hook).unwrap();
        tool::run(Command::new(&shellcheck).arg(script))
    };
    assert_eq!(complaints(&hook()), (true, String::new()));
    let (is_good, said) =
        complaints(&hook().replace("\"$RENEWED_LINEAGE/privkey.pem\"", "$RENEWED_LINEAGE/privkey.pem"));
    assert!(!is_good && said.contains("SC2086"), "{said}");
}

/// The ports of the listeners that encrypt in the config of a page.
fn listeners(page: &str) -> BTreeSet<u64> {
    let config: toml::Table = block(page, "toml", "[dot]").parse().unwrap();
    let addresses = ["dot", "doh"].into_iter().flat_map(|key| config[key]["listen"].as_array().unwrap().clone());
    addresses.map(|address| port(address.as_str().unwrap())).collect()
}

/// The number behind the last colon.
fn port(text: &str) -> u64 {
    text.rsplit(':').next().unwrap().parse().unwrap()
}

/// The ports over TCP that a command of the page on containers publishes under their own numbers, but for port 53.
fn published(page: &str) -> BTreeSet<u64> {
    let words = block(page, "sh", ":443:").split_whitespace().filter_map(|word| word.strip_suffix("/tcp"));
    let own = words.filter(|word| word.rsplit(':').nth(1).is_some_and(|outer| outer == port(word).to_string()));
    own.map(port).filter(|port| *port != 53).collect()
}

/// The value of `encryptedPorts` on the page about Azure.
fn opened(page: &str) -> BTreeSet<u64> {
    let (_, rest) = page.split_once("`encryptedPorts` opens").expect("the parameter");
    let value = rest.split('`').find(|span| span.starts_with('[') && span.contains("853")).expect("its value");
    serde_json::from_str(value).unwrap()
}

#[test]
fn the_pages_on_containers_and_azure_open_the_ports_that_their_configs_listen_on() {
    let (container, azure) = (page("container.md"), page("deploy-azure.md"));
    assert_eq!(published(&container), listeners(&container));
    assert_eq!(opened(&azure), listeners(&azure));
    for (from, to) in [
        (":853:853/tcp", ":853:8853/tcp"),
        ("--publish 10.0.0.4:853:853/tcp", ""),
        ("[doh]\nlisten = [\"0.0.0.0:443", "[doh]\nlisten = [\"0.0.0.0:8443"),
    ] {
        assert!(container.contains(from), "{from}");
        let page = container.replace(from, to);
        assert_ne!(published(&page), listeners(&page), "{from} -> {to}");
    }
    assert_ne!(opened(&azure.replace("`[853, 443]`", "`[853]`")), listeners(&azure));
}
