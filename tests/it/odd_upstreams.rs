//! Upstreams that keep to no RFC, and what reaches them: the transport, the connection, the case of the name, EDNS.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::support::client::{Ask, SendOpt, ask};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::ledger::Seen;
use crate::support::upstream::script::{Faults, Script, ScriptedReply};
use crate::support::upstream::sockets::Transport;
use crate::support::wait_until;

/// The AD flag, which dig sets.
const AD: u8 = 0x20;

/// Questions at once.
const MANY: usize = 20;

fn name(n: usize) -> String {
    format!("www{n}.example")
}

/// An address for each of `MANY` short names, and for each of as many long ones.
fn records() -> String {
    let lines = |n| format!("{}. 60 A 192.0.2.1\n{}. 60 A 192.0.2.2\n", name(n), lettered(n));
    (0..MANY).map(lines).collect::<Vec<_>>().concat()
}

/// A name with so many letters that no random case of it is in lower case.
fn lettered(n: usize) -> String {
    format!("name-with-forty-letters-and-then-some-more{n}.example")
}

/// An upstream that truncates every answer over UDP, so that each question comes over TCP.
fn over_tcp(faults: &str) -> Upstream {
    Upstream::scripted(Script::with_faults(&records(), &format!("truncate {faults}")))
}

/// Asks for all of these at once; the replies in the same order.
fn all_at_once(server: SocketAddr, asks: Vec<Ask>) -> Vec<Reply> {
    let asking: Vec<_> = asks.into_iter().map(|ask| thread::spawn(move || ask.to(server))).collect();
    asking.into_iter().map(|asking| asking.join().unwrap()).collect()
}

/// All are answered, whatever the upstream does with its connections.
fn all_are_answered(faults: &str) {
    let upstream = over_tcp(faults);
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    for reply in all_at_once(server.address(), (0..MANY).map(|n| ask(&name(n), "A")).collect()) {
        assert_eq!(reply.addresses(), ["192.0.2.1"], "{faults}: {reply}");
    }
    server.stop();
}

#[test]
fn an_upstream_that_closes_each_connection_after_one_answer_answers_all_questions() {
    all_are_answered("close-after-tcp");
}

#[test]
fn an_upstream_that_answers_the_first_question_of_a_connection_only_answers_all_questions() {
    all_are_answered("first-of-tcp");
}

#[test]
fn an_upstream_that_answers_in_order_answers_all_questions() {
    all_are_answered("delay=20ms");
}

#[test]
fn a_question_that_hangs_over_tcp_takes_no_other_question_along() {
    let upstream = over_tcp("");
    let mut stalls = Faults::default();
    stalls.read("stall-tcp").unwrap();
    upstream.script(|script| script.replies.push(silent("hang.example", stalls)));
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let address = server.address();
    let hanging = thread::spawn(move || ask("hang.example", "A").try_to(address));
    wait_until("it hangs", || upstream.seen("hang.example").iter().any(|message| message.by == Transport::Tcp));
    for reply in all_at_once(address, (0..5).map(|n| ask(&name(n), "A")).collect()) {
        assert_eq!(reply.addresses(), ["192.0.2.1"], "{reply}");
    }
    assert!(!hanging.is_finished(), "the others waited for it");
    drop(upstream);
    drop(hanging.join());
    server.stop();
}

/// A reply that never comes, for these faults.
fn silent(name: &str, faults: Faults) -> ScriptedReply {
    let draft = crate::support::upstream::script::Draft { faults, ..Default::default() };
    ScriptedReply { name: name.to_owned(), qtype: None, draft }
}

#[test]
fn questions_over_tcp_are_spread_over_a_few_connections() {
    let upstream = over_tcp("delay=20ms");
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    for reply in all_at_once(server.address(), (0..MANY).map(|n| ask(&name(n), "A")).collect()) {
        assert_eq!(reply.addresses(), ["192.0.2.1"], "{reply}");
    }
    let seen = (0..MANY).flat_map(|n| upstream.seen(&name(n)));
    let mut connections: Vec<SocketAddr> =
        seen.filter(|message| message.by == Transport::Tcp).map(|message| message.from).collect();
    connections.sort_unstable();
    connections.dedup();
    assert!((2..MANY).contains(&connections.len()), "{connections:?}");
    server.stop();
}

