//! The rules, told as stories over a real database.

use super::*;
use crate::message::{
    Account, DeviceId, DeviceName, Event, EventBody, FollowFrom, FollowRequest, GoodChanges, LogId, Notice, Post, Refusal,
    RefusalCode, Reply, RequestId, Role, RoomKind, RoomName, RoomSearch, Seq, Stored, Target, Template, Text, UserId, UserName,
    Visibility, body_hash,
};
use crate::store::{Database, Reader};
use tempfile::TempDir;

/// One database, one clock, one run of ids.
pub(super) struct World {
    pub(super) directory: TempDir,
    pub(super) db: Database,
    pub(super) reader: Reader,
    pub(super) step: u64,
    waited_ms: u64,
    /// The time, if it stands still.
    stopped_ms: Option<u64>,
}

type Ran = Result<Outcome, Refusal>;

/// What a client's request would be equal in: all but hashes, whose salts differ at every try.
fn fingerprint(action: &Action) -> [u8; 32] {
    let asked = match action {
        Action::ChangePassword { revoke_others, .. } => format!("change {revoke_others}"),
        Action::CreateRoom(wish) => format!("{} {} {:?}", wish.name, wish.password_hash.is_some(), wish.visibility),
        Action::JoinRoom { name, .. } => format!("join {name}"),
        other => format!("{other:?}"),
    };
    body_hash(asked.as_bytes())
}

impl World {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open(directory.path()).unwrap();
        let reader = Reader::open(directory.path()).unwrap();
        Self { directory, db, reader, step: 0, waited_ms: 0, stopped_ms: None }
    }

    /// The time of the next command, about.
    pub(super) fn time_ms(&self) -> u64 {
        self.stopped_ms.unwrap_or(1_000 + self.waited_ms + self.step)
    }

    /// Lets time pass until then.
    pub(super) fn wait_until(&mut self, time_ms: u64) {
        self.waited_ms += time_ms - self.time_ms();
    }

    /// From now on no time passes.
    pub(super) fn stop_clock(&mut self) {
        self.stopped_ms = Some(self.time_ms());
    }

    pub(super) fn fresh_id(&mut self) -> RequestId {
        self.step += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.step.to_be_bytes());
        RequestId(id)
    }

    pub(super) fn run(&mut self, actor: Actor, id: RequestId, action: Action) -> Ran {
        self.step += 1;
        let salt = [self.step.to_be_bytes()[7]; 16];
        let fingerprint = fingerprint(&action);
        let command = Command { actor, id, fingerprint, time_ms: self.time_ms(), salt, action };
        self.db.begin().unwrap();
        let ran = self.db.attempt(|db| execute(db, &command)).unwrap();
        self.db.commit().unwrap();
        if let Ok(outcome) = &ran {
            assert!(outcome.events.len() <= 40, "an outcome is bounded");
        }
        ran
    }

    /// Lets time pass.
    pub(super) fn later(&mut self, span_ms: u64) {
        self.step += span_ms;
    }

    pub(super) fn act(&mut self, actor: Actor, action: Action) -> Ran {
        let id = self.fresh_id();
        self.run(actor, id, action)
    }

    pub(super) fn register(&mut self, name: &str) -> Account {
        let ran = self.act(stranger(1_000_000 + self.step), register(name));
        account(ran)
    }

    pub(super) fn events(&self, log: LogId, first: u64) -> Vec<EventBody> {
        let mut bodies = Vec::new();
        let mut before = self.reader.snapshot(|tables| tables.chain_at(log, Seq(first - 1))).unwrap();
        let take = |kept: crate::store::KeptEvent| {
            let event = Event::decode(&Event::join(&kept.head, kept.body.as_deref())).unwrap();
            assert_eq!(event.head.prev, before.0);
            before = (event.head.seq, event.hash_after(&before.1));
            bodies.push(event.content());
            true
        };
        let places = (Seq(first), Seq(u64::MAX));
        self.reader.snapshot(|tables| tables.events(log, places, crate::store::Direction::Forward, take)).unwrap();
        assert_eq!(self.reader.snapshot(|tables| tables.chain_at(log, Seq(u64::MAX))).unwrap(), before, "the chain is whole");
        bodies
    }

    pub(super) fn own(&self, account: &Account) -> Vec<EventBody> {
        self.events(account.own_log, 1)
    }
}

