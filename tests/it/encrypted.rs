//! DNS over TLS (RFC 7858), under clients that mean no good.

mod config;
mod hickory;
mod octets;
mod renewal;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use socket2::{Domain, Socket, Type};

use crate::support::client::{SendOpt, ask, framed, read_framed};
use crate::support::https::run;
use crate::support::tls::{Authority, BOTH, Encrypted, NAME, OURS, certificate, connect, ends_properly};
use crate::support::upstream::Upstream;
use crate::support::upstream::script::Script;
use crate::support::{SOON, wait_until};

fn query(name: &str) -> Vec<u8> {
    framed(&ask(name, "A").bytes())
}

fn answer(stream: &mut (impl Read + Write), question: &[u8]) -> Vec<u8> {
    stream.write_all(question).unwrap();
    read_framed(stream).unwrap()
}

/// A connection from this address.
fn from(address: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((address, 0)).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    socket.into()
}

/// Whether the server ends a connection on which it has said nothing.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SOON)).unwrap();
    match stream.read(&mut [0; 512]) {
        Ok(length) => length == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn an_answer_over_tls_has_the_octets_of_one_over_tcp() {
    let world = Encrypted::new();
    let server = world.site.start();
    let (mut tls, mut tcp) = (world.connect(&server), TcpStream::connect(server.address()).unwrap());
    tcp.set_read_timeout(Some(SOON)).unwrap();
    for name in [OURS, "nobody.privatelink.queue.core.windows.net", "acct.blob.core.windows.net", "version.bind"] {
        let question = query(name);
        assert_eq!(answer(&mut tls, &question), answer(&mut tcp, &question), "{name}");
    }
    assert_eq!(world.site.counted("tls_queries"), 4);
    server.stop();
}

#[test]
fn rfc7858_3_3_a_slow_answer_holds_up_none_behind_it_and_the_last_comes_while_the_server_stops() {
    let upstream = Upstream::scripted(Script::with_faults("slow.example. 60 A 192.0.2.1", "hold"));
    let world = Encrypted::new().with_upstream(&upstream);
    let server = world.site.start();
    let mut stream = world.connect(&server);
    let (slow, quick) = (query("slow.example"), query(OURS));
    stream.write_all(&[slow.clone(), quick.clone()].concat()).unwrap();
    assert_eq!(read_framed(&mut stream).unwrap()[..2], quick[2..4]);
    server.signal(nix::sys::signal::Signal::SIGTERM);
    server.until_says("draining", 0);
    upstream.release();
    assert_eq!(read_framed(&mut stream).unwrap()[..2], slow[2..4]);
    assert!(ends_properly(&mut stream));
    assert_eq!(server.stopped(), Some(0));
}

#[test]
fn rfc7858_3_4_an_idle_connection_ends_with_the_word_of_tls_for_it() {
    let world = Encrypted::new().with_config("[tcp]\nidle = \"300ms\"\n");
    let server = world.site.start();
    let mut stream = world.connect(&server);
    answer(&mut stream, &query(OURS));
    assert!(ends_properly(&mut stream));
    server.stop();
}

#[test]
fn answers_of_a_megabyte_reach_a_client_that_reads_late() {
    let world = Encrypted::new();
    let server = world.site.start();
    let mut stream = world.connect(&server);
    let questions: Vec<u8> = (0..8000).flat_map(|_| query(OURS)).collect();
    let mut writer = stream.sock.try_clone().unwrap();
    // What leaves at once is written; the rest while answers are read.
    let mut sent = 0;
    let mut received = 0;
    while received < 8000 {
        if sent < questions.len() {
            let end = questions.len().min(sent + 30_000);
            stream.conn.writer().write_all(&questions[sent..end]).unwrap();
            sent = end;
            while stream.conn.wants_write() {
                stream.conn.write_tls(&mut writer).unwrap();
            }
        } else {
            read_framed(&mut stream).unwrap();
            received += 1;
        }
    }
    server.stop();
}

#[test]
fn rfc8467_4_1_an_answer_is_padded_if_the_question_is_and_nothing_else_differs() {
    let world = Encrypted::new();
    let server = world.site.start();
    let mut stream = world.connect(&server);
    let mut padded = ask(OURS, "A");
    let opt = |options| Some(SendOpt { payload: 1232, version: 0, flags: 0, options });
    padded.opt = opt(vec![(12, vec![0; 60])]);
    let long = answer(&mut stream, &framed(&padded.bytes()));
    assert_eq!(long.len(), 468);
    padded.opt = opt(Vec::new());
    let short = answer(&mut stream, &framed(&padded.bytes()));
    // The length of the options, and the option.
    assert_eq!(
        (&long[2..short.len() - 2], &long[short.len()..short.len() + 2]),
        (&short[2..short.len() - 2], &[0, 12][..])
    );
    server.stop();
}

#[test]
fn a_client_that_may_not_ask_is_turned_away_before_a_handshake() {
    let world = Encrypted::new().with_config("[access]\nallow = [\"127.0.0.2/32\"]\n");
    let server = world.site.start();
    let refused = connect(&world.client(), NAME, server.dot());
    assert!(refused.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)));
    assert!(is_closed(&mut TcpStream::connect(server.dot()).unwrap()), "and before it says a word");
    assert_eq!((world.site.counted("tls_refused"), world.site.counted("tls_failed")), (2, 0));
    server.stop();
}

