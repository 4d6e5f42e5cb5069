//! Floor 4: the config file.
//!
//! In: TOML. Out: a [`Config`], each module's own settings side by side, or every problem with its place. It opens
//! the one file, binds nothing and starts nothing.

mod locate;
mod reader;
mod server;
mod spec;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use locate::{base_folder, find};

use crate::forward::public::PublicNames;
use crate::forward::special::SpecialNames;
use crate::forward::{GroupSettings, cache};
use crate::server::admission::Access;
use crate::{sync, zone};

/// Everything the file says.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Where to listen, UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Where the control socket is; `None` if there is to be none.
    pub control: Option<PathBuf>,
    /// The zones and their folder.
    pub zones: zone::store::Settings,
    /// Who may ask.
    pub access: Access,
    /// How the server presents itself to clients.
    pub server: crate::server::Settings,
    /// The default group first, then one group per rule.
    pub groups: Vec<GroupSettings>,
    /// What to do about our own public names.
    pub public_names: PublicNames,
    /// What to do about names that must not leave.
    pub special_names: SpecialNames,
    /// The cache's bounds.
    pub cache: cache::Settings,
    /// Lists, guard and rhythm of the sync.
    pub sync: sync::Settings,
    /// What is allowed but looks like a mistake.
    pub warnings: Vec<Problem>,
}

/// Something wrong in a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column`.
    pub place: String,
    /// What is wrong and what to write instead.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl Config {
    /// Reads a config file.
    pub fn load(file: &Path) -> Result<Self, Vec<Problem>> {
        let (config, problems) = Self::inspect(file).map_err(|problem| vec![problem])?;
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Reads a config file and goes on past what is wrong in it, for `check`.
    pub fn inspect(file: &Path) -> Result<(Self, Vec<Problem>), Problem> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let text = format!("cannot read the config: {error}; name another file with --config");
            Problem { place: file.display().to_string(), text }
        })?;
        Ok(Self::parse(file, &text))
    }

    /// Reads what a config file says; `file` is where relative paths and problems have their place, and is not opened.
    pub fn parse(file: &Path, text: &str) -> (Self, Vec<Problem>) {
        spec::read(file, text)
    }
}

#[cfg(test)]
mod tests;
