//! The place where each record in service is listed: source, file, line.
//!
//! Input: the records of a zone with their origins, when the zone is written or its lists have moved. Output: the same
//! after a restart. It is text with a line for each RRset, so that a person finds it with `grep` too.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{State, StateError, of_zone};
use crate::diag::{Place, printable};
use crate::dns::Rtype;
use crate::sync::records::{Origin, Places, Records};
use crate::zone::ZoneId;

const PART: &str = "provenance";

const HEADER: &str = "privatelink-dns provenance 2: owner, type, line, source, endpoint, file";

/// The start of a file with endpoints, which version 1 had not.
const WITH_ENDPOINTS: &str = "privatelink-dns provenance 2:";

/// In place of an endpoint that the list does not name.
const NO_ENDPOINT: &str = "-";

/// Characters of an endpoint that are compared: the names of Azure have at most 80.
const MAX_ENDPOINT: usize = 200;

/// Octets that are read: 2,000,000 records, the most that lists may have, take less.
const MAX_BYTES: u64 = 1 << 30;

/// The line that lists an RRset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The source's name in the config.
    pub source: Arc<str>,
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// From 1; `None` where it is not known.
    pub line: Option<u32>,
    /// The [`endpoint_key`] of its private endpoint; `None` where the list named none, or nothing is remembered of it.
    pub endpoint: Option<Arc<str>>,
}

/// The text by which an endpoint is known again: its name alone, since one export has its id and the next one does not,
/// in lower case, since Azure's tools do not agree on that either.
pub(in crate::sync) fn endpoint_key(endpoint: &str) -> String {
    let name = endpoint.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let short: String = name.chars().take(MAX_ENDPOINT).collect();
    printable(&short.to_lowercase()).into_owned()
}

impl std::fmt::Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.source, self.place())
    }
}

impl Listed {
    /// The line of the list.
    pub fn place(&self) -> Place {
        Place::line(&self.file, self.line)
    }
}

/// The lines that list the RRsets of one zone, by owner relative to the apex and by type, true for AAAA.
#[derive(Clone, Debug, Default)]
pub struct ZoneProvenance(HashMap<(Box<str>, bool), Listed>);

impl ZoneProvenance {
    /// The line that lists an RRset, as far as it is remembered.
    pub fn of(&self, owner: &str, rtype: Rtype) -> Option<&Listed> {
        self.0.get(&(owner.into(), rtype == Rtype::AAAA))
    }

    pub(in crate::sync) fn parse(text: &str) -> Self {
        let mut texts: HashMap<&str, Arc<str>> = HashMap::new();
        let mut shared = |text| Arc::clone(texts.entry(text).or_insert_with_key(|text| (*text).into()));
        let mut all = HashMap::new();
        let has_endpoints = text.starts_with(WITH_ENDPOINTS);
        for line in text.lines().skip(1) {
            let mut fields = line.splitn(5 + usize::from(has_endpoints), '\t');
            let (Some(owner), Some(rtype), Some(line), Some(source)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let endpoint = if has_endpoints { fields.next() } else { None }.filter(|name| *name != NO_ENDPOINT);
            let Some(file) = fields.next() else { continue };
            let listed = Listed {
                source: shared(source),
                file: shared(file),
                line: line.parse().ok().filter(|line| *line > 0),
                endpoint: endpoint.map(&mut shared),
            };
            all.insert((owner.into(), rtype == "AAAA"), listed);
        }
        Self(all)
    }
}

impl State {
    /// The lines that list the records of a zone; empty where they are not remembered.
    pub fn provenance(&self, zone: &ZoneId) -> ZoneProvenance {
        let text = self.read(PART, &of_zone(zone), MAX_BYTES).ok().flatten().unwrap_or_default();
        ZoneProvenance::parse(&String::from_utf8_lossy(&text))
    }

