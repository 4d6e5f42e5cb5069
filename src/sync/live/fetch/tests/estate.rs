//! A model of an Azure that changes while it is read, answers with faults, and remembers what was true when.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::sync::live::outside::{CallError, Outside, Reply, Request};

pub(super) const ARM: &str = "https://arm.example";
pub(super) const ENTRA: &str = "https://entra.example";
pub(super) const TOKEN: &str = "SECRET-TOKEN-";
/// What differs from reply to reply; no message may have it.
pub(super) const PASSING_ID: &str = "PASSING-ID-";
pub(super) const SUBSCRIPTIONS: [&str; 2] =
    ["11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-666666666666"];
pub(super) const GROUPS: [(usize, &str); 4] = [(0, "rg-a"), (0, "rg-b"), (1, "rg-c"), (1, "rg-d")];
pub(super) const ZONE: &str = "privatelink.blob.core.windows.net";

/// Names with their addresses.
pub(super) type Records = BTreeMap<String, String>;

/// What can be true of an endpoint, or of a name of the zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) status: &'static str,
    pub(super) provisioning: &'static str,
    pub(super) records: Records,
    incarnation: u64,
}

/// The present state of everything: endpoints by group and name, names of the zone by `None`.
type Key = (Option<usize>, String);

#[derive(Default)]
pub(super) struct World {
    seed: u64,
    now: Duration,
    estate: BTreeMap<Key, State>,
    /// Everything that was true since the last poll began; `None` where there was nothing.
    pub(super) window: BTreeMap<Key, BTreeSet<Option<State>>>,
    /// Faults since the last poll began.
    pub(super) faults: usize,
    /// Endpoints of which an interface was denied since then.
    pub(super) denied: bool,
    /// Chances in a thousand, for each call.
    pub(super) fault_rate: u64,
    pub(super) change_rate: u64,
    pub(super) sent: usize,
    /// Scopes whose list names something, so that an emptiness is seen through.
    pub(super) may_lie: bool,
    pub(super) held: BTreeMap<String, Duration>,
    next: u64,
}

#[derive(Default)]
pub(super) struct Azure(pub(super) Mutex<World>);

impl World {
    fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn chance(&mut self, of_thousand: u64) -> bool {
        self.draw(1000) < of_thousand
    }

    fn record(&mut self, group: Option<usize>) -> (String, String) {
        self.next += 1;
        let (a, b) = (self.next / 250 % 250, self.next % 250);
        let name = match group {
            None => format!("acct{}", self.next),
            Some(_) => format!("10000000{}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com", self.next),
        };
        (name, format!("10.1.{a}.{b}"))
    }

    fn set(&mut self, key: Key, state: Option<State>) {
        match state.clone() {
            Some(state) => drop(self.estate.insert(key.clone(), state)),
            None => drop(self.estate.remove(&key)),
        }
        // What was not there when the window was opened was nothing then.
        self.window.entry(key).or_insert_with(|| BTreeSet::from([None])).insert(state);
    }

