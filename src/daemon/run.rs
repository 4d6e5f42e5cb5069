//! The loop of the server: it waits for events, and starts what they ask for. Nothing in it touches a disk.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval};
use tracing::{debug, info};

use super::folders::Watched;
use super::notify::Notifying;
use super::orders::Ordered;
use super::reload::Read;
use super::routes::Routes;
use super::schedule::Schedule;
use super::tasks::Done;
use super::work::{Order, Running, Task, Waiter, Why, Wish, finished};
use super::{Daemon, StartError, TICKS, background, certificates, log, ready};
use crate::control::{Command, CommandKind, ControlError, PlacedSocket};
use crate::diag::{Diagnostic, Id, Place};
use crate::server::{ListenAddresses, Listeners, Shared};
use crate::status::seconds;
use crate::sync::guard::Consent;
use crate::sync::state::freeze::Freeze;
use crate::sync::undo::Undo;
use crate::watch::FileKind;

/// The time that a pass may take beyond its sources before a person should look at the disk.
const SLOW: Duration = Duration::from_secs(30);

/// An event that the loop waits for.
enum Event {
    /// A task is over; with the clients that waited for it.
    Task(Option<Box<Done>>, Vec<Waiter>),
    /// The config was read; with the clients that waited for that.
    Config(Option<Read>, Vec<Waiter>),
    /// An order was carried out; with the clients that waited for that.
    Ordered(Option<Ordered>, Vec<Waiter>),
    /// The certificates were read.
    Certificates(Option<certificates::Read>),
    /// Folders are watched.
    Watches(Option<Watched>),
    /// The control socket is in its new place.
    Control(Option<Result<PlacedSocket, ControlError>>),
    /// A file changed.
    Changed(FileKind),
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
    /// The feed is to be made, or certificates that differ from their keys are to be read again.
    Due,
    /// A second is over.
    Beat,
    /// The first pass takes too long to wait for it.
    ReadyAtLast,
    /// The thread that asks upstreams is gone.
    UpstreamsEnded,
}

/// The state of the loop.
struct Course {
    inbox: mpsc::Receiver<FileKind>,
    commands: mpsc::Receiver<Command>,
    hangup: Signal,
    addresses: ListenAddresses,
    schedule: Schedule,
    task: Option<Running<Box<Done>>>,
    config: Option<Running<Read>>,
    order: Option<Running<Ordered>>,
    certificates: Option<Running<certificates::Read>>,
    watches: Option<Running<Option<Watched>>>,
    /// True if the folders are to be looked at: a link may lead elsewhere now.
    look: bool,
    /// For the control socket, wherever it is.
    command_sender: mpsc::Sender<Command>,
    /// A control socket that is being put in its place.
    control: Option<Running<Result<PlacedSocket, ControlError>>>,
    /// Turns the loop each second, so that everybody can see that it turns.
    beat: Interval,
    /// The time when the present task has taken very long.
    slow: Option<Instant>,
    /// The latest time to be ready; none once the server is.
    ready: Option<Instant>,
    /// True if the first pass has yet to begin.
    is_first: bool,
}

impl Course {
    /// Input: the times to make the feed, and to look again at the certificates.
    async fn next(&mut self, shared: &Shared, routes: &Routes, [feed, again]: [Option<Instant>; 2]) -> Event {
        let (is_idle, is_read) = (self.task.is_none(), self.certificates.is_none());
        let upstreams = routes.upstreams();
        tokio::select! {
            (done, waiters) = finished(&mut self.task) => Event::Task(done, waiters),
            (read, waiters) = finished(&mut self.config) => Event::Config(read, waiters),
            (ordered, waiters) = finished(&mut self.order) => Event::Ordered(ordered, waiters),
            (read, _) = finished(&mut self.certificates) => Event::Certificates(read),
            () = until(again), if is_read => Event::Due,
            (found, _) = finished(&mut self.watches) => Event::Watches(found.flatten()),
            (placed, _) = finished(&mut self.control) => Event::Control(placed),
            Some(kind) = self.inbox.recv() => Event::Changed(kind),
            Some(command) = self.commands.recv() => Event::Command(command),
            _ = self.hangup.recv() => Event::Hangup,
            () = shared.misses.wanted() => Event::Missed,
            () = tokio::time::sleep_until(self.schedule.next()), if is_idle => Event::Interval,
            () = until(self.slow) => Event::Slow,
            () = until(feed), if is_idle => Event::Due,
            () = until(self.ready) => Event::ReadyAtLast,
            _ = self.beat.tick() => Event::Beat,
            () = upstreams.ended() => Event::UpstreamsEnded,
        }
    }
}

