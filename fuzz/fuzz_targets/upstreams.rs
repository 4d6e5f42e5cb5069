//! The forwarder's decisions, played without sockets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::upstreams::hold(data));
