//! `[tls]`, `[dot]`, `[doh]`, `[ddr]`: the certificates, the listeners that encrypt, and how clients find them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::reader::Section;
use super::{listen, values};
use crate::diag::Id;
use crate::dns::Name;
use crate::tls::{Pair, Settings, Version};

/// The port of DNS over TLS (RFC 7858 section 3.1).
const DOT_PORT: u16 = 853;

/// The port of HTTPS.
const DOH_PORT: u16 = 443;

/// The path of DNS over HTTPS that clients try first.
const DOH_PATH: &str = "/dns-query";

/// The keys that hold whichever certificate a client asks for: it could choose the one that demands less.
const FOR_ALL: [&str; 2] = ["min_version", "client_ca"];

/// All of it.
pub(super) struct Encryption {
    pub(super) tls: Settings,
    /// The addresses of DNS over TLS.
    pub(super) dot: Vec<SocketAddr>,
    /// The addresses of DNS over HTTPS.
    pub(super) doh: Vec<SocketAddr>,
    /// Its path.
    pub(super) doh_path: Arc<str>,
    /// The name of the listeners.
    pub(super) ddr: Option<Name>,
}

/// The certificates and listeners; `dns` are the addresses of DNS.
pub(super) fn settings(top: &Section<'_>, base: &Path, dns: &[SocketAddr]) -> Encryption {
    let mut settings = Settings::default();
    for (number, section) in top.one_or_more("tls").into_iter().enumerate() {
        let path = |key| section.string(key, |text| Ok(base.join(text)));
        let (certificate, key) = (path("cert"), path("key"));
        for required in ["cert", "key"] {
            if !section.has(required) {
                section.problem(Id::CONFIG_MISSING_KEY, format!("[tls] needs {required}: a file in PEM"));
            }
        }
        let names = section.strings("names", host).unwrap_or_default();
        if number == 0 {
            let versions = [("1.2", Version::Tls12), ("1.3", Version::Tls13)];
            settings.min_version =
                section.string("min_version", |text| values::choice(text, &versions)).unwrap_or_default();
            settings.client_ca = path("client_ca");
        } else {
            for key in FOR_ALL {
                section.refuse(key, "it holds for all certificates; write it in the first");
            }
        }
        if let (Some(certificate), Some(key)) = (certificate, key) {
            settings.pairs.push(Pair { certificate, key, names });
        }
        section.finish();
    }
    let (mut dot, mut doh, mut path) = (Vec::new(), Vec::new(), None);
    if let Some(section) = top.section("dot") {
        dot = encrypted(&section, ("dot", DOT_PORT), dns);
        section.finish();
    }
    if let Some(section) = top.section("doh") {
        doh = encrypted(&section, ("doh", DOH_PORT), &[dns, &dot].concat());
        path = section.string("path", doh_path);
        section.finish();
    }
    for name in ["dot", "doh"].into_iter().filter(|name| top.has(name) && !top.has("tls")) {
        top.problem_at(name, format!("[{name}] needs a certificate: add [tls] with cert and key"));
    }
    let ddr = ddr(top, top.has("dot") || top.has("doh"));
    Encryption { tls: settings, dot, doh, doh_path: path.unwrap_or_else(|| DOH_PATH.into()), ddr }
}

/// The addresses of a listener that encrypts; `others` are those of the other listeners.
fn encrypted(section: &Section<'_>, (name, port): (&str, u16), others: &[SocketAddr]) -> Vec<SocketAddr> {
    let addresses = section.strings("listen", |text| values::socket(text, port));
    if !section.has("listen") {
        let text = format!("[{name}] needs listen: the addresses, such as [\"10.0.0.4:{port}\"]");
        section.problem(Id::CONFIG_MISSING_KEY, text);
        return Vec::new();
    }
    // What is wrong with one of them has been said.
    let Some(addresses) = addresses else { return Vec::new() };
    listen::check(section, &addresses, &format!("10.0.0.4:{port}"));
    let is_taken = |address: &&SocketAddr| {
        let shares = !listen::overlaps(&[others, &[**address]].concat()).is_empty();
        address.port() != 0 && (others.contains(address) || shares)
    };
    if let Some(address) = addresses.iter().find(is_taken) {
        let text = format!("listen: another listener is at {address}; take port {port}");
        section.problem_at("listen", text);
    }
    addresses
}

/// The path of DNS over HTTPS.
fn doh_path(text: &str) -> Result<Arc<str>, String> {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/-._~".contains(&octet);
    match text.strip_prefix('/') {
        Some(rest) if rest.len() < 200 && text.bytes().all(is_plain) => Ok(text.into()),
        _ => Err(format!("'{text}' is not a path; write \"{DOH_PATH}\"")),
    }
}

fn ddr(top: &Section<'_>, has_listener: bool) -> Option<Name> {
    let section = top.section("ddr")?;
    let name = section.string("name", |text| values::name(&host(text)?));
    if !section.has("name") {
        section.problem(Id::CONFIG_MISSING_KEY, "[ddr] needs name: a name of the certificate, as \"dns.corp.example\"");
    }
    if !has_listener {
        section.problem(Id::CONFIG_MISSING_KEY, "[ddr] needs a listener that encrypts: add [dot] or [doh] with listen");
    }
    section.finish();
    name
}

