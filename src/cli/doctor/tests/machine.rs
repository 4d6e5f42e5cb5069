//! Section 2.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{config_of, expect};
use crate::cli::doctor::Server;
use crate::cli::doctor::finding::{Finding, State};
use crate::cli::doctor::machine::check::check;
use crate::cli::doctor::machine::clock::Clock;
use crate::cli::doctor::machine::folders::Folder;
use crate::cli::doctor::machine::{Machine, System};
use crate::config::Config;
use crate::diag::{Diagnostic, Id, Place};
use crate::host::ports::Holder;
use crate::status::Status;
use crate::status::verdict::{Finding as StatusFinding, Level};

const PID: u32 = 4711;

fn config() -> Config {
    config_of("listen = [\"10.0.0.4:53\"]\n[backup]\ncloud = \"public\"\n[forward]\nupstreams = [\"system\"]")
}

/// A machine on which all is well.
fn machine() -> Machine {
    let folder = |key| Folder {
        key,
        path: PathBuf::from("/var/lib/privatelink-dns"),
        is_there: true,
        is_link: false,
        is_writable: true,
        other_owner: None,
        room: Some((10 << 30, 20 << 30)),
    };
    Machine {
        holders: vec![(at("10.0.0.4:53"), vec![holder("10.0.0.4:53", Some((PID, "privatelink-dns")))])],
        first_free_port: Some(1024),
        has_systemd: true,
        max_files: Some(524_288),
        timestamps: Some(false),
        clock: Clock { synchronised: Some(true), behind: None },
        resolvers: vec![at("168.63.129.16:53")],
        own: vec!["10.0.0.4".parse().unwrap()],
        folders: vec![folder("zone_dir"), folder("state_dir")],
        is_azure: Some(true),
        ..Machine::default()
    }
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn holder(address: &str, process: Option<(u32, &str)>) -> Holder {
    Holder { address: at(address), transport: "UDP", process: process.map(|(pid, name)| (pid, name.to_owned())) }
}

/// A server on which all is well.
fn status() -> Status {
    let mut status = Status::default();
    status.server.pid = PID;
    status.server.version = env!("CARGO_PKG_VERSION").to_owned();
    status.config.file = "/srv/dns/privatelink-dns.toml".to_owned();
    status.verdict.headline = "all well".to_owned();
    status
}

fn with(machine: &Machine) -> Vec<Finding> {
    check(machine, &config(), &Server::Runs(Box::new(status())))
}

fn without_server(machine: &Machine) -> Vec<Finding> {
    check(machine, &config(), &Server::Silent("no server is running with this config".to_owned()))
}

fn of_status(change: impl FnOnce(&mut Status)) -> Vec<Finding> {
    let mut status = status();
    change(&mut status);
    check(&machine(), &config(), &Server::Runs(Box::new(status)))
}

#[test]
fn a_machine_on_which_all_is_well_has_no_finding_worse_than_good() {
    let found = with(&machine());
    for number in 201..=213 {
        expect(&found, &format!("PD{number}"), State::Good, &[]);
    }
}

/// A config whose listeners need no right and are free, but for those that encrypt.
fn encrypted(dot: &str, doh: &str) -> Config {
    config_of(&format!(
        "listen = [\"127.0.0.1:5300\"]\n[backup]\n[tls]\ncert = \"c\"\nkey = \"k\"\n[dot]\nlisten = [\"{dot}\"]\n[doh]\n\
         listen = [\"{doh}\"]\n"
    ))
}

#[test]
fn the_ports_of_tls_and_https_are_looked_at_as_those_of_dns() {
    let silent = Server::Silent("no server is running with this config".to_owned());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let held = taken.local_addr().unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let over_udp = udp.local_addr().unwrap();
    let found = |config: &Config| {
        let machine = System::real(std::time::SystemTime::now()).look(config, &silent);
        let rights = Machine { first_free_port: Some(1024), may_bind: false, unit_may_bind: None, ..machine };
        check(&Machine { has_systemd: true, ..rights }, config, &silent)
    };
    for (dot, doh) in [(held, over_udp), (over_udp, held)] {
        let found = found(&encrypted(&dot.to_string(), &doh.to_string()));
        expect(&found, "PD201", State::Problem, &[&format!("{held} cannot be had"), "over TCP"]);
        let said = format!("{found:?}");
        assert!(!said.contains(&format!("{over_udp} cannot be had")), "who holds it over UDP is in nobody's way");
    }
    let found = found(&encrypted("198.51.100.1:853", "198.51.100.1:443"));
    expect(&found, "PD202", State::Problem, &["198.51.100.1:853, 198.51.100.1:443", "AmbientCapabilities"]);
    expect(&found, "PD213", State::Warning, &["198.51.100.1:853, 198.51.100.1:443", "no address of this machine"]);
}

#[test]
fn the_holder_of_the_port_is_named_with_its_cures() {
    let held = |process| {
        let holders = vec![(at("0.0.0.0:53"), vec![holder("127.0.0.53:53", process)])];
        without_server(&Machine { holders, ..machine() })
    };
    let stub = held(Some((601, "systemd-resolve")));
    let cures =
        ["'systemd-resolve' (process 601) has 127.0.0.53:53", "DNSStubListener=no", "listen = [\"10.0.0.4:53\"]"];
    expect(&stub, "PD201", State::Problem, &cures);
    expect(&held(Some((77, "dnsmasq"))), "PD201", State::Problem, &["'dnsmasq' (process 77)", "systemctl status 77"]);
    expect(&held(Some((78, "privatelink-dns"))), "PD201", State::Problem, &["another privatelink-dns"]);
    expect(&held(None), "PD201", State::Problem, &["systemd-resolved has 127.0.0.53:53", "DNSStubListener=no"]);
    let holders = vec![(at("10.0.0.4:53"), vec![holder("0.0.0.0:53", None)])];
    let hidden = without_server(&Machine { holders, ..machine() });
    expect(&hidden, "PD201", State::Problem, &["another user's process", "ss -lunpt"]);
    let free = Machine { holders: vec![(at("10.0.0.4:53"), Vec::new())], ..machine() };
    expect(&without_server(&free), "PD201", State::Good, &["10.0.0.4:53 free"]);
}

#[test]
fn a_listen_address_that_the_machine_lacks_is_named() {
    let absent = Machine { absent: vec![at("10.0.0.4:53")], ..machine() };
    expect(&with(&absent), "PD213", State::Warning, &["10.0.0.4:53", "ip address", "correct 'listen'"]);
}

#[test]
fn a_low_port_needs_the_right_to_bind_it() {
    expect(&without_server(&machine()), "PD202", State::Problem, &["10.0.0.4:53", "AmbientCapabilities"]);
    let container = Machine { has_systemd: false, ..machine() };
    expect(&without_server(&container), "PD202", State::Problem, &["the capability NET_BIND_SERVICE"]);
    for machine in [
        Machine { may_bind: true, ..machine() },
        Machine { unit_may_bind: Some(true), ..machine() },
        Machine { first_free_port: Some(53), ..machine() },
    ] {
        expect(&without_server(&machine), "PD202", State::Good, &[]);
    }
}

#[test]
fn limits_time_stamps_and_clock_come_with_their_commands() {
    let few = Machine { max_files: Some(1024), ..machine() };
    expect(&with(&few), "PD203", State::Warning, &["1024 allowed", "4000", "LimitNOFILE=4200"]);
    let container = Machine { has_systemd: false, ..few };
    expect(&with(&container), "PD203", State::Warning, &["--ulimit nofile=4200"]);
    expect(&with(&Machine { max_files: None, ..machine() }), "PD203", State::Skipped, &[]);
    let on = Machine { timestamps: Some(true), ..machine() };
    expect(&with(&on), "PD204", State::Warning, &["sysctl -w net.ipv4.tcp_timestamps=0"]);
    expect(&with(&Machine { is_azure: None, ..on }), "PD204", State::Good, &[]);
    let clock = |synchronised, behind| with(&Machine { clock: Clock { synchronised, behind }, ..machine() });
    expect(&clock(Some(false), None), "PD205", State::Warning, &["no time server keeps it"]);
    expect(&clock(None, None), "PD205", State::Good, &[]);
    let file = ("/zones/a.zone".into(), Duration::from_hours(2));
    expect(&clock(Some(true), Some(file)), "PD205", State::Problem, &["/zones/a.zone was written 2h in the future"]);
}

#[test]
fn a_network_whose_dns_is_this_server_itself_is_found() {
    let itself = Machine { resolvers: vec![at("10.0.0.4:53")], ..machine() };
    expect(&with(&itself), "PD206", State::Problem, &["10.0.0.4:53 is this server itself", "168.63.129.16"]);
    let stub = Machine { resolvers: vec![at("127.0.0.53:53")], behind_stub: vec![at("10.0.0.4:53")], ..machine() };
    expect(&with(&stub), "PD206", State::Problem, &["10.0.0.4:53 is this server itself"]);
    let fixed = config_of("listen = [\"10.0.0.4:53\"]\n[forward]\nupstreams = [\"168.63.129.16\"]");
    expect(&check(&itself, &fixed, &Server::NoSocket), "PD206", State::Good, &["which forwards elsewhere"]);
}

#[test]
fn folders_that_the_server_cannot_write_and_full_disks_are_problems() {
    let with_folder = |change: fn(&mut Folder)| {
        let mut machine = machine();
        change(&mut machine.folders[0]);
        with(&machine)
    };
    expect(&with_folder(|folder| folder.is_writable = false), "PD207", State::Problem, &["zone_dir /var/lib"]);
    expect(&with_folder(|folder| folder.is_there = false), "PD207", State::Problem, &["mkdir -p"]);
    expect(
        &with_folder(|folder| folder.is_link = true),
        "PD207",
        State::Problem,
        &["is a symbolic link", "mv /var/lib"],
    );
    let other = with_folder(|folder| folder.other_owner = Some((0, 998)));
    expect(&other, "PD207", State::Problem, &["belongs to user 0, but the server runs as user 998", "chown -R 998"]);
    expect(
        &with_folder(|folder| folder.room = Some((0, 1 << 30))),
        "PD208",
        State::Problem,
        &["0 octets left", "df -h"],
    );
    expect(&with_folder(|folder| folder.room = Some((50 << 20, 1 << 30))), "PD208", State::Warning, &["50 MB left"]);
}

#[test]
fn a_server_that_is_not_there_or_runs_with_another_config_is_told() {
    let found = without_server(&machine());
    expect(&found, "PD209", State::Problem, &["no server is running", "systemctl start privatelink-dns"]);
    expect(&found, "PD210", State::Skipped, &[]);
    let off = check(&machine(), &config(), &Server::NoSocket);
    expect(&off, "PD209", State::Skipped, &["control = \"off\""]);
    let other = of_status(|status| status.config.file = "/other.toml".to_owned());
    expect(&other, "PD210", State::Problem, &["runs with another config, /other.toml"]);
    let problem = || Diagnostic::error(Id::CONFIG_SYNTAX, Place::line("c.toml", 3), "is not TOML");
    let broken = of_status(|status| status.config.problems = vec![problem()]);
    expect(&broken, "PD210", State::Problem, &["the newest config is not in service: c.toml:3", "check"]);
    let waits = of_status(|status| status.config.waits_for_restart = vec![problem()]);
    expect(&waits, "PD210", State::Warning, &["systemctl restart"]);
    let silent = Server::Silent("no server is running with this config".to_owned());
    let container = Machine { has_systemd: false, ..machine() };
    let found = check(&container, &config(), &silent);
    expect(&found, "PD209", State::Problem, &["look at the log of the server"]);
}

#[test]
fn the_user_of_the_server_is_that_of_its_process_and_not_the_owner_of_its_folder_in_proc() {
    let status = format!("proc/{PID}/status");
    let root = root(&[(&*status, "Name:\tx\nUid:\t65532\t65533\t65532\t65532\n"), ("zones/x", "")]);
    let zones = root.path().join("zones");
    let (config, _) = Config::parse(&root.path().join("c.toml"), &format!("zone_dir = {zones:?}"));
    let server = Server::Runs(Box::new(self::status()));
    let found = System { root: root.path().to_owned(), now: SystemTime::now() }.look(&config, &server);
    assert_eq!(found.folders[0].other_owner.map(|(_, user)| user), Some(65_533), "{found:#?}");
}

#[test]
fn the_folder_of_a_view_is_looked_at_once_it_is_there_and_may_be_no_link() {
    let root = root(&[("zones/spoke-a/x", "")]);
    let zones = root.path().join("zones");
    std::os::unix::fs::symlink("/tmp", zones.join("spoke-b")).unwrap();
    let views =
        ["spoke-a", "spoke-b", "spoke-c"].map(|name| format!("[[views]]\nname = \"{name}\"\nlisten = [\"[::1]:53\"]"));
    let text = format!("zone_dir = {zones:?}\n{}", views.join("\n"));
    let (config, _) = Config::parse(&root.path().join("c.toml"), &text);
    let found = System { root: root.path().to_owned(), now: SystemTime::now() }.look(&config, &Server::NoSocket);
    let shown: Vec<(&str, bool)> = found.folders[2..]
        .iter()
        .map(|folder| (folder.path.file_name().unwrap().to_str().unwrap(), folder.is_link))
        .collect();
    assert_eq!(shown, [("spoke-a", false), ("spoke-b", true)]);
}

#[test]
fn a_user_who_may_not_ask_the_server_is_sent_to_root_and_nothing_is_called_wrong() {
    let holders = vec![(at("10.0.0.4:53"), vec![holder("10.0.0.4:53", None)])];
    let mut machine = Machine { holders, ..machine() };
    machine.folders[0].is_writable = false;
    let found = check(&machine, &config(), &Server::Shut("the server refused the connection".to_owned()));
    expect(&found, "PD209", State::Warning, &["refused the connection", "sudo privatelink-dns doctor"]);
    expect(&found, "PD201", State::Skipped, &["perhaps the server"]);
    expect(&found, "PD207", State::Skipped, &["run doctor as root"]);
    expect(&found, "PD212", State::Skipped, &[]);
}

#[test]
fn another_version_and_the_server_s_own_verdict_are_shown() {
    let old = of_status(|status| status.server.version = "0.0.1".to_owned());
    expect(&old, "PD211", State::Warning, &["the server is 0.0.1", "systemctl restart"]);
    for (level, state) in [(Level::Warning, State::Warning), (Level::Error, State::Problem)] {
        let found = of_status(|status| {
            status.verdict.level = level;
            let (text, help) = ("upstream 10.0.0.1 does not answer", "check that it runs");
            let finding = StatusFinding { level, text: text.to_owned(), what_to_do: Some(help.to_owned()) };
            status.verdict.findings = vec![finding];
        });
        expect(&found, "PD212", state, &["upstream 10.0.0.1 does not answer", "check that it runs"]);
    }
}

/// A folder that stands for `/`, with these files.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn the_system_is_read_below_one_folder() {
    let root = root(&[
        ("proc/sys/net/ipv4/ip_unprivileged_port_start", "53\n"),
        ("proc/sys/net/ipv4/tcp_timestamps", "1\n"),
        ("proc/self/status", "Name:\tx\nCapPrm:\t0000000000000400\n"),
        ("proc/self/limits", "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024  524288  files\n"),
        ("etc/resolv.conf", "nameserver 10.0.0.4\n"),
        ("run/systemd/resolve/resolv.conf", "nameserver 10.0.0.5\n"),
        ("sys/class/dmi/id/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n"),
        ("lib/systemd/system/privatelink-dns.service", "[Service]\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"),
        (
            "proc/self/net/udp",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n \
             501: 0400000A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 21345 2 0 0\n",
        ),
        ("proc/601/comm", "systemd-resolve\n"),
    ]);
    std::fs::create_dir_all(root.path().join("proc/601/fd")).unwrap();
    std::os::unix::fs::symlink("socket:[21345]", root.path().join("proc/601/fd/12")).unwrap();
    let system = System { root: root.path().to_owned(), now: SystemTime::now() };
    let found = system.look(&config(), &Server::NoSocket);
    assert_eq!((found.first_free_port, found.timestamps, found.may_bind), (Some(53), Some(true), true));
    assert_eq!((found.max_files, found.unit_may_bind, found.is_azure), (Some(1024), Some(true), Some(true)));
    assert_eq!((found.resolvers, found.behind_stub), (vec![at("10.0.0.4:53")], vec![at("10.0.0.5:53")]));
    if cfg!(target_endian = "little") {
        let expected = vec![holder("10.0.0.4:53", Some((601, "systemd-resolve")))];
        assert_eq!(found.holders, [(at("10.0.0.4:53"), expected)]);
    }
}

#[test]
fn files_from_the_future_show_that_the_clock_is_behind() {
    let root = root(&[("zones/privatelink.blob.core.windows.net.zone", "")]);
    let file = root.path().join("c.toml");
    let (config, _) = Config::parse(&file, "[backup]\ncloud = \"public\"");
    let now = SystemTime::now();
    let clock = |now| System { root: PathBuf::from("/"), now }.look(&config, &Server::NoSocket).clock.behind;
    assert_eq!(clock(now + Duration::from_hours(1)), None);
    let (path, ahead) = clock(now - Duration::from_hours(1)).unwrap();
    assert!(ahead > Duration::from_mins(55), "{ahead:?}");
    assert_ne!(path, Path::new(""));
}
