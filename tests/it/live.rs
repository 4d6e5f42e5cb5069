//! Changes are served because of the change itself, not of a look that was due, and at no moment does a right name
//! fail.
//!
//! Lists are looked at when something happens, once an interval, and when a name is missing. Here the interval is an
//! hour, and no test asks for a new name before the list that has it is in service: what is served, the event did. How
//! soon that is depends on the machine, so `cargo bench --bench change` says it.

use crate::support::client::ask;
use crate::support::prober::Prober;
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;
use crate::support::wait_until;

const KEPT: &str = "keep.privatelink.blob.core.windows.net";
const MOVED: &str = "move.privatelink.blob.core.windows.net";
const FRESH: &str = "fresh.privatelink.blob.core.windows.net";

const OLD: &str = "10.1.0.1 keep.blob.core.windows.net\n10.1.0.2 move.blob.core.windows.net\n";
const NEW: &str = "10.1.0.1 keep.blob.core.windows.net\n10.1.0.3 move.blob.core.windows.net\n\
                   10.1.0.4 fresh.blob.core.windows.net\n";

fn corp(address: &str) -> String {
    format!(
        "$ORIGIN corp.example.\n$TTL 300\n@ SOA ns.corp.example. admin.corp.example. 1 3600 300 86400 60\n@ NS ns\n\
         ns A 10.2.0.1\nkeep A 10.2.0.2\nmove A {address}\n"
    )
}

/// Nothing is looked at for its own sake; most of a list may change.
const EVENTS_ALONE: &str = "[sync]\ninterval = \"1h\"\nmiss_interval = \"1h\"\nmax_removed = \"100%\"";

/// An upstream that knows nothing and says so at once.
fn nothing_upstream() -> Upstream {
    Upstream::serving("")
}

/// Makes `change` while names that stay are asked for without a pause. The moved name is there before and after, so
/// that asking for it makes nobody look at the lists; once it is new, so is all else.
fn is_served_by_its_event(server: &Server, change: impl FnOnce()) {
    let kept = Prober::start(ask(KEPT, "A"), server.address(), &["10.1.0.1"]);
    let moved = Prober::start(ask(MOVED, "A"), server.address(), &["10.1.0.2", "10.1.0.3"]);
    change();
    server.until_resolves(MOVED, "10.1.0.3");
    assert_eq!(server.resolves(FRESH), ["10.1.0.4"], "one change of the list, one change of the zone");
    kept.all_were_right();
    moved.all_were_right();
}

#[test]
fn a_list_changed_in_place_is_served_by_its_event() {
    let upstream = nothing_upstream();
    let site = Site::new().with_upstream(&upstream).with_list("a.txt", OLD).with_config(EVENTS_ALONE);
    let server = site.start();
    is_served_by_its_event(&server, || site.write_list("a.txt", NEW));
    server.stop();
}

#[test]
fn a_list_replaced_by_rename_is_served_by_its_event() {
    let upstream = nothing_upstream();
    let site = Site::new().with_upstream(&upstream).with_list("a.txt", OLD).with_config(EVENTS_ALONE);
    let server = site.start();
    is_served_by_its_event(&server, || site.rename_list("a.txt", NEW));
    server.stop();
}

#[test]
fn a_swapped_kubernetes_volume_is_served_by_its_event() {
    let upstream = nothing_upstream();
    let site = Site::new()
        .with_upstream(&upstream)
        .with_config(EVENTS_ALONE)
        .with_config("[[sources]]\nname = \"volume\"\npath = \"volume/*.txt\"");
    site.swap_volume("volume", "2026_11_01", &[("a.txt", OLD)]);
    let server = site.start();
    is_served_by_its_event(&server, || site.swap_volume("volume", "2026_11_02", &[("a.txt", NEW)]));
    server.stop();
}

