//! Floor 8: the composition root of `serve`.
//!
//! Input: a config. Output: a running server, until a signal ends it. Everything that lasts is owned here; every change
//! of an answer goes through `Daemon::publish`.
//!
//! ```text
//!   start:   signals -> sockets -> admin, control socket -> zones from disk -> listeners -> first pass -> ready
//!   then:    lists changed, interval -> pass -> zones      zones changed -> zones
//!            Azure read, a list changed -> pass            a name missed -> Azure, pass
//!            zones in service changed -> feed, catalog, at most one writing a second
//!            certificates changed -> certificates
//!            config changed, SIGHUP -> config, then all    SIGTERM, SIGINT -> drain, end
//! ```
//!
//! The loop waits for events only. All work on a disk runs in the background, one task at a time (see `work`).

mod addresses;
mod background;
mod beat;
mod certificates;
mod designation;
mod feed;
mod folders;
mod kept;
mod live;
mod log;
mod manager;
mod notify;
mod orders;
mod process;
mod ready;
mod reload;
mod rights;
mod routes;
mod run;
mod schedule;
mod signals;
mod snapshot;
mod stop;
mod tasks;
mod work;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::admin;
use crate::config::{self, Config, Contents};
use crate::control::protocol::ControlReply;
use crate::control::rights::Rights;
use crate::control::{self, Command, Control, ControlContext, ControlError, PlacedSocket};
use crate::explain::Explainer;
use crate::host::addresses::has_family;
use crate::server::admission::cookies::{Cookies, Secret};
use crate::server::{self, BindError, KeptSockets, ListenAddresses, Listeners, Shared, Snapshot};
use crate::status::Board;
use crate::sync::pass::Aftermath;
use crate::telemetry::Logs;
use crate::transfer::Transfers;
use crate::watch::FileKind;
use addresses::Absent;
use beat::Told;
use certificates::CertificateWork;
use feed::FeedWork;
use folders::{Looks, Watched};
pub(crate) use kept::kept_sockets;
use live::LiveSources;
use log::{PassLog, PeerLog, Reminder, UpstreamLog};
use manager::Manager;
use notify::Notifying;
pub(crate) use rights::claim_low_ports;
use routes::Routes;
use signals::Ending;
pub(crate) use snapshot::snapshot;
use tasks::Tools;
use work::{Due, Running, Waiter, finished};

/// The reason why the server did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// Addresses that could not be bound.
    #[error("{}", lines(.0))]
    Bind(Vec<BindError>),
    /// The thread that asks upstreams is gone.
    #[error("internal error: the forwarding thread stopped; restart the server, and report this with the log")]
    Upstreams,
    /// Something else of the system's.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A line for each reason; addresses that fail for the same one share it.
