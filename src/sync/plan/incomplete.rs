//! Records that stay because the list that had them does not look complete.
//!
//! Input: the lists with gaps, and the provenance of the records in service. Output: the records that no list gives now
//! and that may be what an incomplete list lacks, and a warning that names them. They are no removals: the guard does
//! not see them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::change::difference;
use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::dns::Name;
use crate::sync::desired::IncompleteList;
use crate::sync::records::{Places, Records};
use crate::sync::source::Gap;
use crate::sync::state::provenance::{Listed, ZoneProvenance, endpoint_key};

/// Names that a warning shows.
const SHOWN: usize = 3;

/// The lists with gaps, and what stays for want of them.
pub(super) struct Incomplete {
    /// By source: lists are few, and of most records one source alone is asked.
    by_source: BTreeMap<Arc<str>, Vec<ListGaps>>,
    places: Places,
}

struct ListGaps {
    file: Arc<str>,
    lacks_anything: bool,
    endpoints: BTreeSet<String>,
    /// Owner and zone.
    records: BTreeSet<Box<str>>,
    stays: Stays,
}

#[derive(Default)]
struct Stays {
    count: usize,
    first: Vec<String>,
}

impl Incomplete {
    /// None so far.
    pub(super) fn of(places: &Places) -> Self {
        Self { by_source: BTreeMap::new(), places: places.clone() }
    }

    pub(super) fn add(&mut self, list: IncompleteList) {
        let mut gaps = ListGaps::of(list.file);
        list.gaps.into_iter().for_each(|gap| gaps.add(gap));
        self.by_source.entry(list.source).or_default().push(gaps);
    }

    /// Keeps the RRsets that no list gives and that one of these may lack; their owners.
    pub(super) fn keep(
        &mut self,
        apex: &Name,
        before: &Records,
        after: &mut Records,
        provenance: &ZoneProvenance,
    ) -> BTreeSet<String> {
        let mut owners = BTreeSet::new();
        if self.by_source.is_empty() {
            return owners;
        }
        let mut kept = Vec::new();
        for span in difference(before, after).0.into_iter().filter(|span| span.is_removal()) {
            let range = span.before();
            let Some(first) = before.get(range.start) else { continue };
            let name = format!("{}.{}", first.owner, apex.without_dot());
            let Some(gaps) = self.that_may_lack(&name, provenance.of(first.owner, first.rtype())) else { continue };
            gaps.stays.add(name);
            owners.insert(first.owner.to_owned());
            kept.push(range);
        }
        for record in kept.iter().cloned().flatten().filter_map(|index| before.get(index)) {
            after.push(record.owner, record.address, None);
        }
        if !kept.is_empty() {
            after.finish();
        }
        owners
    }

    /// The list that may lack a record. One of which nothing is remembered may have been in any.
    fn that_may_lack(&mut self, name: &str, listed: Option<&Listed>) -> Option<&mut ListGaps> {
        let Some(listed) = listed else {
            return self.by_source.values_mut().flatten().find(|list| list.may_lack(name, None));
        };
        let lists = self.by_source.get_mut(&listed.source)?;
        // The file of yesterday's export may have had another name.
        let is_renamed = !self.places.has_list(&listed.source, &listed.file);
        lists.iter_mut().find(|list| (is_renamed || list.file == listed.file) && list.may_lack(name, Some(listed)))
    }

    /// A warning for each list for want of which something stays.
    pub(super) fn warnings(self) -> Diagnostics {
        let mut warnings = Diagnostics::default();
        for (source, lists) in self.by_source {
            for list in lists.iter().filter(|list| list.stays.count > 0) {
                let place = Place::line(&list.file, None);
                warnings
                    .warning(|| Diagnostic::warning(Id::LIST_INCOMPLETE, place, list.stays.text()).of_source(&source));
            }
        }
        warnings
    }
}

impl ListGaps {
    fn of(file: Arc<str>) -> Self {
        let (endpoints, records) = (BTreeSet::new(), BTreeSet::new());
        Self { file, lacks_anything: false, endpoints, records, stays: Stays::default() }
    }

    fn add(&mut self, gap: Gap) {
        match gap {
            Gap::Endpoint(name) => drop(self.endpoints.insert(endpoint_key(&name))),
            Gap::Record(name) => drop(self.records.insert(name)),
            Gap::Anything => self.lacks_anything = true,
        }
    }

    /// True if a record may be missing here. One whose endpoint is not remembered may be of any.
    fn may_lack(&self, name: &str, listed: Option<&Listed>) -> bool {
        let endpoint = listed.and_then(|listed| listed.endpoint.as_ref());
        let is_of_gap = match endpoint {
            Some(endpoint) => self.endpoints.contains(&**endpoint),
            None => !self.endpoints.is_empty(),
        };
        self.lacks_anything || is_of_gap || self.records.contains(name)
    }
}

impl Stays {
    fn add(&mut self, name: String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(name);
        }
    }

    fn text(&self) -> String {
        let names: Vec<String> = self.first.iter().map(|name| format!("'{name}'")).collect();
        let more = match self.count - self.first.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let stay = if self.count == 1 { "record stays" } else { "records stay" };
        format!(
            "{} {stay} in service although this list no longer has them, as it does not look complete: {}{more}; complete \
             the list to change or remove them",
            self.count,
            names.join(", ")
        )
    }
}
