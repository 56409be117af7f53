//! Keeping order, as stories: who may do what to whom, and who sees what afterwards.

use super::tests::{World, code, create, join, leave, member, new_room, post, posted, stored};
use super::*;
use crate::message::{
    Account, BODY_LEN_MAX, Deed, Event, EventBody, FollowFrom, FollowRequest, GoodChanges, HistoryFrom, HistoryRequest,
    IgnoredUser, ListKind, LogId, Mark, Phrase, PickRequest, PutOut, RefusalCode, Reply, Role, RoomEvent, RoomSearch, Seq,
    Setting, Target, Template, Text, TicketState, UserId, Visibility, Wish,
};

fn room(name: &str) -> Target {
    Target::Room(name.into())
}

fn doing(name: &str, user: &Account, deed: Deed) -> Action {
    Action::Moderate { room: room(name), user: user.name.clone(), deed }
}

fn kick() -> Deed {
    Deed::Kick("noise".into())
}

fn ban() -> Deed {
    Deed::Ban("noise".into())
}

/// Alice owns `#ops`, mod moderates it, bob and carol are in it.
fn ops(visibility: Visibility) -> (World, [Account; 4], LogId) {
    let mut world = World::new();
    let people = ["alice", "mod", "bob", "carol"].map(|name| world.register(name));
    let log = stored(world.act(member(&people[0]), create("#ops", visibility))).log;
    for person in &people[1..] {
        stored(world.act(member(person), join("#ops")));
    }
    stored(world.act(member(&people[0]), doing("#ops", &people[1], Deed::Role(Role::Moderator))));
    (world, people, log)
}

fn may_read(world: &World, who: &Account, log: LogId) -> bool {
    let history_request = HistoryRequest { log: Target::Log(log), from: HistoryFrom::Last, count: 10 };
    let page = history(&world.reader, who.user, &history_request, PAGE_LEN_MAX).unwrap();
    let following = begin_follow(&world.reader, who.user, &FollowRequest { log: Target::Log(log), from: FollowFrom::Start });
    assert_eq!(page.is_ok(), following.unwrap().is_ok(), "one answer for both ways to read");
    page.is_ok()
}

#[test]
fn ranks_decide_who_does_what_to_whom() {
    let (mut world, [alice, moderator, bob, carol], _) = ops(Visibility::Public);
    for deed in [kick(), ban(), Deed::Mute(60), Deed::Unban] {
        assert_eq!(code(world.act(member(&bob), doing("#ops", &carol, deed))), RefusalCode::NotModerator);
    }
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &alice, ban()))), RefusalCode::NotOwner);
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &bob, Deed::Role(Role::Moderator)))), RefusalCode::NotOwner);
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &moderator, kick()))), RefusalCode::SelfMessage);
    stored(world.act(member(&alice), doing("#ops", &carol, Deed::Role(Role::Moderator))));
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &carol, kick()))), RefusalCode::NotOwner);
    stored(world.act(member(&alice), doing("#ops", &carol, kick())));
    stored(world.act(member(&moderator), doing("#ops", &bob, kick())));
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &bob, kick()))), RefusalCode::NotInRoom);
    assert_eq!(code(world.act(member(&bob), doing("#ops", &carol, ban()))), RefusalCode::NotMember);
}

#[test]
fn who_is_put_out_reads_nothing_more_and_hears_why() {
    for visibility in [Visibility::Public, Visibility::Unlisted] {
        for (deed, how) in [(kick(), PutOut::Kicked), (ban(), PutOut::Banned)] {
            let (mut world, [alice, _, bob, _], log) = ops(visibility);
            assert!(may_read(&world, &bob, log));
            let ran = world.act(member(&alice), doing("#ops", &bob, deed)).unwrap();
            assert_eq!(ran.changes, [Change::Left { log, user: bob.user }], "follows end with the commit");
            let at = stored(Ok(ran)).seq;
            stored(world.act(member(&alice), post("#ops", "now that they are gone")));
            assert!(!may_read(&world, &bob, log));
            assert!(code(world.act(member(&bob), post("#ops", "hey"))) == RefusalCode::NotMember);
            // A page that was asked for before ends at the deed itself.
            let page = follow_page(&world.reader, bob.user, log, Seq(0), PAGE_LEN_MAX).unwrap().unwrap();
            assert_eq!((page.head, page.member), (at, false));
            assert_eq!(*world.own(&bob).last().unwrap(), EventBody::PutOutOf(log, "ops".into(), how, "noise".into()));
        }
    }
}

