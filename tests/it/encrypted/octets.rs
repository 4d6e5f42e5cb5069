//! Whatever is asked, TLS and HTTPS carry the octets that TCP carries. What may differ is what is about the connection
//! itself: keepalive (RFC 7828), and padding (RFC 7830).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustls::ClientConfig;

use crate::support::SOON;
use crate::support::client::{Ask, Mangled, SendOpt, ask, framed};
use crate::support::https::{Client, get, run};
use crate::support::server::Server;
use crate::support::tls::{Encrypted, NAME, OURS, connect};
use crate::support::upstream::{Upstream, addresses};

const KEEPALIVE: u16 = 11;
const PADDING: u16 = 12;

/// The answers to a question, of which there is one or none.
type Answers = Vec<Vec<u8>>;

/// A message without the options about the connection, and those options.
type Stripped = (Vec<u8>, Vec<(u16, Vec<u8>)>);

/// Reads until the end of the connection.
fn read_all(mut stream: impl Read) -> Answers {
    let mut octets = Vec::new();
    // A connection that is cut off has an end too.
    let _ends = stream.read_to_end(&mut octets);
    let (mut answers, mut rest) = (Vec::new(), &octets[..]);
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (message, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)));
        answers.push(message.to_vec());
        rest = behind;
    }
    answers
}