pub(super) fn key(number: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

pub(super) fn stranger(number: u64) -> Actor {
    Actor::Stranger { key: key(number) }
}

pub(super) fn member(account: &Account) -> Actor {
    Actor::Member { user: account.user, device: account.device }
}

pub(super) fn device() -> DeviceName {
    DeviceName::lenient("laptop")
}

fn name(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

pub(super) fn register(user: &str) -> Action {
    Action::Register { name: name(user), password_hash: format!("hash of {user}"), device: device(), invitation: None }
}

pub(super) fn guest(user: &str) -> Action {
    Action::Guest { name: name(user), device: device() }
}

/// What the server does about what is due.
pub(super) fn chore(what: ChoreTry) -> Action {
    Action::Chore { what, guest_days: 30 }
}

pub(super) fn bind(account: &Account) -> Action {
    Action::BindDevice { user: account.user, verified: format!("hash of {}", account.name), device: device() }
}

pub(super) fn new_room(name: &str, visibility: Visibility) -> NewRoom {
    let (template, changes) = (Template::Plain, GoodChanges::default());
    NewRoom { name: room(name), password_hash: None, visibility, template, changes }
}

pub(super) fn create(name: &str, visibility: Visibility) -> Action {
    Action::CreateRoom(new_room(name, visibility))
}

pub(super) fn join(name: &str) -> Action {
    Action::JoinRoom { name: room(name), verified: None }
}

pub(super) fn leave(name: &str) -> Action {
    Action::LeaveRoom { room: Target::Room(name.into()) }
}

pub(super) fn post(to: &str, text: &str) -> Action {
    let to = if to.starts_with('#') { Target::Room(to.into()) } else { Target::User(to.into()) };
    write_to(to, text)
}

/// A plain message.
pub(super) fn write_to(to: Target, text: &str) -> Action {
    Action::Post(Draft::plain(to, Text::parse(text).unwrap()))
}

pub(super) fn account(ran: Ran) -> Account {
    let Reply::Account(account) = ran.unwrap().reply else { panic!("an account was expected") };
    account
}

pub(super) fn stored(ran: Ran) -> Stored {
    let Reply::Stored(stored) = ran.unwrap().reply else { panic!("a place was expected") };
    stored
}

pub(super) fn code(ran: Ran) -> RefusalCode {
    ran.unwrap_err().code()
}

pub(super) fn posted(text: &str) -> EventBody {
    EventBody::Posted(Post { text: text.into(), ..Post::default() })
}

#[test]
fn strangers_are_told_to_log_in() {
    let mut world = World::new();
    for action in [create("#ops", Visibility::Public), join("#ops"), leave("#ops"), post("#ops", "x"), Action::LogOut] {
        assert_eq!(code(world.act(stranger(1), action)), RefusalCode::NotSignedIn);
    }
    let nobody = Actor::Member { user: UserId(5), device: DeviceId(5) };
    assert_eq!(code(world.act(nobody, post("#ops", "x"))), RefusalCode::DeviceRevoked);
    // A device speaks for its own user only.
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let mixed = Actor::Member { user: alice.user, device: bob.device };
    assert_eq!(code(world.act(mixed, post("@bob", "x"))), RefusalCode::DeviceRevoked);
}

#[test]
fn a_room_is_made_joined_written_to_and_left() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let made = world.act(member(&alice), create("#ops", Visibility::Public)).unwrap();
    let seqs: Vec<_> = made.events.iter().map(|event| (event.prev.0, event.seq.0)).collect();
    assert_eq!(seqs, [(0, 1), (1, 2), (1, 2)]);
    let ops = stored(Ok(made));
    assert_eq!((ops.room.as_str(), ops.seq), ("#ops", Seq(1)));
    assert_eq!(code(world.act(member(&bob), post("#ops", "early"))), RefusalCode::NotMember);
    let joined = world.act(member(&bob), join("#OPS")).unwrap();
    assert_eq!(joined.changes, [Change::Entered { log: ops.log, user: bob.user }]);
    assert_eq!((stored(Ok(joined)).seq, stored(world.act(member(&bob), join("#ops"))).seq), (Seq(3), Seq(3)));
    assert_eq!(stored(world.act(member(&bob), post("#ops", "hello"))).seq, Seq(4));
    let page = who(&world.reader, alice.user, &Target::Log(ops.log), 0).unwrap().unwrap();
    let members: Vec<_> = page.members.iter().map(|member| (member.name.as_str(), member.role)).collect();
    assert_eq!(members, [("alice", Role::Owner), ("bob", Role::Member)]);
    assert_eq!(code(world.act(member(&alice), leave("#ops"))), RefusalCode::OwnerStays);
    let left = world.act(member(&bob), leave("#ops")).unwrap();
    assert_eq!(left.changes, [Change::Left { log: ops.log, user: bob.user }]);
    assert_eq!(code(world.act(member(&bob), post("#ops", "late"))), RefusalCode::NotMember);
    assert_eq!(code(world.act(member(&bob), leave("#ops"))), RefusalCode::NotMember);
    stored(world.act(member(&alice), leave("#ops")));
    assert_eq!(
        world.events(ops.log, 1),
        [
            EventBody::Created(RoomKind::Room, "ops".into()),
            EventBody::Joined,
            EventBody::Joined,
            posted("hello"),
            EventBody::Left,
            EventBody::Left
        ]
    );
    let entered = EventBody::RoomEntered(ops.log, "ops".into());
    assert_eq!(world.own(&bob)[1..], [entered, EventBody::RoomLeft(ops.log, "ops".into())]);
    // Who comes into the empty room owns it.
    stored(world.act(member(&bob), join("#ops")));
    assert_eq!(who(&world.reader, bob.user, &Target::Log(ops.log), 0).unwrap().unwrap().members[0].role, Role::Owner);
}

#[test]
fn a_room_password_is_needed_once() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let locked = Action::CreateRoom(NewRoom { password_hash: Some("phc".into()), ..new_room("#vault", Visibility::Public) });
    stored(world.act(member(&alice), locked));
    assert_eq!(room_password(&world.reader, &room("#vault")).unwrap(), Some(Some("phc".into())));
    assert_eq!(room_password(&world.reader, &room("#none")).unwrap(), None);
    let with = |verified: Option<&str>| Action::JoinRoom { name: room("#vault"), verified: verified.map(str::to_owned) };
    assert_eq!(code(world.act(member(&bob), with(None))), RefusalCode::WrongRoomPassword);
    assert_eq!(code(world.act(member(&bob), with(Some("stale")))), RefusalCode::WrongRoomPassword);
    stored(world.act(member(&bob), with(Some("phc"))));
    stored(world.act(member(&bob), with(None)));
    assert!(rooms(&world.reader, bob.user, &RoomSearch::default()).unwrap().rooms[0].locked);
}

