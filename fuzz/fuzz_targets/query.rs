//! A message from a client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::messages::query_holds(data));
