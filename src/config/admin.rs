//! `[admin]`: the admin and the probe listener, and the time to go on answering once the server is to stop.

use std::net::SocketAddr;
use std::time::Duration;

use super::reader::Section;
use super::values;
use crate::admin::Settings;

/// The port of an address without one: that of CoreDNS's metrics, which scrapers of name servers know.
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
