//! Gathers the facts about a question from the running server: the thin shell around the pure parts.
//!
//! In: what is asked. Out: an [`Explanation`]. The question itself is asked as a client would ask it, within the time
//! that a client's question may take; files are read on threads that may block, a few at a time.

mod answer;
mod lists;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use super::facts::{Client, Facts, GeoProblem, Kind, Place, Zone};
use super::model::{Explanation, ServedRecord, Trouble};
use super::{Subject, Target, cause, near, services};
use crate::azure::names::{GeoCode, PRIVATELINK, Service, check_geo, locate};
use crate::azure::{Cloud, NotHosted};
use crate::diag::{self, Diagnostic, Id};
use crate::dns::{Name, Rtype, rdata};
use crate::forward::State;
use crate::server::views::ViewIndex;
use crate::server::{self, RecentKind, Shared, Snapshot};
use crate::status::model::ZoneStatus;
use crate::status::{Board, Status};
use crate::sync;
use crate::sync::ledger::Ledger;
use crate::sync::pass::rfc3339;
use crate::zone::store::file_of;
use crate::zone::{ViewName, ZoneId, ZoneSet};
use answer::Seen;
use lists::Searches;

/// Questions that are explained at one time.
const MAX_AT_ONCE: usize = 4;

/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time that an answer may take beyond `[forward] timeout`, which bounds it already.
const SPARE: Duration = Duration::from_secs(2);

/// Errors of sources that are shown.
const MAX_ERRORS: usize = 10;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) subject: Subject,
    pub(crate) rtype: Rtype,
    /// The client as which it is asked.
    pub(crate) client: Option<IpAddr>,
}

/// Explains answers of the running server.
pub(crate) struct Explainer {
    shared: Arc<Shared>,
    board: Arc<Board>,
    turns: Semaphore,
    searches: Arc<Searches>,
}

/// The reason why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotExplained {
    #[error("too many names are being explained just now; ask again in a moment")]
    Busy,
    #[error("internal error: the explanation broke off; please report this with the log")]
    BrokeOff,
}

impl NotExplained {
    /// The same as a diagnostic.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let id = match self {
            Self::Busy => Id::SERVER_BUSY,
            Self::BrokeOff => Id::TASK_BROKE_OFF,
        };
        Diagnostic::error(id, diag::Place::Server, self.to_string())
    }
}

impl Explainer {
    /// Over this server.
    pub(crate) fn new(shared: Arc<Shared>, board: Arc<Board>) -> Arc<Self> {
        let (turns, searches) = (Semaphore::new(MAX_AT_ONCE), Arc::default());
        Arc::new(Self { shared, board, turns, searches })
    }

    /// Explains.
    pub(crate) async fn explain(&self, asked: &Asked) -> Result<Explanation, NotExplained> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let _turn = turn.ok().and_then(Result::ok).ok_or(NotExplained::Busy)?;
        let snapshot = self.shared.snapshot.load_full();
        let status = self.board.status(&self.shared, SystemTime::now());
        let (ledger, settings) = self.board.of_sync();
        let view = snapshot.views.of_network(asked.client);
        let (name, names) = names_of(snapshot.seen(view), &asked.subject.target);
        let answered = match &name {
            Some(name) => ask(&snapshot, name, asked, view).await,
            None => None,
        };
        // What is wrong with an upstream shows only once it was asked.
        let troubles = troubles(&snapshot);
        let searches = Arc::clone(&self.searches);
        let look = Look { snapshot, view, status, ledger, settings, searches, troubles };
        let asked = asked.clone();
        let facts = tokio::task::spawn_blocking(move || look.facts(&asked, name.as_ref(), names, answered)).await;
        Ok(cause::explain(&facts.map_err(|_| NotExplained::BrokeOff)?))
    }

    /// The command that explains a name on this host.
    pub(crate) fn command(&self) -> String {
        diag::command(&["explain", "NAME"], self.board.config())
    }

    /// What is asked, from the words of a person.
    pub(crate) fn asked(text: &str, rtype: &str, client: Option<&str>) -> Result<Asked, String> {
        let subject = Subject::parse(text).map_err(|error| error.to_string())?;
        let rtype = if rtype.is_empty() { Rtype::A } else { rtype.parse()? };
        if rtype.is_meta() {
            return Err(format!("type {rtype} cannot be looked up; ask for A or AAAA"));
        }
        let client =
            client.map(|text| text.parse().map_err(|_| format!("'{}' is no IP address", diag::printable(text))));
        Ok(Asked { subject, rtype, client: client.transpose()? })
    }
}

