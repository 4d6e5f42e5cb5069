//! The site of the page: two servers of ours with its config, and the authority that signed their certificates.

use std::path::Path;

use tempfile::TempDir;

use crate::forwarders::page::block;
use crate::forwarders::world::{LIST, World};
use crate::support::tls::{Authority, NAME};

/// The folder of the certificates on the page, and the certificate of the authority.
const TLS: &str = "/etc/privatelink-dns/tls";
const AUTHORITY: &str = "/etc/ssl/certs/corp-ca.pem";

/// The address that the config of the page has.
const FIRST: &str = "10.0.0.4";

/// It ends with its value.
pub(crate) struct Stage {
    pub(crate) world: World,
    folder: TempDir,
}

/// The page.
pub(crate) fn page() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/encrypted.md");
    std::fs::read_to_string(file).unwrap()
}

impl Stage {
    /// Starts it with the config of a page.
    pub(crate) fn start(page: &str) -> Option<Self> {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let config = block(page, "toml");
        let world = World::start_with(|site, ip| {
            let tls = site.path("tls");
            std::fs::create_dir(&tls).unwrap();
            authority.sign(&[NAME, ip]).write(&tls.join("fullchain.pem"), &tls.join("privkey.pem"));
            site.write_list("a.txt", LIST);
            site.with_config(&config.replace(TLS, &tls.display().to_string()).replace(FIRST, ip))
        })?;
        // A client that sees no link but the loopback asks nobody.
        let link =
            "link add wire type veth peer name far,addr add 10.0.0.60/32 dev wire,link set wire up,link set far up";
        link.split(',').for_each(|arguments| world.host.ip(arguments));
        Some(Self { world, folder })
    }

    /// The file of the authority.
    pub(crate) fn authority(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// Clients that start from now on trust another authority.
    pub(crate) fn trust_another(&self) {
        std::fs::write(self.authority(), Authority::new().pem()).unwrap();
    }

    /// A block of a page with the files of this site.
    pub(crate) fn block(&self, page: &str, info: &str) -> String {
        block(page, info).replace(AUTHORITY, &self.authority())
    }

    /// The sum of a counter of both servers.
    pub(crate) fn counted(&self, name: &str) -> usize {
        self.world.sites.iter().map(|site| site.counted(name)).sum()
    }

    /// The queries that both servers have had by these transports.
    pub(crate) fn queries(&self, transports: &[&str]) -> usize {
        transports.iter().map(|transport| self.counted(&format!("{transport}_queries"))).sum()
    }
}
