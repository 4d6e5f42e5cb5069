//! Case files: the files on disk, the data of upstreams, then questions and their answers, in presentation format.
//! `tests/cases/README.md` describes the syntax.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::client::{Ask, Mangled, ask};
use super::expect::Expected;
use super::record::{Rr, rtype};
use super::upstream::script::{Draft, Script, ScriptedReply, rcode};

/// One file.
pub(crate) struct Case {
    pub(crate) path: PathBuf,
    /// The files and the config before the server starts.
    pub(crate) setup: Vec<Setup>,
    pub(crate) upstreams: BTreeMap<String, Script>,
    pub(crate) steps: Vec<Step>,
}

/// A block above the first step.
pub(crate) enum Setup {
    List(String, String),
    Zone(String, String),
    Config(String),
}

/// Something that happens while the server runs.
pub(crate) struct Step {
    pub(crate) line: usize,
    /// The words behind its keyword.
    pub(crate) words: String,
    /// The sentence of the `TEST` line above it.
    pub(crate) test: String,
    pub(crate) action: Action,
}

/// The step itself.
pub(crate) enum Action {
    Query(Box<Question>),
    /// `ASKED name type count [@upstream]`
    Asked {
        name: String,
        qtype: String,
        count: u32,
        upstream: String,
    },
    /// A list, a zone or an upstream's records in a new version.
    List(String, String),
    Zone(String, String),
    Kill(String),
    Restart(String),
}

/// A question and the reply that should come back.
pub(crate) struct Question {
    pub(crate) ask: Ask,
    /// `to=::1`: the listen address of IPv6.
    pub(crate) over_ipv6: bool,
    /// `eventually`: asked again until the answer is right.
    pub(crate) eventually: bool,
    /// `unasked`: asked again until the upstream was not asked for the answer.
    pub(crate) unasked: bool,
    pub(crate) expected: Expected,
}

/// A block: a line at the left margin and the indented lines below it.
struct Block<'a> {
    line: usize,
    keyword: &'a str,
    words: Vec<&'a str>,
    body: Vec<(usize, &'a str)>,
}

/// Reads a file; the error names file and line.
pub(crate) fn read(path: &Path) -> Result<Case, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(path, &text)
}

/// Reads the text of a file.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Case, String> {
    let mut case = Case { path: path.to_owned(), setup: Vec::new(), upstreams: BTreeMap::new(), steps: Vec::new() };
    let mut test = String::new();
    for block in blocks(text) {
        let place = |(line, error): (usize, String)| format!("{}:{line}: {error}", path.display());
        case.take(&block, &mut test).map_err(place)?;
    }
    Ok(case)
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        if raw.starts_with(';') || raw.trim().is_empty() {
            continue;
        }
        if let (Some(body), Some(block)) = (raw.strip_prefix("    "), blocks.last_mut()) {
            block.body.push((line, body));
            continue;
        }
        let mut words = raw.split_whitespace();
        let keyword = words.next().unwrap_or_default();
        blocks.push(Block { line, keyword, words: words.collect(), body: Vec::new() });
    }
    blocks
}

impl Block<'_> {
    fn text(&self) -> String {
        self.body.iter().fold(String::new(), |text, (_, line)| text + line + "\n")
    }

    fn word(&self, index: usize) -> Result<&str, (usize, String)> {
        self.words.get(index).copied().ok_or((self.line, format!("{} needs more words", self.keyword)))
    }

    /// The upstream after `@`; the one without a name otherwise.
    fn upstream(&self) -> String {
        self.words.iter().find_map(|word| word.strip_prefix('@')).unwrap_or_default().to_owned()
    }
}

