//! The page of the config file, made from the sample config: its sections, its keys, what its comments say.
//!
//! Whether a value that the sample shows is the default, an example, or one that must be written, the config's own
//! reader says: the sample is read with the key and without it.

use std::path::Path;

use clap_mangen::roff::{bold, roman};
use privatelink_dns::config::Config;

use super::page::{BREAK, Page, sentence};

const SAMPLE: &str = include_str!("../../../config/privatelink-dns.toml");

const DESCRIPTION: &str = "\
The config of privatelink-dns(8) is a TOML file. It is looked for at the path that `--config` names, then at that of \
`PRIVATELINK_DNS_CONFIG` in the environment, then at `config/privatelink-dns.toml` in the working folder and \
`/etc/privatelink-dns/privatelink-dns.toml`.

Relative paths in it start at the folder of the config file, or one level up if that folder is named `config`. An unknown \
key is an error that names the nearest known one. `privatelink-dns check` reports every mistake with its line, and \
changes nothing. The running server takes a change of the file by itself; what needs a restart or a reload is said in its \
log and by `privatelink-dns status`.";

const VALUES: &str = "\
`Durations` are strings with a unit, such as \"500ms\", \"10s\", \"5m\" or \"1h\". `Shares` are strings such as \"30%\". \
`Networks` are addresses with a prefix length, such as \"10.0.0.0/8\" or \"fc00::/7\". `Addresses` are IP addresses, with \
or without a port: without one, it is 53, in [dot] 853, in [doh] 443, in [admin] 9153 for `listen` and 8053 for `probe`. An IPv6 address with a \
port stands in brackets, as in \"[::1]:53\".

Where a value has no unit, the text says what it counts. A default is given where the key may be left out and something \
definite holds then; an example where it is unset by default, or depends on something else.";

/// What a section is about, for somebody who sees it for the first time; `""` is the top level.
const SECTIONS: [(&str, &str); 18] = [
    ("", "These keys stand at the top of the file, before the first section."),
    (
        "[backup]",
        "Without this section the server hosts only the zones of [[zones]] and the hand-written files in `zone_dir`.",
    ),
    (
        "[access]",
        "A server for a network answers that network alone: an open resolver is used to attack others. The network of a \
         client is that of the address from which its query comes.",
    ),
    (
        "[limits]",
        "Limits protect the server and the networks of others from clients that ask too much, or whose addresses are \
         forged. They hold for clients outside of `trusted`.",
    ),
    (
        "[cookies]",
        "A client that sends a DNS cookie proves that it really has its address. Servers behind one address need the same \
         secrets.",
    ),
    ("[tcp]", "Limits of DNS over TCP, and over TLS. Answers that do not fit into a datagram come by it."),
    (
        "[tls]",
        "A certificate with its key, for the listeners that encrypt. Both files are read again when they change; a pair \
         that does not fit leaves the one before in use. What `min_version` and `client_ca` demand holds whichever \
         certificate a client asks for.",
    ),
    (
        "[dot]",
        "DNS over TLS for clients that encrypt. The networks of [access] hold here too, and clients from elsewhere are \
         turned away before a handshake.",
    ),
    (
        "[doh]",
        "DNS over HTTPS for clients that encrypt, such as Windows. Queries come by POST and by GET, over HTTP/2 alone. The \
         networks of [access] hold here too.",
    ),
    (
        "[ddr]",
        "What clients are told that ask for `_dns.resolver.arpa`: Windows and Apple's systems do so. Without this section \
         they are told that there is none, and no upstream is asked. They take a certificate only if it holds the address \
         that they had before.",
    ),
    (
        "[admin]",
        "A listener over HTTP for people, monitoring and load balancers. Without this section there is none. It shows much \
         about the network and changes nothing.",
    ),
    ("[log]", "What the log says, and in which form. journalctl(1) shows it where systemd(1) runs the server."),
    (
        "[forward]",
        "Queries for names outside of the hosted zones go to upstream servers. In an Azure virtual network that is \
         168.63.129.16, on premises the resolver that was there before. An upstream must not lead back to this server.",
    ),
    (
        "[[forward.rules]]",
        "Each rule sends the names below a suffix to servers of their own, such as those of a company.",
    ),
    ("[cache]", "What one client asked for is there for the next one. Records of the hosted zones are not cached."),
    (
        "[sync]",
        "A pass of the sync reads all sources, compares their records with the zones in service, and writes the zones that \
         differ. Its guard holds back removals and changes beyond `max_removed`, and whatever would empty a zone, until \
         somebody approves them; see \
         privatelink-dns-sync(8).",
    ),
    (
        "[feed]",
        "Zones that the server makes of the zones in service, for other servers. Their files in `zone_dir` follow each \
         change within a moment, and their serials never go back. Questions about their names are REFUSED. Neither may be \
         at, above or below another zone.",
    ),
    (
        "[transfer]",
        "Limits of zone transfers to the servers of [[peers]]. A transfer that finds no place waits half a minute for one.",
    ),
];

