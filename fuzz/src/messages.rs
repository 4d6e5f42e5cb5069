//! Messages from clients and upstreams: other decoders can read those that we accept, and records that were not asked
//! for are dropped.

use hickory_proto::op::Message as Other;
use privatelink_dns::dns::{Message, Name, Query, Record, Rtype, name_end};
use privatelink_dns::forward::scrub::{MAX_LINKS, scrub};
use privatelink_dns::forward::{Chain, Question};

/// Parses a message from a client.
pub fn query_holds(data: &[u8]) {
    let Ok(query) = Query::parse(data) else { return };
    assert!(query.qname.len() <= 255 && query.qname.last() == Some(&0), "{:?}", query.qname);
    let name = Name::from_wire(query.qname);
    assert!(name.is_some(), "{:?} is not a name", query.qname);
    if let Ok(other) = Other::from_vec(data) {
        let asked = other.queries.first().map(|query| u16::from(query.query_type()));
        assert_eq!(asked, Some(query.qtype.0), "two decoders see two questions");
        assert_eq!(other.metadata.id, query.header.id);
    }
}

/// Parses a message from an upstream, and keeps the records that follow from its question.
pub fn reply_holds(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    let Some((qname, rest)) = name_end(data, 12).and_then(|end| data.get(12..)?.split_at_checked(end - 12)) else {
        return;
    };
    let (Some(name), Some(rtype)) = (Name::from_wire(qname), rest.first_chunk()) else { return };
    let rtype = Rtype(u16::from_be_bytes(*rtype));
    let [_, low] = message.flags;
    let dnssec_ok = low & 0x10 != 0;
    let question = Question { name: name.clone(), rtype, dnssec_ok, checking_disabled: false, authentic_data: false };
    let kept = scrub(&message, &question);
    let mut at = name;
    let mut links = 0;
    for record in &kept.answer {
        match record.rtype {
            Rtype::RRSIG if dnssec_ok => {}
            Rtype::DNAME if record.owner != at => assert!(at.is_at_or_below(&record.owner)),
            Rtype::CNAME if record.owner == at && rtype != Rtype::CNAME && rtype != Rtype::ANY => {
                links += 1;
                at = record.cname_target().unwrap_or_else(|| panic!("a CNAME without a target is kept: {record:?}"));
            }
            found => assert!(
                record.owner == at && (found == rtype || rtype == Rtype::ANY),
                "{record:?} was not asked for ({question:?})"
            ),
        }
    }
    assert!(links <= MAX_LINKS);
    let is_same = |a: &Record, b: &Record| (&a.owner, a.rtype, &a.rdata) == (&b.owner, b.rtype, &b.rdata);
    let came = |record: &&Record| message.answer.iter().any(|other| is_same(record, other));
    let made = kept.answer.iter().filter(|record| !came(record)).inspect(|made| {
        assert_eq!(made.rtype, Rtype::CNAME, "{made:?} did not come, and is no alias by a DNAME");
    });
    assert!(kept.answer.len() <= message.answer.len() + made.count());
    assert!(kept.authority.len() <= message.authority.len());
    assert!(kept.chain == Chain::Whole && !kept.malformed || kept.authority.is_empty());
    let malformed = kept.answer.iter().chain(&kept.authority).find(|record| record.is_malformed());
    assert!(malformed.is_none(), "{malformed:?} is kept");
}
