//! The place that a diagnostic belongs to.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::printable;

/// The place of a [`super::Diagnostic`]. More kinds will come: what is read from Azure has a scope and no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Place {
    /// A file or a folder, or a line of a file.
    File {
        /// The path, as messages show it.
        file: String,
        /// From 1; `None` where the whole file is meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        /// From 1, in characters; `None` where the whole line is meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<u32>,
    },
    /// A configured source as a whole.
    Source {
        /// Its name in the config.
        source: String,
    },
    /// A zone as a whole.
    Zone {
        /// Its apex, without the final dot.
        zone: String,
    },
    /// The running server.
    Server,
}

impl Place {
    /// A whole file or folder.
    pub fn file(path: &Path) -> Self {
        Self::line(&super::path(path), None)
    }

    /// A line of a file whose path has been made safe to show.
    pub fn line(file: &str, line: impl Into<Option<u32>>) -> Self {
        Self::column(file, line, None)
    }

    /// A column of a line of a file whose path has been made safe to show.
    pub fn column(file: &str, line: impl Into<Option<u32>>, column: impl Into<Option<u32>>) -> Self {
        Self::File { file: file.to_owned(), line: line.into(), column: column.into() }
    }

    /// A configured source.
    pub fn source(name: &str) -> Self {
        Self::Source { source: name.to_owned() }
    }

    /// A zone, by its apex without the final dot.
    pub fn zone(apex: impl Into<String>) -> Self {
        Self::Zone { zone: apex.into() }
    }

    /// The line, if a line is meant.
    pub fn line_number(&self) -> Option<u32> {
        match self {
            Self::File { line, .. } => *line,
            Self::Source { .. } | Self::Zone { .. } | Self::Server => None,
        }
    }

    /// The same place without line and column.
    #[must_use]
    pub fn whole(self) -> Self {
        match self {
            Self::File { file, .. } => Self::File { file, line: None, column: None },
            other => other,
        }
    }
}

impl fmt::Display for Place {
    /// `file:line:column` as far as they are known, `source 'name'`, `zone 'apex'`; always one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, column } => {
                f.write_str(&printable(file))?;
                let (Some(line), column) = (line, column) else { return Ok(()) };
                write!(f, ":{line}")?;
                column.map_or(Ok(()), |column| write!(f, ":{column}"))
            }
            Self::Source { source } => write!(f, "source '{}'", printable(source)),
            Self::Zone { zone } => write!(f, "zone '{}'", printable(zone)),
            Self::Server => f.write_str("privatelink-dns"),
        }
    }
}
