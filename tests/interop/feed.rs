//! A real Unbound and a real BIND with the RPZ feed as a file, as in `docs/secondaries.md`: they forward to the world,
//! not to us, and give our addresses all the same.

use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;

use crate::resolvers::{Resolver, bind_ip, own_ip, start};
use crate::support::client::ask;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::tool::{find, run};

const PUBLIC: &str = "
acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
acct.privatelink.blob.core.windows.net. 60 CNAME blob.ams.store.core.windows.net.
blob.ams.store.core.windows.net. 60 A 20.60.0.1
blob.ams.store.core.windows.net. 60 AAAA 2001:db8::1
acct.z12.blob.storage.azure.net. 60 CNAME acct.blob.core.windows.net.
cold.blob.core.windows.net. 60 CNAME cold.privatelink.blob.core.windows.net.
cold.privatelink.blob.core.windows.net. 60 CNAME blob.ams.store.core.windows.net.
other.blob.core.windows.net. 60 CNAME other.privatelink.blob.core.windows.net.
other.privatelink.blob.core.windows.net. 60 CNAME blob.dub.store.core.windows.net.
blob.dub.store.core.windows.net. 60 A 20.60.2.2
no.privatelink.we.backup.windowsazure.com. 60 A 20.60.9.9
";

const LIST: &str = "10.1.0.5 acct.z12.blob.storage.azure.net\n10.1.0.7 cold.blob.core.windows.net\n\
                    10.1.0.8 4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com\n";
const BACKUP: &str = "4611686018427387904-ab-pod01-rec2.privatelink.we.backup.windowsazure.com";

/// The file of the feed that a server of ours makes.
fn feed() -> String {
    let site = Site::new()
        .with_list("a.txt", LIST)
        .with_zone("corp.example", "$TTL 10\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\nwww CNAME acct.blob.core.windows.net.\n")
        .with_config("[feed]\nrpz = \"rpz.privatelink\"");
    let server = site.start();
    wait_until("the feed is made", || site.zone("rpz.privatelink").contains("10.1.0.8"));
    server.stop();
    site.zone("rpz.privatelink")
}

/// Unbound with this feed, that forwards to an address.
fn unbound(feed: &str, upstream: SocketAddr) -> Option<Resolver> {
    let program = find("unbound")?;
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        std::fs::write(folder.join("rpz.privatelink.zone"), feed).unwrap();
        format!(
            "server:\n interface: {ip}@{port}\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n \
             directory: \"{0}\"\n pidfile: \"{0}/pid\"\n logfile: \"\"\n use-syslog: no\n \
             module-config: \"respip validator iterator\"\n do-not-query-localhost: no\n \
             access-control: 127.0.0.0/8 allow\n verbosity: 1\n num-threads: 1\n\
             remote-control:\n control-enable: no\n\
             rpz:\n name: \"rpz.privatelink.\"\n zonefile: \"{0}/rpz.privatelink.zone\"\n\
             forward-zone:\n name: \".\"\n forward-addr: {1}@{2}\n",
            folder.display(),
            upstream.ip(),
            upstream.port(),
        )
    };
    Some(with_policy(start(&program, &["-d", "-c"], own_ip, config)))
}

/// BIND with this feed, that forwards to an address.
fn bind(feed: &str, upstream: SocketAddr) -> Option<Resolver> {
    bind_with("qname-wait-recurse no break-dnssec yes", feed, upstream)
}

fn bind_with(options: &str, feed: &str, upstream: SocketAddr) -> Option<Resolver> {
    let program = find("named")?;
    let config = |folder: &Path, address: SocketAddrV4| {
        let (ip, port) = (address.ip(), address.port());
        std::fs::write(folder.join("rpz.privatelink.zone"), feed).unwrap();
        format!(
            "options {{ directory \"{0}\"; pid-file \"{0}/pid\"; listen-on port {port} {{ {ip}; }};\n\
             listen-on-v6 {{ none; }}; recursion yes; allow-query {{ 127.0.0.0/8; }}; dnssec-validation no;\n\
             response-policy {{ zone \"rpz.privatelink\"; }} {options};\n\
             forward only; forwarders {{ {1} port {2}; }}; }};\n\
             controls {{ }};\nzone \"rpz.privatelink\" {{ type primary; file \"rpz.privatelink.zone\"; }};\n",
            folder.display(),
            upstream.ip(),
            upstream.port(),
        )
    };
    Some(with_policy(start(&program, &["-g", "-n", "1", "-c"], bind_ip, config)))
}

/// Waits until it has the feed: BIND answers the first questions after a start without its policy.
fn with_policy(resolver: Resolver) -> Resolver {
    wait_until("the resolver has its policy", || resolves(&resolver, BACKUP) == ["10.1.0.8"]);
    resolver
}

