//! Fuzzes `pair::run`.
#![no_main]

use udpchat_fuzz::pair;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pair::run(bytes));
