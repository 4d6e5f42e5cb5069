//! What stands at the end of each verb's `--help`: the commands that people come for, what else there is to know, and
//! the exit codes. The man pages have the same.

/// Of the program as a whole.
pub(super) const FIRST: &str = "\
Begin with:
  privatelink-dns check          is everything that I wrote right?
  privatelink-dns plan           what would change?
  privatelink-dns serve          run it
  privatelink-dns status         how is it, and what should I do first?
  privatelink-dns explain NAME   why has this name this address?";

pub(super) const SERVE: &str = "\
Examples:
  privatelink-dns serve
  privatelink-dns serve --config /etc/privatelink-dns/privatelink-dns.toml

One line of JSON on standard output says that it is ready; the log is on standard error. SIGHUP reads everything
again, SIGTERM ends it.

Exit codes:
  0  it ran and was told to stop
  1  it could not start, for example because an address is taken, or could not go on
  2  wrong usage or a wrong config; it did not start";

pub(super) const CHECK: &str = "\
Examples:
  privatelink-dns check                every problem, with file and line
  privatelink-dns check --strict       for a pipeline: warnings fail too
  privatelink-dns check --online       the same, and whether the identity may read what it should

Exit codes:
  0  nothing worse than warnings and notes
  1  with --strict: warnings, or changes that the guard would hold
  2  problems, wrong usage or no config";

pub(super) const PLAN: &str = "\
Examples:
  privatelink-dns plan                 what sync would change, and what the guard would hold
  privatelink-dns plan --json          the same for programs

Exit codes:
  0  nothing would change
  1  a source or a zone cannot be read
  2  wrong usage or a wrong config
  3  there are changes
  5  the guard holds some of them, or the sync is frozen and something waits";

pub(super) const SYNC: &str = "\
Examples:
  privatelink-dns sync --running       the running server looks at the lists now
  privatelink-dns sync                 one pass without a server
  privatelink-dns sync --approve eefb3f0b5d6c7e88a1b2c3d4e5f60718
                                       one pass, with the held changes of this digest, as plan shows it
  privatelink-dns sync --running --approve eefb3f0b5d6c7e88a1b2c3d4e5f60718
                                       the same by the running server, as status shows it
  privatelink-dns sync --running --undo
                                       the last change is taken back, and the sync is frozen until thaw

Exit codes:
  0  everything is as the lists say
  1  not everything could be done; with --running also: no server answers, or this user may not ask for it
  2  wrong usage or a wrong config; nothing was done
  5  the guard holds a part of the plan, or the sync is frozen and something waits; the rest is done";

pub(super) const EXPLAIN: &str = "\
Examples:
  privatelink-dns explain acct.blob.core.windows.net               private or public, and why
  privatelink-dns explain https://acct.blob.core.windows.net/c     a URL; what stands behind the host is not used
  privatelink-dns explain acct                                     an account by its name alone
  privatelink-dns explain 10.1.0.5                                 the names that have this address
  privatelink-dns explain acct.blob.core.windows.net AAAA --client 10.2.0.9
                                                                   as this client would ask

Exit codes:
  0  the answer is private
  1  there is no address, no server answers, or this user may not ask
  2  wrong usage or a wrong config
  4  the answer is public";

pub(super) const FETCH: &str = "\
Examples:
  privatelink-dns fetch --print                    what Azure says, as lists
  privatelink-dns fetch --source vault-we          one source; its lists are written

Exit codes:
  0  every scope was read
  1  not everything could be read; what was read before stays in use
  2  wrong usage or a wrong config; nothing was done";

pub(super) const STATUS: &str = "\
Examples:
  privatelink-dns status               what is wrong first, then everything
  privatelink-dns status --json        the same for programs
  privatelink-dns status --live        for a monitor: exit code 0 if it answers at all
  privatelink-dns status --peer 10.0.0.5
                                       whether the other server of a pair has the same records

Exit codes:
  0  all is well; with --live: it answers; with --peer: both have the same records
  1  there are errors, no server answers, or this user may not ask
  2  wrong usage or a wrong config
  3  there are warnings, and nothing worse; with --peer: a zone differs";

pub(super) const DOCTOR: &str = "\
Examples:
  privatelink-dns doctor               what is wrong, why it matters, what to run
  privatelink-dns doctor --connect     the same, and TCP 443 of every listed address
  privatelink-dns doctor --through 10.0.0.10
                                       the same, and whether this resolver of clients forwards to the server
  privatelink-dns doctor --json        the same for programs
  privatelink-dns doctor --bundle dns.tar
                                       the same, and a file with what support asks for, without secrets

