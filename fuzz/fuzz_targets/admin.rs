//! Input of the admin and the probe listener.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::admin::hold(data));