#[test]
fn a_ban_holds_until_it_is_lifted() {
    let (mut world, [alice, moderator, bob, _], _) = ops(Visibility::Public);
    stored(world.act(member(&moderator), doing("#ops", &bob, ban())));
    assert_eq!(code(world.act(member(&bob), join("#ops"))), RefusalCode::Banned);
    assert_eq!(code(world.act(member(&alice), doing("#ops", &bob, Deed::Invite))), RefusalCode::Banned);
    stored(world.act(member(&moderator), doing("#ops", &bob, Deed::Unban)));
    assert_eq!(code(world.act(member(&moderator), doing("#ops", &bob, Deed::Unban))), RefusalCode::NotInRoom);
    stored(world.act(member(&bob), join("#ops")));
    // Somebody who was never in can be kept out as well.
    let eve = world.register("eve");
    stored(world.act(member(&moderator), doing("#ops", &eve, ban())));
    assert_eq!(code(world.act(member(&eve), join("#ops"))), RefusalCode::Banned);
}

#[test]
fn a_muted_member_reads_and_does_not_write() {
    let (mut world, [alice, moderator, bob, _], log) = ops(Visibility::Public);
    stored(world.act(member(&moderator), doing("#ops", &bob, Deed::Mute(60))));
    assert_eq!(code(world.act(member(&bob), post("#ops", "mm"))), RefusalCode::Muted);
    assert!(may_read(&world, &bob, log));
    let until_ms = world.time_ms() + 60_000;
    world.wait_until(until_ms);
    stored(world.act(member(&bob), post("#ops", "at last")));
    stored(world.act(member(&moderator), doing("#ops", &bob, Deed::Mute(60))));
    stored(world.act(member(&alice), doing("#ops", &bob, Deed::Mute(0))));
    stored(world.act(member(&bob), post("#ops", "thanks")));
    let too_long = Deed::Mute(crate::message::MUTE_S_MAX + 1);
    assert_eq!(code(world.act(member(&alice), doing("#ops", &bob, too_long))), RefusalCode::OutOfRange);
}

#[test]
fn an_invitation_opens_any_door_once() {
    let mut world = World::new();
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(|name| world.register(name));
    let wish = NewRoom { password_hash: Some("phc".into()), ..new_room("#den", Visibility::InviteOnly) };
    let log = stored(world.act(member(&alice), Action::CreateRoom(wish))).log;
    assert_eq!(code(world.act(member(&bob), join("#den"))), RefusalCode::InviteOnly);
    let invited = world.act(member(&alice), doing("#den", &bob, Deed::Invite)).unwrap();
    assert_eq!(invited.events.len(), 2);
    assert_eq!(*world.own(&bob).last().unwrap(), EventBody::InvitedTo(log, "den".into()));
    let again = world.act(member(&alice), doing("#den", &bob, Deed::Invite)).unwrap();
    assert!(again.events.is_empty(), "nobody is invited twice");
    assert!(!may_read(&world, &bob, log), "invited is not in");
    stored(world.act(member(&bob), join("#den")));
    assert_eq!(code(world.act(member(&bob), doing("#den", &carol, Deed::Invite))), RefusalCode::NotModerator);
    stored(world.act(member(&bob), leave("#den")));
    assert_eq!(code(world.act(member(&bob), join("#den"))), RefusalCode::InviteOnly, "it was for once");
    // Where everybody may come, everybody may invite, but not whom one is ignored by.
    stored(world.act(member(&alice), create("#open", Visibility::Public)));
    stored(world.act(member(&bob), join("#open")));
    stored(world.act(member(&bob), doing("#open", &carol, Deed::Invite)));
    world.act(member(&dave), Action::Ignore { user: "bob".into(), wish: Wish::Ignore }).unwrap();
    assert_eq!(code(world.act(member(&bob), doing("#open", &dave, Deed::Invite))), RefusalCode::Ignored);
}