impl Case {
    fn take(&mut self, block: &Block<'_>, test: &mut String) -> Result<(), (usize, String)> {
        let running = !self.steps.is_empty();
        let action = match block.keyword {
            "TEST" => {
                *test = block.words.join(" ");
                return Ok(());
            }
            "CONFIG" if !running => return self.set_up(Setup::Config(block.text())),
            "LIST" if !running => return self.set_up(Setup::List(block.word(0)?.to_owned(), block.text())),
            "ZONE" if !running => return self.set_up(Setup::Zone(block.word(0)?.to_owned(), block.text())),
            "UPSTREAM" => return self.script(block),
            "REPLY" => return self.reply(block),
            "LIST" => Action::List(block.word(0)?.to_owned(), block.text()),
            "ZONE" => Action::Zone(block.word(0)?.to_owned(), block.text()),
            "KILL" => Action::Kill(block.upstream()),
            "RESTART" => Action::Restart(block.upstream()),
            "ASKED" => asked(block)?,
            "QUERY" => Action::Query(Box::new(question(block)?)),
            other => return Err((block.line, format!("no such block: {other}"))),
        };
        self.steps.push(Step { line: block.line, words: block.words.join(" "), test: test.clone(), action });
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "reads as the other blocks do")]
    fn set_up(&mut self, setup: Setup) -> Result<(), (usize, String)> {
        self.setup.push(setup);
        Ok(())
    }

    fn script(&mut self, block: &Block<'_>) -> Result<(), (usize, String)> {
        let script = self.upstreams.entry(block.upstream()).or_default();
        for (line, text) in &block.body {
            let place = |error| (*line, error);
            match text.strip_prefix("fault ") {
                Some(faults) => script.faults.read(faults).map_err(place)?,
                None => script.records.extend(Rr::from_zone(text).map_err(place)?),
            }
        }
        Ok(())
    }

    fn reply(&mut self, block: &Block<'_>) -> Result<(), (usize, String)> {
        let place = |error| (block.line, error);
        let qtype = match block.word(1)? {
            "*" => None,
            text => Some(text.parse().map_err(|_| place(format!("{text} is no RR type")))?),
        };
        let mut draft = Draft::default();
        for (line, text) in &block.body {
            read_draft(&mut draft, text).map_err(|error| (*line, error))?;
        }
        let scripted = ScriptedReply { name: block.word(0)?.to_owned(), qtype, draft };
        self.upstreams.entry(block.upstream()).or_default().replies.push(scripted);
        Ok(())
    }
}

fn read_draft(draft: &mut Draft, line: &str) -> Result<(), String> {
    let (key, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
    match key {
        "rcode" => draft.rcode = rcode(value)?,
        "flags" => {
            draft.ad = value.split_whitespace().any(|flag| flag == "ad");
            draft.aa = value.split_whitespace().any(|flag| flag == "aa");
        }
        "answer" => draft.answer.push(Rr::from_line(value)?),
        "raw" => draft.answer.push(raw(value)?),
        "authority" => draft.authority.push(Rr::from_line(value)?),
        "additional" => draft.additional.push(Rr::from_line(value)?),
        "ede" => draft.ede = Some(value.parse().map_err(|_| "no number")?),
        "fault" => draft.faults.read(value)?,
        _ => return Err(format!("no such line in a reply: {key}")),
    }
    Ok(())
}

/// `owner TTL TYPE octets`, the RDATA byte for byte.
fn raw(line: &str) -> Result<Rr, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [owner, ttl, qtype, rest @ ..] = words.as_slice() else { return Err(format!("{line}: too short")) };
    let rdata = rest.concat();
    Ok(Rr {
        owner: owner.parse().map_err(|_| format!("{owner} is no name"))?,
        rtype: rtype(qtype),
        ttl: ttl.parse().map_err(|_| format!("{ttl} is no TTL"))?,
        rdata: octets(&rdata).ok_or_else(|| format!("{rdata}: no octets"))?,
    })
}

fn asked(block: &Block<'_>) -> Result<Action, (usize, String)> {
    let count = block.word(2)?.parse().map_err(|_| (block.line, "ASKED needs a count".to_owned()))?;
    let (name, qtype) = (block.word(0)?.to_owned(), block.word(1)?.to_owned());
    Ok(Action::Asked { name, qtype, count, upstream: block.upstream() })
}

