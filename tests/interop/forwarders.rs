//! BIND, Unbound and dnsmasq with the very text of `docs/forwarders.md`, in front of two servers of ours and of a public
//! internet of the test's own; and what they answer with less than that text. A page without a suffix is found.
//!
//! They run on a host of their own, where the page's addresses and port 53 are free; only root may make one.

pub(crate) mod page;
pub(crate) mod peers;
pub(crate) mod world;

use std::thread;
use std::time::Duration;

use privatelink_dns::azure::{Cloud, forwarded_suffixes};

use crate::resolvers::Resolver;
use crate::support::client::ask;
use crate::tool::is_version;
use page::{blocks, differences, page, table};
use peers::{Around, Peer, Rest};
use world::World;

/// The names of our account, and of another tenant's.
const OUR_ACCOUNT: &str = "acct.blob.core.windows.net";
const OUR_PRIVATE_NAME: &str = "acct.privatelink.blob.core.windows.net";
const OTHER_ACCOUNT: &str = "other.blob.core.windows.net";

/// What a client gets behind a resolver that forwards as the page says.
pub(crate) const ANSWERS: [(&str, &str, &str); 12] = [
    (OUR_ACCOUNT, "A", "10.1.0.5"),
    ("acct.queue.core.windows.net", "A", "10.1.0.6"),
    ("acct.z20.blob.storage.azure.net", "A", "10.1.0.5"),
    (OUR_PRIVATE_NAME, "A", "10.1.0.5"),
    (OTHER_ACCOUNT, "A", "20.60.2.2"),
    ("plain.blob.core.windows.net", "A", "20.60.2.2"),
    ("4611686018427387904-ab-pod01-rec2.privatelink.we.backup.windowsazure.com", "A", "10.1.0.8"),
    ("4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com", "A", "NXDOMAIN"),
    ("pod01-rec2.we.backup.windowsazure.com", "A", "20.61.0.1"),
    ("no.privatelink.we.backup.windowsazure.com", "A", "NXDOMAIN"),
    (OUR_ACCOUNT, "AAAA", "NOERROR"),
    ("www.example", "A", "20.70.0.1"),
];

/// The time that a client waits before it asks again, and how often it asks. Unbound drops an answer that it found after
/// more than `discard-timeout` (1.9 s), and has it in its cache when the client asks again.
const PATIENCE: Duration = Duration::from_secs(4);
const TRIES: usize = 6;

/// The addresses that a client gets, else the RCODE.
pub(crate) fn answer(world: &World, resolver: &Resolver, name: &str, qtype: &str) -> String {
    let address = resolver.address;
    let question = ask(name, qtype).patience(PATIENCE);
    let reply = world.host.run(|| (0..TRIES).find_map(|_| question.try_to(address).ok()));
    let Some(reply) = reply else { return "no answer".to_owned() };
    let addresses = reply.addresses();
    if addresses.is_empty() { reply.rcode } else { addresses.join(" ") }
}

/// Asks for everything twice, cold and warm; the first answer that is wrong.
pub(crate) fn verify(world: &World, resolver: &Resolver) -> Result<(), String> {
    for (name, qtype, right) in ANSWERS.iter().chain(&ANSWERS) {
        let is = answer(world, resolver, name, qtype);
        if is != *right {
            return Err(format!("{name} {qtype}: {is} and not {right}"));
        }
    }
    Ok(())
}

/// The text of a page, run and asked, with each way to resolve the rest.
fn verify_page(world: &World, page: &str, peer: Peer, around: Around) -> Result<(), String> {
    let Some(resolver) = peer.start(world, page, &peer.forwarding(page), around) else { return Ok(()) };
    verify(world, &resolver).map_err(|why| format!("{peer:?}, {around:?}: {why}"))
}

#[test]
fn bind_unbound_and_dnsmasq_with_the_text_of_the_page_resolve_every_name_as_it_should_be() {
    let Some(world) = World::start() else { return };
    let page = page();
    for peer in Peer::ALL {
        for rest in [Rest::Recursion, Rest::Provider] {
            verify_page(&world, &page, peer, Around { rest, ..Around::PLAIN }).unwrap();
        }
    }
}

