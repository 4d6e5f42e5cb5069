//! A message to a server with a view, beside one that has the same records and no view.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::views::hold(data));
