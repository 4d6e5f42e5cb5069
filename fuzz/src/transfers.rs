//! Whoever asks for a zone, and however: only a peer gets one, whole or what changed, and every message of it is signed
//! as the query was.

use std::cell::RefCell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use privatelink_dns::dns::tsig::{sign_query, verify_answer};
use privatelink_dns::dns::{Message, Query, Rtype, signature_of};
use privatelink_dns::server::Transport;
use privatelink_dns::server::harness::{BothPaths, Incoming};

use crate::server::{OTHERS, PEERS, UNSIGNED, key, name, shared};

thread_local! {
    static PATHS: RefCell<(BothPaths, Instant)> = RefCell::new(start());
}

fn start() -> (BothPaths, Instant) {
    let now = Instant::now();
    (BothPaths::new(shared(now), now), now)
}

/// The first octet chooses transport, client and key, the second whether an octet of the signature is changed; the rest
/// is the message before it is signed.
pub fn hold(data: &[u8]) {
    let Some(([how, change], message)) = data.split_first_chunk().map(|(how, rest)| (*how, rest)) else { return };
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let signed_by = [None, None, Some(PEERS), Some(OTHERS)][usize::from(how >> 2 & 3)];
    let mut message = message.to_vec();
    let is_query = Query::parse(&message).is_ok_and(|query| query.tsig.is_none());
    let mac = match signed_by {
        Some(by) if is_query && message.len() < 4000 => sign_query(&key(by), &mut message, today),
        _ => Vec::new(),
    };
    let is_forged = !mac.is_empty() && change != 0;
    if is_forged {
        // In the MAC, which is before the id, the error and the length of the other data.
        let at = message.len() - 7;
        message[at] ^= change;
    }
    let client = [UNSIGNED, "127.0.0.9:5353", "203.0.113.1:5353", UNSIGNED][usize::from(how & 3)];
    let transport = if how & 0x10 != 0 { Transport::Tcp } else { Transport::Udp };
    let incoming = Incoming {
        message: &message,
        client: client.parse().expect("an address"),
        local: ([127, 0, 0, 1], 53).into(),
        transport,
    };
    PATHS.with_borrow_mut(|(paths, now)| {
        let mut fast = Vec::new();
        let is_fast = paths.fast(incoming, *now, &mut fast);
        let messages = paths.messages(incoming, (*now, today));
        if is_fast {
            assert!(mac.is_empty(), "the fast path answers a signed query");
            assert_eq!(messages, [fast], "both paths have one answer");
        }
        let by_key = (!mac.is_empty() && !is_forged).then_some(signed_by).flatten();
        let is_peer = by_key == Some(PEERS) || mac.is_empty() && client == UNSIGNED;
        check(&incoming, &messages, is_peer);
        if let (Some(by), Some(first)) = (by_key, messages.first().filter(|_| client != "203.0.113.1:5353")) {
            assert!(verify_answer(first, &key(by), &mac, today), "the answer to a signed query is signed");
            assert!(messages.iter().all(|message| signature_of_part(message)), "and so is each message behind it");
        }
        if is_forged {
            assert!(messages.iter().all(|message| message[6..10] == [0; 4]), "a forged query gets a record");
        }
    });
}

/// A message of a transfer has no question but in the first one, so its record is found from the end.
fn signature_of_part(message: &[u8]) -> bool {
    message.get(5) == Some(&0) || signature_of(message).is_some()
}

fn check(incoming: &Incoming<'_>, messages: &[Vec<u8>], is_peer: bool) {
    let Ok(query) = Query::parse(incoming.message) else { return };
    if query.qclass.0 != 1 || ![Rtype::AXFR, Rtype::IXFR].contains(&query.qtype) {
        return;
    }
    let parsed: Vec<Message> = messages.iter().map(|bytes| Message::parse(bytes).expect("it decodes")).collect();
    let records: Vec<_> = parsed.iter().flat_map(|message| &message.answer).collect();
    let Some(first) = records.first() else { return };
    assert!(is_peer, "somebody who is no peer gets {first:?}");
    assert!(first.owner == name("b.") || first.owner == name("r."), "{first:?}");
    assert_eq!(first.rtype, Rtype::SOA);
    if records.len() > 1 {
        assert!(incoming.transport != Transport::Udp, "a transfer over UDP");
        assert_eq!(Some(first), records.last(), "it ends as it began");
        let soas = records.iter().filter(|record| record.rtype == Rtype::SOA).count();
        assert_eq!(soas, if records[1].rtype == Rtype::SOA { 4 } else { 2 });
    }
}
