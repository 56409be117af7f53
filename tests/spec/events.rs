//! Events, their chain, refusals.

use super::{PROTOCOL, assert_example, examples};

/// The story of protocol.md, "Events": user 3 makes the room `#ops`, which is log 7, comes in and writes `hi 你好`; later the
/// text is erased.
#[test]
fn the_events_of_the_example_are_ours() {
    use udpchat::message::{
        DeviceId, Event, EventBody, EventHash, Head, LogId, Post, RequestId, RoomKind, Seq, UserId, body_bytes, body_hash,
    };
    let log = LogId(7);
    let id = RequestId::at(1_772_358_731_204, [0x22; 10]);
    let event = |seq: u64, body: &EventBody| Event {
        head: Head {
            log,
            seq: Seq(seq),
            prev: Seq(seq - 1),
            time_ms: 1_772_358_731_204,
            author: UserId(3),
            device: DeviceId(4),
            id,
        },
        body: Ok(body_bytes(body, &[0x11; 16])),
    };
    let created = event(1, &EventBody::Created(RoomKind::Room, "ops".into()));
    let joined = event(2, &EventBody::Joined);
    let post = Post { text: "hi 你好".into(), reply_to: Some(Seq(1)), mentions: vec![UserId(3), UserId(5)], ..Post::default() };
    let posted = event(3, &EventBody::Posted(post.clone()));
    let erased = Event { head: posted.head, body: Err(body_hash(posted.body.as_ref().unwrap())) };

    let genesis = EventHash::genesis(log);
    assert_example("event-genesis", &genesis.0);
    let mut hash = genesis;
    for (name, event) in [("event-1", &created), ("event-2", &joined), ("event-3", &posted)] {
        assert_example(name, &event.encode());
        hash = event.hash_after(&hash);
        assert_example(&format!("{name}-hash"), &hash.0);
    }
    assert_example("event-3-erased", &erased.encode());
    let before = joined.hash_after(&created.hash_after(&genesis));
    assert_eq!(erased.hash_after(&before), hash, "erasing keeps the chain");

    let read = Event::decode(&examples()["event-3"]).expect("the example reads");
    assert_eq!((read.content(), read.head.id), (EventBody::Posted(post), id));
    assert_example("id-for-key", &RequestId::for_key("#ops", "nightly 2026-03-01").0);
}

/// The table of protocol.md, "Refusals": number, name, class, for every code.
#[test]
fn the_refusals_are_ours() {
    use udpchat::message::RefusalCode;
    let table = PROTOCOL.split_once("\n### Refusals\n").expect("there is a chapter of refusals").1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip_while(|line| !line.starts_with("| ---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), RefusalCode::ALL.len());
    for ((code, class), row) in RefusalCode::ALL.iter().zip(&rows) {
        let name: String = format!("{code:?}")
            .char_indices()
            .map(|(at, c)| if c.is_uppercase() && at > 0 { format!("_{c}") } else { c.to_string() })
            .collect();
        assert_eq!(row[0], code.number().to_string());
        assert_eq!(row[1], format!("`{}`", name.to_lowercase()));
        assert_eq!(row[2], format!("{class:?}").to_lowercase());
    }
}
