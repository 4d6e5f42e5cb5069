//! Floor 9: the verbs of the command line.
//!
//! Input: arguments. Output: text on standard output, problems on standard error, and an exit code: 0 good; 1 failed,
//! and `check --strict`: warnings; 2 usage or config, and `check`: problems; 3 `plan`: there are changes, `status`:
//! warnings only; 4 `explain`: the answer is public; 5 `plan`, `sync`: the guard holds a part back, or the sync is
//! frozen and something waits.

mod check;
mod completions;
mod control;
mod doctor;
mod examples;
mod explain;
mod fetch;
mod freeze;
mod live;
mod peer;
mod progress;
mod query;
mod status;
mod sync;
mod undo;
mod unseen;

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{CommandFactory, Parser, Subcommand, ValueHint};

use crate::config::{self, Config};
use crate::daemon;
use crate::diag::{self, Diagnostic, Id, Place};
use crate::zone::store;

/// The run failed, in whole or in part.
const FAILED: u8 = 1;
/// Wrong usage, or a wrong config.
const USAGE: u8 = 2;
/// `plan`: there are changes.
const CHANGES: u8 = 3;
/// `status`: nothing worse than warnings.
const WARNINGS: u8 = 3;
/// `explain`: the answer is public.
const PUBLIC: u8 = 4;
/// `plan`, `sync`: the guard holds a part of the plan back, or all of it waits for the end of a freeze.
const HELD: u8 = 5;

/// DNS for networks that reach Azure Backup through private endpoints.
#[derive(Debug, Parser)]
#[command(name = "privatelink-dns", version, long_version = VERSION, about, arg_required_else_help = true, after_help = examples::FIRST)]
struct Arguments {
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, global = true, help = CONFIG_HELP)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

/// `--version`; `-V` has its first line alone.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit    ",
    env!("PRIVATELINK_DNS_COMMIT"),
    "\nrustc     ",
    env!("PRIVATELINK_DNS_RUSTC"),
    "\ntarget    ",
    env!("PRIVATELINK_DNS_TARGET"),
    ", ",
    env!("PRIVATELINK_DNS_PROFILE"),
    "\nfeatures  file lists, Azure sources, status page, metrics, sd_notify, kept sockets (all builds)"
);

