//! Names of views, and of the zones in them. A view is the same zones with other records for some clients.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dns::Name;

/// Letters of a view's name: it is a folder, a label of metrics and a word on a terminal.
const MAX_LEN: usize = 63;

/// The name of a view: letters, digits and hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ViewName(Arc<str>);

impl ViewName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ViewName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_good = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if text.is_empty() || text.len() > MAX_LEN || text.starts_with('-') || !text.chars().all(is_good) {
            return Err(format!("a view's name has from 1 to {MAX_LEN} letters, digits and hyphens"));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for ViewName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ViewName> for String {
    fn from(name: ViewName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for ViewName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A zone of the base, or the part of it that a view has of its own. The base comes first in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId {
    /// The view; `None` for the base.
    pub view: Option<ViewName>,
    /// The apex.
    pub apex: Name,
}

impl ZoneId {
    /// In the base.
    pub fn base(apex: Name) -> Self {
        Self { view: None, apex }
    }

    /// In a view.
    pub fn of_view(view: &ViewName, apex: Name) -> Self {
        Self { view: Some(view.clone()), apex }
    }
}

impl FromStr for ZoneId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (view, apex) = match text.split_once('/') {
            None => (None, text),
            Some((view, apex)) => (Some(view.parse()?), apex),
        };
        Ok(Self { view, apex: apex.parse().map_err(|error| format!("'{apex}': {error}"))? })
    }
}

impl fmt::Display for ZoneId {
    /// As its file lies below `zone_dir`: `privatelink.blob.core.windows.net`, and in a view
    /// `spoke-a/privatelink.blob.core.windows.net`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(view) = &self.view {
            write!(f, "{view}/")?;
        }
        f.write_str(&self.apex.without_dot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_views_name_has_letters_digits_and_hyphens() {
        for good in ["spoke-a", "A", "10-1-0-0", &"x".repeat(63)] {
            assert_eq!(good.parse::<ViewName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "-a", "a.b", "a/b", "..", "a b", "ä", "a_b", &"x".repeat(64)] {
            assert!(bad.parse::<ViewName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_of_a_view_is_called_as_its_file_lies_and_the_base_comes_first() {
        let apex: Name = "privatelink.blob.core.windows.net".parse().unwrap();
        let base = ZoneId::base(apex.clone());
        let view = ZoneId::of_view(&"a".parse().unwrap(), apex);
        assert_eq!(base.to_string(), "privatelink.blob.core.windows.net");
        assert_eq!(view.to_string(), "a/privatelink.blob.core.windows.net");
        assert!(base < view);
        for id in [base, view] {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
