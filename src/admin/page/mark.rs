//! How something is: a sign and a word, and never a colour alone.

use askama::Template;

use crate::diag::Severity;
use crate::status::verdict::Level;

/// How good something is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    Good,
    /// Nothing is known, or nothing is wanted.
    Quiet,
    Warning,
    Error,
}

impl Tone {
    /// Whether it has a sign: what is quiet draws no eye.
    fn has_sign(self) -> bool {
        self != Self::Quiet
    }

    /// The class of its colour; `sign-` before it makes the id of its sign.
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Quiet => "quiet",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl From<Level> for Tone {
    fn from(level: Level) -> Self {
        match level {
            Level::Good => Self::Good,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Quiet,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}

/// A sign and a word.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(
    source = r##"<span class="mark {{ tone.class() }}">{% if tone.has_sign() %}<svg class="sign" aria-hidden="true"><use href="#sign-{{ tone.class() }}" /></svg>{% endif %}{{ word }}</span>"##,
    ext = "html"
)]
pub(super) struct Mark {
    pub(super) tone: Tone,
    pub(super) word: String,
}

impl Mark {
    pub(super) fn new(tone: impl Into<Tone>, word: impl Into<String>) -> Self {
        Self { tone: tone.into(), word: word.into() }
    }

    /// The class of its colour.
    pub(super) fn class(&self) -> &'static str {
        self.tone.class()
    }
}
