//! Class CHAOS: the identity and the version of this server (RFC 4892). Both are hidden unless the config sets them.

use crate::dns::{Class, Name, Query, Rcode, Record, Rtype, eq_ignore_case};
use crate::forward::resolver::chase::{Origin, RecordBits, Resolved};
use crate::server::settings::Settings;

const VERSION: [&[u8]; 2] = [b"\x07version\x04bind\0", b"\x07version\x06server\0"];
const IDENTITY: [&[u8]; 2] = [b"\x02id\x06server\0", b"\x08hostname\x04bind\0"];

/// The answer to one of the well-known questions; `None` for any other question, or if the config sets no answer.
pub(crate) fn answer(settings: &Settings, query: &Query<'_>) -> Option<Resolved> {
    let is_text = query.qtype == Rtype::TXT || query.qtype == Rtype::ANY;
    if query.qclass != Class::CH || !is_text {
        return None;
    }
    let is_one_of = |names: [&[u8]; 2]| names.iter().any(|name| eq_ignore_case(query.qname, name));
    let text = match () {
        () if is_one_of(VERSION) => settings.version.as_deref(),
        () if is_one_of(IDENTITY) => settings.nsid.as_deref(),
        () => None,
    }?;
    let rdata = [&[u8::try_from(text.len()).ok()?], text.as_bytes()].concat();
    Some(Resolved {
        rcode: Rcode::NOERROR,
        answer: vec![Record { owner: Name::from_wire(query.qname)?, rtype: Rtype::TXT, ttl: 0, rdata: rdata.into() }],
        authority: Vec::new(),
        truncated: false,
        additional: Vec::new(),
        authoritative: true,
        authentic: false,
        ede: None,
        origin: Origin::default(),
        from_upstream: RecordBits::default(),
    })
}
