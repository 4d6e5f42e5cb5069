//! EDNS options and CHAOS questions, as a client sees them: cookies, NSID, keepalive, padding.

use crate::support::client::{Ask, ask};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const OURS: &str = "acct.privatelink.blob.core.windows.net";
const NSID: u16 = 3;
const COOKIE: u16 = 10;
const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;
const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const OLDER: &str = "dd3bdf9344b678b185a6f5cb60fca715";

fn site() -> Site {
    Site::new().with_list("a.txt", "10.1.0.1 acct.blob.core.windows.net\n")
}

fn with(question: Ask, code: u16, data: &[u8]) -> Ask {
    let mut question = question;
    question.opt.as_mut().expect("asks have EDNS").options.push((code, data.to_vec()));
    question
}

fn cookie_of(reply: &Reply) -> Vec<u8> {
    reply.option(COOKIE).expect("a cookie").to_vec()
}

fn chaos(server: &Server, name: &str) -> Reply {
    Ask { class: 3, ..ask(name, "TXT") }.to(server.address())
}

#[test]
fn a_client_with_a_cookie_gets_one_and_keeps_it() {
    let server = site().start();
    let upstream_or_ours = [ask(OURS, "A"), ask(OURS, "A").tcp(), ask("nope.example", "A"), ask(OURS, "AXFR")];
    for question in upstream_or_ours {
        let first = cookie_of(&with(question.clone(), COOKIE, b"12345678").to(server.address()));
        assert_eq!(first.len(), 24);
        assert_eq!(first[..12], *b"12345678\x01\0\0\0", "the client's part, version and reserved octets");
        let again = with(question, COOKIE, &first).to(server.address());
        assert_eq!(cookie_of(&again), first);
    }
    server.stop();
}

#[test]
fn rfc7873_5_2_a_bad_cookie_is_replaced_and_the_question_answered() {
    let server = site().start();
    let bad = b"12345678\x01\0\0\0abcdefghijkl";
    let reply = with(ask(OURS, "A"), COOKIE, bad).to(server.address());
    assert_eq!(reply.addresses(), ["10.1.0.1"]);
    let new = cookie_of(&reply);
    assert_eq!(new[..8], bad[..8], "the client's part stays");
    assert_ne!(new[8..], bad[8..], "the server's part is another");
    let other = with(ask(OURS, "A").from([127, 0, 0, 9].into()), COOKIE, &new).to(server.address());
    assert_ne!(cookie_of(&other), new, "another address, another cookie");
    server.stop();
}

#[test]
fn rfc7873_5_2_2_a_cookie_of_a_wrong_length_is_formerr_with_an_opt_record() {
    let server = site().start();
    for length in [0, 7, 9, 15, 41] {
        let reply = with(ask(OURS, "A"), COOKIE, &vec![7; length]).to(server.address());
        assert_eq!(reply.rcode, "FORMERR", "{length} octets");
        assert!(reply.opt.is_some(), "{length} octets");
    }
    server.stop();
}

#[test]
fn rfc7873_5_4_a_cookie_is_asked_for_without_a_question() {
    let server = site().start();
    let alone = |cookie: &[u8]| {
        let question = with(ask(OURS, "A"), COOKIE, cookie);
        Ask { header_only: true, ..question }.to(server.address())
    };
    let first = alone(b"12345678");
    assert_eq!(first.rcode, "NOERROR");
    assert_eq!(first.flags, "qr rd ra");
    assert!(first.answer.is_empty(), "{first}");
    let cookie = cookie_of(&first);
    assert_eq!(alone(&cookie).rcode, "NOERROR");
    let mut bad = cookie.clone();
    bad[20] ^= 1;
    let refused = alone(&bad);
    assert_eq!(refused.rcode, "BADCOOKIE");
    assert_eq!(cookie_of(&refused)[..8], bad[..8], "the client's part stays");
    assert_eq!(Ask { header_only: true, ..ask(OURS, "A") }.to(server.address()).rcode, "FORMERR", "no cookie");
    server.stop();
}

#[test]
fn servers_with_one_secret_take_each_others_cookies_and_secrets_roll_over() {
    let config = |secrets: &str| format!("[cookies]\nsecrets = [{secrets}]");
    let (one, mut two) = (site().with_config(&config(&format!("'{SECRET}'"))), site());
    two.add(&config(&format!("'{SECRET}', '{OLDER}'")));
    let (one, second) = (one.start(), two.start());
    let cookie = cookie_of(&with(ask(OURS, "A"), COOKIE, b"12345678").to(one.address()));
    let renewed = || cookie_of(&with(ask(OURS, "A"), COOKIE, &cookie).to(second.address()));
    assert_eq!(renewed(), cookie);
    two.add(&config(&format!("'{OLDER}', '{SECRET}'")));
    second.reload();
    wait_until("the other secret makes cookies", || renewed() != cookie);
    one.stop();
    second.stop();
}

