//! The socket file, and who may take its place; what a request is.

use super::*;

#[test]
fn a_request_is_an_object() {
    assert_eq!(ControlRequest::read(b"{\"do\":\"status\"}\n").unwrap(), ControlRequest::Status);
    assert!(ControlRequest::read(b"[\"status\"]\n").is_err());
    assert!(ControlRequest::read(b"[\"flush\",\"no\"]\n").is_err());
}

#[test]
fn a_request_that_decides_something_needs_consent() {
    let right = |line: &str| ControlRequest::read(line.as_bytes()).unwrap().right();
    for line in [r#"{"do":"status"}"#, r#"{"do":"sync"}"#, r#"{"do":"flush","name":"x"}"#] {
        assert_eq!(right(line), Right::Ask, "{line}");
    }
    for line in [
        r#"{"do":"sync","approve":"x"}"#,
        r#"{"do":"sync","undo":true}"#,
        r#"{"do":"reload"}"#,
        r#"{"do":"freeze"}"#,
        r#"{"do":"freeze","reason":"x"}"#,
        r#"{"do":"thaw"}"#,
    ] {
        assert_eq!(right(line), Right::Consent, "{line}");
    }
}

#[test]
fn with_groups_everybody_may_connect_and_without_them_the_owner_alone() {
    let group = rights::Group { name: "admins".into(), gid: 7 };
    assert_eq!(mode(&Rights::default()), 0o600);
    assert_eq!(mode(&Rights { control: Some(group.clone()), approve: None }), 0o666);
    assert_eq!(mode(&Rights { control: None, approve: Some(group) }), 0o666);
}

#[test]
fn a_socket_of_a_dead_process_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the file outlives its process");
    clear(&path).unwrap();
}

#[test]
fn a_live_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let _live = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(matches!(clear(&path), Err(ControlError::Taken(_))));
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(clear(&path), Err(ControlError::InTheWay(_))));
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/s");
    let (listener, file) = bind(&path, mode(&Rights::default())).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    let task = tokio::spawn(async move { drop(listener) });
    drop(Control { path: path.clone(), inode: file.ino(), task });
    assert!(!path.exists());
    assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_listener_that_never_accepts_holds_up_nobody_and_keeps_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let deaf = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    deaf.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    deaf.listen(0).unwrap();
    // Fills the queue of those who wait to be accepted.
    let mut waiting = Vec::new();
    loop {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let connected = socket.connect(&SockAddr::unix(&path).unwrap());
        waiting.push(socket);
        if connected.is_err() {
            break;
        }
        assert!(waiting.len() < 10_000, "the queue never fills");
    }
    assert!(matches!(place(&path, &Rights::default()), Err(ControlError::Taken(_))));
}