impl Daemon {
    /// Starts to answer, then does what there is to do, as long as that makes sense.
    pub(super) async fn run(
        &mut self,
        listeners: Listeners,
        inbox: mpsc::Receiver<FileKind>,
        hangup: Signal,
    ) -> Result<(), StartError> {
        let started = Instant::now();
        let addresses = listeners.addresses();
        let (command_sender, commands) = mpsc::channel(TICKS);
        let (board, shared) = (Arc::clone(&self.board), Arc::clone(&self.shared));
        let manager = Arc::clone(&self.manager);
        let each = || {
            board.beat(&shared, SystemTime::now());
            manager.starting("the zones are read from the disk", Instant::now());
        };
        // A slow disk is no reason to restart.
        manager.while_beating(self.prepare(command_sender.clone()), each).await;
        self.answer_clients(listeners)?;
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
            order: None,
            certificates: None,
            watches: Some(self.watch_folders()),
            look: false,
            command_sender,
            control: None,
            beat: self.manager.beats(),
            slow: None,
            ready: Some(ready),
            is_first: true,
        };
        loop {
            self.start_what_is_due(&mut course);
            let event = course.next(&self.shared, &self.routes, [self.feed_due(), self.certificates.again()]).await;
            self.act(event, &mut course)?;
        }
    }

    /// Starts all work that is due, each kind once at a time.
    fn start_what_is_due(&mut self, course: &mut Course) {
        if course.config.is_none() {
            course.config = self.start_config();
        }
        if course.order.is_none() {
            course.order = self.start_order();
        }
        if course.certificates.is_none() {
            course.certificates = self.start_certificates();
        }
        if course.watches.is_none() && std::mem::take(&mut course.look) {
            course.watches = Some(self.watch_folders());
        }
        if course.task.is_none() {
            course.task = self.start_task();
            course.slow = course.task.as_ref().map(|task| task.started + self.config.sync.pass_deadline + SLOW);
        }
    }

    /// Starts to answer, and what needs answers.
    fn answer_clients(&mut self, listeners: Listeners) -> Result<(), StartError> {
        self.answering = Some(listeners.start(&self.shared, &Handle::current(), background::stand_back)?);
        self.board.answering();
        self.notifying = Some(Notifying::start(&self.shared, &self.bound.dns));
        // The name of Azure's own server may be asked of this one.
        self.live.take(&self.config.sync);
        Ok(())
    }

    /// All that comes before the first answer: the control socket, and the zones as they are on disk.
    async fn prepare(&mut self, command_sender: mpsc::Sender<Command>) {
        self.control = self.place_control(command_sender).await;
        self.first_zones().await;
        self.first_certificates().await;
    }

    /// Does what an event asks for; nothing here waits.
    fn act(&mut self, event: Event, course: &mut Course) -> Result<(), StartError> {
        let now = Instant::now();
        self.told.is_old |= !matches!(event, Event::Beat | Event::Missed | Event::Slow | Event::Due);
        match event {
            Event::Task(done, waiters) => {
                course.slow = None;
                if self.task_done(done, waiters) {
                    course.schedule.synced(now, &self.config.sync);
                    self.shared.misses.rearm();
                    self.announce(course);
                    course.look = true;
                }
            }
            Event::Config(read, waiters) => self.follow_config(read, waiters, course),
            Event::Ordered(ordered, waiters) => self.ordered(ordered, waiters),
            Event::Certificates(read) => self.certificates_read(read),
            Event::Watches(found) => {
                self.watching(found);
                // The first pass starts after the folders are watched, so that no later change is missed.
                if std::mem::take(&mut course.is_first) {
                    self.due.task(Task::Pass);
                }
            }
            Event::Control(placed) => self.control = self.start_control(placed, course.command_sender.clone()),
            Event::Changed(FileKind::Config) => self.due.config(Why::FileEvent),
            Event::Changed(FileKind::Certificates) => {
                self.certificates.due();
                course.look = true;
            }
            Event::Changed(FileKind::Lists) => self.due.task(Task::Pass),
            Event::Interval => {
                self.due.task(Task::Pass);
                self.certificates.due();
            }
            Event::Changed(FileKind::Zones) => self.due.task(Task::Zones),
            Event::Command(command) => self.command(command),
            Event::Hangup => self.due.config(Why::Person),
            Event::Missed => {
                course.schedule.missed(now, &self.config.sync);
                self.live.wake();
            }
            Event::Slow => {
                course.slow = None;
                self.disk_is_slow();
            }
            Event::Beat => self.beat(now, course.ready.is_some()),
            // The loop starts it.
            Event::Due => {}
            Event::ReadyAtLast => self.announce(course),
            Event::UpstreamsEnded => return Err(StartError::Upstreams),
        }
        Ok(())
    }

    /// Has the folders of a new config watched, and the control socket in its place.
    fn follow_config(&mut self, read: Option<Read>, waiters: Vec<Waiter>, course: &mut Course) {
        let before = self.config.control.clone();
        if self.config_read(read, waiters) {
            course.watches = Some(self.watch_folders());
            if self.config.control != before {
                self.control = None;
                course.control = self.start_placing();
            }
        }
    }

    fn disk_is_slow(&self) {
        let place = Place::file(&self.config.zones.zone_dir);
        let text = "reading or writing zones takes very long: check whether the disk of zone_dir or state_dir hangs; \
                    what is in service stays";
        log::found(&Diagnostic::warning(Id::DISK_SLOW, place, text));
    }

    /// Does what somebody asked for by the control socket.
    fn command(&mut self, Command { kind, answer }: Command) {
        debug!(?kind, "asked for by the control socket");
        match kind {
            CommandKind::Reload { who } => {
                info!(by = %who, "reload by the control socket");
                self.due.reload_for(answer);
            }
            CommandKind::Approve { who, digest } => {
                self.due.wish_for(Wish::Consent(Consent { digest, by: who.to_string() }), answer);
            }
            CommandKind::Undo { who, digest } => {
                let by = who.to_string();
                let consent = digest.map(|digest| Consent { digest, by: by.clone() });
                self.due.wish_for(Wish::Undo(Undo { by, consent }), answer);
            }
            CommandKind::Sync => self.due.pass_for([answer]),
            CommandKind::Freeze { who, reason } => {
                let freeze = Freeze::new(seconds(SystemTime::now()), &who.to_string(), reason.as_deref());
                self.due.order_for(Order::Freeze(freeze), answer);
            }
            CommandKind::Thaw { who } => self.due.order_for(Order::Thaw(who.to_string()), answer),
        }
    }

    /// Says once that queries are answered.
    fn announce(&mut self, course: &mut Course) {
        if course.ready.take().is_some() {
            ready::announce(&course.addresses, &self.admin, &self.shared.snapshot.load().zones);
            self.manager.ready();
            self.tell_manager(Instant::now());
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
