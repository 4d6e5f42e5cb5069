//! Sources: files with endpoint lists, in all shapes that people have them in.
//!
//! Input: the settings of a source, or bytes and the path they came from. Output: a [`Listing`] of FQDNs and addresses,
//! each with its line, or all problems of the list at once. A list with one bad line is refused. This module does not
//! know zones: [`super::desired`] decides the meaning of a name.

mod decode;
mod ending;
mod json;
mod keys;
mod limits;
mod lines;
mod listing;
#[cfg(test)]
pub(in crate::sync) mod made;
mod problems;
mod read;
mod recognise;
mod screens;
mod search;
mod semicolons;
mod statement;
mod table;
mod text;
mod token;
mod toml;
mod tree;
mod words;
mod yaml;
mod zone_file;

use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use listing::{Entry, Gap, Listing};
pub use read::{Bounds, EntryBudget, Reading, read, stand_in};
pub(crate) use search::{Found, search};
pub(in crate::sync) use toml::MAX_BYTES as MAX_TOML_BYTES;

use crate::diag::{Diagnostic, Diagnostics, Id, Place};
use crate::zone::ViewName;
use listing::ListingBuilder;

/// One `[[sources]]` of the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The operator's name for it.
    pub name: String,
    /// A file or a glob; for a live source the folder of its lists.
    pub path: PathBuf,
    /// Where its lists come from.
    pub kind: Kind,
    /// The view that it feeds; `None` for the base.
    pub view: Option<ViewName>,
}

/// Where the lists of a source come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People or their tools write them; of this format.
    Files(Format),
    /// [`super::live`] writes them, in our own list format.
    Live {
        /// One for each scope.
        lists: Vec<LiveList>,
        /// The report of the last read.
        report: PathBuf,
    },
}

/// The list of a scope of Azure. There is none until the scope was read once, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveList {
    /// The scope, as the config has it.
    pub scope: String,
    /// The file.
    pub path: PathBuf,
}

impl Settings {
    /// A problem with the source as a whole.
    pub(super) fn problem(&self, id: Id, text: impl AsRef<str>) -> Diagnostic {
        Diagnostic::error(id, Place::source(&self.name), text).of_source(&self.name)
    }

    /// The format of its lists.
    fn format(&self) -> Format {
        match self.kind {
            Kind::Files(format) => format,
            Kind::Live { .. } => Format::Toml,
        }
    }
}

/// The format of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Recognised from the contents.
    #[default]
    Auto,
    /// Lines with an address and host names.
    Text,
    /// JSON, with or without comments.
    Json,
    /// Our own list format.
    Toml,
    /// YAML.
    Yaml,
    /// `Label : value` screens of PowerShell.
    Screen,
    /// Zone files of RFC 1035.
    Zone,
}

impl Format {
    const ALL: [(&str, Self); 7] = [
        ("auto", Self::Auto),
        ("text", Self::Text),
        ("json", Self::Json),
        ("toml", Self::Toml),
        ("yaml", Self::Yaml),
        ("screen", Self::Screen),
        ("zone", Self::Zone),
    ];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|(word, _)| *word == text)
            .map(|(_, format)| format)
            .ok_or_else(|| format!("'{text}' is not a list format: use auto, text, json, toml, yaml, screen or zone"))
    }
}

/// The reasons why there is no listing: every problem, each with its place first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub Diagnostics);

/// A problem in a list without its place: its kind, and a text for people.
type Wrong = (Id, String);

/// Reads one list. `path` is for the messages and for what its ending says; nothing is opened.
pub fn parse(source: &str, path: &Path, format: Format, bytes: Vec<u8>) -> Result<Listing, SourceError> {
    let mut builder = ListingBuilder::new(source, path);
    match decode::decode(bytes) {
        Err((line, (id, problem))) => builder.problem(line, id, || problem),
        Ok(decode::Decoded { text, warning }) => {
            if let Some((line, (id, problem))) = warning {
                builder.warning(line, id, || problem);
            }
            read_text(&text, path, format, &mut builder);
        }
    }
    builder.finish()
}

fn read_text(text: &str, path: &Path, format: Format, out: &mut ListingBuilder) {
    let format = if format == Format::Auto { recognise::format(path, text) } else { format };
    if let Some((line, problem)) = recognise::foreign(text, format) {
        return out.problem(line, Id::LIST_FOREIGN, || problem);
    }
    match format {
        Format::Json => return json::read(text, out),
        Format::Toml => return toml::read(text, out),
        Format::Yaml => return yaml::read(text, out),
        Format::Screen => screens::read(text, out),
        Format::Zone => zone_file::read(text, path, out),
        Format::Text | Format::Auto => text::read(&semicolons::as_comments(text), out),
    }
    ending::check(text, out);
}

#[cfg(test)]
mod tests;
