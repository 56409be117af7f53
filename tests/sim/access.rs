//! Who may do what: every request, asked by everybody who can stand to a room in a different way, in every kind of room.
//!
//! The table is [`ROWS`]. A row makes one request; its cells say what becomes of it, one word for each of [`WHO`]. A new
//! request is a new row, and a test fails until it is there. What is hidden from somebody must moreover be answered word for
//! word like what does not exist.

use udpchat::message::{LogId, Reply, Request, RequestId, Seq};

use super::access_table::{Ask, ROWS, Row, WORDS};
use super::disk;
use super::scene::{Kind, Scene, WHO};

/// A log id that no log has.
const NO_LOG: LogId = LogId(9_999);

/// Of requests that are about no room: any room will do.
const ANY: &[Kind] = &[Kind::Public];

/// The word for what became of a request.
fn word(reply: &Reply) -> String {
    let Reply::Refused(refusal) = reply else { return "ok".to_owned() };
    let short = WORDS.iter().find(|(code, _)| *code == refusal.code()).map(|(_, word)| (*word).to_owned());
    short.unwrap_or_else(|| format!("{:?}", refusal.code()))
}

/// The cells of a row in one kind of room, as they are.
fn found_cells(row: &Row, kind: Kind) -> String {
    let mut scene = Scene::new(kind);
    let mut words = Vec::new();
    for who in 0..WHO.len() {
        let ask = scene.ask(who, scene.log);
        let reply = scene.world.ask(who, &(row.make)(ask));
        words.push(word(&reply));
        if matches!(reply, Reply::Done | Reply::Account(_) | Reply::Stored(_)) {
            scene = Scene::new(kind);
        }
    }
    words.join(" ")
}

/// Works through all rows on all processors; `judge` says what is wrong.
fn wrong_rows(judge: impl Fn(&Row) -> Vec<String> + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        let judge = &judge;
        let share = |first: usize| move || ROWS.iter().skip(first).step_by(threads).flat_map(judge).collect::<Vec<_>>();
        let shares: Vec<_> = (0..threads).map(|first| scope.spawn(share(first))).collect();
        shares.into_iter().flat_map(|share| share.join().unwrap()).collect()
    })
}

#[test]
fn every_request_has_a_row_in_the_table_of_who_may_do_what() {
    let rows: Vec<u16> = ROWS.iter().map(|row| kind_of(&anything(row, LogId(1)))).collect();
    let missing: Vec<_> = Request::TYPES.iter().filter(|(_, kind)| !rows.contains(kind)).map(|(name, _)| *name).collect();
    assert!(missing.is_empty(), "who may ask {missing:?}? Add a row for each to ROWS in tests/sim/access_table.rs");
}

/// The row's request about some log.
fn anything(row: &Row, log: LogId) -> Request {
    (row.make)(Ask { id: RequestId([0; 16]), log, own: Seq(1), owners: Seq(1) })
}

fn kind_of(request: &Request) -> u16 {
    u16::from_be_bytes(*request.encode(0).first_chunk().unwrap())
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let wrong = wrong_rows(|row| {
        let kinds = row.cells.iter().flat_map(|(kinds, cells)| kinds.iter().map(move |kind| (*kind, *cells)));
        let found = kinds.map(|(kind, cells)| (kind, cells, found_cells(row, kind))).filter(|(_, cells, found)| cells != found);
        found.map(|(kind, cells, found)| format!("{} in {kind:?}:\n  said  {cells}\n  found {found}", row.name)).collect()
    });
    assert!(wrong.is_empty(), "columns: {WHO:?}\n{}", wrong.join("\n"));
}

/// What a session may do whose account is disabled while it is open: hear who it is, what is no secret, and end something.
const LEFT_TO_THE_DISABLED: &[&str] =
    &["WhoAmI", "LogIn as the owner", "WhoIs", "Resume", "InView", "SetAway", "Unfollow", "EndReceipts"];

#[test]
fn an_account_that_is_disabled_reads_and_does_nothing_more_on_its_open_connection() {
    let mut scene = Scene::new(Kind::Public);
    let owner = scene.who("owner");
    disk::alter(&scene.world.disk.data_path(), "UPDATE users SET enabled = 0 WHERE name = 'owner'");
    for row in ROWS {
        let ask = scene.ask(owner, scene.log);
        let reply = scene.world.ask(owner, &(row.make)(ask));
        assert_eq!(word(&reply) == "ok", LEFT_TO_THE_DISABLED.contains(&row.name), "{}: {reply:?}", row.name);
    }
}

#[test]
fn every_row_about_a_room_speaks_of_every_kind_of_room() {
    for row in ROWS {
        let kinds: Vec<Kind> = row.cells.iter().flat_map(|(kinds, _)| kinds.iter().copied()).collect();
        let about_room = is_about_room(row) || matches!(anything(row, LogId(1)), Request::JoinRoom(_));
        let wanted = if about_room { Kind::ALL } else { ANY };
        assert!(wanted.iter().all(|kind| kinds.contains(kind)), "{}: {kinds:?}", row.name);
    }
}

/// Whether the request names a log by its id.
fn is_about_room(row: &Row) -> bool {
    anything(row, LogId(1)) != anything(row, LogId(2))
}

#[test]
fn what_is_hidden_is_answered_like_what_does_not_exist() {
    let wrong = wrong_rows(|row| {
        if !is_about_room(row) {
            return Vec::new();
        }
        let mut scene = Scene::new(Kind::InviteOnly);
        let (room, direct, own) = (scene.log, scene.direct(), scene.own_log());
        let hidden = [
            ("outsider", &[room, direct, own][..]),
            ("moderator", &[direct, own]),
            ("bot", &[direct, own]),
            ("elsewhere", &[room, direct, own]),
        ];
        let places = hidden.map(|(name, logs)| (scene.who(name), logs));
        let mut wrong = Vec::new();
        for (who, log) in places.iter().flat_map(|(who, logs)| logs.iter().map(|log| (*who, *log))) {
            let mut answer = |log| {
                let ask = scene.ask(who, log);
                scene.world.ask(who, &(row.make)(ask))
            };
            let (hidden, nothing) = (answer(log), answer(NO_LOG));
            if hidden != nothing {
                wrong.push(format!("{} of {} to {log}: {hidden:?}, to nothing: {nothing:?}", row.name, WHO[who]));
            }
        }
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
