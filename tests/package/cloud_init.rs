//! The user data of `deploy/azure`, run by cloud-init at the first boot of a container.
//!
//! In place of Azure: a seed on the disk brings the user data, a web server in the container the package, and a list the
//! endpoints. The words between two at signs are replaced as servers.json does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::container::Container;
use crate::machine::{LIST, NAMES, package};

/// cloud-init, what one of its packages needs and debootstrap does not find by itself, and what downloads the package.
const PACKAGES: &str = "cloud-init,python3-cffi-backend,curl";

/// The address of the server: the container has nothing but a loopback interface.
const ADDRESS: &str = "127.0.0.2";

/// The source that reads Azure, in the user data, and what is there in its place.
const AZURE: &str = "kind      = \"azure\"\n      scopes    = @endpointGroups@\n      client_id = \"@clientId@\"";
const LISTS: &str = "path      = \"/etc/privatelink-dns/endpoints/*\"";

const WEB: &str = "[Service]\nExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv 8000\n";

/// The user data with the values of a server.
fn user_data(sum: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/azure/cloud-init.yaml")).unwrap();
    assert!(text.contains(AZURE), "the user data has another source");
    let values = [
        (AZURE, LISTS),
        ("@address@", ADDRESS),
        ("@name@", "dns-1"),
        ("@cloud@", "public"),
        ("@geos@", "[\"we\"]"),
        ("@clientNetworks@", "[\"127.0.0.0/8\"]"),
        ("@endpointNetworks@", "[\"10.1.2.0/24\"]"),
        ("@forwardRules@", "[{ suffix = \"corp.example\", upstreams = [\"127.0.0.9\"] }]"),
        ("@cookieSecret@", "000102030405060708090a0b0c0d0e0f"),
        ("@packageUrl@", "http://127.0.0.1:8000/privatelink-dns.deb?sig=a%2Bb"),
        ("@packageSha256@", sum),
    ];
    values.into_iter().fold(text, |text, (word, value)| text.replace(word, value))
}

/// Boots for the first time, with a package of that sum expected, or of its own.
fn first_boot(sum: Option<&str>) -> Container {
    let file = package("PACKAGE");
    let said = Command::new("sha256sum").arg(&file).output().unwrap();
    let own = String::from_utf8(said.stdout).unwrap();
    let own = own.split_whitespace().next().unwrap();
    let container = Container::boot_with(PACKAGES, |root| {
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("var/lib/cloud/seed/nocloud/meta-data", "instance-id: first\n");
        write("var/lib/cloud/seed/nocloud/user-data", &user_data(sum.unwrap_or(own)));
        let rest = "datasource_list: [NoCloud, None]\nnetwork: {config: disabled}\nlocale: C.UTF-8\n";
        write("etc/cloud/cloud.cfg.d/99-test.cfg", rest);
        write("etc/privatelink-dns/endpoints/vault-we.txt", LIST);
        write("etc/systemd/system/web.service", WEB);
        symlink("../web.service", root.join("etc/systemd/system/multi-user.target.wants/web.service")).unwrap();
        fs::copy(&file, root.join("srv/privatelink-dns.deb")).unwrap();
    });
    println!("{}", container.run("cloud-init status --wait --long; tail -n 20 /var/log/cloud-init-output.log").text);
    container
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn the_user_data_for_azure_makes_a_server_that_answers() {
    let container = first_boot(None);
    container.succeed("cloud-init status --wait");
    assert_eq!(container.state(), "active");
    assert_eq!(container.dig(ADDRESS, NAMES[0]), "10.1.2.4");
    let ready =
        container.beside(&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.2:8053/ready"]);
    assert_eq!(ready.text, "200");
    let config = "/etc/privatelink-dns/privatelink-dns.toml";
    assert_eq!(container.succeed(&format!("stat -c %a:%U:%G {config}")).trim(), "640:root:privatelink-dns");
    let checked = container.verb(&format!("check --strict --config {config}"));
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    // The deployment runs it once more.
    assert!(container.succeed("privatelink-dns-setup").contains("the server is ready"));
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_package_with_another_sum_is_not_installed_and_the_script_says_so() {
    let container = first_boot(Some(&"0".repeat(64)));
    assert_ne!(container.run("cloud-init status --wait").code, Some(0));
    let again = container.run("privatelink-dns-setup");
    assert_eq!(again.code, Some(1));
    assert!(again.text.contains("privatelink-dns.deb: its SHA-256 is not packageSha256"), "{}", again.text);
    assert!(!again.text.contains("sig="), "{}", again.text);
    assert_ne!(container.run("command -v privatelink-dns").code, Some(0));
}
