//! The script of an upstream: replies spelled out for single questions, and faults.

use std::time::Duration;

use domain::base::Rtype;

use crate::support::record::{Rr, dotted};

/// The words and faults of one upstream.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// hickory-server answers from these where no reply is spelled out.
    pub(crate) records: Vec<Rr>,
    /// Replies that are given word for word; they go before `records`.
    pub(crate) replies: Vec<ScriptedReply>,
    /// The faults of every question.
    pub(crate) faults: Faults,
    /// A name below which nothing is answered.
    pub(crate) silent_below: Option<String>,
}

/// The reply to one question, or to every type of one name.
#[derive(Clone)]
pub(crate) struct ScriptedReply {
    pub(crate) name: String,
    /// `None` for all types.
    pub(crate) qtype: Option<Rtype>,
    pub(crate) draft: Draft,
}

/// A reply before it is bytes.
#[derive(Clone, Default)]
pub(crate) struct Draft {
    pub(crate) rcode: u8,
    /// Authentic data.
    pub(crate) ad: bool,
    /// Authoritative answer.
    pub(crate) aa: bool,
    pub(crate) answer: Vec<Rr>,
    pub(crate) authority: Vec<Rr>,
    pub(crate) additional: Vec<Rr>,
    /// An Extended DNS Error to send along.
    pub(crate) ede: Option<u16>,
    pub(crate) faults: Faults,
}

/// A part of a question that makes a server answer otherwise.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    pub(crate) to: Mark,
    /// `None`: no answer at all. NOERROR: an empty answer.
    pub(crate) rcode: Option<u8>,
}

/// That part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// An OPT record.
    Edns,
    /// The AD flag.
    Ad,
    /// A capital letter in the QNAME.
    Capital,
}

/// The number of an RCODE that scripts use.
pub(crate) fn rcode(name: &str) -> Result<u8, String> {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    let found = NAMES.iter().position(|known| *known == name);
    let number = match name {
        "BADVERS" => Some(16),
        _ => found.and_then(|at| u8::try_from(at).ok()).or_else(|| name.parse().ok().filter(|number| *number < 16)),
    };
    number.ok_or_else(|| format!("{name}: no such RCODE"))
}

/// Ways to go wrong. All off by default.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and they combine")]
pub(crate) struct Faults {
    /// The first questions of that name and type, which get no answer at all; `u32::MAX` for all.
    pub(crate) drop: u32,
    pub(crate) drop_udp: bool,
    pub(crate) drop_tcp: bool,
    /// A TCP connection is closed instead of answered.
    pub(crate) close_tcp: bool,
    /// A TCP connection is closed after each answer.
    pub(crate) close_after_tcp: bool,
    /// Only the first question of a TCP connection is answered.
    pub(crate) first_of_tcp: bool,
    /// This question and those behind it on its TCP connection get no answer.
    pub(crate) stall_tcp: bool,
    /// What it takes offence at.
    pub(crate) objections: Vec<Objection>,
    /// The reply is a header without a question.
    pub(crate) bare: bool,
    pub(crate) delay: Duration,
    /// Answers are held back until the test releases them.
    pub(crate) hold: bool,
    pub(crate) wrong_id: bool,
    pub(crate) wrong_question: bool,
    /// The reply comes from another port.
    pub(crate) wrong_source: bool,
    /// Garbage, a wrong id and a wrong question arrive before the reply.
    pub(crate) junk_first: bool,
    /// TC over UDP, with a forged address in the answer section.
    pub(crate) truncate: bool,
    /// The echoed question is in lower case.
    pub(crate) lower_case: bool,
    /// The owner of a record behind the question is a pointer to itself.
    pub(crate) pointer_loop: bool,
    /// That owner is a pointer to hundreds of pointers.
    pub(crate) pointer_chain: bool,
}

