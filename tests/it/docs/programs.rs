//! What a command of a page may be: something that is run here, or a call of a program that cannot run here, of which
//! is checked what can be.
//!
//! Every call of our own program is parsed as it parses its command line itself, wherever it stands: alone, behind
//! `sudo`, `ssh` or `kubectl exec ... --`, or behind an image in `docker run`. A verb or an option that does not exist
//! is found. So is a file that neither the repository nor the package has, and an older version in a file's name.

use clap::error::ErrorKind;

use super::files;
use super::shell::calls;

/// Programs that a scene runs, besides our own; all but `dig` and `jq` are on every machine.
const HERE: [&str; 14] =
    ["cat", "cd", "cp", "date", "diff", "dig", "echo", "grep", "head", "jq", "ls", "mv", "sed", "tail"];

/// Programs that a scene cannot run, and why.
const ELSEWHERE: [(&str, &str); 48] = [
    ("kdig", "needs the reader's certificate; `tests/interop` runs it"),
    ("apt", "changes the machine; `cargo test --test package` installs the packages in a booted container"),
    ("apt-get", "as apt"),
    ("dnf", "changes the machine, and is of another distribution"),
    ("dpkg", "as apt"),
    ("rpm", "as dnf"),
    ("sudo", "needs root"),
    ("systemctl", "needs a running systemd; `cargo test --test package` boots one"),
    ("systemd-analyze", "as systemctl; `tests/interop` runs it on the unit"),
    ("journalctl", "as systemctl"),
    ("usermod", "changes the machine"),
    ("install", "writes to /etc; behind sudo"),
    ("chmod", "of files that the reader has"),
    ("chown", "of files that the reader has"),
    ("az", "needs a subscription of Azure"),
    ("azcmagent", "needs Azure Arc"),
    ("kubectl", "needs a cluster; `tests/deploy` checks the manifests"),
    ("helm", "needs a cluster"),
    ("kustomize", "is not installed here; `tests/deploy` calls it as `kubectl kustomize`"),
    ("docker", "needs a daemon; `cargo xtask acceptance image` runs the image without one"),
    ("podman", "as docker"),
    ("buildah", "as docker"),
    ("skopeo", "needs a registry"),
    ("oras", "needs a registry"),
    ("cosign", "needs a registry"),
    ("terraform", "needs a subscription of Azure"),
    ("tofu", "needs a subscription of Azure"),
    ("ssh", "needs another machine"),
    ("scp", "needs another machine"),
    ("curl", "needs a server at the page's address"),
    ("git", "needs the repository's host"),
    ("cargo", "builds; CI runs what it names"),
    ("rustup", "changes the machine"),
    (".ci/run", "takes half an hour; CI is this"),
    (".ci/tools", "installs tools; CI runs it"),
    ("openssl", "makes a secret that the reader keeps"),
    ("networkctl", "on a client of the reader"),
    ("unbound-control", "needs a resolver of the reader"),
    ("rndc", "needs a resolver of the reader"),
    ("tsig-keygen", "makes a secret that the reader keeps; `tests/interop` calls it"),
    ("pdnsutil", "needs a PowerDNS of the reader"),
    ("rec_control", "needs a resolver of the reader"),
    ("keymgr", "makes a secret that the reader keeps"),
    ("cmp", "compares files of the reader; `tests/interop` runs the script"),
    ("exit", "ends a script of the reader"),
    ("[", "in a script of the reader"),
    ("nslookup", "on a client of the reader"),
    ("kdig", "on a client of the reader"),
];

/// What is to be done with a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It is run in the page's scene.
    Here,
    /// It cannot be; what could be checked is as it should be.
    Elsewhere,
}

/// Judges a command by its calls; the error says what is wrong with it.
pub(super) fn judge(command: &str) -> Result<Judged, String> {
    let calls = calls(command);
    // The head and the end of a loop call nothing.
    let cannot_be_run = has_placeholder(command) || calls.is_empty();
    let mut judged = if cannot_be_run { Judged::Elsewhere } else { Judged::Here };
    for call in calls {
        if call_of(&call)? == Judged::Elsewhere {
            judged = Judged::Elsewhere;
        }
        call.iter().try_for_each(|word| files::exists(word))?;
    }
    Ok(judged)
}

