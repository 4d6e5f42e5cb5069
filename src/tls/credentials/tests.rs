//! Certificates that are replaced, broken and named, each in files as an operator has them.

use std::os::unix::fs::PermissionsExt;

use rcgen::{CertificateParams, KeyPair};

use super::super::inspect::{Promised, inspect};
use super::*;

/// A folder with certificates.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// A new certificate and its key, in files of this name.
    fn with(&self, name: &str, hosts: &[&str]) -> Pair {
        let (key, certificate) = new(hosts);
        self.write(&format!("{name}.pem"), &certificate, 0o644);
        self.write(&format!("{name}.key"), &key, 0o600);
        let [certificate, key] = ["pem", "key"].map(|ending| self.file(&format!("{name}.{ending}")));
        Pair { certificate, key, names: Vec::new() }
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        std::fs::write(self.file(name), text).unwrap();
        std::fs::set_permissions(self.file(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// The PEM of a new key, and of its certificate.
fn new(hosts: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    (key.serialize_pem(), CertificateParams::new(hosts).unwrap().self_signed(&key).unwrap().pem())
}

fn settings(pairs: &[&Pair]) -> Settings {
    Settings { pairs: pairs.iter().map(|pair| (*pair).clone()).collect(), ..Settings::default() }
}

fn first(loaded: &Loaded) -> Vec<u8> {
    loaded.credentials.as_ref().unwrap().certificates[0].key.cert[0].to_vec()
}

#[test]
fn files_that_are_the_same_are_the_same_credentials_and_new_ones_take_their_place() {
    let folder = Folder::new();
    let settings = settings(&[&folder.with("a", &["dns.corp.example"])]);
    let old = load(&settings, None);
    let again = load(&settings, old.credentials.as_ref());
    assert!(Arc::ptr_eq(old.credentials.as_ref().unwrap(), again.credentials.as_ref().unwrap()));
    folder.with("a", &["dns.corp.example"]);
    let new = load(&settings, old.credentials.as_ref());
    assert!(first(&new) != first(&old) && new.problems.is_empty());
    let tickets = |loaded: &Loaded| Arc::clone(&loaded.credentials.as_ref().unwrap().tickets);
    assert!(Arc::ptr_eq(&tickets(&old), &tickets(&new)), "clients resume their sessions");
}

#[test]
fn a_pair_that_is_replaced_by_half_keeps_the_one_before() {
    let folder = Folder::new();
    let settings = settings(&[&folder.with("a", &["dns.corp.example"])]);
    let old = load(&settings, None);
    let (key, certificate) = new(&["dns.corp.example"]);
    folder.write("a.pem", &certificate, 0o644);
    let half = load(&settings, old.credentials.as_ref());
    assert!(half.is_halfway && first(&half) == first(&old));
    assert!(half.problems[0].text.contains("is not this certificate's"), "{}", half.problems[0]);
    assert!(half.problems[0].text.contains("the one before stays in use"), "{}", half.problems[0]);
    folder.write("a.key", &key, 0o600);
    let whole = load(&settings, half.credentials.as_ref());
    assert!(!whole.is_halfway && whole.problems.is_empty() && first(&whole) != first(&old));
}

#[test]
fn whatever_is_wrong_in_the_place_of_a_pair_in_use_may_be_a_file_that_is_still_written() {
    let folder = Folder::new();
    let settings = settings(&[&folder.with("a", &["dns.corp.example"])]);
    let old = load(&settings, None);
    let certificate = std::fs::read_to_string(folder.file("a.pem")).unwrap();
    for (file, text, mode) in
        [("a.pem", &certificate[..200], 0o644), ("a.pem", "", 0o644), ("a.key", "", 0o600), ("a.key", "x", 0o644)]
    {
        let whole = std::fs::read_to_string(folder.file(file)).unwrap();
        folder.write(file, text, mode);
        let half = load(&settings, old.credentials.as_ref());
        assert!(half.is_halfway && first(&half) == first(&old), "{file} {text}");
        folder.write(file, &whole, 0o600);
    }
    std::fs::remove_file(folder.file("a.pem")).unwrap();
    assert!(load(&settings, old.credentials.as_ref()).is_halfway);
    assert!(!load(&settings, None).is_halfway, "at the start there is nothing that it replaces");
}

#[test]
fn each_mistake_in_the_files_is_named_and_what_it_does() {
    for (file, text, mode, wanted) in [
        ("a.pem", "", 0o644, "has no certificate: write the chain in PEM"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", 0o644, "is not PEM: its base64"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n", 0o644, "ends in the middle: a line -----END CERTIFICATE-----"),
        ("a.pem", "-----BEGIN CERTIFICATE\nAAAA\n", 0o644, "is not PEM: a line -----BEGIN CERTIFICATE-----"),
        ("a.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o644, "is not one of X.509"),
        ("a.key", "secret", 0o600, "has no key: write it in PEM"),
        (
            "a.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            0o600,
            "passphrase",
        ),
        (
            "a.key",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            0o600,
            "of a kind that cannot be used",
        ),
        ("a.key", "secret", 0o644, "others than this service can read or write the key"),
    ] {
        let folder = Folder::new();
        let pair = folder.with("a", &["dns.corp.example"]);
        folder.write(file, text, mode);
        let loaded = load(&settings(&[&pair]), None);
        assert!(loaded.credentials.is_none() && !loaded.is_halfway, "{text}");
        let problem = loaded.problems[0].to_string();
        assert!(problem.contains(wanted) && problem.contains(file), "{wanted}\n{problem}");
        assert!(problem.ends_with("; clients cannot get this certificate") && !problem.contains("secret"), "{problem}");
    }
}

/// Root may read every file, so the error is made here.
#[test]
fn a_file_that_this_user_may_not_read_says_nothing_of_a_server_of_another_user() {
    let pair = Pair { certificate: "a.pem".into(), key: "a.key".into(), names: Vec::new() };
    let said = |is_kept| explain(&pair, PairError::Denied("a.key".into(), "why".to_owned()), is_kept).to_string();
    assert!(
        said(false).ends_with("a.key: why; clients of a server that runs as this user cannot get this certificate")
    );
    assert!(said(true).ends_with("a.key: why; the one before stays in use"));
}

#[test]
fn one_pair_that_cannot_be_used_takes_no_other_out_of_use() {
    let folder = Folder::new();
    let pairs = [folder.with("a", &["a.example"]), folder.with("b", &["b.example"])];
    folder.write("a.key", "", 0o600);
    let loaded = load(&settings(&[&pairs[0], &pairs[1]]), None);
    let certificates = &loaded.credentials.as_ref().unwrap().certificates;
    assert_eq!((certificates.len(), loaded.problems.len()), (1, 1));
    assert!(certificates[0].is_for("b.example") && !certificates[0].is_for("a.example"));
}

#[test]
fn a_certificate_is_for_its_names_and_addresses_and_asked_for_by_the_names_of_the_config() {
    let folder = Folder::new();
    let pair = folder.with("a", &["dns.corp.example", "10.0.0.4", "fd00::4"]);
    let loaded = load(&settings(&[&pair, &Pair { names: vec!["other.example".to_owned()], ..pair.clone() }]), None);
    let [own, named] = &loaded.credentials.as_ref().unwrap().certificates[..] else { panic!() };
    for (name, wanted) in
        [("dns.corp.example", true), ("10.0.0.4", true), ("fd00::4", true), ("10.0.0.5", false), ("x.example", false)]
    {
        assert_eq!(own.is_for(name), wanted, "{name}");
    }
    assert!(own.is_asked_by("dns.corp.example") && !own.is_asked_by("other.example"));
    assert!(named.is_asked_by("other.example") && !named.is_asked_by("dns.corp.example"));
}

#[test]
fn rfc9462_4_2_a_certificate_that_clients_would_not_take_is_found_with_what_it_lacks() {
    let folder = Folder::new();
    let pair = folder.with("a", &["dns.corp.example", "10.0.0.4"]);
    let lacks = |promised: &[&str]| {
        let names = promised.iter().map(ToString::to_string).collect();
        let found = inspect(&settings(&[&pair]), &Promised { names, has_unknown: false }, 1_800_000_000);
        found.problems.into_iter().map(|found| found.text).collect::<Vec<_>>()
    };
    assert_eq!(lacks(&["dns.corp.example", "10.0.0.4"]), [""; 0]);
    assert_eq!(lacks(&[]), [""; 0]);
    let said = lacks(&["dns.other.example", "10.0.0.4", "10.0.0.5"]);
    assert!(said.len() == 1 && said[0].contains("is not for dns.other.example, 10.0.0.5, so"), "{said:?}");
}

#[test]
fn without_roots_for_clients_nobody_is_let_in() {
    let folder = Folder::new();
    let pair = folder.with("a", &["dns.corp.example"]);
    let open = load(&settings(&[&pair]), None);
    let demanding = Settings { client_ca: Some(folder.file("ca.pem")), ..settings(&[&pair]) };
    let loaded = load(&demanding, open.credentials.as_ref());
    assert!(loaded.credentials.is_none(), "the credentials before let everybody in");
    let said = |loaded: &Loaded| loaded.problems[0].text.clone();
    assert!(said(&loaded).starts_with("client_ca: cannot be read"), "{}", said(&loaded));
    assert!(
        said(&loaded).ends_with("; no client can be proven, so none that encrypts is let in") && !loaded.is_halfway
    );
    folder.write("ca.pem", &new(&[]).1, 0o644);
    let good = load(&demanding, open.credentials.as_ref());
    let tickets = |loaded: &Loaded| Arc::clone(&loaded.credentials.as_ref().unwrap().tickets);
    assert!(!Arc::ptr_eq(&tickets(&open), &tickets(&good)), "a session that began without a certificate ends");
}

#[test]
fn roots_that_are_replaced_by_a_half_or_go_for_a_moment_may_be_still_written_and_those_before_stay() {
    let folder = Folder::new();
    let pair = folder.with("a", &["dns.corp.example"]);
    let whole = new(&[]).1;
    folder.write("ca.pem", &whole, 0o644);
    let settings = Settings { client_ca: Some(folder.file("ca.pem")), ..settings(&[&pair]) };
    let good = load(&settings, None);
    for half in [Some(""), Some(&whole[..whole.len() / 2]), None] {
        match half {
            Some(half) => folder.write("ca.pem", half, 0o644),
            None => std::fs::remove_file(folder.file("ca.pem")).unwrap(),
        }
        let loaded = load(&settings, good.credentials.as_ref());
        assert!(Arc::ptr_eq(loaded.credentials.as_ref().unwrap(), good.credentials.as_ref().unwrap()), "{half:?}");
        assert!(loaded.is_halfway && loaded.problems[0].text.contains("before stay in use"), "{}", loaded.problems[0]);
    }
    folder.write("ca.pem", &new(&[]).1, 0o644);
    let other = load(&settings, good.credentials.as_ref());
    assert!(!other.is_halfway && other.problems.is_empty());
    assert!(!Arc::ptr_eq(other.credentials.as_ref().unwrap(), good.credentials.as_ref().unwrap()));
}
