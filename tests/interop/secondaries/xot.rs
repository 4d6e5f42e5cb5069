//! BIND, NSD and kdig transfer over TLS (RFC 9103), with the text of the page. The other servers of Debian 12 cannot: Knot
//! DNS has it from 3.4 on, and Unbound 1.17 asks for the serial by UDP at the port of TLS before it transfers.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::servers::Secondary;
use super::stage::{Stage, known, list, page};
use super::{VAULT, answer, until_answers};
use crate::forwarders::page::block;
use crate::support::site::Site;
use crate::support::tls::{Authority, NAME};
use crate::support::wait_until;
use crate::tool::{find, run};

/// The bundle of authorities on the page.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Those that can transfer over TLS, with the zone that each takes.
const ABLE: [(Secondary, &str); 2] =
    [(Secondary::Bind, "rpz.privatelink"), (Secondary::Nsd, "privatelink.we.backup.windowsazure.com")];

/// Our servers with a certificate, and peers that get their zones over TLS alone.
struct Encrypted {
    stage: Stage,
    /// The page with what its part about TLS puts in the place of other lines.
    page: String,
    authority: TempDir,
}

/// Everything of a block whose lines begin like this, as it stands on the page.
fn lines(page: &str, info: &str, begin: &str) -> String {
    let of = block(page, info);
    let found: Vec<&str> = of.lines().filter(|line| line.trim_start().starts_with(begin)).collect();
    assert!(!found.is_empty(), "the block '{info}' has no '{begin}'");
    found.join("\n") + "\n"
}

/// The page as its reader has it who follows the part about TLS.
fn followed(page: &str, bundle: &Path) -> String {
    let mut text = page.to_owned();
    for (info, begin, tls) in [
        ("named", "primaries privatelink", block(page, "named tls")),
        ("nsd", "request-xfr:", block(page, "nsd tls request")),
    ] {
        text = text.replacen(&lines(page, info, begin), &tls, 1);
    }
    text = text.replacen("```nsd\n", &format!("```nsd\n{}", block(page, "nsd tls")), 1);
    text.replace(BUNDLE, &bundle.display().to_string())
}

impl Encrypted {
    /// Starts it with the certificate of this name.
    fn start(name: &str) -> Option<Self> {
        let (own, authority, folder) = (page(), Authority::new(), TempDir::new().unwrap());
        let bundle = folder.path().join("ca.pem");
        std::fs::write(&bundle, authority.pem()).unwrap();
        let page = followed(&own, &bundle);
        let mut held = own.clone();
        for (secondary, _) in ABLE {
            let line = format!("name    = \"{}\"\n", secondary.peer());
            assert!(held.contains(&line));
            held = held.replace(&line, &format!("{line}tls     = true\n"));
        }
        let stage = Stage::start_with(&held, |site| {
            authority.sign(&[name]).write(&site.path("cert.pem"), &site.path("key.pem"));
            let listen = address(&site);
            let tls = "[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
            site.with_config(&format!("{tls}[dot]\nlisten = [\"{listen}:853\"]\n"))
        })?;
        Some(Self { stage, page, authority: folder })
    }

    /// What our servers say of a peer and its zone.
    fn known(&self, (secondary, zone): (Secondary, &str)) -> Vec<Value> {
        self.stage.world.sites.iter().map(|site| known(site, secondary, zone)).collect()
    }
}

/// The address of one of our servers.
fn address(site: &Site) -> String {
    let config = std::fs::read_to_string(site.config_file()).unwrap();
    let line = config.lines().find(|line| line.starts_with("listen")).unwrap();
    line.split(['"', ':']).nth(1).unwrap().to_owned()
}

/// Transfers that our servers count by transport.
fn queries(stage: &Stage, transport: &str) -> u64 {
    let mut sum = 0;
    for site in &stage.world.sites {
        let status = site.status();
        let answers = status["queries"]["answers"].as_array().cloned().unwrap_or_default();
        let of = answers.iter().filter(|one| one["reason"] == "transfer" && one["transport"] == transport);
        sum += of.filter_map(|one| one["count"].as_u64()).sum::<u64>();
    }
    sum
}

