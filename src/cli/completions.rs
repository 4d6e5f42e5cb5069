//! `completions`: what a shell fills in at a press of the tab key.
//!
//! In: the name of a shell. Out: its script on standard output, made from the command line as clap knows it. Nothing is
//! read and nothing is asked, so the names of sources and zones are not among the values.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap_complete::Shell;

use super::fail;

/// Prints the script of a shell.
pub(super) fn run(shell: Shell) -> ExitCode {
    match std::io::stdout().write_all(&script(shell)) {
        Ok(()) => ExitCode::SUCCESS,
        // A reader that went away has what it wanted.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(format!("cannot write the completions: {error}")),
    }
}

/// The script of a shell.
fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "privatelink-dns", &mut script);
    if shell == Shell::Bash {
        // clap_complete 4.6 writes the hyphen of the program's name in two ways, so that no option of a verb would be
        // found. Where it does not, this changes nothing.
        return String::from_utf8_lossy(&script).replace("privatelink__subcmd__dns", "privatelink__dns").into_bytes();
    }
    script
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ValueEnum};

    use super::*;

    #[test]
    fn each_shell_has_every_verb_and_its_options() {
        let program = super::super::command();
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for verb in program.get_subcommands() {
                assert!(script.contains(verb.get_name()), "{shell}: {}", verb.get_name());
                for option in verb.get_arguments().filter_map(Arg::get_long) {
                    assert!(script.contains(option), "{shell}: {} --{option}", verb.get_name());
                }
            }
        }
    }
}
