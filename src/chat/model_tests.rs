//! Random stories of joining, leaving, posting and reading, held against a model of a few lines.
//!
//! The model keeps each room as a list of texts and, for each user, which places the rules let them read. Every reader walks
//! the log as a client does – from the start, by pages of a random size, checking the chain – and must see exactly that.

use super::tests::{World, create, join, leave, member, post, stored};
use super::*;
use crate::message::{
    Account, Deed, Event, EventBody, EventHash, FollowFrom, FollowRequest, HistoryFrom, HistoryRequest, LogId, Notice,
    RefusalCode, Reply, RequestId, RoomEvent, Seq, Target, UserId, Visibility,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

const ROOMS: [(&str, Visibility); 2] = [("#open", Visibility::Public), ("#quiet", Visibility::Unlisted)];
const USERS: [&str; 3] = ["owner", "bob", "carol"];

#[derive(Debug, Clone, Copy)]
enum Step {
    Join,
    Leave,
    Post,
    /// The room's owner puts the user out; they may come again.
    Kick,
    /// The room's owner bans the user, or lifts the ban.
    BanOrUnban,
    /// The user's last post to the room once more, as after a lost reply.
    Repeat,
}

#[derive(Default)]
struct Model {
    /// One line per event, as it should read back; place n is index n − 1.
    lines: Vec<String>,
    /// Who is a member.
    members: BTreeSet<usize>,
    /// Who is banned.
    banned: BTreeSet<usize>,
    /// Places readable through one's spans, per user.
    spans: [BTreeSet<u64>; 3],
    /// Each user's last post: id, text, place.
    last_post: [Option<(RequestId, String, u64)>; 3],
}

impl Model {
    fn append(&mut self, line: String) -> u64 {
        self.lines.push(line);
        let place = self.lines.len() as u64;
        for user in &self.members {
            self.spans[*user].insert(place);
        }
        place
    }

    fn line_at(&self, place: u64) -> String {
        self.lines[usize::try_from(place).unwrap() - 1].clone()
    }

    fn readable(&self, user: usize, visibility: Visibility) -> BTreeSet<u64> {
        match visibility {
            Visibility::Public => (1..=self.spans[user].last().copied().unwrap_or(0)).collect(),
            Visibility::Unlisted | Visibility::InviteOnly => self.spans[user].clone(),
        }
    }
}

fn line(author: &str, body: &EventBody) -> String {
    match body {
        EventBody::Created(..) => format!("{author} made"),
        EventBody::Joined => format!("{author} came"),
        EventBody::Left => format!("{author} went"),
        EventBody::Posted(post) => format!("{author}: {}", post.text),
        EventBody::Room(RoomEvent::Kicked(who, _)) => format!("{author} kicked {}", who.name),
        EventBody::Room(RoomEvent::Banned(who, _)) => format!("{author} banned {}", who.name),
        EventBody::Room(RoomEvent::Unbanned(who)) => format!("{author} unbanned {}", who.name),
        other => panic!("{other:?} is not in a room's log"),
    }
}

/// Walks the log as a follower from the start: the readable lines by place.
fn follow(world: &World, user: UserId, log: LogId, len_max: usize) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    let (mut cursor, mut hash) = (Seq(0), EventHash::genesis(log));
    loop {
        let page = match follow_page(&world.reader, user, log, cursor, len_max).unwrap() {
            Ok(page) => page,
            Err(refusal) => {
                assert!(matches!(refusal.code(), RefusalCode::NotMember | RefusalCode::NoSuchRoom));
                return seen;
            }
        };
        if page.items.is_empty() {
            assert_eq!(cursor, page.head);
            return seen;
        }
        for item in page.items {
            match item {
                FollowItem::Event { seq, prev, told } => {
                    assert_eq!(prev, cursor);
                    let Ok(Notice::Event(told)) = Notice::decode(&told) else { panic!("a notice of an event") };
                    let event = Event::decode(&told.event).unwrap();
                    (cursor, hash) = (seq, event.hash_after(&hash));
                    seen.push((seq.0, line(&told.author, &event.content())));
                }
                FollowItem::Hidden { to, hash: at } => {
                    assert!(to > cursor);
                    (cursor, hash) = (to, EventHash(at));
                }
            }
        }
        // The chain the follower computed is the server's.
        let request = FollowRequest { log: Target::Log(log), from: FollowFrom::After(cursor, hash.0) };
        if let Ok(beginning) = begin_follow(&world.reader, user, &request).unwrap() {
            assert!(matches!(beginning, Beginning::Following(_)), "{beginning:?}");
        }
    }
}

