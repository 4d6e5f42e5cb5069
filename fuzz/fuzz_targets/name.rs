//! Names as in endpoint lists.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::names::hold(data));
