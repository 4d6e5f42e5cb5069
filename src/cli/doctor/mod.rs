//! `doctor`: checks config, machine, upstreams, lists and what is served, and says what to do.
//!
//! Input: the config, the lists, the machine, the running server. Output: findings by section, as text or JSON, an exit
//! code, and a bundle for support. The checks are pure functions of what was gathered; gathering is bounded in time and
//! writes nothing.

mod ask;
mod bundle;
mod certificates;
mod clients;
mod config;
mod facts;
mod finding;
mod id;
mod json;
mod lists;
mod machine;
mod reach;
mod secrets;
mod served;
mod show;
#[cfg(test)]
mod tests;
mod upstream;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::progress::ProgressLine;
use super::{FAILED, USAGE, WARNINGS, control, print_error, usage};
use crate::azure::Cloud;
use crate::config::Config;
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag::{Diagnostic, Id as DiagnosticId, Place};
use crate::server::views::Views;
use crate::status::Status;
use crate::sync::live::settings::Identity;
use facts::Lists;
use finding::{Section, State, Topic};
use id::Id;
use machine::Machine;

/// The time for reading all lists and zone files.
const LISTS_TIME: Duration = Duration::from_secs(15);

/// The time for the sources among them.
const SOURCES_TIME: Duration = Duration::from_secs(8);

/// The time for the running server to say how it is.
const STATUS_TIME: Duration = Duration::from_secs(3);

/// The time for looking at the machine.
const MACHINE_TIME: Duration = Duration::from_secs(5);

/// What a run of it does and shows.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// As JSON.
    pub(super) json: bool,
    /// With what is good.
    pub(super) all: bool,
    /// Connections to the listed addresses are tried.
    pub(super) connect: bool,
    /// Resolvers of clients to ask.
    pub(super) through: Vec<Resolver>,
    /// The bundle to write.
    pub(super) bundle: Option<PathBuf>,
}

/// A resolver that clients ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    /// At this address.
    At(SocketAddr),
    /// Those of /etc/resolv.conf.
    System,
}

impl FromStr for Resolver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "system" {
            return Ok(Self::System);
        }
        let alone = || text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
        let address = text.parse().ok().or_else(alone);
        address
            .map(Self::At)
            .ok_or_else(|| format!("'{text}' is not an address; write 10.0.0.10, 10.0.0.10:53 or system"))
    }
}

/// Checks all that the config file names.
pub(super) fn run(file: Result<PathBuf, String>, options: &Options) -> ExitCode {
    if let Some(path) = options.bundle.as_deref().filter(|path| std::fs::symlink_metadata(path).is_ok()) {
        return usage(format!("{} is there already; name a new file", crate::diag::path(path)));
    }
    let now = SystemTime::now();
    let progress = ProgressLine::with("reading the config".to_owned());
    let (config, examined) = match file.map(|file| Config::inspect(&file)) {
        Ok(Ok((config, problems))) => {
            let examined = all(&config, &problems, (now, options), &progress);
            (Some(config), examined)
        }
        Ok(Err(problem)) => (None, (Server::NoSocket, without_config(&problem.to_string(), now))),
        Err(reason) => (None, (Server::NoSocket, without_config(&reason, now))),
    };
    let (server, sections) = examined;
    let at = super::seconds(now);
    let bundled = options.bundle.as_deref().map(|path| {
        progress.say("writing the bundle");
        let contents = bundle::Contents { config: config.as_ref(), server: &server, sections: &sections, at };
        (path, bundle::write(path, &contents))
    });
    drop(progress);
    show(&sections, options, at);
    let is_written = bundled.is_none_or(|(path, written)| say_bundled(path, &written));
    match finding::worst(&sections) {
        _ if config.is_none() => ExitCode::from(USAGE),
        _ if !is_written => ExitCode::from(FAILED),
        State::Problem => ExitCode::from(FAILED),
        State::Warning => ExitCode::from(WARNINGS),
        State::Good | State::Skipped => ExitCode::SUCCESS,
    }
}

fn show(sections: &[Section], options: &Options, at: u64) {
    let shown = if options.json { vec![json::text(sections, at)] } else { show::lines(sections, options.all) };
    for line in shown {
        // The parts that others wrote are safe to show already. A reader that went away ends the output, not the run.
        let _ = writeln!(anstream::stdout(), "{line}");
    }
}

