//! The names that exist, the right answer for each, and the judgement of an answer: the one place for both the
//! upstreams and the clients.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use domain::base::{Name, Rtype};

use crate::support::record::{Rr, dotted};
use crate::support::reply::Reply;
use crate::support::upstream::script::Draft;

/// The endpoint list's file.
pub(crate) const LIST: &str = "soak.txt";
/// Accounts of ours, and of others.
pub(crate) const ACCOUNTS: u32 = 500;
/// Names that are asked for often.
pub(crate) const POPULAR: u32 = 300;
/// Records in a large set.
const LARGE: u32 = 120;

/// The address that upstreams give for our accounts: no client may ever see it.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

/// A question by what makes it special.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A name in our zone.
    Ours(u32),
    /// The public name of one of ours: a chain into our zone.
    Chased(u32),
    /// The same, partitioned.
    Partitioned(u32),
    /// Another tenant's public name.
    Theirs(u32),
    /// A name of ours, and a type it does not have.
    NoType(u32),
    /// A name that our backup zone lacks.
    Gone(u64),
    /// A name that is asked for often.
    Popular(u32),
    /// A name that is asked for once.
    Fresh(u64),
    /// Likewise, and it does not exist.
    Missing(u64),
    /// A set too large for UDP.
    Large(u32),
}

/// The judgement of an answer.
pub(crate) enum Verdict {
    Right,
    /// The upstreams failed, and so there is none.
    Failed,
    Wrong(String),
}

/// The endpoint list; `version` adds a name of no account that is asked for, so that there is something to sync.
pub(crate) fn list(version: u64) -> String {
    let mut text = String::new();
    for n in 0..ACCOUNTS {
        // Writing to a String cannot fail.
        let _fits = writeln!(text, "{} acct{n}.z{}.blob.storage.azure.net", ours(n), n % 50);
    }
    text + &format!(
        "10.2.0.1 1-ab-pod01-rec2.we.backup.windowsazure.com\n{} version.blob.core.windows.net\n",
        self::version(version)
    )
}

/// The address by which a version of the list is known.
pub(crate) fn version(version: u64) -> Ipv4Addr {
    let [.., high, low] = version.to_be_bytes();
    Ipv4Addr::new(10, 9, high, low)
}

fn ours(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a01_0000 + n)
}

/// An address that only this name has.
fn derived(name: &str) -> Ipv4Addr {
    let hash = hash(name);
    Ipv4Addr::from(0xc612_0000 | u32::try_from(hash & 0x1_ffff).unwrap_or_default())
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    dotted(name)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn large(name: &str) -> Vec<Ipv4Addr> {
    (0..LARGE).map(|n| Ipv4Addr::from(u32::from(derived(name)) & 0xffff_ff00 | n)).collect()
}

impl Kind {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Ours(n) | Self::NoType(n) => format!("acct{n}.privatelink.blob.core.windows.net"),
            Self::Chased(n) => format!("acct{n}.blob.core.windows.net"),
            Self::Partitioned(n) => format!("acct{n}.z{}.blob.storage.azure.net", n % 50),
            Self::Theirs(n) => format!("other{n}.blob.core.windows.net"),
            Self::Gone(n) => format!("{n}-ab-pod01-rec2.privatelink.we.backup.windowsazure.com"),
            Self::Popular(n) => format!("popular{n}.example"),
            Self::Fresh(n) => format!("u{n:x}.fresh.example"),
            Self::Missing(n) => format!("u{n:x}.missing.example"),
            Self::Large(n) => format!("large{n}.example"),
        }
    }

    pub(crate) fn qtype(self) -> &'static str {
        if matches!(self, Self::NoType(_)) { "AAAA" } else { "A" }
    }

    /// Judges an answer.
    pub(crate) fn judge(self, reply: &Reply, faulted: &Faulted) -> Verdict {
        let name = self.name();
        let (rcode, addresses) = (reply.rcode.as_str(), reply.addresses());
        let is = |wanted: Ipv4Addr| rcode == "NOERROR" && addresses == [wanted.to_string()];
        let is_negative = |wanted: &str| rcode == wanted && addresses.is_empty() && reply.authority.len() == 1;
        let is_right = match self {
            Self::Ours(n) => is(ours(n)) && reply.flags.contains("aa"),
            Self::Chased(n) | Self::Partitioned(n) => is(ours(n)) && reply.answer.len() == 2,
            Self::NoType(_) => is_negative("NOERROR"),
            Self::Gone(_) | Self::Missing(_) => is_negative("NXDOMAIN"),
            Self::Theirs(_) => is(derived(&private_name(&dotted(&name)).unwrap())),
            Self::Popular(_) | Self::Fresh(_) => is(derived(&name)),
            Self::Large(_) => rcode == "NOERROR" && addresses.len() == large(&name).len() && has_all(&addresses, &name),
        };
        if is_right {
            return Verdict::Right;
        }
        let may_fail =
            matches!(self, Self::Theirs(_) | Self::Popular(_) | Self::Fresh(_) | Self::Missing(_) | Self::Large(_));
        let has_failed = matches!(rcode, "SERVFAIL" | "REFUSED") && addresses.is_empty();
        let asked = [Some(dotted(&name)), private_name(&dotted(&name))];
        let is_known = asked.iter().flatten().any(|name| faulted.contains(name));
        if may_fail && has_failed && is_known {
            return Verdict::Failed;
        }
        Verdict::Wrong(format!("{self:?} {name}\n{reply}"))
    }
}

