//! The page of a verb: usage, options, exit codes and examples as its `--help` has them, and what it does in prose.

use clap::{Arg, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, bold, italic, roman};

use super::page::{Page, sentence};

/// The page of one verb.
pub(crate) fn page(verb: &Command) -> String {
    let name = verb.get_name();
    let about = verb.get_about().unwrap().to_string();
    let mut page = Page::new(&format!("privatelink-dns-{name}"), "8", &summary(&about));
    page.synopsis(vec![synopsis(verb)]);
    let help = Help::of(verb);
    page.heading("DESCRIPTION");
    page.text(&format!("{}\n\n{}", sentence(&about), prose(name)));
    help.remarks.iter().for_each(|remark| page.text(&format!("\n\n{remark}")));
    let mut options = Vec::new();
    Man::new(verb.clone()).render_options_section(&mut options).unwrap();
    page.section(&String::from_utf8(options).unwrap());
    page.exit_codes(&help.exit_codes);
    page.heading("EXAMPLES");
    help.examples.iter().for_each(|(command, meaning)| page.example(command, meaning));
    page.see_also(&see_also(name));
    page.finish()
}

/// The first sentence, as the NAME section has it: without its capital and full stop.
fn summary(about: &str) -> String {
    let first = about.split(';').next().unwrap().trim_end_matches('.');
    format!("{}{}", first[..1].to_ascii_lowercase(), &first[1..])
}

/// `privatelink-dns VERB [--option VALUE] NAME [TYPE]`.
fn synopsis(verb: &Command) -> Vec<Inline> {
    let mut line = vec![bold(format!("privatelink-dns {}", verb.get_name()))];
    let (named, positional): (Vec<&Arg>, Vec<&Arg>) = verb.get_arguments().partition(|arg| !arg.is_positional());
    for option in named.into_iter().filter(|option| option.get_id() != "help") {
        line.extend([roman(" ["), bold(format!("--{}", option.get_long().unwrap()))]);
        if option.get_action().takes_values() {
            line.extend([roman(" "), italic(value(option))]);
        }
        line.push(roman("]"));
        line.extend(matches!(option.get_action(), clap::ArgAction::Append).then(|| roman("...")));
    }
    for argument in positional {
        let (open, close) = if argument.is_required_set() { (" ", "") } else { (" [", "]") };
        line.extend([roman(open), italic(value(argument)), roman(close)]);
        line.extend(matches!(argument.get_action(), clap::ArgAction::Append).then(|| roman("...")));
    }
    line
}

fn value(argument: &Arg) -> String {
    argument.get_value_names().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The end of a help, taken apart.
struct Help {
    /// Commands, each with what is said of it.
    examples: Vec<(String, String)>,
    remarks: Vec<String>,
    exit_codes: String,
}

impl Help {
    fn of(verb: &Command) -> Self {
        let mut help = Self { examples: Vec::new(), remarks: Vec::new(), exit_codes: String::new() };
        for block in verb.get_after_help().unwrap().to_string().split("\n\n") {
            let (head, rest) = block.split_once('\n').unwrap_or((block, ""));
            match head {
                "Exit codes:" => rest.clone_into(&mut help.exit_codes),
                _ if head.starts_with("Examples") => help.examples = examples(rest),
                _ => help.remarks.push(block.to_owned()),
            }
        }
        help
    }
}

/// The commands of a help. What is said of one stands behind it, or in the line below.
pub(crate) fn examples(lines: &str) -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    for line in lines.lines().map(str::trim) {
        match (line.split_once("  "), examples.last_mut()) {
            (Some((command, meaning)), _) => examples.push((command.to_owned(), meaning.trim().to_owned())),
            (None, Some((_, meaning))) if meaning.is_empty() && !line.starts_with("privatelink-dns ") => {
                line.clone_into(meaning);
            }
            _ => examples.push((line.to_owned(), String::new())),
        }
    }
    examples
}