/// The messages that an upstream saw for a name, one word each: transport, EDNS, and whether a letter is a capital.
fn forms(seen: &[Seen]) -> Vec<String> {
    let form = |message: &Seen| {
        let by = if message.by == Transport::Udp { "udp" } else { "tcp" };
        let edns = if message.has_edns { "edns" } else { "plain" };
        let case = if message.name.contains(|c: char| c.is_ascii_uppercase()) { "mixed" } else { "lower" };
        format!("{by}/{edns}/{case}")
    };
    seen.iter().map(form).collect()
}

fn answers(server: &Server, name: &str, address: &str) {
    let reply = server.ask(name, "A");
    assert_eq!(reply.addresses(), [address], "{name}: {reply}");
}

#[test]
fn an_upstream_that_knows_no_edns_is_asked_without_it_over_tcp_too() {
    for objection in ["FORMERR", "NOTIMP", "BADVERS", "silence"] {
        let upstream = over_tcp(&format!("to-edns={objection}"));
        let site = Site::new().with_upstream(&upstream);
        let server = site.start();
        for n in 0..3 {
            answers(&server, &name(n), "192.0.2.1");
            let forms = forms(&upstream.seen(&name(n)));
            assert!(forms.last().unwrap().starts_with("tcp/plain"), "{objection}: {forms:?}");
        }
        server.stop();
    }
}

#[test]
fn an_upstream_that_minds_the_case_of_names_is_found_out_and_asked_in_lower_case() {
    for objection in ["REFUSED", "NXDOMAIN", "NOERROR", "SERVFAIL", "FORMERR", "silence"] {
        let upstream = Upstream::scripted(Script::with_faults(&records(), &format!("to-capitals={objection}")));
        let site = Site::new().with_upstream(&upstream);
        let server = site.start();
        for n in 0..8 {
            answers(&server, &lettered(n), "192.0.2.2");
        }
        answers(&server, &lettered(8), "192.0.2.2");
        let forms = forms(&upstream.seen(&lettered(8)));
        assert!(forms[0].ends_with("lower"), "it is known by now. {objection}: {forms:?}");
        server.stop();
    }
}

#[test]
fn an_upstream_that_keeps_the_case_and_denies_is_believed_at_once() {
    let upstream = Upstream::scripted(Script::of(&records()));
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    answers(&server, &lettered(0), "192.0.2.2");
    let denied = "no-such-name-with-a-lot-of-letters-in-it.example";
    assert_eq!(server.ask(denied, "A").rcode, "NXDOMAIN");
    assert_eq!(forms(&upstream.seen(denied)), ["udp/edns/mixed"]);
    server.stop();
}

#[test]
fn case_randomization_off_asks_in_lower_case_by_rule_too() {
    let [all, rule] = ["", ""].map(|faults| Upstream::scripted(Script::with_faults(&records(), faults)));
    rule.serve(&records().replace(".example", ".corp.example"));
    let rules = format!("[[forward.rules]]\nsuffix = \"corp.example\"\nupstreams = [\"{}\"]\n", rule.address());
    for (config, [all_case, rule_case]) in [
        ("[forward]\ncase_randomization = \"off\"\n".to_owned() + &rules, ["lower", "lower"]),
        (rules.clone() + "case_randomization = \"off\"\n", ["mixed", "lower"]),
        (rules.clone(), ["mixed", "mixed"]),
    ] {
        let site = Site::new().with_upstream(&all).with_config(&config);
        let server = site.start();
        for (upstream, name, case) in
            [(&all, lettered(1), all_case), (&rule, lettered(1).replace(".example", ".corp.example"), rule_case)]
        {
            let before = upstream.seen(&name).len();
            answers(&server, &name, "192.0.2.2");
            assert_eq!(forms(&upstream.seen(&name)[before..]), [format!("udp/edns/{case}")], "{config}");
        }
        server.stop();
    }
}

