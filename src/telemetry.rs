//! Logs: lines on standard error, coloured on a terminal, plain in a pipe, filtered by `RUST_LOG`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The file watcher logs every event it sees: with a log inside a watched folder, each line would cause the next.
const QUIET: &str = "notify=warn,notify_debouncer_full=warn,mio=warn";

/// Starts logging; `default` is the level when `RUST_LOG` sets none.
pub(crate) fn start_logs(default: &str) {
    let (filter, wrong) = filter(std::env::var("RUST_LOG").ok().as_deref(), default);
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .with_target(false)
        .try_init();
    // Only tests start logging twice in one process.
    drop(started);
    if let Some(wrong) = wrong {
        tracing::warn!("RUST_LOG {wrong}; logging at '{default}'");
    }
}

/// The filter for `said`, and the problem with it, if any.
fn filter(said: Option<&str>, default: &str) -> (EnvFilter, Option<String>) {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    let quiet = |level: &str| EnvFilter::try_new(format!("{level},{QUIET}"));
    // A lone word that is not a level counts as the name of a module, and silences all others.
    let is_level = |word: &str| word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    let is_good = |said: &&str| said.contains(['=', '[']) || said.split(',').any(|word| is_level(word.trim()));
    match said.map(|said| (said, Some(said).filter(is_good).and_then(|said| quiet(said).ok()))) {
        None => (quiet(default).unwrap_or_default(), None),
        Some((_, Some(filter))) => (filter, None),
        Some((said, None)) => {
            let wrong =
                format!("'{}' is not a log filter: write error, warn, info or debug", crate::diag::printable(said));
            (quiet(default).unwrap_or_default(), Some(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_says_nothing_or_nonsense_silences_nobody() {
        for (said, wrong) in
            [(None, false), (Some(""), false), (Some(" "), false), (Some("verbose"), true), (Some("debug"), false)]
        {
            let (filter, found) = filter(said, "info");
            assert_eq!(found.is_some(), wrong, "{said:?}");
            let level = if said == Some("debug") { "debug" } else { "info" };
            assert!(filter.to_string().contains(level), "{said:?}: {filter}");
        }
    }

    #[test]
    fn the_watcher_of_files_is_never_heard_at_trace() {
        let (filter, _) = filter(Some("trace"), "info");
        for quiet in QUIET.split(',') {
            assert!(filter.to_string().contains(quiet), "{filter}");
        }
    }
}
