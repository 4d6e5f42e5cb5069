//! The settings of the log.

/// What is logged, and how a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The least important level that is logged; `RUST_LOG` overrides it.
    pub(crate) level: Level,
    /// The form of a line.
    pub(crate) format: Format,
}

/// The least important level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Level {
    /// What is not done, or waits for a person.
    Error,
    /// And what may be missing or wrong.
    Warn,
    /// And starts, changes and transitions.
    #[default]
    Info,
    /// And each step of the daemon.
    Debug,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Where standard error is the journal, a priority in front (sd-daemon(3)) and no time, which the journal has
    /// itself; else [`Format::Text`].
    #[default]
    Auto,
    /// Time, level, message and fields; coloured on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

impl Level {
    /// The word in the config and in filters.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}
