//! Thousands of reads of an Azure that changes and fails: a list says what was true at some moment of a read, or what
//! it said before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::estate::{ARM, Azure, ENTRA, GROUPS, PASSING_ID, Records, SUBSCRIPTIONS, State, TOKEN, World, ZONE};
use crate::diag::Id;
use crate::sync::live::fetch::{Fetched, Next, Source};
use crate::sync::live::scope::Scope;
use crate::sync::live::settings::{Identity, Selection, Settings};

fn settings(folder: &std::path::Path) -> Settings {
    let group = |at: usize| format!("/subscriptions/{}/resourceGroups/{}", SUBSCRIPTIONS[0], GROUPS[at].1);
    let scopes = [
        group(0),
        group(1),
        format!("/subscriptions/{}", SUBSCRIPTIONS[1]),
        format!("{}/providers/Microsoft.Network/privateDnsZones/{ZONE}", group(0)),
    ];
    Settings {
        name: "vault".to_owned(),
        scopes: scopes.iter().map(|text| text.parse().unwrap()).collect(),
        select: Selection::default(),
        interval: Duration::from_mins(1),
        identity: Identity::Secret {
            client_id: "aaaaaaaa-0000-0000-0000-000000000001".to_owned(),
            tenant: "99999999-8888-7777-6666-555555555555".to_owned(),
            file: "/secret".into(),
        },
        arm: ARM.to_owned(),
        authority: ENTRA.to_owned(),
        audience: format!("{ARM}/"),
        folder: folder.join("azure/vault"),
        views: Vec::new(),
    }
}

/// What a list says of one endpoint, or of one name of a zone.
#[derive(Default, Debug)]
struct Said {
    records: Records,
    connection: Option<String>,
    is_gap: bool,
}

fn said(text: &str) -> BTreeMap<String, Said> {
    let mut all: BTreeMap<String, Said> = BTreeMap::new();
    let table: toml::Table = text.parse().unwrap();
    for entry in table.get("endpoint").and_then(toml::Value::as_array).into_iter().flatten() {
        let key = |name: &str| entry.get(name).and_then(toml::Value::as_str).map(str::to_owned);
        let label = key("private_endpoint").or_else(|| key("fqdn")).unwrap();
        let known = all.entry(label).or_default();
        match (key("fqdn"), key("address"), key("connection")) {
            (Some(name), Some(address), _) => assert!(known.records.insert(name, address).is_none()),
            // Its names are there for people who ask why.
            (_, None, Some(state)) => known.connection = Some(state),
            (None, None, None) => known.is_gap = true,
            odd => panic!("{odd:?}"),
        }
    }
    all
}

/// Why a list is not what was true at some moment of the read, if it is not.
fn lie(scope: &Scope, text: &str, world: &World) -> Option<String> {
    let mut said = said(text);
    for ((group, name), states) in &world.window {
        let (label, is_in) = match (group, scope) {
            (None, Scope::Zone { .. }) => (name.clone(), true),
            (None, _) | (Some(_), Scope::Zone { .. }) => continue,
            (Some(group), Scope::Group { group: own, .. }) => (format!("{own}/{name}"), GROUPS[*group].1 == own),
            (Some(group), Scope::Subscription { .. }) => {
                (format!("{}/{name}", GROUPS[*group].1), GROUPS[*group].0 == 1)
            }
        };
        if !is_in {
            continue;
        }
        let own = said.remove(&label).unwrap_or_default();
        if !states.iter().any(|state| is_true(state.as_ref(), &own, states, world.denied)) {
            return Some(format!("{scope}: {label} is said to be {own:?}, and was {states:?}"));
        }
    }
    said.keys().next().map(|label| format!("{scope}: {label} is invented"))
}

/// True if this may be said of an endpoint that was listed in this state.
fn is_true(listed: Option<&State>, own: &Said, states: &BTreeSet<Option<State>>, denied: bool) -> bool {
    let is_nothing = own.records.is_empty() && own.connection.is_none() && !own.is_gap;
    let Some(listed) = listed else { return is_nothing };
    if matches!(listed.provisioning, "Creating" | "Deleting") && is_nothing {
        return true;
    }
    if !matches!(listed.status, "Approved" | "") {
        return own.records.is_empty() && own.connection.as_deref() == Some(listed.status);
    }
    let is_whole = states.iter().flatten().any(|state| state.records == own.records);
    // While Azure changes an endpoint, more may be to come.
    let may_lack = denied || states.len() > 1 || listed.provisioning == "Updating";
    own.connection.is_none() && (is_whole || own.records.is_empty() && own.is_gap) && (!own.is_gap || may_lack)
}

