//! Fuzzes `checks::datagram`.
#![no_main]

use udpchat_fuzz::checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::datagram(bytes));
