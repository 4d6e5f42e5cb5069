//! Endpoint lists as YAML.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::lists::hold(privatelink_dns::sync::source::Format::Yaml, data));
