//! Lists that are made, damaged and read twice: by the product, and by a naive scan. The property tests and the fuzz
//! targets share them.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "who uses it takes a part, and stops at a breach")]

pub(crate) mod damage;
pub(crate) mod forms;
pub(crate) mod naive;
