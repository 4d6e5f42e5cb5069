//! Encryption as the config has it: what a changed file may end, and what `check`, `doctor`, `reload` and `status` say.

use std::io::Write;
use std::sync::Arc;

use super::{answer, query};
use crate::support::client::read_framed;
use crate::support::server::Server;
use crate::support::tls::{Authority, BOTH, Encrypted, NAME, OURS, certificate, connect};
use crate::support::wait_until;

#[test]
fn a_config_that_ends_too_early_ends_no_encryption_and_demands_no_less_until_a_person_says_so() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    for section in ["doh", "dot", "tls"] {
        world.site.remove_config(section);
    }
    for section in ["doh", "dot", "tls"] {
        server.until_says(&format!("[{section}] is no longer in it"), 0);
    }
    answer(&mut world.connect(&server), &query(OURS));
    world.site.run("reload", &[]).expect(0, &["'[dot] listen' changed; that takes effect at the next start"]);
    let text = || world.site.status()["verdict"]["findings"].to_string();
    wait_until("nobody can encrypt", || text().contains("no [tls]: clients that encrypt get no answer at 127.0.0.1:"));
    assert!(
        text().contains("add [tls] with cert and key, or restart the server without [dot] and [doh]"),
        "{}",
        text()
    );
    server.stop();
}

#[test]
fn reload_says_at_once_which_certificates_cannot_be_used_and_fails() {
    let mut world = Encrypted::new();
    let server = world.site.start();
    let other = world.sign();
    other.write(&world.site.path("other.pem"), &world.site.path("other.key"));
    for (tls, said) in [
        ("cert = \"none.pem\"\nkey = \"other.key\"", "none.pem: cannot be read"),
        (
            "cert = \"other.pem\"\nkey = \"key.pem\"",
            "is not this certificate's: replace both files; clients cannot get",
        ),
        ("client_ca = \"none.pem\"", "none.pem: client_ca: cannot be read"),
    ] {
        let good = std::fs::read_to_string(world.site.config_file()).unwrap();
        world.site.add(&format!("[tls]\n{tls}\n"));
        world.site.run("reload", &[]).expect(1, &["config read", said, "not everything could be done"]);
        world.site.write_raw_config(&good);
        world.site.run("reload", &[]).expect(0, &["config read"]);
        world.site.add("[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n");
    }
    server.stop();
}

#[test]
fn with_client_ca_that_cannot_be_used_the_message_says_whether_anybody_is_let_in() {
    let world = Encrypted::new();
    let clients = Authority::new();
    let server = world.site.start();
    let is_served = |identity| {
        let stream = connect(&Arc::new(world.authority.client(identity, &BOTH)), NAME, server.dot());
        // With TLS 1.3 the client has its part done before the server refuses it.
        stream.and_then(|mut stream| stream.write_all(&query(OURS)).and_then(|()| read_framed(&mut stream))).is_ok()
    };
    assert!(is_served(None));
    let known = clients.sign(&["client"]);
    let config = std::fs::read_to_string(world.site.config_file()).unwrap();
    world.site.write_raw_config(&config.replace("[tls]\n", "[tls]\nclient_ca = \"ca.pem\"\n"));
    server.until_says("no client can be proven, so none that encrypts is let in", 0);
    wait_until("nobody is let in", || !is_served(None) && !is_served(Some(&known)));
    std::fs::write(world.site.path("ca.pem"), clients.pem()).unwrap();
    wait_until("a client of these roots is let in", || is_served(Some(&known)) && !is_served(None));
    let said = server.stderr().len();
    let pem = clients.pem();
    std::fs::write(world.site.path("ca.pem"), &pem[..pem.len() / 2]).unwrap();
    server.until_says("roots and certificates before stay in use, and new ones are not taken", said);
    assert!(is_served(Some(&known)) && !is_served(None));
    let others = Authority::new();
    std::fs::write(world.site.path("ca.pem"), others.pem()).unwrap();
    let new = others.sign(&["client"]);
    wait_until("other roots are in use", || is_served(Some(&new)) && !is_served(Some(&known)) && !is_served(None));
    wait_until("nothing is wrong any more", || world.problems().is_empty());
    server.stop();
}