/// Sections that the sample has several times, with what each kind of them is about.
const REPEATED: [(&str, &str); 5] = [
    (
        "[[sources]]",
        "Where the records come from. Each section is one source with a name of its own, which log and status use. A list is \
         a file in any of many forms: what the portal, az, PowerShell or Terraform export, hosts files, tables, zone files. \
         It is read whole or refused; while it is refused or cannot be read, what it gave before stays in service.",
    ),
    (
        "[[views]]",
        "A vault may have private endpoints in several virtual networks: the names are the same, the addresses are not. The \
         clients of a view get what its sources say of a name in place of what all others get; what its sources do not name \
         is the same for everybody. Whoever is in no view gets what the sources without a view say. A client behind a \
         forwarder has the forwarder's address.",
    ),
    (
        "[[keys]]",
        "Keys with which other servers sign their queries, and this one its answers (TSIG). The secret is in a file that \
         nobody but the server can read; `tsig-keygen k1` makes one.",
    ),
    (
        "[[peers]]",
        "Servers that may have zones: secondaries, and resolvers that take the zones of [feed]. A zone with `on_miss = \
         \"forward\"` has to be named in full, because a plain copy of it denies the accounts of other tenants.",
    ),
    ("[[zones]]", "Zones besides those of [backup], each with a file NAME.zone in `zone_dir`, and settings of a zone."),
];

/// Keys that stand for one that the sample shows: only one of them may be set.
const INSTEAD: [(&str, [&str; 2]); 1] = [("client_id", ["object_id", "resource_id"])];

/// A key as the sample shows it.
struct Key<'s> {
    /// Its line, from 0.
    line: usize,
    name: &'s str,
    value: &'s str,
    text: String,
}

/// A section of the sample: its header without a `#` before it, what the header's comment says, its keys.
struct Section<'s> {
    header: &'s str,
    text: &'s str,
    keys: Vec<Key<'s>>,
    lines: Vec<usize>,
}

pub(crate) fn page() -> String {
    let mut page = Page::new("privatelink-dns.toml", "5", "config of the DNS server for Azure private endpoints");
    page.heading("DESCRIPTION");
    page.text(DESCRIPTION);
    page.heading("VALUES");
    page.text(VALUES);
    let sections = sections();
    let mut described: Vec<(&str, &str)> = Vec::new();
    for section in &sections {
        let is_new = !described.iter().any(|(header, _)| *header == section.header);
        let new: Vec<&Key<'_>> =
            section.keys.iter().filter(|key| !described.contains(&(section.header, key.name))).collect();
        if is_new {
            page.heading(if section.header.is_empty() { "TOP LEVEL" } else { section.header });
            page.text(introduction(section.header));
        }
        if !section.text.is_empty() && !new.is_empty() {
            let text = sentence(section.text);
            if is_new {
                page.text(&format!("\n\n{text}"));
            } else {
                page.subheading(text.trim_end_matches('.'));
            }
        }
        for key in new {
            described.push((section.header, key.name));
            describe(&mut page, section, key);
        }
        described.push((section.header, ""));
    }
    page.heading("EXAMPLES");
    page.text("A server in an Azure virtual network, with lists in a folder:");
    page.code(EXAMPLE);
    page.heading("FILES");
    page.term(vec![bold("/etc/privatelink-dns/privatelink-dns.toml")], "The config of a package.");
    page.see_also(&["privatelink-dns(8)", "privatelink-dns-check(8)", "privatelink-dns-reload(8)"]);
    page.finish()
}

