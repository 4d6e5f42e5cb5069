//! The page of the program as a whole.

use clap::Command;
use clap_mangen::roff::{bold, italic, roman};

use super::page::{Page, sentence};
use super::verbs::examples;

const DESCRIPTION: &str = "\
Networks that reach Azure Backup through private endpoints need private addresses for its names. `privatelink-dns` is \
authoritative for the zones privatelink.<geo>.backup.windowsazure.com, privatelink.blob.core.windows.net and \
privatelink.queue.core.windows.net, and forwards every other query to upstream servers.

The records come from lists of endpoints: exports of the portal, of az, of PowerShell and of other tools, hosts files, \
zone files, or Azure itself. The server sees when a list changes, compares it with the zone in service, and writes the \
zone file; nobody types records. A list with an error is refused whole, and what it gave before stays in service. \
A zone that would lose or change more than `max_removed` (30%) of its records within `guard_window`, or become empty, \
keeps those records until somebody approves the change; new records go in.

A storage account has the same public name whether its private endpoint is yours or somebody else's. For an account that \
a list names, clients get the private address, also when they ask for the public name. For all others they get the public \
address, where an ordinary zone of that name would say that it does not exist.

What is served is what is in the zone files. When every source is away, the server restarts with the same answers.";

const FIRST_STEPS: &str = "\
After a package is installed, the server runs, listens on 127.0.0.1 alone, and has no list. Put an export of the private \
endpoints of the vault, in one of many forms, into `/etc/privatelink-dns/endpoints/`, and look at what becomes of it with \
`privatelink-dns status`, as root or as a member of the group privatelink-dns-ask. `privatelink-dns explain` and a name \
of the list show its private address.

Then let the network ask: write an address of this machine into `listen`, the networks of the clients into `allow`, see \
whether `privatelink-dns check` is content, and restart the server. Make it the DNS server of the clients. If a resolver \
forwards to it instead, it forwards the public suffixes: blob.core.windows.net, queue.core.windows.net, \
backup.windowsazure.com and blob.storage.azure.net.";

/// What the two options print.
const VERSION: &str = "Print the version; the long form also its commit, the compiler and what is built in.";

const EXIT_CODES: &str = "\
0  it is done, and all is well
1  it failed, in whole or in part; `status`, `doctor`: there are errors; `explain`: there is no address; `check --strict`: there are warnings
2  wrong usage or a wrong config, and nothing was done; `check`: there are problems
3  `plan`: there are changes; `status`, `doctor`: there are warnings, and nothing worse
4  `explain`: the answer is public
5  `plan`, `sync`, `reload`, `thaw`: the guard holds a part of the plan, or the sync is frozen and something waits";

/// Each with what `serve` does.
const SIGNALS: [(&str, &str); 3] = [
    ("SIGHUP", "Config, lists and zone files are read again, as with privatelink-dns-reload(8)."),
    (
        "SIGTERM, SIGINT",
        "/ready says 503 at once; queries are answered for `lameduck`, then until none waits for an upstream. A second \
         signal ends the server at once.",
    ),
    ("SIGUSR1, SIGUSR2", "A line of the log says that nothing is to be done: there is no log file to open again."),
];

const ENVIRONMENT: [(&str, &str); 8] = [
    ("PRIVATELINK_DNS_CONFIG", "The config file, unless `--config` names one."),
    ("RUST_LOG", "The level of the log, in place of `level` in the config: `error`, `warn`, `info` or `debug`."),
    ("NO_COLOR", "Set to anything, there is no colour on a terminal. Output to a file or a pipe never has any."),
    ("JOURNAL_STREAM", "Set by systemd(1); where standard error is the journal, lines of the log have its priorities."),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS",
        "Set by systemd(1): the socket for readiness and status, the watchdog's time, and the sockets kept over a restart.",
    ),
    ("HTTPS_PROXY, NO_PROXY", "The proxy for the calls of live sources to Azure, and the hosts that need none."),
    (
        "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE",
        "For live sources with `identity = \"workload\"`, as Kubernetes sets them.",
    ),
    (
        "IDENTITY_ENDPOINT, IDENTITY_HEADER, IMDS_ENDPOINT",
        "For live sources with `identity = \"managed\"`, as Azure Arc and App Service set them.",
    ),
];

