//! Who may ask: the checks of a request before anything of ours is shown.
//!
//! In: what a request says of itself. Out: that it is good, or the refusal. A web page that a browser of this machine
//! shows can send requests here by a name of its own that leads to us (DNS rebinding); its `Host` gives it away.

use std::net::IpAddr;

use hyper::http::uri::Authority;

use super::settings::Settings;

/// The listener that a request came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    /// `listen`: everything, for those who may.
    Admin,
    /// `probe`: `/health` and `/ready`, for everybody.
    Probe,
}

/// What a request says of itself, besides its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credentials<'a> {
    pub(super) client: IpAddr,
    pub(super) method: &'a str,
    /// Each `Host` header, as octets: a request should have one.
    pub(super) hosts: &'a [&'a [u8]],
    /// The authority of a request target in absolute form (RFC 9112 section 3.2.2).
    pub(super) target: Option<&'a str>,
    /// True for HTTP/1.0, which has no `Host`.
    pub(super) is_old: bool,
}

/// The reason why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another client than those who may ask.
    Stranger,
    /// No `Host`, several, or one that makes no sense (RFC 9112 section 3.2).
    BadHost,
    /// A `Host` that is none of ours.
    OtherHost,
    /// Neither GET nor HEAD.
    Method,
}

/// Checks a request.
pub(super) fn check(listener: Listener, asked: &Credentials<'_>, settings: &Settings) -> Result<(), Refusal> {
    if listener == Listener::Admin && !settings.permits(asked.client) {
        return Err(Refusal::Stranger);
    }
    let host = match (asked.hosts, asked.is_old) {
        ([], true) => None,
        ([host], _) => Some(std::str::from_utf8(host).map_err(|_| Refusal::BadHost)?),
        _ => return Err(Refusal::BadHost),
    };
    for authority in host.into_iter().chain(asked.target) {
        let name = host_of(authority).ok_or(Refusal::BadHost)?;
        // Load balancers put what they like there, and a probe shows nothing that a web page could use.
        if listener == Listener::Admin && !is_ours(&name, settings) {
            return Err(Refusal::OtherHost);
        }
    }
    if matches!(asked.method, "GET" | "HEAD") { Ok(()) } else { Err(Refusal::Method) }
}

/// The host of `host[:port]`, in lower case and without a final dot; `None` if it is not of that form.
fn host_of(text: &str) -> Option<String> {
    let authority: Authority = text.parse().ok()?;
    let host = authority.host();
    let rest = authority.as_str().strip_prefix(host)?;
    let port = rest.strip_prefix(':').unwrap_or(rest);
    // User names have no place in a Host, and the port may be left out (RFC 3986 section 3.2.3).
    if host.is_empty() || !port.bytes().all(|octet| octet.is_ascii_digit()) || port.len() > 5 {
        return None;
    }
    let host = host.to_ascii_lowercase();
    Some(host.strip_suffix('.').map_or_else(|| host.clone(), str::to_owned))
}

/// Addresses are good, since no page of another name has them in its `Host`.
fn is_ours(host: &str, settings: &Settings) -> bool {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    literal.parse::<IpAddr>().is_ok() || host == "localhost" || settings.hosts.iter().any(|ours| ours == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            allow: vec!["10.0.0.0/24".parse().unwrap()],
            hosts: vec!["dns-a.corp.example".to_owned()],
            ..Settings::default()
        }
    }

    fn good<'a>(hosts: &'a [&'a [u8]]) -> Credentials<'a> {
        Credentials { client: [127, 0, 0, 1].into(), method: "GET", hosts, target: None, is_old: false }
    }

    fn host(host: &str) -> Result<(), Refusal> {
        check(Listener::Admin, &good(&[host.as_bytes()]), &settings())
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_good_hosts() {
        for good in [
            "127.0.0.1",
            "127.0.0.1:9153",
            "10.0.0.4:80",
            "[::1]",
            "[::1]:9153",
            "[::ffff:10.0.0.4]:1",
            "localhost",
            "LOCALHOST:9153",
            "localhost.",
            "dns-a.corp.example",
            "DNS-A.corp.example.:9153",
            "127.0.0.1:",
        ] {
            assert_eq!(host(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn any_other_name_is_another_host() {
        for other in [
            "evil.example",
            "evil.example:9153",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "dns-b.corp.example",
            "xlocalhost",
            "0x7f.1",
            "127.1",
            "2130706433",
            "[evil]",
        ] {
            assert!(matches!(host(other), Err(Refusal::OtherHost | Refusal::BadHost)), "{other}");
        }
    }

    #[test]
    fn a_host_that_makes_no_sense_is_bad() {
        for bad in ["", ":9153", "a b", "user@localhost", "localhost:12x", "localhost:999999", "http://localhost", "/"]
        {
            assert_eq!(host(bad), Err(Refusal::BadHost), "{bad}");
        }
        let several: [&[u8]; 2] = [b"localhost", b"localhost"];
        for hosts in [&[][..], &several[..], &[&b"\xff"[..]][..]] {
            assert_eq!(check(Listener::Admin, &good(hosts), &settings()), Err(Refusal::BadHost), "{hosts:?}");
            assert_eq!(check(Listener::Probe, &good(hosts), &settings()), Err(Refusal::BadHost), "{hosts:?}");
        }
    }

    #[test]
    fn http_1_0_needs_no_host_and_one_that_is_there_counts() {
        assert_eq!(check(Listener::Admin, &Credentials { is_old: true, ..good(&[]) }, &settings()), Ok(()));
        let evil: [&[u8]; 1] = [b"evil.example"];
        let asked = Credentials { is_old: true, ..good(&evil) };
        assert_eq!(check(Listener::Admin, &asked, &settings()), Err(Refusal::OtherHost));
    }

    #[test]
    fn the_authority_of_an_absolute_target_counts_like_a_host() {
        let local: [&[u8]; 1] = [b"localhost"];
        for (target, said) in [("localhost:9153", Ok(())), ("evil.example", Err(Refusal::OtherHost))] {
            let asked = Credentials { target: Some(target), ..good(&local) };
            assert_eq!(check(Listener::Admin, &asked, &settings()), said, "{target}");
        }
    }

    #[test]
    fn a_stranger_is_refused_before_all_else_and_only_where_there_is_something_to_see() {
        let asked = Credentials { client: [10, 0, 1, 1].into(), method: "POST", ..good(&[]) };
        assert_eq!(check(Listener::Admin, &asked, &settings()), Err(Refusal::Stranger));
        let any: [&[u8]; 1] = [b"balancer.example"];
        let asked = Credentials { client: [168, 63, 129, 16].into(), ..good(&any) };
        assert_eq!(check(Listener::Probe, &asked, &settings()), Ok(()));
        let neighbour = Credentials { client: [10, 0, 0, 9].into(), hosts: &[b"10.0.0.4"], ..good(&[]) };
        assert_eq!(check(Listener::Admin, &neighbour, &settings()), Ok(()));
    }

    #[test]
    fn only_get_and_head_are_taken() {
        let local: [&[u8]; 1] = [b"localhost"];
        for (method, said) in [
            ("GET", Ok(())),
            ("HEAD", Ok(())),
            ("POST", Err(Refusal::Method)),
            ("get", Err(Refusal::Method)),
            ("OPTIONS", Err(Refusal::Method)),
            ("CONNECT", Err(Refusal::Method)),
            ("TRACE", Err(Refusal::Method)),
        ] {
            for listener in [Listener::Admin, Listener::Probe] {
                assert_eq!(check(listener, &Credentials { method, ..good(&local) }, &settings()), said, "{method}");
            }
        }
    }
}
