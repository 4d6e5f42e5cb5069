//! A client's message, on the fast path and the full path.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::paths::hold(data));
