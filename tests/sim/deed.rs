//! What people do in a swarm's world. A closed list, of which a seed draws what is done at all; a new kind of request becomes a
//! line here.

use udpchat::crypto::Dice;
use udpchat::message::{
    self, ChangePassword, CreateRoom, DeleteAccount, EditRequest, HistoryFrom, HistoryRequest, JoinRoom, ListKind, Mark,
    MarkRequest, Moderate, Password, PickRequest, Request, RequestId, Role, SearchRequest, Seq, Target, Texts, Visibility,
};

use super::crowd::{self, NAMES};
use super::hostile;
use super::person::Asked;
use super::robot;
use super::urn::Urn;
use super::world::{PASSWORD, World};

/// Names of newcomers, who may look like one another.
const NEWCOMERS: [&str; 4] = ["erin", "ERIN", "\u{435}rin", "frank"];

/// Most people who come later.
const NEWCOMERS_MAX: usize = 3;

/// The password of rooms that have one.
const ROOM_PASSWORD: &str = "open sesame";

/// Somebody who thinks of deleting their account does it once in so many times.
const THOUGHTS_PER_DELETION: u64 = 4;

/// Something that somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// Writes some lines to a room, whether a member or not.
    Write,
    /// Enters a room and follows it.
    Join,
    /// Writes to somebody.
    WriteDirect,
    /// Leaves a room, having stopped to follow it or not.
    Leave,
    /// Makes a room, whether there is one of that name or not.
    Create,
    /// Reads a page of a followed log, the newest or an older one, searches it or looks what is pinned there.
    Read,
    /// Asks for the public rooms.
    List,
    /// Asks who is in a room, whether a member or not.
    Who,
    /// Somebody new registers, perhaps with a name that is taken.
    Register,
    /// Invites somebody, puts them out, lets them in, mutes them or gives them a role, whether entitled to or not.
    Moderate,
    /// Replaces the text of a message of their own.
    Edit,
    /// Deletes a message of their own, reacts to it or pins it.
    Mark,
    /// Logs out, and will log in again.
    LogOut,
    /// Changes the password and throws the user's other devices out.
    RevokeOthers,
    /// Deletes the account, perhaps.
    Delete,
    /// Revokes a bot.
    RevokeBot,
}

const ALL: &[(Deed, u64)] = &[
    (Deed::Write, 9),
    (Deed::Join, 4),
    (Deed::WriteDirect, 2),
    (Deed::Leave, 2),
    (Deed::Create, 1),
    (Deed::Read, 3),
    (Deed::List, 1),
    (Deed::Who, 1),
    (Deed::Register, 1),
    (Deed::Moderate, 3),
    (Deed::Edit, 2),
    (Deed::Mark, 2),
    (Deed::LogOut, 1),
    (Deed::RevokeOthers, 1),
    (Deed::Delete, 1),
    (Deed::RevokeBot, 1),
];

/// A room that people know of.
#[derive(Debug, Clone, Copy)]
struct Room {
    name: &'static str,
    visibility: Visibility,
    is_locked: bool,
}

/// What is done in a world, and where.
pub struct Deeds {
    urn: Urn<Deed>,
    rooms: Vec<Room>,
    count: u64,
}

impl Deeds {
    /// Draws what is done and what the rooms are like; writing and joining always are. Makes two of three rooms, and perhaps a bot
    /// for the first.
    pub fn draw(world: &mut World, dice: &mut Dice) -> Self {
        let mut room = |name| {
            let visibility = if dice.below(2) == 0 { Visibility::Public } else { Visibility::Unlisted };
            Room { name, visibility, is_locked: dice.below(4) == 0 }
        };
        let rooms = vec![room("#one"), room("#two"), room("#three")];
        let owners = [0, 0].map(|_: u8| dice.below(world.people.len() as u64) as usize);
        for (room, owner) in rooms.iter().zip(owners) {
            create(world, owner, *room);
            crowd::follow(world, owner, &Target::Room(room.name.into()));
            world.drive_for(udpchat::transport::Micros::from_secs(1));
        }
        let password = rooms[0].is_locked.then_some(ROOM_PASSWORD);
        robot::bring(world, dice, owners[0], rooms[0].name, password);
        world.texts = if dice.below(2) == 0 { Texts::Stay } else { Texts::AreErased };
        Self { urn: Urn::draw_from(ALL, 2, dice), rooms, count: 0 }
    }

