//! The head of a request of DNS over HTTPS.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::doh::hold(data));
