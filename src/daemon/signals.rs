//! Signals other than SIGHUP: those that end the server, and those that other servers use for something.
//!
//! In: signals of the process. Out: the wish to end, once; and then the wish to end at once. SIGUSR1 and SIGUSR2, which
//! scripts send to have logs opened again, would end a process that does not expect them: here they cause a line.

use std::io;
use std::path::Path;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::diag;

/// SIGTERM and SIGINT.
pub(super) struct Ending {
    terminate: Signal,
    interrupt: Signal,
}

impl Ending {
    /// Starts to listen for them, and for SIGUSR1 and SIGUSR2, which cause a line that names the config.
    ///
    /// # Errors
    /// If the system does not let us.
    pub(super) fn listen(config: &Path) -> io::Result<Self> {
        let reload = diag::command(&["reload"], &diag::path(config));
        let ending = Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? };
        tokio::spawn(explain("SIGUSR1", signal(SignalKind::user_defined1())?, reload.clone()));
        tokio::spawn(explain("SIGUSR2", signal(SignalKind::user_defined2())?, reload));
        Ok(ending)
    }

    /// Waits for the next one, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Says what there is instead of what the sender may have expected.
async fn explain(name: &'static str, mut signal: Signal, reload: String) {
    while signal.recv().await.is_some() {
        info!(
            "{name} has no effect: the log goes to standard error, so there is no log file to open again; SIGHUP reads \
             config, lists and zones, and so does: {reload}"
        );
    }
}
