//! The tests' own tools, tested: a harness that is wrong makes every test right.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::support::casefile::{Action, parse};
use crate::support::client::{Ask, Mangled, ask, framed, read_framed, timed};
use crate::support::record::Rr;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::upstream::ledger::Tally;
use crate::support::upstream::script::{Faults, Script};
use crate::support::upstream::sockets::Transport;
use crate::support::wait_until;

const CHAIN: &str = "
www.contoso.com. 60 CNAME acct.blob.core.windows.net.
acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
acct.privatelink.blob.core.windows.net. 60 CNAME blob.ams09prdstr07a.store.core.windows.net.
blob.ams09prdstr07a.store.core.windows.net. 60 A 20.60.0.1
odd.example. 5 TYPE65280 \\# 3 010203
";

fn faulty(words: &str) -> Upstream {
    Upstream::scripted(Script::with_faults(CHAIN, words))
}

/// An ordinary upstream, and a scripted one that has nothing to say of its own: both answer alike.
fn both_kinds() -> [Upstream; 2] {
    [Upstream::serving(CHAIN), Upstream::scripted(Script::of(CHAIN))]
}

#[test]
fn an_upstream_answers_whole_chains_over_udp_and_tcp() {
    for upstream in both_kinds() {
        for question in [ask("www.contoso.com", "A"), ask("www.contoso.com", "A").tcp()] {
            let reply = question.to(upstream.address());
            assert_eq!(reply.rcode, "NOERROR");
            assert_eq!(reply.flags, "qr aa rd");
            assert_eq!(reply.answer.len(), 4, "{reply}");
            assert_eq!(reply.addresses(), ["20.60.0.1"]);
        }
        ask("www.contoso.com", "A").to(upstream.address());
        assert_eq!(upstream.asked("WWW.contoso.com", "A"), 2, "over TCP it counts as the same question");
    }
}

#[test]
fn an_upstream_tells_nodata_from_nxdomain_and_leaves_the_end_of_a_chain_open() {
    for upstream in both_kinds() {
        let chain = ask("www.contoso.com", "AAAA").to(upstream.address());
        assert_eq!(chain.rcode, "NOERROR");
        assert_eq!(chain.answer.len(), 3, "{chain}");
        assert_eq!(chain.authority.len(), 0, "{chain}");
        let nodata = ask("blob.ams09prdstr07a.store.core.windows.net", "AAAA").to(upstream.address());
        assert_eq!(nodata.rcode, "NOERROR");
        assert_eq!(nodata.authority.len(), 1, "{nodata}");
        assert_eq!(ask("contoso.com", "A").to(upstream.address()).rcode, "NOERROR", "an empty non-terminal");
        assert_eq!(ask("nobody.example", "A").to(upstream.address()).rcode, "NXDOMAIN");
    }
}

#[test]
fn unknown_types_pass_byte_for_byte() {
    for upstream in both_kinds() {
        let reply = ask("odd.example", "TYPE65280").to(upstream.address());
        assert_eq!(reply.answer[0].rdata, [1, 2, 3]);
        assert!(reply.answer[0].same(&Rr::from_line("odd.example. 5 TYPE65280 \\# 3 010203").unwrap()));
    }
}

#[test]
fn the_nearest_soa_denies() {
    let zones =
        "example. 60 SOA ns.example. h.example. 1 2 3 4 5\na.example. 60 SOA ns.a.example. h.example. 1 2 3 4 5\n";
    let upstream = Upstream::serving(&format!("{zones}www.a.example. 60 A 192.0.2.1\n"));
    for (name, apex) in [("x.a.example", "a.example"), ("x.example", "example"), ("x.test", ".")] {
        let reply = ask(name, "A").to(upstream.address());
        assert_eq!(reply.rcode, "NXDOMAIN");
        assert_eq!(reply.authority[0].owner.to_string(), apex, "{reply}");
    }
    assert_eq!(ask("www.a.example", "A").to(upstream.address()).addresses(), ["192.0.2.1"]);
}

#[test]
fn new_records_are_served_at_once_and_the_old_ones_are_gone() {
    for upstream in both_kinds() {
        upstream.serve("www.example. 60 A 192.0.2.1");
        assert_eq!(ask("www.example", "A").to(upstream.address()).addresses(), ["192.0.2.1"]);
        assert_eq!(ask("www.contoso.com", "A").to(upstream.address()).rcode, "NXDOMAIN");
    }
}

#[test]
fn a_spelled_reply_goes_before_the_records_of_its_name_and_type_alone() {
    let records = "UPSTREAM\n    www.example. 60 A 192.0.2.1\n    www.example. 60 TXT \"x\"\n";
    let text = format!("{records}REPLY www.example A\n    rcode REFUSED\n");
    let case = parse(Path::new("x.case"), &text).unwrap();
    let upstream = Upstream::of(case.upstreams[""].clone());
    assert_eq!(ask("www.example", "A").to(upstream.address()).rcode, "REFUSED");
    assert_eq!(ask("www.example", "TXT").to(upstream.address()).answer.len(), 1);
    assert_eq!(upstream.tally(), Tally { by_hickory: 1, by_script: 1 });
}