/// The name to look up, and the names in service that are meant.
fn names_of(zones: &ZoneSet, target: &Target) -> (Option<Name>, Vec<String>) {
    match target {
        Target::Name(name) => (Some(name.clone()), Vec::new()),
        Target::Address(address) => (None, near::of_address(zones, *address)),
        Target::Label(label) => {
            let names = near::of_label(zones, label);
            let first = names.first().map(|private| public_name(private).unwrap_or_else(|| private.clone()));
            (first, names.iter().map(Name::without_dot).collect())
        }
    }
}

/// The public name of a blob or queue record: that is what clients ask for.
fn public_name(private: &Name) -> Option<Name> {
    let mut buffer = String::new();
    let text = private.without_dot();
    let place = locate(&text, &mut buffer).ok().filter(|place| place.service != Service::Backup)?;
    let zone = place.zone_text();
    format!("{}.{}", place.owner, zone.strip_prefix(PRIVATELINK)?.strip_prefix('.')?).parse().ok()
}

/// Asks as a client would; `None` if even the spare time is over.
async fn ask(snapshot: &Snapshot, name: &Name, asked: &Asked, view: ViewIndex) -> Option<server::Answered> {
    let limit = snapshot.resolver.timeout() + SPARE;
    tokio::time::timeout(limit, server::query(snapshot, (name.clone(), asked.rtype), asked.client, view)).await.ok()
}

fn troubles(snapshot: &Snapshot) -> Vec<Trouble> {
    let upstreams = crate::status::upstreams_now(&snapshot.resolver).into_iter();
    let trouble = |upstream: crate::status::UpstreamStatus| Trouble {
        error: upstream.last_error.map(|error| error.text),
        address: upstream.address,
        state: upstream.state,
        since: upstream.since,
    };
    upstreams.map(trouble).filter(|trouble| trouble.state != State::Up || trouble.error.is_some()).collect()
}

/// All that facts are read from.
struct Look {
    snapshot: Arc<Snapshot>,
    /// The view that the client gets.
    view: ViewIndex,
    status: Status,
    ledger: Arc<Ledger>,
    settings: Option<Arc<sync::Settings>>,
    searches: Arc<Searches>,
    troubles: Vec<Trouble>,
}

impl Look {
    fn facts(
        &self,
        asked: &Asked,
        name: Option<&Name>,
        names: Vec<String>,
        answered: Option<server::Answered>,
    ) -> Facts {
        let seen = Seen {
            all: &self.snapshot.zones,
            view: self.view(),
            zones: self.snapshot.seen(self.view),
            zone_dir: self.zone_dir(),
        };
        let answer = answered.map(|answered| answer::of(&answered, asked.rtype, &seen));
        let mut facts = Facts {
            now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            text: asked.subject.text.clone(),
            note: asked.subject.note,
            kind: match asked.subject.target {
                Target::Name(_) => Kind::Name,
                Target::Label(_) => Kind::Label,
                Target::Address(_) => Kind::Address,
            },
            name: name.map(Name::without_dot),
            rtype: asked.rtype.to_string(),
            client: asked.client.map(|address| {
                let is_permitted = self.snapshot.access.permits(address);
                Client { address, is_permitted }
            }),
            view: self.view().map(ToString::to_string),
            answer,
            names,
            upstreams: self.troubles.clone(),
            is_ledger_cut: self.ledger.omitted() > 0,
            config: self.status.config.file.clone(),
            frozen: self.status.sync.frozen.as_ref().map(|freeze| freeze.reason.clone().unwrap_or_default()),
            pass_at: self.status.pass().map(|pass| rfc3339(pass.at)),
            ..Facts::default()
        };
        self.place(&mut facts);
        self.zone(&mut facts, name);
        self.of_lists(&mut facts, &asked.subject.target);
        self.of_clients(&mut facts);
        facts
    }

