//! Floor 5: the composition root of `serve`.
//!
//! In: a config. Out: a running server, until a signal ends it. Everything that lasts is owned here; everything
//! that changes an answer goes through `Daemon::publish`.
//!
//! ```text
//!   start:   zones from disk -> snapshot -> listeners -> first sync -> ready
//!   then:    lists changed, interval -> sync -> zones      zones changed -> zones
//!            config changed, SIGHUP -> config, then all    SIGTERM, SIGINT -> drain, end
//! ```

mod behind;
mod board;
pub mod control;
mod folders;
mod ready;
mod rhythm;
mod routes;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::config::{Config, Problem};
use crate::server::cookies::{Cookies, Secret};
use crate::server::{BindError, Listeners, Running, Shared, Snapshot};
use crate::sync::pass::{self, Done, Outcome};
use crate::sync::progress::unwatched;
use crate::watch::{Kind, Watch};
use crate::zone::store::{Report, Store};
use board::Board;
use control::protocol::Reply;
use control::{Control, Desk, Order, What};
use rhythm::Rhythm;
use routes::Routes;

/// How long queries under way may take once the end has come.
const GRACE: Duration = Duration::from_secs(6);

/// Why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Addresses that could not be bound.
    #[error("{}", lines(.0))]
    Bind(Vec<BindError>),
    /// The thread that asks upstreams is gone.
    #[error("the forwarder broke off, which is a bug; start the server again, and please report what the log says")]
    Forwarder,
    /// Something else of the system's.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