#[test]
fn a_scripted_upstream_acts_each_fault() {
    let patient = || ask("www.contoso.com", "A");
    // An upstream that never answers cannot be too slow.
    let quick = || patient().patience(Duration::from_millis(200));
    for words in ["drop", "drop-udp", "drop-edns", "wrong-source"] {
        assert!(quick().try_to(faulty(words).address()).is_err(), "{words}");
    }
    for words in ["wrong-id", "wrong-question", "junk-first"] {
        assert!(patient().try_to(faulty(words).address()).is_err(), "{words}: the client is strict");
    }
    assert!(patient().tcp().try_to(faulty("drop-udp").address()).is_ok());
    assert_eq!(patient().to(faulty("formerr-on-edns").address()).rcode, "FORMERR");
    let truncated = faulty("truncate");
    assert!(patient().to(truncated.address()).truncated());
    assert_eq!(patient().tcp().to(truncated.address()).addresses(), ["20.60.0.1"]);
    let (took, _) = timed(|| patient().to(faulty("delay=50ms").address()));
    assert!(took >= Duration::from_millis(50));
    let once = faulty("drop=1");
    assert!(quick().try_to(once.address()).is_err());
    assert!(patient().try_to(once.address()).is_ok(), "the second question is answered");
}

#[test]
fn a_scripted_upstream_objects_to_parts_of_a_question_and_to_no_other_question() {
    let plain = || Ask { opt: None, ..ask("www.contoso.com", "A") };
    let capital = || Ask { opt: None, ..ask("www.Contoso.com", "A") };
    let mut ad = plain();
    ad.low_flags = 0x20;
    for (mark, meets) in [("to-edns", ask("www.contoso.com", "A")), ("to-ad", ad), ("to-capitals", capital())] {
        for rcode in ["FORMERR", "NOTIMP", "NXDOMAIN", "NOTAUTH"] {
            let upstream = faulty(&format!("{mark}={rcode}"));
            let reply = meets.to(upstream.address());
            assert_eq!(reply.rcode, rcode, "{mark}");
            assert_eq!((reply.answer.len(), reply.opt.is_none()), (0, true), "{mark}: {reply}");
            assert_eq!(plain().to(upstream.address()).addresses(), ["20.60.0.1"], "{mark}");
        }
        let upstream = faulty(&format!("{mark}=silence"));
        assert!(meets.patience(Duration::from_millis(200)).try_to(upstream.address()).is_err(), "{mark}");
        assert_eq!(plain().to(upstream.address()).addresses(), ["20.60.0.1"], "{mark}");
    }
    assert_eq!(ask("www.contoso.com", "A").to(faulty("to-edns=BADVERS").address()).rcode, "BADVERS");
    let bare = ask("www.contoso.com", "A").try_to(faulty("bare").address());
    assert!(bare.is_err_and(|why| why.contains("question")), "there is a header and no question");
}

