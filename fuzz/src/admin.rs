//! Whatever comes on a connection of the admin or the probe listener, what goes back is whole answers with known codes,
//! and only GET and HEAD are answered with 200.

use std::cell::RefCell;
use std::time::Instant;

use privatelink_dns::admin::in_process::InProcess;

/// Ours, and those with which hyper refuses what is no request of its version.
const CODES: [&str; 10] = ["200", "400", "403", "404", "405", "414", "421", "431", "503", "505"];

thread_local! {
    static ADMIN: RefCell<InProcess> = RefCell::new(start());
}

/// Sends the bytes to both listeners and reads the answers.
pub fn hold(data: &[u8]) {
    let heard = ADMIN.with_borrow_mut(|admin| admin.ask(data));
    let answers = answers(&heard);
    let asked = count(data, b"GET ") + count(data, b"HEAD ");
    let given = answers.iter().filter(|code| **code == "200").count();
    assert!(given <= asked, "{given} answers to {asked} requests");
    let probed = ADMIN.with_borrow_mut(|admin| admin.probe(data));
    assert!(self::answers(&probed).len() <= 1, "a probe gets one answer and a close");
    assert_eq!(count(&probed, b"privatelink_dns_"), 0, "a probe shows no metrics");
}

/// The codes of the answers. Bodies are passed over by their length, but not those that HEAD leaves out.
fn answers(mut heard: &[u8]) -> Vec<&str> {
    let mut codes = Vec::new();
    while !heard.is_empty() {
        let end = heard.windows(4).position(|four| four == b"\r\n\r\n").expect("the head of an answer is whole");
        let head = std::str::from_utf8(&heard[..end]).expect("the head of an answer is text");
        let (version, rest) = head.split_once(' ').expect("a status line");
        assert!(matches!(version, "HTTP/1.1" | "HTTP/1.0"), "{head}");
        let code = rest.get(..3).expect("a code");
        assert!(CODES.contains(&code), "{head}");
        assert!(!head.to_ascii_lowercase().contains("\r\nserver:"), "{head}");
        codes.push(code);
        heard = &heard[end + 4..];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if !heard.is_empty() && !heard.starts_with(b"HTTP/1.") {
            heard = heard.get(length..).expect("the body of an answer is whole");
        }
    }
    codes
}

fn count(octets: &[u8], word: &[u8]) -> usize {
    octets.windows(word.len()).filter(|window| *window == word).count()
}

fn start() -> InProcess {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    InProcess::new(crate::server::shared(Instant::now()), runtime)
}