const EXAMPLE: &[&str] = &[
    "listen    = [\"10.0.0.4:53\"]",
    "zone_dir  = \"/var/lib/privatelink-dns/zones\"",
    "state_dir = \"/var/lib/privatelink-dns/state\"",
    "",
    "[backup]",
    "geos = [\"we\"]",
    "",
    "[forward]",
    "upstreams = [\"168.63.129.16\"]",
    "",
    "[[sources]]",
    "name = \"lists\"",
    "path = \"/etc/privatelink-dns/endpoints/*\"",
];

fn introduction(header: &str) -> &'static str {
    let known = SECTIONS.iter().chain(&REPEATED).find(|(known, _)| *known == header);
    known.unwrap_or_else(|| panic!("{header} has no introduction for its man page")).1
}

fn describe(page: &mut Page, section: &Section<'_>, key: &Key<'_>) {
    let mut term = vec![bold(key.name)];
    for (_, others) in INSTEAD.iter().filter(|(shown, _)| *shown == key.name) {
        term.extend(others.iter().flat_map(|other| [roman(", "), bold(*other)]));
    }
    let text = if key.text.is_empty() { String::new() } else { format!("{}\n\n", sentence(&choices(&key.text))) };
    // A long value is one word, mostly a path.
    let slash = if key.value.len() > 50 { format!("/{BREAK}") } else { "/".to_owned() };
    page.term(term, &format!("{text}{} `{}`", kind(section, key), key.value.replace('/', &slash)));
}

/// The words beside a `|`, which are written as they are, in bold.
fn choices(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_bar = |at: Option<usize>| at.and_then(|at| words.get(at)) == Some(&"|");
    let bold = |(at, word): (usize, &&str)| {
        let end = word.trim_end_matches([',', ';']).len();
        let is_choice = is_bar(at.checked_sub(1)) || is_bar(Some(at + 1));
        if is_choice { format!("`{}`{}", &word[..end], &word[end..]) } else { (*word).to_owned() }
    };
    words.iter().enumerate().map(bold).collect::<Vec<_>>().join(" ")
}

/// The sections whose examples an example names.
const NAMED: [(&str, &[&str]); 6] = [
    ("[[sources]]", &["[[views]]"]),
    ("[[peers]]", &["[[keys]]", "[[views]]", "[feed]", "[tls]", "[dot]"]),
    ("[feed]", &["[[views]]"]),
    ("[dot]", &["[tls]"]),
    ("[doh]", &["[tls]"]),
    ("[ddr]", &["[tls]", "[dot]"]),
];

/// The sample with all lines of a section in force, and those of the sections that it names, without the line of a key
/// if one is named. An upstream that depends on the machine is none.
fn with_section(section: &Section<'_>, without: Option<usize>) -> String {
    let others = NAMED.iter().filter(|(header, _)| *header == section.header).flat_map(|(_, named)| *named);
    let others: Vec<Section<'_>> =
        others.flat_map(|named| sections().into_iter().filter(move |other| other.header == *named)).collect();
    let is_named = |number: usize| others.iter().any(|other| other.lines.contains(&number));
    let line = |(number, line): (usize, &str)| match line.strip_prefix("# ") {
        _ if without == Some(number) => String::new(),
        Some(hidden) if section.lines.contains(&number) || is_named(number) => hidden.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = SAMPLE.lines().enumerate().map(line).collect();
    lines.join("\n").replace("[\"system\"]", "[\"192.0.2.1\"]").replace("<32 hex digits>", &"0".repeat(32))
}

/// What the value that the sample shows for a key is.
fn kind(section: &Section<'_>, key: &Key<'_>) -> &'static str {
    let read = |text: &str| {
        let (config, problems) = Config::parse(Path::new("/srv/config/privatelink-dns.toml"), text);
        (format!("{config:#?}"), problems.len())
    };
    let (with, problems) = read(&with_section(section, None));
    assert_eq!(problems, 0, "{} {}", section.header, key.name);
    match read(&with_section(section, Some(key.line))) {
        (_, problems) if problems > 0 && !key.text.contains("unset: ") => "It must be written. Example:",
        (without, _) if without == with && !key.text.contains("unset: ") => "Default:",
        _ => "Example:",
    }
}

