//! `status --peer`: whether another server that reads the same sources serves the same.
//!
//! Input: the status of the running server, by its control socket, and that of the other one, by its admin listener.
//! Output: text or JSON. Serials are not compared: each server counts its own.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use ureq::Agent;
use ureq::http::Uri;

use super::control::{unexpected, with_reply};
use super::{WARNINGS, count, fail, print, usage};
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag;
use crate::status::Status;
use crate::status::model::ZoneStatus;
use crate::sync::pass::rfc3339;
use crate::zone::{OnMiss, ViewName};

/// The port of the admin listener, unless the address has one.
const PORT: u16 = 9153;

/// The time that the other server has for its answer.
const TIME: Duration = Duration::from_secs(10);

/// Octets of its answer that are read at most, as of the control socket's.
const MAX_REPLY: u64 = 64 << 20;

/// The version of the JSON; it changes when a key goes or changes its meaning, not when one is added.
const VERSION: u32 = 1;

/// Both servers side by side, as `docs/status-json.md` describes it.
#[derive(Debug, Serialize)]
struct Comparison {
    version: u32,
    /// True if every zone is the same on both.
    in_step: bool,
    here: Side,
    there: Side,
    /// Every zone that one of them hosts, by name.
    zones: Vec<Pair>,
}

/// One of the servers.
#[derive(Debug, Serialize)]
struct Side {
    host: String,
    version: String,
    at: u64,
    headline: String,
    last_good: Option<u64>,
}

/// A zone on both.
#[derive(Debug, Serialize)]
struct Pair {
    zone: String,
    /// The view whose own part of the zone this is; none for the base.
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<ViewName>,
    same: bool,
    here: Option<Hosted>,
    there: Option<Hosted>,
}

/// A zone on one of them.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Hosted {
    records: usize,
    contents: Option<u64>,
    on_miss: OnMiss,
}

/// Asks both and compares them.
pub(super) fn run(file: Result<PathBuf, String>, peer: &str, json: bool) -> ExitCode {
    let url = match url(peer) {
        Ok(url) => url,
        Err(reason) => return usage(reason),
    };
    with_reply(file, &ControlRequest::Status, |reply| match reply {
        ControlReply::Status(here) => match fetch(&url) {
            Ok(there) => show(&Comparison::of(&here, &there), &url, json),
            Err(reason) => fail(reason),
        },
        other => unexpected(other),
    })
}

fn show(found: &Comparison, url: &str, json: bool) -> ExitCode {
    if json {
        match serde_json::to_string_pretty(found) {
            Ok(text) => print(text),
            Err(error) => return fail(error),
        }
    } else {
        found.lines(url).iter().for_each(print);
    }
    if found.in_step { ExitCode::SUCCESS } else { ExitCode::from(WARNINGS) }
}

/// The address of the other server's status: of `10.0.0.5`, `dns-b.corp.example:9153` or `http://10.0.0.5:9153/`.
fn url(peer: &str) -> Result<String, String> {
    let wrong = || format!("'{peer}' is no address of an admin listener; write 10.0.0.5, or HOST:PORT");
    let (peer, is_plain) = match peer.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => (format!("http://[{address}]"), true),
        _ => match peer.split_once("://") {
            None => (format!("http://{peer}"), true),
            Some((scheme, _)) => (peer.to_owned(), scheme.eq_ignore_ascii_case("http")),
        },
    };
    if !is_plain {
        return Err(format!("'{peer}': the admin listener speaks http alone; write HOST:PORT"));
    }
    let uri: Uri = peer.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let is_bare = matches!(uri.path(), "" | "/" | "/status.json") && uri.query().is_none();
    let (host, rest) = (authority.host(), authority.as_str().strip_prefix(authority.host()));
    let port = match rest.map(|rest| rest.strip_prefix(':')) {
        Some(None) if rest == Some("") => PORT,
        Some(Some(port)) => port.parse().map_err(|_| wrong())?,
        _ => return Err(wrong()),
    };
    if host.is_empty() || !is_bare {
        return Err(wrong());
    }
    Ok(format!("http://{host}:{port}/status.json"))
}