#[test]
fn a_room_is_given_to_another_owner() {
    let (mut world, [alice, _, bob, _], log) = ops(Visibility::Public);
    stored(world.act(member(&alice), doing("#ops", &bob, Deed::Role(Role::Owner))));
    let page = who(&world.reader, bob.user, &Target::Log(log), 0).unwrap().unwrap();
    let owners: Vec<_> = page.members.iter().filter(|member| member.role == Role::Owner).map(|member| member.user).collect();
    assert_eq!(owners, [bob.user], "there is always one");
    stored(world.act(member(&alice), leave("#ops")));
    assert_eq!(code(world.act(member(&bob), leave("#ops"))), RefusalCode::OwnerStays);
}

#[test]
fn the_log_is_the_audit() {
    let (mut world, [alice, moderator, bob, _], log) = ops(Visibility::Public);
    for number in 0..AUDIT_SCAN_MAX {
        stored(world.act(member(&bob), post("#ops", &format!("{number}"))));
    }
    stored(world.act(member(&moderator), doing("#ops", &bob, kick())));
    let code = |who: &Account| audit(&world.reader, who.user, &Target::Log(log), Seq(0)).unwrap().map_err(|no| no.code());
    assert_eq!(code(&bob), Err(RefusalCode::NotMember));
    let first = code(&alice).unwrap();
    let kinds = |page: &crate::message::EventPage| -> Vec<u16> {
        page.events.iter().map(|told| Event::decode(&told.event).unwrap().content().kind()).collect()
    };
    assert_eq!((kinds(&first), first.more), (vec![5], true), "a page looks through so many events");
    let before = Seq(first.after.0 + 1);
    let second = audit(&world.reader, alice.user, &Target::Log(log), before).unwrap().unwrap();
    assert_eq!((kinds(&second), second.more), (vec![8], false), "mod was made a moderator");
}

#[test]
fn moderators_read_what_members_report() {
    let (mut world, [alice, moderator, bob, carol], log) = ops(Visibility::Public);
    let seq = stored(world.act(member(&bob), post("#ops", "rude"))).seq;
    let report = |seq, reason: &str| Action::Report { room: room("#ops"), seq, reason: Phrase::parse(reason).unwrap() };
    assert_eq!(world.act(member(&carol), report(seq, "rude")).unwrap().reply, Reply::Done);
    assert_eq!(code(world.act(member(&carol), report(Seq(999), ""))), RefusalCode::OutOfRange);
    let read = |world: &World, who: &Account| reports(&world.reader, who.user, &Target::Log(log), Seq(0)).unwrap();
    assert_eq!(read(&world, &bob).unwrap_err().code(), RefusalCode::NotModerator);
    for keeper in [&alice, &moderator] {
        let page = read(&world, keeper).unwrap();
        let told: Vec<_> =
            page.reports.iter().map(|report| (report.seq, &*report.author, &*report.reporter, &*report.reason)).collect();
        assert_eq!(told, [(seq, "bob", "carol", "rude")]);
    }
    for _ in 0..REPORTS_PER_MEMBER_MAX {
        let seq = stored(world.act(member(&bob), post("#ops", "more"))).seq;
        world.act(member(&carol), report(seq, "more")).unwrap();
    }
    let page = read(&world, &alice).unwrap();
    assert_eq!(page.reports.len() as u64, REPORTS_PER_MEMBER_MAX);
    assert!(page.reports.iter().all(|report| report.reason == "more"), "the oldest made way");
}

#[test]
fn who_is_ignored_cannot_write_to_one() {
    let mut world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let ignore = |user: &str, wish| Action::Ignore { user: user.into(), wish };
    assert_eq!(code(world.act(member(&alice), ignore("alice", Wish::Ignore))), RefusalCode::SelfMessage);
    world.act(member(&alice), ignore("bob", Wish::Ignore)).unwrap();
    assert_eq!(code(world.act(member(&bob), post("@alice", "hi"))), RefusalCode::Ignored);
    world.act(member(&alice), ignore("@bob", Wish::Hear)).unwrap();
    stored(world.act(member(&bob), post("@alice", "hi")));
    world.act(member(&alice), ignore("bob", Wish::Ignore)).unwrap();
    assert_eq!(code(world.act(member(&bob), post("@alice", "still there?"))), RefusalCode::Ignored);
    stored(world.act(member(&alice), post("@bob", "I only write")));
    let names: Vec<String> = ignored(&world.reader, alice.user).unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["bob"]);
}

