//! A restart under a service manager that keeps the sockets: no query is lost, and `listen` alone says where the server
//! listens.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::support::SOON;
use crate::support::client::{ask, framed, read_framed};
use crate::support::manager::{Manager, is_inherited};
use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::wait_until;

const LIST: &str = "10.1.0.1 acct.blob.core.windows.net\n";
const NAME: &str = "acct.privatelink.blob.core.windows.net";

/// Queries that wait for the next process.
const QUERIES: usize = 40;

/// A site at a port of its own, whose server ran under this manager and stopped.
fn stopped(manager: &Manager) -> (Site, SocketAddr) {
    let mut site = Site::new().with_list("a.txt", LIST).with_config("listen = [\"127.0.0.1:0\"]");
    let server = Server::start(manager.command(&site.command("serve")));
    let address = server.address();
    wait_until("the sockets are in the store", || manager.kept().iter().any(|kept| kept.starts_with("TCP")));
    server.stop();
    site.add(&format!("listen = [\"{address}\"]"));
    (site, address)
}

/// Sends this many queries, each from a socket of its own, so that they spread over the server's sockets.
fn send(count: usize, to: SocketAddr) -> Vec<UdpSocket> {
    let query = ask(NAME, "A").bytes();
    let one = |_| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.connect(to).unwrap();
        socket.send(&query).unwrap();
        socket
    };
    (0..count).map(one).collect()
}

fn answered(sockets: &[UdpSocket]) {
    for (number, socket) in sockets.iter().enumerate() {
        let mut reply = [0; 512];
        let length = socket.recv(&mut reply).unwrap_or_else(|error| panic!("query {number}: {error}"));
        assert!(reply[..length].windows(4).any(|part| part == [10, 1, 0, 1]), "query {number}");
    }
}

#[test]
fn queries_that_arrive_between_two_processes_are_answered_by_the_second() {
    let manager = Manager::new();
    let (site, address) = stopped(&manager);
    let waiting = send(QUERIES, address);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(&framed(&ask(NAME, "A").bytes())).unwrap();
    let kept = manager.kept();
    let server = Server::start(manager.command(&site.command("serve")));
    assert_eq!(server.addresses(), [address]);
    answered(&waiting);
    assert!(!read_framed(&mut stream).unwrap().is_empty());
    assert!(!is_inherited(server.pid(), 3), "programs that the server starts do not get its sockets");
    answered(&send(QUERIES, address));
    server.until_says(&format!("sockets={}", kept.len()), 0);
    assert_eq!(manager.kept(), kept, "the third process gets the same ones");
    let messages = manager.messages();
    let stores: Vec<&String> = messages.iter().filter(|message| message.contains("FDSTORE=1")).collect();
    assert!(stores.iter().all(|message| message.contains("FDPOLL=0\n")), "{stores:?}");
    server.stop();
}

#[test]
fn no_query_is_lost_while_one_process_follows_another() {
    let manager = Manager::new();
    let (site, address) = stopped(&manager);
    let first = Server::start(manager.command(&site.command("serve")));
    // All of them fit into the sockets, however long the second process takes on a busy machine.
    let sending = std::thread::spawn(move || {
        let pause = || std::thread::sleep(Duration::from_millis(2));
        (0..300).flat_map(|_| send(1, address).into_iter().inspect(|_| pause())).collect::<Vec<_>>()
    });
    first.stop();
    let second = Server::start(manager.command(&site.command("serve")));
    answered(&sending.join().unwrap());
    second.stop();
}

#[test]
fn a_kept_socket_that_listen_does_not_name_is_closed_everywhere() {
    let manager = Manager::new();
    let (mut site, before) = stopped(&manager);
    let now = SocketAddr::from(([127, 0, 0, 2], before.port()));
    site.add(&format!("listen = [\"{now}\"]"));
    let server = Server::start(manager.command(&site.command("serve")));
    assert_eq!(server.addresses(), [now]);
    answered(&send(QUERIES, now));
    assert!(manager.kept().iter().all(|kept| kept.ends_with(&now.to_string())), "{:?}", manager.kept());
    assert!(TcpStream::connect(before).is_err(), "nobody listens there");
    let socket = UdpSocket::bind(before);
    assert!(socket.is_ok(), "the port is free: {socket:?}");
    server.until_says(&format!("UDP {before}"), 0);
    server.stop();
}

#[test]
fn sockets_that_a_socket_unit_opened_are_adopted_where_listen_names_them() {
    let manager = Manager::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let (udp, other) = (UdpSocket::bind(address).unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    udp.set_nonblocking(true).unwrap();
    let unix = std::os::unix::net::UnixDatagram::unbound().unwrap();
    let site = Site::new().with_list("a.txt", LIST).with_config(&format!("listen = [\"{address}\"]"));
    let handed = vec![unix.into(), udp.into(), other.into(), tcp.into()];
    let server = Server::start(manager.command_with(&site.command("serve"), handed));
    answered(&send(QUERIES, address));
    assert_eq!(ask(NAME, "A").tcp().to(address).addresses(), ["10.1.0.1"]);
    server.until_says("sockets=2", 0);
    server.stop();
}

#[test]
fn a_store_that_is_too_small_is_said_with_the_cure() {
    let manager = Manager::new();
    let site = Site::new().with_list("a.txt", LIST);
    let mut command = manager.command(&site.command("serve"));
    let server = Server::start({
        command.env("FDSTORE", "1");
        command
    });
    server.until_says("set FileDescriptorStoreMax=", 0);
    assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn a_manager_that_is_gone_costs_a_warning_and_no_answer() {
    let site = Site::new().with_list("a.txt", LIST);
    let mut command = site.command("serve");
    command.env("NOTIFY_SOCKET", site.path("nobody"));
    let server = Server::start(command);
    server.until_says("cannot keep the sockets over a restart", 0);
    assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"]);
    server.stop();
}

#[test]
fn descriptors_of_another_process_and_numbers_without_sense_are_left_alone() {
    let site = Site::new().with_list("a.txt", LIST);
    let manager = Manager::new();
    for (pid, count) in [(None, "4000000000"), (None, "-1"), (None, "many"), (None, ""), (Some("1"), "2")] {
        let mut command = if pid.is_none() { manager.command(&site.command("serve")) } else { site.command("serve") };
        command.env("LISTEN_FDS", count).envs(pid.map(|pid| ("LISTEN_PID", pid)));
        let server = Server::start(command);
        assert_eq!(server.ask(NAME, "A").addresses(), ["10.1.0.1"], "{count}");
        assert!(!server.stop().contains("the service manager kept"), "{count}");
    }
}
