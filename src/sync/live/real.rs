//! The real world outside: HTTP by ureq, the machine's clock, environment, files and programs. A thin shell; it decides
//! nothing but the way a request takes.
//!
//! | road | scheme | proxy | connection | whole exchange |
//! |---|---|---|---|---|
//! | local | http, any host | never | 3 s | 10 s |
//! | cloud | https alone | `HTTPS_PROXY`, but for hosts in `NO_PROXY`; never `HTTP_PROXY` | 10 s | 30 s |

mod failure;
mod program;
mod proxy;

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::outside::{CallError, Outside, Reply, Request, Road};
use failure::Way;

/// Time for the connection and for the whole exchange.
const LOCAL_TIMES: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(10));
const CLOUD_TIMES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));

/// The end of a source: waits end and requests break off, in whatever thread they are.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    is_set: Mutex<bool>,
    changed: Condvar,
    agents: Mutex<Vec<Agent>>,
}

impl Stop {
    /// Ends everything that is under way, at once and for good.
    pub fn stop(&self) {
        *self.0.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
        for agent in self.0.agents.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            agent.shutdown();
        }
    }

    /// True if the source is to end.
    pub fn is_set(&self) -> bool {
        *self.0.is_set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits this long; false if the source is to end, at once.
    pub fn wait(&self, time: Duration) -> bool {
        let set = self.0.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.changed.wait_timeout_while(set, time, |set| !*set);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Has an agent shut down at the end.
    fn ends(&self, agent: &Agent) {
        self.0.agents.lock().unwrap_or_else(PoisonError::into_inner).push(agent.clone());
        if self.is_set() {
            self.stop();
        }
    }
}

/// The world outside of one live source.
pub struct Real {
    local: Agent,
    direct: Agent,
    /// The proxy, or why there can be none.
    proxied: Result<Option<Proxied>, String>,
    stop: Stop,
    begin: Instant,
}

struct Proxied {
    agent: Agent,
    /// `host:port`, without a login.
    shown: String,
    /// `NO_PROXY`.
    exempt: String,
}

impl Real {
    /// The world by this process's environment, until `stop`.
    pub fn new(stop: &Stop) -> Self {
        Self::with(stop, &variable)
    }

    fn with(stop: &Stop, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let either = |names: [&str; 2]| names.into_iter().find_map(variable);
        let proxied = either(["HTTPS_PROXY", "https_proxy"]).map(|text| proxy::parse(&text)).transpose();
        let proxied = proxied.map(|proxy| {
            proxy.map(|proxy| Proxied {
                shown: format!("{}:{}", proxy.host(), proxy.port()),
                agent: agent(stop, CLOUD_TIMES, Some(proxy)),
                exempt: either(["NO_PROXY", "no_proxy"]).unwrap_or_default(),
            })
        });
        Self {
            local: agent(stop, LOCAL_TIMES, None),
            direct: agent(stop, CLOUD_TIMES, None),
            proxied,
            stop: stop.clone(),
            begin: Instant::now(),
        }
    }

    /// The agent for a request, and the way that it takes.
    fn way(&self, request: &Request<'_>) -> Result<(&Agent, Way), CallError> {
        let unreachable = |text: String| Err(CallError::Unreachable(text));
        let Some((scheme, host, port)) = target(request.url) else {
            return unreachable("the address is no URL with a host".to_owned());
        };
        let way = |times, proxy| Way { host: host.clone(), port, proxy, times };
        match (request.road, scheme.as_str()) {
            (Road::Local, "http") => Ok((&self.local, way(LOCAL_TIMES, None))),
            (Road::Cloud, "https") => match &self.proxied {
                Ok(Some(by)) if !proxy::is_exempt(&by.exempt, &host, port) => {
                    Ok((&by.agent, way(CLOUD_TIMES, Some(by.shown.clone()))))
                }
                Err(text) => unreachable(text.clone()),
                Ok(_) => Ok((&self.direct, way(CLOUD_TIMES, None))),
            },
            (Road::Local, _) => {
                unreachable(format!("{host} is not asked: an identity endpoint is asked by http alone"))
            }
            (Road::Cloud, _) => unreachable(format!("{host} is not asked: a token travels by https alone")),
        }
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Scheme, host without brackets, and port of a URL.
fn target(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_owned();
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    (!host.is_empty()).then_some((scheme, host, port))
}

fn agent(stop: &Stop, (connect, whole): (Duration, Duration), proxy: Option<Proxy>) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy)
        .tls_config(tls)
        .timeout_connect(Some(connect))
        .timeout_global(Some(whole))
        .user_agent(concat!("privatelink-dns/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    stop.ends(&agent);
    agent
}

fn exchange(agent: &Agent, request: &Request<'_>) -> Result<Reply, ureq::Error> {
    let response = if let Some(form) = &request.form {
        let mut post = agent.post(request.url).content_type("application/x-www-form-urlencoded");
        for (name, value) in &request.headers {
            post = post.header(*name, value.reveal());
        }
        post.send(form.reveal())?
    } else {
        let mut get = agent.get(request.url);
        for (name, value) in &request.headers {
            get = get.header(*name, value.reveal());
        }
        get.call()?
    };
    whole(response, request.max_body)
}

fn whole(response: Response<Body>, max: u64) -> Result<Reply, ureq::Error> {
    let field = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (head, body) = response.into_parts();
    let headers = head.headers.iter().map(field).collect();
    let body = body.into_with_config().limit(max).read_to_vec()?;
    Ok(Reply { status: head.status.as_u16(), headers, body })
}

impl Outside for Real {
    fn send(&self, request: &Request<'_>) -> Result<Reply, CallError> {
        let (agent, way) = self.way(request)?;
        exchange(agent, request).map_err(|error| way.error(error))
    }

    fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    fn unix(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
    }

    fn wait(&self, time: Duration) -> bool {
        self.stop.wait(time)
    }

    fn random(&self) -> f64 {
        rand::random()
    }

    fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    fn read(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        crate::files::read(path, max).map(|(bytes, about)| (bytes, about.mode()))
    }

    fn read_itself(&self, path: &Path, max: u64) -> io::Result<(Vec<u8>, u32)> {
        crate::files::read_itself(path, max).map(|(bytes, about)| (bytes, about.mode()))
    }

    fn owner(&self, path: &Path) -> Option<u32> {
        std::fs::metadata(path).ok().map(|about| about.uid())
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn run(&self, program: &str, arguments: &[&str], time: Duration) -> io::Result<Vec<u8>> {
        program::run(program, arguments, time, &self.stop)
    }
}

#[cfg(test)]
mod tests;