#[test]
fn rfc9462_4_2_check_and_doctor_name_what_a_certificate_lacks_for_clients_that_find_it_by_ddr() {
    let mut world = Encrypted::new();
    let dot = "[dot]\nlisten = [\"127.0.0.1:0\"]\n[ddr]\nname = \"dns.corp.example\"\n";
    let lacks = "the certificate is not for 198.51.100.4, so clients that find it by [ddr] do not take it";
    let anew = "a mere renewal lacks them again";
    world.site.add(&format!("listen = [\"198.51.100.4:5300\"]\n{dot}"));
    world.site.run("check", &[]).expect(0, &["cert.pem: ", lacks]);
    // The upstream and the address of this site are not there, so `doctor` fails for those in any case.
    let pd110 = |world: &Encrypted, wanted: &[&str]| {
        let said = world.site.run("doctor", &["--all"]).all();
        let at = said.find("PD110").unwrap_or_else(|| panic!("{said}"));
        let part = said[at..].split("PD2").next().unwrap();
        for text in wanted {
            assert!(part.contains(text), "{text}\n{said}");
        }
    };
    pd110(&world, &[lacks, anew]);
    let both = world.authority.sign(&[NAME, "198.51.100.4"]);
    both.write(&world.site.path("cert.pem"), &world.site.path("key.pem"));
    assert!(!world.site.run("check", &[]).all().contains("is not for"));
    pd110(&world, &["1 can be used by user", "cert.pem, valid until "]);
    world.site.add("listen = [\"0.0.0.0:5300\"]\n");
    let unknown = "so nobody here knows by which one clients find it through [ddr]";
    world.site.run("check", &[]).expect(0, &["note: ", unknown]);
    pd110(&world, &["1 can be used by user", unknown]);
}

#[test]
fn doctor_goes_by_what_the_server_uses() {
    let world = Encrypted::new();
    let server = world.site.start();
    let said = || world.site.run("doctor", &["--all"]).all();
    assert!(said().contains("1 in use: ") && said().contains("cert.pem, valid until "), "{}", said());
    std::fs::remove_file(world.site.path("key.pem")).unwrap();
    server.until_says("key.pem: cannot be read", 0);
    assert!(said().contains("key.pem: cannot be read") && said().contains("the one before stays in use"), "{}", said());
    server.stop();
}

#[test]
fn a_client_gets_the_certificate_whose_names_in_the_config_are_asked_for() {
    let mut world = Encrypted::new();
    world.site.remove_config("tls");
    let pair = |file: &str, names: &str| format!("[[tls]]\ncert = \"{file}.pem\"\nkey = \"{file}.key\"\n{names}");
    let first = world.authority.sign(&["a.example", "b.example"]);
    let second = world.authority.sign(&["a.example", "b.example"]);
    for (file, signed, names) in [("one", &first, ""), ("two", &second, "names = [\"B.example\"]\n")] {
        signed.write(&world.site.path(&format!("{file}.pem")), &world.site.path(&format!("{file}.key")));
        world.site.add(&pair(file, names));
    }
    // The first is for both names, and the config gives `b.example` to the second, so the order counts.
    let server = world.site.start();
    let of = |name: &str| certificate(&connect(&world.client(), name, server.dot()).unwrap());
    assert_eq!(of("a.example"), first.octets());
    assert_eq!(of("b.example"), first.octets(), "it stands first, and is for the name itself");
    let text = std::fs::read_to_string(world.site.config_file()).unwrap();
    let given = text.replace("cert = \"one.pem\"", "names = [\"a.example\"]\ncert = \"one.pem\"");
    assert_ne!(given, text);
    world.site.write_raw_config(&given);
    wait_until("the second is given", || of("b.example") == second.octets());
    assert_eq!(of("a.example"), first.octets());
    server.stop();
}

/// The nice value of each thread with this name (proc(5), `/proc/PID/task/TID/stat`).
fn nice(server: &Server, name: &str) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    let of = |stat: String| {
        let (head, fields) = stat.rsplit_once(')').unwrap();
        let is_named = head.split_once('(').unwrap().1 == name;
        // The 19th field; the third is the first behind the name.
        is_named.then(|| fields.split_whitespace().nth(16).unwrap().parse().unwrap())
    };
    stats.filter_map(of).collect()
}

#[test]
fn threads_that_encrypt_have_a_lower_priority_than_those_of_udp() {
    let world = Encrypted::new();
    let server = world.site.start();
    answer(&mut world.connect(&server), &query(OURS));
    let (tls, udp) = (nice(&server, "tls"), nice(&server, "udp-0"));
    assert!(!tls.is_empty() && !udp.is_empty(), "tls {tls:?}, udp {udp:?}");
    assert!(tls.iter().min() > udp.iter().max(), "tls {tls:?}, udp {udp:?}");
    server.stop();
}