#[test]
fn bind_and_nsd_with_the_text_of_the_page_transfer_over_tls_alone_and_take_changes_by_notify() {
    let Some(world) = Encrypted::start(NAME) else { return };
    let (stage, kept) = (&world.stage, ABLE.map(|_| TempDir::new().unwrap()));
    let start = |((secondary, zone), kept)| {
        let (secondary, zone): (Secondary, &str) = (secondary, zone);
        Secondary::start(secondary, stage, &world.page, kept).map(|server| (secondary, zone, server))
    };
    let started: Vec<_> = ABLE.into_iter().zip(&kept).filter_map(start).collect();
    for (secondary, _, server) in &started {
        until_answers(stage, (*secondary, server), VAULT, "10.1.0.8");
    }
    stage.have_list(&list("").replace("10.1.0.8", "10.1.0.18"));
    for (secondary, zone, server) in &started {
        until_answers(stage, (*secondary, server), VAULT, "10.1.0.18");
        let known = world.known((*secondary, zone));
        assert!(known.iter().all(|known| known["refused_at"].is_null()), "{secondary:?}: {known:?}");
    }
    assert!(started.is_empty() || queries(stage, "tls") > 0);
    assert_eq!(queries(stage, "tcp"), 0, "a zone went over plain TCP");
}

#[test]
fn kdig_transfers_a_zone_over_tls_and_is_refused_it_in_plain() {
    let Some(kdig) = find("kdig") else { return };
    let Some(world) = Encrypted::start(NAME) else { return };
    let key = world.stage.keys.fill(Secondary::Nsd, "SECRET", Path::new(""));
    let transfer = |options: &[&str]| {
        let mut command = Command::new(&kdig);
        command.args(["@10.0.0.4", "-y", &format!("hmac-sha256:pl-nsd:{key}"), ABLE[1].1, "AXFR"]).args(options);
        world.stage.world.host.run(|| run(&mut command)).1
    };
    let ca = format!("+tls-ca={}", world.authority.path().join("ca.pem").display());
    let whole = transfer(&[&ca, &format!("+tls-hostname={NAME}")]);
    assert!(whole.contains("10.1.0.8") && whole.contains("10.0.0.4@853"), "{whole}");
    let plain = transfer(&["+tcp"]);
    assert!(plain.contains("REFUSED") && !plain.contains("10.1.0.8"), "{plain}");
}

/// The text is that for plain transfers; or the certificate is for another name than that on the page.
#[test]
fn a_secondary_that_asks_in_plain_or_gets_the_certificate_of_another_name_has_no_zone_and_the_first_is_named() {
    for (what, name, is_named) in [("in plain", NAME, true), ("another name", "dns.other.example", false)] {
        let Some(world) = Encrypted::start(name) else { return };
        let text = if is_named { page() } else { world.page.clone() };
        for (secondary, zone) in ABLE {
            let kept = TempDir::new().unwrap();
            let Some(server) = secondary.start(&world.stage, &text, &kept) else { continue };
            let is_tried = || {
                let known = world.known((secondary, zone));
                known.iter().any(|known| !known["refused_at"].is_null())
            };
            let failed = || {
                let of = |site: &Site| site.status()["queries"]["counters"]["tls_failed"].as_u64().unwrap_or_default();
                world.stage.world.sites.iter().map(of).sum::<u64>()
            };
            let before = failed();
            wait_until(&format!("{secondary:?} has tried with {what}"), || {
                if is_named { is_tried() } else { failed() > before }
            });
            let known = world.known((secondary, zone));
            assert_ne!(answer(&world.stage, &server, VAULT, "A"), "10.1.0.8", "{secondary:?}, {what}: {known:?}");
        }
    }
}
