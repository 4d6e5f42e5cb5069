//! What becomes of peers: who takes which zone, and who is behind.
//!
//! In: complete transfers and the peers that are behind, once a second. Out: what to log. Pure.

use std::collections::BTreeSet;

use super::upstreams::Transition;
use crate::status::verdict::Finding;

/// The peers that were said to be behind.
#[derive(Default)]
pub(in crate::daemon) struct PeerLog {
    behind: BTreeSet<String>,
}

impl PeerLog {
    /// The transitions since the last comparison: `now` has every peer that is behind.
    pub(in crate::daemon) fn compare(&mut self, now: &[(String, Finding)]) -> Vec<Transition> {
        let before = std::mem::replace(&mut self.behind, now.iter().map(|(peer, _)| peer.clone()).collect());
        let bad = now.iter().filter(|(peer, _)| !before.contains(peer)).map(|(_, finding)| {
            let help = finding.what_to_do.as_deref().unwrap_or_default();
            Transition { is_good: false, text: format!("{}; {help}", finding.text) }
        });
        let good = before.difference(&self.behind).map(|peer| {
            let text = format!("peer '{peer}' is not behind any more");
            Transition { is_good: true, text }
        });
        bad.chain(good).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::verdict::Level;

    #[test]
    fn a_peer_is_said_to_be_behind_once_and_once_that_it_is_not() {
        let mut log = PeerLog::default();
        let mut said = |peers: &[&str]| {
            let finding = Finding { level: Level::Warning, text: "it lacks".into(), what_to_do: Some("look".into()) };
            let now: Vec<_> = peers.iter().map(|peer| ((*peer).to_owned(), finding.clone())).collect();
            log.compare(&now).into_iter().map(|line| (line.is_good, line.text)).collect::<Vec<_>>()
        };
        assert!(said(&[]).is_empty());
        assert_eq!(said(&["a"]), [(false, "it lacks; look".to_owned())]);
        assert_eq!(said(&["a", "b"]), [(false, "it lacks; look".to_owned())]);
        assert_eq!(said(&["b"]), [(true, "peer 'a' is not behind any more".to_owned())]);
        assert!(said(&["b"]).is_empty());
    }
}
