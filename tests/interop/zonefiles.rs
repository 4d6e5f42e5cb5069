//! The zone files we write are accepted by other people's checkers.

use std::process::Command;

use crate::support::site::Site;
use crate::tool::{find, run};

/// Our zones as a pass of `sync` writes them: name and file.
fn written() -> (Site, Vec<(String, std::path::PathBuf)>) {
    let list = "10.1.0.5 acct.blob.core.windows.net\nfd00::5 acct.blob.core.windows.net\n\
                10.1.0.6 acct.queue.core.windows.net\n\
                10.1.0.8 4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com\n";
    let site = Site::new().with_list("a.txt", list);
    site.sync();
    let apexes = [
        "privatelink.blob.core.windows.net",
        "privatelink.queue.core.windows.net",
        "privatelink.we.backup.windowsazure.com",
    ];
    let zones = apexes.map(|apex| (apex.to_owned(), site.path(&format!("zones/{apex}.zone")))).to_vec();
    (site, zones)
}

#[test]
fn named_checkzone_accepts_our_files() {
    let Some(tool) = find("named-checkzone") else { return };
    let (_site, zones) = written();
    for (apex, file) in zones {
        let (good, said) = run(Command::new(&tool).args(["-i", "local", "-k", "fail", &apex]).arg(&file));
        assert!(good, "{apex}: {said}");
        assert!(said.contains("OK"), "{apex}: {said}");
    }
}

#[test]
fn nsd_checkzone_accepts_our_files() {
    let Some(tool) = find("nsd-checkzone") else { return };
    let (_site, zones) = written();
    for (apex, file) in zones {
        let (good, said) = run(Command::new(&tool).arg(&apex).arg(&file));
        assert!(good, "{apex}: {said}");
    }
}

#[test]
fn kzonecheck_accepts_our_files() {
    let Some(tool) = find("kzonecheck") else { return };
    let (_site, zones) = written();
    for (apex, file) in zones {
        let (good, said) = run(Command::new(&tool).args(["-o", &apex]).arg(&file));
        assert!(good, "{apex}: {said}");
    }
}