fn lines(errors: &[BindError]) -> String {
    let mut lines: Vec<(&BindError, Vec<String>)> = Vec::new();
    for error in errors {
        let same = |first: &BindError| (first.protocol, &first.reason) == (error.protocol, &error.reason);
        match lines.iter_mut().find(|(first, _)| same(first)) {
            Some((_, addresses)) => addresses.push(error.address.to_string()),
            None => lines.push((error, vec![error.address.to_string()])),
        }
    }
    let line = |(BindError { protocol, reason, .. }, addresses): &(&BindError, Vec<String>)| {
        format!("cannot listen on {} ({protocol}): {reason}", addresses.join(", "))
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

struct Daemon {
    config: Config,
    /// The `listen` of each section of the config at the start.
    started_with: ListenAddresses,
    /// The config file when it was last read, taken or not.
    config_seen: Option<Contents>,
    /// Those of its addresses that this machine does not have.
    absent: Absent,
    /// The addresses that this server listens on; a new `listen` takes effect at the next start.
    bound: ListenAddresses,
    /// Locked by the task that runs. A task that panics leaves them as they were: last good copies are not lost with
    /// it.
    tools: Arc<Mutex<Tools>>,
    logs: Logs,
    pass_log: PassLog,
    upstream_log: UpstreamLog,
    peer_log: PeerLog,
    /// Makes cookies unless the config has secrets.
    secret: Secret,
    routes: Routes,
    shared: Arc<Shared>,
    /// For `status`.
    board: Arc<Board>,
    /// Why names have the answers that they have.
    explainer: Arc<Explainer>,
    /// The folders that are watched.
    watched: Watched,
    /// Watches that others have taken the place of, and since when.
    former: Vec<(tokio::time::Instant, Watched)>,
    /// Looks at folders that have not come back.
    looks: Looks,
    /// The threads that read from Azure.
    live: LiveSources,
    ticks: mpsc::Sender<FileKind>,
    /// What tells peers of changes, once peers can be answered.
    notifying: Option<Notifying>,
    /// The threads that answer, once there are zones to answer from.
    answering: Option<server::Running>,
    due: Due,
    feed: FeedWork,
    certificates: CertificateWork,
    control: Option<Control>,
    /// Who may do what by it; it follows the config.
    rights: Arc<ArcSwap<Rights>>,
    admin: admin::Listeners,
    /// The work that the last pass left for when its zones are in service.
    aftermath: Option<Aftermath>,
    /// Orders that were carried out: freezes and thaws.
    orders: u64,
    reminder: Reminder,
    /// Who started this process and looks after it.
    manager: Arc<Manager>,
    /// What the manager is told of the verdict, and when.
    told: Told,
    /// Passes in a row under which a zone file changed.
    overtaken: u8,
}

/// Serves until SIGTERM or SIGINT.
/// Input: the config, and the sockets that the service manager kept.
pub(crate) async fn serve(config: Config, kept: KeptSockets) -> Result<(), StartError> {
    let logs = Logs::start(config.log)?;
    let manager = Arc::new(Manager::of_environment());
    let ended = serve_for(&manager, config, kept, logs).await;
    if let Err(why) = &ended {
        manager.failed(&why.to_string());
    }
    ended
}

/// Tells the service manager why there is nothing to serve by.
pub(crate) fn not_started(why: &str) {
    Manager::of_environment().failed(why);
}

async fn serve_for(manager: &Arc<Manager>, config: Config, kept: KeptSockets, logs: Logs) -> Result<(), StartError> {
    let mut ending = Ending::listen(&config.file)?;
    let hangup = signal(SignalKind::hangup())?;
    let (listen, impossible) = addresses::possible(&config.listen_addresses(), has_family);
    let kept = kept::adopt(kept, &listen, workers(), manager);
    let listeners = Listeners::bind(&listen, workers(), kept).map_err(StartError::Bind)?;
    impossible.iter().for_each(log::found);
    kept::keep(&listeners, manager);
    let (ticks, inbox) = mpsc::channel(TICKS);
    let bound = listeners.addresses();
    let board =
        Arc::new(Board::new(&config::whole(&config.file), &bound.dns, SystemTime::now()).measured_by(process::usage));
    let mut daemon = Daemon::new(config, logs, bound, (&board, manager), ticks)?;
    background::check().await.iter().for_each(log::found);
    daemon.take_admin();
    let admin = daemon.admin.context();
    let run = daemon.run(listeners, inbox, hangup);
    let stopped = stop::until_stopped(run, &mut ending, (&board, manager), || admin.lameduck()).await;
    stop::drain(daemon, stopped, &mut ending).await
}

/// Ticks that may wait: one of each kind, and some to spare.
const TICKS: usize = 16;

/// UDP workers: one for each core.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl Daemon {
    /// Builds everything that needs no disk.
    fn new(
        config: Config,
        logs: Logs,
        bound: ListenAddresses,
        (board, manager): (&Arc<Board>, &Arc<Manager>),
        ticks: mpsc::Sender<FileKind>,
    ) -> Result<Self, StartError> {
        config.warnings.iter().for_each(log::found);
        let routes = Routes::build(&config, &bound, None)?;
        let secret = Cookies::own_secret();
        // No query is answered before there are zones.
        let transfers = Transfers::new(config.transfer.clone());
        let shared = Shared::new(snapshot::of(&config, &routes, secret, (Arc::default(), transfers)));
        board.sync_set(&config.sync);
        let explainer = Explainer::new(Arc::clone(&shared), Arc::clone(board));
        let (served, shown, explained) = (Arc::clone(&shared), Arc::clone(board), Arc::clone(&explainer));
        let admin = admin::Listeners::new(served, shown, explained, background::stand_back);
        let rights = Arc::new(ArcSwap::from_pointee(config.rights.clone()));
        Ok(Self {
            tools: Arc::new(Mutex::new(Tools::new(&config))),
            bound,
            absent: Absent::default(),
            started_with: config.listen_addresses(),
            config,
            config_seen: None,
            logs,
            pass_log: PassLog::default(),
            upstream_log: UpstreamLog::default(),
            peer_log: PeerLog::default(),
            secret,
            routes,
            shared,
            board: Arc::clone(board),
            explainer,
            watched: Watched::default(),
            former: Vec::new(),
            looks: Looks::default(),
            live: LiveSources::new(Arc::clone(board), ticks.clone()),
            ticks,
            answering: None,
            notifying: None,
            due: Due::default(),
            feed: FeedWork::default(),
            certificates: CertificateWork::default(),
            control: None,
            rights,
            admin,
            aftermath: None,
            orders: 0,
            reminder: Reminder::default(),
            manager: Arc::clone(manager),
            told: Told::default(),
            overtaken: 0,
        })
    }

    /// Opens the control socket, and waits until it is there.
    pub(super) async fn place_control(&self, command_sender: mpsc::Sender<Command>) -> Option<Control> {
        let mut placing = Some(self.start_placing()?);
        let (placed, _) = finished(&mut placing).await;
        self.start_control(placed, command_sender)
    }

    /// Starts to put the control socket where the config wants it; it may wait for the disk.
    pub(super) fn start_placing(&self) -> Option<Running<Result<PlacedSocket, ControlError>>> {
        let path = self.config.control.clone()?;
        let rights = self.config.rights.clone();
        Some(Running::new(background::start("control", move || control::place(&path, &rights)), Vec::new()))
    }

    /// Listens on it; without one the server serves all the same.
    pub(super) fn start_control(
        &self,
        placed: Option<Result<PlacedSocket, ControlError>>,
        command_sender: mpsc::Sender<Command>,
    ) -> Option<Control> {
        let (shared, board) = (Arc::clone(&self.shared), Arc::clone(&self.board));
        let explainer = Arc::clone(&self.explainer);
        let rights = Arc::clone(&self.rights);
        let context = ControlContext { shared, board, explainer, commands: command_sender, rights };
        let started = placed?.and_then(|placed| Control::start(placed, context));
        started.inspect_err(|failed| log::found(&failed.diagnostic())).ok()
    }

    /// Has the admin and the probe listener where the config wants them; without them the server serves all the same.
    pub(super) fn take_admin(&mut self) {
        self.admin.take(&self.config.admin).iter().for_each(log::found);
    }

    /// Puts a snapshot in service. Every change of an answer comes through here.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.shared.observer.follow(snapshot.settings.observer);
        self.shared.snapshot.store(Arc::new(snapshot));
        if let Some(notifying) = &self.notifying {
            notifying.changed();
        }
    }
}

/// Replies to all waiting clients; some may be gone.
fn answer(waiters: Vec<Waiter>, reply: impl Fn() -> ControlReply) {
    for waiter in waiters {
        let _ = waiter.send(reply());
    }
}