const FILES: [(&str, &str); 5] = [
    (
        "/etc/privatelink-dns/privatelink-dns.toml",
        "The config of a package. An upgrade keeps what you changed. `./config/privatelink-dns.toml` in the working \
         folder goes before it; see privatelink-dns.toml(5).",
    ),
    (
        "/etc/privatelink-dns/endpoints/",
        "The lists of a package's config: each file in it is read, except those whose names begin with a dot or end with ~.",
    ),
    ("/var/lib/privatelink-dns/zones/", "The zone files that the sync writes, and zone files of your own."),
    (
        "/var/lib/privatelink-dns/state/",
        "Last good lists, the journal of changes, a freeze. Queries are answered without it.",
    ),
    (
        "/run/privatelink-dns/control.sock",
        "The socket by which the verbs ask the running server. The groups `control_group` and `approve_group` of the \
         config may use it, besides root and the server's own user.",
    ),
];

pub(crate) fn page(program: &Command) -> String {
    let mut page = Page::new("privatelink-dns", "8", "DNS for Azure private endpoints, from endpoint lists");
    let option = [roman(" ["), bold("--config"), roman(" "), italic("FILE"), roman("]")];
    let usage =
        [vec![bold("privatelink-dns")], option.to_vec(), vec![roman(" "), italic("VERB"), roman(" ...")]].concat();
    let about = vec![bold("privatelink-dns"), roman(" "), bold("--help"), roman(" | "), bold("--version")];
    page.synopsis(vec![usage, about]);
    page.heading("DESCRIPTION");
    page.text(DESCRIPTION);
    page.heading("VERBS");
    page.text("Each verb has a page of its own, and `privatelink-dns VERB --help` is its short form.");
    for verb in program.get_subcommands() {
        let about = verb.get_about().unwrap().to_string();
        page.term(vec![bold(format!("privatelink-dns-{}", verb.get_name())), roman("(8)")], &sentence(&about));
    }
    page.heading("OPTIONS");
    let config = program.get_arguments().find(|argument| argument.get_id() == "config").unwrap();
    page.term(vec![bold("--config"), roman(" "), italic("FILE")], &sentence(&config.get_help().unwrap().to_string()));
    page.term(vec![bold("-h"), roman(", "), bold("--help")], "Print help, of the program or of a verb.");
    page.term(vec![bold("-V"), roman(", "), bold("--version")], VERSION);
    page.exit_codes(EXIT_CODES);
    for (heading, terms) in [("SIGNALS", &SIGNALS[..]), ("ENVIRONMENT", &ENVIRONMENT), ("FILES", &FILES)] {
        page.heading(heading);
        for (term, text) in terms {
            page.term(vec![bold(*term)], text);
        }
    }
    page.heading("FIRST STEPS");
    page.text(FIRST_STEPS);
    page.heading("EXAMPLES");
    let help = program.get_after_help().unwrap().to_string();
    for (command, meaning) in examples(help.split_once('\n').unwrap().1) {
        page.example(&command, &meaning);
    }
    page.text("\n\nAsk the server as a client does:");
    page.code(&["dig @127.0.0.1 acct.blob.core.windows.net +short"]);
    let verbs = program.get_subcommands().map(|verb| format!("privatelink-dns-{}(8)", verb.get_name()));
    let pages: Vec<_> = ["privatelink-dns.toml(5)".to_owned()].into_iter().chain(verbs).collect();
    page.see_also(
        &pages.iter().map(String::as_str).chain(["dig(1)", "systemd(1)", "resolv.conf(5)"]).collect::<Vec<_>>(),
    );
    page.finish()
}
