//! The hosted zones side by side, found by longest match.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use foldhash::fast::RandomState;

use super::history::History;
use super::{Outcome, ViewName, Zone};
use crate::dns::{CanonicalName, Name, Rtype, labels};

/// The action for a name that a zone does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnMiss {
    /// Ask upstream: another tenant's account has a public answer.
    Forward,
    /// NXDOMAIN with our SOA.
    #[default]
    NxDomain,
}

impl fmt::Display for OnMiss {
    /// The word for it in the config.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::NxDomain => "nxdomain",
        })
    }
}

/// One hosted zone and its state.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// The apex.
    pub apex: Name,
    /// The action for names it lacks.
    pub on_miss: OnMiss,
    /// Its data; `None` while no good copy has been read: then the answer is SERVFAIL, never NXDOMAIN.
    pub zone: Option<Arc<Zone>>,
    /// Questions so far for names it lacks; it goes on counting when the data change.
    pub misses: Arc<AtomicU64>,
    /// The versions before, for secondaries.
    pub(crate) history: Arc<History>,
}

impl Hosted {
    /// A zone without misses so far.
    pub fn new(apex: Name, on_miss: OnMiss, zone: Option<Arc<Zone>>) -> Self {
        Self { apex, on_miss, zone, misses: Arc::default(), history: Arc::default() }
    }

    /// Whether a name with this outcome is asked upstream. Only a name that does not exist is: not NODATA, an empty
    /// non-terminal or a wildcard.
    pub fn leaves_to_upstream(&self, outcome: &Outcome<'_>) -> bool {
        self.on_miss == OnMiss::Forward && matches!(outcome, Outcome::NxDomain)
    }
}

/// All hosted zones: an immutable value that a query takes once and uses to its end.
#[derive(Clone, Default)]
pub struct ZoneSet {
    by_apex: HashMap<Box<[u8]>, Hosted, RandomState>,
    /// Those that know further public names.
    aliased: Box<[Arc<Zone>]>,
    /// The longest apex, in octets of wire format: longer suffixes need no look.
    longest: usize,
    /// Zones for secondaries alone, by apex: no name in them is answered, and none of them is found for a name.
    derived: BTreeMap<Name, Hosted>,
    /// Answers for all zones `privatelink.<geo>.<suffix>` while their geo codes are not known; its apex is the
    /// suffix.
    unread: Option<Box<Hosted>>,
    /// The same zones as the clients of each view see them.
    pub(super) views: BTreeMap<ViewName, ViewZones>,
}

/// The zones of one view.
#[derive(Clone)]
pub(super) struct ViewZones {
    /// What its clients see.
    pub(super) zones: Arc<ZoneSet>,
    /// Its own part of each zone, in the order of the apexes.
    pub(super) parts: Vec<Hosted>,
}

impl ZoneSet {
    /// A set of these zones; of two with one apex the later one stays.
    pub fn new(zones: impl IntoIterator<Item = Hosted>) -> Self {
        let by_apex: HashMap<Box<[u8]>, Hosted, RandomState> =
            zones.into_iter().map(|hosted| (hosted.apex.as_wire().into(), hosted)).collect();
        let longest = by_apex.keys().map(|apex| apex.len()).max().unwrap_or(0);
        let has_aliases = |zone: &&Arc<Zone>| zone.aliases().next().is_some();
        let aliased = by_apex.values().filter_map(|hosted| hosted.zone.as_ref()).filter(has_aliases).cloned().collect();
        let (derived, views) = (BTreeMap::new(), BTreeMap::new());
        Self { by_apex, aliased, longest, derived, unread: None, views }
    }

    /// Adds zones for secondaries alone, with no records yet where they are still to be made.
    #[must_use]
    pub fn with_derived(self, zones: impl IntoIterator<Item = Hosted>) -> Self {
        let derived = zones.into_iter().map(|hosted| (hosted.apex.clone(), hosted)).collect();
        Self { derived, ..self }
    }

