//! A changed config: it is read and built whole in the background, and then takes the place of the old one in one step.

use std::sync::Arc;
use std::time::SystemTime;

use tracing::{error, info};

use super::certificates::Asked;
use super::routes::Routes;
use super::work::{Running, Waiter, Why};
use super::{Daemon, answer, background, log, snapshot};
use crate::config::{Config, Contents};
use crate::control::{self, protocol::ControlReply};
use crate::diag::{self, Diagnostic, Id, Place};
use crate::server::ListenAddresses;
use crate::tls::{self, Credentials, Loaded};

/// The result of reading the config.
pub(super) enum Read {
    /// It is the one that was read last.
    Same,
    /// The config and its upstreams or the problems with it, and the file.
    New(Result<Box<Built>, Vec<Diagnostic>>, Option<Contents>),
}

/// A config and what follows from it, whole and not yet in service.
pub(super) struct Built {
    why: Why,
    config: Config,
    routes: Routes,
    certificates: Loaded,
}

/// Builds what follows from a config. What is in service is not touched.
fn build(
    why: Why,
    contents: Result<Contents, Diagnostic>,
    old: &Config,
    (bound, routes): (&ListenAddresses, &Routes),
    credentials: Option<&Arc<Credentials>>,
) -> Result<Built, Vec<Diagnostic>> {
    let config = contents.map_err(|problem| vec![problem])?.load()?;
    let losses = config.losses(old);
    let problem = |id, text: String| Diagnostic::error(id, Place::file(&config.file), text);
    if why == Why::FileEvent && !losses.is_empty() {
        let way_out = format!("if this is intended, run: {}", diag::command(&["reload"], &diag::path(&config.file)));
        return Err(losses.into_iter().chain([problem(Id::CONFIG_LOSS, way_out)]).collect());
    }
    let routes = Routes::build(&config, bound, Some(routes))
        .map_err(|failed| vec![problem(Id::CONFIG_UPSTREAMS, format!("the new upstreams cannot be used: {failed}"))])?;
    open_socket(&config, old);
    let certificates = tls::load(&config.tls, credentials);
    Ok(Built { why, config, routes, certificates })
}

/// Opens the control socket to others, or closes it, where the groups changed; one that moves is made anew.
fn open_socket(config: &Config, old: &Config) {
    if let Some(path) = config.control.as_ref().filter(|_| config.control == old.control)
        && config.rights.has_groups() != old.rights.has_groups()
        && let Err(cause) = control::set_mode(path, &config.rights)
    {
        let text = format!("the rights of the control socket cannot be changed: {cause}; restart the server");
        log::found(&Diagnostic::error(Id::CONTROL_FAILED, Place::file(path), text));
    }
}

impl Daemon {
    /// Starts to read the config, if that is due, and to build what follows from it.
    pub(super) fn start_config(&mut self) -> Option<Running<Read>> {
        let (why, waiters) = self.due.take_config()?;
        let (old, seen) = (self.config.clone(), self.config_seen.clone());
        let (bound, routes) = (self.bound.clone(), self.routes.clone());
        let credentials = self.shared.credentials.load_full();
        let work = move || {
            let contents = Contents::read(&old.file);
            // The config's folder may hold files that change all the time, our own log among them.
            let is_same = contents.as_ref().ok().map(Contents::bytes) == seen.as_ref().map(Contents::bytes);
            if why == Why::FileEvent && is_same {
                return Read::Same;
            }
            let read = contents.as_ref().ok().cloned();
            Read::New(build(why, contents, &old, (&bound, &routes), credentials.as_ref()).map(Box::new), read)
        };
        Some(Running::new(background::start("config", work), waiters))
    }

    /// Takes all of a new config, or none of it; true if it was taken.
    pub(super) fn config_read(&mut self, read: Option<Read>, waiters: Vec<Waiter>) -> bool {
        let refused = match read {
            Some(Read::Same) => return false,
            None => {
                let text = "internal error: reading the config stopped; please report this with the log";
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
        self.board.config_refused(refused.clone(), SystemTime::now());
        answer(waiters, || ControlReply::Refused(refused.clone()));
        false
    }

    /// Puts in service what was built; nothing here can fail.
    fn take_config(&mut self, Built { why, config, routes, certificates }: Built) {
        let listen = config.listen_addresses();
        let changed = [
            ("listen", listen.dns != self.started_with.dns),
            ("[dot] listen", listen.dot != self.started_with.dot),
            ("[doh] listen", listen.doh != self.started_with.doh),
            ("[log] format", self.logs.follow(config.log)),
        ];
        let waiting: Vec<Diagnostic> = changed
            .into_iter()
            .filter(|(_, changed)| *changed)
            .map(|(key, _)| {
                let text = format!("'{key}' changed; that takes effect at the next start");
                Diagnostic::warning(Id::RESTART_NEEDED, Place::file(&config.file), text)
            })
            .collect();
        waiting.iter().for_each(log::found);
        self.board.config_taken(waiting, SystemTime::now());
        config.warnings.iter().for_each(log::found);
        self.rights.store(Arc::new(config.rights.clone()));
        (self.config, self.routes) = (config, routes);
        let present = self.shared.snapshot.load_full();
        let transfers = present.transfers.with(self.config.transfer.clone());
        let zones = Arc::clone(&present.zones);
        self.publish(snapshot::of(&self.config, &self.routes, self.secret, (zones, transfers)));
        self.board.sync_set(&self.config.sync);
        self.live.take(&self.config.sync);
        self.take_admin();
        let asked = if why == Why::Person { Asked::ByPerson } else { Asked::ByNobody };
        self.take_certificates(&certificates, asked);
        // They may have been renewed, and taken, since they were read with the config.
        self.certificates.due();
        info!(config = %diag::path(&self.config.file), "config read");
    }
}
