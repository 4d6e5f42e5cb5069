//! Files that are replaced as certbot, Kubernetes and administrators do it: an event leads to each new certificate, for
//! the interval of these servers is an hour.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::tls::{Encrypted, Signed, certificate};
use crate::support::wait_until;

/// Renewals of each server: the second begins where the first has led to.
const RENEWALS: usize = 3;

/// The folder of a server's certificate, which the config has as `tls/cert.pem` and `tls/key.pem`.
struct Place(Encrypted);

impl Place {
    fn path(&self, relative: &str) -> std::path::PathBuf {
        self.0.site.path(relative)
    }

    /// Writes a pair as files of this folder, which is made.
    fn write(&self, folder: &str, [cert, key]: [&str; 2], pair: &Signed) {
        fs::create_dir_all(self.path(folder)).unwrap();
        pair.write(&self.path(&format!("{folder}/{cert}")), &self.path(&format!("{folder}/{key}")));
    }

    /// Makes a link, in one step if there is one already.
    fn link(&self, link: &str, target: impl AsRef<Path>) {
        let link = self.path(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let fresh = link.with_file_name("link-to-be");
        symlink(target, &fresh).unwrap();
        fs::rename(fresh, link).unwrap();
    }
}

/// Starts a server with the first pair, and sees each further one served.
fn each_is_served(put: impl Fn(&Place, usize, &Signed)) {
    let mut world = Encrypted::new();
    world.site.add("[tls]\ncert = \"tls/cert.pem\"\nkey = \"tls/key.pem\"\n[sync]\ninterval = \"1h\"\n");
    let place = Place(world);
    put(&place, 0, &place.0.sign());
    let server = place.0.site.start();
    for number in 1..=RENEWALS {
        let new = place.0.sign();
        put(&place, number, &new);
        wait_until("the new certificate is served", || certificate(&place.0.connect(&server)) == new.octets());
    }
    wait_until("nothing is wrong", || place.0.problems().is_empty());
    server.stop();
}

const NAMES: [&str; 2] = ["cert.pem", "key.pem"];

#[test]
fn files_that_others_take_the_place_of_by_rename_are_read_by_the_event() {
    each_is_served(|place, _, pair| {
        place.write("fresh", NAMES, pair);
        fs::create_dir_all(place.path("tls")).unwrap();
        for name in NAMES {
            fs::rename(place.path("fresh").join(name), place.path("tls").join(name)).unwrap();
        }
    });
}

/// `tls/cert.pem -> live/x/fullchain.pem -> ../../archive/fullchain1.pem`; certbot replaces the second link, some time
/// after it wrote the file. So the file is in a folder that nobody has watched here.
#[test]
fn a_link_to_a_link_of_certbot_is_followed_by_the_event() {
    each_is_served(|place, number, pair| {
        let [cert, key] = ["fullchain", "privkey"].map(|name| format!("{name}{number}.pem"));
        place.write(&format!("archive/{number}"), [&cert, &key], pair);
        for (name, target) in [("fullchain.pem", cert), ("privkey.pem", key)] {
            // It removes the link, and makes it anew.
            let link = place.path("live/x").join(name);
            if number > 0 {
                fs::remove_file(&link).unwrap();
            }
            place.link(&format!("live/x/{name}"), format!("../../archive/{number}/{target}"));
        }
        if number == 0 {
            place.link("tls/cert.pem", place.path("live/x/fullchain.pem"));
            place.link("tls/key.pem", place.path("live/x/privkey.pem"));
        }
    });
}

/// The kubelet writes a new folder, and renames a new link over `..data`; the folder before is removed.
fn put_volume(place: &Place, volume: &str, [cert, key]: [&str; 2], (number, pair): (usize, &Signed)) {
    place.write(&format!("{volume}/..2026_{number}"), [cert, key], pair);
    place.link(&format!("{volume}/..data"), format!("..2026_{number}"));
    match number.checked_sub(1) {
        Some(before) => fs::remove_dir_all(place.path(&format!("{volume}/..2026_{before}"))).unwrap(),
        None => {
            for name in [cert, key] {
                place.link(&format!("{volume}/{name}"), format!("..data/{name}"));
            }
        }
    }
}

#[test]
fn a_secret_of_kubernetes_is_followed_when_its_data_link_is_renamed() {
    each_is_served(|place, number, pair| put_volume(place, "tls", NAMES, (number, pair)));
}

#[test]
fn a_link_into_a_secret_of_kubernetes_is_followed_too() {
    each_is_served(|place, number, pair| {
        put_volume(place, "secret", ["tls.crt", "tls.key"], (number, pair));
        if number == 0 {
            place.link("tls/cert.pem", "../secret/..data/tls.crt");
            place.link("tls/key.pem", "../secret/..data/tls.key");
        }
    });
}

/// The first renewal leads the link to another folder, and the others replace the files there.
#[test]
fn a_folder_that_is_a_link_is_followed_and_watched_where_it_leads() {
    each_is_served(|place, number, pair| {
        let folder = format!("tls-{}", number.min(1));
        place.write(&folder, NAMES, pair);
        if number < 2 {
            place.link("tls", folder);
        }
    });
}
