//! What a world must look like when it has come to rest: the promises that the whole program makes, each checked by its name.
//!
//! The truth is read from the database itself. Who may read what is worked out anew from the events, by a few lines that share
//! nothing with the server's rules. I1 (told only when on the disk), I3, I6 and the part of I5 about revoked devices are also checked
//! while the world runs, in `person.rs` and `disk.rs`; I7 and I11 in part by the waiting for rest.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::Connection;
use udpchat::client::Followed;
use udpchat::message::{
    DeviceId, Event, EventBody, EventHash, EventPage, HEAD_LEN, Head, LogId, RoomEvent, RoomName, Seq, Texts, UserId, UserName,
};
use udpchat::transport::Micros;

use super::access_table;
use super::crowd;
use super::departed;
use super::disk::{self, number};
use super::net::{EAVESDROPPER, PRANKSTER};
use super::person::{Asked, Person};
use super::robot;
use super::world::World;

/// Random bytes in each body.
const SALT_LEN: usize = 16;

/// A server sends an address that has proven nothing at most so many times what authentic packets brought from there.
const UNPROVEN_TIMES_MAX: u64 = 3;

/// Longer than a silent connection lives.
const FORGET_TIMEOUT: Micros = Micros::from_secs(200);

/// Longer than a renewal takes.
const RENEWAL_TIMEOUT: Micros = Micros::from_secs(30);

/// A log as it is stored.
pub struct Truth {
    /// What a room is called; a conversation's two users.
    pub name: Option<String>,
    pub pair: Option<[UserId; 2]>,
    /// Whether members read what was before them.
    is_open_book: bool,
    /// The places that were deleted, as events say.
    deleted: BTreeSet<Seq>,
    pub events: Vec<Event>,
    hashes: BTreeMap<Seq, EventHash>,
}

/// How a user stands to a log.
pub struct Standing {
    readable: BTreeSet<Seq>,
    pub is_member: bool,
}

/// Everything that is stored.
pub struct Truths {
    pub logs: BTreeMap<LogId, Truth>,
    /// The owners of own logs.
    pub owners: BTreeMap<LogId, UserId>,
    /// Whose account was deleted.
    pub gone: BTreeSet<UserId>,
    /// Who wished moreover that nothing stays of what they wrote.
    pub erased: BTreeSet<UserId>,
    /// The devices that count no more.
    pub revoked: BTreeSet<DeviceId>,
    /// Where each text is.
    texts: BTreeMap<String, Vec<(LogId, Seq)>>,
}

/// Holds the world against all promises.
pub fn check(world: &mut World) {
    let database = disk::open(&world.disk.data_path());
    let truths = Truths::read(&database, world.texts);
    i10_one_owner_of_each_name(&database);
    departed::check(world, &truths, &database);
    for (who, person) in world.people.iter().enumerate() {
        assert!(person.broken.is_empty(), "I8: {}: {:?}", person.name, person.broken);
        i1_what_was_stored_is_there(person, &truths);
        i2_displayed_in_order_and_once(person);
        i5_nothing_was_read_that_may_not_be(person, &truths);
        i5_no_answer_has_a_byte_of_what_may_not_be_read(person, &truths);
        robot::i5_it_did_what_it_was_let_do(person, &truths);
        i8_chains_are_those_of_the_disk(person, &truths);
        if crowd::is_out(world, who) {
            i7_who_is_out_waits_for_nothing(person);
        } else {
            i7_everything_was_answered(person);
            i11_followers_have_everything(person, &truths);
        }
    }
    i2_senders_keep_their_order(&world.people, &truths);
    i3_nothing_was_made_up(&world.people, &truths);
    i12_strangers_get_no_more_than_they_brought(world);
}