#[test]
fn unlisted_rooms_are_not_shown_and_not_admitted_to() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let log = stored(world.act(member(&alice), create("#secret", Visibility::Unlisted))).log;
    stored(world.act(member(&alice), create("#open", Visibility::Public)));
    let listed = |user| -> Vec<(String, bool)> {
        rooms(&world.reader, user, &RoomSearch::default())
            .unwrap()
            .rooms
            .into_iter()
            .map(|room| (room.name, room.joined))
            .collect()
    };
    assert_eq!(listed(bob.user), [("#open".to_owned(), false)]);
    assert_eq!(listed(alice.user), [("#open".to_owned(), true)]);
    assert!(
        rooms(&world.reader, bob.user, &RoomSearch { after: Some("open".into()), ..RoomSearch::default() })
            .unwrap()
            .rooms
            .is_empty()
    );
    for target in [Target::Log(log), Target::Room("#secret".into())] {
        assert_eq!(code(world.act(member(&bob), write_to(target.clone(), "x"))), RefusalCode::NoSuchRoom);
        assert_eq!(who(&world.reader, bob.user, &target, 0).unwrap().unwrap_err().code(), RefusalCode::NoSuchRoom);
    }
    stored(world.act(member(&bob), join("#secret")));
    stored(world.act(member(&bob), leave("#secret")));
    assert_eq!(code(world.act(member(&bob), post("#secret", "x"))), RefusalCode::NotMember);
}