    /// Every zone that a peer might have: those that answer clients, and the derived ones.
    pub(crate) fn transferable(&self) -> impl Iterator<Item = &Hosted> {
        self.iter().chain(self.derived())
    }

    /// The zones for secondaries alone, in canonical order.
    pub fn derived(&self) -> impl ExactSizeIterator<Item = &Hosted> {
        self.derived.values()
    }

    /// Whether a name is in a zone for secondaries alone: no question about it is answered or forwarded.
    pub fn is_derived(&self, name: CanonicalName<'_>) -> bool {
        self.derived.keys().any(|apex| name.strip_suffix(apex.canonical()).is_some())
    }

    /// Has every zone `privatelink.<geo>.<suffix>` that is not in the set be one without a good copy: its names are
    /// SERVFAIL and not public.
    #[must_use]
    pub fn with_unread(self, suffix: Option<Name>) -> Self {
        let unread = suffix.map(|suffix| Box::new(Hosted::new(suffix, OnMiss::NxDomain, None)));
        Self { unread, ..self }
    }

    /// The suffix of the zones that are not known yet.
    pub fn unread(&self) -> Option<&Name> {
        self.unread.as_ref().map(|hosted| &hosted.apex)
    }

    /// Whether a zone is one of those that are not known yet.
    pub(super) fn is_unread(&self, apex: &Name) -> bool {
        !self.by_apex.contains_key(apex.as_wire()) && self.find_unread(apex.canonical()).is_some()
    }

    /// The closest zone at or above a name; none for a name in a derived zone.
    pub fn find(&self, qname: CanonicalName<'_>) -> Option<&Hosted> {
        if self.is_derived(qname) {
            return None;
        }
        let fits = |name: &CanonicalName<'_>| name.as_wire().len() <= self.longest;
        let hosted = qname.suffixes().filter(fits).find_map(|name| self.by_apex.get(name.as_wire()));
        hosted.or_else(|| self.find_unread(qname))
    }

    fn find_unread(&self, qname: CanonicalName<'_>) -> Option<&Hosted> {
        self.unread.as_deref().filter(|unread| is_geo_zone(qname, &unread.apex))
    }

    /// The zone that answers a question: the closest, but for DS at its apex the one above if that one knows the name
    /// (RFC 4035 section 3.1.4.1).
    pub fn zone_for(&self, qname: CanonicalName<'_>, qtype: Rtype) -> Option<&Hosted> {
        let closest = self.find(qname)?;
        if qtype != Rtype::DS || closest.apex.canonical() != qname {
            return Some(closest);
        }
        let above = qname.parent().and_then(|parent| self.find(parent));
        let knows = |above: &&Hosted| {
            above.zone.as_deref().is_some_and(|zone| !matches!(zone.lookup(qname, qtype), Outcome::NxDomain))
        };
        above.filter(knows).or(Some(closest))
    }

    /// Whether the apex of a zone lies at or below a name.
    pub fn has_below(&self, name: &Name) -> bool {
        self.by_apex.values().any(|hosted| hosted.apex.is_at_or_below(name)) || self.has_unread_below(name)
    }

    fn has_unread_below(&self, name: &Name) -> bool {
        let Some(suffix) = self.unread() else { return false };
        let is_geo = name.parent().is_some_and(|parent| parent == *suffix);
        let is_apex = || name.label_count() == suffix.label_count() + 2 && self.find_unread(name.canonical()).is_some();
        suffix.is_at_or_below(name) || is_geo || is_apex()
    }

    /// The zone with this apex, also one for secondaries alone: what a transfer of that name would transfer.
    pub fn get(&self, apex: &Name) -> Option<&Hosted> {
        self.derived.get(apex).or_else(|| self.by_apex.get(apex.as_wire()))
    }

    /// The owner in one of the zones that a further public name leads to.
    pub fn alias(&self, name: &Name) -> Option<Name> {
        if self.aliased.is_empty() {
            return None;
        }
        let text = name.without_dot();
        let (owner, zone) = self.aliased.iter().find_map(|zone| Some((zone.owner_of_alias(&text)?, zone)))?;
        format!("{owner}.{}", zone.apex()).parse().ok()
    }

