//! The metadata service of an Azure VM.

use super::question::{Question, metadata, selector};
use super::{Effort, IdentityKind, Token, TokenError};
use crate::sync::live::outside::Outside;
use crate::sync::live::settings::UserAssigned;

/// Its fixed address.
pub(super) const ADDRESS: &str = "http://169.254.169.254";

const NOBODY: &str = "; if this is no Azure VM, install the agent of Azure Arc, or set identity to \"secret\", \
                      \"certificate\" or \"workload\"";

/// Asks for a token.
pub(super) fn ask(
    outside: &dyn Outside,
    base: &str,
    who: Option<&UserAssigned>,
    audience: &str,
    effort: Effort,
) -> Result<Token, TokenError> {
    let endpoint = format!("{}/metadata/identity/oauth2/token", base.trim_matches(['/', ' ']));
    let mut query = vec![("api-version", "2018-02-01"), ("resource", audience)];
    query.extend(selector(who, "msi_res_id"));
    // The host keeps tokens too, and ARM has just refused the one that it gave.
    query.extend(effort.is_fresh.then_some(("bypass_cache", "true")));
    let kind = IdentityKind::Vm;
    let question = Question { kind, endpoint: &endpoint, query, headers: vec![metadata()], advice: NOBODY };
    let reply = question.send(outside, effort)?;
    let advice = match who {
        None => {
            "; this VM needs an identity (az vm identity assign), and with several user-assigned ones client_id says \
             which; one that was assigned a moment ago is found at one of the next reads"
        }
        Some(_) => {
            "; the identity in the config has to be assigned to this VM (az vm identity assign --identities); one that \
             was assigned a moment ago is found at one of the next reads"
        }
    };
    question.token(outside, &reply, advice)
}
