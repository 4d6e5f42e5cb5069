//! Forwarding loops: detected at once when an upstream is one of our own addresses, and by probes otherwise.
//!
//! A probe is a question for a random name that only we know. When it arrives as a client's question, the upstream it
//! was sent to leads back to us. In: names of questions, addresses. Out: whether a name is ours. Never: a false alarm
//! from a made-up name: the name holds two random numbers of 64 bits.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};

use rand::Rng;

use crate::dns::{Name, Rtype};
use crate::forward::question::Question;
use crate::forward::status::SharedUpstream;

/// Hex digits of a 64-bit number.
const DIGITS: usize = 16;

/// Length of the first label of a probe's name, as its length octet.
#[expect(clippy::cast_possible_truncation, reason = "32")]
pub const PROBE_LABEL: u8 = 2 * DIGITS as u8;

/// Whether a query sent to `upstream` comes straight back to a server that listens on `listen`.
pub fn would_loop(upstream: SocketAddr, listen: &[SocketAddr]) -> bool {
    let to = upstream.ip().to_canonical();
    listen.iter().any(|own| {
        let here = own.ip().to_canonical();
        own.port() == upstream.port()
            && (here == to || to.is_unspecified() || (here.is_unspecified() && to.is_loopback()))
    })
}

/// The state of all upstreams that is known outside the forwarding thread.
#[derive(Debug)]
pub(crate) struct LoopProbes {
    nonce: [u8; DIGITS],
    upstreams: RwLock<Vec<Arc<SharedUpstream>>>,
}

impl LoopProbes {
    pub(crate) fn new() -> Self {
        Self { nonce: hex(rand::rng().next_u64()), upstreams: RwLock::default() }
    }

    /// Sets the upstreams in use.
    pub(crate) fn set(&self, upstreams: Vec<Arc<SharedUpstream>>) {
        *self.upstreams.write().unwrap_or_else(PoisonError::into_inner) = upstreams;
    }

    pub(crate) fn all(&self) -> Vec<Arc<SharedUpstream>> {
        self.upstreams.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A question that only we ask; below `suffix`, so that a server that forwards that suffix to us forwards this too.
    pub(crate) fn probe(&self, upstream: &SharedUpstream, suffix: &Name) -> Option<Question> {
        let number = rand::rng().next_u64();
        upstream.probe_number.store(number, Relaxed);
        upstream.probe_seen.store(false, Relaxed);
        let name = suffix.prepend(&hex(rand::rng().next_u64())[..8])?.prepend(&[self.nonce, hex(number)].concat())?;
        Some(Question { name, rtype: Rtype::HINFO, dnssec_ok: false, checking_disabled: false, authentic_data: false })
    }

    /// Whether this QNAME (wire format, any case) is a probe of ours that has come back; marks the upstream it was sent
    /// to.
    pub(crate) fn is_probe(&self, qname: &[u8]) -> bool {
        let Some(label) = qname.get(1..=2 * DIGITS).filter(|_| usize::from(qname[0]) == 2 * DIGITS) else {
            return false;
        };
        if !label[..DIGITS].eq_ignore_ascii_case(&self.nonce) {
            return false;
        }
        for upstream in self.all() {
            if label[DIGITS..].eq_ignore_ascii_case(&hex(upstream.probe_number.load(Relaxed))) {
                upstream.probe_seen.store(true, Relaxed);
                if !upstream.looping.swap(true, Relaxed) {
                    upstream.counters.loops.one();
                    tracing::warn!(upstream = %upstream.address, "forwarding loop: the upstream asks this server; not used until that ends");
                }
            }
        }
        true
    }
}

fn hex(number: u64) -> [u8; DIGITS] {
    let mut shift = 64;
    [(); DIGITS].map(|()| {
        shift -= 4;
        b"0123456789abcdef"[usize::try_from(number >> shift & 0xf).unwrap_or_default()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_upstream_that_is_where_we_listen_is_a_loop() {
        let listen = [address("10.0.0.4:53"), address("[::]:5300")];
        assert!(would_loop(address("10.0.0.4:53"), &listen));
        assert!(would_loop(address("127.0.0.1:5300"), &listen));
        assert!(would_loop(address("[::ffff:10.0.0.4]:53"), &listen));
        assert!(!would_loop(address("10.0.0.4:5300"), &listen), "found by the probe, if it is one of our addresses");
        assert!(!would_loop(address("168.63.129.16:53"), &listen));
    }

    #[test]
    fn a_probe_that_comes_back_marks_its_upstream_and_no_other() {
        let directory = LoopProbes::new();
        let upstreams = ["10.0.0.1:53", "10.0.0.2:53"].map(|a| Arc::new(SharedUpstream::new(address(a))));
        directory.set(upstreams.to_vec());
        let suffix: Name = "corp.example".parse().unwrap();
        let probes = upstreams.each_ref().map(|u| directory.probe(u, &suffix).unwrap().name);
        assert!(probes[1].is_at_or_below(&suffix));
        assert!(!directory.is_probe(suffix.as_wire()) && !directory.is_probe(&[0]));
        assert!(directory.is_probe(&probes[1].as_wire().to_ascii_uppercase()));
        assert_eq!(upstreams.map(|u| u.looping.load(Relaxed)), [false, true]);
    }

    #[test]
    fn a_made_up_name_of_the_same_form_is_not_a_probe() {
        let name = Name::root().prepend(&[b'0'; 32]).unwrap();
        assert!(!LoopProbes::new().is_probe(name.as_wire()));
    }
}
