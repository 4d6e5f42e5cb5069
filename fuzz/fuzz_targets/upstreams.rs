//! The decisions of the forwarding engine, without sockets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::upstreams::hold(data));
