//! The EDNS options that we know, of queries and of answers.

use super::edns::{OPTION_COOKIE, OPTION_EDE, OPTION_KEEPALIVE, OPTION_NSID, OPTION_PADDING};
use super::wire::read_u16;
use super::{Ede, Rtype};

/// The options of a query. If an option occurs twice, the first counts (RFC 7873 section 5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryOptions<'a> {
    /// The COOKIE option.
    pub cookie: Option<Cookie<'a>>,
    /// Whether the client asks for the identity of this server (RFC 5001).
    pub nsid: bool,
    /// The data of the edns-tcp-keepalive option, which a client leaves empty: the client would keep its connection
    /// (RFC 7828).
    pub keepalive: Option<&'a [u8]>,
    /// Whether the query is padded: the client wants the answer to be, too (RFC 7830 section 4).
    pub padding: bool,
}

/// A COOKIE option of the right length (RFC 7873 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The client's own cookie, which the answer repeats.
    pub client: &'a [u8; 8],
    /// The cookie that a server gave it before: 8 to 32 octets, or none.
    pub server: &'a [u8],
}

/// The options of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseOptions<'a> {
    /// The client's cookie, then ours.
    pub cookie: Option<[u8; 24]>,
    /// The identity of this server.
    pub nsid: Option<&'a [u8]>,
    /// How long an idle connection is kept, in tenths of a second.
    pub keepalive: Option<u16>,
    /// The reason for the answer.
    pub ede: Option<&'a Ede>,
    /// The answer is padded (RFC 7830), with this many octets that come behind: those of a signature.
    pub padding: Option<usize>,
}

/// Octets whose multiples are the lengths of padded answers (RFC 8467 section 4.1): whoever sees them sees no more.
const PADDED_TO: usize = 468;

/// Octets of an OPT record without options.
const PLAIN_OPT: usize = 11;

impl<'a> QueryOptions<'a> {
    /// Reads the RDATA of an OPT record; `None` if the options do not fill their lengths, or a cookie has an invalid
    /// length.
    pub(super) fn read(mut rest: &'a [u8]) -> Option<Self> {
        let mut options = Self::default();
        while !rest.is_empty() {
            let code = read_u16(rest, 0)?;
            let length = usize::from(read_u16(rest, 2)?);
            let data = rest.get(4..4 + length)?;
            match code {
                OPTION_COOKIE if options.cookie.is_none() => options.cookie = Some(Cookie::read(data)?),
                OPTION_NSID => options.nsid = true,
                OPTION_PADDING => options.padding = true,
                OPTION_KEEPALIVE => options.keepalive = options.keepalive.or(Some(data)),
                _ => {}
            }
            rest = &rest[4 + length..];
        }
        Some(options)
    }
}

impl<'a> Cookie<'a> {
    /// `None` for a length that RFC 7873 section 5.2.2 calls malformed.
    fn read(data: &'a [u8]) -> Option<Self> {
        let (client, server) = data.split_first_chunk()?;
        matches!(server.len(), 0 | 8..=32).then_some(Self { client, server })
    }
}

