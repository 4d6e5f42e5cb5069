//! What one statement of a list may hold.

/// Addresses that a statement may give to its names. Azure gives one, or one of each family; BIND takes a hundred
/// records of a type at a name (`max-records-per-type`).
pub(super) const MAX_ADDRESSES: usize = 100;

/// Names that a statement may have. A network interface of a vault has about ten.
pub(super) const MAX_NAMES: usize = 100;

/// Records that one statement may make: a hundred names with an address of each family, or one with a hundred
/// addresses. Every name of a statement has all its addresses, so that without this a line of 200 kB makes 20
/// million.
pub(super) const MAX_RECORDS: usize = 256;
