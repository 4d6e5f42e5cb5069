//! The further public names that a plan adds and removes.

use super::Action;
use crate::zone::Aliases;

/// A public name that comes or goes; one that leads elsewhere from now on does both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasChange {
    /// The name, without the final dot.
    pub name: String,
    /// [`Action::Delete`] or [`Action::Create`].
    pub action: Action,
    /// The owner it leads to, relative to the apex.
    pub owner: String,
}

/// From one set to another.
pub(super) fn difference(before: &Aliases, after: &Aliases) -> Vec<AliasChange> {
    if before == after {
        return Vec::new();
    }
    let only = |here: &Aliases, there: &Aliases, action| -> Vec<AliasChange> {
        let news = here.iter().filter(|(name, owner)| there.owner_of(name) != Some(*owner));
        news.map(|(name, owner)| AliasChange { name: name.to_owned(), action, owner: owner.to_owned() }).collect()
    };
    let mut changes = only(before, after, Action::Delete);
    changes.append(&mut only(after, before, Action::Create));
    changes.sort_unstable();
    changes
}