#[test]
fn lists_at_the_door_and_of_the_ignored_have_caps() {
    let mut world = World::new();
    let alice = world.register("alice");
    stored(world.act(member(&alice), create("#ops", Visibility::InviteOnly)));
    let others: Vec<Account> = (0..=DOOR_LIST_MAX).map(|number| world.register(&format!("user{number}x"))).collect();
    let (last, most) = others.split_last().unwrap();
    for deed in [Deed::Invite, Deed::Ban(String::new())] {
        for other in most {
            stored(world.act(member(&alice), doing("#ops", other, deed.clone())));
        }
        assert_eq!(code(world.act(member(&alice), doing("#ops", last, deed))), RefusalCode::LimitReached);
    }
    let ignore = |other: &Account| Action::Ignore { user: other.name.clone(), wish: Wish::Ignore };
    for other in &others[..IGNORED_MAX] {
        world.act(member(&alice), ignore(other)).unwrap();
    }
    assert_eq!(code(world.act(member(&alice), ignore(last))), RefusalCode::LimitReached);
}

#[test]
fn the_longest_list_of_the_ignored_fits_a_reply() {
    let longest = IgnoredUser { user: UserId(u64::MAX), name: "𠀀".repeat(32) };
    let list = Reply::Ignored(vec![longest; IGNORED_MAX]);
    assert!(list.encode(0).len() <= BODY_LEN_MAX);
}

#[test]
fn a_room_keeps_so_many_reports() {
    let mut world = World::new();
    let alice = world.register("alice");
    let log = stored(world.act(member(&alice), create("#ops", Visibility::Public))).log;
    let seqs: Vec<Seq> = (0..REPORTS_PER_MEMBER_MAX).map(|_| stored(world.act(member(&alice), post("#ops", "x"))).seq).collect();
    let reporters = REPORTS_MAX / REPORTS_PER_MEMBER_MAX + 1;
    for number in 0..reporters {
        let reporter = world.register(&format!("user{number}x"));
        stored(world.act(member(&reporter), join("#ops")));
        for seq in &seqs {
            let report = Action::Report { room: room("#ops"), seq: *seq, reason: Phrase::default() };
            world.act(member(&reporter), report).unwrap();
        }
    }
    let (mut count, mut after) = (0, Seq(0));
    loop {
        let page = reports(&world.reader, alice.user, &Target::Log(log), after).unwrap().unwrap();
        count += page.reports.len() as u64;
        let Some(last) = page.reports.last().filter(|_| page.more) else { break };
        after = last.seq;
    }
    assert!(count <= REPORTS_MAX, "{count}");
}

#[test]
fn rooms_are_found_by_words_and_tags() {
    let mut world = World::new();
    let alice = world.register("alice");
    let mut make = |name: &str, topic: &str, tags: &[&str]| {
        let settings = vec![Setting::Tags(tags.iter().map(|tag| (*tag).to_owned()).collect())];
        let changes = GoodChanges { topic: Phrase::parse(topic), settings, archived: None };
        stored(world.act(member(&alice), Action::CreateRoom(NewRoom { changes, ..new_room(name, Visibility::Public) })));
    };
    make("#rust", "the language", &["code", "help"]);
    make("#garden", "what grows", &["green"]);
    make("#ops", "Rust and other corrosion", &["code"]);
    let found = |text: Option<&str>, tag: Option<&str>| -> Vec<String> {
        let search = RoomSearch { text: text.map(str::to_owned), tag: tag.map(str::to_owned), ..RoomSearch::default() };
        rooms(&world.reader, alice.user, &search).unwrap().rooms.into_iter().map(|room| room.name).collect()
    };
    assert_eq!(found(None, None), ["#garden", "#ops", "#rust"]);
    assert_eq!(found(Some("RUST"), None), ["#ops", "#rust"]);
    assert_eq!(found(None, Some("Code")), ["#ops", "#rust"]);
    assert_eq!(found(Some("lang"), Some("code")), ["#rust"]);
    assert!(found(Some("%"), None).is_empty() && found(None, Some("two words")).is_empty());
    let settings = room_settings(&world.reader, alice.user, &room("#rust")).unwrap().unwrap();
    assert_eq!((settings.topic.as_str(), settings.tags), ("the language", vec!["code".to_owned(), "help".to_owned()]));
}

