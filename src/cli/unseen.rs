//! Verbs that do without the running server, by a user who may not see what is in service.
//!
//! Input: the config. Output: the refusal of a verb. A plan that takes zones it cannot see for new ones, or a state it
//! cannot see for a freeze, would be wrong; so is an answer from upstream for a name in such a zone.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use super::fail;
use crate::config::Config;
use crate::diag;

/// Refuses a verb that needs the zones and the state of the sync.
pub(super) fn zones_or_state(config: &Config, verb: &[&str]) -> Option<ExitCode> {
    zones(config, verb).or_else(|| folder(config, "state_dir", config.sync.state.folder(), verb))
}

/// Refuses a verb that needs the zones.
pub(super) fn zones(config: &Config, verb: &[&str]) -> Option<ExitCode> {
    folder(config, "zone_dir", &config.zones.zone_dir, verb)
}

/// A folder that is not there is nobody's secret: the first sync makes it.
fn folder(config: &Config, key: &str, folder: &Path, verb: &[&str]) -> Option<ExitCode> {
    let error = fs::read_dir(folder).err().filter(|error| error.kind() == ErrorKind::PermissionDenied)?;
    let command = diag::command(verb, &diag::path(&config.file));
    let folder = diag::path(folder);
    Some(fail(format!(
        "{folder}: {key}: cannot read it: {error}; what is in service is not known to this user, so nothing was done; \
         run it as the server's user or as root: sudo {command}"
    )))
}
