//! The world outside as a live source sees it: HTTP, the clock, the environment and files. The real one is a thin
//! shell; the tests have one with a script and a clock of their own.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// A text that is shown to nobody: a token, a key, a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The way a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    /// To the identity endpoint of this machine: plain HTTP, never through a proxy.
    Local,
    /// To ARM or Entra: HTTPS alone, by `HTTPS_PROXY` and `NO_PROXY`.
    Cloud,
}

/// One HTTP request. A redirect is never followed.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The way it takes.
    pub road: Road,
    /// The whole URL.
    pub url: &'a str,
    /// Header fields; values are not shown.
    pub headers: Vec<(&'static str, Secret)>,
    /// The form to post, already encoded; a GET without one.
    pub form: Option<Secret>,
    /// Octets that the body of the reply may have.
    pub max_body: u64,
}

/// An HTTP reply with its whole body, which is not shown: it may hold a token.
#[derive(Clone, Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header fields, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply {{ status: {}, body: {} octets }}", self.status, self.body.len())
    }
}

impl Reply {
    /// The first field of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The reason why there is no whole reply. The texts hold nothing that differs from try to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, no TLS, no such host, or the connection broke off.
    #[error("{0}")]
    Unreachable(String),
    /// Nothing came in time.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// The body is longer than it may be.
    #[error("the answer is larger than {} MB", .0 >> 20)]
    TooLarge(u64),
}

/// What a live source needs of the world.
pub trait Outside: Send + Sync {
    /// Sends a request and waits for the whole reply.
    ///
    /// # Errors
    /// If there is no whole reply; a status such as 500 is a reply.
    fn send(&self, request: &Request<'_>) -> Result<Reply, CallError>;

    /// The time since some fixed moment; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Seconds since 1970.
    fn unix(&self) -> u64;

    /// Waits; false if the source is to end, at once.
    fn wait(&self, time: Duration) -> bool;

    /// A number from 0 to below 1, for jitter.
    fn random(&self) -> f64;

    /// A variable of the environment that is set and not empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// A file of at most `max` octets: its bytes, and its mode as in `stat`.
    ///
    /// # Errors
    /// As the system says; `FileTooLarge` if it is larger.
    fn read(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)>;

    /// The same; an error if the path itself is a symbolic link.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)>;

    /// The user id of a file's owner.
    fn owner(&self, path: &Path) -> Option<u32>;

    /// True if there is such a file.
    fn exists(&self, path: &Path) -> bool;

    /// The standard output of a program, run without a shell.
    ///
    /// # Errors
    /// If it cannot be run, takes longer than `time`, or fails: then the first line of its standard error.
    fn run(&self, program: &str, arguments: &[&str], time: Duration) -> io::Result<Vec<u8>>;
}
