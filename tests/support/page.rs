//! What a page of `docs/` says of a JSON document.

use std::collections::BTreeSet;

use serde_json::Value;

/// The words between backticks in the first column of the table below a line of the page.
pub(crate) fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, rest) = page.split_once(heading).unwrap_or_else(|| panic!("the page has no '{heading}'"));
    let rows = rest.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    // Every second piece is between backticks.
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// The keys of an object.
pub(crate) fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().cloned().collect()
}
