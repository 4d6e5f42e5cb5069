//! The zones as the clients of each view see them.
//!
//! In: the zones of the base, and the parts of them that views have of their own. Out: a [`ZoneSet`] for each view. A
//! part without a good copy makes its zone one without a good copy: the base's addresses are not those of the view's
//! clients.

use std::sync::Arc;

use super::set::{ViewZones, is_geo_zone};
use super::{Hosted, ViewName, Zone, ZoneId, ZoneSet};
use crate::dns::Name;

/// What a view has of its own.
pub(crate) struct ViewParts {
    /// The view.
    pub(crate) name: ViewName,
    /// Its own part of each zone that it has one of, and that zone as its clients see it.
    pub(crate) zones: Vec<(Hosted, Hosted)>,
    /// While it is not known which zones it has parts of: the suffix below which they lie.
    pub(crate) unread: Option<Name>,
}

impl ZoneSet {
    /// Adds the views over these zones.
    #[must_use]
    pub(crate) fn with_views(mut self, views: impl IntoIterator<Item = ViewParts>) -> Self {
        let seen = |view: ViewParts| {
            let (parts, seen): (Vec<Hosted>, Vec<Hosted>) = view.zones.into_iter().unzip();
            (view.name, ViewZones { zones: Arc::new(self.seen_with(seen, view.unread.as_ref())), parts })
        };
        self.views = views.into_iter().map(seen).collect();
        self
    }

    /// Adds a view with these parts, each of which has its records: what the store does with files.
    #[must_use]
    pub fn with_view(self, name: ViewName, parts: impl IntoIterator<Item = Hosted>) -> Self {
        let seen = |part: Hosted| {
            let zone = part.zone.as_ref().and_then(|own| Zone::seen(own, self.under(&part.apex)));
            (part.clone(), Hosted { zone, ..part })
        };
        let parts = ViewParts { name, zones: parts.into_iter().map(seen).collect(), unread: None };
        self.with_views([parts])
    }

    /// These zones, some of them replaced. Of those that the view may have a part of, without anybody knowing, none is
    /// left.
    fn seen_with(&self, replaced: Vec<Hosted>, unread: Option<&Name>) -> Self {
        let is_known = |hosted: &&Hosted| unread.is_none_or(|suffix| !is_geo_zone(hosted.apex.canonical(), suffix));
        let base = self.iter().filter(is_known).cloned();
        let unread = unread.or(self.unread()).cloned();
        Self::new(base.chain(replaced)).with_derived(self.derived().cloned()).with_unread(unread)
    }

    /// The zones as the clients of a view see them; `None` for a view that is not known.
    pub fn view(&self, name: &ViewName) -> Option<&Arc<Self>> {
        self.views.get(name).map(|view| &view.zones)
    }

    /// The zones as the clients of a view see them, or those of the base; `None` for a view that is not known.
    pub(crate) fn seen_in(&self, view: Option<&ViewName>) -> Option<&Self> {
        view.map_or(Some(self), |view| self.view(view).map(|zones| &**zones))
    }

    /// The names of the views, in order.
    pub fn views(&self) -> impl Iterator<Item = &ViewName> {
        self.views.keys()
    }

    /// The zone whose file a name's records are in, for the clients of a view: its own part, or the base's. Whatever is
    /// below neither is in the base.
    pub fn part_of(&self, view: Option<&ViewName>, apex: &Name, name: &Name) -> ZoneId {
        let base = ZoneId::base(apex.clone());
        let Some((view, zones)) = view.and_then(|view| Some((view, self.views.get(view)?))) else { return base };
        let has_part = zones.parts.iter().any(|part| part.apex == *apex);
        let seen = zones.zones.get(apex).and_then(|hosted| hosted.zone.as_ref());
        let relative = name.canonical().strip_suffix(apex.canonical());
        let is_own = seen.zip(relative).and_then(|(zone, relative)| zone.is_own(relative));
        if has_part && is_own.unwrap_or(true) { ZoneId::of_view(view, apex.clone()) } else { base }
    }