impl Faults {
    /// Reads words such as `drop=2` or `delay=300ms`.
    pub(crate) fn read(&mut self, words: &str) -> Result<(), String> {
        for word in words.split_whitespace() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "drop" if value.is_empty() => self.drop = u32::MAX,
                "drop" => self.drop = value.parse().map_err(|_| format!("{word}: no number"))?,
                "drop-tcp" => self.drop_tcp = true,
                "close-tcp" => self.close_tcp = true,
                "drop-udp" => self.drop_udp = true,
                "close-after-tcp" => self.close_after_tcp = true,
                "first-of-tcp" => self.first_of_tcp = true,
                "stall-tcp" => self.stall_tcp = true,
                "drop-edns" => self.object(Mark::Edns, "silence")?,
                "formerr-on-edns" => self.object(Mark::Edns, "FORMERR")?,
                "to-edns" => self.object(Mark::Edns, value)?,
                "to-ad" => self.object(Mark::Ad, value)?,
                "to-capitals" => self.object(Mark::Capital, value)?,
                "bare" => self.bare = true,
                "delay" => self.delay = humantime::parse_duration(value).map_err(|error| error.to_string())?,
                "hold" => self.hold = true,
                "wrong-id" => self.wrong_id = true,
                "wrong-question" => self.wrong_question = true,
                "wrong-source" => self.wrong_source = true,
                "junk-first" => self.junk_first = true,
                "truncate" => self.truncate = true,
                "lower-case" => self.lower_case = true,
                "pointer-loop" => self.pointer_loop = true,
                "pointer-chain" => self.pointer_chain = true,
                _ => return Err(format!("no such fault: {word}")),
            }
        }
        Ok(())
    }

    fn object(&mut self, to: Mark, with: &str) -> Result<(), String> {
        let rcode = if with == "silence" { None } else { Some(rcode(with)?) };
        self.objections.push(Objection { to, rcode });
        Ok(())
    }
}

impl Faults {
    /// Both together.
    fn with(&self, all: &Self) -> Self {
        Self {
            drop: self.drop.max(all.drop),
            drop_udp: self.drop_udp | all.drop_udp,
            drop_tcp: self.drop_tcp | all.drop_tcp,
            close_tcp: self.close_tcp | all.close_tcp,
            close_after_tcp: self.close_after_tcp | all.close_after_tcp,
            first_of_tcp: self.first_of_tcp | all.first_of_tcp,
            stall_tcp: self.stall_tcp | all.stall_tcp,
            objections: [self.objections.clone(), all.objections.clone()].concat(),
            bare: self.bare | all.bare,
            delay: self.delay.max(all.delay),
            hold: self.hold | all.hold,
            wrong_id: self.wrong_id | all.wrong_id,
            wrong_question: self.wrong_question | all.wrong_question,
            wrong_source: self.wrong_source | all.wrong_source,
            junk_first: self.junk_first | all.junk_first,
            truncate: self.truncate | all.truncate,
            lower_case: self.lower_case | all.lower_case,
            pointer_loop: self.pointer_loop | all.pointer_loop,
            pointer_chain: self.pointer_chain | all.pointer_chain,
        }
    }
}

impl Script {
    /// A script of records alone, a zone file with fully qualified owners.
    pub(crate) fn of(records: &str) -> Self {
        let records = Rr::from_zone(records).unwrap_or_else(|error| panic!("{error}"));
        Self { records, ..Self::default() }
    }

    /// The same, and these faults with every question.
    pub(crate) fn with_faults(records: &str, words: &str) -> Self {
        let mut script = Self::of(records);
        script.faults.read(words).unwrap_or_else(|error| panic!("{error}"));
        script
    }

    /// True if hickory-server alone can do all of it: nothing is spelled out, and nothing goes wrong.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.replies.is_empty() && self.faults == Faults::default() && self.silent_below.is_none()
    }

    /// The reply that is spelled out for a question.
    pub(crate) fn reply(&self, name: &str, qtype: Rtype) -> Option<&Draft> {
        let fits = |s: &&ScriptedReply| s.name.eq_ignore_ascii_case(name) && s.qtype.is_none_or(|t| t == qtype);
        self.replies.iter().find(fits).map(|scripted| &scripted.draft)
    }

    /// The faults that a question meets: those of its own reply, and those of all.
    pub(crate) fn faults(&self, name: &str, own: &Faults) -> Faults {
        let mut faults = own.with(&self.faults);
        if self.silent_below.as_ref().is_some_and(|apex| is_at_or_below(&dotted(name), &dotted(apex))) {
            faults.drop = u32::MAX;
        }
        faults
    }
}

fn is_at_or_below(name: &str, apex: &str) -> bool {
    apex == "." || name == apex || name.strip_suffix(apex).is_some_and(|front| front.ends_with('.'))
}