    fn view(&self) -> Option<&ViewName> {
        self.snapshot.views.name(self.view)
    }

    fn zone_dir(&self) -> PathBuf {
        self.settings.as_ref().map(|settings| settings.zone_dir.clone()).unwrap_or_default()
    }

    /// The record of Azure that the name means, or else the first name of the chain that means one.
    fn place(&self, facts: &mut Facts) {
        let aliases = facts.answer.iter().flat_map(|answer| &answer.chain).filter(|hop| hop.rtype == "CNAME");
        let names: Vec<&str> =
            facts.name.iter().map(String::as_str).chain(aliases.map(|hop| hop.data.as_str())).collect();
        let ours = self.settings.as_ref().and_then(|settings| settings.cloud);
        let mut misspelt = None;
        for name in names {
            match place_of(name, ours) {
                Ok(place) => {
                    facts.place = Some(place);
                    return;
                }
                Err(problem) => misspelt = misspelt.or(Some(problem).filter(services::is_misspelt)),
            }
        }
        facts.misspelt = misspelt;
    }

    /// The zone that covers the record, and the record in it.
    fn zone(&self, facts: &mut Facts, name: Option<&Name>) {
        let zones = self.snapshot.seen(self.view);
        let of_place = facts.place.as_ref().and_then(|place| place.record.parse::<Name>().ok());
        let end = facts.answer.as_ref().and_then(|answer| answer.chain.iter().rfind(|hop| hop.rtype == "CNAME"));
        let end = end.and_then(|hop| hop.data.parse::<Name>().ok()).or_else(|| name.cloned());
        let hosted = of_place.as_ref().and_then(|record| zones.find(record.canonical()));
        let Some(hosted) = hosted.or_else(|| zones.find(end.as_ref()?.canonical())) else { return };
        let apex = hosted.apex.without_dot();
        let record = of_place.or(end);
        let part = self.snapshot.zones.part_of(self.view(), &hosted.apex, record.as_ref().unwrap_or(&hosted.apex));
        let is_it = |zone: &&ZoneStatus| zone.zone == apex && zone.view == part.view;
        let degraded = self.status.zones.iter().find(is_it).map(|zone| zone.degraded.clone());
        facts.zone = Some(Zone {
            file: diag::path(&file_of(&self.zone_dir(), &part)),
            has_copy: hosted.zone.is_some(),
            is_unread: zones.unread() == Some(&hosted.apex) && zones.get(&hosted.apex).is_none(),
            is_managed: hosted.zone.as_ref().is_some_and(|zone| zone.is_managed()),
            degraded: degraded.unwrap_or_default(),
            name: apex,
        });
        let Some((zone, record)) = hosted.zone.as_deref().zip(record) else { return };
        facts.record = self.record(zone, &part, &record);
        if facts.record.is_none() && zone.is_managed() {
            facts.nearest = near::nearest(zone, &record.relative_to(zone.apex()));
        }
    }

