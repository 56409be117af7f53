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
    ("curve25519_dalek", &["crypto"]),
    ("data_encoding", &["crypto", "message", "auth", "client"]),
    ("getrandom", &["crypto"]),
    ("mio", &["socket", "server/event_loop.rs", "client/event_loop.rs", "client/load/event_loop.rs"]),
    ("nix", &["socket", "store", "client", "crypto", "cli"]),
    ("percent_encoding", &["client"]),
    ("rand_chacha", &["crypto"]),
    ("ring", &["crypto"]),
    ("rusqlite", &["store", "client"]),
    ("rustyline", &["cli"]),
    ("rustix", &["socket/batched.rs"]),
    ("serde", &["message", "server/config.rs", "client", "cli"]),
    ("serde_json", &["cli", "message/payload.rs"]),
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

/// What a constant whose name ends in `_MAX` is, on the floors that peers can reach.
enum Cap {
    /// Something that a peer could make grow; this test reaches it.
    By(&'static str),
    /// A bound of something else, which nothing that a peer does can make grow.
    Is(&'static str),
}

/// Every `_MAX` of the transport and the server that is no delay, in the order of the alphabet. A cap that nobody reaches in a test is a guess.
const CAPS: &[(&str, Cap)] = &[
    ("server/allowance/budgets.rs OWNERS_MAX", Cap::By("a_flood_of_owners_takes_no_more_room_and_no_place")),
    ("server/allowance/homes.rs HOMES_MAX", Cap::By("a_home_is_remembered_for_a_month_and_there_are_so_many")),
    ("server/allowance/homes.rs HOMES_PER_ACCOUNT_MAX", Cap::By("a_user_in_very_many_networks_takes_nobody_elses_place")),
    ("server/bulk.rs FILE_QUEUE_LEN_MAX", Cap::By("a_file_takes_the_time_of_its_path_and_not_a_round_trip_for_each_piece")),
    ("server/bulk.rs FILE_READS_WAITING_MAX", Cap::By("parts_of_files_wait_beside_other_requests_and_only_so_many")),
    ("server/bulk.rs FILE_READ_LEN_MAX", Cap::By("a_question_for_a_file_that_is_longer_than_any_name_is_not_kept")),
    ("server/bulk.rs PAGE_STREAM_MAX", Cap::Is("which streams pages take")),
    ("server/dispatch.rs HISTORY_COUNT_MAX", Cap::By("a_page_of_history_and_a_name_have_a_longest")),
    ("server/dispatch.rs NAME_LEN_MAX", Cap::By("a_page_of_history_and_a_name_have_a_longest")),
    ("server/event_loop.rs BATCHES_PER_TURN_MAX", Cap::Is("batches of a turn; the rest wait in the kernel")),
    ("server/fan_out.rs FOLLOW_QUEUE_LEN_MAX", Cap::By("a_slow_reader_costs_a_cursor_and_loses_nothing")),
    ("server/filing.rs CHUNKS_IN_FLIGHT_MAX", Cap::By("while_too_many_pieces_are_being_written_the_next_waits_unread")),
    ("server/follow.rs PRESENCE_FOLLOWERS_MAX", Cap::By("nobody_is_told_who_comes_and_goes_in_a_crowd")),
    ("server/job.rs FOLLOW_PAGE_LEN_MAX", Cap::By("a_slow_reader_costs_a_cursor_and_loses_nothing")),
    ("server/job.rs HISTORY_PAGE_LEN_MAX", Cap::By("a_page_of_history_ends_before_it_is_too_long")),
    ("server/ledger.rs BATCH_MAX", Cap::Is("commands of a transaction; the rest wait in the queue")),
    ("server/ledger.rs QUEUE_MAX", Cap::By("a_flood_of_commands_is_handed_back")),
    ("server/receipts.rs RECEIPTS_PER_SESSION_MAX", Cap::By("a_session_watches_a_bounded_number_of_messages")),
    ("server/receipts.rs RECENT_CHANGES_MAX", Cap::By("so_many_changes_are_remembered_and_then_the_readers_are_asked_again")),
    ("server/refused.rs REFUSED_COUNT_MAX", Cap::By("so_many_refusals_are_remembered_and_the_oldest_gives_way")),
    ("server/server.rs COMMANDS_IN_FLIGHT_MAX", Cap::By("while_the_ledger_has_too_much_to_do_sessions_wait_and_are_told_once")),
    ("server/server.rs READS_IN_FLIGHT_MAX", Cap::By("while_the_readers_have_too_much_to_do_sessions_wait")),
    ("server/server.rs REPLY_QUEUE_LEN_MAX", Cap::By("who_does_not_take_the_replies_gets_no_more_until_they_are_taken")),
    ("server/session.rs IN_FLIGHT_LEN_MAX", Cap::By("long_requests_in_flight_have_a_cap_in_bytes")),
    ("server/session.rs READS_IN_FLIGHT_MAX", Cap::By("who_does_not_take_the_replies_gets_no_more_until_they_are_taken")),
    ("server/session.rs REQUESTS_IN_FLIGHT_MAX", Cap::By("a_session_with_too_many_unanswered_requests_waits_unread")),
    ("server/values.rs KEYS_PER_LOG_MAX", Cap::By("a_log_has_only_so_many_keys_and_all_logs_so_many_bytes")),
    ("server/values.rs VALUES_LEN_MAX", Cap::By("a_log_has_only_so_many_keys_and_all_logs_so_many_bytes")),
    ("server/workers.rs FILE_QUEUE_MAX", Cap::By("a_full_queue_hands_the_job_back")),
    ("server/workers.rs READER_QUEUE_MAX", Cap::By("a_full_queue_hands_the_job_back")),
    ("transport/ack.rs ACK_OWED_MAX", Cap::By("one_packet_waits_a_second_does_not")),
    ("transport/ack.rs JUDGED_MAX", Cap::By("a_long_silence_is_not_taken_for_the_rate_of_loss")),
    ("transport/ack.rs RECEIVED_RUNS_MAX", Cap::By("more_holes_than_can_be_remembered_forget_the_oldest_runs")),
    ("transport/congestion.rs KEPT_PER_MILLE_MAX", Cap::Is("a share")),
    ("transport/congestion.rs WINDOW_LEN_MAX", Cap::Is("what the arithmetic bears; the ring of sent packets ends long before")),
    (
        "transport/connecting.rs ATTEMPT_COUNT_MAX",
        Cap::By("a_server_that_asks_for_cookies_for_ever_is_left_after_as_many_attempts_as_there_are_numbers"),
    ),
    ("transport/datagram_size.rs DATAGRAM_LEN_MAX", Cap::Is("the longest datagram that is tried")),
    ("transport/datagram_size.rs LONG_LOSS_COUNT_MAX", Cap::Is("losses that are believed to be no accident")),
    ("transport/datagram_size.rs PROBE_COUNT_MAX", Cap::Is("tries of one length")),
    ("transport/datagram_size.rs SILENCE_COUNT_MAX", Cap::Is("probes after which short datagrams are tried")),
    ("transport/endpoint.rs ANSWER_COUNT_MAX", Cap::By("answers_to_strangers_that_nobody_sends_are_capped")),
    ("transport/endpoint.rs CLIENT_CONNECTION_COUNT_MAX", Cap::By("the_table_never_exceeds_its_cap")),
    (
        "transport/half_open.rs HALF_OPEN_COUNT_MAX",
        Cap::By("strangers_alone_cannot_fill_the_half_open_table_and_full_means_silence"),
    ),
    ("transport/latest.rs LATEST_WAITING_MAX", Cap::By("so_many_values_wait_and_the_oldest_gives_way")),
    ("transport/loss.rs PACKET_THRESHOLD_MAX", Cap::By("the_threshold_has_a_limit")),
    ("transport/path.rs AMPLIFICATION_MAX", Cap::By("amplification_limit")),
    (
        "transport/path.rs UNPROVEN_MOVE_COUNT_MAX",
        Cap::By("more_moves_without_proof_than_a_walk_makes_are_not_followed_and_counted"),
    ),
    ("transport/reassembly.rs REASSEMBLY_LEN_MAX", Cap::By("what_fills_the_first_hole_is_taken_whatever_others_hold")),
    ("transport/recv_stream.rs STREAM_GAPS_MAX", Cap::By("a_hole_too_many_is_dropped_and_counted_and_may_come_again")),
    ("transport/redundancy.rs COPIES_PENDING_MAX", Cap::By("more_lines_than_people_write_are_not_copied")),
    ("transport/redundancy.rs COPY_LEN_MAX", Cap::By("a_long_message_is_not_repeated")),
    ("transport/send_stream.rs MESSAGE_LEN_MAX", Cap::By("a_message_length_beyond_the_limit_closes")),
    ("transport/send_stream.rs SEND_BULK_LEN_MAX", Cap::By("a_full_queue_refuses_and_says_when_half_is_free")),
    ("transport/send_stream.rs SEND_QUEUE_COUNT_MAX", Cap::By("a_queue_of_empty_messages_is_capped_too")),
    ("transport/send_stream.rs SEND_QUEUE_LEN_MAX", Cap::By("a_full_queue_refuses_and_says_when_half_is_free")),
    ("transport/sent_packets.rs CHUNKS_MAX", Cap::By("a_packet_notes_four_chunks_and_no_more")),
    ("transport/sent_packets.rs SENT_PACKETS_MAX", Cap::By("a_full_ring_gives_its_oldest_packet_up")),
    ("transport/trace.rs TRACE_COUNT_MAX", Cap::By("what_nobody_polls_is_counted_and_forgotten")),
    ("transport/transmit.rs ACK_NOW_FLIGHT_MAX", Cap::Is("packets in flight that bring an acknowledgement anyway")),
    ("transport/transmit.rs NEWS_LEN_MAX", Cap::Is("room kept free in each packet")),
    ("transport/transmit.rs STREAM_NEWS_MAX", Cap::Is("frames of a packet; the rest go with the next")),
];

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

#[test]
fn every_cap_is_reached_by_a_test() {
    let mut found: Vec<String> = Vec::new();
    for (file, code) in sources() {
        if !matches!(room_of(&file), "transport" | "server") {
            continue;
        }
        for (at, _) in code.match_indices("const ") {
            let Some((name, rest)) = code[at + 6..].split_once(':') else { continue };
            let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            // A delay does not grow.
            if name.ends_with("_MAX") && is_name && !rest.starts_with(" Micros") {
                found.push(format!("{file} {name}"));
            }
        }
    }
    found.sort();
    let listed: Vec<&str> = CAPS.iter().map(|(cap, _)| *cap).collect();
    assert_eq!(found, listed, "CAPS lists every cap in the code with the test that reaches it");
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    let all: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for (cap, what) in CAPS {
        match what {
            Cap::By(test) => assert!(all.contains(&format!("fn {test}()")), "no test {test} for {cap}"),
            Cap::Is(why) => assert!(!why.is_empty(), "{cap} says what it is"),
        }
    }
}
