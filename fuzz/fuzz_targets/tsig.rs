//! A query that is signed, and one that was changed since.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::signatures::hold(data));
