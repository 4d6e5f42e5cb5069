//! The status page of the real binary in five states, in a real browser: with scripts off, light and dark, narrow and
//! wide; read by axe-core and html-validate. `.ci/tools browser` installs what it needs.

use std::path::PathBuf;
use std::process::Command;

use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;
use crate::tool;

const LIST: &str = "we.txt";

const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n[forward]\ntimeout = \"1s\"";

/// A vault's names, and the first `count` of its accounts.
fn list(count: usize) -> String {
    let vault = "10.12.0.4 4611686018427300001-ab-pod01-prot1.privatelink.we.backup.windowsazure.com\n".to_owned();
    let account = |n| format!("10.12.0.{} smplepod01ecs{n}.blob.core.windows.net\n", 10 + n);
    vault + &(0..count).map(account).collect::<String>()
}

/// The packages for Node.js; `None` and a loud line if they are not there, a panic where `CI=true` is set.
fn packages() -> Option<PathBuf> {
    let folder = std::env::var_os("BROWSER_TOOLS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/browser")));
    if folder.join("node_modules/axe-core").is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").is_err(), "{} has no packages, and CI is set", folder.display());
    eprintln!("SKIPPED: {} has no packages: .ci/tools browser", folder.display());
    None
}

/// A server in some state.
struct Shown {
    name: &'static str,
    site: Site,
    _server: Server,
}

impl Shown {
    /// Starts a server and brings it into a state, by which its headline says this.
    fn new(name: &'static str, site: Site, headline: &str, act: impl FnOnce(&Site)) -> Self {
        let server = site.start();
        act(&site);
        wait_until(headline, || {
            let _answered = server.resolves("www.example.com");
            let _answered = server.resolves("smplepod01ecs0.blob.core.windows.net");
            let verdict = &site.status()["verdict"];
            verdict["headline"].as_str().is_some_and(|said| said.contains(headline))
        });
        Self { name, site, _server: server }
    }

    /// Its name and the address of its page, which does not load again.
    fn page(&self) -> String {
        let status = self.site.status();
        let address = status["server"]["admin"][0].as_str().expect("an admin listener");
        format!("{}=http://{address}/?refresh=off", self.name)
    }
}

fn states(upstream: &Upstream) -> [Shown; 5] {
    let site = || Site::new().with_list(LIST, list(8)).with_config(ADMIN).with_upstream(upstream);
    [
        Shown::new("well", site(), "all well", |_| {}),
        Shown::new("held", site(), "wait for consent", |site| site.rename_list(LIST, list(2))),
        Shown::new("source-gone", site(), "fails", |site| std::fs::remove_file(site.list_path(LIST)).unwrap()),
        Shown::new("servfail", site().with_zone("broken.example", "@ IN SOA <b>\n"), "no good copy", |_| {}),
        Shown::new("upstream-down", Site::new().with_list(LIST, list(8)).with_config(ADMIN), "does not answer", |_| {}),
    ]
}

#[test]
#[ignore = "takes a browser: cargo xtask acceptance browser"]
fn the_status_page_is_right_in_a_browser_in_each_state() {
    let (Some(node), Some(chromium), Some(packages)) = (tool::find("node"), tool::find("chromium"), packages()) else {
        return;
    };
    let upstream = Upstream::serving("www.example.com. 60 A 192.0.2.1\n");
    let states = states(&upstream);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/page/look.mjs");
    let mut command = Command::new(node);
    command.arg(script).arg(chromium).args(states.iter().map(Shown::page)).env("BROWSER_TOOLS", packages);
    let (is_right, said) = tool::run(&mut command);
    println!("{said}");
    assert!(is_right, "{said}");
}
