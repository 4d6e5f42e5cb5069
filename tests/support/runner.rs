//! Runs a case file against the real binary.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use super::SOON;
use super::casefile::{Action, Case, Question, Setup, read};
use super::client::timed;
use super::server::Server;
use super::site::Site;
use super::upstream::Upstream;
use super::upstream::ledger::Tally;
use super::upstream::script::ScriptedReply;

/// The number of steps by the upstream that they asked: the rest asked none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Steps {
    pub(crate) all: usize,
    /// hickory-server's answers alone.
    pub(crate) ordinary: usize,
    /// At least one reply or fault of a script.
    pub(crate) scripted: usize,
}

impl Steps {
    fn count(&mut self, before: Tally, after: Tally) {
        self.all += 1;
        if after.by_script > before.by_script {
            self.scripted += 1;
        } else if after.by_hickory > before.by_hickory {
            self.ordinary += 1;
        }
    }

    /// Both together.
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            all: self.all + more.all,
            ordinary: self.ordinary + more.ordinary,
            scripted: self.scripted + more.scripted,
        }
    }
}

/// Runs one file; the error has every step that failed, with file and line.
pub(crate) fn run(path: &Path) -> Result<Steps, String> {
    let case = read(path)?;
    let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
    let mut stage = Stage::set_up(&case);
    let (mut failed, mut steps) = (String::new(), Steps::default());
    for step in &case.steps {
        let before = stage.tally();
        let result = stage.act(&step.action);
        steps.count(before, stage.tally());
        if let Err(why) = result {
            // Writing to a String cannot fail.
            let _fits = writeln!(failed, "{}:{}: {}\n{why}", shown.display(), step.line, step.test);
        }
    }
    for unasked in stage.unasked(&case) {
        let _fits = writeln!(failed, "{}: no step asks for {unasked}", shown.display());
    }
    if failed.is_empty() {
        stage.server.stop();
        return Ok(steps);
    }
    let log = stage.server.stderr();
    let tail: Vec<&str> = log.lines().rev().take(15).collect();
    for line in tail.into_iter().rev() {
        let _fits = writeln!(failed, "    | {line}");
    }
    Err(failed)
}

/// The server with all that a case needs around it.
struct Stage {
    site: Site,
    upstreams: BTreeMap<String, Upstream>,
    server: Server,
}

impl Stage {
    fn set_up(case: &Case) -> Self {
        let upstreams = upstreams(case);
        let site = site(case, &upstreams);
        let server = site.start();
        Self { site, upstreams, server }
    }

    /// The messages to all upstreams so far.
    fn tally(&self) -> Tally {
        self.upstreams.values().map(Upstream::tally).fold(Tally::default(), |sum, more| Tally {
            by_hickory: sum.by_hickory + more.by_hickory,
            by_script: sum.by_script + more.by_script,
        })
    }

    /// Replies that are spelled out and that no step made the server ask for.
    fn unasked(&self, case: &Case) -> Vec<String> {
        let replies = case.upstreams.iter().flat_map(|(name, script)| script.replies.iter().map(move |r| (name, r)));
        let is_unasked = |(upstream, reply): &(&String, &ScriptedReply)| {
            let upstream = &self.upstreams[*upstream];
            !upstream.was_asked(&reply.name, reply.qtype)
        };
        let shown = |(upstream, reply): (&String, &ScriptedReply)| {
            let qtype = reply.qtype.map_or_else(|| "*".to_owned(), |qtype| qtype.to_string());
            format!("REPLY {} {qtype} @{upstream}", reply.name)
        };
        replies.filter(is_unasked).map(shown).collect()
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Query(question) => return self.query(question),
            Action::Asked { name, qtype, count, upstream } => return self.asked(name, qtype, *count, upstream),
            Action::List(name, text) => self.site.write_list(name, text),
            Action::Zone(apex, text) => self.site.write_zone(apex, text),
            Action::Kill(name) => self.upstream(name)?.kill(),
            Action::Restart(name) => self.upstream(name)?.restart(),
        }
        Ok(())
    }

    fn upstream(&mut self, name: &str) -> Result<&mut Upstream, String> {
        self.upstreams.get_mut(name).ok_or_else(|| format!("there is no upstream '{name}'"))
    }

    fn asked(&mut self, name: &str, qtype: &str, count: u32, upstream: &str) -> Result<(), String> {
        let upstream = self.upstream(upstream)?;
        let got = upstream.asked(name, qtype);
        if got == count {
            return Ok(());
        }
        Err(format!("  - asked {count}x\n  + asked {got}x; all it was asked: {:#?}\n", upstream.questions()))
    }

    fn query(&self, question: &Question) -> Result<(), String> {
        let start = Instant::now();
        let asked = || self.upstreams[""].questions();
        loop {
            let before = asked();
            let result = match self.query_once(question) {
                Ok(()) if question.unasked && asked() != before => {
                    Err("  the upstream was asked each time\n".to_owned())
                }
                Err(why) if question.unasked => return Err(why),
                result => result,
            };
            if result.is_ok() || !(question.eventually || question.unasked) || start.elapsed() > SOON {
                return result;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn query_once(&self, question: &Question) -> Result<(), String> {
        if question.over_ipv6 && !super::has_ipv6() {
            return Ok(());
        }
        let server = if question.over_ipv6 { self.server.address6() } else { self.server.address() };
        if question.expected.silence {
            return question.ask.gets_silence(server);
        }
        let (took, reply) = timed(|| question.ask.try_to(server));
        match reply {
            Err(why) => Err(format!("  {why}\n")),
            Ok(reply) => question.expected.differs(&reply, took.as_millis()).map_or(Ok(()), Err),
        }
    }
}

/// Starts the upstreams of a case.
pub(crate) fn upstreams(case: &Case) -> BTreeMap<String, Upstream> {
    let mut upstreams: BTreeMap<String, Upstream> =
        case.upstreams.iter().map(|(name, script)| (name.clone(), Upstream::of(script.clone()))).collect();
    upstreams.entry(String::new()).or_insert_with(|| Upstream::serving(""));
    upstreams
}

/// The files of a case, with these upstreams in its config.
pub(crate) fn site(case: &Case, upstreams: &BTreeMap<String, Upstream>) -> Site {
    let site = Site::new().with_upstream(&upstreams[""]);
    case.setup.iter().fold(site, |site, setup| match setup {
        Setup::List(name, text) => site.with_list(name, text),
        Setup::Zone(apex, text) => site.with_zone(apex, text),
        Setup::Config(text) => site.with_config(&filled_in(text, upstreams)),
    })
}

/// `{upstream}` and `{upstream:name}` in a config become addresses.
pub(crate) fn filled_in(text: &str, upstreams: &BTreeMap<String, Upstream>) -> String {
    upstreams.iter().fold(text.to_owned(), |text, (name, upstream)| {
        let hole = if name.is_empty() { "{upstream}".to_owned() } else { format!("{{upstream:{name}}}") };
        text.replace(&hole, &upstream.address().to_string())
    })
}
