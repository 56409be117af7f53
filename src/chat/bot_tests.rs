//! Bots, their owners, tokens and scopes, told as stories over a real database.

use super::tests::{World, account, code, create, device, guest, join, leave, member, post, stored, stranger};
use super::*;
use crate::message::{
    Account, AccountKind, CODE_LEN, Code, CodeHash, Deed, EventBody, GoodScope, LogId, Mark, MembershipPage, Reach, RefusalCode,
    Reply, Right, RightSet, RoomName, Seq, Target, Texts, UserName, Visibility,
};

const WEEK_MS: u64 = 7 * 24 * 3_600_000;

fn token(number: u8) -> CodeHash {
    Code::new([number; CODE_LEN]).hash()
}

fn name(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

/// Without rooms, everywhere.
fn scope(rooms: &[&str], rights: &[Right]) -> GoodScope {
    let rooms = (!rooms.is_empty()).then(|| rooms.iter().map(|room| RoomName::parse(room).unwrap()).collect());
    GoodScope { rooms, rights: RightSet::of(rights) }
}

fn create_bot(bot: &str, number: u8, scope: GoodScope) -> Action {
    Action::CreateBot { name: name(bot), token: token(number), scope }
}

fn renew(bot: &str, number: u8, scope: GoodScope) -> Action {
    Action::RenewBot { name: name(bot), token: token(number), scope }
}

fn bind_bot(bot: &str, number: u8) -> Action {
    Action::BindBot { name: name(bot), token: token(number), device: device() }
}

/// Alice, who owns #in and #out.
fn world() -> (World, Account) {
    let mut world = World::new();
    let alice = world.register("alice");
    for room in ["#in", "#out"] {
        stored(world.act(member(&alice), create(room, Visibility::Public)));
    }
    (world, alice)
}

/// Alice's bot, with a device of this scope.
fn bot(world: &mut World, alice: &Account, scope: GoodScope) -> Account {
    assert_eq!(world.act(member(alice), create_bot("helper", 1, scope)).unwrap().reply, Reply::Done);
    account(world.act(stranger(50), bind_bot("helper", 1)))
}

fn disable(world: &World, user: &str) {
    let database = rusqlite::Connection::open(world.directory.path().join("udpchat.db")).unwrap();
    assert_eq!(database.execute("UPDATE users SET enabled = 0 WHERE name = ?1", [user]).unwrap(), 1);
}

#[test]
fn a_token_makes_one_device_a_bots() {
    let (mut world, alice) = world();
    let made = bot(&mut world, &alice, scope(&["#in"], &[Right::Read, Right::Post]));
    assert_eq!((made.name.as_str(), made.kind, made.is_guest()), ("helper", AccountKind::Bot, false));
    assert_eq!(account(world.act(stranger(50), bind_bot("helper", 1))), made, "a repeat");
    assert_eq!(code(world.act(stranger(51), bind_bot("helper", 1))), RefusalCode::WrongToken, "once");
    let seen = profile(&world.reader, "helper").unwrap().unwrap();
    assert_eq!((seen.kind, seen.owner.as_deref()), (AccountKind::Bot, Some("alice")));
    stored(world.act(member(&made), join("#in")));
    let people = who(&world.reader, alice.user, &Target::Room("#in".into()), 0).unwrap().unwrap().members;
    assert_eq!(people.iter().map(|member| member.kind).collect::<Vec<_>>(), [AccountKind::Person, AccountKind::Bot]);
    let page = bots(&world.reader, alice.user, 0).unwrap();
    assert_eq!((page.bots.len(), page.more, page.bots[0].keys.len()), (1, false, 1));
    let key = &page.bots[0].keys[0];
    assert_eq!((key.device, &key.scope.reach), (Some(made.device), &Reach::Rooms(vec!["#in".into()])));
    assert_eq!(key.scope.rights, [Right::Read, Right::Post]);
    assert_eq!(bots(&world.reader, made.user, 0).unwrap().bots, []);
}

#[test]
fn a_token_grows_old_and_is_good_for_its_bot_only() {
    let (mut world, alice) = world();
    let everywhere = || scope(&[], &[Right::Read]);
    world.act(member(&alice), create_bot("helper", 1, everywhere())).unwrap();
    world.act(member(&alice), create_bot("other", 2, everywhere())).unwrap();
    assert_eq!(code(world.act(stranger(50), bind_bot("other", 1))), RefusalCode::WrongToken);
    assert_eq!(code(world.act(member(&alice), renew("helper", 2, everywhere()))), RefusalCode::IdReused);
    world.later(WEEK_MS);
    assert_eq!(code(world.act(stranger(50), bind_bot("helper", 1))), RefusalCode::WrongToken);
    world.act(member(&alice), renew("helper", 3, everywhere())).unwrap();
    assert_eq!(bots(&world.reader, alice.user, 0).unwrap().bots[0].keys.len(), 1, "the old one is cleared away");
    account(world.act(stranger(50), bind_bot("helper", 3)));
}

#[test]
fn within_its_scope_a_bot_does_what_members_do_and_nothing_beyond_it() {
    let (mut world, alice) = world();
    let bound = bot(&mut world, &alice, scope(&["#in"], &[Right::Read, Right::Post]));
    // The bot is in both rooms and keeps order in both, by a device that may more.
    world.act(member(&alice), renew("helper", 2, scope(&[], &Right::ALL))).unwrap();
    let free = account(world.act(stranger(51), bind_bot("helper", 2)));
    for room in ["#in", "#out"] {
        stored(world.act(member(&free), join(room)));
        let room = Target::Room(room.into());
        let deed = Deed::Role(crate::message::Role::Moderator);
        stored(world.act(member(&alice), Action::Moderate { room, user: "helper".into(), deed }));
    }
    let others = stored(world.act(member(&alice), post("#in", "from alice")));
    let outside = stored(world.act(member(&alice), post("#out", "from alice")));
    let mine = stored(world.act(member(&bound), post("#in", "beep")));
    let out = |world: &mut World, action: Action| assert_eq!(code(world.act(member(&bound), action)), RefusalCode::OutOfScope);
    let mark = |log: LogId, seq: Seq, mark: Mark| Action::Mark { log: Target::Log(log), seq, mark };
    out(&mut world, post("#out", "beep"));
    out(&mut world, post("@alice", "beep"));
    out(&mut world, post("#nowhere", "beep"));
    out(&mut world, mark(outside.log, outside.seq, Mark::React("+1".into())));
    out(&mut world, mark(others.log, others.seq, Mark::Delete));
    out(&mut world, mark(others.log, others.seq, Mark::Pin));
    out(&mut world, leave("#out"));
    out(&mut world, create("#new", Visibility::Public));
    out(&mut world, create_bot("child", 9, scope(&[], &[Right::Read])));
    out(&mut world, Action::MarkRead { log: Target::Log(outside.log), seq: outside.seq });
    out(&mut world, Action::Moderate { room: Target::Log(mine.log), user: "alice".into(), deed: Deed::Invite });
    stored(world.act(member(&bound), mark(others.log, others.seq, Mark::React("+1".into()))));
    stored(world.act(member(&bound), mark(mine.log, mine.seq, Mark::Delete)));
    stored(world.act(member(&free), mark(others.log, others.seq, Mark::Delete)));
    stored(world.act(member(&free), post("@alice", "beep")));
}

#[test]
fn what_a_bot_reads_is_held_to_the_scope_of_its_device() {
    let (mut world, alice) = world();
    let bound = bot(&mut world, &alice, scope(&["#in"], &[Right::Read]));
    world.act(member(&alice), renew("helper", 2, scope(&[], &[Right::Post]))).unwrap();
    let writer = account(world.act(stranger(51), bind_bot("helper", 2)));
    let rooms = ["#in", "#out"].map(|room| stored(world.act(member(&writer), join(room))).log);
    let may = |world: &World, asker: &Account, need: Need| {
        may_read(&world.reader, asker.user, asker.device, &need).unwrap().map_err(|refusal| refusal.code())
    };
    let place = |place: Target| Need::In(place, Right::Read);
    let sight = may(&world, &bound, place(Target::Log(rooms[0]))).unwrap();
    let mut page: MembershipPage = memberships(&world.reader, bound.user, None).unwrap();
    sight.narrow(&mut page);
    assert_eq!(page.memberships.iter().map(|membership| membership.log).collect::<Vec<_>>(), rooms[..1]);
    assert!(may(&world, &bound, place(Target::Own)).is_ok());
    assert!(may(&world, &bound, place(Target::Log(bound.own_log))).is_ok());
    for need in [place(Target::Log(rooms[1])), place(Target::Room("#out".into())), place(Target::User("alice".into()))] {
        assert_eq!(may(&world, &bound, need), Err(RefusalCode::OutOfScope));
    }
    assert_eq!(may(&world, &bound, Need::Person), Err(RefusalCode::OutOfScope));
    assert_eq!(may(&world, &bound, Need::EveryRoom), Err(RefusalCode::OutOfScope));
    assert_eq!(may(&world, &writer, place(Target::Log(rooms[0]))), Err(RefusalCode::OutOfScope));
    assert_eq!(may(&world, &writer, Need::EveryRoom), Err(RefusalCode::OutOfScope));
    assert!(may(&world, &alice, Need::Person).is_ok());
}

#[test]
fn a_revoked_bot_says_no_more_until_its_owner_gives_it_another_token() {
    let (mut world, alice) = world();
    let made = bot(&mut world, &alice, scope(&[], &[Right::Post]));
    stored(world.act(member(&made), join("#in")));
    world.act(member(&alice), renew("helper", 2, scope(&[], &[Right::Post]))).unwrap();
    let later = crate::message::PostRequest {
        id: world.fresh_id(),
        to: Target::Room("#in".into()),
        text: "late".into(),
        reply_to: None,
        payload: None,
    };
    let (id, at_ms) = (later.id, world.time_ms() + 50);
    world.run(member(&made), id, Action::Schedule { post: later, at_ms }).unwrap();
    let mallory = world.register("mallory");
    let revoke = || Action::RevokeBot { name: name("helper") };
    assert_eq!(code(world.act(member(&mallory), revoke())), RefusalCode::NoSuchBot);
    assert_eq!(code(world.act(member(&mallory), renew("helper", 7, scope(&[], &[Right::Read])))), RefusalCode::NoSuchBot);
    let outcome = world.act(member(&alice), revoke()).unwrap();
    assert_eq!(outcome.changes, [Change::DeviceRevoked { device: made.device }]);
    assert_eq!(world.own(&made).last(), Some(&EventBody::DeviceRevoked(made.device)));
    assert_eq!(code(world.act(member(&made), post("#in", "beep"))), RefusalCode::DeviceRevoked);
    assert_eq!(code(world.act(stranger(51), bind_bot("helper", 2))), RefusalCode::WrongToken);
    world.wait_until(at_ms + 10);
    let events = world.act(Actor::Server, Action::Chore { what: ChoreTry::Run, guest_days: 30 }).unwrap().events;
    assert!(events.iter().all(|event| event.log == made.own_log), "what it planned is void");
    world.act(member(&alice), renew("helper", 3, scope(&[], &[Right::Post]))).unwrap();
    let again = account(world.act(stranger(52), bind_bot("helper", 3)));
    stored(world.act(member(&again), post("#in", "back")));
}

#[test]
fn a_bot_goes_with_its_owner() {
    let (mut world, alice) = world();
    let made = bot(&mut world, &alice, scope(&[], &[Right::Post]));
    stored(world.act(member(&made), join("#in")));
    world.act(member(&alice), renew("helper", 2, scope(&[], &[Right::Post]))).unwrap();
    disable(&world, "alice");
    assert_eq!(code(world.act(member(&made), post("#in", "beep"))), RefusalCode::AccountDisabled);
    assert_eq!(code(world.act(stranger(51), bind_bot("helper", 2))), RefusalCode::AccountDisabled);
    let owner = account_of_key(&world.reader, &super::tests::key(50)).unwrap();
    assert!(matches!(owner, KeyOwner::Refused(refusal) if refusal.code() == RefusalCode::AccountDisabled));
}

#[test]
fn a_deleted_owner_takes_the_bots_along() {
    let (mut world, alice) = world();
    let made = bot(&mut world, &alice, scope(&[], &[Right::Post]));
    stored(world.act(member(&made), join("#in")));
    stored(world.act(member(&made), post("#in", "beep")));
    world.act(member(&alice), create_bot("unborn", 2, scope(&[], &[Right::Post]))).unwrap();
    let verified = Some(world.reader.snapshot(|tables| tables.user(alice.user)).unwrap().unwrap().password_hash.unwrap());
    let outcome = world.act(member(&alice), Action::DeleteAccount { verified, texts: Texts::AreErased }).unwrap();
    assert!(outcome.changes.contains(&Change::AccountEnded { user: made.user }));
    assert!(outcome.changes.contains(&Change::DeviceRevoked { device: made.device }));
    assert_eq!(code(world.act(stranger(51), bind_bot("unborn", 2))), RefusalCode::WrongToken);
    super::retention_tests::do_all_chores(&mut world);
    let bob = world.register("bob");
    let room = stored(world.act(member(&bob), join("#in"))).log;
    assert!(!world.events(room, 1).contains(&super::tests::posted("beep")));
    assert_eq!(profile(&world.reader, "helper").unwrap().unwrap_err().code(), RefusalCode::NoSuchUser);
}

#[test]
fn only_people_own_bots_and_give_them_only_what_they_are_in() {
    let (mut world, alice) = world();
    let visitor = account(world.act(stranger(60), guest("visitor")));
    let all = || scope(&[], &[Right::Read]);
    assert_eq!(code(world.act(member(&visitor), create_bot("helper", 1, all()))), RefusalCode::NotForGuests);
    assert_eq!(code(world.act(member(&alice), create_bot("alice", 1, all()))), RefusalCode::NameTaken);
    let bob = world.register("bob");
    stored(world.act(member(&bob), create("#hidden", Visibility::Unlisted)));
    let hidden = create_bot("helper", 1, scope(&["#hidden"], &[Right::Read]));
    assert_eq!(code(world.act(member(&alice), hidden)), RefusalCode::NoSuchRoom);
    assert_eq!(code(world.act(stranger(61), bind_bot("helper", 1))), RefusalCode::WrongToken, "nothing was made");
}

#[test]
fn bots_and_their_keys_have_caps() {
    let (mut world, alice) = world();
    for number in 0..BOTS_MAX {
        let made = create_bot(&format!("bot{number}"), u8::try_from(number).unwrap(), scope(&[], &[Right::Read]));
        world.act(member(&alice), made).unwrap();
    }
    assert_eq!(code(world.act(member(&alice), create_bot("more", 99, scope(&[], &[Right::Read])))), RefusalCode::LimitReached);
    for number in 1..BOT_KEYS_MAX {
        let token = 100 + u8::try_from(number).unwrap();
        world.act(member(&alice), renew("bot0", token, scope(&["#in"], &[Right::Read]))).unwrap();
    }
    assert_eq!(code(world.act(member(&alice), renew("bot0", 200, scope(&[], &[Right::Read])))), RefusalCode::LimitReached);
    let page = bots(&world.reader, alice.user, 0).unwrap();
    assert_eq!((page.bots.len(), page.bots[0].keys.len(), page.more), (BOTS_MAX, BOT_KEYS_MAX, false));
    let rest = bots(&world.reader, alice.user, page.bots[0].user.0).unwrap();
    assert_eq!(rest.bots, page.bots[1..]);
}
