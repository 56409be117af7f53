//! Fuzzes `pair::run`.
#![no_main]

#[path = "../pair.rs"]
mod pair;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pair::run(bytes));