#[test]
fn dnssec_validation_and_rebinding_protection_let_our_answers_pass_with_the_text_of_the_page() {
    let Some(world) = World::start() else { return };
    let page = page();
    for peer in Peer::ALL {
        let around = Around { rebinding: true, validates: true, ..Around::PLAIN };
        verify_page(&world, &page, peer, around).unwrap();
    }
}

#[test]
fn in_a_network_without_a_way_to_the_root_validation_needs_the_exemption_of_the_page() {
    let page = page();
    // A resolver that cannot validate tries for long: they try at the same time.
    thread::scope(|scope| {
        for (peer, needs_it) in [(Peer::Bind, true), (Peer::Unbound, true), (Peer::Dnsmasq, false)] {
            for closed in [false, true] {
                let page = &page;
                scope.spawn(move || {
                    let Some(mut world) = World::start() else { return };
                    world.cut_off();
                    let around = Around { rest: Rest::Provider, validates: true, closed, ..Around::PLAIN };
                    let Some(resolver) = peer.start(&world, page, &peer.forwarding(page), around) else { return };
                    let resolves = answer(&world, &resolver, OUR_ACCOUNT, "A") == "10.1.0.5";
                    assert_eq!(resolves, closed || !needs_it, "{peer:?}, {around:?}");
                });
            }
        }
    });
}

#[test]
fn while_one_of_the_two_servers_is_away_the_other_one_answers() {
    let Some(mut world) = World::start() else { return };
    let page = page();
    world.stop_first();
    for peer in Peer::ALL {
        let Some(resolver) = peer.start(&world, &page, &peer.forwarding(&page), Around::PLAIN) else { continue };
        // A name below each suffix: the second server may be missing for one of them alone.
        for (name, _, right) in ANSWERS.iter().filter(|(_, qtype, right)| *qtype == "A" && right.starts_with("10.")) {
            assert_eq!(answer(&world, &resolver, name, "A"), *right, "{peer:?}: {name}");
        }
    }
}

#[test]
fn forward_first_of_bind_hides_that_both_servers_are_away_and_gives_public_addresses_and_denials() {
    let page = page();
    for (text, falls_back) in [(page.clone(), false), (page.replace("forward only", "forward first"), true)] {
        let Some(mut world) = World::start() else { return };
        let Some(bind) = Peer::Bind.start(&world, &text, &Peer::Bind.forwarding(&text), Around::PLAIN) else { return };
        world.stop_ours();
        let vault = "4611686018427387904-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";
        let answers = [OUR_ACCOUNT, vault].map(|name| answer(&world, &bind, name, "A"));
        let right = if falls_back { ["20.60.0.1", "NXDOMAIN"] } else { ["SERVFAIL", "SERVFAIL"] };
        assert_eq!(answers, right);
    }
}

#[test]
fn a_stub_zone_asks_without_recursion_and_gets_no_answer_for_the_name_that_clients_begin_with() {
    let Some(world) = World::start() else { return };
    let text = page().replace("forward-zone:", "stub-zone:").replace("forward-addr:", "stub-addr:");
    let Some(unbound) = Peer::Unbound.start(&world, &text, &Peer::Unbound.forwarding(&text), Around::PLAIN) else {
        return;
    };
    assert_eq!(answer(&world, &unbound, OUR_ACCOUNT, "A"), "SERVFAIL");
}

#[test]
fn a_mistake_in_the_text_of_the_page_is_found() {
    let Some(world) = World::start() else { return };
    let page = page();
    let guarded = Around { rebinding: true, ..Around::PLAIN };
    // A suffix that is missing, a guard's exemption that is missing, a server's address that is wrong, a misspelling.
    let mistakes = [
        (Peer::Dnsmasq, "/queue.core.windows.net", "", Around::PLAIN, "acct.queue.core.windows.net A: 20.60.0.2"),
        (Peer::Bind, "zone \"backup.windowsazure.com\"", "zone \"b.example\"", Around::PLAIN, "-rec2.privatelink.we"),
        (
            Peer::Unbound,
            "private-domain: \"blob.core.windows.net\"",
            "",
            guarded,
            "acct.blob.core.windows.net A: NOERROR",
        ),
        (Peer::Bind, "\"queue.core.windows.net\"; ", "", guarded, "acct.queue.core.windows.net A: SERVFAIL"),
        (Peer::Dnsmasq, "rebind-domain-ok=", "#", guarded, "acct.blob.core.windows.net A: NOERROR"),
        (Peer::Dnsmasq, "blob.core.windows.net/", "blob.core.window.net/", Around::PLAIN, "A: 20.60.0.1"),
    ];
    for (peer, right, wrong, around, found) in mistakes {
        let mistaken = page.replace(right, wrong);
        assert_ne!(page, mistaken, "the page has no '{right}'");
        let why = verify_page(&world, &mistaken, peer, around).expect_err(&format!("{peer:?}: {right} -> {wrong}"));
        assert!(why.contains(found), "{why}");
    }
}

