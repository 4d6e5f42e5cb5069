//! Pages of collections from Azure Resource Manager, and their links.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::pages::hold(data));