/// I9: what is gone is forgotten once its time is over. A client that takes fresh keys has two connections for a moment.
pub fn i9_the_dead_are_forgotten(world: &mut World) {
    world.drive_for(FORGET_TIMEOUT);
    let count = world.people.iter().filter(|person| person.client.is_some()).count();
    let is_forgotten = |world: &mut World| world.connection_count() == count;
    assert!(world.drive(RENEWAL_TIMEOUT, is_forgotten), "I9: {count} clients have {} connections", world.connection_count());
}

impl Truths {
    fn read(database: &Connection, wish: Texts) -> Self {
        let gone: BTreeSet<UserId> = ids(database, "SELECT id FROM users WHERE deleted_ms IS NOT NULL").map(UserId).collect();
        let mut truths = Self {
            logs: BTreeMap::new(),
            owners: BTreeMap::new(),
            erased: if wish == Texts::AreErased { gone.clone() } else { BTreeSet::new() },
            gone,
            revoked: ids(database, "SELECT id FROM devices WHERE revoked_ms IS NOT NULL").map(DeviceId).collect(),
            texts: BTreeMap::new(),
        };
        let mut select = database.prepare("SELECT id, name, low, high, history_all FROM logs").unwrap();
        let mut rows = select.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let pair = row.get::<_, Option<i64>>(2).unwrap().map(|_| [2, 3].map(|column| UserId(number(row, column).unwrap())));
            let truth = Truth {
                name: row.get(1).unwrap(),
                pair,
                is_open_book: row.get(4).unwrap(),
                deleted: BTreeSet::new(),
                events: Vec::new(),
                hashes: BTreeMap::new(),
            };
            truths.logs.insert(LogId(number(row, 0).unwrap()), truth);
        }
        let mut select = database.prepare("SELECT own_log, id FROM users").unwrap();
        let owners = select.query_map((), |row| Ok((LogId(number(row, 0)?), UserId(number(row, 1)?)))).unwrap();
        truths.owners = owners.map(Result::unwrap).collect();
        let mut select = database.prepare("SELECT log, head, body, body_hash, hash FROM events ORDER BY log, seq").unwrap();
        let mut rows = select.query(()).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let log = LogId(number(row, 0).unwrap());
            let (head, body): ([u8; HEAD_LEN], Option<Vec<u8>>) = (row.get(1).unwrap(), row.get(2).unwrap());
            let event = Event { head: Head::decode(&head).unwrap(), body: body.ok_or_else(|| row.get(3).unwrap()) };
            let truth = truths.logs.get_mut(&log).unwrap();
            let before = truth.events.last().map_or(Seq(0), |last| last.head.seq);
            assert_eq!((event.head.log, event.head.prev), (log, before), "I2: a hole in {log}");
            let hash = event.hash_after(&truth.hashes.get(&before).copied().unwrap_or_else(|| EventHash::genesis(log)));
            assert_eq!(hash.0, row.get::<_, [u8; 32]>(4).unwrap(), "I8: the chain of {log} breaks");
            truth.hashes.insert(event.head.seq, hash);
            match event.content() {
                EventBody::Posted(post) => truths.texts.entry(post.text).or_default().push((log, event.head.seq)),
                EventBody::Deleted(seq) => _ = truth.deleted.insert(seq),
                _ => {}
            }
            truth.events.push(event);
        }
        truths
    }

    /// The places of a log that this person may read when the log's newest event is at `head`: what the user may read, of which a
    /// bot's device sees what is in its scope.
    fn readable(&self, log: LogId, person: &Person, head: Seq) -> BTreeSet<Seq> {
        let user = person.user.expect("I5: whoever was told anything is somebody");
        let is_own = self.owners.get(&log) == Some(&user);
        match &person.bot {
            Some(bot) if !is_own && !bot.may_read(self.logs[&log].name.as_deref()) => BTreeSet::new(),
            _ => self.standing(log, user, head).readable,
        }
    }

    /// How the user stands to the log when its newest event is at `head`.
    pub fn standing(&self, log: LogId, user: UserId, head: Seq) -> Standing {
        let truth = &self.logs[&log];
        let places = || truth.events.iter().map(|event| event.head.seq).filter(|seq| *seq <= head);
        let is_one_of = match (self.owners.get(&log), truth.pair) {
            (Some(owner), _) => Some(*owner == user),
            (_, Some(pair)) => Some(pair.contains(&user)),
            _ => None,
        };
        if let Some(is_member) = is_one_of {
            return Standing { readable: places().filter(|_| is_member).collect(), is_member };
        }
        let mut is_member = false;
        let mut readable = BTreeSet::new();
        for event in truth.events.iter().filter(|event| event.head.seq <= head) {
            let is_own = event.head.author == user;
            let body = event.content();
            is_member |= is_own && body == EventBody::Joined;
            if is_member {
                readable.insert(event.head.seq);
            }
            let is_put_out = matches!(
                &body,
                EventBody::Room(RoomEvent::Kicked(who, _) | RoomEvent::Banned(who, _)) if who.user == user
            );
            is_member &= !(is_put_out || is_own && body == EventBody::Left);
        }
        let readable = match readable.last().copied() {
            Some(last) if truth.is_open_book => places().filter(|seq| *seq <= last).collect(),
            _ => readable,
        };
        Standing { readable, is_member }
    }

    pub fn head(&self, log: LogId) -> Seq {
        self.logs[&log].events.last().map_or(Seq(0), |event| event.head.seq)
    }
}