fn question(block: &Block<'_>) -> Result<Question, (usize, String)> {
    let mut question = Question {
        ask: ask(block.word(0)?, block.word(1)?),
        over_ipv6: false,
        eventually: false,
        unasked: false,
        expected: Expected::default(),
    };
    for word in &block.words[2..] {
        question.option(word).map_err(|error| (block.line, error))?;
    }
    for (line, text) in &block.body {
        question.expected.read(text.trim()).map_err(|error| (*line, error))?;
    }
    Ok(question)
}

impl Question {
    fn option(&mut self, word: &str) -> Result<(), String> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || parse_number(value).ok_or_else(|| format!("{word}: no number"));
        let ask = &mut self.ask;
        match key {
            "tcp" => ask.tcp = true,
            "nord" => ask.rd = false,
            "aa" => ask.high_flags |= 0x04,
            "tc" => ask.high_flags |= 0x02,
            "ra" => ask.low_flags |= 0x80,
            "ad" => ask.low_flags |= 0x20,
            "cd" => ask.low_flags |= 0x10,
            "z" => ask.low_flags |= 0x40,
            "noedns" => ask.opt = None,
            "case" => ask.mixed_case = true,
            "header-only" => ask.header_only = true,
            "qr" => mangled(ask).response = true,
            "qdcount" => mangled(ask).counts[0] = Some(number()?),
            "ancount" => mangled(ask).counts[1] = Some(number()?),
            "nscount" => mangled(ask).counts[2] = Some(number()?),
            "arcount" => mangled(ask).counts[3] = Some(number()?),
            "cut" => mangled(ask).cut = Some(number()?.into()),
            "tail" => mangled(ask).tail = octets(value).ok_or_else(|| format!("{word}: no octets"))?,
            "class" => ask.class = number()?,
            "opcode" => ask.opcode = number()?.to_be_bytes()[1],
            "from" => ask.from = Some(value.parse().map_err(|_| format!("{word}: no address"))?),
            "to" => self.over_ipv6 = value == "::1",
            "eventually" => self.eventually = true,
            "unasked" => self.unasked = true,
            _ => self.edns_option(key, word, number)?,
        }
        Ok(())
    }

    fn edns_option(&mut self, key: &str, word: &str, number: impl Fn() -> Result<u16, String>) -> Result<(), String> {
        let opt = self.ask.opt.as_mut().ok_or_else(|| format!("{word} comes after noedns"))?;
        match key {
            "do" => opt.flags |= 0x8000,
            "bufsize" => opt.payload = number()?,
            "edns" => opt.version = number()?.to_be_bytes()[1],
            "ednsflags" => opt.flags |= number()?,
            "ednsopt" => opt.options.push((number()?, Vec::new())),
            "cookie" => opt.options.push((10, vec![1, 2, 3, 4, 5, 6, 7, 8])),
            "subnet" => opt.options.push((8, vec![0, 1, 0, 0])),
            _ => return Err(format!("no such option: {word}")),
        }
        Ok(())
    }
}

fn mangled(ask: &mut Ask) -> &mut Mangled {
    ask.mangled.get_or_insert_default()
}

/// Octets in hexadecimal; `0102*300` is 300 times these two.
fn octets(text: &str) -> Option<Vec<u8>> {
    let (text, times) = text.split_once('*').unwrap_or((text, "1"));
    let pairs: Option<Vec<u8>> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect();
    Some(pairs?.repeat(times.parse().ok()?))
}

fn parse_number(text: &str) -> Option<u16> {
    match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).ok(),
        None => match text {
            "CH" => Some(3),
            "HS" => Some(4),
            "ANY" => Some(255),
            decimal => decimal.parse().ok(),
        },
    }
}
