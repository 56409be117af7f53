//! Replays the fuzzers' committed corpora, so that what they once found stays found without a fuzzer.

#[path = "../fuzz/checks.rs"]
mod checks;
#[path = "../fuzz/pair.rs"]
mod pair;

use std::fs;
use std::path::PathBuf;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn datagrams() {
    replay("datagram", checks::datagram);
}

#[test]
fn handshakes() {
    replay("handshake", checks::handshake);
}

#[test]
fn messages() {
    replay("message", checks::message);
}

#[test]
fn events() {
    replay("event", checks::event);
}

#[test]
fn streams_in_pieces() {
    replay("recv_stream", checks::recv_stream);
}

#[test]
fn live_pairs() {
    replay("pair", pair::run);
}
