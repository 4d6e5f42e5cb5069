//! The examples at the end of each verb's `--help`: the commands that people come for.

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
again, SIGTERM ends it.";

pub(super) const CHECK: &str = "\
Examples:
  privatelink-dns check                every problem, with file and line
  privatelink-dns check --strict       for a pipeline: warnings fail too
  privatelink-dns check --online       and whether the identity may read what it should";

pub(super) const PLAN: &str = "\
Examples:
  privatelink-dns plan                 what sync would change, and what the guard would hold
  privatelink-dns plan --json          the same for programs";

pub(super) const SYNC: &str = "\
Examples:
  privatelink-dns sync --running       the running server looks at the lists now
  privatelink-dns sync                 one pass without a server
  privatelink-dns sync --approve eefb3f0b5d6c7e88a1b2c3d4e5f60718
                                       and the held changes with this digest, as plan shows it
  privatelink-dns sync --running --approve eefb3f0b5d6c7e88a1b2c3d4e5f60718
                                       the same by the running server, as status shows it
  privatelink-dns sync --running --undo
                                       the last change goes back, and the sync is frozen until thaw";

pub(super) const EXPLAIN: &str = "\
Examples:
  privatelink-dns explain acct.blob.core.windows.net               private or public, and why
  privatelink-dns explain https://acct.blob.core.windows.net/c     a URL; what stands behind the host is not used
  privatelink-dns explain acct                                     an account by its name alone
  privatelink-dns explain 10.1.0.5                                 the names that have this address
  privatelink-dns explain acct.blob.core.windows.net AAAA --client 10.2.0.9
                                                                   as this client would ask";

pub(super) const FETCH: &str = "\
Examples:
  privatelink-dns fetch --print                    what Azure says, as lists
  privatelink-dns fetch --source vault-we          one source: its lists are written";

pub(super) const STATUS: &str = "\
Examples:
  privatelink-dns status               what is wrong first, then everything
  privatelink-dns status --json        the same for programs
  privatelink-dns status --live        for a monitor: exit code 0 if it answers at all";

pub(super) const DOCTOR: &str = "\
Examples:
  privatelink-dns doctor               what is wrong, why it matters, what to run
  privatelink-dns doctor --connect     and TCP 443 of every listed address
  privatelink-dns doctor --through 10.0.0.10
                                       and whether this resolver of clients forwards to the server
  privatelink-dns doctor --json        the same for programs
  privatelink-dns doctor --bundle dns.tar
                                       and what support asks for, without secrets";

pub(super) const FLUSH: &str = "\
Examples:
  privatelink-dns flush account.blob.core.windows.net
  privatelink-dns flush core.windows.net --subtree
  privatelink-dns flush . --subtree    everything";

pub(super) const RELOAD: &str = "\
Examples:
  privatelink-dns reload               also takes a config that hosts less than the one in service";

pub(super) const FREEZE: &str = "\
Examples:
  privatelink-dns freeze               while a list is being mended
  privatelink-dns freeze the list of team a is wrong

sync and sync --approve write nothing either, with or without a server. status says who, since when, and what waits.";

pub(super) const THAW: &str = "\
Examples:
  privatelink-dns thaw                 what waited is reviewed by the guard and written";

pub(super) const QUERY: &str = "\
Examples:
  privatelink-dns query account.blob.core.windows.net
  privatelink-dns query corp.example MX";

pub(super) const COMPLETIONS: &str = "\
Examples, each with the place where the shell looks for it; a package has the first three in their places already:
  privatelink-dns completions bash > /etc/bash_completion.d/privatelink-dns
  privatelink-dns completions zsh > /usr/local/share/zsh/site-functions/_privatelink-dns
  privatelink-dns completions fish > ~/.config/fish/completions/privatelink-dns.fish
  privatelink-dns completions powershell >> $PROFILE
  privatelink-dns completions elvish > ~/.config/elvish/lib/privatelink-dns.elv
                                       and in rc.elv: use privatelink-dns

A new shell has them. In zsh the folder must be in $fpath before compinit runs.";

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
    fn the_config_may_be_named_before_the_verb_and_behind_it() {
        for command in ["privatelink-dns --config a.toml status", "privatelink-dns status --json --config a.toml"] {
            let parsed = Arguments::try_parse_from(command.split_whitespace()).unwrap();
            assert_eq!(parsed.config.as_deref(), Some(std::path::Path::new("a.toml")), "{command}");
        }
    }
}