    /// Somebody does something, if they are somebody.
    pub fn perform(&mut self, world: &mut World, dice: &mut Dice, who: usize) {
        if world.people[who].client.is_none() || world.people[who].user.is_none() || crowd::is_out(world, who) {
            return;
        }
        if world.people[who].is_hostile {
            hostile::probe(world, dice, who, &self.rooms.iter().map(|room| room.name).collect::<Vec<_>>());
            return;
        }
        let Some(deed) = self.urn.draw(dice) else { return };
        let room = self.rooms[dice.below(self.rooms.len() as u64) as usize];
        self.count += 1;
        match deed {
            Deed::Write => {
                let filler = if dice.below(16) == 0 { "x".repeat(dice.below(8_000) as usize) } else { String::new() };
                for part in 0..=dice.below(4) {
                    let text = format!("{who} {}.{part}{filler}", self.count);
                    world.write(who, room.name, &text);
                }
            }
            Deed::WriteDirect => {
                let to = NAMES[dice.below(NAMES.len() as u64) as usize];
                world.write(who, &format!("@{to}"), &format!("{who} to {to} {}", self.count));
            }
            Deed::Join => {
                let (id, wrong) = (world.id(who), dice.below(4) == 0);
                let given = if wrong { "open barley" } else { ROOM_PASSWORD };
                let password = room.is_locked.then(|| Password::new(given.into()));
                let join = JoinRoom { id, name: room.name.to_owned(), password };
                crowd::request(world, who, &Request::JoinRoom(join), Asked::Anything);
                crowd::follow(world, who, &Target::Room(room.name.into()));
            }
            Deed::Leave => {
                let followed = world.people[who].followed.iter().find(|(_, followed)| followed.called == room.name);
                let log = followed.map(|(log, _)| *log);
                if let Some(log) = log.filter(|_| dice.below(2) == 0) {
                    crowd::unfollow(world, who, log);
                }
                let id = world.id(who);
                let leave = Request::LeaveRoom((id, Target::Room(room.name.into())));
                crowd::request(world, who, &leave, Asked::Anything);
            }
            Deed::Create => create(world, who, room),
            Deed::Read => read(world, dice, who),
            Deed::List => {
                crowd::request(world, who, &Request::ListRooms(udpchat::message::RoomSearch::default()), Asked::Anything);
            }
            Deed::Who => {
                crowd::request(world, who, &Request::Who((Target::Room(room.name.into()), 0)), Asked::Anything);
            }
            Deed::Register => register(world, dice),
            Deed::Moderate => moderate(world, dice, who, room),
            Deed::Edit | Deed::Mark => {
                let stored = world.people[who].outcomes.values().filter_map(|outcome| outcome.as_ref().ok()).cloned();
                let stored: Vec<_> = stored.collect();
                if !stored.is_empty() {
                    let post = &stored[dice.below(stored.len() as u64) as usize];
                    let request = alter(world.id(who), dice, deed, Target::Log(post.log), post.seq);
                    crowd::request(world, who, &request, Asked::Anything);
                }
            }
            Deed::LogOut | Deed::RevokeOthers if world.people[who].is_guest || world.people[who].bot.is_some() => {}
            Deed::LogOut => {
                let id = world.id(who);
                crowd::request(world, who, &Request::LogOut(id), Asked::Anything);
            }
            Deed::RevokeOthers => {
                let (id, same) = (world.id(who), Password::new(PASSWORD.into()));
                let change = ChangePassword { id, old: same.clone(), new: same, revoke_others: true };
                crowd::request(world, who, &Request::ChangePassword(change), Asked::Anything);
            }
            Deed::Delete if dice.below(THOUGHTS_PER_DELETION) > 0 => {}
            Deed::Delete => {
                let password = Password::new(if world.people[who].is_guest { String::new() } else { PASSWORD.into() });
                let delete = DeleteAccount { id: world.id(who), password, texts: world.texts };
                crowd::request(world, who, &Request::DeleteAccount(delete), Asked::Anything);
            }
            Deed::RevokeBot => robot::revoke(world, who),
        }
    }
}

