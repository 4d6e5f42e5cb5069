//! The places where the lists of a source have an account or a vault, in whatever spelling, and also where a list is
//! refused or the line is a comment.
//!
//! Input: the settings of a source and a label. Output: [`Found`] places. Nothing of it is taken for a record: it
//! tells a person where to look. The text is decoded as the reader decodes it; a text that the reader cannot decode
//! is searched as far as it is plain.

#[cfg(test)]
mod tests;

use std::path::Path;

use super::read::files_of;
use super::{Kind, Settings, decode};
use crate::azure::names::{AzureName, Service, locate};
use crate::{diag, files};

/// Octets of all lists of a source together that are searched.
const MAX_BYTES: u64 = 64 << 20;

/// Places of a source that are given.
const MAX_FOUND: usize = 20;

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The file, as messages show it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The record that the text means, without the final dot; `None` where it has only the label.
    pub record: Option<String>,
    /// Its service.
    pub service: Option<Service>,
    /// Whether it stands in a comment.
    pub is_comment: bool,
}

/// Searches the present lists of a source for a label.
///
/// # Errors
/// What could not be searched, for people; places in other files of the source are lost with it.
pub(crate) fn search(source: &Settings, label: &str) -> Result<Vec<Found>, String> {
    let paths = match &source.kind {
        Kind::Files(_) => files_of(source)?,
        Kind::Live { lists, .. } => lists.iter().map(|list| list.path.clone()).filter(|path| path.exists()).collect(),
    };
    let mut found = Vec::new();
    let mut left = MAX_BYTES;
    for path in &paths {
        let (bytes, _) = files::read(path, left).map_err(|error| format!("{}: {error}", diag::path(path)))?;
        left = left.saturating_sub(bytes.len() as u64);
        search_list(path, bytes, label, &mut found);
        if found.len() >= MAX_FOUND {
            break;
        }
    }
    Ok(found)
}

fn search_list(path: &Path, bytes: Vec<u8>, label: &str, found: &mut Vec<Found>) {
    if label.is_empty() {
        return;
    }
    let lossy = String::from_utf8_lossy(&bytes).into_owned();
    let text = decode::decode(bytes).map_or(lossy, |decoded| decoded.text);
    let file = diag::path(path);
    for (line, text) in (1..).zip(text.lines()) {
        for at in places(text, label) {
            if found.len() == MAX_FOUND {
                return;
            }
            let (record, service) = meaning(text, at, label);
            found.push(Found { file: file.clone(), line, record, service, is_comment: is_comment(text, at) });
        }
    }
}

/// The places of a label in a line, as a whole label, in any case.
fn places<'t>(text: &'t str, label: &'t str) -> impl Iterator<Item = usize> + 't {
    let bytes = text.as_bytes();
    let first = label.as_bytes().first().copied().unwrap_or_default();
    let starts = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), bytes);
    let is_of_label = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_whole = move |at: &usize| {
        let end = at + label.len();
        bytes.get(*at..end).is_some_and(|found| found.eq_ignore_ascii_case(label.as_bytes()))
            && !bytes.get(end).copied().is_some_and(is_of_label)
            && !at.checked_sub(1).and_then(|before| bytes.get(before)).copied().is_some_and(is_of_label)
    };
    starts.filter(is_whole)
}

/// The record that a label in a line means: with what follows it, or with a zone elsewhere in the line.
fn meaning(text: &str, at: usize, label: &str) -> (Option<String>, Option<Service>) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let start = text[..at].rfind(|c| !is_of_name(c)).map_or(0, |before| before + 1);
    let start = (start..=at).find(|start| text.is_char_boundary(*start)).unwrap_or(at);
    let end = text[at..].find(|c| !is_of_name(c)).map_or(text.len(), |length| at + length);
    let known = |place: &AzureName<'_>| (Some(place.record_text()), Some(place.service));
    let mut buffer = String::new();
    if let Ok(place) = locate(text[start..end].trim_matches('.'), &mut buffer) {
        return known(&place);
    }
    // Microsoft's script writes label, zone and address in columns.
    let words = text.split(|c: char| !is_of_name(c)).filter(|word| word.contains('.'));
    for word in words {
        if let Ok(place) = locate(&format!("{label}.{}", word.trim_matches('.')), &mut buffer)
            && place.owner.eq_ignore_ascii_case(label)
        {
            return known(&place);
        }
    }
    (None, None)
}

/// Whether what stands at this place of a line is in a comment.
fn is_comment(text: &str, at: usize) -> bool {
    let before = text[..at].trim_start();
    [";", "//", "--", "REM "].iter().any(|sign| before.starts_with(sign)) || before.contains('#')
}
