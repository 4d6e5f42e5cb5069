//! `doctor`: checks config, lists and what is served, and says what to do.
//!
//! Input: the config, the lists, the running server. Output: findings by section, as text or JSON, and an exit code.
//! The checks are pure functions of what was gathered; gathering is bounded in time and writes nothing.

mod ask;
mod config;
mod facts;
mod finding;
mod id;
mod json;
mod lists;
mod served;
mod show;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use super::progress::ProgressLine;
use super::{FAILED, USAGE, WARNINGS, control};
use crate::config::Config;
use crate::control::protocol::{ControlReply, ControlRequest};
use crate::diag::{Diagnostic, Id as DiagnosticId, Place};
use crate::status::Status;
use crate::sync::live::settings::Identity;
use facts::Lists;
use finding::{Finding, Section, State, Topic};

/// The time for reading all lists and zone files.
const LISTS_TIME: Duration = Duration::from_secs(20);

/// The time for the sources among them.
const SOURCES_TIME: Duration = Duration::from_secs(10);

/// The time for the running server to say how it is.
const STATUS_TIME: Duration = Duration::from_secs(3);

/// What a run of it shows.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// As JSON.
    pub(super) json: bool,
    /// With what is good.
    pub(super) all: bool,
}

/// Checks all that the config file names.
pub(super) fn run(file: Result<PathBuf, String>, options: &Options) -> ExitCode {
    let progress = ProgressLine::with("reading the config".to_owned());
    let now = SystemTime::now();
    let (sections, has_config) = match file.map(|file| Config::inspect(&file)) {
        Ok(Ok((config, problems))) => (all(&config, &problems, now, &progress), true),
        Ok(Err(problem)) => (without_config(config::unreadable(&problem.to_string())), false),
        Err(reason) => (without_config(config::unreadable(&reason)), false),
    };
    drop(progress);
    let at = super::seconds(now);
    let shown = if options.json { vec![json::text(&sections, at)] } else { show::lines(&sections, options.all) };
    for line in shown {
        // The parts that others wrote are safe to show already. A reader that went away ends the output, not the run.
        let _ = writeln!(anstream::stdout(), "{line}");
    }
    match finding::worst(&sections) {
        _ if !has_config => ExitCode::from(USAGE),
        State::Problem => ExitCode::from(FAILED),
        State::Warning => ExitCode::from(WARNINGS),
        State::Good | State::Skipped => ExitCode::SUCCESS,
    }
}

/// The sections that say something without a config.
fn without_config(problem: Finding) -> Vec<Section> {
    vec![Section { topic: Topic::Config, findings: vec![problem] }]
}

fn all(config: &Config, problems: &[Diagnostic], now: SystemTime, progress: &ProgressLine) -> Vec<Section> {
    let server = Server::ask(config);
    progress.say("reading the lists");
    let lists = read_lists(config, now);
    progress.say("asking the server for every listed record");
    let served = match server.address(config) {
        Ok(address) => served::check(&lists, &served::Served::gather(address, &lists)),
        Err(reason) => served::skipped(&reason),
    };
    let section = |topic, findings| Section { topic, findings };
    vec![
        section(Topic::Config, config::check(config, problems, &lists, &exposed(config))),
        section(Topic::Lists, lists::check(&lists, super::seconds(now))),
        section(Topic::Served, served),
    ]
}

/// The lists, or an error where the disk or a share hangs.
fn read_lists(config: &Config, now: SystemTime) -> Lists {
    let mut task = config.clone();
    task.sync.pass_deadline = task.sync.pass_deadline.min(SOURCES_TIME);
    let read = within(LISTS_TIME, move || Lists::read(&task, now));
    read.unwrap_or_else(|| {
        let text = "lists and zone files could not be read within 20 s; look whether the disk or a share hangs";
        let error = Diagnostic::error(DiagnosticId::DISK_SLOW, Place::file(&config.sync.zone_dir), text);
        Lists { errors: vec![error], config: crate::diag::path(&config.file), ..Lists::default() }
    })
}

/// The result of some work, unless it takes longer: then its thread is left to itself.
fn within<T: Send + 'static>(time: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, result) = channel();
    let thread = std::thread::Builder::new().spawn(move || {
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

/// What the running server says of itself.
#[derive(Debug)]
enum Server {
    /// Its status.
    Runs(Box<Status>),
    /// The config has no control socket.
    NoSocket,
    /// There is no answer, and why.
    Silent(String),
}

impl Server {
    fn ask(config: &Config) -> Self {
        let Some(path) = config.control.clone() else { return Self::NoSocket };
        let file = config.file.clone();
        let asked = within(STATUS_TIME, move || {
            control::ask(&path, &ControlRequest::Status).map_err(|error| control::explain(&path, &file, &error))
        });
        match asked {
            Some(Ok(ControlReply::Status(status))) => Self::Runs(status),
            Some(Ok(_)) => Self::Silent("the server's reply is not a status; is it another version?".to_owned()),
            Some(Err(reason)) => Self::Silent(reason),
            None => Self::Silent(format!("the server did not say how it is within {} s", STATUS_TIME.as_secs())),
        }
    }

    /// The address to ask it at.
    fn address(&self, config: &Config) -> Result<SocketAddr, String> {
        let listen: Vec<SocketAddr> = match self {
            Self::Runs(status) => status.server.listen.iter().filter_map(|text| text.parse().ok()).collect(),
            Self::NoSocket => config.listen.clone(),
            Self::Silent(reason) => return Err(reason.clone()),
        };
        served::reachable(&listen).ok_or_else(|| "no address is known at which the server listens".to_owned())
    }
}
