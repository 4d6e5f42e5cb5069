//! Endpoint lists as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold(privatelink_dns::sync::source::Format::Json, data));