    /// The line that lists one RRset; `None` where it is not remembered. This looks for one line of the text alone.
    pub fn listed(&self, zone: &ZoneId, owner: &str, rtype: Rtype) -> Option<Listed> {
        let text = self.read(PART, &of_zone(zone), MAX_BYTES).ok().flatten()?;
        let start = format!("\n{owner}\t{rtype}\t");
        let at = memchr::memmem::find(&text, start.as_bytes())? + 1;
        let head = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = text[at..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let both = format!("{}\n{}\n", String::from_utf8_lossy(head), String::from_utf8_lossy(line));
        ZoneProvenance::parse(&both).of(owner, rtype).cloned()
    }

    /// Remembers where the records of a zone are listed. A record that stays although no list has it, because its list
    /// is away or the guard holds its end, keeps what was remembered of it.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn remember_provenance(&self, zone: &ZoneId, after: &Records, places: &Places) -> Result<(), StateError> {
        let name = of_zone(zone);
        let old = self.read(PART, &name, MAX_BYTES)?.unwrap_or_default();
        let has_all = after.iter().all(|record| record.origin.is_some());
        let known =
            if has_all { ZoneProvenance::default() } else { ZoneProvenance::parse(&String::from_utf8_lossy(&old)) };
        let text = render(after, places, &known);
        if text.as_bytes() == old { Ok(()) } else { self.write_soon(PART, &name, text.as_bytes()) }
    }
}

fn render(records: &Records, places: &Places, known: &ZoneProvenance) -> String {
    let mut text = String::with_capacity(HEADER.len() + records.len() * 64);
    text.push_str(HEADER);
    text.push('\n');
    let mut last = None;
    let mut keys = EndpointKeys::default();
    for record in records.iter() {
        let key = (record.owner, record.rtype());
        if last == Some(key) {
            continue;
        }
        last = Some(key);
        let (owner, rtype) = key;
        // Writing to a String cannot fail.
        let _ = match (record.origin, known.of(owner, rtype)) {
            (Some(origin), _) => {
                let (source, file, endpoint) = (places.source(origin), places.file(origin), keys.of(origin, places));
                writeln!(text, "{owner}\t{rtype}\t{}\t{source}\t{endpoint}\t{file}", origin.line)
            }
            (None, Some(Listed { source, file, line, endpoint })) => {
                let endpoint = endpoint.as_deref().unwrap_or(NO_ENDPOINT);
                writeln!(text, "{owner}\t{rtype}\t{}\t{source}\t{endpoint}\t{file}", line.unwrap_or_default())
            }
            (None, None) => Ok(()),
        };
    }
    text
}

/// The keys of endpoints, each made once: most records of a zone share a few.
#[derive(Default)]
struct EndpointKeys(HashMap<(u32, u32), String>);

impl EndpointKeys {
    fn of(&mut self, origin: Origin, places: &Places) -> &str {
        let key = || places.endpoint(origin).map_or_else(|| NO_ENDPOINT.to_owned(), endpoint_key);
        self.0.entry((origin.listing, origin.endpoint)).or_insert_with(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_text_is_read_again() {
        let text = format!(
            "{HEADER}\nacct\tA\t12\tvault-we\tpe-1\t/lists/a b.txt\nacct\tAAAA\t13\tvault-we\t-\t/lists/a b.txt\nbad\n"
        );
        let provenance = ZoneProvenance::parse(&text);
        let listed = provenance.of("acct", Rtype::A).unwrap();
        assert_eq!(
            (listed.to_string().as_str(), listed.endpoint.as_deref()),
            ("vault-we (/lists/a b.txt:12)", Some("pe-1"))
        );
        assert_eq!(provenance.of("acct", Rtype::AAAA).unwrap().line, Some(13));
        assert_eq!(provenance.of("acct", Rtype::AAAA).unwrap().endpoint, None);
        assert_eq!(provenance.of("bad", Rtype::A), None);
    }

    #[test]
    fn a_text_of_the_version_before_is_read_without_endpoints() {
        let head = "privatelink-dns provenance 1: owner, type, line, source, file";
        let text = format!("{head}\nacct\tA\t12\tvault-we\t/lists/a.txt\n");
        let provenance = ZoneProvenance::parse(&text);
        let listed = provenance.of("acct", Rtype::A).unwrap();
        assert_eq!((listed.to_string().as_str(), listed.endpoint.as_deref()), ("vault-we (/lists/a.txt:12)", None));
    }

    #[test]
    fn one_line_is_found_among_many() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path().to_owned());
        let apex: ZoneId = "privatelink.blob.core.windows.net".parse().unwrap();
        let text = format!("{HEADER}\nxacct\tA\t1\ts\t-\t/a\nacct\tAAAA\t2\ts\t-\t/a\nacct\tA\t3\ts\tpe\t/a\n");
        state.write(PART, &of_zone(&apex), text.as_bytes()).unwrap();
        let line = |owner, rtype| state.listed(&apex, owner, rtype).and_then(|listed| listed.line);
        assert_eq!(line("acct", Rtype::A), Some(3));
        assert_eq!(line("acct", Rtype::AAAA), Some(2));
        assert_eq!(line("acc", Rtype::A), None);
    }

    #[test]
    fn an_endpoint_is_the_same_by_its_name_and_by_its_id() {
        let id = "/subscriptions/1/resourceGroups/RG/providers/Microsoft.Network/privateEndpoints/PE-1/";
        assert_eq!(endpoint_key(id), endpoint_key(" pe-1"));
        assert!(!endpoint_key("a\tb\nc").contains(['\t', '\n']));
        assert_eq!(endpoint_key(&"x".repeat(1_000_000)).len(), MAX_ENDPOINT);
    }
}