/// Walks the log as a reader of history, from the newest back.
fn history_back(world: &World, user: UserId, log: LogId, count: u16) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    let mut from = HistoryFrom::Last;
    loop {
        let request = HistoryRequest { log: Target::Log(log), from, count };
        let page = history(&world.reader, user, &request, PAGE_LEN_MAX).unwrap().unwrap();
        let mut hash = EventHash(page.hash);
        let mut lines = Vec::new();
        for told in &page.events {
            let event = Event::decode(&told.event).unwrap();
            hash = event.hash_after(&hash);
            lines.push((event.head.seq.0, line(&told.author, &event.content())));
        }
        let Some((first, _)) = lines.first() else { return seen };
        from = HistoryFrom::Before(Seq(*first));
        lines.append(&mut seen);
        seen = lines;
        if !page.more {
            return seen;
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(usize, usize, Step)>> {
    let step = prop_oneof![2 => Just(Step::Join), 1 => Just(Step::Leave), 4 => Just(Step::Post), 1 => Just(Step::Repeat), 1 => Just(Step::Kick), 1 => Just(Step::BanOrUnban)];
    proptest::collection::vec((0..USERS.len(), 0..ROOMS.len(), step), 1..60)
}

fn play(world: &mut World, accounts: &[Account], model: &mut Model, (user, room, step): (usize, usize, Step)) {
    let (name, author, actor) = (ROOMS[room].0, USERS[user], member(&accounts[user]));
    let is_member = model.members.contains(&user);
    match step {
        Step::Join if is_member => assert!(world.act(actor, join(name)).unwrap().events.is_empty()),
        Step::Join if model.banned.contains(&user) => {
            assert_eq!(world.act(actor, join(name)).unwrap_err().code(), RefusalCode::Banned);
        }
        Step::Join => {
            model.members.insert(user);
            let place = model.append(format!("{author} came"));
            assert_eq!(stored(world.act(actor, join(name))).seq.0, place);
        }
        Step::Leave => {
            let ran = world.act(actor, leave(name));
            // Who made the room, or came into it empty, owns it; the refusal tells who that is.
            if is_member && !matches!(&ran, Err(refusal) if refusal.code() == RefusalCode::OwnerStays) {
                let place = model.append(format!("{author} went"));
                model.members.remove(&user);
                assert_eq!(stored(ran).seq.0, place);
            } else {
                assert!(ran.is_err() && (!is_member || model.members.len() > 1));
            }
        }
        Step::Post => {
            let (id, text) = (world.fresh_id(), format!("text {}", model.lines.len()));
            let ran = world.run(actor, id, post(name, &text));
            if is_member {
                let place = model.append(format!("{author}: {text}"));
                assert_eq!(stored(ran).seq.0, place);
                model.last_post[user] = Some((id, text, place));
            } else {
                assert!(matches!(ran.unwrap_err().code(), RefusalCode::NotMember | RefusalCode::NoSuchRoom));
            }
        }
        Step::Kick => put_out(world, accounts, model, (user, name), Deed::Kick(String::new())),
        Step::BanOrUnban if model.banned.contains(&user) => put_out(world, accounts, model, (user, name), Deed::Unban),
        Step::BanOrUnban => put_out(world, accounts, model, (user, name), Deed::Ban(String::new())),
        Step::Repeat => {
            if let Some((id, text, place)) = model.last_post[user].clone() {
                let again = world.run(actor, id, post(name, &text)).unwrap();
                let Reply::Stored(stored) = &again.reply else { panic!() };
                assert_eq!((stored.seq.0, again.replayed, again.events.len()), (place, true, 0));
            }
        }
    }
}

/// The room's maker does something to `user`, as far as the rules let them: they may have left, or lost the room.
fn put_out(world: &mut World, accounts: &[Account], model: &mut Model, (user, name): (usize, &str), deed: Deed) {
    let verb = match deed {
        Deed::Kick(_) => "kicked",
        Deed::Ban(_) => "banned",
        _ => "unbanned",
    };
    let action = Action::Moderate { room: Target::Room(name.into()), user: USERS[user].into(), deed };
    let ran = world.act(member(&accounts[0]), action);
    let is_allowed = ran.is_ok();
    if is_allowed {
        // Who is put out may read that, and nothing after it.
        let place = model.append(format!("{} {verb} {}", USERS[0], USERS[user]));
        assert_eq!(stored(ran).seq.0, place);
        if verb == "unbanned" {
            model.banned.remove(&user);
        } else {
            model.members.remove(&user);
        }
        if verb == "banned" {
            model.banned.insert(user);
        }
    }
    assert!(!is_allowed || (user != 0 && model.members.contains(&0)), "only a member does this, and not to themselves");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn everybody_reads_exactly_what_they_may(steps in steps(), len_max in 1..2_000_usize, count in 1..8_u16) {
        let mut world = World::new();
        let accounts: Vec<Account> = USERS.iter().map(|name| world.register(name)).collect();
        let mut logs = Vec::new();
        let mut models: Vec<Model> = Vec::new();
        for (name, visibility) in ROOMS {
            logs.push(stored(world.act(member(&accounts[0]), create(name, visibility))).log);
            let mut model = Model::default();
            model.append("owner made".into());
            model.members.insert(0);
            model.append("owner came".into());
            models.push(model);
        }
        for step in steps {
            play(&mut world, &accounts, &mut models[step.1], step);
        }
        for (room, model) in models.iter().enumerate() {
            for (user, account) in accounts.iter().enumerate() {
                let may = model.readable(user, ROOMS[room].1);
                let expected: Vec<_> = may.iter().map(|place| (*place, model.line_at(*place))).collect();
                prop_assert_eq!(&follow(&world, account.user, logs[room], len_max), &expected);
                if model.members.contains(&user) {
                    prop_assert_eq!(&history_back(&world, account.user, logs[room], count), &expected);
                }
            }
        }
    }
}
