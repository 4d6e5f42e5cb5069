//! The registry of all checks of `doctor`. An id never changes its meaning; `docs/doctor.md` lists them.

use std::fmt;

use serde::{Serialize, Serializer};

/// A check: its id, its subject, and why it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(&'static str);

macro_rules! ids {
    ($($name:ident = $text:literal, $title:literal, $why:literal;)*) => {
        impl Id {
            $(pub(super) const $name: Self = Self($text);)*

            /// Every id there is.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The subject of the check.
            pub(super) fn title(self) -> &'static str {
                match self.0 {
                    $($text => $title,)*
                    _ => "",
                }
            }

            /// Why it matters, in one sentence.
            pub(super) fn why(self) -> &'static str {
                match self.0 {
                    $($text => $why,)*
                    _ => "",
                }
            }
        }
    };
}

ids! {
    CONFIG = "PD101", "the config file", "A server does not start with a config that has problems.";
    ZONES = "PD102", "hosted zones", "Only names in hosted zones get private addresses.";
    GEOS = "PD103", "geo codes", "While geos is not pinned and no list was read, every name below privatelink.<geo>.backup is SERVFAIL.";
    TARGETS = "PD104", "allowed_targets", "Addresses outside of the subnets with endpoints are typing errors, and allowed_targets is what finds them.";
    ACCESS = "PD105", "clients that may ask", "Clients outside [access] are refused, and a server that is open to all can be used to attack others.";
    SOURCES = "PD106", "sources of lists", "Records come from lists; without a list that is found there are none.";
    LISTEN = "PD107", "listen addresses", "Other machines cannot reach a loopback address.";
    EXPOSED = "PD108", "rights on config and secrets", "Whoever writes the config decides where backups go, and whoever reads its secrets can act as this server.";
    PEERS = "PD109", "servers that may have zones", "A peer that is refused, or may not have what it needs, serves old answers or none.";
    CERTIFICATES = "PD110", "certificates", "A client that encrypts refuses a server whose certificate has expired.";

    PORT = "PD201", "the listen port", "One process at a time can have an address and port.";
    BIND = "PD202", "the right to listen", "Ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE.";
    FILES = "PD203", "the limit of open files", "Each TCP connection of a client needs an open file.";
    TIMESTAMPS = "PD204", "TCP time stamps", "Microsoft documents that probes of Azure's load balancer can fail with TCP time stamps.";
    CLOCK = "PD205", "the clock", "Tokens of Azure and the guard depend on the time.";
    RESOLV_CONF = "PD206", "the machine's own resolver", "A server that forwards to itself answers nothing but its own zones.";
    FOLDERS = "PD207", "zone_dir and state_dir", "The sync cannot publish a record that it cannot write.";
    DISK = "PD208", "room on the disk", "A full disk keeps new records out of service.";
    RUNNING = "PD209", "the running server", "What the server itself knows is asked at its control socket.";
    IN_SERVICE = "PD210", "the config in service", "A change of the config has no effect before the server has taken it.";
    VERSION = "PD211", "the version in service", "After an update the old version runs until the server is restarted.";
    VERDICT = "PD212", "the server's own verdict", "The server knows what is wrong with it.";
    ADDRESSES = "PD213", "the listen addresses", "A query reaches the server only at an address that the machine has.";

    UPSTREAM_UDP = "PD301", "upstreams over UDP", "Every name that no hosted zone has is asked upstream.";
    UPSTREAM_TCP = "PD302", "upstreams over TCP", "Answers that are too long for a datagram come over TCP.";
    UPSTREAM_SPEED = "PD303", "the speed of upstreams", "Clients give up after a few seconds.";
    AZURE_RESOLVER = "PD304", "Azure's resolver", "168.63.129.16 is there for machines in Azure alone.";
    LOOP = "PD305", "upstreams that lead back here", "A question that comes back to this server has no answer.";
    CHAINS = "PD306", "public chains of listed accounts", "Public DNS leads a storage account to its private name only while a private endpoint of it is approved.";
    ENTRA = "PD307", "names of Entra and ARM", "Entra has no private endpoint: with a private address nobody can sign in.";
    THROUGH = "PD308", "resolvers that forward to this server", "Clients whose resolver forwards elsewhere, or drops private addresses, get the public address or none.";

    LISTS = "PD401", "problems of lists", "A list with an error is not taken: its last good contents stay in service.";
    AGE = "PD402", "the age of lists", "A list that nobody refreshes lacks the names that Azure has added since.";
    CONFLICTS = "PD403", "lists that disagree", "What is in service stays until one list has the name.";
    VAULT = "PD404", "names of each vault", "An agent that lacks one name of its vault fails, or goes to the public address.";
    ECS = "PD405", "accounts of the communication channel", "Each account with 'ecs' in its name needs a blob and a queue record; without one of them discovery and registration fail.";
    PROT = "PD406", "accounts with backup data", "Azure creates the account after the first backup has begun: the first backup fails until its record appears.";
    SUBNETS = "PD407", "subnets of each vault", "The addresses of one endpoint are in one subnet, so another one is a typing error.";
    TWICE = "PD408", "addresses with two names", "Each name of an endpoint has an address of its own.";
    UNLISTED = "PD409", "records that no list has", "Clients go to an address that may belong to somebody else by now.";
    HELD = "PD410", "changes that wait for consent", "Clients get what was there before until a person decides.";

    SERVED_UDP = "PD501", "listed records over UDP", "This is what clients ask.";
    SERVED_TCP = "PD502", "listed records over TCP", "Clients and resolvers ask over TCP when a datagram was truncated or lost.";
    EXCLUDED = "PD503", "the right to ask", "A client outside [access] is refused.";
    PUBLIC_NAMES = "PD504", "public names of listed accounts", "Agents ask for the public name of an account, never for its private one.";

    REACH = "PD601", "TCP 443 of listed addresses", "Right names are of no use if a route, a firewall or a network security group is in the way.";

    CLIENTS = "PD701", "commands for a client", "Only the client itself knows which server it asks.";
}

impl Id {
    /// The id as text.
    #[cfg(test)]
    pub(super) fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read_all(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_all(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn every_check_is_used_documented_and_has_a_scripted_case() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(root.join("docs/doctor.md")).unwrap();
        let (mut source, mut cases) = (String::new(), String::new());
        read_all(&root.join("src/cli/doctor"), &mut source);
        read_all(&root.join("src/cli/doctor/tests"), &mut cases);
        for entry in std::fs::read_dir(root.join("tests/it")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("doctor") && path.is_file() {
                cases.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
        for id in Id::ALL {
            let row = format!("| `{id}` | {} | {} |", id.title(), id.why());
            assert!(page.contains(&row), "docs/doctor.md lacks the line\n{row}");
            assert!(cases.contains(&format!("\"{id}\"")), "{id} has no scripted case");
            assert!(source.matches(&format!("\"{id}\"")).count() > 0, "{id}");
        }
    }

    #[test]
    fn every_id_is_there_once_and_says_why_it_matters() {
        let mut seen = std::collections::BTreeSet::new();
        for id in Id::ALL {
            assert!(id.as_str().len() == 5 && id.as_str().starts_with("PD"), "{id}");
            assert!(seen.insert(id), "{id} is there twice");
            assert!(!id.title().is_empty() && id.why().ends_with('.'), "{id}");
        }
    }
}