/// Says what became of the bundle; whether it is there.
fn say_bundled(path: &Path, written: &std::io::Result<Vec<&'static str>>) -> bool {
    let path = crate::diag::path(path);
    match written {
        Ok(names) => {
            let names = names.join(", ");
            print_error(format!(
                "{path}: {names}; what may be a secret is cut, names and addresses are in it: look into it before you pass it on"
            ));
        }
        Err(error) => print_error(format!("privatelink-dns: {path}: {error}; no bundle was written")),
    }
    written.is_ok()
}

/// The sections that say something without a config.
fn without_config(reason: &str, now: SystemTime) -> Vec<Section> {
    const STILL: [Id; 3] = [Id::PORT, Id::TIMESTAMPS, Id::CLOCK];
    let (config, _) = Config::parse(Path::new("privatelink-dns.toml"), "listen = [\"0.0.0.0:53\"]\ncontrol = \"off\"");
    let mut found = machine::check::check(&look(&config, &Server::NoSocket, now), &config, &Server::NoSocket);
    found.retain(|finding| STILL.contains(&finding.id));
    vec![
        Section { topic: Topic::Config, findings: vec![config::unreadable(reason)] },
        Section { topic: Topic::Machine, findings: found },
        Section {
            topic: Topic::Clients,
            findings: clients::check(&Lists::default(), &[], Cloud::default(), &Views::default()),
        },
    ]
}

fn all(
    config: &Config,
    problems: &[Diagnostic],
    (now, options): (SystemTime, &Options),
    progress: &ProgressLine,
) -> (Server, Vec<Section>) {
    let server = Server::ask(config);
    progress.say("reading the lists");
    let lists = read_lists(config, now);
    progress.say("looking at this machine");
    let machine = look(config, &server, now);
    progress.say("asking the server, its upstreams and resolvers");
    let addresses = server.addresses(config);
    let at = addresses.as_deref().unwrap_or_default();
    let (upstreams, served, reach) = thread::scope(|scope| {
        let upstreams = scope.spawn(|| {
            upstream::gather::gather((config, &lists, &machine), (&server, at.first().copied()), &options.through)
        });
        let served = scope.spawn(|| served::Served::gather(at, &lists));
        let reach = scope.spawn(|| options.connect.then(|| reach::Reach::gather(&lists)));
        let (upstreams, served) = (upstreams.join().unwrap_or_default(), served.join().unwrap_or_default());
        (upstreams, served, reach.join().unwrap_or_default())
    });
    let served = match (&served, &addresses) {
        (Some(served), _) => served::check(&lists, served),
        (None, Err(reason)) => served::skipped(reason),
        (None, Ok(_)) => served::skipped("the server could not be asked"),
    };
    let section = |topic, findings| Section { topic, findings };
    let mut of_config = config::check(config, problems, &lists, &exposed(config));
    of_config.extend(certificates::check(config, &lists.certificates, &server, super::seconds(now)));
    let sections = vec![
        section(Topic::Config, of_config),
        section(Topic::Machine, machine::check::check(&machine, config, &server)),
        section(Topic::Upstream, upstream::check(&upstreams)),
        section(Topic::Lists, lists::check(&lists, super::seconds(now))),
        section(Topic::Served, served),
        section(Topic::Reach, reach::check(reach.as_ref())),
        section(
            Topic::Clients,
            clients::check(
                &lists,
                &seen_by_clients(config, &machine),
                config.sync.cloud.unwrap_or_default(),
                &config.views,
            ),
        ),
    ];
    (server, sections)
}

/// The addresses of this server that other machines can reach.
fn seen_by_clients(config: &Config, machine: &Machine) -> Vec<String> {
    let is_outside = |ip: &IpAddr| !(ip.is_loopback() || ip.is_unspecified() || upstream::is_link_local(ip));
    let listens_anywhere = config.listen.iter().any(|address| address.ip().is_unspecified());
    let named = config.listen.iter().map(SocketAddr::ip);
    let own = machine.own.iter().copied().filter(|_| listens_anywhere);
    named.chain(own).filter(is_outside).map(|ip| ip.to_string()).collect()
}

/// The facts of this machine, as far as they are found in time.
fn look(config: &Config, server: &Server, now: SystemTime) -> Machine {
    let (config, server) = (config.clone(), server.clone());
    within(MACHINE_TIME, move || machine::System::real(now).look(&config, &server)).unwrap_or_default()
}

