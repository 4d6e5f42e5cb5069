//! Tests on loopback: ways, texts of errors, and ends.

use super::*;
use crate::sync::live::outside::Secret;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

/// Serves each connection with these bytes, once its request came, and gives what was asked.
fn serve(answer: &'static [u8]) -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer).unwrap() {
                    0 => break,
                    n => asked.extend_from_slice(&buffer[..n]),
                }
            }
            if sender.send(String::from_utf8_lossy(&asked).into_owned()).is_err() {
                return;
            }
            let _ = stream.write_all(answer);
        }
    });
    (port, receiver)
}

fn get(road: Road, url: &str) -> Request<'_> {
    Request { road, url, headers: vec![("Metadata", Secret::new("true".to_owned()))], form: None, max_body: 64 }
}

fn world(variables: &'static [(&'static str, &'static str)]) -> Real {
    let variable = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Real::with(&Stop::default(), &variable)
}

fn text(result: Result<Reply, CallError>) -> String {
    result.map(|reply| reply.status).unwrap_err().to_string()
}

#[test]
fn a_local_request_takes_no_proxy_and_a_redirect_is_not_followed() {
    let (port, asked) =
        serve(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi");
    let real = world(&[("HTTP_PROXY", "http://127.0.0.1:1"), ("HTTPS_PROXY", "http://127.0.0.1:1")]);
    let reply = real.send(&get(Road::Local, &format!("http://127.0.0.1:{port}/x"))).unwrap();
    assert_eq!((reply.status, reply.header("x-a"), &*reply.body), (302, Some("b"), &b"hi"[..]));
    let asked = asked.recv().unwrap().to_ascii_lowercase();
    assert!(asked.starts_with("get /x http/1.1") && asked.contains("metadata: true"), "{asked}");
    assert!(asked.contains(concat!("user-agent: privatelink-dns/", env!("CARGO_PKG_VERSION"))), "{asked}");
}

#[test]
fn a_form_is_posted_as_it_is() {
    let (port, asked) = serve(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let url = format!("http://127.0.0.1:{port}/");
    let request = Request { form: Some(Secret::new("a=b".to_owned())), ..get(Road::Local, &url) };
    assert_eq!(world(&[]).send(&request).unwrap().status, 400);
    let asked = asked.recv().unwrap().to_ascii_lowercase();
    assert!(asked.contains("application/x-www-form-urlencoded") && asked.contains("content-length: 3"), "{asked}");
}

#[test]
fn https_goes_through_https_proxy_but_for_no_proxy_and_never_through_http_proxy() {
    let (port, asked) = serve(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    let proxy = format!("http://user:pass-word@127.0.0.1:{port}");
    let world = |exempt: &'static str, name: &'static str| {
        let proxy = proxy.clone();
        Real::with(&Stop::default(), &move |key| match key {
            "NO_PROXY" => Some(exempt.to_owned()),
            key => (key == name).then(|| proxy.clone()),
        })
    };
    let url = "https://127.0.0.2:1/";
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let error = text(world("localhost", name).send(&get(Road::Cloud, url)));
        assert!(error.contains("asks for a login (407)") && !error.contains("pass-word"), "{error}");
        assert!(asked.recv().unwrap().starts_with("CONNECT 127.0.0.2:1 "));
    }
    for (exempt, name) in [("127.0.0.0/8", "HTTPS_PROXY"), ("", "HTTP_PROXY"), ("", "ALL_PROXY")] {
        assert_eq!(text(world(exempt, name).send(&get(Road::Cloud, url))), "127.0.0.2:1 refuses the connection");
    }
    assert!(asked.try_recv().is_err(), "the proxy was asked nothing more");
}

#[test]
fn a_token_travels_by_https_alone() {
    let (port, asked) = serve(b"");
    let error = text(world(&[]).send(&get(Road::Cloud, &format!("http://127.0.0.1:{port}/"))));
    assert!(error.contains("https alone") && asked.try_recv().is_err(), "{error}");
    let bad = world(&[("HTTPS_PROXY", "socks5://x")]).send(&get(Road::Cloud, "https://127.0.0.1/"));
    assert!(text(bad).starts_with("HTTPS_PROXY is no proxy"));
}

#[test]
fn errors_say_what_went_wrong_and_are_the_same_each_time() {
    let cases: [(&'static [u8], &str); 3] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", "broke off"),
        (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "larger"),
    ];
    for (answer, expected) in cases {
        let (port, _asked) = serve(answer);
        let url = format!("http://127.0.0.1:{port}/");
        let real = world(&[]);
        let first = text(real.send(&get(Road::Local, &url)));
        assert!(first.contains(expected), "{first}");
        assert_eq!(text(real.send(&get(Road::Local, &url))), first);
    }
    let way = Way { host: "arm.example".to_owned(), port: 443, proxy: None, times: CLOUD_TIMES };
    let unknown = io::Error::other("failed to lookup address information: Name or service not known");
    let shown = way.error(ureq::Error::Io(unknown)).to_string();
    assert_eq!(shown, "the DNS of this machine has no address for arm.example");
}

#[test]
fn an_unknown_issuer_points_to_a_proxy_that_inspects_tls_and_to_the_roots_of_the_system() {
    let way = Way { host: "h".to_owned(), port: 443, proxy: None, times: CLOUD_TIMES };
    let error = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let wrapped = std::io::Error::new(io::ErrorKind::InvalidData, error);
    let shown = way.error(ureq::Error::Io(wrapped)).to_string();
    assert!(shown.contains("a proxy inspects TLS") && shown.contains("SSL_CERT_FILE"), "{shown}");
}

#[test]
fn a_wait_and_a_request_end_when_the_source_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let stop = Stop::default();
    let real = Real::with(&stop, &|_| None);
    assert!(real.wait(Duration::ZERO));
    std::thread::scope(|scope| {
        let request = scope.spawn(|| real.send(&get(Road::Local, &url)));
        let wait = scope.spawn(|| real.wait(Duration::from_hours(24)));
        let _held = listener.accept().unwrap();
        stop.stop();
        assert!(request.join().unwrap().is_err());
        assert!(!wait.join().unwrap());
    });
    assert!(real.send(&get(Road::Local, &url)).is_err(), "nothing is sent afterwards");
    assert!(real.run("sleep", &["1000"], Duration::from_hours(1)).is_err());
}

#[test]
fn a_program_gives_its_output_or_the_first_line_of_its_errors_and_is_killed_with_its_children() {
    let real = world(&[]);
    let run = |script: &str, time| real.run("sh", &["-c", script], time);
    let long = Duration::from_mins(10);
    assert_eq!(run("echo hi; echo no >&2", long).unwrap(), b"hi\n");
    assert_eq!(run("echo; echo bad >&2; echo worse >&2; exit 3", long).unwrap_err().to_string(), "bad");
    let late = run("sleep 1000 & wait", Duration::from_millis(1)).unwrap_err();
    assert_eq!(late.kind(), io::ErrorKind::TimedOut);
    assert_eq!(real.run("no-such-program-here", &[], long).unwrap_err().kind(), io::ErrorKind::NotFound);
}