Exit codes:
  0  all is well
  1  there are problems, or the bundle cannot be written
  2  wrong usage or no config
  3  there are warnings, and nothing worse";

pub(super) const FLUSH: &str = "\
Examples:
  privatelink-dns flush account.blob.core.windows.net
  privatelink-dns flush core.windows.net --subtree
  privatelink-dns flush . --subtree    everything

Exit codes:
  0  it is forgotten
  1  no server answers, or this user may not ask
  2  wrong usage or a wrong config";

pub(super) const RELOAD: &str = "\
Examples:
  privatelink-dns reload               also takes a config that hosts less than the one in service

Exit codes:
  0  everything is read and in service
  1  the config is not taken, something could not be done, no server answers, or this user may not reload
  2  wrong usage, or a config that has no control socket
  5  it is read; the guard holds changes, or the sync is frozen and something waits";

pub(super) const FREEZE: &str = "\
Examples:
  privatelink-dns freeze               while a list is being mended
  privatelink-dns freeze the list of team a is wrong

sync and sync --approve write nothing either, with or without a server. status says who, since when, and what waits.

Exit codes:
  0  nothing is written from now on
  1  a sync that began before is still writing, no server answers, or this user may not freeze
  2  wrong usage or a wrong config";

pub(super) const THAW: &str = "\
Examples:
  privatelink-dns thaw                 what waited is reviewed by the guard and written

Exit codes:
  0  the freeze is over, and what waited is written
  1  something could not be written, no server answers, or this user may not thaw
  2  wrong usage or a wrong config
  5  the freeze is over; the guard holds a part of what waited";

pub(super) const QUERY: &str = "\
Examples:
  privatelink-dns query account.blob.core.windows.net
  privatelink-dns query corp.example MX

Exit codes:
  0  there is an answer, which may be that the name does not exist
  1  the name could not be resolved (SERVFAIL)
  2  wrong usage or a wrong config";

pub(super) const COMPLETIONS: &str = "\
Examples. Packages have installed those of bash, zsh and fish already; for /etc and /usr/local be root:
  privatelink-dns completions bash > /etc/bash_completion.d/privatelink-dns
  privatelink-dns completions zsh > /usr/local/share/zsh/site-functions/_privatelink-dns
  privatelink-dns completions fish > ~/.config/fish/completions/privatelink-dns.fish
  privatelink-dns completions powershell >> $PROFILE
  privatelink-dns completions elvish > ~/.config/elvish/lib/privatelink-dns.elv
                                       then write into rc.elv: use privatelink-dns

A new shell has them. In zsh the folder must be in $fpath before compinit runs.

Exit codes:
  0  they are printed
  1  they could not be written
  2  wrong usage";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::Arguments;

    /// The commands in a help: a line that begins with the program, up to the file that gets its output
    /// and to what is said about it.
    fn commands(help: &str) -> impl Iterator<Item = &str> {
        let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
        let commands = lines.filter(|line| line.starts_with("privatelink-dns "));
        commands.filter_map(|line| line.split("  ").next()?.split(" >").next())
    }

    #[test]
    fn every_verb_has_an_example_and_every_example_is_a_command() {
        let program = Arguments::command();
        for verb in program.get_subcommands().chain([&program]) {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(commands(&help).next().is_some(), "{} has no example", verb.get_name());
            for command in commands(&help) {
                let parsed = Arguments::try_parse_from(command.split_whitespace());
                assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn every_verb_has_its_exit_codes_in_order_with_success_and_wrong_usage_among_them() {
        for verb in Arguments::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let (_, codes) = help.split_once("\n\nExit codes:\n").unwrap_or_else(|| panic!("{}", verb.get_name()));
            let codes: Vec<u8> =
                codes.lines().map(|line| line.trim_start().split("  ").next().unwrap().parse().unwrap()).collect();
            assert!(
                codes.is_sorted() && codes.starts_with(&[0]) && codes.contains(&2),
                "{}: {codes:?}",
                verb.get_name()
            );
        }
    }

    #[test]
    fn the_config_may_be_named_before_the_verb_and_behind_it() {
        for command in ["privatelink-dns --config a.toml status", "privatelink-dns status --json --config a.toml"] {
            let parsed = Arguments::try_parse_from(command.split_whitespace()).unwrap();
            assert_eq!(parsed.config.as_deref(), Some(std::path::Path::new("a.toml")), "{command}");
        }
    }
}