#[test]
fn a_new_file_that_matches_a_glob_is_served_by_its_event() {
    let upstream = nothing_upstream();
    let site = Site::new()
        .with_upstream(&upstream)
        .with_config(EVENTS_ALONE)
        .with_config("[[sources]]\nname = \"all\"\npath = \"config/endpoints/*.txt\"");
    site.write_list("a.txt", "10.1.0.1 keep.blob.core.windows.net\n");
    let server = site.start();
    let kept = Prober::start(ask(KEPT, "A"), server.address(), &["10.1.0.1"]);
    site.write_list("b.txt", "10.1.0.4 fresh.blob.core.windows.net\n");
    // Nobody has asked for it yet.
    wait_until("it is in the zone", || site.zone("privatelink.blob.core.windows.net").contains("fresh"));
    server.until_resolves(FRESH, "10.1.0.4");
    kept.all_were_right();
    server.stop();
}

#[test]
fn a_hand_written_zone_that_changes_is_served_by_its_event() {
    let site = Site::new().with_config(EVENTS_ALONE).with_zone("corp.example", &corp("10.2.0.3"));
    let server = site.start();
    let kept = Prober::start(ask("keep.corp.example", "A"), server.address(), &["10.2.0.2"]);
    site.write_zone("corp.example", &corp("10.2.0.4"));
    server.until_resolves("move.corp.example", "10.2.0.4");
    kept.all_were_right();
    server.stop();
}

#[test]
fn a_broken_hand_written_zone_keeps_its_last_good_contents_and_says_so() {
    let site = Site::new().with_zone("corp.example", &corp("10.2.0.3"));
    let server = site.start();
    let said = server.stderr().len();
    site.write_zone("corp.example", &corp("not-an-address"));
    server.until_says("corp.example.zone", said);
    assert_eq!(server.resolves("move.corp.example"), ["10.2.0.3"]);
    server.stop();
}

#[test]
fn a_new_source_in_the_config_is_served_after_a_reload() {
    let upstream = nothing_upstream();
    let mut site = Site::new().with_upstream(&upstream).with_list("a.txt", "10.1.0.1 keep.blob.core.windows.net\n");
    let server = site.start();
    let kept = Prober::start(ask(KEPT, "A"), server.address(), &["10.1.0.1"]);
    site.write_list("b.txt", "10.1.0.4 fresh.blob.core.windows.net\n");
    site.add("[[sources]]\nname = \"b\"\npath = \"config/endpoints/b.txt\"");
    server.reload();
    server.until_resolves(FRESH, "10.1.0.4");
    kept.all_were_right();
    server.stop();
}

#[test]
fn a_new_zone_setting_holds_after_a_reload() {
    let upstream = Upstream::serving("other.privatelink.blob.core.windows.net. 60 A 20.60.0.1");
    let mut site = Site::new().with_list("a.txt", OLD).with_upstream(&upstream);
    let server = site.start();
    let other = "other.privatelink.blob.core.windows.net";
    assert_eq!(server.resolves(other), ["20.60.0.1"]);
    site.add("[[zones]]\nname = \"privatelink.blob.core.windows.net\"\non_miss = \"nxdomain\"");
    server.reload();
    wait_until("a miss is NXDOMAIN", || server.ask(other, "A").rcode == "NXDOMAIN");
    server.stop();
}

#[test]
fn a_new_access_list_holds_after_a_reload() {
    let mut site = Site::new().with_list("a.txt", OLD);
    let server = site.start();
    let from = |last: u8| ask(KEPT, "A").from([127, 0, 0, last].into()).to(server.address()).rcode;
    assert_eq!(from(1), "NOERROR", "127.0.0.1");
    assert_eq!(from(9), "NOERROR", "127.0.0.9");
    site.add("[access]\nallow = [\"127.0.0.1/32\"]");
    server.reload();
    wait_until("127.0.0.9 is refused", || from(9) == "REFUSED");
    assert_eq!(from(1), "NOERROR");
    server.stop();
}

