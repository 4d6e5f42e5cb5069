//! What a scripted upstream answers: records as in a zone file, replies spelled out for single questions, faults.

use std::time::Duration;

use domain::base::Rtype;

use super::record::Rr;

/// The SOA of negative answers where the script has none of its own.
const ROOT_SOA: &str = ". 86400 IN SOA a.root-servers.net. nstld.verisign-grs.com. 2026112300 1800 900 604800 86400";

/// At most this many CNAMEs are followed: more than any server under test should accept.
const MAX_LINKS: usize = 64;

/// Everything one upstream has to say.
#[derive(Clone, Default)]
pub(crate) struct Script {
    /// Answered as a resolver would: chains are followed, the rest is NODATA or NXDOMAIN with an SOA.
    pub(crate) records: Vec<Rr>,
    /// Replies that are given word for word; they go before `records`.
    pub(crate) replies: Vec<Scripted>,
    /// What goes wrong with every question.
    pub(crate) faults: Faults,
    /// A name below which nothing is answered.
    pub(crate) silent_below: Option<String>,
}

/// The reply to one question, or to every type of one name.
#[derive(Clone)]
pub(crate) struct Scripted {
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

/// What goes wrong. All off by default.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own, and they combine")]
pub(crate) struct Faults {
    /// How many questions of that name and type get no answer at all; `u32::MAX` for all.
    pub(crate) drop: u32,
    pub(crate) drop_udp: bool,
    pub(crate) drop_tcp: bool,
    /// A TCP connection is closed instead of answered.
    pub(crate) close_tcp: bool,
    /// Questions with an OPT record get no answer.
    pub(crate) drop_edns: bool,
    pub(crate) formerr_on_edns: bool,
    pub(crate) delay: Duration,
    /// Nothing is said until the test lets it go.
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
                "drop-edns" => self.drop_edns = true,
                "formerr-on-edns" => self.formerr_on_edns = true,
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
}

impl Script {
    /// A script of records alone, a zone file with fully qualified owners.
    pub(crate) fn of(records: &str) -> Self {
        let records = Rr::from_zone(records).unwrap_or_else(|error| panic!("{error}"));
        Self { records, ..Self::default() }
    }

    /// The reply to a question.
    pub(crate) fn draft(&self, name: &str, qtype: Rtype) -> Draft {
        let fits = |s: &&Scripted| s.name.eq_ignore_ascii_case(name) && s.qtype.is_none_or(|t| t == qtype);
        let mut draft = match self.replies.iter().find(fits) {
            Some(scripted) => scripted.draft.clone(),
            None => self.resolve(name, qtype),
        };
        self.add_faults(&mut draft.faults);
        if self.silent_below.as_ref().is_some_and(|apex| is_at_or_below(&dotted(name), &dotted(apex))) {
            draft.faults.drop = u32::MAX;
        }
        draft
    }

    fn add_faults(&self, own: &mut Faults) {
        let all = &self.faults;
        own.drop = own.drop.max(all.drop);
        own.delay = own.delay.max(all.delay);
        own.hold |= all.hold;
        own.drop_udp |= all.drop_udp;
        own.drop_tcp |= all.drop_tcp;
        own.close_tcp |= all.close_tcp;
        own.drop_edns |= all.drop_edns;
        own.formerr_on_edns |= all.formerr_on_edns;
        own.wrong_id |= all.wrong_id;
        own.wrong_question |= all.wrong_question;
        own.wrong_source |= all.wrong_source;
        own.junk_first |= all.junk_first;
        own.truncate |= all.truncate;
        own.lower_case |= all.lower_case;
        own.pointer_loop |= all.pointer_loop;
        own.pointer_chain |= all.pointer_chain;
    }

    /// As a resolver answers: the chain, then the records, or why there are none.
    fn resolve(&self, name: &str, qtype: Rtype) -> Draft {
        let mut draft = Draft::default();
        let mut at = dotted(name);
        for _ in 0..MAX_LINKS {
            let here: Vec<&Rr> = self.records.iter().filter(|rr| dotted(&rr.owner.to_string()) == at).collect();
            let wanted = here.iter().filter(|rr| rr.rtype == qtype || qtype == Rtype::ANY);
            let found: Vec<Rr> = wanted.map(|rr| (*rr).clone()).collect();
            if !found.is_empty() {
                draft.answer.extend(found);
                return draft;
            }
            let Some(link) = here.iter().find(|rr| rr.rtype == Rtype::CNAME) else {
                draft.rcode = if self.exists(&at) { 0 } else { 3 };
                draft.authority = vec![self.soa_above(&at)];
                return draft;
            };
            draft.answer.push((*link).clone());
            at = dotted(&link.data());
        }
        draft
    }

    /// Whether there is a record at or below the name.
    fn exists(&self, name: &str) -> bool {
        self.records.iter().any(|rr| is_at_or_below(&dotted(&rr.owner.to_string()), name))
    }

    fn soa_above(&self, name: &str) -> Rr {
        let above = |rr: &&Rr| rr.rtype == Rtype::SOA && is_at_or_below(name, &dotted(&rr.owner.to_string()));
        let nearest = self.records.iter().filter(above).max_by_key(|rr| rr.owner.len());
        nearest.cloned().unwrap_or_else(|| Rr::from_line(ROOT_SOA).unwrap_or_else(|error| panic!("{error}")))
    }
}

/// Lower case, with one final dot.
pub(crate) fn dotted(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

fn is_at_or_below(name: &str, apex: &str) -> bool {
    apex == "." || name == apex || name.strip_suffix(apex).is_some_and(|front| front.ends_with('.'))
}
