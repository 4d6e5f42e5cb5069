//! Thousands of reads of an estate that changes, under random faults and with a time of the test's own: no record is
//! lost, none is made up, no token is said. Nothing here opens a socket or waits.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use privatelink_dns::sync::live::fetch::{Fetched, Next, Source};
use privatelink_dns::sync::live::outside::{CallError, Outside, Reply, Request, Road};
use privatelink_dns::sync::live::scope::Scope;
use privatelink_dns::sync::live::settings::{Identity, Selection, Service, Settings};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tempfile::TempDir;

use crate::support::azure::Door;
use crate::support::azure::estate::{Endpoint, group_scope};
use crate::support::azure::fault::{Act, Fault, Sent};
use crate::support::azure::http::{Answer, Request as HttpRequest};
use crate::support::azure::identity::aadsts;
use crate::support::azure::world::World;

const ARM: &str = "https://arm.scripted.example";
const GROUPS: [&str; 3] = ["rg-one", "rg-two", "rg-three"];
/// The time of the first read, seconds since 1970.
const START: u64 = 1_795_000_000;

/// The world of one source: Azure, and a clock that moves when somebody waits.
struct Scripted {
    world: Mutex<World>,
    elapsed: Mutex<Duration>,
    random: Mutex<StdRng>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scripted {
    fn new(seed: u64) -> Self {
        let mut world = World { arm: ARM.to_owned(), ..World::default() };
        world.estate.page = 3;
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        Self { world: Mutex::new(world), elapsed: Mutex::default(), random }
    }

    fn pass(&self, time: Duration) {
        *lock(&self.elapsed) += time;
    }
}

impl Outside for Scripted {
    fn send(&self, request: &Request<'_>) -> Result<Reply, CallError> {
        self.pass(Duration::from_millis(20));
        let after_scheme = request.url.find("://").map_or(0, |at| at + 3);
        let end = request.url[after_scheme..].find('/').map_or(request.url.len(), |at| after_scheme + at);
        let (host, target) = request.url.split_at(end);
        let door = match request.road {
            Road::Local => Door::Local,
            Road::Cloud if host == ARM => Door::Cloud,
            Road::Cloud => Door::Elsewhere,
        };
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.reveal().to_owned())).collect();
        let asked = HttpRequest {
            method: if request.form.is_some() { "POST" } else { "GET" }.to_owned(),
            target: target.to_owned(),
            headers,
            body: request.form.as_ref().map(|form| form.reveal().to_owned()).unwrap_or_default(),
        };
        let mut world = lock(&self.world);
        world.identities.now = Some(self.unix());
        match world.answer(door, &asked) {
            Sent::Whole(answer) => {
                let fields = answer.headers.iter();
                let headers = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
                Ok(Reply { status: answer.status, headers, body: answer.body })
            }
            Sent::Raw(_) | Sent::Cut(..) | Sent::Reset => {
                Err(CallError::Unreachable("the connection broke off".to_owned()))
            }
            Sent::Slow(..) | Sent::Hang => {
                self.pass(Duration::from_secs(30));
                Err(CallError::TimedOut(Duration::from_secs(30)))
            }
        }
    }

    fn elapsed(&self) -> Duration {
        *lock(&self.elapsed)
    }

    fn unix(&self) -> u64 {
        START + self.elapsed().as_secs()
    }

    fn wait(&self, time: Duration) -> bool {
        self.pass(time);
        true
    }

    fn random(&self) -> f64 {
        lock(&self.random).random()
    }

    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<(Vec<u8>, u32)> {
        Ok((std::fs::read(path)?, 0o600))
    }

    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        self.read(path, max)
    }

    fn owner(&self, _: &Path) -> Option<u32> {
        None
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn run(&self, _: &str, _: &[&str], _: Duration) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Names with an address, and how a list has them.
type Records = BTreeSet<(String, String)>;

fn records_of(list: &str) -> Records {
    let table: toml::Table = list.parse().unwrap_or_else(|error| panic!("{error}: {list}"));
    let rows = table.get("endpoint").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut records = Records::new();
    for row in rows {
        let Some(name) = row.get("fqdn").and_then(toml::Value::as_str) else { continue };
        let Some(addresses) = row.get("addresses").or_else(|| row.get("address")) else {
            // A name of an endpoint that is not connected makes no record.
            assert!(row.get("connection").is_some(), "{row}");
            continue;
        };
        let one = std::slice::from_ref(addresses);
        for address in addresses.as_array().map_or(one, Vec::as_slice) {
            records.insert((name.to_owned(), address.as_str().unwrap().to_owned()));
        }
    }
    records
}

/// The endpoints that a list names without a record of theirs: what is in service of them stays.
fn gaps_of(list: &str) -> BTreeSet<String> {
    let table: toml::Table = list.parse().unwrap_or_else(|error| panic!("{error}: {list}"));
    let rows = table.get("endpoint").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let named = |wanted: fn(&toml::Value) -> bool| -> BTreeSet<String> {
        let rows = rows.iter().filter(|row| wanted(row)).filter_map(|row| row.get("private_endpoint")?.as_str());
        rows.map(str::to_ascii_lowercase).collect()
    };
    // One that Azure is still changing has its records, and is named once more.
    let (with, without) = (
        named(|row| row.get("fqdn").is_some()),
        named(|row| ["fqdn", "connection"].iter().all(|key| row.get(key).is_none())),
    );
    without.difference(&with).cloned().collect()
}

/// A source, its world, and what its lists said after the last read.
struct Test {
    outside: Arc<Scripted>,
    settings: Settings,
    source: Source,
    before: BTreeMap<String, Records>,
    random: StdRng,
    _dir: TempDir,
    made: usize,
}

impl Test {
    fn new(seed: u64) -> Self {
        let dir = TempDir::new().unwrap();
        let outside = Arc::new(Scripted::new(seed));
        let settings = Settings {
            name: "live".to_owned(),
            scopes: GROUPS.iter().map(|group| group_scope(group).parse().unwrap()).collect(),
            select: Selection { services: vec![Service::Backup, Service::Blob], ..Selection::default() },
            interval: Duration::from_mins(1),
            identity: Identity::Managed(None),
            arm: ARM.to_owned(),
            authority: ARM.to_owned(),
            audience: "https://management.azure.com/".to_owned(),
            folder: dir.path().join("live"),
            views: Vec::new(),
        };
        for group in GROUPS {
            let group = format!("{}/{group}", crate::support::azure::estate::SUBSCRIPTION);
            lock(&outside.world).estate.groups.insert(group);
        }
        let source = Source::new(settings.clone(), Arc::clone(&outside) as Arc<dyn Outside>);
        let random = StdRng::seed_from_u64(seed);
        Self { outside, settings, source, before: BTreeMap::new(), random, _dir: dir, made: 0 }
    }

    /// As after a restart of the server: the lists are there, tokens and time-outs are not.
    fn restart(&mut self) {
        self.source = Source::new(self.settings.clone(), Arc::clone(&self.outside) as Arc<dyn Outside>);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.outside.world)
    }

    fn add_endpoint(&mut self) {
        let (made, group) = (self.made, GROUPS[self.random.random_range(0..GROUPS.len())]);
        self.made += 1;
        let account = format!("acct{made}pod01prot1");
        let is_vault = self.random.random_bool(0.5);
        let mut endpoint = if is_vault {
            let rec = format!("{}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com", 10_000_000 + made);
            Endpoint::vault(&format!("pe-{made}")).with(&rec, &self.address())
        } else {
            Endpoint::account(&format!("pe-{made}"), &account, "blob")
        };
        endpoint.add(&format!("{account}.blob.core.windows.net"), &self.address());
        endpoint.shouts = self.random.random_bool(0.2);
        let state = ["Approved", "Approved", "Pending", "approved"][self.random.random_range(0..4)];
        self.world().estate.endpoints.push(endpoint.in_group(group).status(state));
    }

    fn address(&mut self) -> String {
        let [a, b, c]: [u8; 3] = self.random.random();
        if self.random.random_bool(0.1) { format!("fd00::{a:x}:{b:x}:{c:x}") } else { format!("10.{a}.{b}.{c}") }
    }

    /// One change of the estate.
    fn change(&mut self) {
        let count = self.world().estate.endpoints.len();
        if count == 0 || (count < 24 && self.random.random_bool(0.2)) {
            return self.add_endpoint();
        }
        let (at, what, address) = (self.random.random_range(0..count), self.random.random_range(0..9), self.address());
        let made = self.made;
        let mut world = self.world();
        let estate = &mut world.estate;
        let endpoint = &mut estate.endpoints[at];
        match what {
            0 => "Approved".clone_into(&mut endpoint.status),
            1 => "Disconnected".clone_into(&mut endpoint.status),
            2 => endpoint.add(&format!("acct{made}pod02ecs{at}.blob.core.windows.net"), &address),
            3 => ["Succeeded", "Updating", "Failed", "Deleting"][made % 4].clone_into(&mut endpoint.provisioning),
            4 => endpoint.names.iter_mut().for_each(|name| name.addresses = vec![address.clone()]),
            5 => drop(estate.endpoints.remove(at)),
            6 => estate.machines = made % 5,
            7 => endpoint.said = Some(Vec::new()),
            _ => endpoint.said = None,
        }
        drop(world);
        self.made += 1;
    }

    /// One fault, for some requests or for all.
    fn break_something(&mut self) {
        let number = self.random.random_range(0..18);
        let part = ["privateEndpoints", "networkInterfaces", "skipToken", "rg-two", "rg-three"]
            [self.random.random_range(0..5)];
        let fault = match number {
            0 => Fault::status(part, 500, "InternalServerError"),
            1 => Fault::status(part, 503, "ServiceUnavailable"),
            2 => Fault::status(part, 403, "AuthorizationFailed"),
            3 => Fault::status(part, 404, "ResourceGroupNotFound"),
            4 => Fault::status(part, 401, "ExpiredAuthenticationToken"),
            5 => Fault::on(part, Act::Say(throttled("7"))),
            6 => Fault::on(part, Act::Say(throttled("600"))),
            7 => Fault::on(part, Act::Hang),
            8 => Fault::on(part, Act::Reset),
            9 => Fault::on(part, Act::Say(Answer::html(200, "<html>Sign in"))),
            10 => Fault::edit("privateEndpoints", |body| body["value"] = serde_json::Value::Null),
            11 => {
                Fault::edit("privateEndpoints", |body| body["nextLink"] = json!("https://evil.example/x?api-version=1"))
            }
            12 => Fault::on(part, Act::Say(Answer::html(302, "").with("Location", "https://evil.example/"))),
            13 => Fault::on("/oauth2/token", Act::Say(Answer::html(500, ""))),
            14 => Fault::on("/oauth2/token", Act::Say(aadsts(400, 1, "invalid_request", "Identity not found"))),
            15 => Fault::on("/oauth2/token", Act::Hang),
            16 => Fault::on("/oauth2/token", Act::Say(Answer::html(429, "").with("Retry-After", "9"))),
            _ => Fault::status(part, 408, "RequestTimeout"),
        };
        let (after, times) = (self.random.random_range(0..3), self.random.random_range(1..7));
        let fault = if self.random.random_bool(0.5) { fault.after(after).times(times) } else { fault };
        self.world().faults.push(fault);
    }

    /// What a scope's list has to say now.
    fn expected(&self, scope: &Scope, gaps: &BTreeSet<String>) -> Records {
        let Scope::Group { group, .. } = scope else { panic!("{scope}") };
        let mut estate = self.world().estate.clone();
        let is_gap = |endpoint: &Endpoint| gaps.contains(&format!("{group}/{}", endpoint.name));
        estate.endpoints.retain(|endpoint| endpoint.group == *group && !is_gap(endpoint));
        let pairs = estate.expected().into_iter();
        pairs.flat_map(|(name, addresses)| addresses.into_iter().map(move |address| (name.clone(), address))).collect()
    }

    /// Reads once, and holds what was read against what there is; true if every scope was read.
    fn poll(&mut self, poll: usize) -> (bool, Fetched) {
        self.world().seen.clear();
        let fetched = self.source.fetch();
        let mut is_complete = true;
        for (scope, report) in self.settings.scopes.iter().zip(&self.source.report().scopes) {
            let list = std::fs::read_to_string(self.settings.list_path(scope)).unwrap_or_default();
            let found = records_of(&list);
            let before = self.before.get(&scope.to_string()).cloned().unwrap_or_default();
            let gaps = gaps_of(&list);
            if report.problems.is_empty() {
                assert!(gaps.is_empty() || !self.world().faults.is_empty(), "poll {poll}: {list}");
                assert_eq!(
                    found,
                    self.expected(scope, &gaps),
                    "poll {poll}, {scope}: a complete read\n{:#?}",
                    fetched.findings
                );
            } else {
                assert_eq!(found, before, "poll {poll}, {scope}: a read that failed\n{:#?}", fetched.findings);
                is_complete = false;
            }
            self.before.insert(scope.to_string(), found);
        }
        self.is_careful(poll, &fetched);
        (is_complete, fetched)
    }

    fn is_careful(&self, poll: usize, fetched: &Fetched) {
        let world = self.world();
        let report = std::fs::read_to_string(self.settings.report_path()).unwrap_or_default();
        let said = format!("{fetched:?} {:?} {report}", self.source.report());
        for secret in world.secrets() {
            assert!(!said.contains(secret), "poll {poll}: {said}");
        }
        assert!(world.seen.iter().all(|seen| seen.door != Door::Elsewhere), "poll {poll}: {:#?}", world.seen);
        assert!(world.arm_requests() < 120, "poll {poll}: {} requests", world.arm_requests());
    }

    /// Lets the time until the next read pass.
    fn pause(&mut self, next: Next) {
        self.outside.pass(match next {
            Next::Usual => Duration::from_mins(1),
            Next::Soon(time) | Next::NotBefore(time) => time.min(Duration::from_hours(2)),
            Next::Failed => Duration::from_secs(4),
        });
    }
}