impl ResponseOptions<'_> {
    /// Octets of the OPT record with these options, without those that padding adds.
    pub fn opt_len(&self) -> usize {
        let cookie = self.cookie.map_or(0, |cookie| 4 + cookie.len());
        let nsid = self.nsid.map_or(0, |nsid| 4 + nsid.len());
        let keepalive = self.keepalive.map_or(0, |_| 6);
        let padding = self.padding.map_or(0, |_| 4);
        PLAIN_OPT + cookie + nsid + keepalive + self.ede.map_or(0, Ede::option_len) + padding
    }

    /// Appends the OPT record to a message that begins at `message`: our payload size, the upper eight bits of the
    /// RCODE, DO, and the options.
    pub fn append_opt(&self, payload: u16, (extended_rcode, dnssec_ok): (u8, bool), message: usize, out: &mut Vec<u8>) {
        let [high, low] = payload.to_be_bytes();
        let [_, opt] = Rtype::OPT.0.to_be_bytes();
        out.extend_from_slice(&[0, 0, opt, high, low, extended_rcode, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
        if *self == Self::default() {
            return;
        }
        let start = out.len();
        if let Some(cookie) = &self.cookie {
            option(OPTION_COOKIE, &[cookie], out);
        }
        if let Some(nsid) = self.nsid {
            option(OPTION_NSID, &[nsid], out);
        }
        if let Some(timeout) = self.keepalive {
            option(OPTION_KEEPALIVE, &[&timeout.to_be_bytes()], out);
        }
        if let Some(ede) = self.ede {
            option(OPTION_EDE, &[&ede.code.to_be_bytes(), ede.shown()], out);
        }
        if let Some(behind) = self.padding {
            let length = out.len() - message + 4 + behind;
            let padded = length.next_multiple_of(PADDED_TO).min(usize::from(u16::MAX).max(length));
            option(OPTION_PADDING, &[&[0; PADDED_TO][..padded - length]], out);
        }
        let length = u16::try_from(out.len() - start).unwrap_or_default();
        out[start - 2..start].copy_from_slice(&length.to_be_bytes());
    }
}

fn option(code: u16, data: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = data.iter().map(|part| part.len()).sum();
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&u16::try_from(length).unwrap_or_default().to_be_bytes());
    for part in data {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opt_record_has_the_announced_length() {
        let ede = Ede::new(Ede::OTHER, "why");
        let all = ResponseOptions {
            cookie: Some([7; 24]),
            nsid: Some(b"ns1"),
            keepalive: Some(150),
            ede: Some(&ede),
            padding: None,
        };
        let one = |options: ResponseOptions<'_>| {
            let mut out = Vec::new();
            options.append_opt(1232, (1, true), 0, &mut out);
            assert_eq!(out.len(), options.opt_len(), "{options:?}");
            assert_eq!(usize::from(read_u16(&out, 9).unwrap()), out.len() - PLAIN_OPT);
            QueryOptions::read(&out[PLAIN_OPT..]).unwrap().cookie.map(|cookie| cookie.server.len())
        };
        assert_eq!(one(all), Some(16));
        assert_eq!(one(ResponseOptions { cookie: None, ..all }), None);
        one(ResponseOptions::default());
    }

    #[test]
    fn rfc8467_4_1_a_padded_message_has_a_multiple_of_468_octets_and_never_more_than_a_message_may() {
        let padded = |length: usize, options: ResponseOptions<'_>| {
            let mut out = vec![7; 100 + length];
            ResponseOptions { padding: options.padding.or(Some(0)), ..options }.append_opt(
                1232,
                (0, false),
                100,
                &mut out,
            );
            assert!(QueryOptions::read(&out[100 + length + PLAIN_OPT..]).unwrap().padding);
            out.len() - 100
        };
        let cookie = ResponseOptions { cookie: Some([7; 24]), ..ResponseOptions::default() };
        for (length, wanted) in
            [(12, 468), (453, 468), (454, 936), (65_000, 65_052), (65_100, 65_520), (65_510, 65_535)]
        {
            assert_eq!(padded(length, ResponseOptions::default()), wanted, "{length}");
        }
        assert_eq!((padded(40, cookie), padded(440, cookie)), (468, 936));
        assert_eq!(padded(65_520, ResponseOptions::default()), 65_535);
        let signed = ResponseOptions { padding: Some(100), ..ResponseOptions::default() };
        assert_eq!((padded(12, signed), padded(360, signed)), (368, 836), "with the signature behind it");
    }

    fn cookie(length: u8) -> Vec<u8> {
        [vec![0, 10, 0, length], (0..length).collect()].concat()
    }

    #[test]
    fn rfc7873_5_2_2_a_cookie_has_8_octets_or_16_to_40() {
        for length in 0..=50 {
            let good = length == 8 || (16..=40).contains(&length);
            assert_eq!(QueryOptions::read(&cookie(length)).is_some(), good, "{length} octets");
        }
    }

    #[test]
    fn rfc7873_5_2_the_first_of_two_cookies_counts() {
        let both = [cookie(16), cookie(3)].concat();
        assert_eq!(QueryOptions::read(&both).unwrap().cookie.unwrap().server, [8, 9, 10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn options_are_found_among_others() {
        let options = QueryOptions::read(b"\0\x0c\0\x02\0\0\0\x03\0\x01x\0\x0b\0\0\xff\xff\0\0").unwrap();
        assert_eq!(options, QueryOptions { cookie: None, nsid: true, keepalive: Some(&[]), padding: true });
    }

    #[test]
    fn options_that_do_not_fill_their_lengths_are_refused() {
        for bytes in [&b"\0"[..], b"\0\x03\0", b"\0\x03\0\x01", b"\0\x03\0\0\0"] {
            assert_eq!(QueryOptions::read(bytes), None, "{bytes:02x?}");
        }
    }
}
