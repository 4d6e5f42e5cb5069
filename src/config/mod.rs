//! Floor 7: the config file.
//!
//! Input: TOML. Output: a [`Config`], which has each module's own settings side by side, or every problem with its
//! place. This module opens the one file and those of its keys, binds nothing and starts nothing.

mod admin;
mod azure;
mod control;
mod feed;
mod forward;
mod keys;
mod listen;
mod locate;
mod log;
mod losses;
mod reader;
mod server;
mod spec;
mod sync;
mod tls;
mod transfer;
mod values;
mod views;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use locate::{base_folder, find, is_same, whole};

use crate::control::rights::Rights;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::dns::Name;
use crate::forward::resolver::public::PublicNames;
use crate::forward::resolver::special::SpecialNames;
use crate::forward::{GroupSettings, cache};
use crate::server::ListenAddresses;
use crate::server::admission::access::Access;
use crate::server::views::Views;
use crate::tls::Promised;
use crate::transfer::check;
use crate::{files, telemetry, zone};

/// Octets of a config file. The longest that anybody needs has some hundred sources and is a hundredth of it.
const MAX_BYTES: u64 = 1 << 20;

/// Everything the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// The log.
    pub(crate) log: telemetry::Settings,
    /// The addresses to listen on, UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// The certificates, and what is demanded of clients that encrypt.
    pub(crate) tls: crate::tls::Settings,
    /// The addresses to listen on for DNS over TLS.
    pub(crate) dot: Vec<SocketAddr>,
    /// The addresses to listen on for DNS over HTTPS.
    pub(crate) doh: Vec<SocketAddr>,
    /// The name under which clients find the listeners that encrypt by themselves (RFC 9462).
    pub(crate) ddr: Option<Name>,
    /// The path of the control socket; `None` if there is to be none.
    pub control: Option<PathBuf>,
    /// Who may do what by it, besides its owner and root.
    pub rights: Rights,
    /// The zones and their folder.
    pub zones: zone::store::Settings,
    /// The views.
    pub views: Arc<Views>,
    /// The zones that the server makes for secondaries.
    pub feed: crate::feed::Settings,
    /// The clients that may ask.
    pub access: Access,
    /// The server's identity and limits, as clients see them.
    pub server: crate::server::Settings,
    /// The keys, whose secrets are among the settings of the server once they are read.
    pub(crate) keys: Vec<keys::KeyFile>,
    /// The peers, and how many transfers they may have at one time.
    pub(crate) transfer: crate::transfer::Settings,
    /// The default group first, then one group per rule.
    pub groups: Vec<GroupSettings>,
    /// The rule for our own public names.
    pub public_names: PublicNames,
    /// The rule for names that must not leave.
    pub special_names: SpecialNames,
    /// The cache's bounds.
    pub cache: cache::Settings,
    /// Lists, guard and schedule of the sync.
    pub sync: crate::sync::Settings,
    /// The admin and the probe listener.
    pub admin: crate::admin::Settings,
    /// Settings that are allowed but look like mistakes.
    pub warnings: Vec<Diagnostic>,
}

impl Config {
    /// The addresses that the server listens on for DNS, whatever carries it.
    pub(crate) fn listen_addresses(&self) -> ListenAddresses {
        ListenAddresses { dns: self.listen.clone(), dot: self.dot.clone(), doh: self.doh.clone() }
    }

    /// What clients look for in the certificate because of `[ddr]`.
    pub(crate) fn promised(&self) -> Promised {
        let Some(name) = &self.ddr else { return Promised::default() };
        let is_known = |address: &&SocketAddr| !address.ip().is_unspecified() && !address.ip().is_loopback();
        let addresses = self.listen.iter().filter(is_known).map(|address| address.ip().to_string());
        Promised {
            names: std::iter::once(name.without_dot()).chain(addresses).collect(),
            has_unknown: self.listen.iter().any(|address| address.ip().is_unspecified()),
        }
    }

    /// What in the peers is hardly meant, with these zones.
    pub(crate) fn check_peers(&self, zones: &zone::ZoneSet) -> Vec<Diagnostic> {
        let around =
            check::Surroundings { file: &self.file, rpz: self.feed.rpz.as_ref(), catalog: self.feed.catalog.as_ref() };
        check::check(&self.transfer, zones, around)
    }
}

impl Config {
    /// Reads a config file.
    pub fn load(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        Contents::read(file).map_err(|problem| vec![problem])?.load()
    }

    /// Reads a config file and goes on past what is wrong in it, for `check`.
    pub fn inspect(file: &Path) -> Result<(Self, Vec<Diagnostic>), Diagnostic> {
        Contents::read(file)?.inspect()
    }

    /// Reads what a config file says; `file` is where relative paths and problems have their place, and is not opened.
    pub fn parse(file: &Path, text: &str) -> (Self, Vec<Diagnostic>) {
        spec::read(file, text)
    }
}

/// A config file as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    file: PathBuf,
    bytes: Vec<u8>,
    mode: u32,
}

impl Contents {
    /// Reads the file.
    pub(crate) fn read(file: &Path) -> Result<Self, Diagnostic> {
        let (bytes, metadata) = files::read(file, MAX_BYTES).map_err(|error| {
            let text = format!("cannot read the config: {error}; name another file with --config");
            Diagnostic::error(Id::CONFIG_UNREADABLE, Place::file(file), text)
        })?;
        Ok(Self { file: file.to_owned(), bytes, mode: metadata.permissions().mode() })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The config, if nothing is wrong in it.
    pub(crate) fn load(&self) -> Result<Config, Vec<Diagnostic>> {
        let (config, problems) = self.inspect().map_err(|problem| vec![problem])?;
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn inspect(&self) -> Result<(Config, Vec<Diagnostic>), Diagnostic> {
        let text = std::str::from_utf8(&self.bytes).map_err(|error| {
            let line = self.bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            let place = Place::line(&diag::path(&self.file), u32::try_from(line).ok());
            Diagnostic::error(Id::CONFIG_UNREADABLE, place, "this line is not UTF-8: save the config as UTF-8")
        })?;
        let (mut config, mut problems) = Config::parse(&self.file, text);
        let (keys, unreadable) = keys::read(&config.keys);
        config.server.keys = keys;
        problems.extend(unreadable);
        config.warnings.extend(self.exposed(!config.server.cookies.secrets.is_empty()));
        Ok((config, problems))
    }

    /// A warning if other users of the machine may write the file, or read its secrets.
    fn exposed(&self, holds_secrets: bool) -> Option<Diagnostic> {
        let text = if self.mode & 0o002 != 0 {
            "every user of this machine may write the config: chmod o-w"
        } else if self.mode & 0o004 != 0 && holds_secrets {
            "it holds secrets, and every user of this machine may read it: chmod o-r"
        } else {
            return None;
        };
        Some(Diagnostic::warning(Id::CONFIG_EXPOSED, Place::file(&self.file), text))
    }
}

#[cfg(test)]
mod tests;
