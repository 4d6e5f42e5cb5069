//! The world outside of a live source by a script, with a clock of its own: waiting takes no time.
#![allow(dead_code, reason = "a toolbox: a test takes what it needs of it")]

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::outside::{CallError, Outside, Reply, Request, Road};

/// What was sent, with everything shown.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) road: Road,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) form: Option<String>,
    /// The time on the script's clock.
    pub(crate) at: Duration,
}

impl Sent {
    /// A header field, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A field of the form or of the URL's query, decoded.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let query = self.url.split_once('?').map(|(_, query)| query);
        let pairs = query.into_iter().chain(self.form.as_deref()).flat_map(|text| text.split('&'));
        pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
    }
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        let hex = (*first == b'%').then(|| behind.get(..2)).flatten();
        let value = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(value.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if value.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(bytes).unwrap()
}

type Answer = Result<Reply, CallError>;
type Service = Box<dyn FnMut(&Sent) -> Option<Answer> + Send>;
type Runs = Vec<Vec<String>>;

#[derive(Default)]
struct State {
    elapsed: Duration,
    waits: Vec<Duration>,
    sent: Vec<Sent>,
    runs: Runs,
    once: Vec<(String, VecDeque<Answer>)>,
    services: Vec<Service>,
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, Result<(Vec<u8>, u32), io::ErrorKind>>,
    owners: BTreeMap<PathBuf, u32>,
    programs: BTreeMap<String, Result<Vec<u8>, String>>,
    ends: bool,
}

/// A scripted world. What the script does not have is unreachable, not there, or not set.
#[derive(Default)]
pub(crate) struct Script(Mutex<State>);

/// The time of the script's begin, seconds since 1970.
pub(crate) const BEGIN: u64 = 1_795_629_411;

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Answers the next request whose URL contains `part`, once; several are given in their order.
    pub(crate) fn answer(&self, part: &str, answer: Answer) -> &Self {
        let mut state = self.state();
        match state.once.iter_mut().find(|(known, _)| known == part) {
            Some((_, answers)) => answers.push_back(answer),
            None => state.once.push((part.to_owned(), VecDeque::from([answer]))),
        }
        drop(state);
        self
    }

    /// Answers what `answer` has not answered; `None` leaves it to the next one. The script is locked meanwhile.
    pub(crate) fn serve(&self, service: impl FnMut(&Sent) -> Option<Answer> + Send + 'static) -> &Self {
        self.state().services.push(Box::new(service));
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&self, name: &str, value: &str) -> &Self {
        self.state().variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Lays down a file.
    pub(crate) fn file(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>, mode: u32) -> &Self {
        self.state().files.insert(path.as_ref().to_owned(), Ok((bytes.as_ref().to_vec(), mode)));
        self
    }

    /// Gives a file to a user; else it is 999's.
    pub(crate) fn owned(&self, path: impl AsRef<Path>, owner: u32) -> &Self {
        self.state().owners.insert(path.as_ref().to_owned(), owner);
        self
    }

    /// Lays down a file that cannot be read.
    pub(crate) fn unreadable(&self, path: impl AsRef<Path>, why: io::ErrorKind) -> &Self {
        self.state().files.insert(path.as_ref().to_owned(), Err(why));
        self
    }

    /// Lets a program write this, or fail with that line.
    pub(crate) fn program(&self, name: &str, output: Result<&str, &str>) -> &Self {
        let output = output.map(|text| text.as_bytes().to_vec()).map_err(str::to_owned);
        self.state().programs.insert(name.to_owned(), output);
        self
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) -> &Self {
        self.state().elapsed += time;
        self
    }

    /// Tells whoever waits, now or later, to end.
    pub(crate) fn end(&self) {
        self.state().ends = true;
    }

    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    /// The waits so far.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.state().waits.clone()
    }

    /// The programs that were run, with their arguments.
    pub(crate) fn runs(&self) -> Runs {
        self.state().runs.clone()
    }
}

/// A reply with this status and body.
pub(crate) fn reply(status: u16, body: impl AsRef<[u8]>) -> Reply {
    Reply { status, headers: Vec::new(), body: body.as_ref().to_vec() }
}

/// The same with a header field; its name in lower case.
pub(crate) fn with_header(mut reply: Reply, name: &str, value: &str) -> Reply {
    reply.headers.push((name.to_owned(), value.to_owned()));
    reply
}

impl Outside for Script {
    fn send(&self, request: &Request<'_>) -> Answer {
        let mut state = self.state();
        let headers = request.headers.iter().map(|(name, value)| (*name, value.reveal().to_owned())).collect();
        let form = request.form.as_ref().map(|form| form.reveal().to_owned());
        let sent = Sent { road: request.road, url: request.url.to_owned(), headers, form, at: state.elapsed };
        state.sent.push(sent.clone());
        let once =
            state.once.iter_mut().find(|(part, answers)| !answers.is_empty() && sent.url.contains(part.as_str()));
        let said = once.and_then(|(_, answers)| answers.pop_front());
        let said = said.or_else(|| state.services.iter_mut().find_map(|service| service(&sent)));
        let answer = said.unwrap_or_else(|| Err(CallError::Unreachable("nobody is there".to_owned())))?;
        let is_too_large = answer.body.len() as u64 > request.max_body;
        if is_too_large { Err(CallError::TooLarge(request.max_body)) } else { Ok(answer) }
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }

    fn unix(&self) -> u64 {
        BEGIN + self.state().elapsed.as_secs()
    }

    fn wait(&self, time: Duration) -> bool {
        let mut state = self.state();
        if state.ends {
            return false;
        }
        state.elapsed += time;
        state.waits.push(time);
        true
    }

    fn random(&self) -> f64 {
        0.5
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.state().variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn read(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        let file = self.state().files.get(path).cloned().unwrap_or(Err(io::ErrorKind::NotFound));
        let (bytes, mode) = file.map_err(io::Error::from)?;
        if bytes.len() as u64 > max { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok((bytes, mode)) }
    }

    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        self.read(path, max)
    }

    fn owner(&self, path: &Path) -> Option<u32> {
        self.state().owners.get(path).copied().or(Some(999))
    }

    fn exists(&self, path: &Path) -> bool {
        self.state().files.contains_key(path)
    }

    fn run(&self, program: &str, arguments: &[&str], _: Duration) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let whole = std::iter::once(program).chain(arguments.iter().copied()).map(str::to_owned).collect();
        state.runs.push(whole);
        let output = state.programs.get(program).cloned().ok_or(io::ErrorKind::NotFound)?;
        output.map_err(io::Error::other)
    }
}
