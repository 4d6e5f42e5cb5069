//! The reply that a case expects, and the differences of another from it.

use std::fmt::Write;

use super::record::{Rr, dotted};
use super::reply::Reply;

/// A section: its records in order, or any content.
#[derive(Clone, Default)]
pub(crate) enum Section {
    /// `answer *`
    Anything,
    /// Nothing, unless lines say otherwise.
    #[default]
    Empty,
    /// These records, exactly; the order counts between RRsets, not within one.
    Just(Vec<Wanted>),
}

/// A record as a case spells it.
#[derive(Clone)]
pub(crate) enum Wanted {
    /// With RDATA, which is compared as wire format.
    Record { record: Rr, with_ttl: bool },
    /// `owner [TTL] TYPE *`: any RDATA.
    AnyData { owner: String, ttl: Option<u32>, rtype: String },
}

/// Everything that a case can say. Parts that it does not mention are not compared, the sections excepted.
#[derive(Clone, Default)]
pub(crate) struct Expected {
    /// `silence`: no reply at all.
    pub(crate) silence: bool,
    pub(crate) rcode: Option<String>,
    pub(crate) flags: Option<String>,
    pub(crate) answer: Section,
    pub(crate) authority: Section,
    pub(crate) additional: Section,
    /// The code, or `none`.
    pub(crate) ede: Option<String>,
    /// `edns no`, `edns yes`, `edns do`, `edns version=0`, `edns options=none`
    pub(crate) edns: Vec<String>,
    pub(crate) opcode: Option<u8>,
    /// The greatest number of octets.
    pub(crate) size: Option<usize>,
    /// The least number of milliseconds. There is no greatest: a busy machine is not an error.
    pub(crate) after: Option<u128>,
}

impl Wanted {
    /// From `owner [TTL] TYPE RDATA`.
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let owner = words.next().ok_or("a record needs an owner")?;
        let mut second = words.next().ok_or("a record needs a type")?;
        let ttl = second.parse().ok();
        if ttl.is_some() {
            second = words.next().ok_or("a record needs a type")?;
        }
        if words.next() == Some("*") {
            return Ok(Self::AnyData { owner: owner.to_ascii_lowercase(), ttl, rtype: second.to_ascii_uppercase() });
        }
        Ok(Self::Record { record: Rr::from_line(line)?, with_ttl: ttl.is_some() })
    }

    fn fits(&self, got: &Rr) -> bool {
        match self {
            Self::Record { record, with_ttl } => record.same(got) && (!with_ttl || record.ttl == got.ttl),
            Self::AnyData { owner, ttl, rtype } => {
                dotted(owner) == dotted(&got.owner.to_string())
                    && *rtype == got.rtype.to_string()
                    && ttl.is_none_or(|ttl| ttl == got.ttl)
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Record { record, with_ttl: true } => record.to_string(),
            Self::Record { record, .. } => record.to_string().replacen(&format!(" {} ", record.ttl), " ", 1),
            Self::AnyData { owner, ttl, rtype } => {
                let ttl = ttl.map_or(String::new(), |ttl| format!("{ttl} "));
                format!("{owner} {ttl}{rtype} *")
            }
        }
    }
}

impl Section {
    /// Adds a line of a case: a record, or `*`.
    pub(crate) fn add(&mut self, line: &str) -> Result<(), String> {
        if line == "*" {
            *self = Self::Anything;
            return Ok(());
        }
        let wanted = Wanted::read(line)?;
        match self {
            Self::Just(records) => records.push(wanted),
            _ => *self = Self::Just(vec![wanted]),
        }
        Ok(())
    }

    fn differs(&self, name: &str, got: &[Rr]) -> Option<String> {
        let wanted: &[Wanted] = match self {
            Self::Anything => return None,
            Self::Empty => &[],
            Self::Just(wanted) => wanted,
        };
        if wanted.len() == got.len() && in_order(wanted, got) {
            return None;
        }
        let wanted = wanted.iter().map(|w| format!("  - {name} {}\n", w.shown()));
        let got = got.iter().map(|rr| format!("  + {name} {rr}\n"));
        Some(wanted.chain(got).collect())
    }
}

