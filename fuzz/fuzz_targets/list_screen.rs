//! Endpoint lists as PowerShell's screens.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold(privatelink_dns::sync::source::Format::Screen, data));
