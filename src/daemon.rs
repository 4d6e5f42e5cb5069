//! Floor 5: the composition root of `serve`.
//!
//! In: a config. Out: a running server, until a signal ends it. Everything that lasts is owned here; everything
//! that changes an answer goes through `Daemon::publish`.
//!
//! ```text
//!   start:   signals -> sockets -> control socket -> zones from disk -> listeners -> first pass -> ready
//!   then:    lists changed, interval -> pass -> zones      zones changed -> zones
//!            config changed, SIGHUP -> config, then all    SIGTERM, SIGINT -> drain, end
//! ```
//!
//! The loop waits for nothing but events. Whatever touches a disk runs in the background, one task at a time (see `work`).

mod background;
pub mod control;
mod folders;
mod log;
mod ready;
mod routes;
mod schedule;
mod status_board;
mod work;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::config::{self, Config};
use crate::diag::{self, Diagnostic, Id, Place, Severity};
use crate::server::admission::cookies::{Cookies, Secret};
use crate::server::{self, BindError, Listeners, Shared, Snapshot};
use crate::sync::gather::Gatherer;
use crate::sync::pass::{self, Aftermath, PassOutcome, Seen};
use crate::sync::progress::no_progress;
use crate::watch::{Kind, Unwatched, Watch};
use crate::zone::ZoneSet;
use crate::zone::store::{Report, Store};
use control::protocol::ControlReply;
use control::{Command, CommandKind, Control, ControlContext, ControlError, PlacedSocket};
use routes::Routes;
use schedule::Schedule;
use status_board::{Degraded, StatusBoard};
use work::{Due, Running, Task, Waiter, Why, finished};

/// How long queries under way may take once the end has come.
const GRACE: Duration = Duration::from_secs(6);

/// How much longer than its sources a pass may take before somebody should look at the disk.
const SLOW: Duration = Duration::from_secs(30);

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Addresses that could not be bound.
    #[error("{}", lines(.0))]
    Bind(Vec<BindError>),
    /// The thread that asks upstreams is gone.
    #[error("the forwarder broke off, which is a bug; start the server again, and please report what the log says")]
    Upstreams,
    /// Something else of the system's.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

