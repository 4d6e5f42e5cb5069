//! What a changed config would end or open, compared with the one in service.
//!
//! In: two configs. Out: what is gone. A half-written or emptied file looks just like a config that somebody meant, so
//! only a person's own word takes one with losses. A loss is a service that clients have today, or a demand on clients
//! that would fall back to a weaker default: a file that ends too early must neither end the one nor drop the other.

use std::path::PathBuf;

use super::{Config, spec};
use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::Name;
use crate::tls::Version;

impl Config {
    /// What would be lost if this config took the place of `old`.
    pub fn losses(&self, old: &Self) -> Vec<Diagnostic> {
        let lost = [
            self.lost_zones(old),
            self.lost_sources(old),
            self.lost_views(old),
            self.lost_peers(old),
            self.lost_encryption(old),
            self.lost_demands(old),
        ];
        let loss = |text| Diagnostic::error(Id::CONFIG_LOSS, Place::file(&self.file), text);
        lost.into_iter().flatten().map(loss).collect()
    }

    /// The zones that would be served no more.
    fn lost_zones(&self, old: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        if self.zones.hosted.is_empty() && !old.zones.hosted.is_empty() {
            lost.push("it hosts no zone".to_owned());
        }
        let gone = old.zones.hosted.keys().filter(|apex| !self.zones.hosted.contains_key(apex));
        lost.extend(gone.map(|apex| format!("zone '{}' is no longer in it", apex.without_dot())));
        let keeps = |apex: &Name| self.feed.zones().any(|(kept, _)| kept == apex);
        let gone = old.feed.zones().filter(|(apex, _)| !keeps(apex));
        lost.extend(gone.map(|(apex, _)| format!("[feed] no longer names '{}'", apex.without_dot())));
        lost
    }

    /// The sources that would be read no more, and the scopes of live sources that are still there.
    fn lost_sources(&self, old: &Self) -> Vec<String> {
        let has = |name: &str| self.sync.sources.iter().any(|source| source.name == name);
        let gone = old.sync.sources.iter().filter(|source| !has(&source.name));
        let mut lost: Vec<String> =
            gone.map(|source| format!("source '{}' is no longer in it", diag::printable(&source.name))).collect();
        for (new, old) in self.sync.live.iter().flat_map(|new| old.sync.live.iter().map(move |old| (new, old))) {
            if new.name == old.name {
                let has = |scope: &str| new.scopes.iter().any(|new| new.to_string().eq_ignore_ascii_case(scope));
                let scopes = old.scopes.iter().map(ToString::to_string).filter(|scope| !has(scope));
                let name = diag::printable(&new.name);
                lost.extend(scopes.map(|scope| format!("scope '{scope}' of source '{name}' is no longer in it")));
            }
        }
        lost
    }

    /// The views whose clients would get the base, and the sources that would feed something else.
    fn lost_views(&self, old: &Self) -> Vec<String> {
        let gone = old.views.settings().iter().map(|view| &view.name).filter(|name| self.views.named(name).is_none());
        let mut lost: Vec<String> = gone.map(|name| format!("view '{name}' is no longer in it")).collect();
        for old in &old.sync.sources {
            let new = self.sync.sources.iter().find(|source| source.name == old.name);
            if let (Some(view), Some(new)) = (&old.view, new)
                && new.view != old.view
            {
                lost.push(format!("source '{}' no longer feeds view '{view}'", diag::printable(&old.name)));
            }
        }
        lost
    }

    /// The peers that would get no zone any more, or would get zones with less proof or in plain.
    fn lost_peers(&self, old: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        for old in old.transfer.peers.iter() {
            let name = &old.name;
            match self.transfer.peers.iter().find(|peer| peer.name == *name) {
                None => lost.push(format!("peer '{name}' is no longer in it")),
                Some(new) => {
                    if old.key.is_some() && new.key.is_none() {
                        lost.push(format!("peer '{name}' no longer needs a key"));
                    }
                    if old.tls && !new.tls {
                        lost.push(format!("peer '{name}' no longer needs TLS"));
                    }
                }
            }
        }
        lost
    }

    /// The listeners, certificates and designation by which clients encrypt.
    fn lost_encryption(&self, old: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        let is_gone = [
            ("tls", self.tls.pairs.is_empty() && !old.tls.pairs.is_empty()),
            ("dot", self.dot.is_empty() && !old.dot.is_empty()),
            ("doh", self.doh.is_empty() && !old.doh.is_empty()),
            ("ddr", self.ddr.is_none() && old.ddr.is_some()),
        ];
        lost.extend(is_gone.into_iter().filter(|(_, is_gone)| *is_gone).map(|(key, _)| no_longer(key)));
        // A pair whose files have other names is not lost: there are as many as before.
        let (new, old) = (&self.tls.pairs, &old.tls.pairs);
        if (1..old.len()).contains(&new.len()) {
            let has = |file: &PathBuf| new.iter().any(|pair| pair.certificate == *file);
            let gone = old.iter().map(|pair| &pair.certificate).filter(|file| !has(file));
            lost.extend(gone.map(|file| format!("[[tls]] no longer has {}", diag::path(file))));
        }
        lost
    }

