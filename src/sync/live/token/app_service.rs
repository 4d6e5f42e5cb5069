//! The identity endpoint of App Service, Functions, Container Apps and Automation.

use super::question::{Question, metadata, selector};
use super::{Effort, IdentityKind, Token, TokenError};
use crate::sync::live::outside::{Outside, Secret};
use crate::sync::live::settings::UserAssigned;

/// Asks for a token.
pub(super) fn ask(
    outside: &dyn Outside,
    endpoint: &str,
    header: &Secret,
    who: Option<&UserAssigned>,
    audience: &str,
    effort: Effort,
) -> Result<Token, TokenError> {
    let mut query = vec![("api-version", "2019-08-01"), ("resource", audience)];
    query.extend(selector(who, "mi_res_id"));
    // Automation wants the second one.
    let headers = vec![("X-IDENTITY-HEADER", header.clone()), metadata()];
    let question = Question { kind: IdentityKind::AppService, endpoint, query, headers, advice: "" };
    let reply = question.send(outside, effort)?;
    let advice = "; the app needs an identity (az webapp identity assign, az containerapp identity assign), and a \
                  user-assigned one has to be named in the config";
    question.token(outside, &reply, advice)
}
