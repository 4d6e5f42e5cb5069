//! Names as Azure writes them.

use crate::azure::NotHosted;
use crate::azure::names::{check_geo, locate};

/// A name that can stand in a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fqdn {
    /// As Azure has it, without a final dot.
    pub(super) text: String,
    /// The record that it means: all spellings of one record have one key.
    pub(super) key: String,
}

/// Reads a name; an error for one because of which a list would be refused, with the reason behind the name.
pub(super) fn fqdn(text: &str) -> Result<Fqdn, String> {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut buffer = String::new();
    let key = match locate(text, &mut buffer) {
        Ok(place) => {
            check_geo(place.cloud, place.service, place.geo).map_err(|error| error.to_string())?;
            format!("{}.{}", place.owner, place.zone_text())
        }
        // Names of other services are left aside by sync, each kind with a note.
        Err(NotHosted::Elsewhere) => text.to_ascii_lowercase(),
        Err(error) => return Err(error.to_string()),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > 253 {
        return Err("is too long for a host name".to_owned());
    }
    if let Some(odd) = text.chars().find(|c| !is_host(*c)) {
        return Err(format!("is not a host name: the character U+{:04X} cannot stand in one", u32::from(odd)));
    }
    Ok(Fqdn { text: text.to_owned(), key })
}
