//! Challenges of the agent of Azure Arc.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::tokens::hold_challenge(data));
