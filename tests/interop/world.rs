//! The world in which the tools ask: one account of ours, one of somebody else's, and a real server between them.

use crate::support::server::Server;
use crate::support::site::Site;
use crate::support::upstream::Upstream;

const PUBLIC: &str = "
acct.blob.core.windows.net. 60 CNAME acct.privatelink.blob.core.windows.net.
acct.privatelink.blob.core.windows.net. 60 CNAME blob.ams09prdstr07a.store.core.windows.net.
blob.ams09prdstr07a.store.core.windows.net. 60 A 20.60.0.1
other.blob.core.windows.net. 60 CNAME other.privatelink.blob.core.windows.net.
other.privatelink.blob.core.windows.net. 60 CNAME blob.dub02prdstr01a.store.core.windows.net.
blob.dub02prdstr01a.store.core.windows.net. 60 A 20.60.2.2
www.example. 60 A 192.0.2.1
";

/// Our endpoints.
const LIST: &str = "10.1.0.5 acct.blob.core.windows.net\n10.1.0.6 acct.queue.core.windows.net\n\
                    10.1.0.8 4611686018427387904-ab-pod01-rec2.we.backup.windowsazure.com\n";

/// The server with its upstream; both end with it.
pub(crate) struct World {
    pub(crate) server: Server,
    _site: Site,
    _upstream: Upstream,
}

/// Starts it.
pub(crate) fn world() -> World {
    let upstream = Upstream::serving(PUBLIC);
    let site = Site::new().with_list("a.txt", LIST).with_upstream(&upstream);
    World { server: site.start(), _site: site, _upstream: upstream }
}
