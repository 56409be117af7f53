//! Lines for programs, one by one: what scripts depend on.

use super::human::must_be_spelled_out;
use super::json;
use super::line::{Level, Line};
use crate::message::{
    Attachment, DeviceId, Edit, Event, EventBody, Head, LogId, NewestEdit, Overlay, Payload, Post, ReactionCount, RequestId,
    RoomKind, Seq, Stored, UserId, body_bytes,
};
use std::collections::BTreeSet;

fn write(line: &Line<'_>) -> String {
    json::write(line, &BTreeSet::new())
}

fn event(body: &EventBody) -> Event {
    let head = Head {
        log: LogId(7),
        seq: Seq(1_842),
        prev: Seq(1_841),
        time_ms: 1_772_358_731_204,
        author: UserId(3),
        device: DeviceId(4),
        id: RequestId([0xab; 16]),
    };
    Event { head, body: Ok(body_bytes(body, &[0; 16])) }
}

#[test]
fn a_message_is_the_line_that_scripts_depend_on() {
    let event = event(&EventBody::Posted(Post { text: "…".into(), ..Post::default() }));
    assert_eq!(
        write(&Line::Event { room: "#ops", author: "bob", event: &event, overlay: None }),
        r##"{"v":1,"type":"posted","room":"#ops","room_id":7,"seq":1842,"prev":1841,"id":"abababababababababababababababab","author":"bob","author_id":3,"time":"2026-03-01T09:52:11.204Z","text":"…","reply_to":null,"mentions":[],"edited":false,"deleted":false}"##
    );
}

#[test]
fn a_message_with_a_file_tells_all_about_it() {
    let file = Attachment { name: "a.txt".into(), media: "text/plain".into(), len: 5, hash: [0xab; 32] };
    let event = event(&EventBody::Posted(Post { text: "see".into(), file: Some(file), ..Post::default() }));
    let line = write(&Line::Event { room: "#ops", author: "bob", event: &event, overlay: None });
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    let file = serde_json::json!({"name": "a.txt", "media": "text/plain", "len": 5, "hash": "ab".repeat(32)});
    assert_eq!(read["file"], file);
}

#[test]
fn a_sent_message_names_its_place_and_id() {
    let stored = Stored { log: LogId(7), room: "#ops".into(), seq: Seq(42), time_ms: 0 };
    let line = write(&Line::Sent { stored: &stored, id: RequestId([1; 16]), level: Level::Stored });
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&read["v"], &read["type"], &read["room"]), (&1.into(), &"sent".into(), &"#ops".into()));
    assert_eq!((&read["seq"], &read["state"]), (&42.into(), &"stored".into()));
    assert_eq!(read["id"], "01010101010101010101010101010101");
}

#[test]
fn every_kind_of_event_is_one_line_of_json() {
    for body in [
        EventBody::Created(RoomKind::Room, "ops".into()),
        EventBody::Joined,
        EventBody::Left,
        EventBody::Edited(Edit { post: Seq(1), text: "x".into(), mentions: vec![UserId(2)] }),
        EventBody::Deleted(Seq(1)),
        EventBody::Reacted(Seq(1), "👍".into()),
        EventBody::Unreacted(Seq(1), "👍".into()),
        EventBody::Pinned(Seq(1)),
        EventBody::Unpinned(Seq(1)),
        EventBody::Resolved(Seq(1)),
        EventBody::Reopened(Seq(1)),
        EventBody::RoomEntered(LogId(1), "ops".into()),
        EventBody::DirectOpened(LogId(1), UserId(2), "bob".into()),
        EventBody::DeviceAdded(DeviceId(1), "laptop".into()),
        EventBody::DeviceRevoked(DeviceId(1)),
    ] {
        let event = event(&body);
        let line = write(&Line::Event { room: "", author: "bob", event: &event, overlay: None });
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["v"], &read["seq"]), (&1.into(), &1_842.into()), "{line}");
        assert!(!line.contains('\n'));
    }
}

#[test]
fn a_message_is_told_with_its_newest_text_and_what_became_of_it() {
    let payload = Some(Payload { kind: "homework".into(), json: r#"{"due":"2026-12-01"}"#.into() });
    let event = event(&EventBody::Posted(Post { text: "old".into(), payload, ..Post::default() }));
    let edit = Some(NewestEdit { seq: Seq(1_900), text: "new".into(), mentions: vec![UserId(9)] });
    let reactions = vec![ReactionCount { reaction: "👍".into(), count: 2, own: true }];
    let overlay = Overlay { seq: Seq(1_842), edit, reactions, pinned: true, reply_count: 3, resolved: false };
    let line = write(&Line::Event { room: "#ops", author: "bob", event: &event, overlay: Some(&overlay) });
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&read["text"], &read["edited"], &read["mentions"][0]), (&"new".into(), &true.into(), &9.into()));
    assert_eq!((&read["payload"]["kind"], &read["payload"]["content"]["due"]), (&"homework".into(), &"2026-12-01".into()));
    assert_eq!((&read["reactions"][0]["count"], &read["reactions"][0]["own"]), (&2.into(), &true.into()));
    assert_eq!((&read["pinned"], &read["replies"], &read["resolved"]), (&true.into(), &3.into(), &false.into()));
}

#[test]
fn what_could_drive_a_terminal_is_escaped_and_reads_back() {
    let text = "a\u{1b}[0m\u{9b}1m\u{7f}\u{202e}\n\"\\";
    let event = event(&EventBody::Posted(Post {
        text: text.into(),
        reply_to: Some(Seq(1)),
        mentions: vec![UserId(9)],
        payload: None,
        thread: None,
        file: None,
    }));
    let line = write(&Line::Event { room: "#ops", author: "bob", event: &event, overlay: None });
    assert!(!line.chars().any(must_be_spelled_out), "{line:?}");
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(read["text"], text);
    assert_eq!((&read["reply_to"], &read["mentions"][0]), (&1.into(), &9.into()));
}

#[test]
fn what_an_ignored_person_did_is_marked() {
    let event = event(&EventBody::Posted(Post { text: "…".into(), ..Post::default() }));
    let line = Line::Event { room: "#ops", author: "bob", event: &event, overlay: None };
    let marked: serde_json::Value = serde_json::from_str(&json::write(&line, &BTreeSet::from([UserId(3)]))).unwrap();
    assert_eq!(marked["ignored"], true);
    let heard: serde_json::Value = serde_json::from_str(&json::write(&line, &BTreeSet::from([UserId(4)]))).unwrap();
    assert_eq!(heard.get("ignored"), None);
}
