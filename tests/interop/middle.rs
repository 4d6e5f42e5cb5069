//! Unbound and BIND forward everything to us: whatever our upstream says, our names stay ours in their caches too.

use std::net::SocketAddr;

use crate::resolvers::{Resolver, bind, unbound};
use crate::support::casefile::{Action, parse};
use crate::support::client::ask;
use crate::support::runner::{site, upstreams};

/// DNAMEs at and above names of ours, asked for and not asked for, alone, in chains and beside what follows from them;
/// and denials of names above ours.
const WORLD: &str = "
LIST a.txt
    10.1.0.5 acct.blob.core.windows.net
ZONE corp.example
    $TTL 300
    @ SOA ns.corp.example. admin.corp.example. 1 3600 300 86400 60
    @ NS ns
    ns A 10.2.0.1
    host A 10.2.0.2
CONFIG
    [[forward.rules]]
    suffix = \"in.deep.example\"
    upstreams = [\"{upstream:deep}\"]
UPSTREAM @deep
    host.in.deep.example. 60 A 10.7.0.12
UPSTREAM
    acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
    acct.privatelink.blob.core.windows.net. 60 A 203.0.113.1
    x.blob.evil.example. 60 A 203.0.113.66
    other.evil.example. 60 A 203.0.113.66
    acct.blob.evil.example. 60 A 203.0.113.66
    acct.privatelink.blob.evil.example. 60 A 203.0.113.66
    acct.evil.example. 60 A 203.0.113.66
    host.evil.example. 60 A 203.0.113.66
    host.corp.evil.example. 60 A 203.0.113.66
    host.in.evil.example. 60 A 203.0.113.66
    z.example.evil.example. 60 A 203.0.113.66
REPLY x.blob.core.windows.net A
    answer core.windows.net. 60 DNAME evil.example.
    answer x.blob.core.windows.net. 60 CNAME x.blob.evil.example.
    answer x.blob.evil.example. 60 A 203.0.113.66
REPLY y.blob.core.windows.net A
    answer core.windows.net. 60 DNAME evil.example.
REPLY other.privatelink.blob.core.windows.net A
    answer privatelink.blob.core.windows.net. 60 DNAME evil.example.
    answer other.privatelink.blob.core.windows.net. 60 CNAME other.evil.example.
    answer other.evil.example. 60 A 203.0.113.66
REPLY www.evil.example A
    answer www.evil.example. 60 CNAME third.privatelink.blob.core.windows.net.
    answer privatelink.blob.core.windows.net. 60 DNAME evil.example.
    answer third.privatelink.blob.core.windows.net. 60 CNAME other.evil.example.
    answer other.evil.example. 60 A 203.0.113.66
REPLY www.bad.example A
    answer www.bad.example. 60 CNAME z.example.
    answer example. 60 DNAME evil.example.
    answer z.example. 60 CNAME z.evil.example.
    answer z.evil.example. 60 A 203.0.113.66
REPLY other.deep.example A
    answer deep.example. 60 DNAME evil.example.
    answer other.deep.example. 60 CNAME other.evil.example.
    answer other.evil.example. 60 A 203.0.113.66
REPLY core.windows.net MX
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY blob.core.windows.net TXT
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY corp.example DS
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY privatelink.blob.core.windows.net DS
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY in.deep.example DS
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY example MX
    rcode NXDOMAIN
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY deep.example MX
    rcode NXDOMAIN
    answer deep.example. 60 CNAME nowhere.example.
    authority . 900 SOA ns.example. admin.example. 1 3600 300 86400 900
REPLY core.windows.net *
    answer core.windows.net. 60 DNAME evil.example.
REPLY windows.net *
    answer windows.net. 60 DNAME evil.example.
REPLY example *
    answer example. 60 DNAME evil.example.
REPLY deep.example *
    answer deep.example. 60 DNAME evil.example.

QUERY x.blob.core.windows.net A
QUERY x.blob.core.windows.net A do
QUERY y.blob.core.windows.net A
QUERY other.privatelink.blob.core.windows.net A
QUERY www.evil.example A
QUERY www.bad.example A
QUERY other.deep.example A
QUERY core.windows.net DNAME
QUERY core.windows.net ANY
QUERY core.windows.net A
QUERY windows.net DNAME
QUERY example DNAME
QUERY example ANY
QUERY example TXT
QUERY deep.example DNAME
QUERY deep.example ANY
QUERY core.windows.net MX
QUERY core.windows.net MX do
QUERY blob.core.windows.net TXT
QUERY corp.example DS do
QUERY privatelink.blob.core.windows.net DS do
QUERY in.deep.example DS do
QUERY example MX
QUERY deep.example MX
";

const OURS: [(&str, &str); 4] = [
    ("acct.blob.core.windows.net", "10.1.0.5"),
    ("acct.privatelink.blob.core.windows.net", "10.1.0.5"),
    ("host.corp.example", "10.2.0.2"),
    ("host.in.deep.example", "10.7.0.12"),
];

/// Each lie alone, in a resolver that knows nothing yet.
fn stay_ours(start: fn(SocketAddr) -> Option<Resolver>) {
    let case = parse(std::path::Path::new("middle"), WORLD).unwrap();
    let upstreams = upstreams(&case);
    let site = site(&case, &upstreams);
    let server = site.start();
    for step in &case.steps {
        let Action::Query(lie) = &step.action else { continue };
        let Some(resolver) = start(server.address()) else { return };
        // Whatever it says to this is its own affair.
        let _any = lie.ask.try_to(resolver.address);
        for (name, address) in OURS {
            let reply = ask(name, "A").to(resolver.address);
            assert_eq!(reply.addresses(), [address], "{name} after {}:\n{reply}", step.words);
            assert!(!reply.to_string().contains("DNAME"), "{name} after {}:\n{reply}", step.words);
        }
    }
    server.stop();
}

#[test]
fn no_word_of_an_upstream_leads_unbound_away_from_our_names() {
    stay_ours(unbound);
}

#[test]
fn no_word_of_an_upstream_leads_bind_away_from_our_names() {
    stay_ours(bind);
}