/// I1 and I4: every outcome *stored* is in the log, in its place, with its text, and nowhere else, unless its author wished it
/// away; what was refused is nowhere; what a crash left unknown is there once or not.
fn i1_what_was_stored_is_there(person: &Person, truths: &Truths) {
    let is_erased = person.user.is_some_and(|user| truths.erased.contains(&user));
    for (place, to, text) in &person.written {
        let places = truths.texts.get(text).map(Vec::as_slice).unwrap_or_default();
        match person.outcomes.get(place) {
            Some(Ok(stored)) if is_erased || truths.logs[&stored.log].deleted.contains(&stored.seq) => {
                assert!(places.is_empty(), "{text:?} to {to} was deleted and is there");
            }
            Some(Ok(stored)) => assert_eq!(places, [(stored.log, stored.seq)], "I1: {text:?} to {to}"),
            Some(Err(refusal)) => assert!(places.is_empty(), "I4: {text:?} to {to} was refused: {refusal:?}"),
            None => assert!(places.len() <= 1, "I4: {text:?} to {to} is at {places:?}"),
        }
    }
}

/// I2 and I4: what somebody sees of a log comes in its order, each event once.
fn i2_displayed_in_order_and_once(person: &Person) {
    for (log, seen) in &person.seen {
        let places = seen.iter().map(|followed| followed.event.head.seq);
        assert!(places.is_sorted_by(|one, next| one < next), "I2: {} saw {log} in disorder or twice", person.name);
    }
}

/// I2: the messages of one outbox are in each log in the order in which they were written.
fn i2_senders_keep_their_order(people: &[Person], truths: &Truths) {
    let mut outboxes: BTreeMap<usize, BTreeMap<_, &str>> = BTreeMap::new();
    for (index, person) in people.iter().enumerate() {
        let written = person.written.iter().map(|(place, _, text)| (*place, text.as_str()));
        outboxes.entry(person.leader.unwrap_or(index)).or_default().extend(written);
    }
    for written in outboxes.into_values() {
        let mut last: BTreeMap<LogId, Seq> = BTreeMap::new();
        for text in written.into_values() {
            for (log, seq) in truths.texts.get(text).into_iter().flatten() {
                let before = last.insert(*log, *seq);
                assert!(before < Some(*seq), "I2: {text:?} stands before what was written earlier");
            }
        }
    }
}

