//! The admin and the probe listener of the real binary: what they answer to whom, and that no query suffers from it.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::Signal;

use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;
use crate::support::web::{Answer, all, ask, connect, get, request};

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

const BOTH: &str = "[admin]\nlisten = \"127.0.0.1:0\"\nprobe = \"127.0.0.1:0\"\nhosts = [\"dns-a.corp.example\"]";

fn site() -> Site {
    Site::new().with_list("a.txt", LIST).with_config(BOTH)
}

fn still_serves(server: &Server) {
    assert_eq!(server.resolves(NAME), ["10.1.0.1"]);
}

/// The addresses of both listeners, as status shows them.
fn shown(site: &Site) -> Vec<String> {
    serde_json::from_value(site.status()["server"]["admin"].clone()).unwrap()
}

#[test]
fn every_endpoint_answers_and_the_probe_has_two_of_them_alone() {
    let server = site().start();
    for (target, kind, begins) in [
        ("/", "text/html; charset=utf-8", "<!doctype html>"),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "# HELP "),
        ("/status.json", "application/json", "{"),
        ("/health", "text/plain; charset=utf-8", "ok\n"),
        ("/ready", "text/plain; charset=utf-8", "ready\n"),
        ("/ready?verbose", "text/plain; charset=utf-8", "[+]shutdown ok\n"),
    ] {
        let answer = get(server.admin(), target);
        assert_eq!((answer.code, answer.header("content-type")), (200, kind), "{target}");
        assert!(answer.body.to_lowercase().starts_with(&begins.to_lowercase()), "{target}: {}", answer.body);
        let at_the_probe = if target.starts_with("/ready") || target == "/health" { 200 } else { 404 };
        assert_eq!(get(server.probe(), target).code, at_the_probe, "{target}");
    }
    let missing = get(server.admin(), "/nowhere");
    assert_eq!(missing.code, 404);
    assert!(missing.body.contains("/metrics"), "{}", missing.body);
    server.stop();
}

#[test]
fn the_status_over_http_is_the_status_of_the_control_socket() {
    let site = site();
    let server = site.start();
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let (over_http, by_socket) = (read(&get(server.admin(), "/status.json").body), site.status());
    assert_eq!(over_http["zones"], by_socket["zones"]);
    assert_eq!(over_http["server"]["pid"], by_socket["server"]["pid"]);
    assert_eq!(by_socket["server"]["admin"][0], server.admin().to_string());
    assert_eq!(by_socket["server"]["admin"][1], server.probe().to_string());
    server.stop();
}

#[test]
fn every_answer_says_that_it_is_not_to_be_kept_sniffed_framed_or_shared() {
    let server = site().start();
    let host = format!("Host: {}\r\n", server.admin());
    let answers = [
        get(server.admin(), "/"),
        get(server.admin(), "/metrics"),
        get(server.admin(), "/nowhere"),
        ask(server.admin(), "POST", "/", &host),
        ask(server.admin(), "GET", "/", "Host: evil.example\r\n"),
    ];
    for answer in answers {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("access-control-allow-origin", ""),
            ("server", ""),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {answer:?}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{answer:?}");
    }
    server.stop();
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let server = site().start();
    let mut stream = connect(server.admin());
    for (method, is_head) in [("HEAD", true), ("GET", false)] {
        stream.write_all(request(method, "/ready", "Host: localhost\r\n").as_bytes()).unwrap();
        let answer = Answer::read(&mut stream, is_head).unwrap();
        assert_eq!((answer.code, answer.header("content-length")), (200, "6"), "{method}");
        assert_eq!(answer.body, if is_head { "" } else { "ready\n" });
    }
    server.stop();
}

#[test]
fn a_page_of_another_name_that_leads_here_gets_nothing() {
    let server = site().start();
    let port = server.admin().port();
    for (hosts, code) in [
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        (format!("Host: [::1]:{port}\r\n"), 200),
        (format!("Host: localhost:{port}\r\n"), 200),
        ("Host: DNS-A.corp.example\r\n".to_owned(), 200),
        (format!("Host: evil.example:{port}\r\n"), 421),
        ("Host: localhost.evil.example\r\n".to_owned(), 421),
        ("Host: \r\n".to_owned(), 400),
        ("Host: localhost\r\nHost: localhost\r\n".to_owned(), 400),
        (String::new(), 400),
    ] {
        let answer = ask(server.admin(), "GET", "/metrics", &hosts);
        assert_eq!(answer.code, code, "{hosts}: {answer:?}");
        assert_eq!(answer.body.contains("privatelink_dns_"), code == 200, "{hosts}");
    }
    let absolute = ask(server.admin(), "GET", "http://evil.example/metrics", "Host: localhost\r\n");
    assert_eq!(absolute.code, 421);
    assert_eq!(ask(server.probe(), "GET", "/ready", "Host: balancer.example\r\n").code, 200, "it shows nothing");
    wait_until("the refused ones are counted", || {
        let status: serde_json::Value = serde_json::from_str(&get(server.admin(), "/status.json").body).unwrap();
        status["server"]["admin_counts"]["refused"].as_u64() == Some(6)
    });
    server.stop();
}

