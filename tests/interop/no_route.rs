//! A host that has no route to some of its upstreams.

use crate::network::two_hosts;
use crate::support::client::ask;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

/// Addresses of networks for documentation (RFC 5737, RFC 3849), to which a host without any link has no route.
const AWAY: [&str; 2] = ["[2001:db8::53]:53", "192.0.2.53:53"];

#[test]
fn an_upstream_without_a_route_is_down_and_the_next_one_answers() {
    let Some([host, _]) = two_hosts() else { return };
    host.run(|| {
        let upstream = Upstream::serving("*.example. 60 A 192.0.2.1\n");
        let all = format!("[forward]\nupstreams = [\"{}\", \"{}\", \"{}\"]", AWAY[0], AWAY[1], upstream.address());
        let site = Site::new().with_config(&all);
        let server = site.start();
        for n in 0..5 {
            let reply = ask(&format!("www{n}.example"), "A").to(server.address());
            assert_eq!(reply.addresses(), ["192.0.2.1"], "{reply}");
        }
        for away in AWAY {
            wait_until("the status says that it is down, which takes some milliseconds", || {
                let status = site.status();
                let upstreams = status["upstreams"].as_array().unwrap();
                let found = upstreams.iter().find(|upstream| upstream["address"] == away).unwrap();
                assert_eq!(found["counts"]["sent"], 0, "{found:#}");
                found["state"] == "down"
            });
        }
        server.stop();
    });
}

#[test]
fn a_lone_upstream_without_a_route_is_an_error_of_the_network_and_not_a_timeout() {
    let Some([host, _]) = two_hosts() else { return };
    host.run(|| {
        for away in AWAY {
            let site = Site::new().with_config(&format!("[forward]\nupstreams = [\"{away}\"]"));
            let server = site.start();
            let reply = ask("www.example", "A").to(server.address());
            assert_eq!((reply.rcode.as_str(), reply.ede()), ("SERVFAIL", Some(23)), "{reply}");
            server.stop();
        }
    });
}