#[test]
fn a_network_that_is_not_trusted_begins_no_more_handshakes_than_limits_allow() {
    let world = Encrypted::new().with_config("[limits]\nhandshakes = 2\ntrusted = [\"127.0.0.2/32\"]\n");
    let server = world.site.start();
    let tries = (0..20).filter(|_| connect(&world.client(), NAME, server.dot()).is_ok()).count();
    assert!((2..20).contains(&tries), "{tries}");
    assert!(world.site.counted("tls_limited") > 0);
    server.stop();
}

#[test]
fn handshakes_that_nobody_finishes_keep_no_other_out_and_end_after_some_seconds() {
    let world = Encrypted::new();
    let server = world.site.start();
    // The listeners of TLS and of HTTPS share the places for handshakes.
    let listeners = [server.dot(), server.doh()];
    let mut half_open: Vec<TcpStream> = (0..200).map(|n| from([127, 0, 7, 1], listeners[n % 2])).collect();
    // The head of a handshake of 512 octets, and the first of them. Some are turned away: it is one network.
    for stream in &mut half_open {
        let _ = stream.write_all(&[22, 3, 1, 2, 0, 1]);
    }
    answer(&mut world.connect(&server), &query(OURS));
    run(async { world.connect_https(&server).await.post(&ask(OURS, "A").bytes()).await.unwrap() });
    assert!(half_open.iter_mut().all(is_closed));
    let limited = world.site.counted("tls_limited");
    assert!((1..200).contains(&limited), "{limited}");
    wait_until("they are counted", || world.site.counted("tls_failed") == 200 - limited);
    server.stop();
}

#[test]
fn rfc7858_3_1_a_client_without_alpn_is_served_and_one_of_another_protocol_is_not() {
    let world = Encrypted::new();
    let server = world.site.start();
    for (protocol, is_served) in [("dot", true), ("h2", false), ("doq", false)] {
        let mut config = world.authority.client(None, &BOTH);
        config.alpn_protocols = vec![protocol.into()];
        let connected = connect(&Arc::new(config), NAME, server.dot());
        assert_eq!(connected.is_ok(), is_served, "{protocol}");
        let is_said = |error: std::io::Error| error.to_string().contains("NoApplicationProtocol");
        assert!(connected.map_or_else(is_said, |stream| stream.conn.alpn_protocol() == Some(b"dot")), "{protocol}");
    }
    answer(&mut world.connect(&server), &query(OURS));
    server.stop();
}

#[test]
fn tls_1_2_is_spoken_unless_the_config_says_otherwise() {
    for (config, is_spoken) in [("", true), ("min_version = \"1.3\"\n", false)] {
        let world = Encrypted::with(config);
        let server = world.site.start();
        let client = Arc::new(world.authority.client(None, &[&TLS12]));
        assert_eq!(connect(&client, NAME, server.dot()).is_ok(), is_spoken, "{config}");
        answer(&mut world.connect(&server), &query(OURS));
        server.stop();
    }
}

#[test]
fn a_client_gets_the_certificate_that_it_names_and_else_the_first() {
    let mut world = Encrypted::new();
    world.site.remove_config("tls");
    world.site.add("[[tls]]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n[[tls]]\ncert = \"b.pem\"\nkey = \"b.key\"\n");
    world.authority.sign(&["b.example"]).write(&world.site.path("b.pem"), &world.site.path("b.key"));
    let server = world.site.start();
    let of = |name: &str| connect(&world.client(), name, server.dot()).map(|stream| certificate(&stream));
    let (first, second) = (of(NAME).unwrap(), of("b.example").unwrap());
    assert_ne!(first, second);
    assert_eq!(of("127.0.0.1").unwrap(), first, "no name is sent for an address");
    assert!(of("c.example").is_err(), "the first is not for it, which the client sees");
    server.stop();
}