#[test]
fn the_first_message_opens_a_conversation_for_both() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    assert_eq!(code(world.act(member(&alice), post("@alice", "me"))), RefusalCode::SelfMessage);
    assert_eq!(code(world.act(member(&alice), post("@carol", "you"))), RefusalCode::NoSuchUser);
    let first = world.act(member(&alice), post("bob", "hi")).unwrap();
    assert_eq!(first.events.len(), 4);
    let log = first.events[0].log;
    let read = |user, seq| Change::Read { log, user, seq: Seq(seq) };
    assert_eq!(first.changes[..2], [alice.user, bob.user].map(|user| Change::Entered { log, user }));
    assert_eq!(first.changes[2..], [read(alice.user, 2)]);
    let place = stored(Ok(first));
    assert_eq!((place.log, place.room.as_str(), place.seq), (log, "@bob", Seq(2)));
    let answer = world.act(member(&bob), post("@Alice", "hello")).unwrap();
    assert_eq!((answer.events.len(), &answer.changes[..]), (1, &[read(bob.user, 3)][..]));
    let answered = stored(Ok(answer));
    assert_eq!((answered.log, answered.room.as_str(), answered.seq), (log, "@alice", Seq(3)));
    let opened = EventBody::DirectOpened(log, alice.user, "alice".into());
    assert_eq!(world.own(&bob)[1..], [opened]);
    assert_eq!(world.own(&alice)[1..], [EventBody::DirectOpened(log, bob.user, "bob".into())]);
    assert_eq!(code(world.act(member(&alice), Action::LeaveRoom { room: Target::User("bob".into()) })), RefusalCode::NoSuchRoom);
    let carol = world.register("carol");
    let pry = write_to(Target::Log(log), "x");
    assert_eq!(code(world.act(member(&carol), pry)), RefusalCode::NoSuchRoom);
    let page = memberships(&world.reader, bob.user, None).unwrap();
    assert_eq!((page.memberships[0].room.as_str(), page.memberships[0].head, page.more), ("@alice", Seq(3), false));
}

#[test]
fn nobody_writes_to_an_own_log() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let own = write_to(Target::Own, "x");
    assert_eq!(code(world.act(member(&alice), own)), RefusalCode::SelfMessage);
    let others = write_to(Target::Log(bob.own_log), "x");
    assert_eq!(code(world.act(member(&alice), others)), RefusalCode::NoSuchRoom);
    let follow = FollowRequest { log: Target::Log(bob.own_log), from: FollowFrom::Start };
    let refusal = begin_follow(&world.reader, alice.user, &follow).unwrap().unwrap_err();
    assert_eq!(refusal.code(), RefusalCode::NoSuchRoom);
    assert_eq!(
        follow_page(&world.reader, alice.user, bob.own_log, Seq(0), 9_999).unwrap().unwrap_err().code(),
        RefusalCode::NoSuchRoom
    );
}

#[test]
fn a_repeated_request_brings_its_first_outcome() {
    let mut world = World::new();
    let alice = world.register("alice");
    let actor = member(&alice);
    let ids: Vec<_> = (0..4).map(|_| world.fresh_id()).collect();
    let actions = [create("#ops", Visibility::Public), join("#ops"), post("#ops", "once"), leave("#ops")];
    let firsts: Vec<_> =
        ids.iter().zip(&actions).map(|(id, action)| world.run(actor, *id, action.clone()).unwrap().reply).collect();
    for ((id, action), first) in ids.iter().zip(&actions).zip(&firsts) {
        let again = world.run(actor, *id, action.clone()).unwrap();
        assert_eq!((&again.reply, again.replayed, again.events.len(), again.changes.len()), (first, true, 0, 0));
    }
    // By any name of the same log.
    let Reply::Stored(place) = &firsts[2] else { panic!() };
    let by_id = write_to(Target::Log(place.log), "once");
    assert!(world.run(actor, ids[2], by_id).unwrap().replayed);
}