/// Judges one call.
fn call_of(words: &[String]) -> Result<Judged, String> {
    let Some(program) = words.first() else { return Ok(Judged::Here) };
    if is_ours(program) {
        return parses(&words[1..]).map(|()| Judged::Here);
    }
    if let Some(arguments) = of_image(words) {
        parses(arguments)?;
    } else if let Some(inner) = inner(words) {
        call_of(inner)?;
    }
    match program.as_str() {
        "cargo" if words.iter().take(4).any(|word| word == "run") && words.iter().any(|word| word == "--") => {
            let at = words.iter().position(|word| word == "--").unwrap_or_default();
            return parses(&words[at + 1..]).map(|()| Judged::Here);
        }
        "cargo" => files::is_of_cargo(words)?,
        _ => {}
    }
    if HERE.contains(&program.as_str()) {
        return Ok(Judged::Here);
    }
    if ELSEWHERE.iter().any(|(known, _)| known == program) {
        return Ok(Judged::Elsewhere);
    }
    Err(format!(
        "'{program}' is in no list of tests/it/docs/programs.rs: if a scene can run it, name it in HERE; if none can, \
         name it in ELSEWHERE with the reason"
    ))
}

fn is_ours(program: &str) -> bool {
    program == "privatelink-dns" || program == "/usr/bin/privatelink-dns"
}

/// The call that another program makes: behind `--`, behind `sudo` and its options, behind the host of `ssh`, or of our
/// image.
fn inner(words: &[String]) -> Option<&[String]> {
    let options = |from: usize| words.iter().skip(from).take_while(|word| word.starts_with('-')).count();
    let behind = |at: Option<usize>| at.and_then(|at| words.get(at + 1..)).filter(|rest| !rest.is_empty());
    match words[0].as_str() {
        // -u takes a name.
        "sudo" if words.get(1).is_some_and(|word| word == "-u") => words.get(3..),
        "sudo" => words.get(1 + options(1)..),
        "ssh" | "docker" | "podman" => words.iter().rposition(|word| is_ours(word)).map(|at| &words[at..]),
        _ => {
            behind(words.iter().position(|word| word == "--")).filter(|rest| is_ours(&rest[0]) || words[0] == "kubectl")
        }
    }
}

/// The words behind an image of ours, which are arguments of our program; its tag is a version.
fn of_image(words: &[String]) -> Option<&[String]> {
    let is_image = |word: &String| {
        let tag = word.rsplit('/').next().and_then(|name| name.strip_prefix("privatelink-dns:"));
        tag.is_some_and(|tag| tag.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase()))
    };
    let at = words.iter().position(is_image)?;
    words.get(at + 1..).filter(|rest| !rest.is_empty())
}

/// Whether our program takes these arguments. A word in capitals stands for a value.
pub(super) fn parses(arguments: &[String]) -> Result<(), String> {
    let shown = format!("privatelink-dns {}", arguments.join(" "));
    let words = std::iter::once("privatelink-dns".to_owned()).chain(arguments.iter().cloned());
    let Err(error) = privatelink_dns::cli::command().try_get_matches_from(words) else { return Ok(()) };
    let is_placeholder = arguments.iter().any(|word| is_placeholder(word));
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        ErrorKind::ValueValidation | ErrorKind::InvalidValue if is_placeholder => Ok(()),
        _ => {
            let text = error.to_string();
            Err(format!("'{shown}' is no command line of ours: {}", text.lines().next().unwrap_or_default()))
        }
    }
}

/// Whether a word in prose stands for something that the reader has.
fn is_placeholder(word: &str) -> bool {
    let is_type = ["AAAA", "CNAME", "SOA", "TXT", "PTR"].contains(&word);
    word.len() > 2
        && !is_type
        && word.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_')
        && !word.starts_with('-')
}

fn has_placeholder(command: &str) -> bool {
    let words = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '$');
    command.split(words).any(is_placeholder)
}

