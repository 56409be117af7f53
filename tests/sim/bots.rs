//! What a bot's device is refused: every request of the table of who may do what, about a room that is not in its scope.

use udpchat::message::{
    BindBot, BotToken, CODE_LEN, Code, Deed, Moderate, Reach, RefusalCode, Reply, Request, Right, Role, Scope, Target,
};

use super::access_table::{Ask, ROWS};
use super::scene::{Kind, ROOM, Scene};

/// The requests that a bot's device may make whatever its scope: they tell it about itself and what everybody may know, or
/// change nothing but what it says about itself, or are about what it was let into before.
const FREE: &[&str] = &[
    "Register",
    "LogIn as the owner",
    "Guest",
    "RegisterInvited by a wrong code",
    "BindBot by a wrong token",
    "LogOut",
    "WhoAmI",
    "WhoIs",
    "SetProfile",
    "ListRooms",
    "Memberships",
    "Ignored",
    "ListScheduled",
    "CancelScheduled of none",
    "EndReceipts",
    "Resume",
    "InView",
    "SetAway",
    "Unfollow",
    "OfferFile",
    "FileChunk beside the bulk stream",
];

/// A device of the moderator's bot, which is a moderator itself.
fn bot(scene: &mut Scene, number: u8, scope: Scope, create: bool) -> usize {
    let owner = scene.who("moderator");
    let code = Code::new([number; CODE_LEN]);
    let id = scene.world.id(owner);
    let token = BotToken { id, name: "helper".into(), token: code.hash(), scope };
    let request = if create { Request::CreateBot(token) } else { Request::RenewBot(token) };
    assert_eq!(scene.world.ask(owner, &request), Reply::Done);
    let device = scene.world.add(&format!("helper{number}"));
    let id = scene.world.id(device);
    let bind = BindBot { id, name: "helper".into(), token: code.to_string(), device: "sim".into() };
    assert!(matches!(scene.world.ask(device, &Request::BindBot(bind)), Reply::Account(_)));
    device
}

fn everything() -> Vec<Right> {
    Right::ALL.to_vec()
}

#[test]
fn a_bots_device_is_refused_every_request_outside_its_scope() {
    let mut scene = Scene::new(Kind::Public);
    let moderator = scene.who("moderator");
    assert!(matches!(scene.world.create(moderator, "#elsewhere"), Reply::Stored(_)));
    let rooms = |names: &[&str]| Reach::Rooms(names.iter().map(ToString::to_string).collect());
    let free = bot(&mut scene, 1, Scope { reach: Reach::Everywhere, rights: everything() }, true);
    assert!(matches!(scene.world.join(free, ROOM), Reply::Stored(_)));
    let owner = scene.who("owner");
    let id = scene.world.id(owner);
    let deed = Deed::Role(Role::Moderator);
    let promote = Moderate { id, room: Target::Log(scene.log), user: "helper".into(), deed };
    assert!(matches!(scene.world.ask(owner, &Request::Moderate(promote)), Reply::Stored(_)));
    let bound = bot(&mut scene, 2, Scope { reach: rooms(&["#elsewhere"]), rights: everything() }, false);
    let mut judged = 0;
    for row in ROWS.iter().filter(|row| !row.name.starts_with("LogOut")) {
        let ask = Ask { id: scene.world.id(bound), log: scene.log, own: scene.posts[moderator], owners: scene.posts[owner] };
        let reply = scene.world.ask(bound, &(row.make)(ask));
        let is_refused = matches!(&reply, Reply::Refused(refusal) if refusal.code() == RefusalCode::OutOfScope);
        // Who does not follow a log is refused before anything is looked up.
        let is_not_followed = matches!(&reply, Reply::Refused(refusal) if refusal.code() == RefusalCode::NotFollowed);
        assert_eq!(is_refused || is_not_followed, !FREE.contains(&row.name), "{}: {reply:?}", row.name);
        judged += usize::from(is_refused);
    }
    assert!(judged > 30, "{judged} requests were out of scope");
}

#[test]
fn a_bots_device_does_only_what_it_has_a_right_to() {
    let mut scene = Scene::new(Kind::Public);
    let reach = || Reach::Rooms(vec![ROOM.into()]);
    let reader = bot(&mut scene, 1, Scope { reach: reach(), rights: vec![Right::Read] }, true);
    let writer = bot(&mut scene, 2, Scope { reach: reach(), rights: vec![Right::Post] }, false);
    assert!(matches!(scene.world.join(reader, ROOM), Reply::Stored(_)));
    let owner = scene.who("owner");
    let mut words = |who: usize, name: &str| {
        let row = ROWS.iter().find(|row| row.name == name).expect("it is in the table");
        let ask = Ask { id: scene.world.id(who), log: scene.log, own: scene.posts[owner], owners: scene.posts[owner] };
        match scene.world.ask(who, &(row.make)(ask)) {
            Reply::Refused(refusal) => Some(refusal.code()),
            _ => None,
        }
    };
    for name in ["History", "Follow", "Who", "RoomSettings", "Search", "MarkRead"] {
        assert_eq!((words(reader, name), words(writer, name)), (None, Some(RefusalCode::OutOfScope)), "{name}");
    }
    for name in ["Post", "Schedule"] {
        assert_eq!((words(reader, name), words(writer, name)), (Some(RefusalCode::OutOfScope), None), "{name}");
    }
    for name in ["Moderate: kick", "ChangeRoom: topic", "Mark: pin", "Mark: delete another's", "Audit", "Reports"] {
        let out = Some(RefusalCode::OutOfScope);
        assert_eq!((words(reader, name), words(writer, name)), (out, out), "{name}");
    }
}