/// The head of the table of what was seen.
const SEEN: &str = "| forwarded | then | asked for | BIND 9.18 | Unbound 1.17 | dnsmasq 2.90 |";

/// A row of it: the words, what is forwarded, what happens then, and the name.
struct Row {
    forwarded: &'static str,
    only_private: bool,
    then: Then,
    name: &'static str,
}

/// What happens after the resolver has started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// A client asked for the public name of our account.
    Asked,
    /// Public DNS is away.
    CutOff,
    /// Both of our servers are away.
    WithoutOurs,
}

impl Then {
    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Asked => "the name above was asked for",
            Self::CutOff => "public DNS is away",
            Self::WithoutOurs => "both servers are away",
        }
    }
}

const ROWS: [Row; 8] = [
    Row { forwarded: "`privatelink.*` alone", only_private: true, then: Then::Nothing, name: OUR_ACCOUNT },
    Row { forwarded: "`privatelink.*` alone", only_private: true, then: Then::Asked, name: OUR_PRIVATE_NAME },
    Row { forwarded: "`privatelink.*` alone", only_private: true, then: Then::Nothing, name: OTHER_ACCOUNT },
    Row { forwarded: "`privatelink.*` alone", only_private: true, then: Then::CutOff, name: OUR_ACCOUNT },
    Row { forwarded: "the four suffixes", only_private: false, then: Then::Nothing, name: OUR_ACCOUNT },
    Row { forwarded: "the four suffixes", only_private: false, then: Then::Nothing, name: OTHER_ACCOUNT },
    Row { forwarded: "the four suffixes", only_private: false, then: Then::CutOff, name: OUR_ACCOUNT },
    Row { forwarded: "the four suffixes", only_private: false, then: Then::WithoutOurs, name: OUR_ACCOUNT },
];

/// The private zones, as the first reader of any page about private endpoints forwards them.
const PRIVATE: [&str; 3] = [
    "privatelink.blob.core.windows.net",
    "privatelink.queue.core.windows.net",
    "privatelink.we.backup.windowsazure.com",
];

/// A line of the table, as it is seen here.
fn seen(page: &str, row: &Row) -> Option<String> {
    let mut cells = Vec::new();
    for peer in Peer::ALL {
        let mut world = World::start()?;
        let forwarding = if row.only_private { peer.forwarding_of(&PRIVATE) } else { peer.forwarding(page) };
        let around = Around { rest: Rest::Provider, ..Around::PLAIN };
        let resolver = peer.start(&world, page, &forwarding, around)?;
        match row.then {
            Then::Nothing => {}
            Then::Asked => drop(answer(&world, &resolver, OUR_ACCOUNT, "A")),
            Then::CutOff => world.cut_off(),
            Then::WithoutOurs => world.stop_ours(),
        }
        let answer = answer(&world, &resolver, row.name, "A");
        let kind = match answer.split_once('.').map(|(first, _)| first) {
            Some("10") => "private",
            Some("20") => "public",
            _ => "none",
        };
        cells.push(kind);
    }
    Some(format!("| {} | {} | `{}` | {} |", row.forwarded, row.then.words(), row.name, cells.join(" | ")))
}

