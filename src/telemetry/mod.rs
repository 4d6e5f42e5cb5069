//! Logs: one event, one line on standard error.
//!
//! In: [`Settings`], and `RUST_LOG`, which overrides their level. Out: lines with a level that can be trusted: a
//! priority where standard error is the journal, JSON on demand, else text (see `line`). A thread of their own writes
//! them (see `queue`): a reader that stands still never stops the server.

mod line;
mod queue;
mod settings;

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

use line::{Fields, Form};
use queue::{Queue, ToQueue};
pub(crate) use settings::{Format, Level, Settings};

/// The file watcher logs every event it sees: with a log inside a watched folder, each line would cause the next.
const QUIET: &str = "notify=warn,notify_debouncer_full=warn,mio=warn";

/// What clients do is counted. These would write a line for each connection of whoever likes; `RUST_LOG` may name them.
const STRANGERS: &str = "h2=off,rustls=off";

/// The time that the last lines may take once the server has stopped.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The log of this process. Its last lines are written when it goes out of scope.
pub(crate) struct Logs {
    filter: reload::Handle<Targets, Registry>,
    queue: Arc<Queue>,
    /// The form that lines have until the next start.
    format: Format,
    /// What `RUST_LOG` says, if it says anything that counts.
    overridden: bool,
}

impl Logs {
    /// Starts logging.
    ///
    /// # Errors
    /// If the system has no thread or descriptor left.
    pub(crate) fn start(settings: Settings) -> io::Result<Self> {
        let said = std::env::var_os("RUST_LOG").map(|said| said.to_string_lossy().into_owned());
        let (chosen, wrong) = filter(said.as_deref(), settings.level);
        let overridden = said.is_some_and(|said| !said.trim().is_empty()) && wrong.is_none();
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        let form = form(settings.format, &stderr);
        let queue = Queue::start(stderr, move |lost| {
            let fields = Fields::message(format!("{lost} lines of this log were lost: its reader was too slow"));
            form.line(SystemTime::now(), tracing::Level::WARN, &fields)
        })?;
        let (layer, filter) = reload::Layer::new(chosen);
        let lines = tracing_subscriber::fmt::layer().event_format(Lines(form)).with_writer(ToQueue(Arc::clone(&queue)));
        // Only tests start logging twice in one process.
        drop(tracing_subscriber::registry().with(layer).with(lines).try_init());
        log_panics();
        if let Some(wrong) = wrong {
            tracing::warn!("RUST_LOG {wrong}; logging at '{}'", settings.level.word());
        }
        Ok(Self { filter, queue, format: settings.format, overridden })
    }

    /// Follows a new config; true if its format takes effect only at the next start.
    pub(crate) fn follow(&self, settings: Settings) -> bool {
        if !self.overridden {
            // It fails only if the subscriber is gone, and with it the log.
            let _ = self.filter.reload(filter(None, settings.level).0);
        }
        self.format != settings.format
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.queue.flush(LAST_LINES);
    }
}

/// The form of lines on this standard error.
fn form(format: Format, stderr: &File) -> Form {
    match format {
        Format::Json => Form::Json,
        Format::Auto if is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), stderr) => Form::Journal,
        Format::Auto | Format::Text => {
            Form::Text { colour: stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none() }
        }
    }
}

/// Whether a stream is the journal: systemd says its device and inode (systemd.exec(5)), and a child whose standard
/// error leads elsewhere inherits that too.
fn is_journal(said: Option<&str>, stream: &File) -> bool {
    let parsed = said.and_then(|said| said.split_once(':'));
    let numbers = parsed.and_then(|(device, inode)| Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?)));
    numbers.is_some_and(|numbers| stream.metadata().is_ok_and(|found| (found.dev(), found.ino()) == numbers))
}

/// A panic is an event like others: one line with its level.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name");
        let said = panic.payload_as_str().unwrap_or("no message");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("internal error: thread '{name}' panicked at {place}: {said}; please report this with the log");
    }));
}

/// One line for each event.
struct Lines(Form);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        to.write_str(&self.0.line(SystemTime::now(), *event.metadata().level(), &fields))
    }
}