#[test]
fn new_forward_rules_hold_after_a_reload_whatever_is_cached() {
    let default = Upstream::serving("www.corp.example. 600 A 192.0.2.1");
    let corp = Upstream::serving("www.corp.example. 600 A 192.0.2.2");
    let mut site = Site::new().with_list("a.txt", OLD).with_upstream(&default);
    let server = site.start();
    assert_eq!(server.resolves("www.corp.example"), ["192.0.2.1"]);
    site.add(&format!("[[forward.rules]]\nsuffix = \"corp.example\"\nupstreams = [\"{}\"]", corp.address()));
    server.reload();
    server.until_resolves("www.corp.example", "192.0.2.2");
    server.stop();
}

#[test]
fn a_bad_new_config_leaves_the_old_one_running_and_says_why() {
    let site = Site::new().with_list("a.txt", OLD);
    let mut server = site.start();
    let kept = Prober::start(ask(KEPT, "A"), server.address(), &["10.1.0.1"]);
    let said = server.stderr().len();
    site.write_raw_config("lisssten = [\"127.0.0.1:0\"]\n");
    server.reload();
    server.until_says("lisssten", said);
    kept.all_were_right();
    assert!(server.runs());
    server.stop();
}

#[test]
fn a_question_for_a_missing_backup_name_makes_it_look_early() {
    let upstream = nothing_upstream();
    let site = Site::new()
        .with_upstream(&upstream)
        .with_list("a.txt", OLD)
        .with_config("[sync]\ninterval = \"1h\"\nmax_removed = \"100%\"");
    // A change through another name of the file, in a folder that nobody watches, raises no event here.
    let elsewhere = site.path("elsewhere.txt");
    std::fs::hard_link(site.list_path("a.txt"), &elsewhere).unwrap();
    let server = site.start();
    std::fs::write(&elsewhere, NEW).unwrap();
    server.until_resolves(FRESH, "10.1.0.4");
    server.stop();
}

/// Its own log, say: reading the config for each of its lines would write the next.
#[test]
fn a_file_beside_the_config_that_changes_is_no_reason_to_read_it_again() {
    let site = Site::new().with_list("a.txt", OLD).with_config("[sync]\nmax_removed = \"100%\"");
    let server = site.start();
    for address in ["10.1.0.3", "10.1.0.4", "10.1.0.5"] {
        std::fs::write(site.path("config/server.log"), address).unwrap();
        // File events come in order: once the list is served, the log's event is long past.
        site.write_list(
            "a.txt",
            format!("10.1.0.1 keep.blob.core.windows.net\n{address} move.blob.core.windows.net\n"),
        );
        server.until_resolves(MOVED, address);
    }
    assert!(!server.stderr().contains("config read"), "{}", server.stderr());
    server.stop();
}

/// A checkout puts back lists and zones together: the zone file changes under the pass that the list asks for, or after
/// it. Either way the records follow the list, and the serial that went back is said.
#[test]
fn a_checkout_of_lists_and_zone_files_together_ends_with_what_the_list_says() {
    const ZONE: &str = "privatelink.blob.core.windows.net";
    let upstream = nothing_upstream();
    let site = Site::new().with_upstream(&upstream).with_list("a.txt", OLD).with_config(EVENTS_ALONE);
    let server = site.start();
    let old_zone = site.zone(ZONE);
    site.write_list("a.txt", NEW);
    server.until_resolves(MOVED, "10.1.0.3");
    let said = server.stderr().len();
    site.write_zone(ZONE, &old_zone);
    site.rename_list("a.txt", OLD.replace("10.1.0.2", "10.1.0.7"));
    server.until_resolves(MOVED, "10.1.0.7");
    wait_until("a pass found nothing to do", || site.status()["verdict"]["level"] != "error");
    assert!(!site.zone(ZONE).contains("fresh"), "{}", site.zone(ZONE));
    server.until_says("the serial goes back from", said);
    server.stop();
}