/// I3: whatever is posted anywhere was written by its author, to there.
fn i3_nothing_was_made_up(people: &[Person], truths: &Truths) {
    for (text, places) in &truths.texts {
        for (log, seq) in places {
            let truth = &truths.logs[log];
            let event = truth.events.iter().find(|event| event.head.seq == *seq).unwrap();
            if text == access_table::TEXT {
                let author = people.iter().find(|person| person.user == Some(event.head.author)).expect("I3: it has an author");
                let is_inside = truths.standing(*log, event.head.author, *seq).readable.contains(seq);
                assert!(author.is_hostile && is_inside, "I5: {} wrote {seq} of {log} from outside", author.name);
                continue;
            }
            let is_its_writing = |person: &&Person| {
                let is_to = |to: &str| match &truth.name {
                    Some(name) => to.strip_prefix('#') == Some(name),
                    None => to.starts_with('@'),
                };
                person.user == Some(event.head.author) && person.written.iter().any(|(_, to, of)| of == text && is_to(to))
            };
            assert!(people.iter().find(is_its_writing).is_some(), "I3: nobody wrote {text:?} to {log}");
        }
    }
}

/// I5: what somebody saw or read was theirs to read at that time.
fn i5_nothing_was_read_that_may_not_be(person: &Person, truths: &Truths) {
    let mut read: BTreeMap<(LogId, Seq), BTreeSet<Seq>> = BTreeMap::new();
    for (log, seen) in &person.seen {
        for (followed, head) in seen.iter().zip(&person.seen_at[log]) {
            read.entry((*log, *head)).or_default().insert(followed.event.head.seq);
        }
    }
    for (page, head) in &person.pages {
        read.entry((page.log, *head)).or_default().extend(decoded(page).iter().map(|event| event.head.seq));
    }
    for ((log, head), places) in read {
        let leak: Vec<_> = places.difference(&truths.readable(log, person, head)).copied().collect();
        assert!(leak.is_empty(), "I5: {} read {leak:?} of {log} when its newest event was {head}", person.name);
    }
}

/// I5: in no answer to anybody, whatever was asked, is the salt of an event that they may not read at that time, nor the new
/// text of an edit. Each body has 16 bytes of its own, and so has each new text, so that nothing of it can be there by chance.
fn i5_no_answer_has_a_byte_of_what_may_not_be_read(person: &Person, truths: &Truths) {
    let events = truths.logs.iter().flat_map(|(log, truth)| truth.events.iter().map(move |event| (*log, event)));
    let marks: HashMap<[u8; SALT_LEN], (LogId, Seq)> =
        events.flat_map(|(log, event)| marks_of(event).map(move |mark| (mark, (log, event.head.seq)))).collect();
    let mut readable: BTreeMap<(LogId, Seq), BTreeSet<Seq>> = BTreeMap::new();
    for (heads, answer) in &person.answers {
        for window in answer.windows(SALT_LEN) {
            let Some((log, seq)) = marks.get(window) else { continue };
            let head = heads.get(log).copied().unwrap_or_default();
            let allowed = readable.entry((*log, head)).or_insert_with(|| truths.readable(*log, person, head));
            assert!(allowed.contains(seq), "I5: {} was told {seq} of {log} when its newest event was {head}", person.name);
        }
    }
}

/// What tells that a body was read: the random bytes behind the kind of one that was not erased, and an edit's text.
fn marks_of(event: &Event) -> impl Iterator<Item = [u8; SALT_LEN]> + use<> {
    let salt = event.body.as_ref().ok().and_then(|body| body.get(2..)?.first_chunk().copied());
    let text = match event.content() {
        EventBody::Edited(edit) => edit.text.as_bytes().first_chunk().copied(),
        _ => None,
    };
    salt.into_iter().chain(text)
}

/// I7: every request was answered. Only the request to follow of a process that is signed out waits on, and none is at the end.
fn i7_everything_was_answered(person: &Person) {
    assert!(person.asked.is_empty(), "I7: {} waits for {:?}", person.name, person.asked);
}