/// The name of a host as clients write it into a handshake, in lower case.
fn host(text: &str) -> Result<String, String> {
    let name = values::name(text)?.without_dot().to_ascii_lowercase();
    match rustls::pki_types::DnsName::try_from(name.clone()) {
        Ok(_) => Ok(name),
        Err(_) => Err(format!("'{text}' is not the name of a host; write it as \"dns.corp.example\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::parse(Path::new("/srv/x.toml"), text);
        (config, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn one_certificate_is_a_table_and_several_are_a_list() {
        let (config, problems) = read("[tls]\ncert = \"c.pem\"\nkey = \"/k.pem\"\n[dot]\nlisten = [\"10.0.0.4\"]\n");
        assert_eq!((problems, &config.dot), (vec![], &vec!["10.0.0.4:853".parse().unwrap()]));
        let pair = &config.tls.pairs[0];
        assert_eq!((pair.certificate.to_str(), pair.key.to_str()), (Some("/srv/c.pem"), Some("/k.pem")));
        let one = "[[tls]]\ncert = \"c\"\nkey = \"k\"\nmin_version = \"1.3\"\nclient_ca = \"ca\"\n";
        let (config, problems) =
            read(&format!("{one}[[tls]]\ncert = \"d\"\nkey = \"l\"\nnames = [\"DNS.corp.example.\"]\n"));
        assert_eq!(problems, [""; 0]);
        assert_eq!(config.tls.pairs[1].names, ["dns.corp.example"]);
        assert_eq!(config.tls.files().count(), 5);
        assert_eq!(config.tls.min_version, Version::Tls13);
    }

    #[test]
    fn the_path_of_https_is_one_that_a_template_of_clients_can_have() {
        let path = |path: &str| {
            let head = "[tls]\ncert = \"c\"\nkey = \"k\"\n[doh]\nlisten = [\"10.0.0.4\"]\n";
            let (config, problems) = read(&format!("{head}path = \"{path}\"\n"));
            (config.server.doh_path, problems)
        };
        for good in ["/", "/dns-query", "/a/b.c_d~e"] {
            assert_eq!(path(good), (good.into(), vec![]));
        }
        // Without its head, with a query or a variable of a template (RFC 6570), with what a URI has to escape.
        for bad in
            ["", "dns-query", "/dns-query?dns", "/dns-query{?dns}", "/dns query", "/%20", "/é", &"/a".repeat(200)]
        {
            let (kept, problems) = path(bad);
            let wanted = format!("/srv/x.toml:6:8: path: '{bad}' is not a path; write \"/dns-query\"");
            assert!(problems.len() == 1 && problems[0].starts_with(&wanted), "{bad}: {problems:?}");
            assert_eq!(&*kept, DOH_PATH);
        }
    }

    #[test]
    fn each_mistake_has_its_line() {
        for (text, wanted) in [
            ("[dot]\nlisten = [\"10.0.0.4\"]\n", "/srv/x.toml:1:1: [dot] needs a certificate: add [tls]"),
            ("[tls]\ncert = \"c\"\nkey = \"k\"\n[dot]\n", "/srv/x.toml:4:1: [dot] needs listen"),
            ("[ddr]\nname = \"dns.corp.example\"\n", "/srv/x.toml:1:1: [ddr] needs a listener that encrypts"),
            ("[tls]\nkey = \"k\"\n", "/srv/x.toml:1:1: [tls] needs cert: a file in PEM"),
            (
                "[tls]\ncert = \"c\"\nkey = \"k\"\nmin_version = \"1.1\"\n",
                "/srv/x.toml:4:15: min_version: '1.1' is not",
            ),
            ("[tls]\ncert = \"c\"\nkey = \"k\"\nnames = [\"*.x\"]\n", "/srv/x.toml:4:10: names: '*.x' is not the name"),
            ("[tls]\ncert = \"c\"\nkey = \"k\"\n[dot]\nlisten = []\n", "/srv/x.toml:5:10: listen is empty"),
            (
                "listen = [\"0.0.0.0:853\"]\n[tls]\ncert = \"c\"\nkey = \"k\"\n[dot]\nlisten = [\"10.0.0.4\"]\n",
                "/srv/x.toml:6:10: listen: another listener is at 10.0.0.4:853",
            ),
            (
                "[[tls]]\ncert = \"c\"\nkey = \"k\"\n[[tls]]\ncert = \"d\"\nkey = \"l\"\nclient_ca = \"e\"\n",
                "/srv/x.toml:7:13: client_ca: it holds for all certificates; write it in the first",
            ),
        ] {
            let problems = read(text).1;
            assert!(problems.len() == 1 && problems[0].starts_with(wanted), "{wanted}\n{problems:#?}");
        }
    }
}
