//! The server's own identity and limits, as clients see them: `nsid`, `version`, `[cookies]`, `[tcp]`.

use std::sync::Arc;
use std::time::Duration;

use super::reader::Section;
use super::values;
use crate::dns::tsig::Keys;
use crate::server::admission::cookies;
use crate::server::{MAX_NSID, Settings, TcpSettings, observer};

/// Octets of a character-string in a TXT record at most (RFC 1035 section 3.3).
const MAX_VERSION: usize = 255;

pub(super) fn settings(top: &Section<'_>, observer: observer::Settings) -> Settings {
    Settings {
        cookies: cookies(top),
        tcp: tcp(top),
        nsid: top.string("nsid", |text| short(text, MAX_NSID)),
        version: top.string("version", |text| short(text, MAX_VERSION)),
        keys: Keys::default(),
        doh_path: Arc::default(),
        observer,
    }
}

fn short(text: &str, max: usize) -> Result<Arc<str>, String> {
    if text.is_empty() || text.len() > max {
        return Err(format!("from 1 to {max} octets; leave the key out to send none"));
    }
    Ok(text.into())
}

fn cookies(top: &Section<'_>) -> cookies::Settings {
    let default = cookies::Settings::default();
    let Some(section) = top.section("cookies") else { return default };
    let enabled = section.flag("enabled").unwrap_or(default.enabled);
    let secrets = section.strings("secrets", values::secret).unwrap_or(default.secrets);
    section.finish();
    cookies::Settings { enabled, secrets }
}

fn tcp(top: &Section<'_>) -> TcpSettings {
    let default = TcpSettings::default();
    let Some(section) = top.section("tcp") else { return default };
    let idle = section.string("idle", values::duration).unwrap_or(default.idle);
    if !(Duration::from_millis(100)..=Duration::from_hours(1)).contains(&idle) {
        section.problem_at("idle", "idle: from 100ms to 1h");
    }
    let count = |key, default| {
        section.number(key, 1..=1_000_000).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    };
    let settings = TcpSettings {
        idle,
        max_connections: count("max_connections", default.max_connections),
        max_per_client: count("max_per_client", default.max_per_client),
    };
    section.finish();
    settings
}