#[test]
fn long_topics_make_shorter_pages() {
    let mut world = World::new();
    let alice = world.register("alice");
    for number in 0..ROOMS_PAGE {
        let changes = GoodChanges { topic: Phrase::parse(&"x".repeat(512)), ..GoodChanges::default() };
        let wish = NewRoom { changes, ..new_room(&format!("#room{number}x"), Visibility::Public) };
        stored(world.act(member(&alice), Action::CreateRoom(wish)));
    }
    let (mut names, mut search) = (Vec::new(), RoomSearch::default());
    loop {
        let page = rooms(&world.reader, alice.user, &search).unwrap();
        assert!(Reply::Rooms(page.clone()).encode(0).len() < 60_000);
        names.extend(page.rooms.iter().map(|room| room.name.clone()));
        if !page.more {
            break;
        }
        search.after = names.last().map(|name| name.trim_start_matches('#').to_owned());
    }
    assert_eq!(names.len(), ROOMS_PAGE);
}

#[test]
fn a_desk_gives_each_visitor_a_ticket_of_their_own() {
    let mut world = World::new();
    let [alice, helper, guest, other] = ["alice", "helper", "guest", "other"].map(|name| world.register(name));
    let desk = NewRoom { template: Template::Ticket, ..new_room("#desk", Visibility::InviteOnly) };
    stored(world.act(member(&alice), Action::CreateRoom(desk)));
    stored(world.act(member(&alice), doing("#desk", &helper, Deed::Invite)));
    stored(world.act(member(&helper), join("#desk")));
    let open = || Action::OpenTicket { desk: room("#desk") };
    let ticket = stored(world.act(member(&guest), open()));
    assert_eq!(ticket.room, "#desk-guest");
    assert_eq!(stored(world.act(member(&guest), open())).log, ticket.log, "one for each");
    for staff in [&alice, &helper] {
        assert_eq!(*world.own(staff).last().unwrap(), EventBody::InvitedTo(ticket.log, "desk-guest".into()));
        stored(world.act(member(staff), join("#desk-guest")));
    }
    assert_eq!(code(world.act(member(&other), join("#desk-guest"))), RefusalCode::InviteOnly);
    let state = |state| Action::ChangeRoom {
        room: room("#desk-guest"),
        password_hash: None,
        changes: GoodChanges { settings: vec![Setting::Ticket(state)], ..GoodChanges::default() },
    };
    assert_eq!(code(world.act(member(&guest), state(TicketState::Resolved))), RefusalCode::NotModerator);
    stored(world.act(member(&helper), state(TicketState::Assigned)));
    stored(world.act(member(&helper), state(TicketState::Resolved)));
    stored(world.act(member(&guest), open()));
    let settings = room_settings(&world.reader, guest.user, &room("#desk-guest")).unwrap().unwrap();
    assert_eq!(settings.ticket, TicketState::Open, "who comes again opens it again");
    assert_eq!(code(world.act(member(&other), Action::OpenTicket { desk: room("#desk-guest") })), RefusalCode::BadSetting);
    // A number that was guessed tells no name of a hidden room.
    let guessed = Action::OpenTicket { desk: Target::Log(ticket.log) };
    assert_eq!(code(world.act(member(&other), guessed)), RefusalCode::NoSuchRoom);
    // A name that somebody else took is not one's ticket.
    stored(world.act(member(&guest), create("#desk-other", Visibility::Public)));
    assert_eq!(code(world.act(member(&other), open())), RefusalCode::RoomTaken);
}

#[test]
fn in_a_class_moderators_announce() {
    let mut world = World::new();
    let (teacher, pupil) = (world.register("teacher"), world.register("pupil"));
    let class = NewRoom { template: Template::Class, ..new_room("#class", Visibility::Public) };
    let log = stored(world.act(member(&teacher), Action::CreateRoom(class))).log;
    stored(world.act(member(&pupil), join("#class")));
    stored(world.act(member(&teacher), post("#class", "lesson")));
    assert_eq!(code(world.act(member(&pupil), post("#class", "hello"))), RefusalCode::AnnouncementsOnly);
    assert!(world.events(log, 1).contains(&posted("lesson")));
    assert!(world.events(log, 1).iter().any(|body| matches!(body, EventBody::Room(RoomEvent::Settings(_)))));
}

