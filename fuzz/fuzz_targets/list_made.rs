//! Endpoint lists of every form, made from the fuzzer's octets and damaged.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold_made(data));