#[test]
fn with_client_ca_a_client_needs_a_certificate_of_it() {
    let world = Encrypted::with("client_ca = \"ca.pem\"\n");
    let (clients, others) = (Authority::new(), Authority::new());
    std::fs::write(world.site.path("ca.pem"), clients.pem()).unwrap();
    let server = world.site.start();
    let is_served = |client: ClientConfig| {
        let stream = connect(&Arc::new(client), NAME, server.dot());
        // With TLS 1.3 the client has its part done before the server refuses it.
        stream.and_then(|mut stream| stream.write_all(&query(OURS)).and_then(|()| read_framed(&mut stream))).is_ok()
    };
    for versions in [&[&TLS13][..], &[&TLS12]] {
        assert!(is_served(world.authority.client(Some(&clients.sign(&["client"])), versions)));
        assert!(!is_served(world.authority.client(Some(&others.sign(&["client"])), versions)));
        assert!(!is_served(world.authority.client(None, versions)));
    }
    server.stop();
}

#[test]
fn dns_without_tls_and_http_get_no_answer_at_the_port_of_tls() {
    let world = Encrypted::new();
    let server = world.site.start();
    for question in [query(OURS), b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut stream = TcpStream::connect(server.dot()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(&question).unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        // Nothing but an alert: type 21.
        assert!(said.is_empty() || said[0] == 21, "{said:?}");
    }
    server.stop();
}

#[test]
fn the_limit_of_connections_holds_for_tcp_tls_and_https_together() {
    let world = Encrypted::new().with_config("[tcp]\nmax_per_client = 2\n");
    let server = world.site.start();
    let (mut first, mut second) = (world.connect(&server), world.connect(&server));
    answer(&mut first, &query(OURS));
    // A client may see its answer before the server has noted when that was.
    server.until_idle();
    answer(&mut second, &query(OURS));
    server.until_idle();
    let mut tcp = TcpStream::connect(server.address()).unwrap();
    answer(&mut tcp, &query(OURS));
    assert!(ends_properly(&mut first), "the longest idle one makes room");
    server.until_idle();
    run(async { world.connect_https(&server).await.post(&ask(OURS, "A").bytes()).await.unwrap() });
    assert!(ends_properly(&mut second));
    answer(&mut tcp, &query(OURS));
    server.stop();
}

#[test]
fn a_listener_that_others_hold_is_named_at_the_start() {
    let world = Encrypted::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = taken.local_addr().unwrap();
    let text = std::fs::read_to_string(world.site.config_file()).unwrap();
    let listen = format!("[dot]\nlisten = [\"{address}\"]\n");
    world.site.write_raw_config(&text.replace("[dot]\nlisten = [\"127.0.0.1:0\"]\n", &listen));
    let ran = crate::support::server::fails_to_start(world.site.command("serve"));
    assert!(ran.all().contains(&format!("cannot listen on {address} (TCP)")), "{}", ran.all());
}

#[test]
fn rfc9462_4_clients_that_ask_for_it_are_told_where_tls_is_and_no_upstream_is_asked() {
    let upstream = Upstream::serving("_dns.resolver.arpa. 60 SVCB 1 dns.other.example. alpn=dot\n");
    let mut world = Encrypted::new().with_upstream(&upstream).with_config("[forward]\nspecial_names = \"forward\"\n");
    let server = world.site.start();
    let none = server.ask("_dns.resolver.arpa", "TYPE64");
    assert_eq!((none.rcode.as_str(), none.answer.len(), none.authority.len()), ("NOERROR", 0, 1));
    world.site.add(&format!("[ddr]\nname = \"{NAME}\"\n"));
    let port = server.dot().port();
    let svcb = || ask("_dns.resolver.arpa", "TYPE64").to(server.address()).bytes;
    // Key 1 is alpn, 3 port, 4 ipv4hint. HTTPS comes first.
    let [high, low] = port.to_be_bytes();
    let params = [&b"\0\x01\0\x04\x03dot\0\x03\0\x02"[..], &[high, low], b"\0\x04\0\x04\x7f\0\0\x01"].concat();
    let target = b"\0\x02\x03dns\x04corp\x07example\0";
    let rdata = [&target[..], &params].concat();
    wait_until("it is designated", || svcb().windows(rdata.len()).any(|window| window == rdata));
    assert_eq!(upstream.asked("_dns.resolver.arpa", "TYPE64"), 0);
    server.stop();
}

#[test]
fn check_and_status_name_a_certificate_that_cannot_be_used_or_ends() {
    let world = Encrypted::new();
    world.site.run("check", &[]).expect(0, &["good"]);
    let short = world.authority.sign_for(&[NAME], Duration::from_hours(72));
    short.write(&world.site.path("cert.pem"), &world.site.path("key.pem"));
    world
        .site
        .run("check", &[])
        .expect(0, &["warning: ", "cert.pem: the certificate expires at", "nothing has renewed it"]);
    let server = world.site.start();
    world
        .site
        .run("status", &[])
        .expect(3, &["DNS over TLS on 127.0.0.1:", "cert.pem, valid until", "nothing has renewed it"]);
    server.stop();
    std::fs::remove_file(world.site.path("key.pem")).unwrap();
    world.site.run("check", &[]).expect(2, &["key.pem: cannot be read", "clients cannot get this certificate"]);
}