#[test]
fn what_is_neither_get_nor_head_is_refused_whatever_it_carries() {
    let server = site().start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        let answer = ask(server.admin(), method, "/metrics", "Host: localhost\r\nContent-Length: 3\r\n");
        assert_eq!((answer.code, answer.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let body = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let with_body = format!("GET /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = connect(server.admin());
    stream.write_all(with_body.as_bytes()).unwrap();
    assert_eq!(Answer::read(&mut stream, false).unwrap().body, "ready\n");
    stream.write_all(request("GET", "/health", "Host: localhost\r\nConnection: close\r\n").as_bytes()).unwrap();
    let mut rest = String::new();
    let _reset = stream.read_to_string(&mut rest);
    assert!(!rest.contains("privatelink_dns_"), "a body is no request: {rest}");
    server.stop();
}

#[test]
fn a_scraper_keeps_its_connection_and_gets_the_form_that_it_prefers() {
    let server = site().start();
    let mut stream = connect(server.admin());
    for (accept, is_open) in
        [("application/openmetrics-text;version=1.0.0", true), ("text/plain", false), ("*/*", false)]
    {
        let headers = format!("Host: localhost\r\nAccept: {accept}\r\n");
        stream.write_all(request("GET", "/metrics", &headers).as_bytes()).unwrap();
        let answer = Answer::read(&mut stream, false).unwrap();
        assert_eq!(answer.body.ends_with("# EOF\n"), is_open, "{accept}");
        assert_eq!(answer.header("content-type").starts_with("application/openmetrics-text"), is_open, "{accept}");
    }
    server.stop();
}

#[test]
fn probes_that_are_sent_at_once_get_one_answer_and_a_close() {
    let server = site().start();
    let one = request("GET", "/ready", "Host: 10.0.0.4\r\nConnection: keep-alive\r\n");
    let heard = all(server.probe(), one.repeat(3).as_bytes());
    assert_eq!(heard.matches("HTTP/1.1 200 OK").count(), 1, "{heard}");
    assert!(heard.to_lowercase().contains("connection: close\r\n"), "{heard}");
    assert!(all(server.probe(), b"GET /ready HTTP/1.0\r\n\r\n").ends_with("ready\n"), "HTTP/1.0 needs no Host");
    server.stop();
}

#[test]
fn a_client_that_sends_its_request_drop_by_drop_is_cut_off() {
    let server = site().start();
    for address in [server.admin(), server.probe()] {
        let mut stream = connect(address);
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: local").unwrap();
        let mut heard = Vec::new();
        // A FIN or a reset, and not the end of our own patience.
        let patience = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        let ended = stream.read_to_end(&mut heard);
        assert!(!ended.is_err_and(|error| patience(&error)) && heard.is_empty(), "{heard:?}");
    }
    still_serves(&server);
    server.stop();
}

#[test]
fn two_hundred_connections_keep_neither_queries_nor_the_next_client_out() {
    let site = site();
    let server = site.start();
    let open: Vec<TcpStream> = (0..200).map(|_| connect(server.admin())).collect();
    still_serves(&server);
    assert_eq!(get(server.admin(), "/ready").code, 200);
    wait_until("the oldest made room", || {
        site.status()["server"]["admin_counts"]["displaced"].as_u64() >= Some(200 - 64)
    });
    let probes: Vec<TcpStream> = (0..200).map(|_| connect(server.probe())).collect();
    assert_eq!(get(server.probe(), "/ready").code, 200);
    still_serves(&server);
    drop((open, probes));
    server.stop();
}

#[test]
fn a_head_without_end_is_refused_and_harms_nobody() {
    let site = site();
    let server = site.start();
    let before = server.stderr().len();
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(101));
    let target = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(1 << 17));
    for sent in [long, many, target] {
        let heard = all(server.admin(), sent.as_bytes());
        // A reset may be faster than the refusal.
        assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    }
    for junk in
        [&b"\x16\x03\x01\x02\x00"[..], b"\r\n\r\n\r\n", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0; 4096]]
    {
        let heard = all(server.probe(), junk);
        assert!(!heard.contains(" 200 "), "{heard}");
    }
    still_serves(&server);
    let log = server.stop();
    let after: Vec<&str> = log[before..].lines().filter(|line| !line.contains("INFO")).collect();
    assert_eq!(after, [""; 0], "what a client does is not logged");
}