/// The status of the other server. No proxy is asked: it is a machine of the same network.
fn fetch(url: &str) -> Result<Status, String> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(TIME))
        .user_agent(concat!("privatelink-dns/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let silent = |error: ureq::Error| {
        let error = error.to_string();
        format!("{url}: no answer ({}); is [admin] listen open there, and is its port right?", diag::printable(&error))
    };
    let mut response = agent.get(url).call().map_err(silent)?;
    let help = match response.status().as_u16() {
        200 => {
            let text = response.body_mut().with_config().limit(MAX_REPLY).read_to_vec().map_err(silent)?;
            let status: Option<Status> = serde_json::from_slice(&text).ok();
            let is_one = |status: &Status| status.form_version > 0;
            return status.filter(is_one).ok_or_else(|| format!("{url}: the answer is no status of this program"));
        }
        403 => "add this machine's address to [admin] allow there",
        421 => "ask by address, or add this name to [admin] hosts there",
        404 => "that is the probe listener, or no server of this program; ask the address of [admin] listen",
        _ => "see its log",
    };
    Err(format!("{url}: the answer is HTTP {}; {help}", response.status().as_u16()))
}

impl Comparison {
    fn of(here: &Status, there: &Status) -> Self {
        let mut zones = BTreeMap::<(Option<&ViewName>, &str), (Option<Hosted>, Option<Hosted>)>::new();
        for zone in &here.zones {
            zones.entry((zone.view.as_ref(), &zone.zone)).or_default().0 = Some(Hosted::of(zone));
        }
        for zone in &there.zones {
            zones.entry((zone.view.as_ref(), &zone.zone)).or_default().1 = Some(Hosted::of(zone));
        }
        let pair = |((view, zone), (here, there)): (_, (Option<Hosted>, Option<Hosted>))| Pair {
            zone: str::to_owned(zone),
            view: Option::<&ViewName>::cloned(view),
            // Zones without a good copy have nothing to compare.
            same: here == there && here.as_ref().is_some_and(|here| here.contents.is_some()),
            here,
            there,
        };
        let zones: Vec<Pair> = zones.into_iter().map(pair).collect();
        let in_step = zones.iter().all(|pair| pair.same);
        Self { version: VERSION, in_step, here: Side::of(here), there: Side::of(there), zones }
    }

    fn lines(&self, url: &str) -> Vec<String> {
        let there = format!("{} ({})", self.there.host, url.trim_end_matches("/status.json"));
        let differ: Vec<&Pair> = self.zones.iter().filter(|pair| !pair.same).collect();
        let mut lines = vec![if differ.is_empty() {
            format!("in step with {there}: {} with the same records", count(self.zones.len(), "zone"))
        } else {
            format!("out of step with {there}: {} of {} differ", differ.len(), count(self.zones.len(), "zone"))
        }];
        lines.extend(differ.iter().map(|pair| format!("  {}: {}", pair.name(), pair.difference())));
        lines.push(format!("here:  {}", self.here));
        lines.push(format!("there: {}", self.there));
        if !differ.is_empty() {
            lines.push(
                "a list that has just changed reaches both within [sync] interval: ask again; what stays is a list that was \
                 not copied, a change that waits for consent, or a freeze on one of them"
                    .to_owned(),
            );
        }
        lines
    }
}

impl Pair {
    /// As its file lies below `zone_dir`.
    fn name(&self) -> String {
        self.view.as_ref().map_or_else(|| self.zone.clone(), |view| format!("{view}/{}", self.zone))
    }

    fn difference(&self) -> String {
        let compare = match &self.view {
            None => "compare [backup] geos, [[zones]] and zone_dir",
            Some(_) => "compare [[views]], their sources and zone_dir",
        };
        match (&self.here, &self.there) {
            (Some(_), None) => format!("not hosted there; {compare}"),
            (None, Some(_)) => format!("not hosted here; {compare}"),
            (Some(Hosted { contents: None, .. }), Some(Hosted { contents: None, .. })) => {
                "no good copy on either".to_owned()
            }
            (Some(Hosted { contents: None, .. }), _) => "no good copy here".to_owned(),
            (_, Some(Hosted { contents: None, .. })) => "no good copy there".to_owned(),
            (Some(here), Some(there)) if here.on_miss != there.on_miss => {
                format!("on_miss is {} here and {} there", here.on_miss, there.on_miss)
            }
            (Some(here), Some(there)) if here.records == there.records => {
                format!("other records, {} on both", here.records)
            }
            (Some(here), Some(there)) => format!("other records, {} here and {} there", here.records, there.records),
            (None, None) => String::new(),
        }
    }
}

impl Hosted {
    fn of(zone: &ZoneStatus) -> Self {
        Self { records: zone.records, contents: zone.contents, on_miss: zone.on_miss }
    }
}

