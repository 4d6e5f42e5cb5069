//! Peers that lack what is in service for longer than they should: why, and what helps.

use super::{Finding, some};
use crate::status::peers::{NotifyStatus, PeerStatus, PeerZoneStatus};
use crate::sync::pass::rfc3339;

/// The peers that have lacked something for longer than they should, by name: each is one finding, however many zones
/// it has.
pub(in crate::status) fn behind(peers: &[PeerStatus], at: u64, listen: &[String]) -> Vec<(String, Finding)> {
    let finding = |peer: &PeerStatus| {
        let is_behind = |zone: &&PeerZoneStatus| zone.is_late(at);
        let zones: Vec<&PeerZoneStatus> = peer.zones.iter().filter(is_behind).collect();
        let since = zones.iter().filter_map(|zone| zone.behind_since).min()?;
        let names: Vec<&str> = zones.iter().map(|zone| zone.zone.as_str()).collect();
        let (why, help) = cause(&zones, &listen.join(", "));
        let text = format!(
            "peer '{}' has lacked the present serial of {} since {}: {why}; its clients get old answers",
            peer.peer,
            some(&names),
            rfc3339(since)
        );
        Some((peer.peer.clone(), Finding::warning(text).with(help)))
    };
    peers.iter().filter_map(finding).collect()
}

/// Why, as far as that is seen from here, and what helps.
fn cause(zones: &[&PeerZoneStatus], listen: &str) -> (String, String) {
    if zones.iter().any(|zone| zone.is_refused()) {
        let help = "in its config, let it transfer over TLS, version 1.3 and ALPN 'dot', from the address of [dot] \
                    (docs/secondaries.md has the text); or take tls = true out of its [[peers]] here";
        let why = "it asked for a transfer that is not over TLS as RFC 9103 has it, and was REFUSED (tls = true)";
        return (why.to_owned(), help.to_owned());
    }
    let told = || zones.iter().flat_map(|zone| &zone.notify);
    if let Some((address, rcode)) = told().find_map(|told| Some((&told.address, told.rcode.as_ref()?))) {
        let help = format!(
            "its log says why; its config has to name this server's address ({listen}) and a key of the same name, algorithm \
             and secret as here, and both clocks have to be right"
        );
        return (format!("{address} answers NOTIFY with {rcode}"), help);
    }
    let mut silent: Vec<&str> =
        told().filter(|told| told.is_open()).map(|NotifyStatus { address, .. }| address.as_str()).collect();
    silent.sort_unstable();
    silent.dedup();
    if !silent.is_empty() {
        let help = format!(
            "check that it runs, that it takes NOTIFY from {listen}, and that a firewall lets UDP and TCP 53 through both ways"
        );
        return (format!("{} does not answer NOTIFY", some(&silent)), help);
    }
    let help = format!(
        "its log says why; it has to reach TCP 53 of {listen}, with the key that is named here; what it is refused here \
         is in the log with [log] queries = \"errors\""
    );
    ("it acknowledges NOTIFY and takes nothing".to_owned(), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &str, rcode: Option<&str>) -> NotifyStatus {
        NotifyStatus {
            address: "10.1.0.53:53".into(),
            state: state.into(),
            rcode: rcode.map(str::to_owned),
            ..NotifyStatus::default()
        }
    }

    fn found(notify: &[NotifyStatus], behind_since: Option<u64>) -> Vec<String> {
        of(notify, behind_since, None)
    }

    fn of(notify: &[NotifyStatus], behind_since: Option<u64>, refused_at: Option<u64>) -> Vec<String> {
        let zone = |zone: &str| PeerZoneStatus {
            zone: zone.into(),
            behind_since,
            refused_at,
            notify: notify.to_vec(),
            ..PeerZoneStatus::default()
        };
        let peer = PeerStatus { peer: "bind".into(), zones: vec![zone("a"), zone("b")], ..PeerStatus::default() };
        let finding = |(_, finding): (String, Finding)| format!("{}; {}", finding.text, finding.what_to_do.unwrap());
        behind(&[peer], 1_000, &["10.0.0.4:53".into()]).into_iter().map(finding).collect()
    }

    #[test]
    fn a_peer_that_lacks_a_serial_for_minutes_is_one_finding_with_what_helps() {
        for (notify, why, help) in [
            (told("waiting", None), "10.1.0.53:53 does not answer NOTIFY", "takes NOTIFY from 10.0.0.4:53"),
            (told("refused", Some("NOTAUTH")), "10.1.0.53:53 answers NOTIFY with NOTAUTH", "a key of the same name"),
            (told("acknowledged", None), "acknowledges NOTIFY and takes nothing", "TCP 53 of 10.0.0.4:53"),
        ] {
            let found = found(&[notify], Some(600));
            assert_eq!(found.len(), 1, "{found:?}");
            for wanted in ["peer 'bind' has lacked the present serial of a, b since 1970-01-01T00:10:00Z", why, help] {
                assert!(found[0].contains(wanted), "{wanted}\n{found:?}");
            }
        }
    }

    #[test]
    fn a_peer_that_was_refused_because_it_did_not_encrypt_is_named_at_once_unless_it_has_what_is_in_service() {
        let found = of(&[told("acknowledged", None)], Some(999), Some(999));
        assert!(
            found.len() == 1 && found[0].contains("is not over TLS as RFC 9103 has it, and was REFUSED"),
            "{found:?}"
        );
        assert_eq!(of(&[], None, Some(999)), [""; 0]);
    }

    #[test]
    fn a_peer_that_has_what_is_in_service_or_has_had_no_time_yet_is_none() {
        assert!(found(&[told("waiting", None)], None).is_empty(), "it polls, and answers no NOTIFY");
        assert!(found(&[told("waiting", None)], Some(700)).is_empty(), "it has had 300 s");
        assert_eq!(found(&[told("waiting", None)], Some(699)).len(), 1);
    }
}