#[test]
fn cookies_can_be_turned_off() {
    let server = site().with_config("[cookies]\nenabled = false").start();
    let reply = with(ask(OURS, "A"), COOKIE, b"12345678").to(server.address());
    assert_eq!(reply.addresses(), ["10.1.0.1"]);
    assert_eq!(reply.option(COOKIE), None);
    server.stop();
}

#[test]
fn nsid_and_chaos_are_silent_unless_configured() {
    let hidden = site().start();
    assert_eq!(with(ask(OURS, "A"), NSID, b"").to(hidden.address()).option(NSID), None);
    for name in ["version.bind", "version.server", "hostname.bind", "id.server"] {
        assert_eq!(chaos(&hidden, name).rcode, "REFUSED", "{name}");
    }
    hidden.stop();
    let shown = site().with_config("nsid = \"dns-a\"\nversion = \"none of yours\"").start();
    for question in [ask(OURS, "A"), ask(OURS, "A").tcp(), ask("nope.example", "A")] {
        assert_eq!(with(question.clone(), NSID, b"").to(shown.address()).option(NSID), Some(&b"dns-a"[..]));
        assert_eq!(question.to(shown.address()).option(NSID), None, "nobody asked");
    }
    for (name, text) in [("Version.Bind", "none of yours"), ("version.server", "none of yours"), ("id.server", "dns-a")]
    {
        let reply = chaos(&shown, name);
        assert_eq!(reply.answer.len(), 1, "{name}");
        assert_eq!(reply.answer[0].ttl, 0, "{name}");
        assert_eq!(reply.answer[0].rdata[1..], *text.as_bytes(), "{name}");
    }
    assert_eq!(chaos(&shown, "authors.bind").rcode, "REFUSED");
    let stranger = with(with(ask(OURS, "A"), NSID, b""), COOKIE, b"12345678").from([127, 9, 9, 9].into());
    let inside = "nsid = \"dns-a\"\n[access]\nallow = [\"127.0.0.1/32\"]";
    let closed = site().with_config(inside).start();
    let refused = stranger.to(closed.address());
    assert_eq!(refused.rcode, "REFUSED");
    assert_eq!(refused.option(NSID), None, "no name for strangers");
    assert_eq!(refused.option(COOKIE), None, "no cookie for strangers");
    closed.stop();
    shown.stop();
}

#[test]
fn rfc7828_keepalive_is_answered_over_tcp_to_a_client_that_asks_for_it() {
    let server = site().with_config("[tcp]\nidle = \"20s\"").start();
    let keep = |data: &[u8]| with(ask(OURS, "A"), KEEPALIVE, data);
    assert_eq!(keep(b"").tcp().to(server.address()).option(KEEPALIVE), Some(&[0, 200][..]));
    assert_eq!(ask(OURS, "A").tcp().to(server.address()).option(KEEPALIVE), None);
    let datagram = keep(b"\0\x09").to(server.address());
    assert_eq!(datagram.rcode, "NOERROR", "ignored over UDP");
    assert_eq!(datagram.option(KEEPALIVE), None, "ignored over UDP");
    let stream = keep(b"\0\x09").tcp().to(server.address());
    assert_eq!(stream.rcode, "FORMERR", "a timeout in a query");
    assert!(stream.opt.is_some(), "a timeout in a query");
    server.stop();
}

#[test]
fn rfc7830_6_padding_is_answered_without_padding_where_nothing_encrypts() {
    let server = site().start();
    for question in [ask(OURS, "A"), ask(OURS, "A").tcp()] {
        let reply = with(question, PADDING, &[0; 300]).to(server.address());
        assert_eq!(reply.addresses(), ["10.1.0.1"]);
        assert_eq!(reply.opt.unwrap().options, [] as [u16; 0]);
    }
    server.stop();
}

#[test]
fn options_have_room_in_an_answer_that_just_fits() {
    let many: String = (0..65).fold(String::new(), |zone, n| zone + &format!("many.example. 60 A 10.9.0.{n}\n"));
    let upstream = Upstream::serving(&many);
    let server = site().with_upstream(&upstream).with_config(&format!("nsid = \"{}\"", "n".repeat(64))).start();
    for payload in 1150..=1232 {
        let mut question = with(with(ask("many.example", "A"), NSID, b""), COOKIE, b"12345678");
        question.opt.as_mut().unwrap().payload = payload;
        let reply = question.to(server.address());
        assert!(reply.bytes.len() <= payload.into(), "{} octets for {payload}", reply.bytes.len());
        assert_eq!(reply.truncated(), reply.answer.is_empty());
        assert_eq!(cookie_of(&reply).len(), 24, "for {payload}");
        assert_eq!(reply.option(NSID).map(<[u8]>::len), Some(64), "for {payload}");
    }
    server.stop();
}
