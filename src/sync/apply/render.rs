//! A zone as text.

use std::fmt::Write;
use std::net::IpAddr;

use crate::dns::{Name, Serial};
use crate::sync::Records;
use crate::zone::Aliases;
use crate::zone::kind::MANAGED_HEADER;

/// The SOA's MINIMUM, seconds: how long a resolver may believe that a name is missing. Records arrive while agents wait
/// for them, so it is as short as in Azure's own private zones.
pub const MINIMUM: u32 = 10;

/// In the SOA and the NS record. A name that never resolves (RFC 2606), because clients are told which server to use.
const SERVER: &str = "ns.privatelink-dns.invalid.";

const NOTICE: &str = "; Hand edits are lost at the next sync: change the endpoint lists, or put records of your own into \
                      another zone file.\n";

/// The whole file. The same contents and serial give the same bytes.
pub fn render(apex: &Name, serial: Serial, ttl: u32, records: &Records, aliases: &Aliases) -> String {
    // A line has about the length of its name plus an address.
    let mut text = String::with_capacity(512 + records.len() * 64);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{MANAGED_HEADER}.\n{NOTICE}$ORIGIN {apex}\n$TTL {ttl}\n\
         @ 3600 SOA {SERVER} hostmaster.privatelink-dns.invalid. {serial} 3600 300 2419200 {MINIMUM}\n\
         @ 3600 NS {SERVER}\n"
    );
    for record in records.iter() {
        text.push_str(record.owner);
        text.push_str(if record.address.is_ipv4() { " A " } else { " AAAA " });
        push_address(&mut text, record.address);
        text.push('\n');
    }
    aliases.write(&mut text);
    text
}

/// Formatting through `Display` takes most of the time in a large zone.
pub(crate) fn push_address(text: &mut String, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push('.');
                }
                push_octet(text, octet);
            }
        }
        IpAddr::V6(v6) => {
            let _ = write!(text, "{v6}");
        }
    }
}

fn push_octet(text: &mut String, octet: u8) {
    let digit = |n: u8| char::from(b'0' + n);
    if octet >= 100 {
        text.push(digit(octet / 100));
    }
    if octet >= 10 {
        text.push(digit(octet / 10 % 10));
    }
    text.push(digit(octet % 10));
}
