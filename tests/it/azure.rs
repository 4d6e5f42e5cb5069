//! Live sources: the real binary against a scripted Azure, with no list at all.

mod stand;