const CONFIG_HELP: &str = "The config file; else $PRIVATELINK_DNS_CONFIG, ./config/privatelink-dns.toml, \
                           /etc/privatelink-dns/privatelink-dns.toml";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server and the sync.
    #[command(after_help = examples::SERVE)]
    Serve,
    /// Check config, lists and zones: show every problem with file and line.
    #[command(after_help = examples::CHECK)]
    Check {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
        /// Fail on warnings too, with exit code 1; notes are fine.
        #[arg(long)]
        strict: bool,
        /// Ask Azure whether the identities of live sources may read what they should.
        #[arg(long)]
        online: bool,
    },
    /// Show the changes that sync would make, by zone; writes nothing.
    #[command(after_help = examples::PLAN)]
    Plan {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Make one pass: plan, guard, write.
    #[command(after_help = examples::SYNC)]
    Sync {
        /// Approve the held changes that have this digest.
        #[arg(long, value_name = "DIGEST", value_hint = ValueHint::Other)]
        approve: Option<String>,
        /// Undo the last change, in place of what lists say, and freeze the sync; with --approve also what the guard
        /// holds of that.
        #[arg(long)]
        undo: bool,
        /// Have the running server make the pass.
        #[arg(long)]
        running: bool,
    },
    /// Read the live sources once: write their lists, or print them.
    #[command(after_help = examples::FETCH)]
    Fetch {
        /// Only this source.
        #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
        source: Option<String>,
        /// Print the lists; nothing is written.
        #[arg(long)]
        print: bool,
    },
    /// Show how the running server is: what is wrong and what to do first.
    #[command(after_help = examples::STATUS)]
    Status {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
        /// Only whether it answers at all: exit code 0 if it does, whatever is wrong with it.
        #[arg(long)]
        live: bool,
        /// Compare with another server that reads the same sources: the address of its admin listener, port 9153 unless
        /// given.
        #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Hostname, conflicts_with = "live")]
        peer: Option<String>,
    },
    /// Check config, lists, zones and what is served, and say what to do.
    #[command(after_help = examples::DOCTOR)]
    Doctor {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
        /// Show what is good too.
        #[arg(long)]
        all: bool,
        /// Try TCP 443 of the listed addresses too.
        #[arg(long)]
        connect: bool,
        /// A resolver that clients ask and that should forward to this server, or the word system for those of this
        /// machine; may be given several times.
        #[arg(long, value_name = "ADDR", value_hint = ValueHint::Other)]
        through: Vec<doctor::Resolver>,
        /// Write a tar for support: the findings, status, plan, changes, log, and the config without its secrets.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        bundle: Option<PathBuf>,
    },
    /// Explain the running server's answer: private or public, why, by which line of which list, and what to do.
    #[command(after_help = examples::EXPLAIN)]
    Explain {
        /// A name, a URL, host:port, an address, or the name of a storage account.
        #[arg(value_hint = ValueHint::Other)]
        name: String,
        /// The type to ask for.
        #[arg(default_value = "A", value_name = "TYPE", value_hint = ValueHint::Other)]
        rtype: String,
        /// Ask as this client would.
        #[arg(long, value_name = "ADDRESS", value_hint = ValueHint::Other)]
        client: Option<String>,
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Have the running server forget what it cached about a name.
    #[command(after_help = examples::FLUSH)]
    Flush {
        /// The name.
        #[arg(value_hint = ValueHint::Other)]
        name: String,
        /// And about all names below it; those below the name . are all.
        #[arg(long)]
        subtree: bool,
    },
    /// Have the running server read config, lists and zones again, and wait for the outcome.
    #[command(after_help = examples::RELOAD)]
    Reload,
    /// Freeze the running server: it reads and plans, and writes no zone file until thaw, also after a restart.
    #[command(after_help = examples::FREEZE)]
    Freeze {
        /// Why, for those who find it frozen.
        #[arg(value_hint = ValueHint::Other)]
        reason: Vec<String>,
    },
    /// End the freeze of the running server, and have it make a pass at once.
    #[command(after_help = examples::THAW)]
    Thaw,
    /// Answer one query without the running server, and show where the answer came from.
    #[command(after_help = examples::QUERY)]
    Query {
        /// The name to ask for.
        #[arg(value_hint = ValueHint::Other)]
        name: String,
        /// The type to ask for.
        #[arg(default_value = "A", value_name = "TYPE", value_hint = ValueHint::Other)]
        rtype: String,
        /// Ask as this client would, in its view.
        #[arg(long, value_name = "ADDR", value_hint = ValueHint::Other)]
        client: Option<IpAddr>,
    },
    /// Print the completions for a shell: what its tab key fills in.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell: bash, zsh, fish, powershell or elvish.
        #[arg(value_name = "SHELL", hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
}

/// The command line: its verbs, options and help. The man pages are made from it.
#[doc(hidden)]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the verb of the process's own arguments.
pub fn run() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => arguments.verb.run(ConfigFile(arguments.config)),
        Err(error) => {
            // Help and version go to standard output and are not failures; clap knows which is which.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
    }
}

/// The config file that the command line names, if it does.
struct ConfigFile(Option<PathBuf>);

