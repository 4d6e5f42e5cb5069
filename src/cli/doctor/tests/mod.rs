//! The checks over made values: a scripted case for each id and state.

mod certificates;
mod config;
mod lists;
mod machine;
mod reach;
mod served;
mod shown;
mod upstream;

use std::net::IpAddr;
use std::path::Path;

use super::facts::{Listed, Lists, Standing};
use super::finding::{Finding, State};
use crate::config::Config;

/// A config of this text; problems are left aside.
pub(super) fn config_of(toml: &str) -> Config {
    let (config, problems) = Config::parse(Path::new("/srv/dns/privatelink-dns.toml"), toml);
    assert!(problems.is_empty(), "{problems:?}");
    config
}

/// A listed record, `owner zone addresses...`, that is in service as it is listed.
pub(super) fn listed(text: &str) -> Listed {
    let mut words = text.split_whitespace();
    let (owner, zone) = (words.next().unwrap(), words.next().unwrap());
    let zone = match zone {
        "blob" | "queue" => format!("privatelink.{zone}.core.windows.net"),
        geo => format!("privatelink.{geo}.backup.windowsazure.com"),
    };
    let addresses: Vec<IpAddr> = words.map(|word| word.parse().unwrap()).collect();
    Listed {
        zone,
        owner: owner.to_owned(),
        in_service: addresses.clone(),
        addresses,
        place: "vault (lists/a.txt:1)".to_owned(),
        endpoint: None,
        standing: Standing::Written,
    }
}

/// Lists with these records.
pub(super) fn lists_of(records: &[&str]) -> Lists {
    let records = records.iter().map(|text| listed(text)).collect();
    Lists { records, config: "c.toml".to_owned(), ..Lists::default() }
}

/// The findings of a check, which must have this state; their facts.
#[track_caller]
pub(super) fn expect(found: &[Finding], id: &str, state: State, texts: &[&str]) {
    let of_id: Vec<&Finding> = found.iter().filter(|finding| finding.id.as_str() == id).collect();
    let is_it = |finding: &&&Finding| {
        let whole = format!("{} {}", finding.fact, finding.to_do.as_deref().unwrap_or_default());
        finding.state == state && texts.iter().all(|text| whole.contains(text))
    };
    assert!(of_id.iter().any(|finding| is_it(&finding)), "no {state} {id} with {texts:?} among {of_id:#?}");
    if state == State::Good {
        assert!(of_id.iter().all(|finding| finding.state == state), "{of_id:#?}");
    } else if state > State::Good {
        assert!(of_id.iter().all(|finding| finding.state <= State::Good || finding.to_do.is_some()), "{of_id:#?}");
    }
}
