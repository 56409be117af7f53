//! Fuzzes `checks::recv_stream`.
#![no_main]

use udpchat_fuzz::checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::recv_stream(bytes));