/// Asks over TCP, and says that nothing more is asked.
fn over_tcp(server: &Server, question: &[u8]) -> Answers {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(&framed(question)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    read_all(stream)
}

fn over_tls(client: &Arc<ClientConfig>, server: &Server, question: &[u8]) -> Answers {
    let mut stream = connect(client, NAME, server.dot()).unwrap();
    stream.write_all(&framed(question)).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    read_all(stream)
}

/// Asks over HTTPS: by POST and by GET.
fn over_https(client: &ClientConfig, server: &Server, question: &[u8]) -> [Answers; 2] {
    let target = format!("/dns-query?dns={}", BASE64_URL_SAFE_NO_PAD.encode(question));
    run(async {
        let mut connection = Client::connect(client, server.doh()).await;
        let replies = [connection.post(question).await.unwrap(), connection.ask(get(&target), b"").await.unwrap()];
        replies.map(|reply| match reply.status {
            200 => vec![reply.body],
            status => {
                assert_eq!(status, 400, "what is no query is a bad request");
                Vec::new()
            }
        })
    })
}

fn stripped(answer: &[u8]) -> Stripped {
    let Some(at) = opt_record(answer) else { return (answer.to_vec(), Vec::new()) };
    let (mut options, mut kept) = (Vec::new(), Vec::new());
    let mut rest = &answer[at + 11..];
    while let Some((&[high, low, long, length], behind)) = rest.split_first_chunk() {
        let (code, length) = (u16::from_be_bytes([high, low]), usize::from(u16::from_be_bytes([long, length])));
        let Some((data, behind)) = behind.split_at_checked(length) else { break };
        if code == KEEPALIVE || code == PADDING {
            options.push((code, data.to_vec()));
        } else {
            kept.extend_from_slice(&rest[..4 + length]);
        }
        rest = behind;
    }
    // What is no option stays.
    kept.extend_from_slice(rest);
    let mut message = answer[..at + 9].to_vec();
    message.extend(u16::try_from(kept.len()).unwrap().to_be_bytes());
    message.extend(kept);
    (message, options)
}

/// Where the OPT record begins, which is the last of a message: the root's name, type 41, and options up to the end.
fn opt_record(answer: &[u8]) -> Option<usize> {
    (12..answer.len().saturating_sub(10)).find(|at| {
        let options = u16::from_be_bytes([answer[at + 9], answer[at + 10]]);
        answer[*at..].starts_with(&[0, 0, 41]) && at + 11 + usize::from(options) == answer.len()
    })
}

/// A transport that encrypts.
#[derive(Clone, Copy, PartialEq)]
enum Over {
    Tls,
    Https,
}

/// Compares the answers over TCP with those over another transport; how they differ.
fn compare(question: &[u8], tcp: &Answers, over: Over, other: &Answers) -> Result<(), String> {
    let all = |answers: &Answers| answers.iter().map(|answer| stripped(answer)).collect::<Vec<_>>();
    let (plain, encrypted) = (all(tcp), all(other));
    let wrong = |what: &str| Err(format!("{what}: {question:02x?}:\n{plain:02x?}\n{encrypted:02x?}"));
    if plain.len() != encrypted.len() || plain.iter().zip(&encrypted).any(|(plain, other)| plain.0 != other.0) {
        return wrong("other octets");
    }
    let options = |all: &[Stripped], code: u16| -> Vec<Vec<u8>> {
        let options = all.iter().flat_map(|(_, options)| options);
        options.filter(|option| option.0 == code).map(|option| option.1.clone()).collect()
    };
    // RFC 7828 section 3.3.2: messages that follow one another on a connection have it, requests of HTTP/2 do not.
    let keepalive = if over == Over::Tls { options(&plain, KEEPALIVE) } else { Vec::new() };
    if options(&encrypted, KEEPALIVE) != keepalive {
        return wrong("another keepalive");
    }
    // RFC 8467 section 4.1, in octets of no meaning (RFC 7830 section 3).
    let padding = options(&encrypted, PADDING);
    let is_even = padding.is_empty() || other.iter().all(|answer| answer.len().is_multiple_of(468));
    if !is_even || padding.concat().iter().any(|octet| *octet != 0) || !options(&plain, PADDING).is_empty() {
        return wrong("bad padding");
    }
    // A query with the option has it in its answer, unless it makes no sense.
    let asks = stripped(question).1.iter().any(|(code, _)| *code == PADDING) && opt_record(question).is_some();
    // The upper part of the RCODE is in the OPT record.
    let rcode = |answer: &[u8]| opt_record(answer).map(|at| (answer[3] & 0x0f, answer[at + 5]));
    if asks && padding.is_empty() && other.iter().any(|answer| rcode(answer) == Some((0, 0))) {
        return wrong("no padding");
    }
    Ok(())
}

/// The site, with an upstream.
struct Stand {
    world: Encrypted,
    server: Server,
    client: Arc<ClientConfig>,
    _upstream: Upstream,
}

impl Stand {
    fn new() -> Self {
        let long = addresses("long.example", 1000);
        let upstream = Upstream::serving(&format!("{long}www.example. 60 CNAME acct.blob.core.windows.net.\n"));
        let world = Encrypted::new().with_upstream(&upstream);
        let (server, client) = (world.site.start(), world.client());
        Self { world, server, client, _upstream: upstream }
    }

    /// Asks by all transports. A second may end between two of them, which TTLs and cookies show: not three times.
    fn check(&self, question: &[u8]) -> Result<(), String> {
        let check = |_| {
            let tcp = over_tcp(&self.server, question);
            let [post, get] = over_https(&self.client, &self.server, question);
            compare(question, &tcp, Over::Tls, &over_tls(&self.client, &self.server, question))?;
            compare(question, &tcp, Over::Https, &post)?;
            compare(question, &tcp, Over::Https, &get)
        };
        let mut checked = (0..3).map(check);
        checked.find(Result::is_ok).unwrap_or_else(|| check(3))
    }
}

/// Any option; those that servers know come often.
fn an_option() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let known = prop_oneof![
        Just((3, vec![])),
        Just((8, vec![0, 1, 24, 0, 10, 1, 2])),
        Just((10, b"12345678".to_vec())),
        Just((KEEPALIVE, vec![])),
        (0..40_usize).prop_map(|length| (PADDING, vec![0; length])),
    ];
    prop_oneof![3 => known, 1 => (any::<u16>(), vec(any::<u8>(), 0..20))]
}

fn an_opt() -> impl Strategy<Value = SendOpt> {
    let flags = prop_oneof![Just(0), Just(0x8000), any::<u16>()];
    let options = vec(an_option(), 0..4);
    (prop_oneof![Just(1232), any::<u16>()], prop_oneof![9 => Just(0), 1 => any::<u8>()], flags, options)
        .prop_map(|(payload, version, flags, options)| SendOpt { payload, version, flags, options })
}

/// Names of zones, of upstreams, and of neither.
const NAMES: [&str; 14] = [
    OURS,
    "nobody.privatelink.blob.core.windows.net",
    "nobody.privatelink.we.backup.windowsazure.com",
    "privatelink.blob.core.windows.net",
    "acct.blob.core.windows.net",
    "www.example",
    "long.example",
    "nothing.example",
    "localhost",
    "1.0.0.127.in-addr.arpa",
    "_dns.resolver.arpa",
    "version.bind",
    "x.invalid",
    ".",
];