fn create(world: &mut World, who: usize, room: Room) {
    let id = world.id(who);
    let password = room.is_locked.then(|| Password::new(ROOM_PASSWORD.into()));
    let (template, changes) = (udpchat::message::Template::Plain, udpchat::message::RoomChanges::default());
    let create = CreateRoom { id, name: room.name.to_owned(), password, visibility: room.visibility, template, changes };
    crowd::request(world, who, &Request::CreateRoom(create), Asked::Anything);
}

fn moderate(world: &mut World, dice: &mut Dice, who: usize, room: Room) {
    let deed = match dice.below(7) {
        0 => message::Deed::Invite,
        1 | 2 => message::Deed::Kick(String::new()),
        3 => message::Deed::Ban("noise".into()),
        4 => message::Deed::Unban,
        5 => message::Deed::Mute(dice.below(5) as u32),
        _ => message::Deed::Role([Role::Member, Role::Moderator, Role::Owner][dice.below(3) as usize]),
    };
    let whom = dice.below(NAMES.len() as u64 + 2) as usize;
    let user = NAMES.iter().chain(&[hostile::NAME, robot::NAME]).nth(whom).expect("one of all").to_string();
    let moderate = Moderate { id: world.id(who), room: Target::Room(room.name.into()), user, deed };
    crowd::request(world, who, &Request::Moderate(moderate), Asked::Anything);
}

/// What changes one's own message.
fn alter(id: RequestId, dice: &mut Dice, deed: Deed, log: Target, seq: Seq) -> Request {
    if deed == Deed::Edit {
        let text = RequestId(dice.array()).to_string();
        return Request::Edit(EditRequest { id, log, seq, text });
    }
    let mark = match dice.below(6) {
        0 | 1 => Mark::Delete,
        2 => Mark::React("+1".into()),
        3 => Mark::Unreact("+1".into()),
        4 => Mark::Pin,
        _ => Mark::Resolve,
    };
    Request::Mark(MarkRequest { id, log, seq, mark })
}

/// Reads in some log that is followed.
fn read(world: &mut World, dice: &mut Dice, who: usize) {
    let person = &world.people[who];
    let logs: Vec<_> = person.followed.keys().copied().collect();
    if logs.is_empty() {
        return;
    }
    let log = logs[dice.below(logs.len() as u64) as usize];
    let known = person.known.get(&log).copied().unwrap_or_default();
    let (log, count) = (Target::Log(log), 1 + dice.below(50) as u16);
    let place = Seq(dice.below(known.0 + 1));
    let page = |from| Request::History(HistoryRequest { log: log.clone(), from, count });
    let (request, asked) = match dice.below(10) {
        0 => (page(HistoryFrom::Before(place)), Asked::Anything),
        1 => (page(HistoryFrom::After(place)), Asked::Anything),
        2 => (page(HistoryFrom::Around(place)), Asked::Anything),
        3 => {
            // Every message begins with the writer's number.
            let words = dice.below(6).to_string();
            (Request::Search(SearchRequest { words, log: Some(log), before: None, count: 20 }), Asked::Anything)
        }
        4 => (Request::Pick(PickRequest { log, kind: ListKind::Pinned, after: Seq(0) }), Asked::Anything),
        _ => (page(HistoryFrom::Last), Asked::Newest(known)),
    };
    crowd::request(world, who, &request, asked);
}

fn register(world: &mut World, dice: &mut Dice) {
    if world.people.iter().filter(|person| NEWCOMERS.contains(&person.name.as_str())).count() < NEWCOMERS_MAX {
        let who = world.add(NEWCOMERS[dice.below(NEWCOMERS.len() as u64) as usize]);
        let credentials = world.credentials(who, PASSWORD);
        crowd::request(world, who, &Request::Register(credentials), Asked::SignIn);
    }
}
