//! What says that a document is one page of several, or a part that a limit cut off.

use super::arena::Node;
use super::keys::Role;
use crate::sync::source::listing::ListingBuilder;

/// Keys of a link or token for what follows: Azure Resource Manager, Microsoft Graph, Resource Graph, AWS.
const NEXT: [&str; 6] = ["nextLink", "@odata.nextLink", "$skipToken", "skipToken", "nextToken", "nextPageToken"];

/// Warns once if the object says that more follows: then nothing in service is removed for want of it.
pub(super) fn report(object: Node<'_>, out: &mut ListingBuilder) {
    if let Some(key) = object.children().find(|child| says_more(*child)) {
        out.gap(key.line(), None, || {
            format!("'{}' says that this is one page of several: export all pages into the list", key.key())
        });
    }
}

fn says_more(child: Node<'_>) -> bool {
    // None of these keys has another meaning, and most keys have one.
    if child.role() != Role::Other {
        return false;
    }
    let (key, value) = (child.key(), child.scalar().unwrap_or_default().trim());
    let is_link = NEXT.iter().any(|next| key.eq_ignore_ascii_case(next)) && !child.is_null() && !value.is_empty();
    // Others use `next` for anything; a link has its own form.
    let is_next = key.eq_ignore_ascii_case("next") && value.starts_with("http");
    let is_cut = ["resultTruncated", "isTruncated"].iter().any(|cut| key.eq_ignore_ascii_case(cut))
        && value.eq_ignore_ascii_case("true");
    is_link || is_next || is_cut
}