/// Checks a span of the prose that is a command: one that begins with a program which this file knows, or with a verb
/// of ours that has options. Prose may name a verb without what it needs.
pub(super) fn span(text: &str) -> Result<(), String> {
    let is_verb = |word: &str| privatelink_dns::cli::command().find_subcommand(word).is_some();
    for call in calls(text) {
        let has_options = call.iter().any(|word| word.starts_with("--"));
        let outcome = match &call[0] {
            word if is_verb(word) && has_options => parses(&call),
            word if is_known(word) && call.len() > 1 => call_of(&call).map(|_| ()),
            _ => Ok(()),
        };
        match outcome {
            Err(why) if !why.contains("required") => return Err(why),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a line of text is a command: it begins with a program that this file knows.
pub(super) fn is_command(line: &str) -> bool {
    line.split(' ').next().is_some_and(is_known)
}

fn is_known(program: &str) -> bool {
    is_ours(program) || HERE.contains(&program) || ELSEWHERE.iter().any(|(known, _)| *known == program)
}

#[test]
fn a_command_is_run_here_or_is_of_a_program_that_is_named_with_the_reason() {
    for command in ["privatelink-dns status | head -2", "cargo run --release -- check", "dig @127.0.0.1 a.example"] {
        assert_eq!(judge(command), Ok(Judged::Here), "{command}");
    }
    for command in [
        "sudo systemctl restart privatelink-dns",
        "cd / && sudo privatelink-dns doctor",
        "privatelink-dns sync --running --approve DIGEST",
        "kubectl -n privatelink-dns exec dns-0 -- privatelink-dns status --json",
        "id=$(az vm show --query identity.principalId)",
        "cargo xtask package --twice",
        "for pod in dns-0 dns-1; do",
        "done",
    ] {
        assert_eq!(judge(command), Ok(Judged::Elsewhere), "{command}");
    }
}

#[test]
fn a_program_an_option_a_verb_a_file_and_a_version_that_do_not_exist_are_found() {
    for (command, said) in [
        ("frobnicate --all", "'frobnicate' is in no list"),
        ("privatelink-dns status | frobnicate", "'frobnicate' is in no list"),
        ("privatelink-dns status --jsn", "unexpected argument '--jsn'"),
        ("sudo privatelink-dns restart", "unrecognized subcommand 'restart'"),
        ("sudo -u alice privatelink-dns plan --jsn", "'--jsn'"),
        ("ssh dns01 privatelink-dns plan --jsn", "'--jsn'"),
        ("kubectl exec dns-0 -- privatelink-dns check --onlin", "'--onlin'"),
        ("kubectl exec dns-0 -- frobnicate", "'frobnicate' is in no list"),
        ("docker run --rm privatelink-dns:VERSION check --stric", "'--stric'"),
        (
            "podman run -v privatelink-dns:/a --tmpfs /privatelink-dns:b registry.example/privatelink-dns:VERSION servee",
            "'servee'",
        ),
        ("podman exec dns /usr/bin/privatelink-dns status --jsn", "'--jsn'"),
        ("cargo run --release -- explan NAME", "'explan'"),
        ("cargo xtask pakage", "no verb 'pakage'"),
        ("cargo xtask acceptance images", "no stage 'images'"),
        ("cargo test --test its", "no test 'its'"),
        ("az x --file deploy/nowhere.json", "deploy/nowhere.json"),
        ("sudo cat /usr/share/doc/privatelink-dns/examples/hinds.conf", "examples/hinds.conf"),
        ("sudo apt install ./privatelink-dns_0.0.9-1_amd64.deb", "0.0.9"),
    ] {
        let command = command.replace("VERSION", env!("CARGO_PKG_VERSION"));
        let why = judge(&command).expect_err(&command);
        assert!(why.contains(said), "{command}: {why}");
    }
}

#[test]
fn commands_in_prose_are_checked_and_other_words_are_not() {
    for text in
        ["privatelink-dns explain", "sync --running --undo", "explain", "status", "[log] level = \"x\"", "a b --c"]
    {
        assert_eq!(span(text), Ok(()), "{text}");
    }
    for text in ["sync --runing", "privatelink-dns explain --jsn", "sudo privatelink-dns relod", "cargo xtask paks"] {
        assert!(span(text).is_err(), "{text}");
    }
}
