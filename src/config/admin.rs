//! `[admin]`: the admin and the probe listener, and the time to go on answering once the server is to stop.

use std::net::SocketAddr;
use std::time::Duration;

use super::reader::Section;
use super::values;
use crate::admin::Settings;

/// The port of an address without one: that of `CoreDNS`'s metrics, which scrapers of name servers know.
const PORT: u16 = 9153;

/// The same for `probe`.
const PROBE_PORT: u16 = 8053;

/// No load balancer takes longer to look elsewhere.
const MAX_LAMEDUCK: Duration = Duration::from_hours(1);

pub(super) fn settings(top: &Section<'_>, dns: &[SocketAddr]) -> Settings {
    let Some(section) = top.section("admin") else { return Settings::default() };
    let settings = Settings {
        listen: section.string("listen", |text| values::socket(text, PORT)),
        allow: section.strings("allow", values::network).unwrap_or_default(),
        hosts: section.strings("hosts", host).unwrap_or_default(),
        probe: section.string("probe", |text| values::socket(text, PROBE_PORT)),
        lameduck: section.string("lameduck", values::duration).unwrap_or_default(),
    };
    if settings.listen.is_some_and(|listen| !listen.ip().to_canonical().is_loopback()) && settings.allow.is_empty() {
        section.problem_at(
            "listen",
            "listen: other machines can reach this address, so allow has to name those that may look, such as allow = \
             [\"10.0.0.0/24\"]; for this machine alone write listen = \"127.0.0.1:9153\"",
        );
    }
    for (key, address) in [("listen", settings.listen), ("probe", settings.probe)] {
        if address.is_some_and(|address| address.port() != 0 && dns.contains(&address)) {
            section.problem_at(key, format!("{key}: queries over TCP come to this address; take another port"));
        }
    }
    if settings.listen.is_some_and(|listen| listen.port() != 0 && settings.probe == Some(listen)) {
        section
            .problem_at("probe", "probe: listen has this address already, and answers probes too; take another port");
    }
    if settings.lameduck > MAX_LAMEDUCK {
        section.problem_at("lameduck", "lameduck: at most 1h");
    }
    section.finish();
    settings
}

/// The name of a host, in lower case: what stands in a browser's address line before the port.
fn host(text: &str) -> Result<String, String> {
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if text.is_empty() || text.len() > 253 || !text.bytes().all(is_name) {
        return Err(format!(
            "'{text}' is not the name of a host; write the name alone, such as \"dns-a.corp.example\""
        ));
    }
    Ok(text.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn read(admin: &str) -> (Settings, Vec<String>) {
        let (config, problems) = Config::parse(Path::new("/srv/x.toml"), &format!("[admin]\n{admin}"));
        (config.admin, problems.iter().map(ToString::to_string).collect())
    }

    fn good(admin: &str) -> Settings {
        let (settings, problems) = read(admin);
        assert_eq!(problems, [""; 0], "{admin}");
        settings
    }

    #[test]
    fn nothing_listens_unless_it_is_said() {
        assert_eq!(Config::parse(Path::new("/srv/x.toml"), "").0.admin, Settings::default());
        assert_eq!(good(""), Settings::default());
    }

    #[test]
    fn an_address_alone_has_a_port_of_its_own() {
        let settings = good("listen = \"127.0.0.1\"\nprobe = \"fd00::4\"");
        assert_eq!(settings.listen, Some("127.0.0.1:9153".parse().unwrap()));
        assert_eq!(settings.probe, Some("[fd00::4]:8053".parse().unwrap()));
    }

    #[test]
    fn an_address_that_others_can_reach_needs_allow_and_the_message_has_what_to_write() {
        for address in ["10.0.0.4:9153", "0.0.0.0:9153", "[::]:9153", "[::ffff:10.0.0.4]:9153"] {
            let problems = read(&format!("listen = \"{address}\"")).1;
            assert_eq!(problems.len(), 1, "{address}: {problems:?}");
            assert!(problems[0].starts_with("/srv/x.toml:2:10: listen: other machines can reach"), "{problems:?}");
            assert!(problems[0].contains("allow = [\"10.0.0.0/24\"]"), "{problems:?}");
            assert_eq!(read(&format!("listen = \"{address}\"\nallow = []")).1.len(), 1);
            good(&format!("listen = \"{address}\"\nallow = [\"10.0.0.0/24\"]"));
        }
        for address in ["127.0.0.1:9153", "127.0.0.9:1", "[::1]:9153", "[::ffff:127.0.0.1]:9153"] {
            good(&format!("listen = \"{address}\""));
        }
        good("probe = \"0.0.0.0:8053\"");
    }

    #[test]
    fn names_of_hosts_are_kept_in_lower_case_and_anything_else_is_a_problem() {
        assert_eq!(good("hosts = [\"DNS-A.corp.example.\", \"dns\"]").hosts, ["dns-a.corp.example", "dns"]);
        for host in ["", "http://dns", "dns:9153", "dns/", "*.example", "a b"] {
            let problems = read(&format!("hosts = [\"{host}\"]")).1;
            assert!(problems.len() == 1 && problems[0].contains("write the name alone"), "{host}: {problems:?}");
        }
    }

    #[test]
    fn an_address_that_something_else_of_ours_listens_on_is_a_problem() {
        let problems = read("listen = \"127.0.0.1:5300\"").1;
        assert!(problems.len() == 1 && problems[0].contains("queries over TCP come to this address"), "{problems:?}");
        let problems = read("listen = \"127.0.0.1:9153\"\nprobe = \"127.0.0.1:9153\"").1;
        assert!(problems.len() == 1 && problems[0].contains("answers probes too"), "{problems:?}");
        good("listen = \"127.0.0.1:0\"\nprobe = \"127.0.0.1:0\"");
    }

    #[test]
    fn a_lameduck_has_a_limit() {
        assert_eq!(good("lameduck = \"12s\"").lameduck, Duration::from_secs(12));
        good("lameduck = \"1h\"");
        assert_eq!(read("lameduck = \"61m\"").1, ["/srv/x.toml:2:12: lameduck: at most 1h"]);
    }
}
