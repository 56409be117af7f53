//! A room with everybody who can stand to it in a different way: who was never there, who was put out, who keeps order, who
//! owns it, whose device or account counts no more.

use udpchat::message::{
    Archived, BindBot, BotToken, CODE_LEN, ChangeRoom, Code, CreateRoom, Deed, DeviceId, GuestRequest, History, LogId, Moderate,
    PasswordChange, PostRequest, Posting, Reach, Reply, Request, Right, Role, RoomChanges, Scope, Seq, Target, Template,
    Visibility,
};
use udpchat::transport::Micros;

use super::access_table::Ask;
use super::disk;
use super::world::World;

/// Everybody, in the order of the table's cells. A stranger has no account, an outsider was never in the room, the device of
/// `revoked` is logged out, the account of `disabled` is shut, `admin` keeps the server and was never in the room. The last four
/// are devices of a bot, see [`BOT_DEVICES`].
pub const WHO: [&str; 18] = [
    "stranger",
    "outsider",
    "invited",
    "left",
    "kicked",
    "banned",
    "muted",
    "member",
    "guest",
    "moderator",
    "owner",
    "revoked",
    "disabled",
    "admin",
    "bot",
    "elsewhere",
    "reader",
    "writer",
];

/// The devices of the bot, each with the one room that it was let into and what it may do there. The bot is the moderator's, and
/// is a moderator of the room itself, so that nothing but its device's scope keeps it from what a moderator does.
const BOT_DEVICES: [(&str, &str, &[Right]); 4] = [
    ("bot", ROOM, &Right::ALL),
    ("elsewhere", ELSEWHERE, &Right::ALL),
    ("reader", ROOM, &[Right::Read]),
    ("writer", ROOM, &[Right::Post]),
];

/// What the bot is called.
const BOT: &str = "clerk";

/// A further member, to whom things are done.
pub const OTHER: &str = "other";

/// That member's device.
pub const OTHERS_DEVICE: DeviceId = DeviceId(14);

/// The room's name.
pub const ROOM: &str = "#place";

/// Another room, in which of all these only the moderator is.
const ELSEWHERE: &str = "#elsewhere";

/// The place of a message that nobody wrote.
pub const NO_POST: Seq = Seq(9_999);

/// What kind of room it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Listed, for everybody.
    Public,
    /// Not listed.
    Unlisted,
    /// Not listed, and only for who was invited.
    InviteOnly,
    /// Public, but only moderators post.
    Announcement,
    /// Public, and takes nothing any more.
    Archived,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Public, Self::Unlisted, Self::InviteOnly, Self::Announcement, Self::Archived];
}

/// The room and the people.
pub struct Scene {
    pub world: World,
    pub log: LogId,
    /// What each of [`WHO`] has written in the room, at the place of its writer.
    pub posts: Vec<Seq>,
}

impl Scene {
    /// Brings everybody into place.
    pub fn new(kind: Kind) -> Self {
        let mut world = World::on_good_network(1);
        for name in WHO {
            match name {
                "stranger" | "bot" | "elsewhere" | "reader" | "writer" => {
                    world.add(name);
                }
                "guest" => {
                    let guest = world.add(name);
                    let id = world.id(guest);
                    done(&world.ask(guest, &Request::Guest(GuestRequest { id, name: name.into(), device: "sim".into() })));
                }
                _ => {
                    world.register(name);
                }
            }
        }
        let other = world.register(OTHER);
        assert_eq!(world.client(other).account().map(|account| account.device), Some(OTHERS_DEVICE));
        let mut scene = Self { world, log: LogId(0), posts: vec![NO_POST; WHO.len()] };
        scene.make_room(kind);
        scene
    }

    fn make_room(&mut self, kind: Kind) {
        let owner = self.who("owner");
        let visibility = match kind {
            Kind::Public | Kind::Announcement | Kind::Archived => Visibility::Public,
            Kind::Unlisted => Visibility::Unlisted,
            Kind::InviteOnly => Visibility::InviteOnly,
        };
        let changes = RoomChanges { history: Some(History::SinceJoin), ..RoomChanges::default() };
        let (id, name, template) = (self.world.id(owner), ROOM.to_owned(), Template::Plain);
        let create = CreateRoom { id, name, password: None, visibility, template, changes };
        let Reply::Stored(stored) = self.world.ask(owner, &Request::CreateRoom(create)) else { panic!("the room is made") };
        self.log = stored.log;
        for name in ["left", "kicked", "banned", "muted", "member", "guest", "moderator", "revoked", "disabled", OTHER] {
            if kind == Kind::InviteOnly {
                self.moderate(name, Deed::Invite);
            }
            let who = self.who(name);
            done(&self.world.join(who, ROOM));
            let seq = self.post(who);
            if let Some(own) = self.posts.get_mut(who) {
                *own = seq;
            }
        }
        self.bring_bot(kind);
        self.posts[owner] = self.post(owner);
        self.moderate("moderator", Deed::Role(Role::Moderator));
        self.moderate("muted", Deed::Mute(3_600));
        self.moderate("invited", Deed::Invite);
        self.moderate("kicked", Deed::Kick(String::new()));
        self.moderate("banned", Deed::Ban(String::new()));
        let left = self.who("left");
        let id = self.world.id(left);
        done(&self.world.ask(left, &Request::LeaveRoom((id, Target::Log(self.log)))));
        match kind {
            Kind::Announcement => self.change(RoomChanges { posting: Some(Posting::Moderators), ..RoomChanges::default() }),
            Kind::Archived => self.change(RoomChanges { archived: Some(Archived::Yes), ..RoomChanges::default() }),
            Kind::Public | Kind::Unlisted | Kind::InviteOnly => {}
        }
        let revoked = self.who("revoked");
        let id = self.world.id(revoked);
        done(&self.world.ask(revoked, &Request::LogOut(id)));
        disk::alter(&self.world.disk.data_path(), "UPDATE users SET enabled = 0 WHERE name = 'disabled'");
        disk::alter(&self.world.disk.data_path(), "UPDATE users SET role = 1 WHERE name = 'admin'");
        for changed in [self.who("disabled"), self.who("admin")] {
            self.world.kill_client(changed);
            self.world.start_client(changed);
        }
    }

