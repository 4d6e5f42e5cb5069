//! A question about a zone, from a peer or somebody else.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::transfers::hold(data));