    /// Every zone that has a file: those of the base, and the parts of each view.
    pub fn parts(&self) -> impl Iterator<Item = (ZoneId, &Hosted)> {
        let base = self.iter().map(|hosted| (ZoneId::base(hosted.apex.clone()), hosted));
        let of_views = self.views.iter().flat_map(|(name, view)| {
            view.parts.iter().map(move |hosted| (ZoneId::of_view(name, hosted.apex.clone()), hosted))
        });
        base.chain(of_views)
    }

    /// A zone as its file has it.
    pub fn part(&self, id: &ZoneId) -> Option<&Hosted> {
        match &id.view {
            None => self.get(&id.apex),
            Some(view) => self.views.get(view)?.parts.iter().find(|part| part.apex == id.apex),
        }
    }

    /// The same zones without any copy, for a view of which nothing has been read yet.
    #[must_use]
    pub(crate) fn without_copies(&self) -> Self {
        let bare = |hosted: &Hosted| Hosted::new(hosted.apex.clone(), hosted.on_miss, None);
        Self::new(self.iter().map(bare)).with_unread(self.unread().cloned())
    }

    /// The zones without a good copy in the base, as [`ZoneSet::not_served`] has them, and the views' own parts without
    /// one: `spoke-a/privatelink.blob.core.windows.net`.
    pub fn not_served_anywhere(&self) -> Vec<String> {
        let of_views = self.views.iter().flat_map(|(name, view)| {
            let parts = view.parts.iter().filter(|part| part.zone.is_none()).map(|part| part.apex.without_dot());
            // What the base does not know either is named there.
            let unread = view.zones.unread().filter(|_| self.unread().is_none());
            let unread = unread.map(|suffix| format!("privatelink.*.{}", suffix.without_dot()));
            parts.chain(unread).map(move |zone| format!("{name}/{zone}"))
        });
        self.not_served().into_iter().chain(of_views).collect()
    }

    /// Whether the clients of each view get the same.
    pub(super) fn views_answer_as(&self, other: &Self) -> bool {
        self.views.len() == other.views.len()
            && self.views.iter().zip(&other.views).all(|((name, view), (other_name, other))| {
                name == other_name && (Arc::ptr_eq(&view.zones, &other.zones) || view.zones.answers_as(&other.zones))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{OnMiss, Zone};

    const BACKUP: &str = "backup.windowsazure.com";

    fn hosted(apex: &str, is_served: bool) -> Hosted {
        let apex: Name = apex.parse().unwrap();
        let zone = Zone::from_text(&apex, b"@ 10 SOA a. b. 1 2 3 4 5\n@ 10 NS a.\n").0.map(Arc::new);
        Hosted::new(apex, OnMiss::NxDomain, zone.filter(|_| is_served))
    }

    fn view(name: &str, part: Hosted, unread: Option<&str>) -> ViewParts {
        let unread = unread.map(|suffix| suffix.parse().unwrap());
        ViewParts { name: name.parse().unwrap(), zones: vec![(part.clone(), part)], unread }
    }

    #[test]
    fn what_is_not_served_is_named_once_with_the_view_whose_own_part_has_no_good_copy() {
        let views = || {
            [
                view("a", hosted("bad.example", false), None),
                view("b", hosted("good.example", true), None),
                view("c", hosted("good.example", false), Some(BACKUP)),
            ]
        };
        let base = || ZoneSet::new([hosted("bad.example", false), hosted("good.example", true)]);
        let zones = base().with_views(views());
        assert_eq!(zones.not_served(), ["bad.example"], "the base alone, as for a feed");
        let all = ["bad.example", "a/bad.example", "c/good.example", "c/privatelink.*.backup.windowsazure.com"];
        assert_eq!(zones.not_served_anywhere(), all);
        let unread = base().with_unread(BACKUP.parse().ok()).with_views(views()).not_served_anywhere();
        let of_views = unread.iter().filter(|zone| zone.contains('*')).collect::<Vec<_>>();
        assert_eq!(of_views, ["privatelink.*.backup.windowsazure.com"], "the base says it for all");
    }
}
