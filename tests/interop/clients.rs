//! dig and kdig ask us.

use std::process::Command;

use crate::tool::{find, run};
use crate::world::world;

/// The output of a tool for a question, spaces squeezed.
fn printed(tool: &str, port: u16, arguments: &str) -> Option<String> {
    let mut command = Command::new(find(tool)?);
    command.args(["@127.0.0.1", "-p", &port.to_string()]).args(arguments.split(' '));
    let (_, said) = run(&mut command);
    Some(said.split_inclusive('\n').map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect())
}

/// Questions, and what dig and kdig both print for the answer.
const QUESTIONS: &[(&str, &[&str])] = &[
    (
        "acct.blob.core.windows.net A",
        &["CNAME acct.privatelink.blob.core.windows.net.", "acct.privatelink.blob.core.windows.net. 10 IN A 10.1.0.5"],
    ),
    ("acct.privatelink.blob.core.windows.net A +tcp", &["10 IN A 10.1.0.5"]),
    (
        "acct.blob.core.windows.net AAAA",
        &["CNAME acct.privatelink.blob", "privatelink.blob.core.windows.net. 10 IN SOA"],
    ),
    ("other.blob.core.windows.net A", &["IN A 20.60.2.2"]),
    ("other.blob.core.windows.net A +dnssec", &["IN A 20.60.2.2"]),
    ("www.example A +noedns", &["IN A 192.0.2.1"]),
    (
        "gone.privatelink.we.backup.windowsazure.com A",
        &["NXDOMAIN", "privatelink.we.backup.windowsazure.com. 10 IN SOA"],
    ),
    ("privatelink.blob.core.windows.net AXFR", &["ransfer failed"]),
];

#[test]
fn rfc8945_5_2_1_a_client_that_signs_is_told_that_there_is_no_such_key() {
    let question = "-y hmac-sha256:key.:AAAA privatelink.blob.core.windows.net SOA";
    for (tool, wanted) in [("dig", &["status: NOTAUTH", "BADKEY 0"][..]), ("kdig", &["status: BADKEY"])] {
        let Some(said) = printed(tool, world().server.address().port(), question) else { continue };
        assert!(wanted.iter().all(|text| said.contains(text)), "{tool}:\n{said}");
    }
}

fn asks(tool: &str) {
    let world = world();
    for (question, wanted) in QUESTIONS {
        let Some(said) = printed(tool, world.server.address().port(), question) else { return };
        // kdig says it in other words.
        if tool == "kdig" && question.ends_with("AXFR") {
            assert!(said.contains("REFUSED") || said.contains("failed"), "{tool} {question}\n{said}");
            continue;
        }
        for text in *wanted {
            assert!(said.contains(text), "{tool} {question}: no '{text}' in\n{said}");
        }
        assert!(!said.contains("20.60.0.1"), "the public address of our account never shows:\n{said}");
        assert!(!said.to_ascii_lowercase().contains("warn"), "{tool} warns:\n{said}");
    }
    world.server.stop();
}

#[test]
fn dig_gets_every_answer() {
    asks("dig");
}

#[test]
fn kdig_gets_every_answer() {
    asks("kdig");
}

#[test]
fn dig_with_a_cookie_and_nsid_and_padding_gets_an_answer() {
    let world = world();
    let arguments = "acct.privatelink.blob.core.windows.net A +cookie +nsid +padding=128 +expire +ednsopt=65001:0102";
    let Some(said) = printed("dig", world.server.address().port(), arguments) else { return };
    assert!(said.contains("10 IN A 10.1.0.5"), "{said}");
}
