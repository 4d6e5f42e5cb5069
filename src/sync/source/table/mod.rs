//! Tables with a header: CSV, Markdown, and what PowerShell and `az` print in columns.
//!
//! The header says once which column holds names, labels, zones, addresses, states and types; the other columns are
//! left aside, unless they hold another name of ours. A row that does not have the form of its table is no row of it,
//! and the caller reads it as a line of its own.

mod cells;
mod head;
mod row;

pub(super) use head::{Head, Layout};
pub(super) use row::{Outcome, Row};
