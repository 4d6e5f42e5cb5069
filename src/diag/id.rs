//! The registry of all kinds of diagnostics. An id never changes its meaning; programs and operators filter by it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kind of a [`super::Diagnostic`]: a word in kebab case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(&'static str);

macro_rules! ids {
    ($(#[doc = $meaning:literal] $name:ident = $text:literal;)*) => {
        impl Id {
            $(#[doc = $meaning] pub const $name: Self = Self($text);)*

            /// Every id there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The meaning of an id, in a sentence for people.
            pub fn meaning(self) -> &'static str {
                match self.0 {
                    $($text => $meaning.trim_ascii_start(),)*
                    _ => "",
                }
            }
        }
    };
}

ids! {
    /// The list cannot be read from the disk.
    LIST_UNREADABLE = "list-unreadable";
    /// The list is not UTF-8, nor UTF-16 with a byte order mark; it is refused, or read where that cannot matter.
    LIST_ENCODING = "list-encoding";
    /// The JSON, YAML, TOML or zone file of the list does not parse.
    LIST_SYNTAX = "list-syntax";
    /// The list, or one line or object of it, holds more than it may.
    LIST_TOO_LARGE = "list-too-large";
    /// A tool cut the output off before it became a list.
    LIST_CUT_OFF = "list-cut-off";
    /// A text stands where an IP address belongs.
    LIST_BAD_ADDRESS = "list-bad-address";
    /// A name has no address.
    LIST_NO_ADDRESS = "list-no-address";
    /// An address has no full host name.
    LIST_NO_NAME = "list-no-name";
    /// A line has several addresses or zones, and does not say which belongs to which name.
    LIST_AMBIGUOUS = "list-ambiguous";
    /// A name looks like one of ours and cannot be a record.
    LIST_BAD_NAME = "list-bad-name";
    /// The list names no endpoint.
    LIST_EMPTY = "list-empty";
    /// A later line of the same list gives other addresses to a name.
    LIST_SUPERSEDED = "list-superseded";
    /// A part of the list does not look complete; what is in service of it stays.
    LIST_INCOMPLETE = "list-incomplete";
    /// The connection of an endpoint is not approved; its names are not published.
    LIST_NOT_CONNECTED = "list-not-connected";
    /// The provisioning of an endpoint failed or was canceled; its names are published.
    LIST_PROVISIONING = "list-provisioning";
    /// A name of ours stands where the list gives it no address.
    LIST_NAME_ALONE = "list-name-alone";
    /// The text is the output of another tool or a file of another kind, which is no list.
    LIST_FOREIGN = "list-foreign";
    /// No copy of a good list could be kept in `state_dir`.
    LIST_NOT_KEPT = "list-not-kept";
    /// A name belongs to no hosted zone and is ignored.
    NAME_NOT_HOSTED = "name-not-hosted";
    /// A name belongs to another cloud than the config says.
    NAME_OTHER_CLOUD = "name-other-cloud";
    /// A geo code is not known; its zone waits for consent.
    GEO_UNKNOWN = "geo-unknown";
    /// The name of a region stands where its geo code belongs.
    GEO_REGION_NAME = "geo-region-name";
    /// An address is outside `allowed_targets`.
    TARGET_NOT_ALLOWED = "target-not-allowed";
    /// The path of a source names no file, or too many.
    SOURCE_NO_FILES = "source-no-files";
    /// A source did not answer within `pass_deadline`.
    SOURCE_LATE = "source-late";
    /// Reading a source failed inside the server.
    SOURCE_BROKE_OFF = "source-broke-off";
    /// The last good lists of a source stand in for what it does not give.
    SOURCE_STANDS_IN = "source-stands-in";
    /// A source gives nothing, and never did.
    SOURCE_SILENT = "source-silent";
    /// A live source has no token: nobody may ask Azure for it.
    AZURE_NO_TOKEN = "azure-no-token";
    /// The identity may not read a scope, or one right is missing.
    AZURE_FORBIDDEN = "azure-forbidden";
    /// Azure does not answer, or a proxy or network is in the way.
    AZURE_UNREACHABLE = "azure-unreachable";
    /// Azure asked for fewer requests.
    AZURE_THROTTLED = "azure-throttled";
    /// Azure's answer is no whole collection.
    AZURE_BAD_ANSWER = "azure-bad-answer";
    /// A scope does not exist, or not for this identity.
    AZURE_NO_SCOPE = "azure-no-scope";
    /// A scope is empty and was not before; its list stays.
    AZURE_EMPTY = "azure-empty";
    /// The interface of an endpoint and the endpoint itself name different records.
    AZURE_DIFFERS = "azure-differs";
    /// The list of a scope, or the report of a read, cannot be written.
    AZURE_NOT_KEPT = "azure-not-kept";
    /// A live source has not been read yet.
    AZURE_UNREAD = "azure-unread";
    /// `check --online`: a live source has every right that it needs.
    AZURE_READABLE = "azure-readable";
    /// Lists give different addresses to a name; what is in service stays.
    SOURCES_DISAGREE = "sources-disagree";
    /// `state_dir` cannot be read or written.
    STATE_FAILED = "state-failed";
    /// What freezes the sync cannot be read, or a zone file that is gone is not written anew while it is frozen.
    FROZEN = "frozen";
    /// The last change cannot be undone.
    UNDO_REFUSED = "undo-refused";
    /// The changes of a pass could not be appended to the journal, or cannot be read from it.
    JOURNAL_FAILED = "journal-failed";
    /// The base that the guard compares with cannot be read or written.
    GUARD_BASE_FAILED = "guard-base-failed";
    /// A zone file was not written by sync and is never changed.
    GUARD_HAND_WRITTEN = "guard-hand-written";
    /// A zone file does not load, so sync does not replace it.
    GUARD_UNREADABLE = "guard-unreadable";
    /// A zone file holds records that no list can hold.
    GUARD_FOREIGN = "guard-foreign";
    /// A zone would become empty.
    GUARD_EMPTY = "guard-empty";
    /// More of a zone would change or go than `max_removed` allows.
    GUARD_SHARE = "guard-share";
    /// More would come to a zone within `guard_window` than a zone grows.
    GUARD_GROWTH = "guard-growth";
    /// Records would go because a list is empty.
    GUARD_EMPTY_LIST = "guard-empty-list";
    /// Another process writes into `zone_dir`.
    ZONE_DIR_BUSY = "zone-dir-busy";
    /// The folder of the zone files cannot be read.
    ZONE_DIR_UNREADABLE = "zone-dir-unreadable";
    /// A zone file changed after the plan was made.
    ZONE_CHANGED = "zone-changed";
    /// A zone file cannot be written.
    ZONE_UNWRITABLE = "zone-unwritable";
    /// A zone file cannot be read.
    ZONE_UNREADABLE = "zone-unreadable";
    /// Zones have no good copy, so their names are SERVFAIL.
    ZONES_NOT_SERVED = "zones-not-served";
    /// The file of a zone that `[feed]` names is none that the server made; it is never written.
    ZONE_NOT_DERIVED = "zone-not-derived";
    /// A file that `[feed]` made is of no use: `[feed]` does not name its zone.
    ZONE_STRAY_DERIVED = "zone-stray-derived";
    /// A view's file has records at the apex, which no client sees.
    ZONE_APEX_HIDDEN = "zone-apex-hidden";
    /// The clients of a view are not in `[access]`.
    VIEW_OUTSIDE_ACCESS = "view-outside-access";
    /// A feed or catalog cannot be made, or not written.
    FEED_FAILED = "feed-failed";
    /// Records of the zones in service are not in the feed, because it cannot hold them.
    FEED_LEFT_OUT = "feed-left-out";
    /// A line of a zone file does not parse.
    ZONE_SYNTAX = "zone-syntax";
    /// A parenthesis or quote of a zone file is never closed.
    ZONE_UNCLOSED = "zone-unclosed";
    /// A zone file includes another one.
    ZONE_INCLUDE = "zone-include";
    /// A record is of another class than IN.
    ZONE_CLASS = "zone-class";
    /// A record lies outside the zone of its file.
    ZONE_OUT_OF_ZONE = "zone-out-of-zone";
    /// Records of this type cannot be served from a zone.
    ZONE_UNSUPPORTED_TYPE = "zone-unsupported-type";
    /// A zone file, or an RRset in it, holds more than it may.
    ZONE_TOO_LARGE = "zone-too-large";
    /// A record stands twice in a zone file.
    ZONE_DUPLICATE = "zone-duplicate";
    /// A zone has no SOA record.
    ZONE_NO_SOA = "zone-no-soa";
    /// An SOA record stands below the apex.
    ZONE_SOA_BELOW_APEX = "zone-soa-below-apex";
    /// A zone has more than one SOA record.
    ZONE_SECOND_SOA = "zone-second-soa";
    /// A zone has no NS record.
    ZONE_NO_NS = "zone-no-ns";
    /// A TTL is above 2147483647 (RFC 2181 section 8).
    ZONE_BAD_TTL = "zone-bad-ttl";
    /// A CNAME has other records beside it (RFC 1034 section 3.6.2).
    ZONE_CNAME_OTHER_DATA = "zone-cname-other-data";
    /// A DNAME has records beside it that it excludes (RFC 6672 section 2.4).
    ZONE_DNAME_OTHER_DATA = "zone-dname-other-data";
    /// A name has more than one CNAME or DNAME.
    ZONE_SECOND_ALIAS = "zone-second-alias";
    /// A record lies below a DNAME (RFC 6672 section 2.4).
    ZONE_BELOW_DNAME = "zone-below-dname";
    /// A wildcard owns NS or DNAME records (RFC 4592 section 4).
    ZONE_WILDCARD_CUT = "zone-wildcard-cut";
    /// An RRset does not fit into a message.
    ZONE_LARGE_RRSET = "zone-large-rrset";
    /// The records of one RRset have different TTLs (RFC 2181 section 5.2).
    ZONE_TTL_DIFFERS = "zone-ttl-differs";
    /// An NS record names an alias (RFC 2181 section 10.3).
    ZONE_NS_ALIAS = "zone-ns-alias";
    /// An NS record names a host of the zone that has no address.
    ZONE_NS_NO_ADDRESS = "zone-ns-no-address";
    /// A zone took an earlier serial than it had.
    ZONE_SERIAL_BACK = "zone-serial-back";
    /// A zone has other records and the serial that it had.
    ZONE_SERIAL_SAME = "zone-serial-same";
    /// The config cannot be read.
    CONFIG_UNREADABLE = "config-unreadable";
    /// Other users may write the config, or read its secrets.
    CONFIG_EXPOSED = "config-exposed";
    /// The secret of a key cannot be had.
    KEY_UNREADABLE = "key-unreadable";
    /// A peer is outside `[access]`.
    PEER_OUTSIDE_ACCESS = "peer-outside-access";
    /// A peer without a key is a client of a view, and gets the zones of everybody.
    PEER_IN_VIEW = "peer-in-view";
    /// The zones of a peer are hardly what is meant.
    PEER_ZONES = "peer-zones";
    /// Two peers cannot be told from each other.
    PEER_TWICE = "peer-twice";
    /// The config is not TOML.
    CONFIG_SYNTAX = "config-syntax";
    /// A key is not known.
    CONFIG_UNKNOWN_KEY = "config-unknown-key";
    /// A value is not what its key takes.
    CONFIG_BAD_VALUE = "config-bad-value";
    /// A key is missing.
    CONFIG_MISSING_KEY = "config-missing-key";
    /// Something stands in the config twice.
    CONFIG_TWICE = "config-twice";
    /// No zone is hosted.
    CONFIG_NO_ZONE = "config-no-zone";
    /// The geo codes are learnt from lists; until then the zones of all of them are SERVFAIL.
    CONFIG_GEOS_OPEN = "config-geos-open";
    /// A certificate, its key or the roots for clients cannot be used; what was in use stays.
    CERTIFICATE_UNUSABLE = "certificate-unusable";
    /// A certificate has expired.
    CERTIFICATE_INVALID = "certificate-invalid";
    /// A certificate is not valid yet.
    CERTIFICATE_NOT_YET_VALID = "certificate-not-yet-valid";
    /// A certificate expires soon, and was not renewed.
    CERTIFICATE_EXPIRES = "certificate-expires";
    /// A certificate is not for a name or an address that clients look for in it, or nobody knows whether it is.
    CERTIFICATE_LACKS_NAME = "certificate-lacks-name";
    /// An upstream is a known misprint.
    CONFIG_MISPRINT = "config-misprint";
    /// A changed config would end what is in service, or demand less of clients, which waits for a person.
    CONFIG_LOSS = "config-loss";
    /// The upstreams of a changed config cannot be used.
    CONFIG_UPSTREAMS = "config-upstreams";
    /// An entry of `upstreams` names no server now.
    UPSTREAM_ABSENT = "upstream-absent";
    /// A changed key takes effect at the next start.
    RESTART_NEEDED = "restart-needed";
    /// A task of the server ended without a result, which is a bug.
    TASK_BROKE_OFF = "task-broke-off";
    /// Reading or writing zones takes very long.
    DISK_SLOW = "disk-slow";
    /// The service manager cannot be told how the server is.
    MANAGER_UNREACHABLE = "manager-unreachable";
    /// The system denies a lower priority to the threads that work in the background.
    PRIORITY_DENIED = "priority-denied";
    /// A folder cannot be watched for changes.
    FOLDER_UNWATCHED = "folder-unwatched";
    /// The control socket cannot be opened.
    CONTROL_FAILED = "control-failed";
    /// The admin or the probe listener cannot be opened.
    ADMIN_FAILED = "admin-failed";
    /// The service manager cannot keep the sockets over a restart.
    SOCKETS_NOT_KEPT = "sockets-not-kept";
    /// An address that the server listens on is none of this machine.
    ADDRESS_ABSENT = "address-absent";
    /// The peer on the control socket has no right to what it asked for.
    CONTROL_DENIED = "control-denied";
    /// A request on the control socket makes no sense.
    CONTROL_BAD_REQUEST = "control-bad-request";
    /// The server is stopping and takes no more requests.
    SERVER_STOPPING = "server-stopping";
    /// The server does as much of this at a time as it may; ask again.
    SERVER_BUSY = "server-busy";
    /// A count of further diagnostics, which are not shown.
    MORE = "more";
    /// An id that this version does not know.
    OTHER = "other";
}

impl Id {
    /// The id as text.
    pub fn as_str(self) -> &'static str {
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

impl<'de> Deserialize<'de> for Id {
    /// A server of a later version may know more ids.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::ALL.iter().copied().find(|id| id.0 == text).unwrap_or(Self::OTHER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_id_is_listed_once_in_kebab_case_with_its_meaning() {
        let mut seen = std::collections::BTreeSet::new();
        for id in Id::ALL {
            let words: Vec<&str> = id.as_str().split('-').collect();
            assert!(words.iter().all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())));
            assert!(seen.insert(id), "{id} is listed twice");
            assert!(id.meaning().ends_with('.'), "{id}");
        }
    }

    #[test]
    fn every_id_is_used_and_documented() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut source = String::new();
        read_all(&root.join("src"), &mut source);
        let page = std::fs::read_to_string(root.join("docs/status-json.md")).unwrap();
        for id in Id::ALL {
            let name = id.as_str().replace('-', "_").to_uppercase();
            assert!(source.contains(&format!("Id::{name}")) || *id == Id::OTHER, "{name} is used nowhere");
            let row = format!("| `{id}` | {} |", id.meaning().trim_end_matches('.'));
            assert!(page.contains(&row), "docs/status-json.md lacks the line\n{row}");
        }
    }

    fn read_all(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_all(&path, text);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
}
