//! A scripted Azure on 127.0.0.1: the identity endpoints of a machine over plain HTTP (IMDS of a VM, the agent of Arc,
//! App Service), and Entra and ARM over TLS, by a CA of its own. It serves an estate that the test changes, does what a
//! script of faults says, and keeps every request with its header fields, so that tests count what was sent and see
//! where a token went. What it answers is decided without a socket (`World::answer`); all ids are invented.

pub(crate) mod answers;
pub(crate) mod arm;
pub(crate) mod estate;
pub(crate) mod fault;
pub(crate) mod http;
pub(crate) mod identity;
pub(crate) mod proxy;
pub(crate) mod setting;
pub(crate) mod sockets;
pub(crate) mod tls;
pub(crate) mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use fault::Fault;
use sockets::Listener;
use world::{Seen, World};

/// The way on which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// Plain HTTP: what only this machine can ask.
    Local,
    /// TLS: Entra and ARM.
    Cloud,
    /// TLS with the same CA at another port: whoever a `nextLink` or a redirect leads to. No token may come here.
    Elsewhere,
}

/// The scripted Azure; it ends when it goes out of scope.
pub(crate) struct Azure {
    world: Arc<Mutex<World>>,
    local: Listener,
    cloud: Listener,
    elsewhere: Listener,
    dir: TempDir,
}

impl Azure {
    /// Starts one with an empty estate.
    pub(crate) fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// The same, with the identity endpoints at this address.
    pub(crate) fn start_at(local: SocketAddr) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let dir = TempDir::new().unwrap();
        let tls = tls::server(&dir.path().join("ca.pem"));
        let listener = |door| Listener::start(door, (Ipv4Addr::LOCALHOST, 0).into(), Some(Arc::clone(&tls)), &world);
        let (cloud, elsewhere) = (listener(Door::Cloud), listener(Door::Elsewhere));
        let local = Listener::start(Door::Local, local, None, &world);
        let azure = Self { world, local, cloud, elsewhere, dir };
        azure.world().arm = azure.arm();
        azure
    }

    /// Everything that it knows, to be looked at and changed; its connections wait meanwhile.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of ARM and of Entra.
    pub(crate) fn arm(&self) -> String {
        format!("https://{}", self.cloud.address())
    }

    /// The address of the identity endpoints.
    pub(crate) fn local(&self) -> String {
        format!("http://{}", self.local.address())
    }

    /// A host of somebody else.
    pub(crate) fn elsewhere(&self) -> String {
        format!("https://{}", self.elsewhere.address())
    }

    /// The PEM file of its CA, for `SSL_CERT_FILE`.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Adds a fault; of several that fit a request, the first one acts.
    pub(crate) fn fault(&self, fault: Fault) {
        self.world().faults.push(fault);
    }

    /// Takes all faults away, and ends replies that hang.
    pub(crate) fn heal(&self) {
        self.world().faults.clear();
        for listener in [&self.local, &self.cloud, &self.elsewhere] {
            listener.end_connections();
        }
    }

    /// ARM and Entra are away: connections are refused, and those that are open end. Nobody else gets the port.
    pub(crate) fn leave(&mut self) {
        self.cloud.close();
    }

    /// They are back, at the same address.
    pub(crate) fn come_back(&mut self) {
        self.cloud.open(&self.world);
    }

    /// The requests so far whose path and query hold this, without case.
    pub(crate) fn seen(&self, part: &str) -> Vec<Seen> {
        let part = part.to_ascii_lowercase();
        self.world().seen.iter().filter(|seen| seen.target.to_ascii_lowercase().contains(&part)).cloned().collect()
    }

    /// The number of these.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.seen(part).len()
    }

    /// Waits until that many more have come from now on.
    pub(crate) fn until_seen(&self, part: &str, more: usize) {
        let wanted = self.count(part) + more;
        super::wait_until(&format!("{wanted} requests for '{part}'"), || self.count(part) >= wanted);
    }

    /// Has a process trust it and find its IMDS; what the machine itself has of such variables is taken away.
    pub(crate) fn introduce(&self, command: &mut Command) {
        for name in setting::VARIABLES {
            command.env_remove(name);
        }
        command.env("SSL_CERT_FILE", self.ca()).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", self.local());
    }

    /// Panics if a token or a secret went where it must not: over plain HTTP, to another host, or to ARM's wrong face.
    pub(crate) fn kept_its_tokens(&self) {
        let world = self.world();
        for seen in &world.seen {
            let shown = seen.everything();
            let holds_token = world.secrets().any(|secret| shown.contains(secret));
            match seen.door {
                Door::Elsewhere => panic!("another host was asked: {seen:?}"),
                Door::Local => assert!(!holds_token, "a token went to the machine: {seen:?}"),
                Door::Cloud if seen.target.contains("/oauth2/") => {
                    assert!(seen.header("authorization").is_none(), "Entra got a token: {seen:?}");
                }
                Door::Cloud => assert!(!seen.target.contains("secret"), "{seen:?}"),
            }
        }
    }

    /// Panics if a text holds a token, a key or a secret.
    pub(crate) fn is_silent_about_secrets(&self, what: &str, text: &str) {
        let world = self.world();
        if let Some(secret) = world.secrets().find(|secret| text.contains(secret)) {
            panic!("{what} holds the secret '{secret}':\n{text}");
        }
    }
}
