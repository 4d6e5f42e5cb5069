//! Replies of the places that give tokens.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::tokens::hold_reply(data));