#[test]
fn a_reply_that_lost_the_case_is_asked_for_again_over_tcp() {
    let upstream = Upstream::scripted(Script::with_faults(&records(), "lower-case"));
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    answers(&server, &lettered(0), "192.0.2.2");
    let forms = forms(&upstream.seen(&lettered(0)));
    assert_eq!(forms[0], "udp/edns/mixed");
    assert!(forms[1..].iter().all(|form| form.starts_with("tcp/")), "{forms:?}");
    assert!(forms.len() > 1, "{forms:?}");
    server.stop();
}

#[test]
fn names_in_an_answer_have_the_case_of_the_question_and_not_the_random_one_that_went_upstream() {
    // The target's last labels are a pointer to those of the question.
    let pointer = [0, 0, 0, 100, 1, 133, 3, b'd', b'c', b'1', 0xc0, 12 + 6 + 5];
    let owner = "_ldap._tcp.samdom-with-many-letters.example";
    let text = format!("REPLY {owner} SRV\n    raw {owner}. 60 SRV {}\n", hex(&pointer));
    let case = crate::support::casefile::parse(std::path::Path::new("x.case"), &text).unwrap();
    let upstream = Upstream::of(case.upstreams[""].clone());
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    for question in [ask(owner, "SRV"), ask(owner, "SRV").tcp()] {
        for _ in 0..3 {
            let reply = question.to(server.address());
            assert_eq!(reply.answer[0].data(), format!("0 100 389 dc1.{}", &owner[11..]), "{reply}");
        }
    }
    assert_eq!(forms(&upstream.seen(owner))[0], "udp/edns/mixed");
    server.stop();
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

#[test]
fn an_upstream_that_minds_ad_is_asked_without_it_and_after_a_while_at_once() {
    for objection in ["silence", "FORMERR", "REFUSED", "NOTIMP", "SERVFAIL"] {
        let upstream = Upstream::scripted(Script::with_faults(&records(), &format!("to-ad={objection}")));
        let site = Site::new().with_upstream(&upstream);
        let server = site.start();
        let mut asked = 0;
        for n in 0..5 {
            let question = Ask { low_flags: AD, ..ask(&name(n), "A") };
            let reply = question.to(server.address());
            assert_eq!(reply.addresses(), ["192.0.2.1"], "{objection}: {reply}");
            // A question without AD in between proves EDNS and the case, and nothing about AD.
            answers(&server, &lettered(n), "192.0.2.2");
            asked = upstream.seen(&name(n)).len();
        }
        assert_eq!(asked, 1, "it is known by now: {objection}");
        server.stop();
    }
}

#[test]
fn a_denial_of_a_name_in_random_case_is_not_given_while_the_name_in_lower_case_is_asked_over_tcp() {
    for objection in ["NXDOMAIN", "REFUSED"] {
        let faults = format!("to-capitals={objection} truncate delay=400ms");
        let upstream = Upstream::scripted(Script::with_faults(&records(), &faults));
        let site = Site::new().with_upstream(&upstream);
        let server = site.start();
        for n in 0..4 {
            answers(&server, &lettered(n), "192.0.2.2");
        }
        let forms = forms(&upstream.seen(&lettered(3)));
        assert!(forms[0].ends_with("lower"), "it is known by now. {objection}: {forms:?}");
        server.stop();
    }
}

#[test]
fn a_client_that_sets_do_is_answered_where_the_upstream_drops_edns_and_after_three_times_at_once() {
    let upstream = Upstream::scripted(Script::with_faults(&records(), "to-edns=silence"));
    let site = Site::new().with_upstream(&upstream);
    let server = site.start();
    let with_do = |n| {
        let opt = SendOpt { payload: 1232, version: 0, flags: 0x8000, options: Vec::new() };
        Ask { opt: Some(opt), ..ask(&name(n), "A") }.patience(Duration::from_secs(10))
    };
    for reply in all_at_once(server.address(), (0..3).map(with_do).collect()) {
        assert_eq!(reply.addresses(), ["192.0.2.1"], "{reply}");
    }
    assert_eq!(with_do(3).to(server.address()).addresses(), ["192.0.2.1"]);
    let forms = forms(&upstream.seen(&name(3)));
    assert!(forms[0].starts_with("udp/plain"), "it is known by now: {forms:?}");
    server.stop();
}