#[test]
fn from_the_signal_on_it_is_not_ready_and_answers_in_full_until_a_second_signal() {
    let site = site().with_config("[admin]\nlameduck = \"1h\"");
    let mut server = site.start();
    server.signal(Signal::SIGTERM);
    wait_until("not ready", || get(server.probe(), "/ready").code == 503);
    assert_eq!(get(server.probe(), "/ready").body, "draining: the server is about to stop\n");
    assert_eq!(get(server.admin(), "/ready").code, 503);
    assert_eq!(get(server.probe(), "/health").code, 200, "there is no reason to kill it");
    still_serves(&server);
    site.rename_list("a.txt", "10.1.0.2 acct.blob.core.windows.net\n");
    server.until_resolves(NAME, "10.1.0.2");
    assert_eq!(site.status()["readiness"]["draining"], true, "the control socket works");
    assert!(server.runs());
    server.signal(Signal::SIGTERM);
    assert_eq!(server.ended().code(), Some(0));
    server.until_says("a second signal: stopping at once", 0);
}

#[test]
fn once_lameduck_is_over_it_ends_by_itself() {
    let mut server = site().with_config("[admin]\nlameduck = \"300ms\"").start();
    server.signal(Signal::SIGINT);
    assert_eq!(server.ended().code(), Some(0));
    server.until_says("queries are answered for 300ms more", 0);
    server.until_says("stopped", 0);
    assert!(TcpStream::connect(server.admin()).is_err() && TcpStream::connect(server.address()).is_err());
}

#[test]
fn a_zone_without_a_good_copy_is_named_until_there_is_one() {
    let site = site().with_zone("corp.example", "$TTL 9\n@ SOA a. b. 1 2 3 4 5\nbroken\n");
    let server = site.start();
    let not_ready = get(server.probe(), "/ready");
    assert_eq!(not_ready.code, 503);
    assert_eq!(not_ready.body, "corp.example: no good copy, its names are SERVFAIL\n");
    let verbose = get(server.admin(), "/ready?verbose").body;
    assert!(
        verbose.contains("[-]zone corp.example failed") && verbose.contains("[+]zone privatelink.blob"),
        "{verbose}"
    );
    assert_eq!(get(server.probe(), "/health").code, 200);
    site.write_zone("corp.example", "$TTL 9\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n@ A 10.0.0.1\n");
    wait_until("it is ready", || get(server.probe(), "/ready").code == 200);
    server.stop();
}

#[test]
fn a_reload_moves_a_listener_and_a_swap_of_both_works_too() {
    let mut site = site();
    let server = site.start();
    let (admin, probe) = (server.admin(), server.probe());
    site.add("[admin]\nlisten = \"127.0.0.2:0\"\nhosts = [\"moved.example\"]");
    site.reload();
    wait_until("it moved", || shown(&site)[0].starts_with("127.0.0.2:"));
    assert!(TcpStream::connect(admin).is_err(), "the old one is closed");
    let moved = shown(&site)[0].parse().unwrap();
    assert_eq!(ask(moved, "GET", "/ready", "Host: moved.example\r\n").code, 200);
    assert_eq!(ask(moved, "GET", "/ready", "Host: dns-a.corp.example\r\n").code, 421, "the old name is none any more");
    assert_eq!(shown(&site)[1], probe.to_string(), "the other one was left alone");
    site.add(&format!("[admin]\nlisten = \"{probe}\"\nprobe = \"{moved}\""));
    site.reload();
    wait_until("they changed places", || shown(&site) == [probe.to_string(), moved.to_string()]);
    assert_eq!(get(probe, "/metrics").code, 200);
    assert_eq!(get(moved, "/metrics").code, 404);
    site.remove_config("admin");
    site.reload();
    wait_until("both are closed", || shown(&site).is_empty());
    assert!(TcpStream::connect(probe).is_err() && TcpStream::connect(moved).is_err());
    still_serves(&server);
    server.stop();
}

#[test]
fn a_port_that_is_taken_is_said_once_keeps_no_query_waiting_and_is_opened_when_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut site = Site::new().with_list("a.txt", LIST).with_config(&format!("[admin]\nlisten = \"{address}\""));
    let server = site.start();
    still_serves(&server);
    let said = format!("cannot listen on {address}, [admin] listen: the port is taken");
    assert!(site.status()["server"]["admin_failed"].to_string().contains(&said));
    site.shown(&[&said]);
    assert_eq!(server.stderr().matches(&said).count(), 1, "{}", server.stderr());
    drop(taken);
    wait_until("it is open", || shown(&site) == [address.to_string()]);
    assert_eq!(get(address, "/ready").code, 200);
    assert_eq!(site.status()["server"]["admin_failed"], serde_json::json!([]));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    site.add(&format!("[admin]\nlisten = \"{}\"", taken.local_addr().unwrap()));
    site.reload();
    server.until_says(&format!("{address} stays open instead"), 0);
    assert_eq!(get(address, "/ready").code, 200);
    server.stop();
}
