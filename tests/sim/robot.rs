//! A bot among the people of a swarm's world: one device, with a scope that its owner chose for good. It asks for whatever people
//! ask for, and is told no wherever its scope ends. What it did and what it read is held against the scope afterwards.

use udpchat::crypto::Dice;
use udpchat::message::{
    BindBot, BotToken, CODE_LEN, Code, DeviceId, EventBody, JoinRoom, LogId, Password, Reach, Reply, Request, RevokeBot, Right,
    Scope, Target, UserId,
};

use super::crowd;
use super::person::{Asked, Person};
use super::promises::Truths;
use super::world::World;

/// What it is called.
pub const NAME: &str = "clerk";

/// One in so many worlds has a bot.
const WORLDS_PER_BOT: u64 = 3;

/// What its owner may let it do.
const RIGHTS: [&[Right]; 4] = [&[Right::Read], &[Right::Post], &[Right::Read, Right::Post], &Right::ALL];

/// Whose bot somebody is, and what its device may do.
#[derive(Debug, Clone)]
pub struct Bot {
    pub owner: UserId,
    pub device: DeviceId,
    scope: Scope,
}

impl Bot {
    /// Whether it may be in a room of this name, without `#`, or in a conversation, which has none.
    fn may_be_in(&self, name: Option<&str>) -> bool {
        match &self.scope.reach {
            Reach::Everywhere => true,
            Reach::Rooms(rooms) => name.is_some_and(|name| rooms.iter().any(|room| room.strip_prefix('#') == Some(name))),
        }
    }

    fn has(&self, right: Right) -> bool {
        self.scope.rights.contains(&right)
    }

    /// Whether it may read what is in a room of this name.
    pub fn may_read(&self, name: Option<&str>) -> bool {
        self.has(Right::Read) && self.may_be_in(name)
    }

    /// Whether it may be the author of this, in a room of this name.
    fn may_have_done(&self, name: Option<&str>, body: &EventBody) -> bool {
        let is_let = match body {
            EventBody::Joined | EventBody::Left | EventBody::Erased => true,
            EventBody::Posted(_) | EventBody::Edited(_) | EventBody::Reacted(..) | EventBody::Unreacted(..) => {
                self.has(Right::Post)
            }
            EventBody::PostReported(..) => self.has(Right::Read),
            EventBody::Deleted(_) => self.has(Right::Post) || self.has(Right::Moderate),
            EventBody::Pinned(_)
            | EventBody::Unpinned(_)
            | EventBody::Resolved(_)
            | EventBody::Reopened(_)
            | EventBody::Room(_)
            | EventBody::InvitedTo(..)
            | EventBody::PutOutOf(..) => self.has(Right::Moderate),
            // A conversation begins with its first message; a room is never a bot's.
            EventBody::Created(..) | EventBody::DirectOpened(..) => self.has(Right::Post) && name.is_none(),
            EventBody::RoomEntered(..)
            | EventBody::RoomLeft(..)
            | EventBody::NotPosted(..)
            | EventBody::DeviceAdded(..)
            | EventBody::DeviceRevoked(_)
            | EventBody::ReadMarker(..)
            | EventBody::Unknown(_) => false,
        };
        is_let && self.may_be_in(name)
    }
}

/// In some worlds, `owner` makes a bot and lets it into the room, or everywhere.
pub fn bring(world: &mut World, dice: &mut Dice, owner: usize, room: &str, password: Option<&str>) {
    let user = world.people[owner].user.filter(|_| !world.people[owner].is_guest);
    let Some(user) = user.filter(|_| dice.below(WORLDS_PER_BOT) == 0) else { return };
    let reach = if dice.below(2) == 0 { Reach::Everywhere } else { Reach::Rooms(vec![room.to_owned()]) };
    let scope = Scope { reach, rights: RIGHTS[dice.below(RIGHTS.len() as u64) as usize].to_vec() };
    let code = Code::new([7; CODE_LEN]);
    let token = BotToken { id: world.id(owner), name: NAME.to_owned(), token: code.hash(), scope: scope.clone() };
    assert_eq!(world.ask(owner, &Request::CreateBot(token)), Reply::Done);
    let who = world.add(NAME);
    let bind = BindBot { id: world.id(who), name: NAME.to_owned(), token: code.to_string(), device: "sim".to_owned() };
    let Reply::Account(account) = world.ask(who, &Request::BindBot(bind)) else { panic!("the token is good") };
    // Somebody who means no good may have got hold of its key.
    world.people[who].is_hostile = dice.below(2) == 0 && world.people.iter().any(|person| person.is_hostile);
    world.people[who].bot = Some(Bot { owner: user, device: account.device, scope });
    crowd::follow(world, who, &Target::Own);
    let password = password.map(|password| Password::new(password.to_owned()));
    let join = JoinRoom { id: world.id(who), name: room.to_owned(), password };
    crowd::request(world, who, &Request::JoinRoom(join), Asked::Anything);
    crowd::follow(world, who, &Target::Room(room.to_owned()));
}

/// Who has a bot revokes it for good.
pub fn revoke(world: &mut World, who: usize) {
    let user = world.people[who].user;
    if world.people.iter().any(|person| person.bot.as_ref().is_some_and(|bot| Some(bot.owner) == user)) {
        let revoke = RevokeBot { id: world.id(who), name: NAME.to_owned() };
        crowd::request(world, who, &Request::RevokeBot(revoke), Asked::Anything);
    }
}

/// I5: whatever came from a bot's device is something that its scope let it do. What is done in its name when its owner's account
/// ends comes from the owner's device.
pub fn i5_it_did_what_it_was_let_do(person: &Person, truths: &Truths) {
    let Some(bot) = &person.bot else { return };
    for (log, truth) in truths.logs.iter().filter(|(log, _)| truths.owners.get(log) != person.user.as_ref()) {
        for event in truth.events.iter().filter(|event| event.head.device == bot.device) {
            let body = event.content();
            let name = truths.logs[&place_of(*log, &body)].name.as_deref();
            assert!(bot.may_have_done(name, &body), "I5: the bot did {body:?} in {log} ({name:?}), let do {:?}", bot.scope);
        }
    }
}

/// Where something was done of which somebody was told in their own log.
fn place_of(log: LogId, body: &EventBody) -> LogId {
    match body {
        EventBody::InvitedTo(place, _)
        | EventBody::PutOutOf(place, ..)
        | EventBody::PostReported(place, ..)
        | EventBody::DirectOpened(place, ..) => *place,
        _ => log,
    }
}