/// The filter for what `RUST_LOG` says, else for a level; and the problem with `RUST_LOG`, if any.
fn filter(said: Option<&str>, level: Level) -> (Targets, Option<String>) {
    let said = said.map(str::trim).filter(|said| !said.is_empty());
    // At debug, other crates have nothing to say that helps an operator.
    let default = if level == Level::Debug { "info,privatelink_dns=debug" } else { level.word() };
    // Who sets `[log] queries` wants them at any level, unless `RUST_LOG` says otherwise: the last word counts.
    let build = |said: &str| format!("{}=info,{STRANGERS},{said},{QUIET}", crate::server::QUERY_LOG).parse::<Targets>();
    // A lone word that is not a level counts as the name of a module, and silences all others.
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    let is_good = |said: &str| said.contains('=') || said.split(',').any(is_level);
    // An empty word would be the name of every module.
    let words =
        |said: &str| said.split(',').map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(",");
    match said.map(|said| (said, Some(words(said)).filter(|said| is_good(said)).and_then(|said| build(&said).ok()))) {
        None => (build(default).unwrap_or_default(), None),
        Some((_, Some(filter))) => (filter, None),
        Some((said, None)) => {
            let wrong =
                format!("'{}' is not a log filter: write error, warn, info or debug", crate::diag::printable(said));
            (build(default).unwrap_or_default(), Some(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_invalid_filter_silences_no_module() {
        for (said, wrong) in
            [(None, false), (Some(""), false), (Some(" "), false), (Some("verbose"), true), (Some("debug"), false)]
        {
            let (filter, found) = filter(said, Level::Info);
            assert_eq!(found.is_some(), wrong, "{said:?}");
            let level = if said == Some("debug") { "debug" } else { "info" };
            assert!(filter.to_string().contains(level), "{said:?}: {filter}");
        }
    }

    #[test]
    fn spaces_and_empty_words_in_a_filter_say_nothing() {
        let plain = filter(Some("warn,query_log=off"), Level::Info).0;
        assert_eq!(filter(Some(" warn,, query_log=off ,"), Level::Info).0, plain);
        assert!(!plain.would_enable("privatelink_dns", &tracing::Level::INFO), "{plain}");
    }

    #[test]
    fn the_file_watcher_does_not_log_at_trace() {
        let (filter, _) = filter(Some("trace"), Level::Info);
        for quiet in QUIET.split(',') {
            assert!(filter.to_string().contains(quiet), "{filter}");
        }
    }

    #[test]
    fn what_clients_do_to_libraries_is_logged_only_where_rust_log_names_these() {
        let is_logged =
            |said: Option<&str>, level, from: &str| filter(said, level).0.would_enable(from, &tracing::Level::WARN);
        for from in ["h2::proto::streams::recv", "rustls::msgs::handshake"] {
            assert!(!is_logged(None, Level::Info, from) && !is_logged(None, Level::Debug, from), "{from}");
            assert!(!is_logged(Some("info"), Level::Info, from), "{from}");
            assert!(is_logged(Some("info,h2=debug,rustls=debug"), Level::Info, from), "{from}");
        }
        assert!(is_logged(None, Level::Info, "hyper"));
    }

    #[test]
    fn the_query_log_is_independent_of_the_level() {
        for level in [Level::Error, Level::Debug] {
            let (filter, _) = filter(None, level);
            assert!(filter.to_string().contains(&format!("{}=info", crate::server::QUERY_LOG)), "{filter}");
        }
        let (filter, _) = filter(Some("info,query_log=off"), Level::Info);
        assert!(filter.to_string().contains("query_log=off") && !filter.to_string().contains("query_log=info"));
    }

    #[test]
    fn standard_error_is_the_journal_only_if_it_is_the_very_stream_that_systemd_named() {
        let file = tempfile::tempfile().unwrap();
        let found = file.metadata().unwrap();
        let said = format!("{}:{}", found.dev(), found.ino());
        assert!(is_journal(Some(&said), &file));
        assert!(!is_journal(Some(&format!("{}:{}", found.dev(), found.ino() + 1)), &file));
        assert!(!is_journal(Some(&said), &tempfile::tempfile().unwrap()), "a child with another standard error");
        for odd in [None, Some(""), Some("8"), Some("x:y")] {
            assert!(!is_journal(odd, &file), "{odd:?}");
        }
    }
}