    /// True if both hold the same zones, not copies that are alike, and treat them alike.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&Hosted, &Hosted)| a.apex == b.apex && is_same_copy(a, b);
        self.answers_as(other)
            && self.derived.len() == other.derived.len()
            && self.derived().zip(other.derived()).all(same)
    }

    /// The same without the zones for secondaries alone, which follow from the others.
    pub fn answers_as(&self, other: &Self) -> bool {
        self.by_apex.len() == other.by_apex.len()
            && self.unread() == other.unread()
            && self.views_answer_as(other)
            && self.by_apex.iter().all(|(apex, hosted)| {
                let same = |theirs: &Hosted| hosted.on_miss == theirs.on_miss && is_same_copy(hosted, theirs);
                other.by_apex.get(apex).is_some_and(same)
            })
    }

    /// The zones without a good copy, whose names are SERVFAIL; `*` stands for all geo codes while they are not known.
    pub fn not_served(&self) -> Vec<String> {
        let missing = self.iter().filter(|hosted| hosted.zone.is_none()).map(|hosted| hosted.apex.without_dot());
        let unread = self.unread().map(|suffix| format!("privatelink.*.{}", suffix.without_dot()));
        missing.chain(unread).collect()
    }

    /// Every zone that answers, in canonical order of the apexes.
    pub fn iter(&self) -> impl Iterator<Item = &Hosted> {
        let mut all: Vec<&Hosted> = self.by_apex.values().collect();
        all.sort_by(|a, b| a.apex.cmp(&b.apex));
        all.into_iter()
    }
}

/// Whether a name is at or below `privatelink.<geo>.<suffix>`.
pub(super) fn is_geo_zone(name: CanonicalName<'_>, suffix: &Name) -> bool {
    let Some(below) = name.strip_suffix(suffix.canonical()) else { return false };
    let (mut service, mut geo) = (&[][..], &[][..]);
    for label in labels(below) {
        (service, geo) = (geo, label);
    }
    service == b"privatelink" && !geo.is_empty()
}