    fn record(&self, zone: &crate::zone::Zone, part: &ZoneId, name: &Name) -> Option<ServedRecord> {
        let of_type = |rtype| match zone.lookup(name.canonical(), rtype) {
            crate::zone::Outcome::Answer(rrset) => {
                Some((rtype, rrset.rdatas().map(|data| rdata::presentation(rtype, data)).collect::<Vec<_>>()))
            }
            _ => None,
        };
        let found: Vec<(Rtype, Vec<String>)> = [Rtype::A, Rtype::AAAA].into_iter().filter_map(of_type).collect();
        let (rtype, _) = *found.first().map(|(rtype, addresses)| (rtype, addresses)).as_ref()?;
        let state = self.settings.as_ref().map(|settings| &settings.state);
        let listed = state.and_then(|state| state.listed(part, &name.relative_to(zone.apex()), *rtype));
        let last_change = state.and_then(|state| state.last_change(part.view.as_ref(), &name.without_dot(), *rtype));
        Some(ServedRecord {
            name: name.without_dot(),
            zone: zone.apex().without_dot(),
            addresses: found.iter().flat_map(|(_, addresses)| addresses.clone()).collect(),
            managed: self
                .snapshot
                .zones
                .part(part)
                .and_then(|hosted| hosted.zone.as_ref())
                .is_some_and(|zone| zone.is_managed()),
            source: listed.as_ref().map(|listed| listed.source.to_string()),
            place: listed.as_ref().map(|listed| listed.place().to_string()),
            endpoint: listed.and_then(|listed| listed.endpoint.map(|endpoint| endpoint.to_string())),
            last_change,
        })
    }

    /// What the last pass and the texts of the lists say.
    fn of_lists(&self, facts: &mut Facts, target: &Target) {
        let errors = self.status.sources.iter().flat_map(|source| &source.errors).filter(|error| error.is_error());
        facts.lists = errors.take(MAX_ERRORS).cloned().collect();
        let is_of_zones = |error: &&Diagnostic| {
            matches!(error.id, Id::ZONE_UNWRITABLE | Id::ZONE_DIR_BUSY | Id::ZONE_DIR_UNREADABLE | Id::ZONE_CHANGED)
        };
        let pass = self.status.pass();
        facts.unwritten = pass.iter().flat_map(|pass| &pass.errors).filter(is_of_zones).cloned().collect();
        if let Some(place) = &facts.place {
            facts.entry = self.ledger.of(self.view(), &place.record);
        }
        let label = match (target, &facts.place) {
            (Target::Label(label), None) => Some(label.clone()),
            (_, Some(place)) => Some(place.owner.clone()),
            _ => None,
        };
        // A record that is as the lists want it needs no look at their texts.
        let is_settled = facts.record.is_some() && facts.lists.is_empty();
        if let (Some(label), Some(settings), false) = (label, &self.settings, is_settled) {
            (facts.mentions, facts.not_searched) = self.searches.search(settings, &label, &facts.lists);
        }
    }

    /// Clients that were refused when they asked for the name.
    fn of_clients(&self, facts: &mut Facts) {
        let names: Vec<&String> = facts.name.iter().chain(facts.place.as_ref().map(|place| &place.record)).collect();
        let refused = self.status.recent.entries.iter().filter(|entry| entry.kind == RecentKind::Refusal);
        facts.refused =
            refused.filter(|entry| names.contains(&&entry.name)).map(|entry| entry.network.clone()).collect();
    }
}

/// The record that a name means, with what is wrong with its geo code.
fn place_of(name: &str, ours: Option<Cloud>) -> Result<Place, NotHosted> {
    let mut buffer = String::new();
    let place = locate(name, &mut buffer)?;
    let geo_problem = match check_geo(place.cloud, place.service, place.geo) {
        Ok(GeoCode::Known) => None,
        Ok(GeoCode::Unknown(why)) => Some(GeoProblem::Unknown(why)),
        Err(NotHosted::RegionName { code, .. }) => Some(GeoProblem::Region(code)),
        Err(other) => return Err(other),
    };
    Ok(Place {
        record: place.record_text(),
        owner: place.owner.to_owned(),
        zone: place.zone_text(),
        service: place.service,
        cloud: place.cloud,
        geo: place.geo.to_owned(),
        geo_problem,
        ours,
        is_public_spelling: !name.split('.').any(|label| label == PRIVATELINK),
    })
}