fn resolves(resolver: &Resolver, name: &str) -> Vec<String> {
    ask(name, "A").to(resolver.address).addresses()
}

/// What is wrong with the answers of a resolver with the feed; each question more than once, as clients ask.
fn wrong_answers(resolver: &Resolver) -> Vec<String> {
    let mut wrong = Vec::new();
    for round in ["cold", "warm", "again"] {
        for (name, address) in [
            ("acct.blob.core.windows.net", "10.1.0.5"),
            ("acct.z12.blob.storage.azure.net", "10.1.0.5"),
            ("acct.privatelink.blob.core.windows.net", "10.1.0.5"),
            ("www.corp.example", "10.1.0.5"),
            ("other.blob.core.windows.net", "20.60.2.2"),
            (BACKUP, "10.1.0.8"),
        ] {
            let found = resolves(resolver, name);
            if found != [address] {
                wrong.push(format!("{round}: {name} A {found:?}"));
            }
        }
        for name in ["acct.blob.core.windows.net", "acct.privatelink.blob.core.windows.net", "www.corp.example"] {
            let nodata = ask(name, "AAAA").to(resolver.address);
            if nodata.rcode != "NOERROR" || !nodata.addresses().is_empty() {
                wrong.push(format!("{round}: {name} AAAA {:?}", nodata.addresses()));
            }
        }
        for name in ["no.privatelink.we.backup.windowsazure.com", "no.corp.example"] {
            if ask(name, "A").to(resolver.address).rcode != "NXDOMAIN" {
                wrong.push(format!("{round}: {name} exists"));
            }
        }
    }
    wrong
}

/// Both accounts are right, cold and warm, and ours also while the world is away.
fn answers_by_itself(start: impl Fn(&str, SocketAddr) -> Option<Resolver>) {
    let (feed, mut upstream) = (feed(), Upstream::serving(PUBLIC));
    let Some(resolver) = start(&feed, upstream.address()) else { return };
    assert_eq!(wrong_answers(&resolver), [""; 0]);
    upstream.kill();
    for name in ["cold.blob.core.windows.net", "cold.privatelink.blob.core.windows.net"] {
        assert_eq!(resolves(&resolver, name), ["10.1.0.7"], "{name}");
    }
    let mut validating = ask("cold.blob.core.windows.net", "A");
    validating.opt.as_mut().expect("EDNS is on").flags |= 0x8000;
    assert_eq!(validating.to(resolver.address).addresses(), ["10.1.0.7"], "DO is set");
}

#[test]
fn unbound_with_the_feed_gives_our_addresses_and_the_worlds() {
    answers_by_itself(unbound);
}

#[test]
fn bind_with_the_feed_gives_our_addresses_and_the_worlds() {
    answers_by_itself(bind);
}

/// The lines of a feed that are kept.
fn only(feed: &str, keeps: impl Fn(&str) -> bool) -> String {
    let is_head = |line: &str| line.starts_with([';', '$', '@']);
    feed.lines().filter(|line| is_head(line) || keeps(line)).flat_map(|line| [line, "\n"]).collect()
}

/// What facts about these resolvers the feed is built on: with less in it, or other settings, they are wrong.
#[test]
fn with_less_in_the_feed_or_other_settings_the_resolvers_are_wrong() {
    let (feed, upstream) = (feed(), Upstream::serving(PUBLIC));
    let private = only(&feed, |line| line.contains("privatelink"));
    if let Some(resolver) = unbound(&private, upstream.address()) {
        let wrong = wrong_answers(&resolver);
        assert!(wrong.contains(&"warm: acct.blob.core.windows.net A [\"20.60.0.1\"]".to_owned()), "{wrong:?}");
    }
    if let Some(resolver) = bind(&only(&feed, |line| !line.starts_with('*')), upstream.address()) {
        let wrong = wrong_answers(&resolver);
        assert_eq!(wrong[0], "cold: no.privatelink.we.backup.windowsazure.com exists");
    }
    let mut dead = Upstream::serving(PUBLIC);
    if let Some(resolver) = bind_with("", &feed, dead.address()) {
        dead.kill();
        assert_eq!(ask("cold.blob.core.windows.net", "A").to(resolver.address).rcode, "SERVFAIL");
    }
}

#[test]
fn the_checkers_of_bind_accept_the_feed() {
    let Some(program) = find("named-checkzone") else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("rpz.privatelink.zone");
    std::fs::write(&file, feed()).unwrap();
    let (is_good, said) = run(std::process::Command::new(program).arg("rpz.privatelink").arg(&file));
    assert!(is_good, "{said}");
}
