//! What a client sends, on both roads.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::roads::hold(data));