fn is_same_copy(one: &Hosted, other: &Hosted) -> bool {
    match (&one.zone, &other.zone) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_apex_wins() {
        let hosted = |apex: &str| Hosted::new(apex.parse().unwrap(), OnMiss::NxDomain, None);
        let set = ZoneSet::new([hosted("example"), hosted("a.example"), hosted("other.net")]);
        let found = |name: &str| set.find(name.parse::<Name>().unwrap().canonical()).map(|h| h.apex.without_dot());
        assert_eq!(found("x.a.example").as_deref(), Some("a.example"));
        assert_eq!(found("a.example").as_deref(), Some("a.example"));
        assert_eq!(found("xa.example").as_deref(), Some("example"));
        assert_eq!(found("net"), None);
        assert_eq!(found("."), None);
    }

    #[test]
    fn while_nobody_knows_the_geo_codes_every_backup_zone_is_one_without_a_good_copy() {
        let suffix: Name = "backup.windowsazure.com".parse().unwrap();
        let hosted = Hosted::new("privatelink.we.backup.windowsazure.com".parse().unwrap(), OnMiss::NxDomain, None);
        let set = ZoneSet::new([hosted]).with_unread(Some(suffix));
        let found = |name: &str| set.find(name.parse::<Name>().unwrap().canonical()).map(|h| h.apex.without_dot());
        for name in ["x.privatelink.ne.backup.windowsazure.com", "privatelink.ne.backup.windowsazure.com"] {
            assert_eq!(found(name).as_deref(), Some("backup.windowsazure.com"), "{name}");
        }
        assert_eq!(
            found("x.privatelink.we.backup.windowsazure.com").as_deref(),
            Some("privatelink.we.backup.windowsazure.com")
        );
        for name in
            ["x.ne.backup.windowsazure.com", "backup.windowsazure.com", "privatelink.backup.windowsazure.com", "."]
        {
            assert_eq!(found(name), None, "{name}");
        }
    }

    #[test]
    fn a_derived_zone_is_found_by_its_apex_alone_and_hides_what_lies_above_it() {
        let hosted = |apex: &str| Hosted::new(apex.parse().unwrap(), OnMiss::NxDomain, None);
        let set = ZoneSet::new([hosted("privatelink"), hosted("example")]).with_derived([hosted("rpz.privatelink")]);
        let name = |text: &str| text.parse::<Name>().unwrap();
        for inside in ["rpz.privatelink", "a.blob.core.windows.net.rpz.privatelink"] {
            assert!(set.is_derived(name(inside).canonical()), "{inside}");
            assert!(set.find(name(inside).canonical()).is_none(), "{inside}");
            assert!(set.zone_for(name(inside).canonical(), Rtype::DS).is_none(), "{inside}");
        }
        for outside in ["privatelink", "xrpz.privatelink", "example"] {
            assert!(!set.is_derived(name(outside).canonical()) && set.find(name(outside).canonical()).is_some());
        }
        assert!(set.get(&name("rpz.privatelink")).is_some());
        assert!(set.get(&name("a.rpz.privatelink")).is_none());
        assert_eq!((set.iter().count(), set.derived().count(), set.not_served().len()), (2, 1, 2));
    }

    #[test]
    fn sets_that_differ_in_a_derived_zone_answer_alike_and_are_not_the_same() {
        let hosted = |apex: &str| Hosted::new(apex.parse().unwrap(), OnMiss::NxDomain, None);
        let plain = || ZoneSet::new([hosted("example")]);
        let [one, other] = ["one", "other"].map(|apex| plain().with_derived([hosted(apex)]));
        assert!(one.answers_as(&other) && !one.is_same(&other) && !one.is_same(&plain()) && one.is_same(&one.clone()));
    }

    #[test]
    fn a_name_above_a_zone_has_it_below_also_while_nobody_knows_the_geo_codes() {
        let hosted = Hosted::new("privatelink.blob.core.windows.net".parse().unwrap(), OnMiss::Forward, None);
        let set = ZoneSet::new([hosted]).with_unread("backup.windowsazure.com".parse().ok());
        for (name, expected) in [
            (".", true),
            ("core.windows.net", true),
            ("privatelink.blob.core.windows.net", true),
            ("x.privatelink.blob.core.windows.net", false),
            ("queue.core.windows.net", false),
            ("windowsazure.com", true),
            ("ne.backup.windowsazure.com", true),
            ("privatelink.ne.backup.windowsazure.com", true),
            ("x.ne.backup.windowsazure.com", false),
            ("x.privatelink.ne.backup.windowsazure.com", false),
        ] {
            assert_eq!(set.has_below(&name.parse().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn rfc4035_3_1_4_1_ds_at_an_apex_is_the_zones_above_if_it_knows_of_the_cut() {
        let hosted = |apex: &str, records: &str| {
            let apex: Name = apex.parse().unwrap();
            let text = format!("@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n{records}");
            let zone = Zone::from_text(&apex, text.as_bytes()).0.map(Arc::new);
            Hosted::new(apex, OnMiss::NxDomain, zone)
        };
        let zones = ["cut.example", "uncut.example"].map(|apex| hosted(apex, ""));
        let set = ZoneSet::new(zones.into_iter().chain([hosted("example", "cut 10 NS a.\n")]));
        let found = |name: &str, rtype| {
            set.zone_for(name.parse::<Name>().unwrap().canonical(), rtype).map(|hosted| hosted.apex.without_dot())
        };
        assert_eq!(found("cut.example", Rtype::DS).as_deref(), Some("example"));
        assert_eq!(found("cut.example", Rtype::A).as_deref(), Some("cut.example"));
        assert_eq!(found("x.cut.example", Rtype::DS).as_deref(), Some("cut.example"));
        assert_eq!(found("uncut.example", Rtype::DS).as_deref(), Some("uncut.example"), "nobody delegated it");
        assert_eq!(found("example", Rtype::DS).as_deref(), Some("example"));
    }
}
