//! Facts as the tests want them.

use super::super::*;
use crate::azure::Cloud;
use crate::forward::State;

/// `acct.blob.core.windows.net`
pub(super) fn account() -> Place {
    Place {
        record: "acct.privatelink.blob.core.windows.net".to_owned(),
        owner: "acct".to_owned(),
        zone: "privatelink.blob.core.windows.net".to_owned(),
        service: Service::Blob,
        cloud: Cloud::Public,
        geo: String::new(),
        geo_problem: None,
        ours: Some(Cloud::Public),
        is_public_spelling: true,
    }
}

/// A name of a vault.
pub(super) fn vault(geo: &str) -> Place {
    Place {
        record: format!("1-ab-pod01-fc1.privatelink.{geo}.backup.windowsazure.com"),
        owner: "1-ab-pod01-fc1".to_owned(),
        zone: format!("privatelink.{geo}.backup.windowsazure.com"),
        service: Service::Backup,
        geo: geo.to_owned(),
        ..account()
    }
}

pub(super) fn zone() -> Zone {
    Zone { name: account().zone, file: "zones/z.zone".to_owned(), has_copy: true, is_managed: true, ..Zone::default() }
}

pub(super) fn record() -> ServedRecord {
    ServedRecord {
        name: account().record,
        zone: account().zone,
        addresses: vec!["10.1.0.5".to_owned()],
        managed: true,
        source: Some("team-a".to_owned()),
        place: Some("we.txt:3".to_owned()),
        ..ServedRecord::default()
    }
}

/// A place in a list that has the account for blob.
pub(super) fn mention(change: impl FnOnce(&mut Mention)) -> Mention {
    let mut mention = Mention {
        source: "team-a".to_owned(),
        file: "we.txt".to_owned(),
        line: 15,
        record: Some(account().record),
        service: Some("blob".to_owned()),
        ..Mention::default()
    };
    change(&mut mention);
    mention
}

pub(super) fn by_zone() -> Teller {
    Teller::Zone { zone: account().zone, serial: 7, file: "zones/z.zone".to_owned() }
}

pub(super) fn by_upstream() -> Teller {
    Teller::Upstream { address: "10.0.0.4:53".to_owned() }
}

fn answer(address: &str, end: Teller) -> Answer {
    Answer {
        rcode_text: "NOERROR".to_owned(),
        data: vec![address.to_owned()],
        addresses: vec![address.parse().unwrap()],
        end,
        ..Answer::default()
    }
}

/// An answer from a hosted zone.
pub(super) fn private(address: &str) -> Answer {
    answer(address, by_zone())
}

/// An answer from an upstream.
pub(super) fn public(address: &str) -> Answer {
    answer(address, by_upstream())
}

pub(super) fn denied(end: Teller) -> Answer {
    Answer { rcode: Rcode::NxDomain, rcode_text: "NXDOMAIN".to_owned(), end, ..Answer::default() }
}

pub(super) fn failed() -> Answer {
    Answer { rcode: Rcode::ServFail, rcode_text: "SERVFAIL".to_owned(), has_failed: true, ..Answer::default() }
}

pub(super) fn down() -> Trouble {
    Trouble {
        address: "10.0.0.4:53".to_owned(),
        state: State::Down,
        since: Some(5),
        error: Some("no reply in time".to_owned()),
    }
}

/// A name of a hosted zone, with this answer and nothing else.
pub(super) fn facts(place: Place, answer: Answer) -> Facts {
    Facts {
        text: "acct.blob.core.windows.net".to_owned(),
        name: Some("acct.blob.core.windows.net".to_owned()),
        rtype: "A".to_owned(),
        answer: Some(answer),
        zone: Some(Zone { name: place.zone.clone(), ..zone() }),
        place: Some(place),
        pass_at: Some("2026-11-26T15:00:00Z".to_owned()),
        config: "/etc/p.toml".to_owned(),
        ..Facts::default()
    }
}