    /// What is demanded of clients.
    fn lost_demands(&self, old: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        if self.access == spec::default_access() && old.access != self.access {
            lost.push("[access] and [limits] fall back to their defaults".to_owned());
        }
        // Without a certificate nobody is let in at all, which has been said.
        if !self.tls.pairs.is_empty() {
            if self.tls.client_ca.is_none() && old.tls.client_ca.is_some() {
                lost.push("[tls] no longer has client_ca, so clients would need no certificate".to_owned());
            }
            if (self.tls.min_version, old.tls.min_version) == (Version::Tls12, Version::Tls13) {
                lost.push("[tls] no longer demands version 1.3".to_owned());
            }
        }
        lost
    }
}

fn no_longer(section: &str) -> String {
    format!("[{section}] is no longer in it")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const WHOLE: &str = "listen = [\"10.0.0.4:53\"]
[access]
allow = [\"10.1.0.0/16\"]
[[keys]]
name = \"k1\"
secret_file = \"/k1\"
[[tls]]
cert = \"a.pem\"
key = \"a.key\"
min_version = \"1.3\"
client_ca = \"ca.pem\"
[[tls]]
cert = \"b.pem\"
key = \"b.key\"
[dot]
listen = [\"10.0.0.4\"]
[doh]
listen = [\"10.0.0.4\"]
[ddr]
name = \"dns.corp.example\"
[[zones]]
name = \"corp.example\"
[[peers]]
name = \"ns2\"
address = [\"10.1.0.2\"]
zones = [\"corp.example\"]
key = \"k1\"
tls = true
";

    fn config(text: &str) -> (Config, Vec<String>) {
        let (config, problems) = Config::parse(Path::new("/srv/x.toml"), text);
        (config, problems.iter().map(ToString::to_string).collect())
    }

    fn lost(before: &str, after: &str) -> Vec<String> {
        config(after).0.losses(&config(before).0).into_iter().map(|loss| loss.text).collect()
    }

    /// The config without what lies between these words.
    fn without(part: &str) -> String {
        let (head, tail) = WHOLE.split_once(part).unwrap();
        [head, tail].concat()
    }

    #[test]
    fn what_clients_have_by_encryption_and_what_is_demanded_of_them_is_lost_with_its_line() {
        assert_eq!(config(WHOLE).1, [""; 0]);
        let [tls, second] = ["[[tls]]\ncert = \"a.pem\"", "[[tls]]\ncert = \"b.pem\"\nkey = \"b.key\"\n"];
        let until_dot = &WHOLE[WHOLE.find(tls).unwrap()..WHOLE.find("[dot]").unwrap()];
        for (part, wanted) in [
            (until_dot, "[tls] is no longer in it"),
            (second, "[[tls]] no longer has /srv/b.pem"),
            ("[dot]\nlisten = [\"10.0.0.4\"]\n", "[dot] is no longer in it"),
            ("[doh]\nlisten = [\"10.0.0.4\"]\n", "[doh] is no longer in it"),
            ("[ddr]\nname = \"dns.corp.example\"\n", "[ddr] is no longer in it"),
            ("client_ca = \"ca.pem\"\n", "[tls] no longer has client_ca, so clients would need no certificate"),
            ("min_version = \"1.3\"\n", "[tls] no longer demands version 1.3"),
            ("key = \"k1\"\n", "peer 'ns2' no longer needs a key"),
            ("tls = true\n", "peer 'ns2' no longer needs TLS"),
            (&WHOLE[WHOLE.find("[[peers]]").unwrap()..], "peer 'ns2' is no longer in it"),
            ("[access]\nallow = [\"10.1.0.0/16\"]\n", "[access] and [limits] fall back to their defaults"),
        ] {
            assert_eq!(lost(WHOLE, &without(part)), [wanted], "{part}");
            assert_eq!(lost(&without(part), WHOLE), [""; 0], "what is new is no loss: {part}");
        }
    }

    #[test]
    fn files_and_addresses_that_are_other_ones_are_no_loss() {
        for (before, after) in [("a.pem", "c.pem"), ("ca.pem", "roots.pem"), ("10.1.0.0/16", "10.1.0.0/17")] {
            assert_eq!(lost(WHOLE, &WHOLE.replace(before, after)), [""; 0], "{after}");
        }
    }

    /// Wherever a file ends too early, it is no config at all, or has a loss, or has all of it.
    #[test]
    fn no_file_that_ends_too_early_is_taken_by_itself() {
        assert_eq!(config(WHOLE).1, [""; 0]);
        for end in (0..WHOLE.len()).filter(|end| !WHOLE[*end..].trim().is_empty()) {
            let half = &WHOLE[..end];
            let is_refused = !config(half).1.is_empty() || !lost(WHOLE, half).is_empty();
            assert!(is_refused, "{half}");
        }
    }
}
