//! Endpoint lists in our own format.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold(privatelink_dns::sync::source::Format::Toml, data));
