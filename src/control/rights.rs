//! The rights of those who connect: who may ask, and who may consent.
//!
//! Input: the config's two groups, and what is known of a peer. Output: yes, or a sentence that says which group is
//! needed. The owner of the socket and root may do everything; without groups nobody else may do anything.

use crate::diag::{Diagnostic, Id, Place};

/// The groups of the config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// `control_group`: may ask.
    pub control: Option<Group>,
    /// `approve_group`: may ask and consent.
    pub approve: Option<Group>,
}

/// A group of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, or its number where it has none.
    pub name: String,
    /// Its number.
    pub gid: u32,
}

/// The right that a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    /// To look, and to have the server look: nothing is decided by it.
    Ask,
    /// To decide what is in service.
    Consent,
}

/// What is known of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The owner of the socket, or root.
    Owner,
    /// Somebody else, who is in these groups or not.
    Other {
        /// In `control_group`.
        in_control: bool,
        /// In `approve_group`.
        in_approve: bool,
    },
    /// The account database does not say in time.
    Unknown,
}

impl Rights {
    /// True if others than the owner and root may connect.
    pub(crate) fn has_groups(&self) -> bool {
        self.control.is_some() || self.approve.is_some()
    }

    /// Whether a peer has a right.
    ///
    /// # Errors
    /// A refusal that says which group is needed.
    pub(crate) fn check(&self, peer: Standing, right: Right) -> Result<(), Diagnostic> {
        match peer {
            Standing::Owner | Standing::Other { in_approve: true, .. } => Ok(()),
            Standing::Other { in_control: true, .. } if right == Right::Ask => Ok(()),
            Standing::Other { .. } => Err(self.refusal(right)),
            Standing::Unknown => {
                let text = "the account database of this machine does not say in time which groups you are in; nothing \
                            was done; try again, or run this as root or as the server's own user";
                Err(Diagnostic::error(Id::CONTROL_DENIED, Place::Server, text))
            }
        }
    }

    fn refusal(&self, right: Right) -> Diagnostic {
        let named = |key: &str, group: &Group| format!("group '{}' ({key})", group.name);
        let approve = self.approve.as_ref().map(|group| named("approve_group", group));
        let control = self.control.as_ref().map(|group| named("control_group", group));
        let (what, groups) = match right {
            Right::Ask => ("you may not ask this server", [control, approve]),
            Right::Consent => ("you may not decide this", [approve, None]),
        };
        let mut who: Vec<String> = groups.into_iter().flatten().collect();
        who.extend(["root".to_owned(), "the server's own user".to_owned()]);
        let last = who.pop().unwrap_or_default();
        let text = format!("{what}: it needs {} or {last}; nothing was done", who.join(", "));
        Diagnostic::error(Id::CONTROL_DENIED, Place::Server, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> Group {
        Group { name: name.into(), gid: 7 }
    }

    #[test]
    fn each_standing_has_the_rights_of_the_table_in_the_docs() {
        let none = Rights::default();
        let both = Rights { control: Some(group("admins")), approve: Some(group("leads")) };
        let control = Rights { control: Some(group("admins")), approve: None };
        let approve = Rights { control: None, approve: Some(group("leads")) };
        let other = |in_control, in_approve| Standing::Other { in_control, in_approve };
        let table = [
            (&none, Standing::Owner, true, true),
            (&none, other(false, false), false, false),
            (&both, Standing::Owner, true, true),
            (&both, other(false, false), false, false),
            (&both, other(true, false), true, false),
            (&both, other(false, true), true, true),
            (&both, other(true, true), true, true),
            (&both, Standing::Unknown, false, false),
            (&control, other(true, false), true, false),
            (&approve, other(false, true), true, true),
            (&approve, other(false, false), false, false),
        ];
        for (rights, peer, asks, consents) in table {
            assert_eq!(rights.check(peer, Right::Ask).is_ok(), asks, "{rights:?} {peer:?}");
            assert_eq!(rights.check(peer, Right::Consent).is_ok(), consents, "{rights:?} {peer:?}");
        }
        assert!(!none.has_groups() && both.has_groups() && control.has_groups() && approve.has_groups());
    }

    #[test]
    fn a_refusal_names_the_groups_that_have_the_right() {
        let stranger = Standing::Other { in_control: false, in_approve: false };
        let said = |rights: &Rights, right| rights.check(stranger, right).unwrap_err().text;
        let both = Rights { control: Some(group("admins")), approve: Some(group("leads")) };
        assert_eq!(
            said(&both, Right::Ask),
            "you may not ask this server: it needs group 'admins' (control_group), group 'leads' (approve_group), root or \
             the server's own user; nothing was done"
        );
        let needs = "you may not decide this: it needs group 'leads' (approve_group), root or the server's own user";
        assert!(said(&both, Right::Consent).starts_with(needs));
        let control = Rights { approve: None, ..both };
        assert!(said(&control, Right::Consent).contains("it needs root or the server's own user"));
    }
}