fn throttled(time: &str) -> Answer {
    Answer::json(429, &json!({"error": {"code": "TooManyRequests", "message": "slow"}})).with("Retry-After", time)
}

/// Reads that often, and says so with the seed.
fn polls(seed: u64, count: usize) {
    eprintln!("seed {seed}");
    let mut test = Test::new(seed);
    let (mut complete, mut failed) = (0, 0);
    for poll in 0..count {
        for _ in 0..test.random.random_range(0..3) {
            test.change();
        }
        if test.random.random_bool(0.01) {
            test.restart();
        }
        if test.random.random_bool(0.02) {
            test.world().identities.revoke();
        }
        let is_broken = test.random.random_bool(0.4);
        for _ in 0..if is_broken { test.random.random_range(1..3) } else { 0 } {
            test.break_something();
        }
        let (is_complete, fetched) = test.poll(poll);
        *(if is_complete { &mut complete } else { &mut failed }) += 1;
        test.world().faults.clear();
        test.pause(fetched.next);
        if !is_complete {
            // Once nothing is broken, it is read again; an estate that became empty is left alone, and says so.
            let reads: Vec<bool> = (0..4)
                .map(|_| {
                    let (is_complete, fetched) = test.poll(poll);
                    test.pause(fetched.next);
                    is_complete
                })
                .collect();
            let has_emptied =
                test.settings.scopes.iter().any(|scope| test.expected(scope, &BTreeSet::new()).is_empty());
            assert!(reads.contains(&true) || has_emptied, "poll {poll}: it does not come back: {reads:?}");
        }
    }
    assert!(complete > count / 4 && failed > count / 10, "{complete} complete, {failed} failed");
}

#[test]
fn however_reads_fail_no_record_is_lost_and_none_is_made_up() {
    let count = std::env::var("POLLS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    for seed in [1, 2] {
        polls(seed, count / 2);
    }
}

#[test]
fn what_is_said_of_a_fault_is_the_same_as_long_as_it_lasts() {
    for number in 0..18 {
        let mut test = Test::new(number);
        for _ in 0..5 {
            test.add_endpoint();
        }
        test.poll(0);
        test.world().identities.revoke();
        test.restart();
        // The faults in turn, whatever the seed.
        let fault = |test: &mut Test| {
            for _ in 0..40 {
                test.break_something();
            }
            let fault = test.world().faults.swap_remove(usize::try_from(number).unwrap());
            test.world().faults = vec![fault.times(usize::MAX)];
        };
        fault(&mut test);
        let said = |test: &mut Test| {
            let (_, fetched) = test.poll(1);
            test.pause(fetched.next);
            fetched.findings.into_iter().map(|finding| finding.diagnostic).collect::<Vec<_>>()
        };
        said(&mut test);
        let (first, second) = (said(&mut test), said(&mut test));
        assert_eq!(first, second, "seed {number}");
    }
}
