//! Requests, replies and notices.

use udpchat::message::{
    FileOffer, Latest, LogId, Notice, PostRequest, Refusal, RefusalCode, Reply, Request, RequestId, Seq, SetLatest, Stored,
    Target, UserId,
};

use super::{PROTOCOL, assert_example};

#[test]
fn messages_are_written_as_printed() {
    assert_example("request-who-am-i", &Request::WhoAmI.encode(7));
    let post = PostRequest {
        id: RequestId([0xab; 16]),
        to: Target::Room("#ops".into()),
        text: "hi".into(),
        reply_to: None,
        payload: None,
    };
    assert_example("request-post", &Request::Post(post).encode(258));
    let stored = Stored { log: LogId(3), room: "#ops".into(), seq: Seq(4), time_ms: 1_772_358_731_204 };
    assert_example("reply-stored", &Reply::Stored(stored).encode(258));
    let refusal = Refusal::retry_after(RefusalCode::TooMany, "too many tries", 1_500);
    assert_example("reply-refused", &Reply::Refused(refusal).encode(300));
    let (log, key, value) = (LogId(3), "avatar".to_owned(), "1,2".to_owned());
    let set = SetLatest { log, key: key.clone(), value: value.clone(), stamp: 7 };
    assert_example("request-set-latest", &Request::SetLatest(set).encode(0));
    let latest = Latest { log, author: UserId(2), name: "bob".into(), key, value, stamp: 300 };
    assert_example("notice-latest", &Notice::Latest(latest).encode());
    assert_example("request-offer-file", &Request::OfferFile(FileOffer { hash: [0xab; 32], len: 300 }).encode(5));
    assert_example("reply-file-from", &Reply::FileFrom(300).encode(5));
    assert_example("notice-caught-up", &Notice::CaughtUp((LogId(3), Seq(300))).encode());
}

#[test]
fn every_type_has_its_row() {
    for (name, number) in Request::TYPES.iter().chain(Reply::TYPES).chain(Notice::TYPES) {
        let row = format!("| {number:#06x} | {name} |");
        assert!(PROTOCOL.contains(&row), "protocol.md lacks: {row}");
    }
}