#[test]
fn the_page_says_what_bind_unbound_and_dnsmasq_answer_with_the_private_zones_alone_and_with_all_suffixes() {
    if !Peer::ALL.iter().all(|peer| is_version(peer.version())) {
        return;
    }
    let page = page();
    let seen: Option<Vec<String>> = thread::scope(|scope| {
        let rows = ROWS.each_ref().map(|row| scope.spawn(|| seen(&page, row)));
        rows.into_iter().map(|row| row.join().unwrap()).collect()
    });
    let Some(seen) = seen else { return };
    let differ = differences(&table(&page, SEEN), &seen);
    assert!(differ.is_empty(), "docs/forwarders.md:\n{differ}");
}

#[test]
fn bind_and_unbound_with_the_private_zones_alone_ask_us_in_the_middle_of_a_chain_from_the_root_too() {
    let Some(world) = World::start() else { return };
    for peer in [Peer::Bind, Peer::Unbound] {
        let Some(resolver) = peer.start(&world, &page(), &peer.forwarding_of(&PRIVATE), Around::PLAIN) else {
            continue;
        };
        assert_eq!(answer(&world, &resolver, OUR_ACCOUNT, "A"), "10.1.0.5", "{peer:?}");
    }
}

/// The suffixes that a block lacks.
fn missing(text: &str, suffixes: &[String]) -> Vec<String> {
    let is_named = |suffix: &String| {
        text.match_indices(suffix.as_str()).any(|(at, _)| {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            let after = text[at + suffix.len()..].chars().next().unwrap_or(' ');
            let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            !is_of_a_name(before) && !is_of_a_name(after)
        })
    };
    suffixes.iter().filter(|suffix| !is_named(suffix)).cloned().collect()
}

/// The blocks of the page that name every suffix, by their info strings.
const COMPLETE: [&str; 11] = [
    "powershell",
    "named",
    "named options",
    "named closed",
    "unbound",
    "unbound closed",
    "dnsmasq",
    "json",
    "pdns-recursor",
    "corefile",
    "lua",
];

/// What is wrong with the suffixes of a page: blocks that lack one, and clouds whose line is another one.
fn wrong_suffixes(page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let suffixes = forwarded_suffixes(Cloud::Public);
    for info in COMPLETE {
        let text: String = blocks(page).into_iter().filter(|(this, _)| this == info).map(|(_, text)| text).collect();
        wrong.extend(missing(&text, &suffixes).iter().map(|suffix| format!("{info} lacks {suffix}")));
        let [first, second] = ["10.0.0.4", "10.0.0.5"].map(|server| text.matches(server).count());
        if first != second {
            wrong.push(format!("{info} names one server {first} and the other one {second} times"));
        }
    }
    let lines = table(page, "| cloud | suffixes |");
    for cloud in Cloud::ALL {
        let names: Vec<String> = forwarded_suffixes(cloud).iter().map(|suffix| format!("`{suffix}`")).collect();
        let line = format!("| `{cloud}` | {} |", names.join(", "));
        if !lines.contains(&line) {
            wrong.push(format!("no line: {line}"));
        }
    }
    wrong
}

#[test]
fn every_block_and_table_of_the_page_names_the_suffixes_that_the_code_knows() {
    assert_eq!(wrong_suffixes(&page()), Vec::<String>::new());
}

#[test]
fn a_suffix_that_is_missing_or_misspelt_on_the_page_is_found() {
    let page = page();
    let mistakes = [
        ("`queue.core.chinacloudapi.cn`", "`queue.core.windows.net`", "no line: | `china`"),
        (
            "\"fqdn\": \"blob.storage.azure.net\"",
            "\"fqdn\": \"storage.azure.net\"",
            "json lacks blob.storage.azure.net",
        ),
        (
            "'backup.windowsazure.com'",
            "'privatelink.we.backup.windowsazure.com'",
            "powershell lacks backup.windowsazure.com",
        ),
        (
            "zone \"queue.core.windows.net\" { type forward; forward only; forwarders { 10.0.0.4; 10.0.0.5; }; };",
            "zone \"queue.core.windows.net\" { type forward; forward only; forwarders { 10.0.0.4; }; };",
            "named names one server 4 and the other one 3 times",
        ),
    ];
    for (right, wrong, found) in mistakes {
        let mistaken = page.replace(right, wrong);
        assert_ne!(page, mistaken, "the page has no {right}");
        let all = wrong_suffixes(&mistaken);
        assert!(all.iter().any(|line| line.contains(found)), "{right} -> {wrong}: {all:?}");
    }
}