fn lines(errors: &[BindError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

struct Daemon {
    config: Config,
    /// The `listen` of the config at the start.
    started_with: Vec<SocketAddr>,
    /// The bytes of the config file when it was last read, taken or not.
    config_seen: Option<Vec<u8>>,
    /// Where this server listens; a new `listen` takes effect at the next start.
    bound: Vec<SocketAddr>,
    /// Held by the task that runs. One that breaks off leaves them as they were: last good copies are not lost with it.
    tools: Arc<Mutex<Tools>>,
    /// What the last pass had to say, so that it is said once.
    already_logged: Vec<Diagnostic>,
    /// Whether the last pass went wrong.
    last_pass_failed: bool,
    /// Makes cookies unless the config has secrets.
    secret: Secret,
    routes: Routes,
    shared: Arc<Shared>,
    /// For `status`.
    board: Arc<StatusBoard>,
    watches: Vec<Watch>,
    unwatched: Vec<PathBuf>,
    ticks: mpsc::Sender<Kind>,
    /// The threads that answer, once there are zones to answer from.
    answering: Option<server::Running>,
    due: Due,
    control: Option<Control>,
    /// What the last pass left to do once its zones are in service.
    aftermath: Option<Aftermath>,
}

/// What a task needs and gives back.
struct Tools {
    store: Store,
    gatherer: Gatherer,
    seen: Seen,
}

/// What a task brought.
struct Done {
    report: Report,
    degraded: Degraded,
    outcome: Option<PassOutcome>,
}

/// What reading the config brought.
enum Read {
    /// It is the one that was read last.
    Same,
    /// What was built of it, or why not, and its bytes.
    New(Result<Box<Built>, Vec<Diagnostic>>, Option<Vec<u8>>),
}

/// A config and what follows from it, whole and not yet in service.
struct Built {
    config: Config,
    routes: Routes,
}

/// Reads a config and builds what follows from it. What is in service is not touched.
fn build(why: Why, old: &Config, bound: &[SocketAddr], routes: &Routes) -> Result<Built, Vec<Diagnostic>> {
    let config = Config::load(&old.file)?;
    let losses = config.losses(old);
    let problem = |id, text: String| Diagnostic::error(id, Place::file(&config.file), text);
    if why == Why::FileEvent && !losses.is_empty() {
        let way_out = format!("if that is meant, say so: privatelink-dns reload --config {}", diag::path(&config.file));
        return Err(losses.into_iter().chain([problem(Id::CONFIG_LOSS, way_out)]).collect());
    }
    let routes = Routes::build(&config, bound, Some(routes)).map_err(|failed| {
        vec![problem(Id::CONFIG_UPSTREAMS, format!("the new upstreams cannot be asked: {failed}"))]
    })?;
    Ok(Built { config, routes })
}

/// What the loop waits for.
enum Event {
    /// A task is over, and who waited for it.
    Task(Option<Box<Done>>, Vec<Waiter>),
    /// The config was read, and who waited for that.
    Config(Option<Read>, Vec<Waiter>),
    /// Folders are watched.
    Watches(Option<Vec<(Watch, Unwatched)>>),
    /// The control socket is in its new place.
    Control(Option<Result<PlacedSocket, ControlError>>),
    /// A file changed.
    Changed(Kind),
    /// Somebody asked for something by the control socket.
    Command(Command),
    /// SIGHUP.
    Hangup,
    /// A client asked for a name that a zone lacks.
    Missed,
    /// It is time to look at the lists.
    Interval,
    /// A task takes very long.
    Slow,
    /// The first pass takes too long to wait for it.
    ReadyAtLast,
    /// The thread that asks upstreams is gone.
    ForwarderEnded,
}

/// Where the loop is.
struct Course {
    inbox: mpsc::Receiver<Kind>,
    commands: mpsc::Receiver<Command>,
    hangup: Signal,
    addresses: Vec<SocketAddr>,
    schedule: Schedule,
    task: Option<Running<Box<Done>>>,
    config: Option<Running<Read>>,
    watches: Option<Running<Vec<(Watch, Unwatched)>>>,
    /// For the control socket, wherever it is.
    command_sender: mpsc::Sender<Command>,
    /// A control socket that is being put in its place.
    control: Option<Running<Result<PlacedSocket, ControlError>>>,
    /// When the present task has taken very long.
    slow: Option<Instant>,
    /// When to be ready at the latest; none once that was said.
    ready: Option<Instant>,
    /// Whether the first pass has yet to begin.
    is_first: bool,
}

impl Course {
    async fn next(&mut self, shared: &Shared, routes: &Routes) -> Event {
        let is_idle = self.task.is_none();
        let forwarder = routes.upstreams();
        tokio::select! {
            (done, waiters) = finished(&mut self.task) => Event::Task(done, waiters),
            (read, waiters) = finished(&mut self.config) => Event::Config(read, waiters),
            (found, _) = finished(&mut self.watches) => Event::Watches(found),
            (placed, _) = finished(&mut self.control) => Event::Control(placed),
            Some(kind) = self.inbox.recv() => Event::Changed(kind),
            Some(command) = self.commands.recv() => Event::Command(command),
            _ = self.hangup.recv() => Event::Hangup,
            () = shared.misses.wanted() => Event::Missed,
            () = tokio::time::sleep_until(self.schedule.next()), if is_idle => Event::Interval,
            () = until(self.slow) => Event::Slow,
            () = until(self.ready) => Event::ReadyAtLast,
            () = forwarder.ended() => Event::ForwarderEnded,
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(config: Config) -> Result<(), StartError> {
    crate::telemetry::start_logs("info");
    let started = std::time::Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let listeners = Listeners::bind(&config.listen, workers()).map_err(StartError::Bind)?;
    let (ticks, inbox) = mpsc::channel(TICKS);
    let bound = listeners.addresses();
    let board = Arc::new(StatusBoard::new(&config.file, bound.clone(), started));
    let mut daemon = Daemon::new(config, bound, board, ticks)?;
    let ended = tokio::select! {
        broken = daemon.run(listeners, inbox, hangup) => broken,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    info!("draining");
    if let Some(answering) = daemon.answering.take() {
        answering.drain(&daemon.shared, GRACE).await;
    }
    info!("stopped");
    ended
}

/// Ticks that may wait: one of each kind, and some to spare.
const TICKS: usize = 16;

/// UDP workers: one for each core.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The snapshot that a server with this config would start with, for one question on the command line.
pub(crate) fn snapshot(config: &Config) -> io::Result<Arc<Snapshot>> {
    let zones = Store::new(config.zones.clone()).reload().zones;
    let routes = Routes::build(config, &config.listen, None)?;
    Ok(Arc::new(snapshot_of(config, &routes, Cookies::own_secret(), Arc::new(zones))))
}

/// All that decides an answer, from all that it follows from.
fn snapshot_of(config: &Config, routes: &Routes, secret: Secret, zones: Arc<ZoneSet>) -> Snapshot {
    Snapshot {
        zones,
        access: config.access.clone(),
        resolver: routes.resolver(config),
        settings: Arc::new(config.server.clone()),
        cookies: Cookies::new(&config.server.cookies, secret, now()),
    }
}

/// On the clock that answers go by, and of the day.
fn now() -> (std::time::Instant, SystemTime) {
    (std::time::Instant::now(), SystemTime::now())
}

impl Tools {
    /// Does what a pass left to do.
    fn remember(&mut self, aftermath: Aftermath) -> Option<PassOutcome> {
        let remembered = aftermath.remember(&mut self.seen);
        if let Some(error) = self.seen.news(remembered) {
            log::found(&error);
        }
        None
    }

    fn new(config: &Config) -> Self {
        Self { store: Store::new(config.zones.clone()), gatherer: Gatherer::default(), seen: Seen::default() }
    }
}

impl Daemon {
    /// Everything but what needs a disk.
    fn new(
        config: Config,
        bound: Vec<SocketAddr>,
        board: Arc<StatusBoard>,
        ticks: mpsc::Sender<Kind>,
    ) -> Result<Self, StartError> {
        config.warnings.iter().for_each(log::found);
        let routes = Routes::build(&config, &bound, None)?;
        let secret = Cookies::own_secret();
        // Nobody is answered before there are zones.
        let shared = Shared::new(snapshot_of(&config, &routes, secret, Arc::default()));
        board.sources(&config);
        Ok(Self {
            tools: Arc::new(Mutex::new(Tools::new(&config))),
            bound,
            started_with: config.listen.clone(),
            config,
            config_seen: None,
            already_logged: Vec::new(),
            last_pass_failed: false,
            secret,
            routes,
            shared,
            board,
            watches: Vec::new(),
            unwatched: Vec::new(),
            ticks,
            answering: None,
            due: Due::default(),
            control: None,
            aftermath: None,
        })
    }

    /// Starts to answer, then does what there is to do, as long as that makes sense.
    async fn run(
        &mut self,
        listeners: Listeners,
        inbox: mpsc::Receiver<Kind>,
        hangup: Signal,
    ) -> Result<(), StartError> {
        let started = Instant::now();
        let addresses = listeners.addresses();
        let (command_sender, commands) = mpsc::channel(TICKS);
        self.control = self.place_control(command_sender.clone()).await;
        self.first_zones().await;
        self.answering = Some(listeners.start(&self.shared, &Handle::current())?);
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let ready = ready::at_the_latest(&zones, self.config.sync.pass_deadline, started);
        let mut course = Course {
            inbox,
            commands,
            hangup,
            addresses,
            schedule: Schedule::new(Instant::now(), &self.config.sync),
            task: None,
            config: None,
            watches: Some(self.watch_folders()),
            command_sender,
            control: None,
            slow: None,
            ready: Some(ready),
            is_first: true,
        };
        loop {
            if course.config.is_none() {
                course.config = self.start_config();
            }
            if course.task.is_none() {
                course.task = self.start_task();
                course.slow = course.task.as_ref().map(|task| task.started + self.config.sync.pass_deadline + SLOW);
            }
            let event = course.next(&self.shared, &self.routes).await;
            self.act(event, &mut course)?;
        }
    }

    /// Does what an event asks for; nothing here waits.
    fn act(&mut self, event: Event, course: &mut Course) -> Result<(), StartError> {
        let now = Instant::now();
        match event {
            Event::Task(done, waiters) => {
                course.slow = None;
                if self.task_done(done, waiters) {
                    course.schedule.synced(now, &self.config.sync);
                    self.shared.misses.rearm();
                    self.announce(course);
                    if !self.unwatched.is_empty() && course.watches.is_none() {
                        course.watches = Some(self.watch_folders());
                    }
                }
            }
            Event::Config(read, waiters) => {
                let before = self.config.control.clone();
                if self.config_read(read, waiters) {
                    course.watches = Some(self.watch_folders());
                    if self.config.control != before {
                        self.control = None;
                        course.control = self.start_placing();
                    }
                }
            }
            Event::Watches(found) => {
                self.watching(found);
                // The first pass: what changes after it has read is seen.
                if std::mem::take(&mut course.is_first) {
                    self.due.task(Task::Pass);
                }
            }
            Event::Control(placed) => self.control = self.start_control(placed, course.command_sender.clone()),
            Event::Changed(Kind::Config) => self.due.config(Why::FileEvent),
            Event::Changed(Kind::Lists) | Event::Interval => self.due.task(Task::Pass),
            Event::Changed(Kind::Zones) => self.due.task(Task::Zones),
            Event::Command(Command { kind: CommandKind::Reload, answer }) => self.due.reload_for(answer),
            Event::Command(Command { kind: CommandKind::Sync, answer }) => self.due.pass_for([answer]),
            Event::Hangup => self.due.config(Why::Person),
            Event::Missed => course.schedule.missed(now, &self.config.sync),
            Event::Slow => {
                course.slow = None;
                let place = Place::file(&self.config.zones.zone_dir);
                let text = "reading or writing zones takes very long: look whether the disk of zone_dir or state_dir hangs; \
                            what is in service stays";
                log::found(&Diagnostic::warning(Id::DISK_SLOW, place, text));
            }
            Event::ReadyAtLast => self.announce(course),
            Event::ForwarderEnded => return Err(StartError::Upstreams),
        }
        Ok(())
    }

    /// Says once that queries are answered.
    fn announce(&self, course: &mut Course) {
        if course.ready.take().is_some() {
            ready::announce(&course.addresses, &self.shared.snapshot.load().zones);
        }
    }

    /// Opens the control socket, and waits until it is there.
    async fn place_control(&self, command_sender: mpsc::Sender<Command>) -> Option<Control> {
        let mut placing = Some(self.start_placing()?);
        let (placed, _) = finished(&mut placing).await;
        self.start_control(placed, command_sender)
    }

    /// Starts to put the control socket where the config wants it; it may wait for the disk.
    fn start_placing(&self) -> Option<Running<Result<PlacedSocket, ControlError>>> {
        let path = self.config.control.clone()?;
        Some(Running::new(background::start("control", move || control::place(&path)), Vec::new()))
    }

    /// Listens on it; without one the server serves all the same.
    fn start_control(
        &self,
        placed: Option<Result<PlacedSocket, ControlError>>,
        command_sender: mpsc::Sender<Command>,
    ) -> Option<Control> {
        let commands = ControlContext {
            shared: Arc::clone(&self.shared),
            board: Arc::clone(&self.board),
            commands: command_sender,
        };
        let started = placed?.and_then(|placed| Control::start(placed, commands));
        started.inspect_err(|failed| log::found(&failed.diagnostic())).ok()
    }

    /// Reads the zones for the first time: what is on disk is served, whatever lists say and whether they are there.
    async fn first_zones(&mut self) {
        let file = self.config.file.clone();
        let work = self.work(|_| None);
        match background::run("zones", move || (work(), config::read(&file).ok())).await {
            Ok((done, seen)) => {
                self.config_seen = seen;
                self.task_done(Some(done), Vec::new());
            }
            Err(failed) => error!(%failed, "reading the zones broke off"),
        }
    }

    /// Starts the next task, if one is due, or does what the last one left.
    fn start_task(&mut self) -> Option<Running<Box<Done>>> {
        let now = SystemTime::now();
        if let Some(aftermath) = self.aftermath.take() {
            self.board.task_started(now);
            return Some(Running::new(
                background::start("state", self.work(|tools| tools.remember(aftermath))),
                Vec::new(),
            ));
        }
        let (task, waiters) = self.due.take_task()?;
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let settings = self.config.sync.clone();
        self.board.task_started(now);
        let pass = move |tools: &mut Tools| {
            (task == Task::Pass).then(|| pass::run(&settings, &zones, &mut tools.gatherer, None, now, &no_progress))
        };
        Some(Running::new(background::start("sync", self.work(pass)), waiters))
    }

    /// Something to do with the tools, and then the zone files, behind the loop.
    fn work(
        &self,
        first: impl FnOnce(&mut Tools) -> Option<PassOutcome> + Send + 'static,
    ) -> impl FnOnce() -> Box<Done> + Send + 'static {
        let (tools, zones) = (Arc::clone(&self.tools), self.config.zones.clone());
        move || {
            let mut tools = tools.lock().unwrap_or_else(PoisonError::into_inner);
            tools.store.set_settings(zones);
            let outcome = first(&mut tools);
            let report = tools.store.reload();
            Box::new(Done { report, degraded: status_board::degraded(&tools.store), outcome })
        }
    }

    /// Takes what a task brought; whether it was a pass. Whatever comes of it, serving goes on.
    fn task_done(&mut self, done: Option<Box<Done>>, waiters: Vec<Waiter>) -> bool {
        self.board.task_ended();
        let Some(Done { report, degraded, outcome }) = done.map(|done| *done) else {
            let place = Place::file(&self.config.zones.zone_dir);
            let text = "the pass broke off, which is a bug; the zones in service stay; please report what the log says";
            let broken = Diagnostic::error(Id::TASK_BROKE_OFF, place, text);
            log::found(&broken);
            answer(waiters, || ControlReply::Refused(vec![broken.clone()]));
            return true;
        };
        self.board.zones_read(degraded);
        log::report(&report);
        self.publish_zones(report.zones);
        let Some(mut outcome) = outcome else {
            // Somebody else wrote zones, perhaps what was held here: its approval is no news any more.
            if !report.published.is_empty() && self.board.is_held() {
                self.due.task(Task::Pass);
            }
            return false;
        };
        let pass = self.board.passed(&outcome, &self.config, SystemTime::now());
        self.log_pass(&outcome);
        self.aftermath = outcome.aftermath.take();
        answer(waiters, || ControlReply::Passed(pass.clone()));
        true
    }

    fn publish_zones(&self, zones: ZoneSet) {
        let current = self.shared.snapshot.load();
        // Answers that were kept ready are good as long as the zones are the same.
        let is_same = current.zones.is_same(&zones);
        let zones = if is_same { Arc::clone(&current.zones) } else { Arc::new(zones) };
        self.publish(current.with_zones(zones, now()));
    }

    /// Starts to read the config, if that is due, and to build what follows from it.
    fn start_config(&mut self) -> Option<Running<Read>> {
        let (why, waiters) = self.due.take_config()?;
        let (old, seen) = (self.config.clone(), self.config_seen.clone());
        let (bound, routes) = (self.bound.clone(), self.routes.clone());
        let work = move || {
            let bytes = config::read(&old.file).ok();
            // The config's folder may hold files that change all the time, our own log among them.
            if why == Why::FileEvent && bytes == seen {
                return Read::Same;
            }
            Read::New(build(why, &old, &bound, &routes).map(Box::new), bytes)
        };
        Some(Running::new(background::start("config", work), waiters))
    }

    /// Takes all of a new config, or none of it; whether it was taken.
    fn config_read(&mut self, read: Option<Read>, waiters: Vec<Waiter>) -> bool {
        let refused = match read {
            Some(Read::Same) => return false,
            None => {
                let text = "reading the config broke off, which is a bug; please report what the log says";
                vec![Diagnostic::error(Id::TASK_BROKE_OFF, Place::file(&self.config.file), text)]
            }
            Some(Read::New(built, bytes)) => {
                self.config_seen = bytes;
                match built {
                    Ok(built) => {
                        self.take_config(*built);
                        self.due.pass_for(waiters);
                        return true;
                    }
                    Err(problems) => problems,
                }
            }
        };
        refused.iter().for_each(log::found);
        error!(problems = refused.len(), "the new config is not taken; the old one stays in service");
        self.board.config_read(refused.clone());
        answer(waiters, || ControlReply::Refused(refused.clone()));
        false
    }

    /// Puts in service what was built; nothing here can fail.
    fn take_config(&mut self, Built { config, routes }: Built) {
        let waiting = if config.listen == self.started_with {
            Vec::new()
        } else {
            let text = "'listen' changed; that takes effect at the next start";
            vec![Diagnostic::warning(Id::RESTART_NEEDED, Place::file(&config.file), text)]
        };
        waiting.iter().for_each(log::found);
        self.board.config_taken(waiting);
        config.warnings.iter().for_each(log::found);
        (self.config, self.routes) = (config, routes);
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        self.publish(snapshot_of(&self.config, &self.routes, self.secret, zones));
        info!(config = %diag::path(&self.config.file), "config read");
    }

    /// Says what a pass found, once: the same again at the next interval is no news.
    fn log_pass(&mut self, outcome: &PassOutcome) {
        log::changes(&outcome.changes);
        let mut found = outcome.warnings.to_vec();
        found.extend(outcome.conflicts.to_vec());
        let errors = outcome.all_errors();
        let has_failed = !errors.is_empty() || outcome.held.is_some();
        found.extend(errors);
        let file = diag::path(&self.config.file);
        let held = outcome.held.iter().flat_map(|held| held.for_log(&file));
        // Whatever waits for a person is an error in the log.
        found.extend(held.map(|held| Diagnostic { severity: Severity::Error, ..held }));
        found.iter().filter(|found| !self.already_logged.contains(found)).for_each(log::found);
        if !has_failed && self.last_pass_failed {
            info!("the sync is good again");
        }
        self.last_pass_failed = has_failed;
        self.already_logged = found;
    }

    fn publish(&self, snapshot: Snapshot) {
        self.shared.snapshot.store(Arc::new(snapshot));
    }

    /// Starts to watch the folders that the present config names. A share that hangs keeps the thread that looks at it.
    fn watch_folders(&self) -> Running<Vec<(Watch, Unwatched)>> {
        let (config, ticks) = (self.config.clone(), self.ticks.clone());
        let work = move || folders::of(&config).iter().filter_map(|folders| start_watch(folders, &ticks)).collect();
        Running::new(background::start("watch", work), Vec::new())
    }

    fn watching(&mut self, found: Option<Vec<(Watch, Unwatched)>>) {
        let (watches, unwatched): (Vec<Watch>, Vec<Unwatched>) = found.unwrap_or_default().into_iter().unzip();
        for (folder, reason) in unwatched.iter().flatten().filter(|(folder, _)| !self.unwatched.contains(folder)) {
            let text = format!("cannot watch the folder: {reason}; its changes are seen at the next interval");
            log::found(&Diagnostic::warning(Id::FOLDER_UNWATCHED, Place::file(folder), text));
        }
        self.watches = watches;
        self.unwatched = unwatched.into_iter().flatten().map(|(folder, _)| folder).collect();
    }
}

fn start_watch(folders: &folders::Folders, ticks: &mpsc::Sender<Kind>) -> Option<(Watch, Unwatched)> {
    match Watch::start(&folders.watched, ticks.clone()) {
        Ok((watch, mut unwatched)) => {
            unwatched.extend(folders.silent.iter().map(|folder| (folder.clone(), "it does not answer".to_owned())));
            Some((watch, unwatched))
        }
        Err(failed) => {
            warn!(%failed, "cannot watch files; changes are seen at the next interval");
            None
        }
    }
}

/// Waits until then, or for ever.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
}

/// Tells everybody who waits; some may have gone.
fn answer(waiters: Vec<Waiter>, reply: impl Fn() -> ControlReply) {
    for waiter in waiters {
        let _ = waiter.send(reply());
    }
}
