//! `[forward]` and `[[forward.rules]]`: the upstreams, and the names each of them is asked for.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::reader::Section;
use super::values;
use crate::azure;
use crate::diag::Id;
use crate::dns::Name;
use crate::forward::resolver::public::PublicNames;
use crate::forward::resolver::special::SpecialNames;
use crate::forward::{CaseRandomization, GroupSettings, UpstreamSpec};

const PUBLIC_NAMES: [(&str, PublicNames); 3] =
    [("on-failure", PublicNames::OnFailure), ("always", PublicNames::Always), ("never", PublicNames::Never)];

const SPECIAL_NAMES: [(&str, SpecialNames); 2] = [("local", SpecialNames::Local), ("forward", SpecialNames::Forward)];

const CASE_RANDOMIZATION: [(&str, CaseRandomization); 2] =
    [("auto", CaseRandomization::Auto), ("off", CaseRandomization::Off)];

/// The settings of the section.
pub(super) struct Forward {
    /// The default group first, then one group per rule.
    pub(super) groups: Vec<GroupSettings>,
    pub(super) public_names: PublicNames,
    pub(super) special_names: SpecialNames,
}

pub(super) fn forward(top: &Section<'_>, listen: &[SocketAddr]) -> Forward {
    let section = top.section_or_empty("forward");
    let timeout = section.string("timeout", values::duration).unwrap_or(Duration::from_secs(5));
    if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&timeout) {
        section.problem_at("timeout", "timeout: from 100ms to 1m");
    }
    let max_in_flight = section.number("max_in_flight", 1..=60_000).and_then(|n| usize::try_from(n).ok());
    let max_qps = section.number("max_qps", 1..=10_000_000).and_then(|n| NonZeroU32::new(u32::try_from(n).ok()?));
    let public_names = section.string("public_names", |text| values::choice(text, &PUBLIC_NAMES));
    let special_names = section.string("special_names", |text| values::choice(text, &SPECIAL_NAMES));
    let usual_case = case_randomization(&section).unwrap_or_default();
    let group = |suffix, upstreams, case_randomization| GroupSettings {
        suffix,
        upstreams,
        timeout,
        max_in_flight,
        max_qps,
        case_randomization,
    };
    let upstreams = upstreams(&section, listen).unwrap_or_else(|| vec![UpstreamSpec::System]);
    let mut groups = vec![group(Name::root(), upstreams, usual_case)];
    for rule in section.sections("rules", "forward.rules") {
        let case = case_randomization(&rule).unwrap_or(usual_case);
        if let Some((suffix, upstreams)) = self::rule(&rule, listen) {
            if groups.iter().any(|other| other.suffix == suffix) {
                let text = format!("a second rule for '{suffix}'; put all its upstreams into one");
                rule.problem(Id::CONFIG_TWICE, text);
            }
            groups.push(group(suffix, upstreams, case));
        }
        rule.finish();
    }
    warn_of_misprint(&section, &groups);
    section.finish();
    let (public_names, special_names) = (public_names.unwrap_or_default(), special_names.unwrap_or_default());
    Forward { groups, public_names, special_names }
}

fn case_randomization(section: &Section<'_>) -> Option<CaseRandomization> {
    section.string("case_randomization", |text| values::choice(text, &CASE_RANDOMIZATION))
}

fn warn_of_misprint(section: &Section<'_>, groups: &[GroupSettings]) {
    let misprint = UpstreamSpec::Address(SocketAddr::new(azure::RESOLVER_MISPRINT, 53));
    if groups.iter().any(|group| group.upstreams.contains(&misprint)) {
        let text = format!("{} is a known misprint; Azure's resolver is {}", azure::RESOLVER_MISPRINT, azure::RESOLVER);
        section.warn_at("upstreams", Id::CONFIG_MISPRINT, text);
    }
}

fn rule(rule: &Section<'_>, listen: &[SocketAddr]) -> Option<(Name, Vec<UpstreamSpec>)> {
    let suffix = rule.string("suffix", values::name);
    let upstreams = upstreams(rule, listen);
    if suffix.is_none() {
        rule.problem(Id::CONFIG_MISSING_KEY, "a rule needs a suffix: suffix = \"corp.example\"");
    }
    if upstreams.is_none() {
        rule.problem(Id::CONFIG_MISSING_KEY, "a rule needs upstreams: upstreams = [\"10.0.0.10\"]");
    }
    Some((suffix?, upstreams?))
}

/// "system", or an address: alone for port 53, or `address:port`, IPv6 in brackets and perhaps with a scope.
fn upstream(text: &str) -> Option<UpstreamSpec> {
    if text == "system" {
        return Some(UpstreamSpec::System);
    }
    if let Ok(address) = values::dns_socket(text) {
        return Some(UpstreamSpec::Address(address));
    }
    let (ip, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(inside) => inside?,
        None => (text, ""),
    };
    let port = if port.is_empty() { 53 } else { port.strip_prefix(':')?.parse().ok()? };
    UpstreamSpec::at(ip, port)
}

fn upstreams(section: &Section<'_>, listen: &[SocketAddr]) -> Option<Vec<UpstreamSpec>> {
    let parse = |text: &str| {
        let spec = upstream(text).ok_or_else(|| {
            format!("'{text}' is not an address; write \"10.0.0.4:53\", \"[fd00::4]:53\", \"[fe80::4%eth0]:53\" or \"system\"")
        })?;
        let (ip, port) = match &spec {
            UpstreamSpec::Address(address) => (address.ip(), address.port()),
            UpstreamSpec::Scoped(scoped) => (scoped.ip.into(), scoped.port),
            UpstreamSpec::System => return Ok(spec),
        };
        if port == 0 {
            return Err(format!("'{text}' has port 0, which is not usable; write \"{ip}:53\""));
        }
        if let UpstreamSpec::Address(address) = spec
            && crate::forward::would_loop(address, listen)
        {
            return Err(format!("'{text}' is this server itself (see 'listen'), so queries would loop; name another"));
        }
        Ok(spec)
    };
    let found = section.strings("upstreams", parse)?;
    if found.is_empty() {
        section.problem_at("upstreams", "upstreams is empty; name at least one, or \"system\"");
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_an_address_with_or_without_port_and_scope() {
        for (text, shown) in [
            ("10.0.0.4", "10.0.0.4:53"),
            ("10.0.0.4:5300", "10.0.0.4:5300"),
            ("fd00::4", "[fd00::4]:53"),
            ("[fd00::4]", "[fd00::4]:53"),
            ("[fd00::4]:5300", "[fd00::4]:5300"),
            ("fe80::4%2", "[fe80::4%2]:53"),
            ("[fe80::4%2]:5300", "[fe80::4%2]:5300"),
            ("fe80::4%eth0", "[fe80::4%eth0]:53"),
            ("[fe80::4%eth0]", "[fe80::4%eth0]:53"),
            ("[fe80::4%eth0]:5300", "[fe80::4%eth0]:5300"),
            ("system", "system"),
        ] {
            let found = match upstream(text) {
                Some(UpstreamSpec::Address(address)) => address.to_string(),
                Some(UpstreamSpec::Scoped(scoped)) => scoped.to_string(),
                Some(UpstreamSpec::System) => "system".to_owned(),
                None => String::new(),
            };
            assert_eq!(found, shown, "{text}");
        }
        for text in
            ["", "dns.example", "[fe80::4%eth0", "[fe80::4%eth0]53", "[fe80::4%]:53", "10.0.0.4%eth0", "fe80::4%a b"]
        {
            assert_eq!(upstream(text), None, "{text}");
        }
    }
}
