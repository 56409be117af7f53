//! The table of who may do what: one request a line, and a word for what becomes of it for each of [`WHO`](super::scene::WHO).
//!
//! A new request is a new row: copy one, run `access::`, and weigh each word that the test found before you take it.

use udpchat::message::{
    AccountState, Attachment, BindBot, BotToken, CODE_LEN, CancelScheduled, ChangePassword, ChangeRoom, Code, CreateRoom,
    Credentials, Deed, DeleteAccount, EditRequest, FileChunk, FileOffer, FileRead, FollowFrom, FollowRequest, GuestRequest,
    History, HistoryFrom, HistoryRequest, Ignore, JoinRoom, ListKind, LogId, MakeInvitation, Mark, MarkRead, MarkRequest,
    Moderate, Password, PasswordChange, PickRequest, PostFile, PostRequest, Reach, RefusalCode, ReportMessage, Request,
    RequestId, RevokeBot, RevokeDevice, Right, Role, RoomChanges, RoomSearch, ScheduleRequest, Scope, SearchRequest, Seq,
    SetAccountState, SetLatest, SetProfile, Target, Template, Texts, Visibility, Wish,
};

use super::scene::{Kind, OTHER, OTHERS_DEVICE, ROOM};
use super::world::PASSWORD;

/// What a request is made of: a fresh id, the room it is about, and two messages there.
#[derive(Debug, Clone)]
pub struct Ask {
    pub id: RequestId,
    pub log: LogId,
    /// The asker's message, from when they could write there; otherwise one that is not there.
    pub own: Seq,
    /// The owner's message.
    pub owners: Seq,
}

impl Ask {
    fn place(&self) -> Target {
        Target::Log(self.log)
    }
}

/// What becomes of one request in all cases.
pub struct Row {
    /// The name of its type, and what else tells it from another row of that type.
    pub name: &'static str,
    pub make: fn(Ask) -> Request,
    /// Kinds of rooms, and one word for each of [`WHO`](super::scene::WHO).
    pub cells: &'static [(&'static [Kind], &'static str)],
}

use Kind::{Announcement, Archived, InviteOnly, Public, Unlisted};

/// The words of the cells; a code that is not here goes by its name.
pub const WORDS: &[(RefusalCode, &str)] = &[
    (RefusalCode::NameTaken, "take"),
    (RefusalCode::RoomTaken, "take"),
    (RefusalCode::NoSuchRoom, "none"),
    (RefusalCode::OwnerStays, "stay"),
    (RefusalCode::AlreadySignedIn, "used"),
    (RefusalCode::NotSignedIn, "sign"),
    (RefusalCode::WrongPassword, "pass"),
    (RefusalCode::NotMember, "memb"),
    (RefusalCode::NotForGuests, "gues"),
    (RefusalCode::DeviceRevoked, "revo"),
    (RefusalCode::AccountDisabled, "shut"),
    (RefusalCode::WrongInvitation, "code"),
    (RefusalCode::WrongClaim, "code"),
    (RefusalCode::NotAdmin, "admi"),
    (RefusalCode::NoSuchDevice, "none"),
    (RefusalCode::NoSuchBot, "nbot"),
    (RefusalCode::WrongToken, "code"),
    (RefusalCode::OutOfScope, "scop"),
    (RefusalCode::NotFollowed, "foll"),
    (RefusalCode::NotModerator, "mode"),
    (RefusalCode::NotOwner, "ownr"),
    (RefusalCode::Muted, "mute"),
    (RefusalCode::AnnouncementsOnly, "anno"),
    (RefusalCode::ArchivedRoom, "arch"),
    (RefusalCode::Banned, "bann"),
    (RefusalCode::InviteOnly, "invi"),
    (RefusalCode::NotInRoom, "gone"),
    (RefusalCode::BadSetting, "sett"),
    (RefusalCode::NoSuchPost, "post"),
    (RefusalCode::NotYourPost, "auth"),
    (RefusalCode::NothingToUndo, "undo"),
    (RefusalCode::FileMissing, "miss"),
    (RefusalCode::NoSuchFile, "nofi"),
    (RefusalCode::Malformed, "malf"),
];

/// One request a line: what it is called and how it is made, then what becomes of it, in these kinds of rooms.
macro_rules! rows {
    ($($name:literal, |$ask:pat_param| $make:expr => $([$($kind:expr),*] $cells:literal;)*)*) => {
        /// The table.
        pub const ROWS: &[Row] = &[$(Row { name: $name, make: |$ask| $make, cells: &[$((&[$($kind),*], $cells)),*] }),*];
    };
}

