//! The ratio of an answer over UDP to its question, by kind: the table in `docs/amplification.md` is measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::support::client::{Ask, Mangled, SendOpt, ask};
use crate::support::record::Rr;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;

const PAGE: &str = include_str!("../../docs/amplification.md");

const TYPES: [&str; 16] = [
    "A",
    "AAAA",
    "SOA",
    "NS",
    "ANY",
    "CNAME",
    "MX",
    "TXT",
    "SRV",
    "PTR",
    "DS",
    "DNSKEY",
    "RRSIG",
    "HTTPS",
    "CAA",
    "TYPE65280",
];

const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 9);

/// The worst of each kind: octets of question and answer.
#[derive(Default)]
struct Worst(BTreeMap<String, (usize, usize)>);

impl Worst {
    fn note(&mut self, kind: &str, question: &Ask, reply: &Reply) {
        let (asked, answered) = (question.sent().len(), reply.bytes.len());
        let worst = self.0.entry(kind.to_owned()).or_insert((asked, 0));
        if answered * worst.0 > worst.1 * asked {
            *worst = (asked, answered);
        }
    }

    /// By ratio, the worst first.
    fn table(&self) -> String {
        let ratio = |(asked, answered): (usize, usize)| answered * 100 / asked;
        let mut rows: Vec<_> = self.0.iter().collect();
        rows.sort_by_key(|(kind, octets)| (std::cmp::Reverse(ratio(**octets)), kind.as_str()));
        let mut table = "| answer | question, octets | answer, octets | ratio |\n|---|---|---|---|\n".to_owned();
        for (kind, octets) in rows {
            let ratio = ratio(*octets);
            // Writing to a String cannot fail.
            let _fits =
                writeln!(table, "| {kind} | {} | {} | {}.{:02} |", octets.0, octets.1, ratio / 100, ratio % 100);
        }
        table
    }
}

/// A question without EDNS, with it, and with DO.
fn forms(question: &Ask) -> [Ask; 3] {
    let with = |flags| Some(SendOpt { payload: 4096, version: 0, flags, options: Vec::new() });
    [None, with(0), with(0x8000)].map(|opt| Ask { opt, ..question.clone() })
}

/// The sample lists' zones, and an upstream whose answers are as long as a datagram of ours may be, with EDNS and
/// without.
fn world() -> (Upstream, Site) {
    let filled = |octets: usize| format!("\\# {octets} {}", "ab".repeat(octets));
    let longest = format!(". 60 TYPE65280 {}\n. 60 TYPE65281 {}\n", filled(512 - 17 - 11), filled(1232 - 28 - 11));
    let upstream = Upstream::serving(&longest);
    let mut site = Site::new()
        .with_upstream(&upstream)
        .with_config("[access]\nallow = [\"127.0.0.1/32\"]\n[limits]\nerrors = 0\n[backup]\ngeos = [\"we\"]");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/endpoints");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name != "README.md" {
            site = site.with_list(&name, std::fs::read(&path).unwrap());
        }
    }
    (upstream, site)
}

/// All that our zones have and have not.
fn zones(site: &Site, server: &Server, worst: &mut Worst) {
    for service in ["we.backup.windowsazure.com", "blob.core.windows.net", "queue.core.windows.net"] {
        let apex = format!("privatelink.{service}");
        let records = Rr::from_zone(&site.zone(&apex)).unwrap();
        let mut names: Vec<String> = records.iter().map(|record| record.owner.to_string()).collect();
        names.dedup();
        assert!(names.len() > 2, "{apex} has records");
        names.push(format!("x.{apex}"));
        for (name, rtype) in names.iter().flat_map(|name| TYPES.map(|rtype| (name, rtype))) {
            for question in forms(&ask(name, rtype)) {
                let reply = question.to(server.address());
                let kind = match (reply.rcode.as_str(), reply.answer.is_empty()) {
                    ("NOERROR", true) => "NODATA".to_owned(),
                    ("NOERROR", false) => rtype.to_owned(),
                    (rcode, _) => rcode.to_owned(),
                };
                worst.note(&kind, &question, &reply);
            }
        }
    }
}

fn errors(server: &Server, worst: &mut Worst) {
    let apex = "privatelink.blob.core.windows.net";
    let mut note = |kind: &str, question: &Ask| {
        for question in forms(question) {
            let reply = question.to(server.address());
            assert!(kind.contains(&reply.rcode), "{kind}: {reply}");
            worst.note(kind, &question, &reply);
        }
    };
    note("REFUSED to strangers", &ask(".", "A").from(STRANGER.into()));
    note("REFUSED for AXFR", &ask(apex, "AXFR"));
    note("REFUSED for CHAOS", &Ask { class: 3, ..ask("version.bind", "TXT") });
    note("NOTIMP", &Ask { opcode: 4, ..ask(".", "A") });
    note("NOTIMP", &Ask { header_only: true, opcode: 15, ..ask(".", "A") });
    note("FORMERR", &Ask { header_only: true, ..ask(".", "A") });
    note("FORMERR", &Ask { mangled: Some(Mangled { cut: Some(12), ..Mangled::default() }), ..ask(".", "A") });
    let opt = Some(SendOpt { payload: 4096, version: 1, flags: 0, options: Vec::new() });
    let question = Ask { opt, ..ask(".", "A") };
    worst.note("BADVERS", &question, &question.to(server.address()));
}

fn forwarded(server: &Server, worst: &mut Worst) {
    let [plain, edns, _] = forms(&ask(".", "TYPE65280"));
    let edns = Ask { qtype: 65281, ..edns };
    for (kind, question, octets) in [("forwarded, without EDNS", plain, 512), ("forwarded, with EDNS", edns, 1232)] {
        let reply = question.to(server.address());
        assert_eq!(reply.bytes.len(), octets, "one octet more would not fit");
        assert!(!reply.truncated(), "all of it fits");
        worst.note(kind, &question, &reply);
    }
}

#[test]
fn the_table_of_amplification_is_what_is_measured() {
    let (_upstream, site) = world();
    let server = site.start();
    let mut worst = Worst::default();
    zones(&site, &server, &mut worst);
    errors(&server, &mut worst);
    forwarded(&server, &mut worst);
    server.stop();
    let table = worst.table();
    assert!(PAGE.contains(&table), "docs/amplification.md should have this table:\n\n{table}");
}