fn has_all(addresses: &[String], name: &str) -> bool {
    let found: HashSet<&str> = addresses.iter().map(String::as_str).collect();
    large(name).iter().all(|address| found.contains(address.to_string().as_str()))
}

/// The reply of an upstream that does not fail.
pub(crate) fn draft(name: &str, qtype: Rtype) -> Draft {
    let mut draft = Draft::default();
    let name = dotted(name);
    if name.ends_with(".missing.example.") || name.contains(".loop-probe.") {
        draft.rcode = 3;
        draft.authority.push(soa());
    } else if qtype != Rtype::A {
        draft.authority.push(soa());
    } else if let Some(private) = private_name(&name) {
        if name != private {
            draft.answer.push(cname(&name, &private));
        }
        let store = "blob.ams09prdstr07a.store.core.windows.net.";
        let address = if name.starts_with("acct") { PUBLIC } else { derived(&private) };
        draft.answer.extend([cname(&private, store), a(store, 5, address)]);
    } else if name.starts_with("large") {
        draft.answer.extend(large(&name).into_iter().map(|address| a(&name, 5, address)));
    } else {
        draft.answer.push(a(&name, 5, derived(&name)));
    }
    draft
}

/// `acct1.blob.core.windows.net.` and `acct1.z1.blob.storage.azure.net.` have a private name, and that has itself.
fn private_name(name: &str) -> Option<String> {
    let (account, rest) = name.split_once('.')?;
    let is_public = rest.ends_with("blob.core.windows.net.") || rest.ends_with(".blob.storage.azure.net.");
    is_public.then(|| format!("{account}.privatelink.blob.core.windows.net."))
}

fn a(owner: &str, ttl: u32, address: Ipv4Addr) -> Rr {
    Rr { owner: owner.parse().unwrap(), rtype: Rtype::A, ttl, rdata: address.octets().to_vec() }
}

fn cname(owner: &str, target: &str) -> Rr {
    let target: Name<Vec<u8>> = target.parse().unwrap();
    Rr { owner: owner.parse().unwrap(), rtype: Rtype::CNAME, ttl: 5, rdata: target.as_slice().to_vec() }
}

fn soa() -> Rr {
    Rr::from_line(". 5 SOA ns.example. admin.example. 1 3600 300 86400 5").unwrap()
}

/// The names in which an upstream has failed: only for these may a client hear of a failure.
#[derive(Default)]
pub(crate) struct Faulted(Mutex<HashSet<u64>>);

impl Faulted {
    pub(crate) fn insert(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash(name));
    }

    fn contains(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash(name))
    }
}
