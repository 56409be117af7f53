//! Holds the house against its own plan: which floor may use which, and where each outside crate lives.
//!
//! The table is the one in README.md, "Where things are". A new arrow is a decision, and this is where it is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may use of ours. A room that is not listed does not exist.
const FLOORS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("crypto", &["wire"]),
    ("message", &[]),
    ("socket", &[]),
    ("worker", &[]),
    ("logging", &[]),
    ("planted", &[]),
    ("transport", &["wire", "crypto"]),
    ("store", &["message"]),
    ("chaos", &["crypto", "transport"]),
    ("chat", &["store", "message"]),
    ("auth", &["worker"]),
    ("server", &["wire", "crypto", "message", "transport", "store", "chat", "auth", "worker", "socket", "chaos"]),
    ("client", &["wire", "crypto", "message", "transport", "socket", "chaos"]),
    ("cli", &["client", "message", "logging"]),
];

/// Rooms whose door to the outside only one file of another floor opens.
const DOORS: &[(&str, &[&str])] = &[("socket", &["event_loop.rs"])];

/// The home of each outside crate: the rooms, or single files, that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("argon2", &["auth"]),
    ("bincode", &["message/codec.rs"]),
    ("blake2", &["crypto", "message", "chat"]),
    ("caseless", &["message"]),
    ("clap", &["cli", "bin"]),
    ("crc32fast", &["wire"]),
    ("data_encoding", &["crypto", "message", "auth", "client"]),
    ("getrandom", &["crypto"]),
    ("mio", &["socket", "server/event_loop.rs", "client/event_loop.rs", "client/load/event_loop.rs"]),
    ("nix", &["socket", "store", "client", "crypto", "cli"]),
    ("percent_encoding", &["client"]),
    ("rand_chacha", &["crypto"]),
    ("ring", &["crypto"]),
    ("rusqlite", &["store", "client"]),
    ("rustyline", &["cli"]),
    ("serde", &["message", "server/config.rs", "client", "cli"]),
    ("serde_json", &["cli"]),
    ("signal_hook", &["server/event_loop.rs", "cli", "client"]),
    ("siphasher", &["crypto", "transport"]),
    ("snow", &["crypto"]),
    ("strsim", &["server/config.rs", "cli"]),
    ("subtle", &["crypto", "transport"]),
    ("thiserror", &["wire", "crypto", "message", "transport", "store", "server", "client", "cli", "chaos"]),
    ("time", &["cli"]),
    ("toml", &["server/config.rs", "client"]),
    ("tracing", &["transport", "store", "server", "client", "logging.rs", "bin"]),
    ("tracing_subscriber", &["logging.rs"]),
    ("unicode_normalization", &["message"]),
    ("unicode_security", &["message"]),
    ("zeroize", &["crypto", "message", "auth", "transport", "client", "cli"]),
];

/// Files that may meet the clock, threads and sockets.
const MEETING_PLACES: &[&str] =
    &["event_loop.rs", "worker.rs", "server/ledger.rs", "server/config.rs", "socket/", "auth/pool.rs", "cli/", "bin/"];

/// Above this many lines a file holds more than one noun.
const FILE_LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file by its path below src, with comments and the tests at its bottom left out.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (name, code.join("\n"))
    };
    files.into_iter().map(read).filter(|(name, _)| !name.ends_with("tests.rs")).collect()
}

fn room_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The first word after each occurrence of `crate::`, or each word of a `{…}` list there.
fn rooms_used(code: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut words = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{').and_then(|list| list.split('}').next()) {
            Some(list) => words.extend(list.split(',').map(|item| word(item.trim()))),
            None => words.push(word(rest)),
        }
    }
    words
}

fn is_path_used(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with("::")
    })
}

#[test]
fn arrows_point_down_only() {
    let floors: BTreeMap<&str, &[&str]> = FLOORS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let room = room_of(&file);
        if room == "lib" || room == "bin" {
            continue;
        }
        let Some(allowed) = floors.get(room) else {
            wrong.push(format!("{file}: the room {room} is not in the plan"));
            continue;
        };
        for used in rooms_used(&code) {
            if used != room && floors.contains_key(used.as_str()) && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{file}: {room} may not use {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn doors_to_the_outside_are_opened_in_one_file() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (door, files) in DOORS {
            let is_open = rooms_used(&code).iter().any(|used| used == door);
            if is_open && room_of(&file) != *door && !files.iter().any(|allowed| file.ends_with(allowed)) {
                wrong.push(format!("{file}: only {files:?} may use {door}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn clocks_threads_and_sockets_are_met_in_named_files_only() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for met in ["Instant::now", "SystemTime::now", "thread::spawn", "thread::Builder", "UdpSocket"] {
            if code.contains(met) && !MEETING_PLACES.iter().any(|allowed| file.contains(allowed)) {
                wrong.push(format!("{file} meets {met}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_outside_crate_has_a_home() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        for (outside, homes) in HOMES {
            let is_home = homes.iter().any(|home| file == *home || room_of(&file) == home.trim_end_matches(".rs"));
            // A module of ours may have the name of an outside crate.
            let is_ours = code.contains(&format!("mod {outside};"));
            if is_path_used(&code, &format!("{outside}::")) && !is_home && !is_ours {
                wrong.push(format!("{file} names {outside}, whose home is {homes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_dependency_has_a_home_and_a_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut above = "";
    for line in section.lines() {
        if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let is_known = HOMES.iter().any(|(home, _)| *home == name.replace('-', "_"));
            assert!(is_known, "{name} has no home in this table");
            assert!(above.starts_with("# "), "{name} has no reason above its line in Cargo.toml");
        }
        above = line;
    }
}

#[test]
fn files_stay_readable_and_say_why_they_exist() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    let mut wrong = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: no opening paragraph", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