/// The lists, or an error where the disk or a share hangs.
fn read_lists(config: &Config, now: SystemTime) -> Lists {
    let mut task = config.clone();
    task.sync.pass_deadline = task.sync.pass_deadline.min(SOURCES_TIME);
    let read = within(LISTS_TIME, move || Lists::read(&task, now));
    read.unwrap_or_else(|| {
        let text = "lists and zone files could not be read within 15 s; look whether the disk or a share hangs";
        let error = Diagnostic::error(DiagnosticId::DISK_SLOW, Place::file(&config.sync.zone_dir), text);
        Lists { errors: vec![error], config: crate::diag::path(&config.file), ..Lists::default() }
    })
}

/// The result of some work, unless it takes longer: then its thread is left to itself.
fn within<T: Send + 'static>(time: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, result) = channel();
    let thread = thread::Builder::new().spawn(move || {
        // Nobody may wait any more.
        let _ = sender.send(work());
    });
    thread.ok().and_then(|_| result.recv_timeout(time).ok())
}

/// The files with secrets that every user of the machine may read.
fn exposed(config: &Config) -> Vec<PathBuf> {
    let files = config.sync.live.iter().filter_map(|live| match &live.identity {
        Identity::Secret { file, .. } | Identity::Certificate { file, .. } => Some(file),
        _ => None,
    });
    let is_exposed = |file: &&PathBuf| mode(file).is_some_and(|mode| mode & 0o006 != 0);
    files.filter(is_exposed).cloned().collect()
}

fn mode(file: &Path) -> Option<u32> {
    Some(std::fs::metadata(file).ok()?.permissions().mode())
}

/// Whether any name server answers there.
fn answers(at: SocketAddr) -> bool {
    let limits = ask::Limits { window: 1, patience: STATUS_TIME / 3, tries: 1, deadline: Instant::now() + STATUS_TIME };
    ask::udp(at, &[ask::Question::a("localhost")], limits).iter().any(|said| said.reply().is_some())
}

/// What the running server says of itself.
#[derive(Clone, Debug)]
enum Server {
    /// Its status.
    Runs(Box<Status>),
    /// The config has no control socket.
    NoSocket,
    /// This user may not ask, and why.
    Shut(String),
    /// There is no answer, and why.
    Silent(String),
}

impl Server {
    fn ask(config: &Config) -> Self {
        let Some(path) = config.control.clone() else { return Self::NoSocket };
        let file = config.file.clone();
        let asked = within(STATUS_TIME, move || {
            control::ask(&path, &ControlRequest::Status).map_err(|error| {
                let reason = control::explain(&path, &file, &error);
                if error.kind() == std::io::ErrorKind::PermissionDenied {
                    Self::Shut(reason)
                } else {
                    Self::Silent(reason)
                }
            })
        });
        match asked {
            Some(Ok(ControlReply::Status(status))) => Self::Runs(status),
            // It runs, and does not talk to this user.
            Some(Ok(ControlReply::Refused(reasons)))
                if reasons.iter().any(|found| found.id == DiagnosticId::CONTROL_DENIED) =>
            {
                Self::Shut(reasons.first().map(ToString::to_string).unwrap_or_default())
            }
            Some(Ok(_)) => Self::Silent("the server's reply is not a status; is it another version?".to_owned()),
            Some(Err(server)) => server,
            None => Self::Silent(format!("the server did not say how it is within {} s", STATUS_TIME.as_secs())),
        }
    }

    /// Its status, if it answers.
    fn status(&self) -> Option<&Status> {
        match self {
            Self::Runs(status) => Some(status),
            _ => None,
        }
    }

    /// The addresses to ask it at, at least one.
    fn addresses(&self, config: &Config) -> Result<Vec<SocketAddr>, String> {
        let listen: Vec<SocketAddr> = match self {
            Self::Runs(status) => status.server.listen.iter().filter_map(|text| text.parse().ok()).collect(),
            Self::NoSocket => config.listen.clone(),
            // Whoever may not use its socket may ask it all the same.
            Self::Silent(_) | Self::Shut(_) => {
                served::reachable(&config.listen).into_iter().filter(|at| answers(*at)).collect()
            }
        };
        let found = served::reachable(&listen);
        if found.is_empty() { Err("no server answers".to_owned()) } else { Ok(found) }
    }
}
