//! A message from an upstream.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::messages::reply_holds(data));
