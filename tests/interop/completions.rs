//! The completions in the shells that they are for: each reads its script without a word, and completes a verb and
//! an option.

use std::path::Path;
use std::process::Command;

use crate::support::site::BINARY;
use crate::tool;

/// What is typed, and something that each shell must offer for it.
const TYPED: [(&[&str], &str); 3] = [
    (&["stat"], "status"),
    (&["sync", "--app"], "--approve"),
    (&["--config", "a.toml", "doctor", "--thr"], "--through"),
];

/// The script of a shell in a file that lives as long as the folder.
fn script(shell: &str, folder: &Path) -> String {
    let (printed, script) = tool::run(Command::new(BINARY).args(["completions", shell]));
    assert!(printed, "{script}");
    let file = folder.join(shell);
    std::fs::write(&file, script).unwrap();
    file.display().to_string()
}

/// Runs a program of the shell, with arguments, and returns what it printed.
fn told(shell: &Path, arguments: &[&str]) -> String {
    let (succeeded, said) = tool::run(Command::new(shell).args(arguments));
    assert!(succeeded, "{arguments:?}: {said}");
    said
}

#[test]
fn bash_reads_its_script_and_completes_verbs_and_options() {
    let Some(bash) = tool::find("bash") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = script("bash", folder.path());
    assert_eq!(told(&bash, &["-n", &script]), "");
    let complete = r#"source "$1"; shift; COMP_WORDS=(privatelink-dns "$@"); COMP_CWORD=$#
        read -r _ _ complete _ <<<"$(complete -p privatelink-dns | sed 's/.* -F/- -F/')"
        "$complete" privatelink-dns "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    for (typed, offered) in TYPED {
        let said = told(&bash, &[&["--norc", "-c", complete, "bash", &script][..], typed].concat());
        assert!(said.lines().any(|line| line == offered), "{typed:?}: {said}");
    }
}

#[test]
fn fish_reads_its_script_and_completes_verbs_and_options() {
    let Some(fish) = tool::find("fish") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = script("fish", folder.path());
    assert_eq!(told(&fish, &["--no-execute", &script]), "");
    for (typed, offered) in TYPED {
        let line = format!("source {script}; complete --do-complete 'privatelink-dns {}'", typed.join(" "));
        let said = told(&fish, &["--no-config", "-c", &line]);
        assert!(said.lines().any(|line| line.split('\t').next() == Some(offered)), "{typed:?}: {said}");
    }
}

#[test]
fn zsh_reads_its_script_and_takes_its_function() {
    let Some(zsh) = tool::find("zsh") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = script("zsh", folder.path());
    assert_eq!(told(&zsh, &["-f", "-n", &script]), "");
    let load = r#"autoload -Uz compinit && compinit -D; source "$1"; print ${_comps[privatelink-dns]}"#;
    assert_eq!(told(&zsh, &["-f", "-c", load, "zsh", &script]).trim(), "_privatelink-dns");
}