/// A line of the sample without the `#` in front of it, if it is a header or a key: what it is, and its comment.
fn shown(line: &str) -> Option<(&str, &str)> {
    let shown = line.strip_prefix("# ").unwrap_or(line);
    let (code, comment) = shown.split_once(" # ").unwrap_or((shown, ""));
    let name = code.split([' ', '=']).next()?;
    let is_key =
        code[name.len()..].trim_start().starts_with('=') && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let is_header = name.starts_with('[') && code.trim_end().ends_with(']');
    (is_header || is_key && !name.is_empty()).then_some((code.trim_end(), comment.trim()))
}

fn sections() -> Vec<Section<'static>> {
    let mut sections = vec![Section { header: "", text: "", keys: Vec::new(), lines: Vec::new() }];
    // The file begins with what it is itself.
    let body = SAMPLE.lines().position(str::is_empty).unwrap();
    let mut above: Vec<&str> = Vec::new();
    for (number, line) in SAMPLE.lines().enumerate().skip(body) {
        let Some((code, comment)) = shown(line) else {
            above.extend(line.strip_prefix("# "));
            continue;
        };
        if code.starts_with('[') {
            assert!(above.is_empty(), "{above:?} stands over {code}");
            sections.push(Section { header: code, text: comment, keys: Vec::new(), lines: vec![number] });
            continue;
        }
        let section = sections.last_mut().unwrap();
        let (name, value) = code.split_once('=').unwrap();
        let text = above.drain(..).chain([comment]).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
        section.keys.push(Key { line: number, name: name.trim(), value: value.trim(), text });
        section.lines.push(number);
    }
    sections
}

#[test]
fn the_page_has_every_key_of_the_sample_with_what_it_says() {
    let (sections, page) = (sections(), page().replace("\\-", "-").replace("\\fR", "").replace("\\fB", ""));
    assert_eq!(sections.iter().filter(|section| section.header == "[[sources]]").count(), 7);
    let keys: Vec<_> = sections.iter().flat_map(|section| &section.keys).collect();
    assert!(keys.len() > 80, "{}", keys.len());
    for key in keys {
        assert!(page.contains(&format!(".TP\n{}", key.name)), "{}", key.name);
    }
}

#[test]
fn defaults_examples_and_what_must_be_written_are_told_apart() {
    let sections = sections();
    let kind = |header: &str, name: &str| {
        let mut found = sections.iter().filter(|section| section.header == header);
        found.find_map(|section| Some(kind(section, section.keys.iter().find(|key| key.name == name)?))).unwrap()
    };
    assert_eq!(kind("[sync]", "pass_deadline"), "Default:");
    assert_eq!(kind("[sync]", "interval"), "Default:");
    assert_eq!(kind("", "nsid"), "Example:");
    assert_eq!(kind("[[zones]]", "on_miss"), "Example:", "it depends on the zone");
    assert_eq!(kind("[[sources]]", "name"), "It must be written. Example:");
}

#[test]
fn the_example_of_the_page_is_a_good_config() {
    let (_, problems) = Config::parse(Path::new("/etc/privatelink-dns/privatelink-dns.toml"), &EXAMPLE.join("\n"));
    assert!(problems.is_empty(), "{problems:?}");
}