#[test]
fn leaving_and_coming_back_ends_no_mute_and_no_pause_of_slow_mode() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.register(name));
    stored(world.act(member(&alice), create("#ops", Visibility::Public)));
    stored(world.act(member(&bob), join("#ops")));
    stored(world.act(member(&carol), join("#ops")));
    let mute = Action::Moderate { room: Target::Room("#ops".into()), user: "bob".into(), deed: Deed::Mute(3_600) };
    stored(world.act(member(&alice), mute));
    stored(world.act(member(&alice), super::retention_tests::set("#ops", vec![Setting::Slow(600)])));
    stored(world.act(member(&carol), post("#ops", "one")));
    for person in [&bob, &carol] {
        stored(world.act(member(person), leave("#ops")));
        stored(world.act(member(person), join("#ops")));
    }
    assert_eq!(code(world.act(member(&bob), post("#ops", "again"))), RefusalCode::Muted);
    assert_eq!(code(world.act(member(&carol), post("#ops", "again"))), RefusalCode::SlowMode);
}

#[test]
fn in_a_class_a_question_is_a_thread_that_its_asker_resolves() {
    let mut world = World::new();
    let people = ["teacher", "anna", "ben"].map(|name| world.register(name));
    let [teacher, anna, ben] = &people;
    let class = NewRoom { template: Template::Class, ..new_room("#class", Visibility::Public) };
    let log = stored(world.act(member(teacher), Action::CreateRoom(class))).log;
    let lesson = stored(world.act(member(teacher), post("#class", "lesson"))).seq;
    let answer = |to: Seq, text: &str| {
        let draft = Draft::plain(Target::Log(log), Text::parse(text).unwrap());
        Action::Post(Draft { reply_to: Some(to), ..draft })
    };
    for pupil in [anna, ben] {
        stored(world.act(member(pupil), join("#class")));
    }
    let first = stored(world.act(member(anna), answer(lesson, "why?"))).seq;
    let second = stored(world.act(member(ben), answer(lesson, "how?"))).seq;
    let answered = stored(world.act(member(ben), answer(first, "because"))).seq;
    stored(world.act(member(anna), answer(answered, "I see")));
    let open = |world: &World| {
        let request = PickRequest { log: Target::Log(log), kind: ListKind::OpenThreads, after: Seq(0) };
        let page = pick(&world.reader, anna.user, &request, PAGE_LEN_MAX).unwrap().unwrap();
        page.posts.iter().map(|told| Event::decode(&told.event).unwrap().head.seq).collect::<Vec<_>>()
    };
    assert_eq!(open(&world), [first, second], "also before anybody answered");
    let resolve = |seq: Seq| Action::Mark { log: Target::Log(log), seq, mark: Mark::Resolve };
    assert_eq!(code(world.act(member(ben), resolve(first))), RefusalCode::NotYourPost);
    assert_eq!(code(world.act(member(anna), resolve(answered))), RefusalCode::NoSuchPost, "it is an answer");
    stored(world.act(member(anna), resolve(first)));
    stored(world.act(member(teacher), resolve(second)));
    assert!(open(&world).is_empty());
    // What is deleted takes itself out of its own thread only.
    stored(world.act(member(ben), Action::Mark { log: Target::Log(log), seq: answered, mark: Mark::Delete }));
    let threads = world.reader.snapshot(|tables| tables.threads(log, (lesson, answered))).unwrap();
    let counts: Vec<_> = threads.iter().map(|thread| (thread.root, thread.reply_count)).collect();
    assert_eq!(counts, [(first, 1), (second, 0)]);
    // Whatever erases a question, its lesson counts no answer less.
    stored(world.act(member(anna), Action::Mark { log: Target::Log(log), seq: first, mark: Mark::Delete }));
    stored(world.act(member(teacher), super::retention_tests::set("#class", vec![Setting::RetainPosts(1)])));
    super::retention_tests::do_chores(&mut world);
    assert!(world.events(log, 1).contains(&EventBody::Erased));
}
