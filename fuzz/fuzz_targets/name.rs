//! Names as lists have them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::names::hold(data));