impl Verb {
    fn run(self, file: ConfigFile) -> ExitCode {
        match self {
            Self::Serve => load(file).map_or_else(|why| not_served(&why), serve),
            Self::Check { json, strict, online } => check::run(file.find(), check::Options { json, strict, online }),
            Self::Fetch { source, print } => with_config(file, |config| fetch::run(&config, source.as_deref(), print)),
            Self::Plan { json } => with_config(file, |config| sync::plan(&config, json)),
            Self::Sync { running: true, approve, undo: true } => undo::running(file.find(), approve.as_deref()),
            Self::Sync { running: false, approve, undo: true } => {
                with_config(file, |config| undo::by_hand(&config, approve.as_deref()))
            }
            Self::Sync { running: true, approve, .. } => control::sync(file.find(), approve.as_deref()),
            Self::Sync { running: false, approve, .. } => {
                with_config(file, |config| sync::sync(&config, approve.as_deref()))
            }
            Self::Status { json, peer: Some(peer), .. } => peer::run(file.find(), &peer, json),
            Self::Status { json, live, peer: None } => control::show_status(file.find(), json, live),
            Self::Doctor { json, all, connect, through, bundle } => {
                doctor::run(file.find(), &doctor::Options { json, all, connect, through, bundle })
            }
            Self::Explain { name, rtype, client, json } => {
                explain::run(file.find(), explain::Options { name, rtype, client, json })
            }
            Self::Flush { name, subtree } => control::flush(file.find(), &name, subtree),
            Self::Reload => control::reload(file.find()),
            Self::Freeze { reason } => control::freeze(file.find(), &reason),
            Self::Thaw => control::thaw(file.find()),
            Self::Query { name, rtype, client } => {
                with_config(file, |config| match hosts_nothing(&config, store::has_file) {
                    Some(problem) => usage(problem),
                    None => unseen::zones(&config, &["query", &name, &rtype])
                        .unwrap_or_else(|| query::run(&config, &name, &rtype, client)),
                })
            }
            Self::Completions { shell } => completions::run(shell),
        }
    }
}

impl ConfigFile {
    fn find(self) -> Result<PathBuf, String> {
        config::find(self.0, std::env::var_os("PRIVATELINK_DNS_CONFIG"))
    }
}

/// Reads the config and goes on with it; without one there is nothing to go on with.
fn with_config(file: ConfigFile, then: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    load(file).map_or_else(|_| ExitCode::from(USAGE), then)
}

/// Reads the config.
///
/// # Errors
/// The first problem, after all of them were printed.
fn load(file: ConfigFile) -> Result<Config, String> {
    let path = file.find().inspect_err(|reason| _ = usage(reason))?;
    Config::load(&path).map_err(|problems| {
        problems.iter().for_each(print_error);
        usage(format!("{} in the config; nothing was done", count(problems.len(), "problem")));
        problems.first().map(ToString::to_string).unwrap_or_default()
    })
}

fn not_served(why: &str) -> ExitCode {
    daemon::not_started(why);
    ExitCode::from(USAGE)
}

/// The problem of a config that hosts no zone: it names none, and `has` finds none in the zone folder.
fn hosts_nothing(config: &Config, has: fn(&Path) -> bool) -> Option<Diagnostic> {
    let nothing = "hosts no zone: add [backup] with cloud = \"public\", or put zone files into zone_dir";
    let hosts_none = config.zones.hosted.is_empty() && !has(&config.zones.zone_dir);
    hosts_none.then(|| Diagnostic::error(Id::CONFIG_NO_ZONE, Place::file(&config.file), nothing))
}

fn serve(config: Config) -> ExitCode {
    if let Some(problem) = hosts_nothing(&config, store::has_file) {
        usage(&problem);
        return not_served(&problem.to_string());
    }
    // Before there are other threads: each has rights of its own.
    daemon::claim_low_ports();
    let kept = daemon::kept_sockets();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(format!("cannot start the runtime: {error}")),
    };
    let ended = runtime.block_on(daemon::serve(config, kept));
    // Tasks that still run wait for upstreams, and their answers are of no use any more.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// The present time in seconds since 1970.
fn now() -> u64 {
    seconds(SystemTime::now())
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `1 name`, `2 names`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A line on standard output, safe to show. A reader that went away ends the output, not the run.
fn print(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{}", diag::printable_lines(&text.to_string()));
}

/// A line on standard error, safe to show.
fn print_error(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{}", diag::printable_lines(&text.to_string()));
}

/// A diagnostic on standard error, with its severity in front.
fn print_diagnostic(found: &Diagnostic) {
    print_error(format!("{}: {found}", found.severity));
}

fn fail(text: impl Display) -> ExitCode {
    print_error(format!("privatelink-dns: {text}"));
    ExitCode::from(FAILED)
}

fn usage(text: impl Display) -> ExitCode {
    print_error(format!("privatelink-dns: {text}"));
    ExitCode::from(USAGE)
}
