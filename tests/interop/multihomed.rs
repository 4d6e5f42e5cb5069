//! A host with several addresses and one wildcard socket a family: answers leave from the address that was asked
//! (RFC 2181 section 4.1), whole.

use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};

use crate::network::{Host, two_hosts};
use crate::support::SOON;
use crate::support::client::{Ask, ask};
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;

/// Two in each family, of which the kernel would choose the first, and one that needs its interface.
const ADDRESSES: [&str; 5] = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "fe80::1"];

/// Of a hand-written zone: an address, what fills a datagram, and what does not fit in one.
fn zone() -> String {
    let texts = |owner: &str, count: usize| {
        let lines: Vec<String> = (0..count).map(|number| format!("{owner} TXT \"{number:0100}\"\n")).collect();
        lines.concat()
    };
    let head = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nhere A 192.0.2.7\n";
    format!("{head}{}{}", texts("full", 10), texts("big", 20))
}

/// The server on its host, and the host of the clients.
struct World {
    server: Server,
    server_host: Host,
    client_host: Host,
    _site: Site,
    _upstream: Upstream,
}

/// `None` where it cannot be had.
fn world() -> Option<World> {
    let [server_host, client_host] = two_hosts()?;
    for (host, addresses) in [(&server_host, ADDRESSES), (&client_host, CLIENTS)] {
        for address in addresses {
            let length = if address.contains(':') { "64 nodad" } else { "24" };
            host.ip(&format!("addr add {address}/{length} dev wire"));
        }
    }
    // Names of the upstream's own: one for each address, so that each first answer comes late.
    let records: Vec<String> = (0..ADDRESSES.len()).map(|at| format!("late{at}.test. 60 A 192.0.2.{at}")).collect();
    let (upstream, site, server) = server_host.run(|| {
        let upstream = Upstream::serving(&records.join("\n"));
        let site = Site::new().with_zone("example", &zone()).with_upstream(&upstream).with_config(
            "listen = [\"0.0.0.0:0\", \"[::]:0\"]\n[access]\nallow = [\"0.0.0.0/0\", \"::/0\"]\n\
             [forward]\nspecial_names = \"forward\"\n",
        );
        let server = site.start();
        (upstream, site, server)
    });
    Some(World { server, server_host, client_host, _site: site, _upstream: upstream })
}

const CLIENTS: [&str; 5] = ["192.0.2.101", "192.0.2.102", "2001:db8::101", "2001:db8::102", "fe80::101"];

impl World {
    /// The server's addresses, as its clients see them.
    fn addresses(&self) -> Vec<SocketAddr> {
        let interface = self.client_host.run(|| {
            let text = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
            let line = text.lines().find(|line| line.ends_with("wire")).unwrap().to_owned();
            u32::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap()
        });
        let located = |text: &&str| match text.parse().unwrap() {
            IpAddr::V4(ip) => SocketAddr::from((ip, self.server.address().port())),
            IpAddr::V6(ip) => {
                let scope = if ip.is_unicast_link_local() { interface } else { 0 };
                SocketAddrV6::new(ip, self.server.address6().port(), 0, scope).into()
            }
        };
        ADDRESSES.iter().map(located).collect()
    }
}

/// Asks from whichever address the kernel likes. A connected socket hears the address that it asked and no other.
fn any(question: &Ask, server: SocketAddr) -> Ask {
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    question.clone().from(any)
}

#[test]
fn every_answer_leaves_from_the_address_that_was_asked() {
    let Some(world) = world() else { return };
    for (number, address) in world.addresses().into_iter().enumerate() {
        let late = format!("late{number}.test");
        world.client_host.run(|| {
            // Twice and more: an answer from upstream is late, then from the cache, then from the fast path.
            for round in 0..4 {
                let say = |what: &str| format!("{what} at {address}, round {round}");
                let over_udp = |name: &str, qtype: &str| any(&ask(name, qtype), address).to(address);
                assert_eq!(over_udp("here.example", "A").addresses(), ["192.0.2.7"], "{}", say("our own"));
                assert_eq!(over_udp(&late, "A").addresses(), [format!("192.0.2.{number}")], "{}", say("upstream's"));
                assert_eq!(over_udp("gone.example", "A").rcode, "NXDOMAIN", "{}", say("what is not"));
                let cut = over_udp("big.example", "TXT");
                assert!(cut.truncated(), "{}", say("what does not fit"));
                assert!(cut.answer.is_empty(), "{}", say("what does not fit"));
                let whole = ask("big.example", "TXT").tcp().to(address);
                assert!(!whole.truncated(), "{}", say("over TCP"));
                assert_eq!(whole.answer.len(), 20, "{}", say("over TCP"));
            }
        });
    }
    world.server.stop();
}

#[test]
fn a_client_with_a_global_address_may_ask_a_link_local_one() {
    let Some(world) = world() else { return };
    let link_local = *world.addresses().last().expect("five");
    let question = ask("here.example", "A").from("2001:db8::101".parse().unwrap());
    let reply = world.client_host.run(|| question.to(link_local));
    assert_eq!(reply.addresses(), ["192.0.2.7"]);
    world.server.stop();
}

#[test]
fn questions_that_arrive_together_at_many_addresses_are_answered_from_each() {
    const EACH: usize = 40;
    let Some(world) = world() else { return };
    let addresses = world.addresses();
    world.client_host.run(|| {
        let socket = |server: &SocketAddr| {
            let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any).unwrap();
            socket.connect(server).unwrap();
            socket.set_read_timeout(Some(SOON)).unwrap();
            socket
        };
        let sockets: Vec<UdpSocket> = addresses.iter().map(socket).collect();
        let query = ask("here.example", "A").bytes();
        for _ in 0..EACH {
            for socket in &sockets {
                assert_eq!(socket.send(&query).unwrap(), query.len());
            }
        }
        for (socket, address) in sockets.iter().zip(&addresses) {
            for number in 0..EACH {
                let length = socket.recv(&mut [0; 512]).unwrap_or_else(|error| panic!("{address} {number}: {error}"));
                assert!(length > query.len());
            }
        }
    });
    world.server.stop();
}

#[test]
fn a_full_datagram_is_not_cut_into_fragments_whatever_the_path_is_said_to_carry() {
    let Some(world) = world() else { return };
    // As after a forged ICMP message.
    world.server_host.ip("route replace 192.0.2.0/24 dev wire mtu 600");
    for address in world.addresses() {
        let reply = world.client_host.run(|| any(&ask("full.example", "TXT"), address).to(address));
        assert_eq!(reply.answer.len(), 10, "{address}");
    }
    assert_eq!(world.server_host.counted("Ip:", "FragCreates"), 0);
    world.server.stop();
}
