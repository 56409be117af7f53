//! protocol.md against the code: its hex examples are what we make and read, its constants are ours.
//!
//! An example is a fenced block that opens with three backquotes and `hex name=...`; inside, white space means nothing and
//! `00*N` stands for N zero bytes.

mod events;
mod frames;
mod handshake;
mod messages;

use std::collections::BTreeMap;

const PROTOCOL: &str = include_str!("../../protocol.md");

/// The example blocks of protocol.md by name.
fn examples() -> BTreeMap<&'static str, Vec<u8>> {
    let mut examples = BTreeMap::new();
    let mut rest = PROTOCOL;
    while let Some((_, block)) = rest.split_once("```hex name=") {
        let (head, tail) = block.split_once("```").expect("an example block ends");
        let (name, text) = head.split_once('\n').expect("an example has a name and bytes");
        assert!(examples.insert(name.trim(), bytes(text)).is_none(), "{name} is there twice");
        rest = tail;
    }
    examples
}

fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix("00*") {
            Some(count) => bytes.resize(bytes.len() + count.parse::<usize>().expect("a count"), 0),
            None => bytes.extend(data_encoding::HEXLOWER.decode(word.as_bytes()).expect("lower-case hex")),
        }
    }
    bytes
}

/// Bytes as an example block writes them.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let padding = bytes.len() - end;
    let shown = if padding >= 32 { &bytes[..end] } else { bytes };
    let mut lines: Vec<String> = shown.chunks(32).map(|line| data_encoding::HEXLOWER.encode(line)).collect();
    if padding >= 32 {
        lines.push(format!("00*{padding}"));
    }
    lines.join("\n")
}

/// Holds an example against what the code makes; a difference is printed so that it can be pasted.
#[track_caller]
fn assert_example(name: &str, made: &[u8]) {
    let examples = examples();
    let written = examples.get(name).map(|bytes| text(bytes)).unwrap_or_default();
    assert!(written == text(made), "example {name} should be:\n```hex name={name}\n{}\n```", text(made));
}
