//! What to do about the errors of Entra that operators meet, by their number.

use crate::sync::live::token::IdentityKind;

/// What to do about an error; `None` for one that is not known here.
pub(super) fn of(code: u64, kind: IdentityKind) -> Option<&'static str> {
    Some(match code {
        7_000_215 => {
            "the file has to hold the secret's value, not its id; the value is shown once, when the secret is made"
        }
        7_000_222 => "the secret has ended; make a new one and write it into the file, which is read again",
        7_000_216 | 7_000_218 => "the application has to be one that proves itself with a secret or a certificate",
        7_000_112 => "the application is disabled in this tenant; somebody has to enable it",
        70_021 | 700_211 | 700_212 | 700_213 => {
            "the federated credential of the application has to have this cluster's issuer, the subject \
             system:serviceaccount:NAMESPACE:NAME and the audience api://AzureADTokenExchange; a new one is known after \
             some minutes"
        }
        700_016 => "client_id or tenant is wrong, or the application was never added to this tenant",
        700_024 => "the clock of this machine, or the life of the federated token, is wrong; set the clock by NTP",
        700_027 | 700_030 if kind == IdentityKind::Certificate => {
            "the certificate has to be uploaded to the application, and must not have ended"
        }
        50_012 | 700_027 | 700_030 => {
            "what proves the application is not valid; it may have ended or belong to another one"
        }
        90_002 | 50_020 => "the tenant is wrong, or belongs to another cloud: see cloud in [backup], and authority",
        900_023 | 900_021 | 900_971 => "tenant has to be the tenant's id or one of its domains",
        90_013 | 900_144 | 90_014 => "the request is not as this Entra wants it; is authority right?",
        50_034 => "this account does not exist in this tenant; is tenant right?",
        500_011 => "this tenant does not know the resource; cloud in [backup] has to be the cloud of the tenant",
        53_003 | 530_003 | 530_004 => "a Conditional Access policy for workload identities keeps this address out",
        7_000_229 | 7_000_230 => {
            "the application has no service principal in this tenant; make one: az ad sp create --id CLIENT_ID"
        }
        _ => return None,
    })
}

/// True for an error that Entra itself calls passing.
pub(super) fn is_transient(code: u64) -> bool {
    // Transient fault; server too busy; loop; the tenant is being moved or throttled.
    matches!(code, 90_033 | 90_006 | 90_020 | 50_196 | 90_055 | 90_100 | 700_005)
}