/// I7: whose device counts no more was told so for everything but what waits until they sign in, which they never will.
fn i7_who_is_out_waits_for_nothing(person: &Person) {
    let waits = person.asked.values().any(|asked| !matches!(asked, Asked::Follow(_)));
    assert!(!waits, "I7: {} waits for {:?}", person.name, person.asked);
}

/// I8: the hashes that clients worked out, event by event, are those of the disk.
fn i8_chains_are_those_of_the_disk(person: &Person, truths: &Truths) {
    for Followed { log, event, cursor, .. } in person.seen.values().flatten() {
        let seq = event.head.seq;
        assert_eq!(truths.logs[log].hashes.get(&seq), Some(&cursor.hash), "I8: {seq} of {log} is another event");
    }
    for (page, _) in &person.pages {
        let mut hash = EventHash(page.hash);
        for event in decoded(page) {
            hash = event.hash_after(&hash);
            let kept = truths.logs[&page.log].hashes.get(&event.head.seq);
            assert_eq!(kept, Some(&hash), "I8: a page of {} has another event", page.log);
        }
    }
}

/// I10: no two users and no two rooms have names that look alike.
fn i10_one_owner_of_each_name(database: &Connection) {
    for (select, skeleton) in [
        ("SELECT name FROM users", (|name| UserName::parse(name).unwrap().skeleton()) as fn(&str) -> String),
        ("SELECT '#' || name FROM logs WHERE name IS NOT NULL", |name| RoomName::parse(name).unwrap().skeleton()),
    ] {
        let mut select = database.prepare(select).unwrap();
        let names: Vec<String> = select.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let skeletons: BTreeSet<String> = names.iter().map(|name| skeleton(name)).collect();
        assert_eq!(skeletons.len(), names.len(), "I10: {names:?} are not different");
    }
}

/// I11: whoever wants a log and may read it follows it, was told that nothing is missing, and has everything up to the newest event.
fn i11_followers_have_everything(person: &Person, truths: &Truths) {
    for called in person.follows.keys() {
        let followed = person.followed.values().any(|followed| followed.called == *called);
        assert!(followed, "I11: {} does not follow {called:?}", person.name);
    }
    for (log, followed) in &person.followed {
        let head = truths.head(*log);
        assert!(followed.is_live, "I11: {} was never told that {log} is complete", person.name);
        let seen: BTreeSet<Seq> = person.seen.get(log).into_iter().flatten().map(|seen| seen.event.head.seq).collect();
        let missing: Vec<Seq> = truths.readable(*log, person, head).difference(&seen).copied().collect();
        assert!(missing.is_empty(), "I11: {} follows {log} and misses {missing:?} of {head}", person.name);
        assert!(seen.contains(&head), "I11: {} follows {log} and may not read its end at {head}", person.name);
    }
}

/// I12: who proved nothing got at most what they brought, and an address to which a session seemed to move three times that.
fn i12_strangers_get_no_more_than_they_brought(world: &World) {
    for (stranger, times) in [(PRANKSTER, 1), (EAVESDROPPER, UNPROVEN_TIMES_MAX)] {
        let brought = world.net.counts(stranger, world.server_address).bytes_sent;
        let got = world.net.counts(world.server_address, stranger).bytes_sent;
        assert!(got <= times * brought, "I12: {stranger} brought {brought} bytes and got {got}");
    }
}

/// The numbers in the first column.
fn ids(database: &Connection, select: &str) -> impl Iterator<Item = u64> + use<> {
    let mut select = database.prepare(select).unwrap();
    let ids: Vec<u64> = select.query_map((), |row| number(row, 0)).unwrap().map(Result::unwrap).collect();
    ids.into_iter()
}

fn decoded(page: &EventPage) -> Vec<Event> {
    page.events.iter().map(|told| Event::decode(&told.event).unwrap()).collect()
}
