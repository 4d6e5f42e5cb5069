//! Zone files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::zones::hold(data));