    /// The moderator makes the bot, binds its devices and lets it into the room, where it becomes a moderator.
    fn bring_bot(&mut self, kind: Kind) {
        let maker = self.who("moderator");
        done(&self.world.create(maker, ELSEWHERE));
        for (number, (name, room, rights)) in (10..).zip(BOT_DEVICES) {
            let code = Code::new([number; CODE_LEN]);
            let scope = Scope { reach: Reach::Rooms(vec![room.to_owned()]), rights: rights.to_vec() };
            let token = BotToken { id: self.world.id(maker), name: BOT.to_owned(), token: code.hash(), scope };
            let is_first = name == BOT_DEVICES[0].0;
            let wished = if is_first { Request::CreateBot(token) } else { Request::RenewBot(token) };
            done(&self.world.ask(maker, &wished));
            let device = self.who(name);
            let id = self.world.id(device);
            let bind = BindBot { id, name: BOT.to_owned(), token: code.to_string(), device: "sim".into() };
            done(&self.world.ask(device, &Request::BindBot(bind)));
        }
        if kind == Kind::InviteOnly {
            self.moderate(BOT, Deed::Invite);
        }
        let bot = self.who("bot");
        done(&self.world.join(bot, ROOM));
        let seq = self.post(bot);
        for (name, ..) in BOT_DEVICES {
            let device = self.who(name);
            self.posts[device] = seq;
        }
        self.moderate(BOT, Deed::Role(Role::Moderator));
        // Its message has moved its read marker, which rests a while then.
        self.world.drive_for(Micros::from_secs(2));
    }

    fn change(&mut self, changes: RoomChanges) {
        let owner = self.who("owner");
        let id = self.world.id(owner);
        let change = ChangeRoom { id, room: Target::Log(self.log), password: PasswordChange::Keep, changes };
        done(&self.world.ask(owner, &Request::ChangeRoom(change)));
    }

    /// Writes a message in the room and tells where it stands.
    fn post(&mut self, who: usize) -> Seq {
        let (id, to) = (self.world.id(who), Target::Log(self.log));
        let post = PostRequest { id, to, text: "hello".into(), reply_to: None, payload: None };
        let Reply::Stored(stored) = self.world.ask(who, &Request::Post(post)) else { panic!("it is stored") };
        stored.seq
    }

    /// The place of somebody among the people.
    pub fn who(&self, name: &str) -> usize {
        self.world.people.iter().position(|person| person.name == name).expect("one of those in WHO")
    }

    /// The log of a conversation between the owner and [`OTHER`].
    pub fn direct(&mut self) -> LogId {
        let owner = self.who("owner");
        let id = self.world.id(owner);
        let to = Target::User(OTHER.into());
        let post = PostRequest { id, to, text: "psst".into(), reply_to: None, payload: None };
        let Reply::Stored(stored) = self.world.ask(owner, &Request::Post(post)) else { panic!("it is stored") };
        stored.log
    }

    /// What `who` makes a request about this log of.
    pub fn ask(&mut self, who: usize, log: LogId) -> Ask {
        Ask { id: self.world.id(who), log, own: self.posts[who], owners: self.posts[self.who("owner")] }
    }

    /// The own log of [`OTHER`].
    pub fn own_log(&mut self) -> LogId {
        let other = self.who(OTHER);
        self.world.client(other).account().expect("signed in").own_log
    }

    fn moderate(&mut self, name: &str, deed: Deed) {
        let owner = self.who("owner");
        let id = self.world.id(owner);
        let moderate = Moderate { id, room: Target::Log(self.log), user: name.into(), deed };
        done(&self.world.ask(owner, &Request::Moderate(moderate)));
    }
}

fn done(reply: &Reply) {
    assert!(!matches!(reply, Reply::Refused(_)), "{reply:?}");
}