fn a_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => "[a-z]{1,20}\\.example"]
}

fn a_mangling() -> impl Strategy<Value = Mangled> {
    let count = || option::weighted(0.3, 0..3_u16);
    let counts = (count(), count(), count(), count()).prop_map(|(a, b, c, d)| [a, b, c, d]);
    (any::<bool>(), counts, vec(any::<u8>(), 0..6), option::weighted(0.5, 4..60_usize))
        .prop_map(|(response, counts, tail, cut)| Mangled { response, counts, tail, cut })
}

/// A question with an id of its own, 0 among them, as clients of HTTPS have it (RFC 8484 section 4.1).
fn a_question() -> impl Strategy<Value = Vec<u8>> {
    let qtype = prop_oneof![
        6 => proptest::sample::select(&[1_u16, 28, 2, 6, 16, 64, 65][..]),
        2 => proptest::sample::select(&[41_u16, 251, 252, 255][..]),
        1 => any::<u16>()
    ];
    let class = prop_oneof![8 => Just(1), 1 => Just(3), 1 => any::<u16>()];
    let opcode = prop_oneof![9 => Just(0), 1 => 0..16_u8];
    let head = (a_name(), qtype, class, opcode, any::<bool>(), prop_oneof![3 => Just(0), 1 => any::<u8>()]);
    let rest = (option::weighted(0.7, an_opt()), option::weighted(0.2, a_mangling()), any::<bool>(), any::<u16>());
    (head, rest).prop_map(|((name, qtype, class, opcode, rd, low_flags), (opt, mangled, is_zero, id))| {
        let question = Ask { qtype, class, opcode, rd, low_flags, opt, mangled, ..ask(&name, "A") };
        let mut octets = question.sent();
        octets[..2].copy_from_slice(&if is_zero { 0 } else { id }.to_be_bytes());
        octets
    })
}

#[test]
fn whatever_is_asked_tls_and_https_carry_the_octets_that_tcp_carries_but_for_keepalive_and_padding() {
    let stand = Stand::new();
    // Some questions have to wait for the upstream: a case costs some handshakes and no more.
    let cases = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
    let garbage = vec(any::<u8>(), 1..80);
    TestRunner::new(config)
        .run(&prop_oneof![9 => a_question(), 1 => garbage], |question| {
            stand.check(&question).map_err(TestCaseError::fail)
        })
        .unwrap();
    assert_eq!(stand.world.site.counted("tls_failed"), 0);
    stand.server.stop();
}

#[test]
fn an_octet_that_differs_an_answer_too_many_and_wrong_options_are_found() {
    let stand = Stand::new();
    let options = vec![(PADDING, vec![]), (3, vec![]), (KEEPALIVE, vec![])];
    let opt = SendOpt { payload: 1232, version: 0, flags: 0, options };
    let question = Ask { opt: Some(opt), ..ask(OURS, "A") }.bytes();
    let tcp = over_tcp(&stand.server, &question);
    let tls = over_tls(&stand.client, &stand.server, &question);
    let [https, _] = over_https(&stand.client, &stand.server, &question);
    assert_eq!((tcp.len(), tls[0].len(), https[0].len()), (1, 468, 468));
    let found = |tcp: &Answers, over, other: &Answers| compare(&question, tcp, over, other).expect_err("it is found");
    compare(&question, &tcp, Over::Tls, &tls).unwrap();
    compare(&question, &tcp, Over::Https, &https).unwrap();
    for at in 0..tls[0].len() {
        let mut other = tls.clone();
        other[0][at] ^= 1;
        found(&tcp, Over::Tls, &other);
    }
    let twice = [&tls[..], &tls[..]].concat();
    for wrong in [Vec::new(), twice, vec![tls[0][..460].to_vec()]] {
        found(&tcp, Over::Tls, &wrong);
    }
    assert!(found(&tls, Over::Tls, &tls).starts_with("bad padding"), "over TCP nothing is padded");
    assert!(found(&tcp, Over::Https, &tls).starts_with("another keepalive"), "HTTP/2 has its own");
    assert!(found(&tcp, Over::Tls, &https).starts_with("another keepalive"));
    assert!(found(&tcp, Over::Tls, &tcp).starts_with("no padding"));
    stand.server.stop();
}