// The table. The cells stand in this order:
// stranger, outsider, invited, left, kicked, banned, muted, member, guest, moderator, owner, revoked, disabled, admin,
// then devices of the moderator's bot, which is a moderator too: bot, elsewhere, reader, writer.
rows! {
    "Register", |ask| Request::Register(credentials(&ask, "newcomer")) =>
        [Public] "ok used used used used used used used used used used revo shut used used used used used";
    "LogIn as the owner", |ask| Request::LogIn(credentials(&ask, "owner")) =>
        [Public] "ok used used used used used used used used used ok revo shut used used used used used";
    "Guest", |ask| Request::Guest(GuestRequest { id: ask.id, name: "newcomer".into(), device: "sim".into() }) =>
        [Public] "ok used used used used used used used used used used revo shut used used used used used";
    "LogOut", |ask| Request::LogOut(ask.id) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "ChangePassword", |ask| Request::ChangePassword(ChangePassword { id: ask.id, old: password(), new: password(), revoke_others: true }) =>
        [Public] "sign ok ok ok ok ok ok ok gues ok ok sign sign ok scop scop scop scop";
    "DeleteAccount", |ask| Request::DeleteAccount(DeleteAccount { id: ask.id, password: password(), texts: Texts::AreErased }) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "DeleteAccount with a wrong password", |ask| Request::DeleteAccount(DeleteAccount { id: ask.id, password: Password::new("another one".into()), texts: Texts::Stay }) =>
        [Public] "sign pass pass pass pass pass pass pass ok pass pass sign sign pass scop scop scop scop";
    "WhoAmI", |_| Request::WhoAmI =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "Devices", |_| Request::Devices =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "RevokeDevice of another's", |ask| Request::RevokeDevice(RevokeDevice { id: ask.id, device: OTHERS_DEVICE }) =>
        [Public] "sign none none none none none none none none none none sign sign none scop scop scop scop";
    "WhoIs", |_| Request::WhoIs(OTHER.into()) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "SetProfile", |ask| Request::SetProfile(SetProfile { id: ask.id, about: Some("tea".into()), tags: None }) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "Claim with a wrong code", |ask| Request::Claim((ask.id, WRONG_CODE.into())) =>
        [Public] "sign code code code code code code code code code code sign sign code scop scop scop scop";
    "MakeInvitation", |ask| Request::MakeInvitation(invitation(&ask)) =>
        [Public] "sign admi admi admi admi admi admi admi admi admi admi sign sign ok scop scop scop scop";
    "SetAccountState", |ask| Request::SetAccountState(SetAccountState { id: ask.id, user: OTHER.into(), state: AccountState::Disabled }) =>
        [Public] "sign admi admi admi admi admi admi admi admi admi admi sign sign ok scop scop scop scop";
    "RegisterInvited by a wrong code", |ask| Request::RegisterInvited((credentials(&ask, "newcomer"), WRONG_CODE.into())) =>
        [Public] "code used used used used used used used used used used revo shut used used used used used";
    "CreateBot", |ask| Request::CreateBot(bot_token(&ask)) =>
        [Public] "sign ok ok ok ok ok ok ok gues ok ok sign sign ok scop scop scop scop";
    "RenewBot of none", |ask| Request::RenewBot(bot_token(&ask)) =>
        [Public] "sign nbot nbot nbot nbot nbot nbot nbot nbot nbot nbot sign sign nbot scop scop scop scop";
    "Bots", |_| Request::Bots(0) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "RevokeBot of none", |ask| Request::RevokeBot(RevokeBot { id: ask.id, name: "robot".into() }) =>
        [Public] "sign nbot nbot nbot nbot nbot nbot nbot nbot nbot nbot sign sign nbot scop scop scop scop";
    "BindBot by a wrong token", |ask| Request::BindBot(BindBot { id: ask.id, name: "robot".into(), token: WRONG_CODE.into(), device: "sim".into() }) =>
        [Public] "code used used used used used used used used used used revo shut used used used used used";
    "CreateRoom", |ask| Request::CreateRoom(create(&ask)) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "JoinRoom", |ask| Request::JoinRoom(JoinRoom { id: ask.id, name: ROOM.into(), password: None }) =>
        [Public, Unlisted, Announcement] "sign ok ok ok ok bann ok ok ok ok ok sign sign ok ok scop ok ok";
        [Archived] "sign arch arch arch arch bann ok ok ok ok ok sign sign arch ok scop ok ok";
        [InviteOnly] "sign invi ok invi invi bann ok ok ok ok ok sign sign invi ok scop ok ok";
    "LeaveRoom", |ask| Request::LeaveRoom((ask.id, ask.place())) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok stay sign sign memb ok scop ok ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok stay sign sign none ok scop ok ok";
    "ListRooms", |_| Request::ListRooms(RoomSearch::default()) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "Who", |ask| Request::Who((ask.place(), 0)) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Memberships", |_| Request::Memberships(None) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "ChangeRoom: topic", |ask| change(&ask, RoomChanges { topic: Some("tea".into()), ..RoomChanges::default() }) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "ChangeRoom: history", |ask| change(&ask, RoomChanges { history: Some(History::All), ..RoomChanges::default() }) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ownr ok sign sign memb ownr scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ownr ok sign sign none ownr scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode ownr arch sign sign memb ownr scop scop scop";
    "Moderate: invite", |ask| Request::Moderate(Moderate { id: ask.id, room: ask.place(), user: "outsider".into(), deed: Deed::Invite }) =>
        [Public, Announcement] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop scop scop";
        [Unlisted] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop scop scop";
        [InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Moderate: kick", |ask| moderate(&ask, Deed::Kick(String::new())) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "Moderate: ban", |ask| moderate(&ask, Deed::Ban(String::new())) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "Moderate: unban", |ask| Request::Moderate(Moderate { id: ask.id, room: ask.place(), user: "banned".into(), deed: Deed::Unban }) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "Moderate: mute", |ask| moderate(&ask, Deed::Mute(60)) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "Moderate: role", |ask| moderate(&ask, Deed::Role(Role::Moderator)) =>
        [Public, Announcement] "sign memb memb memb memb memb mode mode mode ownr ok sign sign memb ownr scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ownr ok sign sign none ownr scop scop scop";
        [Archived] "sign memb memb memb memb memb mode mode mode arch arch sign sign memb arch scop scop scop";
    "RoomSettings", |ask| Request::RoomSettings(ask.place()) =>
        [Public, Announcement, Archived] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "ReportMessage", |ask| Request::ReportMessage(ReportMessage { id: ask.id, room: ask.place(), seq: ask.owners, reason: String::new() }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Reports", |ask| Request::Reports((ask.place(), Seq(0))) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
    "Audit", |ask| Request::Audit((ask.place(), Seq(0))) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb mode mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mode mode mode ok ok sign sign none ok scop scop scop";
    "OpenTicket", |ask| Request::OpenTicket((ask.id, ask.place())) =>
        [Public, Announcement, Archived] "sign sett sett sett sett sett sett sett sett sett sett sign sign sett scop scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb sett sett sett sett sett sign sign none scop scop scop scop";
    "Ignore", |ask| Request::Ignore(Ignore { id: ask.id, user: OTHER.into(), wish: Wish::Ignore }) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "Ignored", |_| Request::Ignored =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "Post", |ask| Request::Post(post(&ask, ask.place(), None)) =>
        [Public] "sign memb memb memb memb memb mute ok ok ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute ok ok ok ok sign sign none ok scop scop ok";
        [Announcement] "sign memb memb memb memb memb mute anno anno ok ok sign sign memb ok scop scop ok";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "Post to a person", |ask| Request::Post(post(&ask, Target::User(OTHER.into()), None)) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
    "Post in answer", |ask| Request::Post(post(&ask, ask.place(), Some(ask.owners))) =>
        [Public] "sign memb memb memb memb memb mute ok ok ok ok sign sign memb ok scop scop ok";
        [Announcement] "sign memb memb memb memb memb mute anno anno ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute ok ok ok ok sign sign none ok scop scop ok";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "Schedule", |ask| Request::Schedule(ScheduleRequest { post: post(&ask, ask.place(), None), at_ms: TOMORROW_MS }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop scop ok";
    "ListScheduled", |_| Request::ListScheduled(0) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "CancelScheduled of none", |ask| Request::CancelScheduled(CancelScheduled { id: ask.id, number: 9 }) =>
        [Public] "sign undo undo undo undo undo undo undo undo undo undo sign sign undo undo undo undo undo";
    "OfferFile", |_| Request::OfferFile(FileOffer { hash: [0; 32], len: 9 }) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "FileChunk beside the bulk stream", |_| Request::FileChunk(FileChunk { offer: FileOffer { hash: [0; 32], len: 9 }, offset: 0, bytes: vec![1] }) =>
        [Public] "sign malf malf malf malf malf malf malf malf malf malf sign sign malf malf malf malf malf";
    "PostFile without having sent it", |ask| Request::PostFile(PostFile { id: ask.id, to: ask.place(), text: TEXT.into(), file: file() }) =>
        [Public] "sign memb memb memb memb memb mute miss miss miss miss sign sign memb miss scop scop miss";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute miss miss miss miss sign sign none miss scop scop miss";
        [Announcement] "sign memb memb memb memb memb mute anno anno miss miss sign sign memb miss scop scop miss";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "ReadFile of a message that has none", |ask| Request::ReadFile(FileRead { log: ask.place(), seq: ask.owners, offset: 0 }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb nofi nofi nofi nofi nofi sign sign memb nofi scop nofi scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb nofi nofi nofi nofi nofi sign sign none nofi scop nofi scop";
    "Edit one's own", |ask| edit(&ask, ask.own) =>
        [Public, Announcement] "sign memb memb memb memb memb mute ok ok ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute ok ok ok ok sign sign none ok scop scop ok";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "Edit another's", |ask| edit(&ask, ask.owners) =>
        [Public, Announcement] "sign memb memb memb memb memb mute auth auth auth ok sign sign memb auth scop scop auth";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute auth auth auth ok sign sign none auth scop scop auth";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "Mark: delete one's own", |ask| mark(&ask, ask.own, Mark::Delete) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop scop ok";
    "Mark: delete another's", |ask| mark(&ask, ask.owners, Mark::Delete) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb auth auth auth ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb auth auth auth ok ok sign sign none ok scop scop scop";
    "Mark: react", |ask| mark(&ask, ask.owners, Mark::React("+1".into())) =>
        [Public, Announcement] "sign memb memb memb memb memb mute ok ok ok ok sign sign memb ok scop scop ok";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute ok ok ok ok sign sign none ok scop scop ok";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop arch";
    "Mark: unreact", |ask| mark(&ask, ask.owners, Mark::Unreact("+1".into())) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb undo undo undo undo undo sign sign memb undo scop scop undo";
        [Unlisted, InviteOnly] "sign none none memb memb memb undo undo undo undo undo sign sign none undo scop scop undo";
    "Mark: pin", |ask| mark(&ask, ask.owners, Mark::Pin) =>
        [Public, Announcement] "sign memb memb memb memb memb mute mode mode ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute mode mode ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Mark: unpin", |ask| mark(&ask, ask.owners, Mark::Unpin) =>
        [Public, Announcement] "sign memb memb memb memb memb mute mode mode undo undo sign sign memb undo scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute mode mode undo undo sign sign none undo scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Mark: resolve", |ask| mark(&ask, ask.owners, Mark::Resolve) =>
        [Public, Announcement] "sign memb memb memb memb memb mute auth auth ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute auth auth ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Mark: resolve one's own", |ask| mark(&ask, ask.own, Mark::Resolve) =>
        [Public, Announcement] "sign memb memb memb memb memb mute ok ok ok ok sign sign memb ok scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute ok ok ok ok sign sign none ok scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Mark: reopen", |ask| mark(&ask, ask.owners, Mark::Reopen) =>
        [Public, Announcement] "sign memb memb memb memb memb mute auth auth undo undo sign sign memb undo scop scop scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb mute auth auth undo undo sign sign none undo scop scop scop";
        [Archived] "sign memb memb memb memb memb arch arch arch arch arch sign sign memb arch scop scop scop";
    "Pick", |ask| Request::Pick(PickRequest { log: ask.place(), kind: ListKind::Pinned, after: Seq(0) }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Receipts of one's own", |ask| Request::Receipts((ask.place(), ask.own)) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Receipts of another's", |ask| Request::Receipts((ask.place(), ask.owners)) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb auth auth auth auth ok sign sign memb auth scop auth scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb auth auth auth auth ok sign sign none auth scop auth scop";
    "EndReceipts", |ask| Request::EndReceipts((ask.log, ask.own)) =>
        [Public, Announcement, Unlisted, InviteOnly, Archived] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "MarkRead", |ask| Request::MarkRead(MarkRead { id: ask.id, log: ask.place(), seq: ask.owners }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Resume", |_| Request::Resume =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "InView", |ask| Request::InView(vec![ask.log]) =>
        [Public, Unlisted, InviteOnly, Announcement, Archived] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "SetLatest", |ask| Request::SetLatest(SetLatest { log: ask.log, key: "tea".into(), value: "hot".into(), stamp: 1 }) =>
        [Public, Unlisted, InviteOnly, Announcement, Archived] "sign foll foll foll foll foll foll foll foll foll foll sign sign foll foll foll foll foll";
    "Typing", |ask| Request::Typing(ask.log) =>
        [Public, Unlisted, InviteOnly, Announcement, Archived] "sign foll foll foll foll foll foll foll foll foll foll sign sign foll foll foll foll foll";
    "SetAway", |_| Request::SetAway(None) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "Follow", |ask| Request::Follow(FollowRequest { log: ask.place(), from: FollowFrom::Start }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Unfollow", |ask| Request::Unfollow(ask.log) =>
        [Public, Unlisted, InviteOnly, Announcement, Archived] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok ok ok ok ok";
    "History", |ask| Request::History(HistoryRequest { log: ask.place(), from: HistoryFrom::Last, count: 9 }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Search", |ask| Request::Search(SearchRequest { words: "tea".into(), log: Some(ask.place()), before: None, count: 9 }) =>
        [Public, Announcement, Archived] "sign memb memb memb memb memb ok ok ok ok ok sign sign memb ok scop ok scop";
        [Unlisted, InviteOnly] "sign none none memb memb memb ok ok ok ok ok sign sign none ok scop ok scop";
    "Search everywhere", |_| Request::Search(SearchRequest { words: "tea".into(), log: None, before: None, count: 9 }) =>
        [Public] "sign ok ok ok ok ok ok ok ok ok ok sign sign ok scop scop scop scop";
}

/// What is written by a row.
pub const TEXT: &str = "tea?";

/// A day after every world's beginning, in milliseconds since 1970 (UTC).
const TOMORROW_MS: u64 = 1_772_445_131_000;

/// A code that opens nothing.
const WRONG_CODE: &str = "abcd-efgh-ijkl-mn23";

fn invitation(ask: &Ask) -> MakeInvitation {
    MakeInvitation { id: ask.id, code: Code::new([1; CODE_LEN]).hash(), uses: 1, days: 1 }
}

fn bot_token(ask: &Ask) -> BotToken {
    let scope = Scope { reach: Reach::Everywhere, rights: vec![Right::Read] };
    BotToken { id: ask.id, name: "robot".into(), token: Code::new([2; CODE_LEN]).hash(), scope }
}

fn password() -> Password {
    Password::new(PASSWORD.into())
}

fn credentials(ask: &Ask, name: &str) -> Credentials {
    Credentials { id: ask.id, name: name.into(), password: password(), device: "sim".into() }
}

fn create(ask: &Ask) -> CreateRoom {
    let (visibility, template, changes) = (Visibility::Public, Template::Plain, RoomChanges::default());
    CreateRoom { id: ask.id, name: "#new".into(), password: None, visibility, template, changes }
}

/// A deed done to another member.
fn moderate(ask: &Ask, deed: Deed) -> Request {
    Request::Moderate(Moderate { id: ask.id, room: ask.place(), user: OTHER.into(), deed })
}

fn change(ask: &Ask, changes: RoomChanges) -> Request {
    Request::ChangeRoom(ChangeRoom { id: ask.id, room: ask.place(), password: PasswordChange::Keep, changes })
}

fn post(ask: &Ask, to: Target, reply_to: Option<Seq>) -> PostRequest {
    PostRequest { id: ask.id, to, text: TEXT.into(), reply_to, payload: None }
}

fn file() -> Attachment {
    Attachment { name: "tea.txt".into(), media: "text/plain".into(), len: 9, hash: [0; 32] }
}

fn edit(ask: &Ask, seq: Seq) -> Request {
    Request::Edit(EditRequest { id: ask.id, log: ask.place(), seq, text: TEXT.into() })
}

fn mark(ask: &Ask, seq: Seq, mark: Mark) -> Request {
    Request::Mark(MarkRequest { id: ask.id, log: ask.place(), seq, mark })
}