#[test]
fn an_id_is_not_used_for_something_else() {
    let mut world = World::new();
    let alice = world.register("alice");
    world.register("bob");
    let actor = member(&alice);
    stored(world.act(actor, create("#ops", Visibility::Public)));
    stored(world.act(actor, create("#dev", Visibility::Public)));
    let (post_id, join_id) = (world.fresh_id(), world.fresh_id());
    stored(world.run(actor, post_id, post("#ops", "text")));
    stored(world.run(actor, join_id, join("#ops")));
    for (id, action) in [
        (post_id, post("#ops", "other text")),
        (post_id, post("#dev", "text")),
        (post_id, post("@bob", "text")),
        (post_id, post("#none", "text")),
        (post_id, join("#ops")),
        (join_id, join("#dev")),
        (join_id, leave("#ops")),
        (join_id, post("#ops", "text")),
        (join_id, create("#ops", Visibility::Public)),
    ] {
        assert_eq!(code(world.run(actor, id, action)), RefusalCode::IdReused);
    }
    // Ids are each user's own.
    let bob = account(
        world.act(stranger(99), Action::BindDevice { user: UserId(2), verified: "hash of bob".into(), device: device() }),
    );
    stored(world.act(member(&bob), join("#ops")));
    stored(world.run(member(&bob), post_id, post("#ops", "bob's text")));
}

#[test]
fn time_never_falls_within_a_log() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    world.step = 1_000_000;
    let late = stored(world.act(member(&alice), post("#ops", "late")));
    assert_eq!(late.time_ms, 1_000 + world.step, "it goes with the clock");
    world.step = 500;
    let early = stored(world.act(member(&alice), post("#ops", "clock set back")));
    assert_eq!((early.time_ms, early.seq), (late.time_ms, Seq(4)));
    assert_eq!(world.events(log, 1).len(), 4);
}

#[test]
fn each_event_of_a_command_has_a_salt_of_its_own() {
    let mut world = World::new();
    let alice = world.register("alice");
    let made = world.act(member(&alice), create("#ops", Visibility::Public)).unwrap();
    let salts: std::collections::BTreeSet<Vec<u8>> = made
        .events
        .iter()
        .map(|event| {
            let Ok(Notice::Event(told)) = Notice::decode(&event.told) else { panic!() };
            Event::decode(&told.event).unwrap().body.unwrap()[2..18].to_vec()
        })
        .collect();
    assert_eq!(salts.len(), 3);
}

#[test]
fn one_command_on_equal_databases_does_the_same() {
    let story = |world: &mut World| {
        let alice = world.register("alice");
        world.register("bob");
        stored(world.act(member(&alice), create("#ops", Visibility::Unlisted)));
        [world.act(member(&alice), post("@bob", "hi")), world.act(member(&alice), post("#ops", "hi"))]
    };
    assert_eq!(story(&mut World::new()), story(&mut World::new()));
}

#[test]
fn a_restart_keeps_everything() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let id = world.fresh_id();
    let first = stored(world.run(member(&alice), id, post("#ops", "kept")));
    let World { directory, db, reader, step, waited_ms, stopped_ms } = world;
    drop((db, reader));
    let db = Database::open(directory.path()).unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let mut world = World { directory, db, reader, step, waited_ms, stopped_ms };
    assert_eq!(stored(world.run(member(&alice), id, post("#ops", "kept"))), first);
    assert_eq!(stored(world.act(member(&alice), post("#ops", "new"))).seq, Seq(4));
    assert_eq!(world.events(log, 3), [posted("kept"), posted("new")]);
    assert!(world.directory.path().join("udpchat.db").exists());
}