/// What a reader of the page wants to know besides the summary and the options.
const PROSE: [(&str, &str); 14] = [
    (
        "serve",
        "Zones are loaded before the first query is answered. A zone whose file is bad keeps its last good \
             contents; if there are none, its names are SERVFAIL and everything else is answered.\n\n\
             While it runs, it looks at the lists when one of them changes and once in each interval, plans what would \
             change, and writes the zone files. Removals and changes beyond `max_removed` wait for consent; see \
             privatelink-dns-sync(8). A change of the config file is taken without a restart, unless it ends zones or \
             sources: that waits for privatelink-dns-reload(8).",
    ),
    (
        "check",
        "Nothing is written and no server is needed. A list is read whole or refused, so each line of it that is \
             wrong is named, with what to write instead.\n\n\
             An `error` is something that is not done or not taken. A `warning` is something that may be missing or \
             wrong. A `note` tells of names of other services and of lines that a later line replaces.",
    ),
    (
        "plan",
        "All sources are read as a sync would read them, and their records are compared with the zone files. Each \
             change is one line with its reason. What the guard would hold comes last, with the command that approves \
             it.",
    ),
    (
        "sync",
        "A pass reads all sources, compares their records with the zone files, and writes the zones that differ. \
             With a server that runs, `--running` is the right way: the server makes the pass and serves its outcome \
             at once. Without it the files are written by this command, and a server sees that they changed.\n\n\
             The guard holds removals and changes beyond `max_removed`, and whatever would empty a zone, until somebody \
             approves them by their digest. The digest covers just the changes that `privatelink-dns plan` or `privatelink-dns status` shows; \
             other changes are not approved by it. Additions and other zones go on meanwhile.\n\n\
             With `--undo` the last pass that changed something is taken back: each name that still is what that pass \
             made of it becomes again what it was before. The lists still say otherwise, so the sync is frozen until \
             privatelink-dns-thaw(8).",
    ),
    (
        "fetch",
        "A live source has `kind = \"azure\"` in the config; see privatelink-dns.toml(5). The running server reads \
             its live sources by itself: this verb shows what Azure says at this moment, or prepares the lists before \
             the first start. A scope that cannot be read leaves its list as it is.",
    ),
    (
        "status",
        "The first lines say what is wrong, the worst first, each with what to do about it; then come zones, sources, \
             upstreams, peers, queries and the last changes. The server is asked by its control socket, so this works while \
             the config is being repaired.\n\n\
             Two servers that read the same sources should have the same records. `--peer` asks the other one by its \
             admin listener, which has to have this machine in `allow`, and compares every zone. Serials are not \
             compared: each server counts its own.",
    ),
    (
        "doctor",
        "The checks go from the config over the machine, the upstreams, the lists and what the server answers to \
             its clients. Each finding has an id, a reason why it matters, and, where there is one, what to run. Every record of \
             the lists is asked of the running server over UDP and TCP.\n\n\
             Nothing is changed. Queries go to this server, to its upstreams and to the resolvers of `--through`, and to \
             nobody else. TCP 443 of the listed addresses is tried with `--connect` alone.",
    ),
    (
        "explain",
        "The running server resolves the name as a client's question, and says where each part of the answer comes \
             from: the zone, the cache, an upstream, and for a record of ours the list and the line that has it. For a \
             name that is not in service it says why: no list has it, its list is refused, its change waits for \
             consent, its endpoint is not approved, or one of many more reasons.",
    ),
    ("flush", "Only answers that came from upstreams are cached. Records of the zones are not, so they need no flush."),
    (
        "reload",
        "The server looks at its config, lists and zone files by itself. This verb says at once what came of it, \
             and it is how a config is taken that ends zones or sources. If the config is wrong, every problem is \
             shown and the one before stays in service. Keys that need a restart are named.",
    ),
    (
        "freeze",
        "Use it while people look into a wrong list. What is in service stays in service. When the verb returns \
             with exit code 0, no sync writes any more. `status` shows who froze the sync, since when and why, and how \
             many changes wait.",
    ),
    ("thaw", "The pass goes through the guard like any other, so that what is large waits for consent still."),
    (
        "query",
        "Config, lists and zones are read as the server would read them, and the upstreams are asked where the \
             answer needs them. The cache of the running server is not used; privatelink-dns-explain(8) asks the \
             server itself.",
    ),
    (
        "completions",
        "The script is made from the command line of this very program. Packages install those of bash, zsh and \
             fish.",
    ),
];

fn prose(verb: &str) -> &'static str {
    let known = PROSE.iter().find(|(known, _)| *known == verb);
    known.unwrap_or_else(|| panic!("{verb} has no prose for its man page")).1
}

/// The pages that a reader may want next.
fn see_also(verb: &str) -> Vec<&'static str> {
    let mut pages = match verb {
        "serve" => vec!["privatelink-dns-check(8)", "privatelink-dns-status(8)", "privatelink-dns-reload(8)"],
        "check" => vec!["privatelink-dns-doctor(8)", "privatelink-dns-plan(8)"],
        "plan" => vec!["privatelink-dns-check(8)", "privatelink-dns-sync(8)"],
        "sync" => vec!["privatelink-dns-plan(8)", "privatelink-dns-freeze(8)", "privatelink-dns-thaw(8)"],
        "fetch" => vec!["privatelink-dns-check(8)", "privatelink-dns-plan(8)"],
        "status" => vec!["privatelink-dns-explain(8)", "privatelink-dns-doctor(8)"],
        "doctor" => vec!["privatelink-dns-check(8)", "privatelink-dns-status(8)", "privatelink-dns-explain(8)"],
        "explain" => vec!["privatelink-dns-query(8)", "privatelink-dns-status(8)", "dig(1)"],
        "flush" => vec!["privatelink-dns-explain(8)"],
        "reload" => vec!["privatelink-dns-check(8)", "privatelink-dns-serve(8)", "systemctl(1)"],
        "freeze" => vec!["privatelink-dns-thaw(8)", "privatelink-dns-sync(8)", "privatelink-dns-status(8)"],
        "thaw" => vec!["privatelink-dns-freeze(8)", "privatelink-dns-plan(8)", "privatelink-dns-sync(8)"],
        "query" => vec!["privatelink-dns-explain(8)", "dig(1)"],
        "completions" => vec!["bash(1)", "zsh(1)", "fish(1)"],
        _ => vec![],
    };
    pages.splice(0..0, ["privatelink-dns(8)", "privatelink-dns.toml(5)"]);
    pages
}