    /// One thing changes: something comes, goes, is approved, ends, grows or moves. The first of each place stays.
    fn change(&mut self) {
        let group = match self.draw(5) {
            4 => None,
            group => Some(usize::try_from(group).unwrap()),
        };
        let name = format!("pe-{}", self.draw(7));
        let first = self.record(group);
        let key: Key = match group {
            None => (None, format!("{}{}.{ZONE}", if name == "pe-0" { "stays" } else { "acct" }, &name[3..])),
            Some(_) => (group, name.clone()),
        };
        let statuses = ["Approved", "Pending", "Disconnected", "Rejected"];
        let states = ["Succeeded", "Updating", "Failed", "Creating", "Deleting"];
        let (what, status) = (self.draw(6), statuses[usize::try_from(self.draw(4)).unwrap()]);
        let provisioning = states[usize::try_from(self.draw(5)).unwrap()];
        let state = match (self.estate.get(&key).cloned(), what) {
            (Some(_), 0) if name != "pe-0" => None,
            (Some(state), 1) if name != "pe-0" && group.is_some() => Some(State { status, ..state }),
            (Some(state), 2) if name != "pe-0" && group.is_some() => Some(State { provisioning, ..state }),
            (Some(mut state), 3) if group.is_some() => {
                state.records.insert(first.0, first.1);
                Some(state)
            }
            (Some(mut state), _) => {
                let name = state.records.keys().next().cloned().unwrap();
                state.records.insert(name, first.1);
                Some(state)
            }
            (None, _) => {
                let name = if group.is_none() { key.1.clone() } else { first.0 };
                let (records, incarnation) = (Records::from([(name, first.1)]), self.next);
                Some(State { status: "Approved", provisioning: "Succeeded", records, incarnation })
            }
        };
        self.set(key, state);
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Begins a poll: what is true now is what the window has.
    pub(super) fn open_window(&mut self) {
        (self.faults, self.denied, self.sent) = (0, false, 0);
        self.window =
            self.estate.iter().map(|(key, state)| (key.clone(), BTreeSet::from([Some(state.clone())]))).collect();
    }

    fn id(group: usize, kind: &str, name: &str) -> String {
        let (subscription, group) = (SUBSCRIPTIONS[GROUPS[group].0], GROUPS[group].1);
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{kind}/{name}")
    }

    fn endpoint(group: usize, name: &str, state: &State) -> Value {
        let dns: Vec<Value> =
            state.records.iter().map(|(name, address)| json!({"fqdn": name, "ipAddresses": [address]})).collect();
        json!({"id": Self::id(group, "privateEndpoints", name), "name": name, "properties": {
            "provisioningState": state.provisioning,
            "privateLinkServiceConnections": [{"properties": {
                "privateLinkServiceId": "/subscriptions/x/resourceGroups/y/providers/Microsoft.RecoveryServices/vaults/v",
                "groupIds": ["AzureBackup"], "privateLinkServiceConnectionState": {"status": state.status}}}],
            "networkInterfaces": [{"id": Self::id(group, "networkInterfaces", &Self::nic_name(name, state))}],
            "customDnsConfigs": dns}})
    }

    fn nic_name(name: &str, state: &State) -> String {
        format!("{name}.nic.{}", state.incarnation)
    }

    fn interface(group: usize, name: &str, state: &State) -> Value {
        let configurations: Vec<Value> = state
            .records
            .iter()
            .map(|(name, address)| {
                json!({"properties": {
            "privateIPAddress": address, "privateLinkConnectionProperties": {"fqdns": [name]}}})
            })
            .collect();
        json!({"id": Self::id(group, "networkInterfaces", &Self::nic_name(name, state)), "properties": {
            "ipConfigurations": configurations, "privateEndpoint": {"id": Self::id(group, "privateEndpoints", name)}}})
    }

    /// The resources of a collection, by their place in it.
    fn collection(&self, path: &str) -> Vec<(String, Value)> {
        let is_interfaces = path.ends_with("/networkInterfaces");
        let mut found = Vec::new();
        for ((group, name), state) in &self.estate {
            let Some(group) = *group else {
                let (address, label) = (&state.records[name], name.strip_suffix(ZONE).unwrap().trim_end_matches('.'));
                if path.ends_with(&format!("{ZONE}/A")) {
                    found.push((
                        name.clone(),
                        json!({"name": label, "properties": {"fqdn": format!("{name}."),
                        "aRecords": [{"ipv4Address": address}]}}),
                    ));
                }
                continue;
            };
            let whole = Self::id(group, if is_interfaces { "networkInterfaces" } else { "privateEndpoints" }, "");
            let is_in = path
                .strip_suffix("/providers/Microsoft.Network/privateEndpoints")
                .map(|scope| whole.starts_with(&format!("{scope}/")));
            if is_in.unwrap_or_else(|| whole.trim_end_matches('/') == path) {
                let value = if is_interfaces {
                    Self::interface(group, name, state)
                } else {
                    Self::endpoint(group, name, state)
                };
                found.push((format!("{group}{name}"), value));
            }
        }
        found
    }

    fn single(&self, path: &str) -> Option<Value> {
        self.estate.iter().find_map(|((group, name), state)| {
            let value = Self::interface((*group)?, name, state);
            value["id"].as_str().is_some_and(|id| id == path).then_some(value)
        })
    }

    fn answer(&mut self, url: &str) -> Reply {
        let (path, query) = url[ARM.len()..].split_once('?').unwrap();
        let ok = |body: &Value| Reply { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() };
        let segments = path.split('/').count();
        if path.contains("/networkInterfaces/") && segments == 9 {
            return match self.single(path) {
                Some(nic) => ok(&nic),
                None => Reply { status: 404, ..ok(&json!({"error": {"code": "ResourceNotFound"}})) },
            };
        }
        // A token names the last one of the page before, so that nothing is left out when others come and go.
        let behind = query.split_once("&$skipToken=").map(|(_, last)| last.to_owned());
        let all = self.collection(path);
        let mut rest = all.into_iter().filter(|(place, _)| behind.as_ref().is_none_or(|last| place > last));
        let page: Vec<(String, Value)> = rest.by_ref().take(3).collect();
        let mut body = json!({"value": page.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()});
        if rest.next().is_some() {
            body["nextLink"] = json!(format!("{ARM}{path}?api-version=x&$skipToken={}", page.last().unwrap().0));
        }
        ok(&body)
    }

    /// Asks for fewer requests: the status, and the header that says for how long.
    fn hold(&mut self, url: &str) -> (u16, (String, String)) {
        let seconds = [0, 1, 30, 100, 100_000][usize::try_from(self.draw(5)).unwrap()];
        let status = if self.draw(2) == 0 { 429 } else { 503 };
        let subscription = url.split('/').nth(4).unwrap().to_owned();
        self.held.insert(subscription, self.now + Duration::from_secs(seconds.min(3600)));
        (status, ("retry-after".to_owned(), seconds.to_string()))
    }

    /// The body of a reply with 200 that is no page.
    fn no_page(number: u64, url: &str, good: &[u8]) -> Vec<u8> {
        match number {
            10 => b"<html>no</html>".to_vec(),
            11 => good[..good.len() / 2].to_vec(),
            12 => br#"{"value":null}"#.to_vec(),
            13 => br#"{"value":[],"nextLink":"https://evil.example/x"}"#.to_vec(),
            _ => json!({"value": [], "nextLink": url}).to_string().into_bytes(),
        }
    }

    /// Something other than the answer.
    fn fault(&mut self, url: &str, good: Reply) -> Result<Reply, CallError> {
        self.faults += 1;
        let id = self.draw(1 << 40);
        let body = json!({"error": {"code": "SomeCode", "message": format!("It broke {id}{id}. More {PASSING_ID}")}});
        let headers = vec![("x-ms-request-id".to_owned(), format!("{PASSING_ID}{id}"))];
        let answer = |status: u16| Ok(Reply { status, headers: headers.clone(), body: body.to_string().into_bytes() });
        let number = self.draw(18);
        match number {
            0 => Err(CallError::Unreachable("h refuses the connection".to_owned())),
            1 => {
                self.now += Duration::from_secs(30);
                Err(CallError::TimedOut(Duration::from_secs(30)))
            }
            2 => Err(CallError::TooLarge(1 << 26)),
            3 => {
                let status = [400, 403, 404, 409, 418][usize::try_from(self.draw(5)).unwrap()];
                self.denied |= status == 404;
                answer(status)
            }
            4 => answer([408, 500, 502, 503, 504][usize::try_from(self.draw(5)).unwrap()]),
            5 | 6 => {
                let (status, after) = self.hold(url);
                answer(status).map(|mut reply| {
                    reply.headers.push(after);
                    reply
                })
            }
            7 | 8 => answer(401),
            9 => answer(302),
            10..=14 => Ok(Reply { body: Self::no_page(number, url, &good.body), ..good }),
            // An emptiness behind another page is an end like any other.
            15 if self.may_lie && (!url.contains("skipToken") || url.contains("/networkInterfaces")) => {
                self.denied = true;
                Ok(Reply { body: br#"{"value":[]}"#.to_vec(), ..good })
            }
            16 if url.contains("/networkInterfaces/") => {
                self.denied = true;
                answer(404)
            }
            _ => Ok(Reply { status: 200, body: format!("\"{TOKEN}\"").into_bytes(), headers }),
        }
    }

    fn token(&mut self) -> Result<Reply, CallError> {
        let text = format!("{TOKEN}{}", self.draw(1 << 40));
        let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": text});
        let reply =
            |status, body: &Value| Ok(Reply { status, headers: Vec::new(), body: body.to_string().into_bytes() });
        let rate = self.fault_rate;
        if !self.chance(rate) {
            return reply(200, &body);
        }
        self.faults += 1;
        match self.draw(3) {
            0 => Err(CallError::Unreachable("h refuses the connection".to_owned())),
            1 => reply(
                401,
                &json!({"error": "invalid_client", "error_description": format!("AADSTS7000215: no. {PASSING_ID}")}),
            ),
            _ => reply(500, &json!({})),
        }
    }
}

impl Azure {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = World { seed, ..World::default() };
        while world.estate.len() < 12 {
            world.change();
        }
        for group in 0..4 {
            let records = Records::from([world.record(Some(group))]);
            let state = State { status: "Approved", provisioning: "Succeeded", records, incarnation: 0 };
            world.estate.insert((Some(group), "pe-0".to_owned()), state);
        }
        let name = format!("stays0.{ZONE}");
        let records = Records::from([(name.clone(), "10.0.0.1".to_owned())]);
        world.estate.insert((None, name), State { status: "", provisioning: "", records, incarnation: 0 });
        Self(Mutex::new(world))
    }

    /// Lets time pass, and things change.
    pub(super) fn pass(&self, time: Duration) {
        let mut world = self.0.lock().unwrap();
        world.now += time;
        for _ in 0..world.draw(3) {
            world.change();
        }
    }
}

impl Outside for Azure {
    fn send(&self, request: &Request<'_>) -> Result<Reply, CallError> {
        let mut world = self.0.lock().unwrap();
        world.now += Duration::from_millis(50);
        if request.url.starts_with(ENTRA) {
            return world.token();
        }
        assert!(request.url.starts_with(ARM), "the token goes nowhere else: {}", request.url);
        world.sent += 1;
        let subscription = request.url.split('/').nth(4).unwrap();
        let held = world.held.get(subscription).copied().unwrap_or_default();
        // What is sent has taken its time; the hold ended before.
        assert!(world.now >= held, "asked before {held:?}, at {:?}", world.now);
        let (change_rate, fault_rate) = (world.change_rate, world.fault_rate);
        if world.chance(change_rate) {
            world.change();
        }
        let good = world.answer(request.url);
        if world.chance(fault_rate) { world.fault(request.url, good) } else { Ok(good) }
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().now
    }

    fn unix(&self) -> u64 {
        1_795_629_411 + self.elapsed().as_secs()
    }

    fn wait(&self, time: Duration) -> bool {
        self.0.lock().unwrap().now += time;
        true
    }

    #[allow(clippy::cast_precision_loss, reason = "below 2^20")]
    fn random(&self) -> f64 {
        self.0.lock().unwrap().draw(1 << 20) as f64 / f64::from(1 << 20)
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path, _: u64) -> io::Result<(Vec<u8>, u32)> {
        Ok((b"client-secret".to_vec(), 0o100_600))
    }

    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        self.read(path, max)
    }

    fn owner(&self, _: &Path) -> Option<u32> {
        None
    }

    fn exists(&self, _: &Path) -> bool {
        true
    }

    fn run(&self, _: &str, _: &[&str], _: Duration) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
