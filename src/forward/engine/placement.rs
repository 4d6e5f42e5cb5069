//! The addresses of the upstreams of each group, which may change while the server runs.
//!
//! In: the settings of the groups, the file that "system" is read from, the interfaces of the machine. Out: addresses,
//! and the entries that name none now. Never: a group that loses its servers because the file is gone or half written.

use std::net::{SocketAddr, SocketAddrV6};
use std::path::PathBuf;

use crate::files;
use crate::forward::settings::UpstreamSpec;
use crate::forward::upstream::resolv_conf::name_servers;

/// Octets of the file that "system" is read from.
const MAX_FILE: u64 = 1 << 20;

/// The number of an interface, by its name; `None` if it is not there.
pub(crate) type Interfaces = Box<dyn Fn(&str) -> Option<u32> + Send>;

/// The upstreams of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The addresses to ask, in order.
    pub(super) addresses: Vec<SocketAddr>,
    /// The entries that name no address now, each with the reason.
    pub(super) absent: Vec<String>,
}

/// The addresses as last seen.
pub(crate) struct Placement {
    resolv_conf: PathBuf,
    interfaces: Interfaces,
    system: Vec<UpstreamSpec>,
    placed: Option<Vec<Places>>,
}

impl Placement {
    pub(crate) fn new(resolv_conf: PathBuf) -> Self {
        let interfaces: Interfaces = Box::new(|name| nix::net::if_::if_nametoindex(name).ok());
        Self { resolv_conf, interfaces, system: Vec::new(), placed: None }
    }

    /// Whether the addresses for these entries may change.
    pub(super) fn may_change(upstreams: &[UpstreamSpec]) -> bool {
        upstreams.iter().any(|spec| !matches!(spec, UpstreamSpec::Address(_)))
    }

    /// The upstreams of each group, if any of them have changed since the last look.
    pub(super) fn look<'a>(&mut self, groups: impl Iterator<Item = &'a [UpstreamSpec]> + Clone) -> Option<Vec<Places>> {
        if groups.clone().any(|upstreams| upstreams.contains(&UpstreamSpec::System)) {
            let servers = files::read(&self.resolv_conf, MAX_FILE).map(|(bytes, _)| name_servers(&bytes));
            self.system = servers.ok().filter(|servers| !servers.is_empty()).unwrap_or_else(|| self.system.clone());
        }
        let places = groups.map(|upstreams| self.places(upstreams)).collect();
        (self.placed.as_ref() != Some(&places)).then(|| self.placed.insert(places).clone())
    }

    /// The entries of some upstreams that name no address now, each with the reason.
    pub(crate) fn absent(resolv_conf: PathBuf, upstreams: &[UpstreamSpec]) -> Vec<String> {
        Self::new(resolv_conf)
            .look([upstreams].into_iter())
            .into_iter()
            .flatten()
            .flat_map(|places| places.absent)
            .collect()
    }

    fn places(&self, upstreams: &[UpstreamSpec]) -> Places {
        let mut places = Places::default();
        for spec in upstreams {
            let entries = if *spec == UpstreamSpec::System { &self.system } else { std::slice::from_ref(spec) };
            if entries.is_empty() {
                places.absent.push(format!("'system': {} names no server", self.resolv_conf.display()));
            }
            for entry in entries {
                match entry {
                    UpstreamSpec::Address(address) => places.addresses.push(*address),
                    UpstreamSpec::Scoped(scoped) => match (self.interfaces)(&scoped.interface) {
                        Some(index) => {
                            places.addresses.push(SocketAddrV6::new(scoped.ip, scoped.port, 0, index).into());
                        }
                        None => places.absent.push(format!("'{scoped}': no interface '{}'", scoped.interface)),
                    },
                    UpstreamSpec::System => {}
                }
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;

    /// A placement over a file in a folder of its own, with an interface `eth0` that has this number unless it is 0.
    fn placement(folder: &tempfile::TempDir) -> (Placement, PathBuf, Arc<AtomicU32>) {
        let (path, index) = (folder.path().join("resolv.conf"), Arc::new(AtomicU32::new(0)));
        let shared = Arc::clone(&index);
        let interfaces: Interfaces =
            Box::new(move |name| Some(shared.load(SeqCst)).filter(|index| name == "eth0" && *index > 0));
        (Placement { interfaces, ..Placement::new(path.clone()) }, path, index)
    }

    /// What a look shows: addresses, then reasons; `None` if nothing has changed.
    fn look(placement: &mut Placement, upstreams: &[UpstreamSpec]) -> Option<Vec<String>> {
        let places = placement.look([upstreams].into_iter())?.remove(0);
        Some(places.addresses.iter().map(ToString::to_string).chain(places.absent).collect())
    }

    fn at(text: &str) -> UpstreamSpec {
        UpstreamSpec::at(text, 53).unwrap()
    }

    #[test]
    fn a_change_of_the_file_is_seen_once_and_its_loss_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (mut placement, path, _) = placement(&folder);
        let system = [UpstreamSpec::System];
        let first = look(&mut placement, &system).unwrap();
        assert!(first.len() == 1 && first[0].ends_with("names no server"), "{first:?}");
        assert_eq!(look(&mut placement, &system), None, "it is said once");
        std::fs::write(&path, b"# \xe9\nnameserver 10.0.0.1\n").unwrap();
        assert_eq!(look(&mut placement, &system).unwrap(), ["10.0.0.1:53"]);
        assert_eq!(look(&mut placement, &system), None);
        std::fs::write(&path, "nameserver 10.0.0.2\n").unwrap();
        assert_eq!(look(&mut placement, &system).unwrap(), ["10.0.0.2:53"]);
        std::fs::write(&path, "").unwrap();
        assert_eq!(look(&mut placement, &system), None, "half written");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(look(&mut placement, &system), None);
    }

    #[test]
    fn an_interface_that_comes_goes_and_comes_back_with_another_number_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut placement, path, index) = placement(&folder);
        std::fs::write(&path, "nameserver fe80::1%eth0\n").unwrap();
        let upstreams = [at("10.0.0.1"), UpstreamSpec::System, at("fe80::2%eth0")];
        let without =
            ["10.0.0.1:53", "'[fe80::1%eth0]:53': no interface 'eth0'", "'[fe80::2%eth0]:53': no interface 'eth0'"];
        assert_eq!(look(&mut placement, &upstreams).unwrap(), without);
        assert_eq!(look(&mut placement, &upstreams), None);
        for number in [2, 7] {
            index.store(number, SeqCst);
            let scoped = [1, 2].map(|last| format!("[fe80::{last}%{number}]:53"));
            assert_eq!(look(&mut placement, &upstreams).unwrap()[1..], scoped);
            assert_eq!(look(&mut placement, &upstreams), None);
        }
        index.store(0, SeqCst);
        assert_eq!(look(&mut placement, &upstreams).unwrap(), without);
    }
}