impl Side {
    fn of(status: &Status) -> Self {
        Self {
            host: status.server.host.clone(),
            version: status.server.version.clone(),
            at: status.at,
            headline: status.verdict.headline.clone(),
            last_good: status.sync.last_good,
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, version, headline, last_good, .. } = self;
        let last_good = last_good.map_or("none".to_owned(), rfc3339);
        write!(f, "{host}, version {version}, last good pass {last_good}: {headline}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(zones: &[(&str, usize, Option<u64>)]) -> Status {
        let zone = |(zone, records, contents): &(&str, usize, Option<u64>)| ZoneStatus {
            zone: (*zone).to_owned(),
            records: *records,
            contents: *contents,
            serial: Some(1),
            ..ZoneStatus::default()
        };
        Status { zones: zones.iter().map(zone).collect(), ..Status::default() }
    }

    #[test]
    fn a_peer_is_an_address_a_name_or_a_url_of_the_admin_listener() {
        for (peer, wanted) in [
            ("10.0.0.5", "http://10.0.0.5:9153/status.json"),
            ("10.0.0.5:80", "http://10.0.0.5:80/status.json"),
            ("fd00::5", "http://[fd00::5]:9153/status.json"),
            ("[fd00::5]:1", "http://[fd00::5]:1/status.json"),
            ("dns-b.corp.example", "http://dns-b.corp.example:9153/status.json"),
            ("http://10.0.0.5:9153/", "http://10.0.0.5:9153/status.json"),
            ("http://10.0.0.5:9153/status.json", "http://10.0.0.5:9153/status.json"),
        ] {
            assert_eq!(url(peer).as_deref(), Ok(wanted), "{peer}");
        }
        for wrong in ["", "a b", "https://10.0.0.5", "http://10.0.0.5/metrics", "10.0.0.5:x", "u@10.0.0.5", "10.0.0.5:"]
        {
            assert!(url(wrong).is_err(), "{wrong}: {:?}", url(wrong));
        }
    }

    #[test]
    fn servers_are_in_step_if_all_zones_have_the_same_records_whatever_their_serials() {
        let here = status(&[("a", 3, Some(7)), ("b", 2, Some(8))]);
        let mut there = here.clone();
        there.zones[0].serial = Some(99);
        assert!(Comparison::of(&here, &there).in_step);
        assert!(Comparison::of(&here, &there).lines("u")[0].starts_with("in step with"));
        for (zones, wanted) in [
            (&[("a", 3, Some(7))][..], "  b: not hosted there"),
            (&[("a", 3, Some(7)), ("b", 2, Some(8)), ("c", 1, Some(1))], "  c: not hosted here"),
            (&[("a", 3, Some(7)), ("b", 2, Some(9))], "  b: other records, 2 on both"),
            (&[("a", 4, Some(6)), ("b", 2, Some(8))], "  a: other records, 3 here and 4 there"),
            (&[("a", 3, Some(7)), ("b", 0, None)], "  b: no good copy there"),
        ] {
            let found = Comparison::of(&here, &status(zones));
            assert!(!found.in_step, "{wanted}");
            assert!(found.lines("u")[1].starts_with(wanted), "{wanted}\n{:?}", found.lines("u"));
        }
        let mut views = here.clone();
        views.zones[1] = ZoneStatus { zone: "a".into(), view: "spoke".parse().ok(), ..views.zones[1].clone() };
        assert!(Comparison::of(&views, &views).in_step, "a view's part of a zone is compared with the same part");
        for (zone, wanted) in [
            (ZoneStatus { contents: Some(9), ..views.zones[1].clone() }, "  spoke/a: other records, 2 on both"),
            (
                ZoneStatus { view: "other".parse().ok(), ..views.zones[1].clone() },
                "  other/a: not hosted here; compare [[v",
            ),
        ] {
            let other = Status { zones: vec![views.zones[0].clone(), zone], ..Status::default() };
            let lines = Comparison::of(&views, &other).lines("u");
            assert!(lines[1].starts_with(wanted), "{wanted}\n{lines:?}");
        }
        let none = status(&[("a", 0, None)]);
        assert!(!Comparison::of(&none, &none).in_step, "two servers without a good copy");
        let mut other = here.clone();
        other.zones[0].on_miss = OnMiss::NxDomain;
        let mut forward = here.clone();
        forward.zones[0].on_miss = OnMiss::Forward;
        assert!(Comparison::of(&forward, &other).lines("u")[1].contains("on_miss is forward here and nxdomain there"));
    }
}
