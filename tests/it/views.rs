//! The same names for several networks: `[[views]]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::client::ask;
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::support::web;

/// A vault with an endpoint in each of three networks, and one that everybody else reaches.
const NETWORKS: [(&str, &str); 3] = [("spoke-a", "127.0.1"), ("spoke-b", "127.0.2"), ("spoke-c", "127.0.3")];

const VAULT: &str = "1-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";

const PUBLIC: &str = "acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
acct.privatelink.blob.core.windows.net. 60 CNAME blob.ams.store.core.windows.net.
blob.ams.store.core.windows.net. 60 A 20.60.1.1
other.blob.core.windows.net. 60 CNAME other.privatelink.blob.core.windows.net.
other.privatelink.blob.core.windows.net. 60 CNAME blob.ams.store.core.windows.net.
www.contoso.com. 60 CNAME acct.blob.core.windows.net.
www.example.org. 60 A 192.0.2.80
";

/// The three lists of one network: its vault, its blob and its queue.
fn lists(second: u8) -> [(&'static str, String); 3] {
    [
        ("vault", format!("10.{second}.0.4 {VAULT}\n")),
        ("blob", format!("10.{second}.0.5 acct.blob.core.windows.net\n")),
        ("queue", format!("10.{second}.0.6 acct.queue.core.windows.net\n")),
    ]
}

/// What the base has besides.
fn base_lists() -> [(&'static str, String); 3] {
    let [vault, (blob, text), queue] = lists(9);
    [vault, (blob, text + "10.9.0.7 shared.blob.core.windows.net\n10.9.0.8 acct2.blob.core.windows.net\n"), queue]
}

/// A server with three views and twelve sources.
fn site(upstream: &Upstream) -> Site {
    let mut site = Site::new().with_upstream(upstream).with_config("[backup]\ngeos = [\"we\"]");
    for (kind, text) in base_lists() {
        site = site.with_list(&format!("base-{kind}.txt"), text);
    }
    for ((name, network), second) in NETWORKS.iter().zip(1..) {
        for (kind, text) in lists(second) {
            site = site.with_list(&format!("{name}-{kind}.txt"), text);
        }
        let sources = ["vault", "blob", "queue"].map(|kind| format!("\"{name}-{kind}.txt\"")).join(", ");
        site = site.with_config(&format!(
            "[[views]]\nname = \"{name}\"\nclients = [\"{network}.0/24\"]\nsources = [{sources}]\n"
        ));
    }
    site
}

/// A server that has one network's records and those of the base that it does not replace, and no view.
fn alone(upstream: &Upstream, second: u8) -> Site {
    let mut site = Site::new().with_upstream(upstream).with_config("[backup]\ngeos = [\"we\"]");
    let shared = "10.9.0.7 shared.blob.core.windows.net\n10.9.0.8 acct2.blob.core.windows.net\n".to_owned();
    for (kind, text) in lists(second).into_iter().chain([("shared", shared)]) {
        site = site.with_list(&format!("{kind}.txt"), text);
    }
    site
}

const QUESTIONS: [(&str, &str); 14] = [
    (VAULT, "A"),
    (VAULT, "AAAA"),
    ("acct.blob.core.windows.net", "A"),
    ("acct.blob.core.windows.net", "AAAA"),
    ("acct.privatelink.blob.core.windows.net", "A"),
    ("acct.privatelink.queue.core.windows.net", "A"),
    ("shared.privatelink.blob.core.windows.net", "A"),
    ("acct2.privatelink.blob.core.windows.net", "A"),
    ("other.blob.core.windows.net", "A"),
    ("www.contoso.com", "A"),
    ("www.example.org", "A"),
    ("nobody.privatelink.we.backup.windowsazure.com", "A"),
    ("privatelink.blob.core.windows.net", "SOA"),
    ("privatelink.we.backup.windowsazure.com", "NS"),
];

fn get(server: &Server, name: &str, qtype: &str, client: &str, tcp: bool) -> Reply {
    let question = ask(name, qtype).from(client.parse().unwrap());
    let question = if tcp { question.tcp() } else { question };
    question.to(server.address())
}

/// Everything that a reply says, but for TTLs, which go down, and the serial of an SOA.
fn said(reply: &Reply) -> String {
    let shown = |records: &[crate::support::record::Rr]| {
        let record = |record: &crate::support::record::Rr| {
            let text = record.to_string();
            let words: Vec<&str> = text.split_whitespace().collect();
            let serial = words.iter().position(|word| *word == "SOA").map(|at| at + 3);
            let kept = words.iter().enumerate().filter(|(at, word)| {
                Some(*at) != serial && !(*at == 1 && word.bytes().all(|octet| octet.is_ascii_digit()))
            });
            kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
        };
        records.iter().map(record).collect::<Vec<_>>()
    };
    format!("{} {:?} {:?}", reply.rcode, shown(&reply.answer), shown(&reply.authority))
}

#[test]
fn each_network_gets_its_own_addresses_in_any_order_cached_or_not_and_all_else_from_the_base() {
    let upstream = Upstream::serving(PUBLIC);
    let (site, single) = (site(&upstream), [1, 2, 3].map(|second| alone(&upstream, second)));
    let server = Server::start(site.command("serve"));
    let singles = single.each_ref().map(|site| Server::start(site.command("serve")));
    for (name, network) in NETWORKS {
        wait_until(name, || get(&server, VAULT, "A", &format!("{network}.7"), false).addresses().len() == 1);
    }
    // The second round is answered from caches, and the views take turns in it.
    for round in 0..3 {
        for (name, qtype) in QUESTIONS.iter().cycle().skip(round * 5).take(QUESTIONS.len()) {
            for (at, (view, network)) in NETWORKS.iter().enumerate() {
                for tcp in [false, true] {
                    let ours = get(&server, name, qtype, &format!("{network}.7"), tcp);
                    let theirs = get(&singles[at], name, qtype, "127.0.0.1", tcp);
                    assert_eq!(said(&ours), said(&theirs), "{name} {qtype} in {view}, round {round}");
                }
            }
        }
    }
    for (name, addresses) in [
        (VAULT, ["10.9.0.4", "10.1.0.4", "10.2.0.4", "10.3.0.4"]),
        ("acct.blob.core.windows.net", ["10.9.0.5", "10.1.0.5", "10.2.0.5", "10.3.0.5"]),
        ("www.contoso.com", ["10.9.0.5", "10.1.0.5", "10.2.0.5", "10.3.0.5"]),
        ("shared.privatelink.blob.core.windows.net", ["10.9.0.7"; 4]),
        ("other.blob.core.windows.net", ["20.60.1.1"; 4]),
    ] {
        for (client, address) in ["127.0.0.9", "127.0.1.9", "127.0.2.9", "127.0.3.9"].iter().zip(addresses) {
            assert_eq!(get(&server, name, "A", client, false).addresses(), [address], "{name} for {client}");
        }
    }
    assert_eq!(upstream.asked("www.example.org", "A"), 4, "upstream answers are cached once for all views");
    for name in ["spoke-a", "spoke-b", "spoke-c"] {
        let file = site.zone(&format!("{name}/privatelink.blob.core.windows.net"));
        assert!(file.contains("acct A") && !file.contains("shared"), "its own records only: {file}");
    }
}

fn address_of(server: &Server, local: usize) -> SocketAddr {
    server.addresses()[local]
}

#[test]
fn whoever_asks_at_an_address_of_a_view_is_in_it_wherever_it_comes_from() {
    let upstream = Upstream::serving(PUBLIC);
    let site = Site::new()
        .with_upstream(&upstream)
        .with_config("listen = [\"127.0.0.1:0\"]\n[backup]\ngeos = [\"we\"]")
        .with_list("base.txt", "10.9.0.4 acct.blob.core.windows.net\n")
        .with_list("hq.txt", "10.1.0.4 acct.blob.core.windows.net\n")
        .with_config("[[views]]\nname = \"hq\"\nlisten = [\"127.0.0.2:0\"]\nsources = [\"hq.txt\"]");
    let server = Server::start(site.command("serve"));
    let name = "acct.privatelink.blob.core.windows.net";
    let at = |local: usize, tcp: bool| {
        let question = if tcp { ask(name, "A").tcp() } else { ask(name, "A") };
        question.to(address_of(&server, local)).addresses()
    };
    wait_until("both are read", || at(0, false).len() == 1 && at(1, false).len() == 1);
    for tcp in [false, true] {
        assert_eq!((at(0, tcp), at(1, tcp)), (vec!["10.9.0.4".to_owned()], vec!["10.1.0.4".to_owned()]));
    }
}

/// What a verb prints.
fn printed(site: &Site, words: &[&str]) -> String {
    let output = site.command(words[0]).args(&words[1..]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn explain_and_status_name_the_view_the_list_and_the_file_that_a_client_is_answered_from() {
    let upstream = Upstream::serving(PUBLIC);
    let site = site(&upstream);
    let server = Server::start(site.command("serve"));
    wait_until("all is read", || get(&server, VAULT, "A", "127.0.3.7", false).addresses().len() == 1);
    let (own, shared) = ("acct.privatelink.blob.core.windows.net", "shared.privatelink.blob.core.windows.net");
    let zone = "/privatelink.blob.core.windows.net.zone";
    for (name, client, address, list, folder, view) in [
        (own, "127.0.1.9", "10.1.0.5", "spoke-a-blob.txt:1", "zones/spoke-a", "this client is in view spoke-a"),
        (own, "127.0.2.9", "10.2.0.5", "spoke-b-blob.txt:1", "zones/spoke-b", "this client is in view spoke-b"),
        (shared, "127.0.1.9", "10.9.0.7", "base-blob.txt:2", "zones", "this client is in view spoke-a"),
        (own, "127.0.0.9", "10.9.0.5", "base-blob.txt:1", "zones", "as client 127.0.0.9\n"),
    ] {
        let text = printed(&site, &["explain", name, "--client", client]);
        for wanted in [&format!("PRIVATE {address}"), list, &format!("/{folder}{zone}"), view] {
            assert!(text.contains(wanted), "{wanted}\n{text}");
        }
    }
    let status = printed(&site, &["status"]);
    for wanted in ["3 zones", "3 views", "\n  spoke-b: 3 zones, 9 records\n", "1 entries, for view spoke-c\n"] {
        assert!(status.contains(wanted), "{wanted}\n{status}");
    }
    assert!(!status.contains("  spoke-b/"), "a part with which nothing is wrong is not shown alone: {status}");
}

/// EDNS Client Subnet (RFC 7871): the family, the prefix length, none of the server's, and the network.
fn client_subnet(network: [u8; 3]) -> Vec<u8> {
    [&[0, 1, 24, 0], &network[..]].concat()
}

#[test]
fn rfc7871_a_client_subnet_chooses_no_view() {
    let upstream = Upstream::serving(PUBLIC);
    let server = Server::start(site(&upstream).command("serve"));
    wait_until("all is read", || get(&server, VAULT, "A", "127.0.3.7", false).addresses().len() == 1);
    for (client, address) in [("127.0.0.9", "10.9.0.4"), ("127.0.2.9", "10.2.0.4")] {
        for tcp in [false, true] {
            let mut question = ask(VAULT, "A").from(client.parse().unwrap());
            question.tcp = tcp;
            question.opt.as_mut().unwrap().options.push((8, client_subnet([127, 0, 1])));
            assert_eq!(question.to(server.address()).addresses(), [address], "{client} claims to be in spoke-a");
        }
    }
}

#[test]
fn a_name_that_a_client_of_a_view_misses_is_shown_and_logged_with_the_view() {
    let upstream = Upstream::serving(PUBLIC);
    let site = site(&upstream).with_config("[log]\nformat = \"json\"\nqueries = \"misses\"");
    let server = Server::start(site.command("serve"));
    wait_until("all is read", || get(&server, VAULT, "A", "127.0.3.7", false).addresses().len() == 1);
    let name = "nobody.privatelink.we.backup.windowsazure.com";
    for client in ["127.0.1.9", "127.0.0.9"] {
        assert_eq!(get(&server, name, "A", client, false).rcode, "NXDOMAIN");
    }
    let status = site.status();
    let entries = status["recent"]["entries"].as_array().unwrap().iter().filter(|entry| entry["name"] == name);
    let shown: BTreeMap<&str, Option<&str>> =
        entries.map(|entry| (entry["network"].as_str().unwrap(), entry["view"].as_str())).collect();
    assert_eq!(shown, [("127.0.0.0/24", None), ("127.0.1.0/24", Some("spoke-a"))].into());
    let log = server.stop();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let lines: Vec<_> = lines.filter(|line| line["fields"]["missed"] == name || line["missed"] == name).collect();
    let view = |line: &serde_json::Value| line.get("view").or(line["fields"].get("view")).cloned();
    assert_eq!(lines.iter().map(view).collect::<Vec<_>>(), [Some("spoke-a".into()), None], "{lines:#?}");
}

#[test]
fn the_page_explains_a_name_as_a_client_of_a_view_sees_it() {
    let upstream = Upstream::serving(PUBLIC);
    let site = site(&upstream).with_config("[admin]\nlisten = \"127.0.0.1:0\"");
    let server = Server::start(site.command("serve"));
    wait_until("all is read", || get(&server, VAULT, "A", "127.0.3.7", false).addresses().len() == 1);
    for (client, wanted) in [("127.0.1.9", "10.1.0.4"), ("127.0.3.9", "10.3.0.4"), ("127.0.0.9", "10.9.0.4")] {
        let page = web::get(server.admin(), &format!("/explain?name={VAULT}&type=A&client={client}"));
        assert_eq!(page.code, 200);
        assert!(page.body.contains(wanted), "{wanted}\n{}", page.body);
        let view = format!("view spoke-{}", if client == "127.0.1.9" { "a" } else { "c" });
        assert_eq!(page.body.contains(&view), client != "127.0.0.9", "{view}\n{}", page.body);
    }
}
