//! Endpoint lists as zone files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold(privatelink_dns::sync::source::Format::Zone, data));
