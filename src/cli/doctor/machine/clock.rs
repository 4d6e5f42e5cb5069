//! The clock: what the system says of it, and whether files that were written before are from the future.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::changed;
use crate::config::Config;
use crate::zone::store::path_of;

/// The time for the program that says whether the clock is synchronised.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file may be this much younger than now: other machines write some of them.
const TOLERANCE: Duration = Duration::from_mins(2);

/// What is known of the clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli::doctor) struct Clock {
    /// Whether a time server keeps it right; `None` where the system does not say.
    pub(in crate::cli::doctor) synchronised: Option<bool>,
    /// The youngest file from the future, and how far.
    pub(in crate::cli::doctor) behind: Option<(PathBuf, Duration)>,
}

impl Clock {
    /// Asks the system, and looks at what we wrote ourselves and at our own program.
    pub(super) fn read(config: &Config, now: SystemTime) -> Self {
        let zones = config.zones.hosted.keys().map(|apex| path_of(&config.zones.zone_dir, apex));
        let journal = config.sync.state.journal();
        let program = std::env::current_exe().ok();
        let written = zones.chain([journal]).chain(program);
        let from_future = written.filter_map(|path| {
            let ahead = changed(&path)?.duration_since(now).ok().filter(|ahead| *ahead > TOLERANCE)?;
            Some((path, ahead))
        });
        Self { synchronised: synchronised(), behind: from_future.max_by_key(|(_, ahead)| *ahead) }
    }
}

/// As timedatectl(1) reports it: the kernel knows whether a time server keeps the clock.
fn synchronised() -> Option<bool> {
    let ask = || {
        let mut command = Command::new("timedatectl");
        command.args(["show", "--property=NTPSynchronized", "--value"]);
        command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()
    };
    let output = crate::cli::doctor::within(PATIENCE, ask)??;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
