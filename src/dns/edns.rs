//! EDNS: the OPT pseudo-record (RFC 6891) and Extended DNS Errors (RFC 8914).

use super::wire::read_u16;

/// An OPT record. Options stay raw; the few that matter are looked up by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns<'a> {
    /// The sender's UDP payload size, octets, as sent.
    pub payload: u16,
    /// The upper eight bits of the RCODE.
    pub extended_rcode: u8,
    /// The EDNS version; only 0 exists.
    pub version: u8,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// The options, well formed.
    options: &'a [u8],
}

/// The UDP payload size that we announce, octets, to clients and upstreams: no fragments on any path that Azure or a
/// VPN has (RFC 9715 section 3.2).
pub const UDP_PAYLOAD: u16 = 1232;

/// Option code of a name server identifier (RFC 5001).
pub const OPTION_NSID: u16 = 3;
/// Option code of a cookie (RFC 7873).
pub const OPTION_COOKIE: u16 = 10;
/// Option code of edns-tcp-keepalive (RFC 7828).
pub const OPTION_KEEPALIVE: u16 = 11;
/// Option code of padding (RFC 7830).
pub const OPTION_PADDING: u16 = 12;
/// Option code of an Extended DNS Error.
pub const OPTION_EDE: u16 = 15;

impl<'a> Edns<'a> {
    /// Reads the fixed fields of an OPT record; `None` if the options do not fill their lengths.
    pub(super) fn read(class: u16, ttl: u32, options: &'a [u8]) -> Option<Self> {
        let mut rest = options;
        while !rest.is_empty() {
            let length = usize::from(read_u16(rest, 2)?);
            rest = rest.get(4 + length..)?;
        }
        Some(Self { options, ..Self::without_options(class, ttl) })
    }

    /// The options in order: code and data.
    pub fn options(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.options;
        std::iter::from_fn(move || {
            let code = read_u16(rest, 0)?;
            let length = usize::from(read_u16(rest, 2)?);
            let data = rest.get(4..4 + length)?;
            rest = &rest[4 + length..];
            Some((code, data))
        })
    }

    /// The same OPT record without its options.
    pub(super) fn without_options(class: u16, ttl: u32) -> Self {
        let [extended_rcode, version, flags, _] = ttl.to_be_bytes();
        Self { payload: class, extended_rcode, version, dnssec_ok: flags & 0x80 != 0, options: &[] }
    }

    /// The first Extended DNS Error.
    pub fn ede(&self) -> Option<Ede> {
        let (_, data) = self.options().find(|(code, _)| *code == OPTION_EDE)?;
        Some(Ede { code: read_u16(data, 0)?, text: String::from_utf8_lossy(&data[2..]).into_owned().into() })
    }
}

/// The longest EXTRA-TEXT, octets.
pub(super) const MAX_EDE_TEXT: usize = 120;

/// An Extended DNS Error: the reason for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ede {
    /// The INFO-CODE from the registry.
    pub code: u16,
    /// EXTRA-TEXT for a person; may be empty.
    pub text: std::borrow::Cow<'static, str>,
}

#[expect(missing_docs, reason = "each constant is the registry's INFO-CODE")]
impl Ede {
    pub const OTHER: u16 = 0;
    pub const STALE_ANSWER: u16 = 3;
    pub const FORGED_ANSWER: u16 = 4;
    pub const NOT_READY: u16 = 14;
    pub const PROHIBITED: u16 = 18;
    pub const STALE_NXDOMAIN: u16 = 19;
    pub const NOT_AUTHORITATIVE: u16 = 20;
    pub const NOT_SUPPORTED: u16 = 21;
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    pub const NETWORK_ERROR: u16 = 23;
    pub const INVALID_DATA: u16 = 24;
    pub const SYNTHESIZED: u16 = 29;

    /// Octets of the option that carries it.
    pub fn option_len(&self) -> usize {
        6 + self.shown().len()
    }

    /// The part of the text that is sent: enough for a sentence, too little to matter for amplification.
    pub(super) fn shown(&self) -> &[u8] {
        // RFC 8914 section 2: the text is UTF-8, so it is not cut within a character.
        &self.text.as_bytes()[..self.text.floor_char_boundary(MAX_EDE_TEXT)]
    }

    /// An error with a constant text.
    pub const fn new(code: u16, text: &'static str) -> Self {
        Self { code, text: std::borrow::Cow::Borrowed(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8914_2_a_text_that_is_cut_stays_utf8() {
        let ede = Ede { code: 0, text: format!("a{}", "\u{e9}".repeat(90)).into() };
        assert_eq!(std::str::from_utf8(ede.shown()).map(str::len), Ok(MAX_EDE_TEXT - 1));
        assert_eq!(ede.option_len(), 6 + MAX_EDE_TEXT - 1);
    }
}