/// RRsets in order; within an RRset in any order.
fn in_order(wanted: &[Wanted], got: &[Rr]) -> bool {
    let mut start = 0;
    while start < got.len() {
        let key = got[start].key();
        let end = got[start..].iter().position(|rr| rr.key() != key).map_or(got.len(), |n| start + n);
        let (set, records) = (&wanted[start..end], &got[start..end]);
        let each_wanted = set.iter().all(|w| records.iter().any(|rr| w.fits(rr)));
        if !each_wanted || !records.iter().all(|rr| set.iter().any(|w| w.fits(rr))) {
            return false;
        }
        start = end;
    }
    true
}

impl Expected {
    /// Reads one line below a `QUERY`.
    pub(crate) fn read(&mut self, line: &str) -> Result<(), String> {
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        let number = || value.parse::<u16>().map_err(|_| format!("{line}: no number"));
        match key {
            "silence" => self.silence = true,
            "rcode" => self.rcode = Some(value.to_ascii_uppercase()),
            "flags" => self.flags = Some(value.to_owned()),
            "answer" => self.answer.add(value)?,
            "authority" => self.authority.add(value)?,
            "additional" => self.additional.add(value)?,
            "ede" => self.ede = Some(value.to_owned()),
            "edns" => self.edns.extend(value.split_whitespace().map(str::to_owned)),
            "opcode" => self.opcode = Some(number()?.to_be_bytes()[1]),
            "size" => self.size = Some(number()?.into()),
            "after" => self.after = Some(millis(value)?),
            _ => return Err(format!("no such expectation: {key}")),
        }
        Ok(())
    }

    /// The differences of a reply as lines `- wanted` and `+ got`; `None` if there are none.
    pub(crate) fn differs(&self, reply: &Reply, took_ms: u128) -> Option<String> {
        let mut out = String::new();
        let mut line = |name: &str, wanted: String, got: String| {
            if wanted != got {
                let _fits = write!(out, "  - {name} {wanted}\n  + {name} {got}\n");
            }
        };
        if self.rcode.as_deref() != Some("*") {
            line("rcode", self.rcode.clone().unwrap_or_else(|| "NOERROR".to_owned()), reply.rcode.clone());
        }
        if let Some(flags) = &self.flags {
            line("flags", flags.clone(), reply.flags.clone());
        }
        if let Some(opcode) = self.opcode {
            line("opcode", opcode.to_string(), reply.opcode.to_string());
        }
        if let Some(ede) = &self.ede {
            line("ede", ede.clone(), reply.ede().map_or_else(|| "none".to_owned(), |code| code.to_string()));
        }
        if let Some(size) = self.size.filter(|size| reply.bytes.len() > *size) {
            line("size", size.to_string(), reply.bytes.len().to_string());
        }
        if let Some(after) = self.after.filter(|after| took_ms < *after) {
            line("after", format!("{after} ms"), format!("{took_ms} ms"));
        }
        for wanted in &self.edns {
            line("edns", wanted.clone(), edns(wanted, reply));
        }
        let sections = [
            self.answer.differs("answer", &reply.answer),
            self.authority.differs("authority", &reply.authority),
            self.additional.differs("additional", &reply.additional),
        ];
        out.extend(sections.into_iter().flatten());
        (!out.is_empty()).then_some(out)
    }
}

/// The reply's value for one word after `edns`; the word itself if both agree.
fn edns(wanted: &str, reply: &Reply) -> String {
    let Some(opt) = &reply.opt else { return "no".to_owned() };
    let (key, _) = wanted.split_once('=').unwrap_or((wanted, ""));
    match key {
        "do" | "nodo" => if opt.dnssec_ok { "do" } else { "nodo" }.to_owned(),
        "version" => format!("version={}", opt.version),
        "payload" => format!("payload={}", opt.payload),
        "mbz" => format!("mbz={}", opt.mbz),
        "options" if opt.options.is_empty() => "options=none".to_owned(),
        "options" => format!("options={:?}", opt.options),
        _ => "yes".to_owned(),
    }
}

fn millis(text: &str) -> Result<u128, String> {
    humantime::parse_duration(text).map(|duration| duration.as_millis()).map_err(|error| error.to_string())
}
