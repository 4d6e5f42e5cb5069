//! A scene: a folder, perhaps a server and its upstreams, and the names that a page has for what is real here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::azure::Azure;
use crate::support::server::Server;
use crate::support::site::{BINARY, Site};
use crate::support::upstream::Upstream;

/// What the commands of a page find when they are run.
pub(super) struct Scene {
    pub(super) site: Site,
    pub(super) server: Option<Server>,
    /// Another server beside it, and its site.
    pub(super) beside: Option<(Site, Server)>,
    pub(super) upstreams: Vec<Upstream>,
    /// What the commands find in their environment.
    pub(super) environment: Vec<(&'static str, PathBuf)>,
    /// The Azure that the commands find.
    pub(super) azure: Option<Azure>,
    /// A text of the test, and what the page calls it.
    pub(super) names: Vec<(String, String)>,
    /// Sockets that are held until the end.
    pub(super) _held: Vec<std::net::UdpSocket>,
}

impl Scene {
    /// A site, whose folder the page calls `/srv/dns`.
    pub(super) fn on(site: Site) -> Self {
        let folder = site.path("").canonicalize().unwrap();
        let folder = folder.to_str().unwrap().trim_end_matches('/').to_owned();
        let names = vec![(folder, "/srv/dns".to_owned())];
        Self {
            site,
            server: None,
            beside: None,
            upstreams: Vec::new(),
            environment: Vec::new(),
            azure: None,
            names,
            _held: Vec::new(),
        }
    }

    /// With an upstream that the page calls so.
    pub(super) fn asking(mut self, upstream: Upstream, known: &str) -> Self {
        self.call(upstream.address(), known);
        self.upstreams.push(upstream);
        self
    }

    pub(super) fn start(self) -> Self {
        let command = self.site.command("serve");
        self.start_by(command)
    }

    pub(super) fn start_by(mut self, command: Command) -> Self {
        self.serve(command);
        self
    }

    /// Starts the server, whose addresses the page calls `10.0.0.4:53` and `[fd00::4]:53`.
    fn serve(&mut self, mut command: Command) {
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        let server = Server::start(command);
        for (address, known) in server.addresses().iter().zip(["10.0.0.4:53", "[fd00::4]:53"]) {
            self.call(*address, known);
        }
        // What a clone's config has.
        self.names.push((format!("-p {}", server.address().port()), "-p 5300".to_owned()));
        self.server = Some(server);
    }

    pub(super) fn call(&mut self, address: SocketAddr, known: &str) {
        self.names.push((address.to_string(), known.to_owned()));
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("a server on this stage")
    }

    /// Runs a command of the page, and gives what it prints in the page's names. A `serve` starts the server, and goes
    /// on until the scene ends.
    pub(super) fn run(&mut self, command: &str) -> String {
        let mut line = command.replace("cargo run --release --", "privatelink-dns");
        if line == "privatelink-dns serve" {
            self.serve(self.site.command("serve"));
            return String::new();
        }
        for (real, known) in &self.names {
            line = line.replace(known, real);
        }
        let folder = Path::new(BINARY).parent().unwrap().to_str().unwrap();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{line} 2>&1")).current_dir(self.site.path("")).env("PATH", path);
        shell.env_remove("PRIVATELINK_DNS_CONFIG").env_remove("RUST_LOG");
        if let Some(azure) = &self.azure {
            azure.introduce(&mut shell);
        }
        let output = shell.envs(self.environment.iter().map(|(key, value)| (key, value))).output().unwrap();
        let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
        for (real, known) in &self.names {
            printed = printed.replace(real, known);
        }
        printed
    }
}
