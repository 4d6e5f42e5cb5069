//! Names of ours that are no part of a statement.

use super::address::is_address;
use super::arena::Node;
use super::ledger::Concern;
use super::walk::{Place, TAKEN_KEY, Walker};
use crate::azure::names::mentions;
use crate::diag::Id;
use crate::sync::source::token::quoted;

/// The shortest name of ours has about this many octets.
const MIN_NAME: usize = 20;

impl<'a> Walker<'a, '_> {
    /// A text that is no part of any object.
    pub(super) fn bare(&mut self, root: Node<'a>, text: &'a str, is_element: bool) {
        for name in mentions(text) {
            let advice = if is_element {
                "list objects with fqdn and ipAddress"
            } else {
                "list it in an object with fqdn and ipAddress"
            };
            let problem =
                (Id::LIST_NO_ADDRESS, format!("'{}' stands alone, without an address: {advice}", quoted(name)));
            self.mention(name, root, Concern::Missing(problem));
        }
    }

    /// Looks for names of ours in a text that is no part of a statement.
    pub(super) fn look(&mut self, text: &'a str, node: Node<'a>, place: &Place<'a>) {
        if text.len() < MIN_NAME || !text.contains('.') {
            return;
        }
        for name in mentions(text) {
            let concern = if self.is_beside_address(place) {
                beside(name, place.list.unwrap_or(node).key())
            } else {
                Concern::Alone
            };
            self.mention(name, node, concern);
        }
    }

    /// Looks for names of ours in a key that is no part of a statement.
    pub(super) fn look_at_key(&mut self, node: Node<'a>, place: &Place<'a>) {
        let key = node.key();
        if key.len() < MIN_NAME || !key.contains('.') || self.has_mark(node, TAKEN_KEY) {
            return;
        }
        let holds_address = || node.children().any(|child| is_address(child) || child.children().any(is_address));
        for name in mentions(key) {
            let concern =
                if holds_address() || self.is_beside_address(place) { beside(name, key) } else { Concern::Alone };
            self.mention(name, node, concern);
        }
    }

    /// True if there is an address in the object or array around.
    fn is_beside_address(&mut self, place: &Place<'a>) -> bool {
        [place.list, place.object].into_iter().flatten().any(|holder| {
            if let Some((_, answer)) = self.asked.filter(|(index, _)| *index == holder.index()) {
                return answer;
            }
            let answer = holder.children().any(is_address);
            self.asked = Some((holder.index(), answer));
            answer
        })
    }

    pub(super) fn mention(&mut self, name: &str, node: Node<'a>, concern: Concern) {
        self.ledger.mention(name, node.key(), node.line(), concern, self.out);
    }
}

fn beside(name: &str, key: &str) -> Concern {
    let name = quoted(name);
    let text = if key.is_empty() {
        format!(
            "'{name}' stands beside an address, in a list that does not say what belongs together: list objects with fqdn and ip"
        )
    } else {
        format!(
            "'{name}' under '{}' is a name of ours beside an address, under a key that is not known for names: call it fqdn",
            quoted(key)
        )
    };
    Concern::Missing((Id::LIST_NO_NAME, text))
}
