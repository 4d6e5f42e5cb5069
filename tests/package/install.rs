//! Installing, upgrading, downgrading, removing and purging.

use std::fs;

use crate::account::Account;
use crate::container::Container;
use crate::machine::{CONFIG, NAMES, differences};
use crate::upstream::{OTHER_TENANT, PUBLIC};

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_fresh_debian_answers_privately_on_port_53_and_has_a_green_page_after_one_apt_install() {
    let container = Container::boot();
    let mut account = Account::start();
    account.reached("a fresh Debian: apt install ./privatelink-dns.deb");
    println!("{}", container.install("PACKAGE"));
    account.reached("apt has ended");
    container.is_up();
    account.reached("systemctl is-active privatelink-dns: active");
    assert_eq!(container.succeed("systemctl is-enabled privatelink-dns").trim(), "enabled");
    println!("{}", container.verb("status").text);
    println!("{}", container.verb("doctor").text);
    container.give_list();
    account.reached(&format!("a list is in /etc/privatelink-dns/endpoints: dig {} says 10.1.2.4", NAMES[0]));
    let status = container
        .wait_for("a good status", |container| Some(container.verb("status")).filter(|status| status.code == Some(0)));
    account.reached("privatelink-dns status: exit code 0");
    println!("{}", status.text);
    let page = container.beside(&["curl", "-s", "http://127.0.0.1:9153/"]).text;
    assert!(page.contains("<header class=\"good\">"), "{page}");
    account.reached("http://127.0.0.1:9153/ is green");
    let public = "smplepod01ecs114.blob.core.windows.net";
    for (name, address) in [(public, "10.1.2.4"), OTHER_TENANT, PUBLIC] {
        assert_eq!(container.dig("127.0.0.1", name), address);
        account.reached(&format!("dig {name} says {address}"));
    }
    println!("{}", container.succeed("systemctl status privatelink-dns --no-pager"));
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn an_edited_config_lives_through_upgrade_and_downgrade_and_a_purge_leaves_nothing_of_the_package() {
    let container = Container::boot();
    let before = container.files();
    let resolv_conf = container.run("cat /etc/resolv.conf; ls -l /etc/resolv.conf").text;
    container.install("PACKAGE");
    container.is_up();
    container.give_list();
    container.edit_config("lameduck = \"12s\"", "lameduck = \"0s\"");
    let edited = fs::read_to_string(container.root().join(CONFIG)).unwrap();
    for variable in ["PACKAGE_NEXT", "PACKAGE"] {
        let said = container.install(variable);
        container.is_up();
        assert!(!said.contains("Configuration file"), "dpkg asks about the config: {said}");
        assert_eq!(fs::read_to_string(container.root().join(CONFIG)).unwrap(), edited);
        assert_eq!(container.dig("127.0.0.1", NAMES[0]), "10.1.2.4");
    }
    container.succeed("apt-get remove -y -qq privatelink-dns");
    assert_eq!(container.state(), "inactive");
    assert_eq!(container.dig("127.0.0.1", NAMES[0]), "");
    assert_eq!(fs::read_to_string(container.root().join(CONFIG)).unwrap(), edited, "a removal keeps the config");
    assert!(container.root().join("var/lib/privatelink-dns/zones").exists(), "a removal keeps the zones");
    container.install("PACKAGE");
    container.is_up();
    assert_eq!(container.dig("127.0.0.1", NAMES[0]), "10.1.2.4");
    container.succeed("apt-get purge -y -qq privatelink-dns");
    let list = "/etc/privatelink-dns/endpoints/vault-we.txt";
    let left = differences(&before, &container.files());
    println!("left after the purge: {left:?}");
    let allowed = ["/etc/privatelink-dns", "/etc/privatelink-dns/endpoints", list];
    assert!(left.iter().all(|path| allowed.contains(&path.as_str())), "{left:?}");
    assert_eq!(container.run("cat /etc/resolv.conf; ls -l /etc/resolv.conf").text, resolv_conf);
    assert_eq!(container.run("systemctl --failed --no-legend --plain").text.trim(), "");
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn an_upgrade_leaves_a_stopped_server_stopped_and_the_folder_of_lists_as_it_is() {
    let container = Container::with_package();
    container.succeed("systemctl stop privatelink-dns && chmod 0750 /etc/privatelink-dns/endpoints");
    container.install("PACKAGE_NEXT");
    assert_eq!(container.state(), "inactive");
    assert_eq!(container.succeed("stat -c %a /etc/privatelink-dns/endpoints").trim(), "750");
    container.succeed("systemctl start privatelink-dns");
    let pid = container.succeed("systemctl show -P MainPID privatelink-dns");
    fs::write(container.root().join(CONFIG), "").unwrap();
    let said = container.install("PACKAGE");
    assert!(said.contains("the former version goes on running"), "{said}");
    assert_eq!(
        container.succeed("systemctl show -P MainPID privatelink-dns"),
        pid,
        "an emptied config takes nothing down"
    );
    assert_ne!(container.run("systemctl restart privatelink-dns").code, Some(0));
    assert!(container.succeed("systemctl show -P StatusText privatelink-dns").contains("hosts no zone"));
}

#[test]
#[ignore = "boots containers: cargo xtask acceptance package"]
fn a_purge_follows_no_link_that_the_server_could_have_made() {
    let container = Container::with_package();
    container.succeed(
        "mkdir /srv/root && echo '; Written by privatelink-dns' > /srv/root/outside.zone && touch /srv/root/.hidden && \
         rm -rf /var/lib/privatelink-dns/zones /var/lib/privatelink-dns/state && \
         ln -s /srv/root /var/lib/privatelink-dns/zones && ln -s /srv/root /var/lib/privatelink-dns/state",
    );
    container.succeed("apt-get purge -y -qq privatelink-dns");
    assert_eq!(container.succeed("ls -A /srv/root"), ".hidden\noutside.zone\n");
}