#[test]
fn a_scripted_upstream_serves_a_tcp_connection_only_as_far_as_it_is_told_and_notes_each_message() {
    for (words, answers, is_open) in
        [("", 2, true), ("close-after-tcp", 1, false), ("first-of-tcp", 1, true), ("stall-tcp", 0, true)]
    {
        let upstream = faulty(words);
        let mut stream = TcpStream::connect(upstream.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let question = framed(&ask("WWW.contoso.com", "A").bytes());
        stream.write_all(&[question.clone(), question].concat()).unwrap();
        let mut ended = None;
        let got = std::iter::from_fn(|| read_framed(&mut stream).map_err(|error| ended = Some(error.kind())).ok());
        assert_eq!(got.count(), answers, "{words}");
        assert_eq!(ended == Some(ErrorKind::WouldBlock), is_open, "{words}: {ended:?}");
        let seen = &upstream.seen("www.contoso.com")[0];
        assert_eq!((seen.by, seen.name.as_str(), seen.has_edns), (Transport::Tcp, "WWW.contoso.com", true));
        assert_eq!(seen.from, stream.local_addr().unwrap());
    }
}

#[test]
fn octets_of_a_case_are_sent_as_they_are() {
    let text = "REPLY a.example A\n    rcode NOTAUTH\n    raw a.example. 60 TYPE65280 01 02c00c\n";
    let case = parse(Path::new("x.case"), text).unwrap();
    let reply = ask("a.example", "A").to(Upstream::of(case.upstreams[""].clone()).address());
    assert_eq!((reply.rcode.as_str(), reply.answer[0].rdata.as_slice()), ("NOTAUTH", &[1, 2, 0xc0, 0x0c][..]));
}

#[test]
fn a_scripted_upstream_says_what_it_holds_when_it_is_told() {
    let upstream = faulty("hold");
    let address = upstream.address();
    for question in [ask("www.contoso.com", "A"), ask("contoso.com", "A").tcp()] {
        upstream.script(|script| script.faults.hold = true);
        let name = question.name.clone();
        let asking = std::thread::spawn(move || question.to(address));
        wait_until("it was asked", || upstream.asked(&name, "A") == 1);
        assert!(!asking.is_finished());
        upstream.release();
        assert_eq!(asking.join().unwrap().rcode, "NOERROR");
    }
}

#[test]
fn silence_is_told_from_an_answer_by_what_comes_after_it() {
    let server = Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n").start();
    let question = ask("acct.privatelink.blob.core.windows.net", "A");
    let ignored = Ask { mangled: Some(Mangled { cut: Some(5), ..Mangled::default() }), ..question.clone() };
    assert_eq!(ignored.gets_silence(server.address()), Ok(()));
    let answered = Ask { mangled: Some(Mangled::default()), ..question };
    assert!(answered.gets_silence(server.address()).is_err());
}

#[test]
fn an_upstream_dies_and_comes_back_on_its_port() {
    for mut upstream in both_kinds() {
        upstream.kill();
        for asked in [ask("www.contoso.com", "A"), ask("www.contoso.com", "A").tcp()] {
            assert!(asked.try_to(upstream.address()).is_err(), "nobody is there");
        }
        upstream.restart();
        for asked in [ask("www.contoso.com", "A"), ask("www.contoso.com", "A").tcp()] {
            assert!(asked.try_to(upstream.address()).is_ok(), "it is back");
        }
    }
}

#[test]
fn an_answer_that_does_not_fit_is_truncated_over_udp_alone() {
    let many: String = (0..120).fold(String::new(), |zone, n| zone + &format!("many.example. 60 A 10.9.0.{n}\n"));
    for upstream in [Upstream::serving(&many), Upstream::scripted(Script::of(&many))] {
        assert!(ask("many.example", "A").to(upstream.address()).truncated());
        assert_eq!(ask("many.example", "A").tcp().to(upstream.address()).answer.len(), 120);
    }
}

#[test]
fn config_is_merged_and_stays_toml() {
    let site = Site::new().with_list("a.txt", "").with_list("b.txt", "").with_config("[forward]\ntimeout = \"1s\"");
    let config: toml::Table = std::fs::read_to_string(site.config_file()).unwrap().parse().unwrap();
    assert_eq!(config["sources"].as_array().unwrap().len(), 2);
    assert_eq!(config["forward"]["timeout"].as_str(), Some("1s"));
    assert!(config["forward"]["upstreams"].is_array(), "what was there stays");
}

#[test]
fn unknown_faults_are_refused() {
    assert!(Faults::default().read("explode").is_err());
}

const CASE: &str = "
; a comment
LIST a.txt
    10.1.0.5 acct.blob.core.windows.net
UPSTREAM
    www.contoso.com. 60 CNAME acct.blob.core.windows.net.
REPLY gone.example A
    rcode SERVFAIL
TEST a sentence
QUERY www.contoso.com A tcp do bufsize=512
    flags qr rd ra
    answer www.contoso.com. CNAME acct.blob.core.windows.net.
    authority core.windows.net. 10 SOA *
    ede none
ASKED gone.example A 0
";

#[test]
fn a_case_file_is_read_as_it_is_meant() {
    let case = parse(Path::new("x.case"), CASE).unwrap();
    assert_eq!(case.setup.len(), 1);
    assert_eq!(case.steps.len(), 2);
    assert_eq!(case.steps[0].line, 10);
    assert_eq!(case.steps[0].test, "a sentence");
    let Action::Query(question) = &case.steps[0].action else { panic!("a QUERY") };
    assert!(question.ask.tcp);
    let opt = question.ask.opt.as_ref().unwrap();
    assert_eq!(opt.flags, 0x8000);
    assert_eq!(opt.payload, 512);
}

#[test]
fn a_mistake_in_a_case_file_is_named_with_its_line() {
    for (text, line) in
        [("QUERY a A\n    anwser x", 2), ("\nQEURY a A", 2), ("QUERY a A loud", 1), ("REPLY a A\n    x", 2)]
    {
        let error = parse(Path::new("x.case"), text).err().unwrap();
        assert!(error.starts_with(&format!("x.case:{line}: ")), "{error}");
    }
}

#[test]
fn a_reply_that_differs_is_shown_with_what_was_wanted() {
    let case = parse(Path::new("x.case"), CASE).unwrap();
    let Action::Query(question) = &case.steps[0].action else { panic!("a QUERY") };
    let upstream = Upstream::of(case.upstreams[""].clone());
    let reply = ask("www.contoso.com", "A").to(upstream.address());
    let shown = question.expected.differs(&reply, 0).unwrap();
    assert!(shown.contains("- authority core.windows.net. 10 SOA *"), "{shown}");
    assert!(shown.contains("+ flags qr aa rd"), "{shown}");
    assert!(!shown.contains("answer"), "the answer section is as wanted: {shown}");
}