struct Poll<'a> {
    azure: &'a Azure,
    settings: &'a Settings,
}

impl Poll<'_> {
    fn lists(&self) -> Vec<Option<String>> {
        let read = |scope| std::fs::read_to_string(self.settings.list_path(scope)).ok();
        self.settings.scopes.iter().map(read).collect()
    }

    /// One read, and what must hold after it; the time until the next.
    fn run(&self, source: &mut Source) -> Duration {
        let before = self.lists();
        let begin = {
            let mut world = self.azure.0.lock().unwrap();
            world.open_window();
            world.may_lie = before.iter().all(Option::is_some);
            world.now()
        };
        let fetched = source.fetch();
        let after = self.lists();
        let world = self.azure.0.lock().unwrap();
        assert!(world.now().saturating_sub(begin) < Duration::from_mins(15), "a read ends");
        assert!(world.sent < 500, "{} requests", world.sent);
        for ((scope, before), after) in self.settings.scopes.iter().zip(&before).zip(&after) {
            let report = source.report().scopes.iter().find(|report| report.scope == scope.to_string()).unwrap();
            // A token that was denied, and a subscription that is to be left alone, outlast their poll.
            let outlasts = |id| [Id::AZURE_NO_TOKEN, Id::AZURE_THROTTLED].contains(&id);
            let problems = &report.problems;
            assert!(world.faults > 0 || problems.iter().all(|found| outlasts(found.id)), "{problems:#?}");
            if (problems.is_empty() || after != before) && after.is_some() {
                let lie = lie(scope, after.as_deref().unwrap(), &world);
                assert!(lie.is_none(), "{} after {} faults\n{after:?}", lie.unwrap(), world.faults);
            }
            assert!(after.is_some() || before.is_none(), "{scope} lost its list");
            assert!(after.is_some() || !problems.is_empty(), "{scope} has no list");
        }
        assert_eq!(fetched.changed, before != after);
        self.hold_words(&fetched, source);
        match fetched.next {
            Next::Usual => self.settings.interval,
            Next::Failed => Duration::from_secs(2),
            Next::Soon(time) | Next::NotBefore(time) => time,
        }
    }

    fn hold_words(&self, fetched: &Fetched, source: &Source) {
        let texts: Vec<String> = fetched.findings.iter().map(|found| found.diagnostic.to_string()).collect();
        let distinct: BTreeSet<&String> = texts.iter().collect();
        assert_eq!(distinct.len(), texts.len(), "each is said once: {texts:#?}");
        assert!(!texts.iter().any(|text| text.contains(PASSING_ID)), "{texts:#?}");
        let report = std::fs::read_to_string(self.settings.report_path()).unwrap();
        assert_eq!(report, serde_json::to_string(source.report()).unwrap());
        let all = format!("{:?}{report}", fetched.findings);
        assert!(!all.contains(TOKEN) && !all.contains("client-secret"), "{all}");
        let names: Vec<_> =
            std::fs::read_dir(&self.settings.folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| name != ".tmp"), "{names:?}");
    }
}

#[test]
fn whatever_azure_does_a_list_is_true_or_unchanged() {
    let polls = std::env::var("AZURE_POLLS").ok().and_then(|text| text.parse().ok()).unwrap_or(80);
    for seed in 1..=5 {
        // In memory where that is possible: each list waits for the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let settings = settings(folder.path());
        let azure = Arc::new(Azure::new(seed));
        let world: Arc<dyn crate::sync::live::outside::Outside> = Arc::<Azure>::clone(&azure);
        let mut source = Source::new(settings.clone(), Arc::clone(&world));
        let poll = Poll { azure: &azure, settings: &settings };
        let (mut clean, mut complete) = (0, 0);
        for number in 0..polls {
            {
                let mut state = azure.0.lock().unwrap();
                // Rough times and quiet ones.
                state.fault_rate = [0, 3, 30, 150][number / 10 % 4];
                state.change_rate = [0, 30, 150][number / 7 % 3];
            }
            if number % 53 == 52 {
                source = Source::new(settings.clone(), Arc::clone(&world));
                // A new process does not know what the last one was asked.
                azure.0.lock().unwrap().held.clear();
            }
            let time = poll.run(&mut source);
            let state = azure.0.lock().unwrap();
            clean += usize::from(state.faults == 0);
            drop(state);
            complete += usize::from(source.report().scopes.iter().all(|scope| scope.problems.is_empty()));
            // Now and then long enough for every hold and every token to end.
            azure.pass(if number % 3 == 0 { time + Duration::from_hours(1) } else { time });
        }
        assert!(clean > polls / 8 && complete >= clean / 2 && complete < polls, "{clean} {complete} of {polls}");
    }
}
