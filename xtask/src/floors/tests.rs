//! The floors of this repository, and of made-up ones that break each rule.

use super::*;

fn wrong(file: &str, text: &str) -> Vec<String> {
    Module::new(Path::new(file), text).wrong_folders()
}

fn wrong_rooms(file: &str, text: &str) -> Vec<String> {
    Module::new(Path::new(file), text).wrong_rooms()
}

#[test]
fn this_house_keeps_to_its_floors() {
    check(&crate::root().join("src")).unwrap();
}

#[test]
fn an_edge_upwards_fails_with_file_and_line() {
    let found = wrong("zone/lookup.rs", "use crate::dns::Name;\nuse crate::server::response;\n");
    assert_eq!(found, ["src/zone/lookup.rs:2: 'zone' may not import 'server': imports go down only"]);
}

#[test]
fn an_edge_within_a_tree_or_a_path_fails_too() {
    assert_eq!(wrong("dns/name.rs", "use crate::{zone::Zone};").len(), 1);
    assert_eq!(wrong("sync/plan.rs", "fn f() { crate::config::load() }").len(), 1);
    assert_eq!(wrong("zone/store.rs", "use privatelink_dns::sync;").len(), 1);
}

#[test]
fn neighbours_on_a_floor_do_not_know_each_other() {
    assert_eq!(wrong("azure/names.rs", "use crate::zone::Zone;").len(), 1);
    assert_eq!(wrong("zone/mod.rs", "use crate::azure::geo;").len(), 1);
    assert_eq!(wrong("sync/mod.rs", "use crate::forward::Upstream;").len(), 1);
    assert_eq!(wrong("forward/mod.rs", "use crate::sync::Plan;").len(), 1);
}

#[test]
fn watch_and_telemetry_are_the_daemons_alone() {
    for module in ["watch", "telemetry"] {
        let text = format!("use crate::{module}::Settings;");
        assert_eq!(wrong("server/mod.rs", &text).len(), 1, "{module}");
        assert_eq!(wrong("cli.rs", &text).len(), 1, "{module}");
        assert_eq!(wrong("daemon.rs", &text), Vec::<String>::new(), "{module}");
        assert_eq!(wrong("config/mod.rs", &text), Vec::<String>::new(), "config makes every module's settings");
    }
}

#[test]
fn no_module_imports_config() {
    for file in ["dns/mod.rs", "zone/mod.rs", "sync/mod.rs", "forward/mod.rs", "server/mod.rs", "watch.rs"] {
        assert_eq!(wrong(file, "use crate::config::Config;").len(), 1, "{file}");
    }
}

#[test]
fn edges_downwards_and_within_a_module_pass() {
    let text = "use crate::dns::Name;\nuse crate::zone::ZoneSet;\nuse crate::sync::plan::Plan;\nuse crate::Thing;";
    assert_eq!(wrong("sync/apply.rs", text), Vec::<String>::new());
}

#[test]
fn a_module_without_a_floor_is_named() {
    assert!(wrong("attic/mod.rs", "")[0].contains("'attic' is on no floor"));
}

#[test]
fn a_room_imports_from_rooms_below_it_alone() {
    let up = wrong_rooms("forward/transport/socket.rs", "use crate::dns::Name;\nuse crate::forward::engine::Engine;");
    assert_eq!(
        up,
        [
            "src/forward/transport/socket.rs:2: 'forward::transport' may not import 'forward::engine': imports go down only"
        ]
    );
    assert_eq!(wrong_rooms("forward/scrub.rs", "use super::transport::tcp;").len(), 1, "sideways, and by super");
    assert_eq!(wrong_rooms("forward/engine/mod.rs", "use super::transport::tcp;"), Vec::<String>::new());
    assert_eq!(wrong_rooms("forward/engine/flight.rs", "use super::queue::Queue;"), Vec::<String>::new());
}

#[test]
fn a_room_takes_nothing_from_its_folder_itself() {
    let found = wrong_rooms("server/query/mod.rs", "use crate::server::Snapshot;");
    assert!(found[0].ends_with("take it from its room, not from 'server' itself"), "{found:?}");
}

#[test]
fn the_tests_of_a_room_may_import_any_room() {
    let text = "#[cfg(test)]\nmod tests { use crate::forward::resolver::Resolver; }";
    assert_eq!(wrong_rooms("forward/scrub.rs", text), Vec::<String>::new());
    assert_eq!(wrong_rooms("forward/scrub/tests.rs", "use crate::forward::engine;"), Vec::<String>::new());
}

#[test]
fn a_room_without_a_floor_is_named() {
    assert!(wrong_rooms("server/attic.rs", "")[0].contains("'server::attic' is on no floor"));
}

#[test]
fn files_that_import_one_another_are_a_circle_however_long_it_is() {
    let house = |files: &[(&str, &str)]| {
        circles(&files.iter().map(|(file, text)| Module::new(Path::new(file), text)).collect::<Vec<_>>())
    };
    let three = [
        ("zone/build.rs", "use super::check::Finding;"),
        ("zone/check.rs", "use crate::zone::layout::Layout;"),
        ("zone/layout.rs", "use super::build::Row;"),
        ("zone/set.rs", "use super::build::Row;"),
    ];
    let said = "src/zone/build.rs, src/zone/check.rs, src/zone/layout.rs: these files import one another in a circle";
    assert_eq!(house(&three), [said]);
    assert_eq!(house(&three[1..]), Vec::<String>::new());
    let family = [("zone/mod.rs", "use build::Row; fn f() {}"), ("zone/build.rs", "use super::Zone;")];
    assert_eq!(house(&family), Vec::<String>::new(), "a module and its own child");
    let cousins =
        [("a/x/mod.rs", "use crate::a::y::Y;"), ("a/y.rs", "use super::x::deep::D;"), ("a/x/deep.rs", "use super::X;")];
    assert_eq!(house(&cousins), Vec::<String>::new(), "what leads back only by way of a parent");
    let cousins = [("a/x/mod.rs", "use crate::a::y::Y;"), ("a/y.rs", "use super::x::X;")];
    assert_eq!(house(&cousins).len(), 1);
}