fn lines(errors: &[BindError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

struct Daemon {
    config: Config,
    /// The bytes of the config file when it was last read, taken or not.
    config_seen: Option<Vec<u8>>,
    store: Store,
    /// What the last pass had to say, so that it is said once.
    said: Vec<String>,
    /// Whether the last pass went wrong.
    failing: bool,
    /// Makes cookies unless the config has secrets.
    secret: Secret,
    routes: Routes,
    shared: Arc<Shared>,
    /// For `status`.
    board: Arc<Board>,
    watch: Option<Watch>,
    ticks: mpsc::Sender<Kind>,
}

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(config: Config) -> Result<(), StartError> {
    crate::telemetry::start_logs("info");
    let started = std::time::Instant::now();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let listeners = Listeners::bind(&config.listen, workers()).map_err(StartError::Bind)?;
    let addresses = listeners.addresses();
    let (ticks, inbox) = mpsc::channel(TICKS);
    let board = Arc::new(Board::new(&config.file, addresses.clone(), started));
    let mut daemon = Daemon::new(config, board, ticks)?;
    let shared = Arc::clone(&daemon.shared);
    let running: Running = listeners.start(&shared, &Handle::current())?;
    daemon.sync().await;
    daemon.watch_folders();
    let (orders, desk) = mpsc::channel(TICKS);
    let _control = daemon.open_control(orders);
    ready::announce(&addresses, &shared.snapshot.load().zones);
    let ended = tokio::select! {
        broken = daemon.run(inbox, desk, hangup) => Err(broken),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    info!("draining");
    running.drain(&shared, GRACE).await;
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
    let resolver = Routes::start(config)?.resolver(config, &Handle::current());
    Ok(Arc::new(Snapshot {
        zones: Arc::new(zones),
        access: config.access.clone(),
        resolver,
        settings: Arc::new(config.server.clone()),
        cookies: cookies(config, Cookies::own_secret()),
    }))
}

fn cookies(config: &Config, own: Secret) -> Cookies {
    Cookies::new(&config.server.cookies, own, now())
}

/// On the clock that answers go by, and of the day.
fn now() -> (std::time::Instant, std::time::SystemTime) {
    (std::time::Instant::now(), std::time::SystemTime::now())
}

impl Daemon {
    /// Reads the zones from disk and builds the first snapshot.
    fn new(config: Config, board: Arc<Board>, ticks: mpsc::Sender<Kind>) -> Result<Self, StartError> {
        let mut store = Store::new(config.zones.clone());
        let report = store.reload();
        log_report(&report);
        board.zones_read(&store);
        config.warnings.iter().for_each(log_warning);
        let routes = Routes::start(&config)?;
        let secret = Cookies::own_secret();
        let shared = Shared::new(Snapshot {
            zones: Arc::new(report.zones),
            access: config.access.clone(),
            resolver: routes.resolver(&config, &Handle::current()),
            settings: Arc::new(config.server.clone()),
            cookies: cookies(&config, secret),
        });
        let config_seen = std::fs::read(&config.file).ok();
        Ok(Self {
            config,
            config_seen,
            store,
            said: Vec::new(),
            failing: false,
            secret,
            routes,
            shared,
            board,
            watch: None,
            ticks,
        })
    }

    /// Does what there is to do, as long as that makes sense.
    async fn run(
        &mut self,
        mut inbox: mpsc::Receiver<Kind>,
        mut desk: mpsc::Receiver<Order>,
        mut hangup: Signal,
    ) -> StartError {
        let shared = Arc::clone(&self.shared);
        let mut rhythm = Rhythm::new(Instant::now(), &self.config.sync);
        loop {
            let forwarder = self.routes.forwarder();
            let tick = tokio::select! {
                Some(kind) = inbox.recv() => {
                    if kind == Kind::Config && !self.config_changed() {
                        continue;
                    }
                    kind
                }
                Some(order) = desk.recv() => {
                    self.obey(order).await;
                    rhythm.synced(Instant::now(), &self.config.sync);
                    shared.misses.rearm();
                    continue;
                }
                _ = hangup.recv() => Kind::Config,
                () = shared.misses.wanted() => {
                    rhythm.missed(Instant::now(), &self.config.sync);
                    continue;
                }
                () = tokio::time::sleep_until(rhythm.next()) => Kind::Lists,
                () = forwarder.ended() => return StartError::Forwarder,
            };
            match tick {
                Kind::Zones => self.reload_zones().await,
                Kind::Lists => self.sync().await,
                Kind::Config => drop(self.reload_config().await),
            }
            if tick != Kind::Zones {
                rhythm.synced(Instant::now(), &self.config.sync);
                shared.misses.rearm();
            }
        }
    }

    /// Opens the control socket; without one the server serves all the same.
    fn open_control(&self, orders: mpsc::Sender<Order>) -> Option<Control> {
        let path = self.config.control.as_ref()?;
        let desk = Desk { shared: Arc::clone(&self.shared), board: Arc::clone(&self.board), orders };
        Control::start(path, desk).inspect_err(|failed| error!("{failed}")).ok()
    }

    /// Does what came by the control socket, and says how it went.
    async fn obey(&mut self, order: Order) {
        let done = match order.what {
            What::Reload => self.reload_config().await,
            What::Sync => {
                self.sync().await;
                Ok(())
            }
        };
        let reply = match (done, self.board.last_pass()) {
            (Err(problems), _) => Reply::Refused(problems),
            (Ok(()), Some(pass)) => Reply::Passed(pass),
            (Ok(()), None) => Reply::Refused(vec!["the pass broke off; see the log".to_owned()]),
        };
        // Whoever asked may have gone.
        let _ = order.answer.send(reply);
    }

    /// One sync pass, then the zones it may have written. Whatever comes of the pass, serving goes on.
    async fn sync(&mut self) {
        let zones = Arc::clone(&self.shared.snapshot.load().zones);
        let settings = self.config.sync.clone();
        let now = std::time::SystemTime::now();
        let passed = behind::run("sync", move || pass::run(&settings, &zones, None, now, &unwatched)).await;
        match passed {
            Ok(outcome) => {
                self.board.passed(&outcome, &self.config, std::time::SystemTime::now());
                self.log_pass(&outcome);
            }
            Err(failed) => error!(%failed, "the sync pass broke off; the zones in service stay"),
        }
        self.reload_zones().await;
    }

    /// Reads changed zone files and puts them in service.
    async fn reload_zones(&mut self) {
        let mut store = std::mem::replace(&mut self.store, Store::new(self.config.zones.clone()));
        let read = behind::run("zones", move || {
            let report = store.reload();
            (store, report)
        });
        match read.await {
            Ok((store, report)) => {
                self.store = store;
                self.board.zones_read(&self.store);
                log_report(&report);
                let current = self.shared.snapshot.load();
                // Answers that were kept ready are good as long as the zones are the same.
                let is_same = current.zones.is_same(&report.zones);
                let zones = if is_same { Arc::clone(&current.zones) } else { Arc::new(report.zones) };
                self.publish(Snapshot {
                    zones,
                    access: current.access.clone(),
                    resolver: Arc::clone(&current.resolver),
                    settings: Arc::clone(&current.settings),
                    cookies: current.cookies.at(now()),
                });
            }
            Err(failed) => error!(%failed, "reading the zones broke off; the zones in service stay"),
        }
    }

    /// Whether the config file is another than the one last read. Its folder may hold files that change all the time, our own
    /// log among them.
    fn config_changed(&self) -> bool {
        std::fs::read(&self.config.file).ok() != self.config_seen
    }

    /// Reads the config again and takes all of it, or none; the error says why not.
    async fn reload_config(&mut self) -> Result<(), Vec<String>> {
        let file = self.config.file.clone();
        self.config_seen = std::fs::read(&file).ok();
        let config = match Config::load(&file) {
            Ok(config) => config,
            Err(problems) => {
                let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
                for problem in &problems {
                    error!("{problem}");
                }
                error!(problems = problems.len(), "the new config is not taken; the old one stays in service");
                self.board.config_read(problems.clone());
                return Err(problems);
            }
        };
        if config.listen != self.config.listen {
            warn!("'listen' changed; that takes effect at the next start");
        }
        if let Err(failed) = self.routes.reload(&config) {
            error!(%failed, "the new config is not taken; the old one stays in service");
            return Err(vec![failed.to_string()]);
        }
        self.board.config_read(Vec::new());
        config.warnings.iter().for_each(log_warning);
        self.store.set_settings(config.zones.clone());
        self.config = config;
        let current = self.shared.snapshot.load();
        self.publish(Snapshot {
            zones: Arc::clone(&current.zones),
            access: self.config.access.clone(),
            resolver: self.routes.resolver(&self.config, &Handle::current()),
            settings: Arc::new(self.config.server.clone()),
            cookies: cookies(&self.config, self.secret),
        });
        self.watch_folders();
        info!(config = %file.display(), "config read");
        self.sync().await;
        Ok(())
    }

    /// Says what a pass found, once: the same again at the next interval is no news.
    fn log_pass(&mut self, outcome: &Outcome) {
        let mut warnings: Vec<String> = outcome.warnings.to_string().lines().map(str::to_owned).collect();
        warnings.extend(outcome.conflicts.to_string().lines().map(str::to_owned));
        let errors: Vec<String> = match &outcome.done {
            Done::Unchanged => Vec::new(),
            Done::Applied(applied) => applied.error.iter().map(ToString::to_string).collect(),
            Done::Held(held) => vec![held.message(&self.config.file.display().to_string())],
            Done::NoPlan(error) => error.to_string().lines().map(str::to_owned).collect(),
        };
        warnings.iter().filter(|line| !self.said.contains(*line)).for_each(|line| warn!("{line}"));
        errors.iter().filter(|line| !self.said.contains(*line)).for_each(|line| error!("{line}"));
        if errors.is_empty() && self.failing {
            info!("the sync is good again");
        }
        self.failing = !errors.is_empty();
        self.said = warnings.into_iter().chain(errors).collect();
    }

    fn publish(&self, snapshot: Snapshot) {
        self.shared.snapshot.store(Arc::new(snapshot));
    }

    /// Watches the folders that the present config names.
    fn watch_folders(&mut self) {
        match Watch::start(&folders::of(&self.config), self.ticks.clone()) {
            Ok((watch, unwatched)) => {
                self.watch = Some(watch);
                for (folder, reason) in unwatched {
                    warn!(folder = %folder.display(), %reason, "cannot watch the folder; its changes are seen at the next interval");
                }
            }
            Err(failed) => warn!(%failed, "cannot watch files; changes are seen at the next interval"),
        }
    }
}

fn log_warning(problem: &Problem) {
    warn!("{problem}");
}

fn log_report(report: &Report) {
    for problem in &report.errors {
        error!("{}: {}", problem.place, problem.text);
    }
    for problem in &report.warnings {
        warn!("{}: {}", problem.place, problem.text);
    }
    for published in &report.published {
        let zone = published.apex.without_dot();
        if let Some(before) = published.before {
            info!(zone, records = published.records, "serial {before} -> {}", published.serial);
        } else {
            info!(zone, records = published.records, "serial {} in service", published.serial);
        }
    }
}
