//! Work that the loop hands out because it would block: commands for the ledger, questions for the readers, passwords for
//! the hashing pool.
//!
//! A [`Job`] leaves with a [`Ticket`], its [`Done`] comes back with the same one, as late and in whatever order the workers
//! like; only commands keep their order. Threads do the work in the real server, the simulator does it itself.

use super::file_job::{FileAnswer, FileJob};
use super::ledger::Ordered;
use crate::auth::{Task, Verdict};
use crate::chat::{self, Beginning, FollowPage, KeyOwner, Need, Outcome, Recipients};
use crate::message::{
    Attachment, BotPage, DeviceId, DeviceSummary, EventPage, FileRead, FollowRequest, HistoryRequest, IgnoredUser, LogId,
    MemberPage, MembershipPage, PickPage, PickRequest, Profile, Refusal, Reply, ReportPage, RequestId, Right, RoomName, RoomPage,
    RoomSearch, RoomSettings, ScheduledPage, SearchPage, SearchRequest, Seq, Target, UserId,
};
use crate::store::{Reader, StoreError};

/// Joins what was asked to what was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something for a worker to do.
#[derive(Debug)]
pub enum Job {
    /// For the ledger, in order.
    Command(Box<Ordered>),
    /// For a reader.
    Read(Ticket, Read),
    /// For the thread of files, in order.
    File(Ticket, FileJob),
    /// For the hashing pool.
    Hash(Ticket, Task),
}

/// What a worker made of a job.
#[derive(Debug)]
pub enum Done {
    /// The ledger committed or refused a command.
    Command(Ticket, Result<Outcome, Refusal>),
    /// All results of a batch were handed in, and so many batches have been refused by a full disk.
    Batch(u64),
    /// A reader looked something up.
    Read(Ticket, Result<Answer, Refusal>),
    /// The thread of files is through with a job.
    File(Ticket, Result<FileAnswer, Refusal>),
    /// The hashing pool is through with a password, or had no room for it.
    Hash(Ticket, Option<Verdict>),
}

/// A question about what is stored.
#[derive(Debug)]
pub enum Read {
    /// Whose device key is this?
    KeyOwner([u8; 32]),
    /// The user of this name and the hash of their password.
    PasswordOf(String),
    /// The hash of this user's password, or the first reply to the password change of this id.
    OwnPassword(UserId, RequestId),
    /// The hash of this room's password.
    RoomPassword(RoomName),
    /// The devices of a user.
    Devices(UserId),
    /// What the user of this name says about themselves.
    Profile(String),
    /// Public rooms that are looked for.
    Rooms(UserId, RoomSearch),
    /// What a room is set to.
    RoomSettings(UserId, Target),
    /// What was reported in a room about messages behind a place.
    Reports(UserId, Target, Seq),
    /// What moderators did in a room before a place.
    Audit(UserId, Target, Seq),
    /// Whom the user ignores.
    Ignored(UserId),
    /// Members of a room after a user id.
    Who(UserId, Target, u64),
    /// The logs a user is a member of, after one.
    Memberships(UserId, Option<LogId>),
    /// Where a follow begins.
    BeginFollow(UserId, FollowRequest),
    /// What a follower may read after its cursor.
    FollowPage(UserId, LogId, Seq),
    /// A page of history.
    History(UserId, HistoryRequest),
    /// Whether what a user tells a log without storing it is to be heard, at this time of people's clock.
    Voice(UserId, LogId, u64),
    /// The file of a message.
    File(UserId, FileRead),
    /// Messages by their words.
    Search(UserId, SearchRequest),
    /// Messages picked out of a log.
    Pick(UserId, PickRequest),
    /// A user's messages that wait, behind a number.
    Scheduled(UserId, u64),
    /// Whom a message of this user is for, at this time in milliseconds since 1970 (UTC).
    Recipients(UserId, Target, Seq, u64),
    /// A user's bots, behind a user id.
    Bots(UserId, u64),
    /// A question of this device of a bot, which is answered as far as its scope goes.
    Within(UserId, DeviceId, Box<Read>),
}

/// What was found.
#[derive(Debug)]
pub enum Answer {
    /// To [`Read::KeyOwner`].
    KeyOwner(KeyOwner),
    /// To [`Read::PasswordOf`]: the user and the hash, if there is such a user with a password.
    Password(Option<(UserId, String)>),
    /// To [`Read::OwnPassword`]: the hash, if the user has one.
    OwnPassword(Option<String>),
    /// To [`Read::OwnPassword`]: the change was made before.
    Changed(Reply),
    /// To [`Read::RoomPassword`]: the hash, if the room has one.
    RoomPassword(Option<String>),
    /// To [`Read::Devices`].
    Devices(Vec<DeviceSummary>),
    /// To [`Read::Profile`].
    Profile(Profile),
    /// To [`Read::Rooms`].
    Rooms(RoomPage),
    /// To [`Read::RoomSettings`].
    RoomSettings(RoomSettings),
    /// To [`Read::Reports`].
    Reports(ReportPage),
    /// To [`Read::Ignored`].
    Ignored(Vec<IgnoredUser>),
    /// To [`Read::Who`].
    Members(MemberPage),
    /// To [`Read::Memberships`].
    Memberships(MembershipPage),
    /// To [`Read::BeginFollow`].
    Beginning(Beginning),
    /// To [`Read::FollowPage`].
    FollowPage(FollowPage),
    /// To [`Read::History`] and [`Read::Audit`].
    History(EventPage),
    /// To [`Read::Voice`]: it is.
    Heard,
    /// To [`Read::File`].
    File(Attachment),
    /// To [`Read::Search`].
    Found(SearchPage),
    /// To [`Read::Pick`].
    Picked(PickPage),
    /// To [`Read::Scheduled`].
    Scheduled(ScheduledPage),
    /// To [`Read::Recipients`].
    Recipients(Recipients),
    /// To [`Read::Bots`].
    Bots(BotPage),
}

/// Bytes of events read for a follower at a time: what its queue may hold.
const FOLLOW_PAGE_LEN_MAX: usize = 16 * 1024;

/// Bytes of events in a page of history: below the longest message, whatever surrounds them.
const HISTORY_PAGE_LEN_MAX: usize = 40 * 1024;

impl Read {
    /// For whom it is read; `None` before anybody is signed in, and for what is no secret.
    fn asker(&self) -> Option<UserId> {
        match self {
            // Whoever is disabled has no password to be found; a repeat of an earlier change is told what became of it.
            Self::KeyOwner(_) | Self::PasswordOf(_) | Self::RoomPassword(_) | Self::Profile(_) | Self::OwnPassword(..) => None,
            Self::Voice(user, ..)
            | Self::Devices(user)
            | Self::Rooms(user, _)
            | Self::RoomSettings(user, _)
            | Self::Reports(user, ..)
            | Self::Audit(user, ..)
            | Self::Ignored(user)
            | Self::Who(user, ..)
            | Self::Memberships(user, _)
            | Self::BeginFollow(user, _)
            | Self::FollowPage(user, ..)
            | Self::File(user, _)
            | Self::Search(user, _)
            | Self::History(user, _)
            | Self::Scheduled(user, _)
            | Self::Recipients(user, ..)
            | Self::Pick(user, _)
            | Self::Bots(user, _)
            | Self::Within(user, ..) => Some(*user),
        }
    }

    /// What a bot's device needs for it.
    fn need(&self) -> Need {
        let read = |place: &Target| Need::In(place.clone(), Right::Read);
        match self {
            Self::KeyOwner(_)
            | Self::PasswordOf(_)
            | Self::RoomPassword(_)
            | Self::Profile(_)
            | Self::Rooms(..)
            | Self::Ignored(_)
            | Self::Memberships(..)
            | Self::Scheduled(..)
            | Self::Within(..)
            // The follow was judged when it began.
            | Self::FollowPage(..) => Need::Nothing,
            Self::RoomSettings(_, place)
            | Self::Who(_, place, _)
            | Self::Recipients(_, place, ..)
            | Self::Search(_, SearchRequest { log: Some(place), .. }) => read(place),
            Self::BeginFollow(_, follow) => read(&follow.log),
            Self::History(_, history) => read(&history.log),
            Self::Pick(_, pick) => read(&pick.log),
            Self::File(_, file) => read(&file.log),
            Self::Reports(_, place, _) | Self::Audit(_, place, _) => Need::In(place.clone(), Right::Moderate),
            Self::Voice(_, log, _) => Need::In(Target::Log(*log), Right::Post),
            Self::Search(..) => Need::EveryRoom,
            Self::OwnPassword(..) | Self::Devices(_) | Self::Bots(..) => Need::Person,
        }
    }

    /// Answers the question from one snapshot of the database.
    ///
    /// # Errors
    /// [`StoreError`] when the disk or the database fails; a refusal is an answer.
    pub fn answer(self, reader: &Reader) -> Result<Result<Answer, Refusal>, StoreError> {
        if let Some(user) = self.asker()
            && let Err(refusal) = chat::may_ask(reader, user)?
        {
            return Ok(Err(refusal));
        }
        Ok(match self {
            Self::Within(user, device, read) => match chat::may_read(reader, user, device, &read.need())? {
                Ok(sight) => read.answer(reader)?.map(|answer| match answer {
                    Answer::Memberships(mut page) => {
                        sight.narrow(&mut page);
                        Answer::Memberships(page)
                    }
                    answer => answer,
                }),
                Err(refusal) => Err(refusal),
            },
            Self::Bots(user, after) => Ok(Answer::Bots(chat::bots(reader, user, after)?)),
            Self::Voice(user, log, now_ms) => chat::voice(reader, user, log, now_ms)?.map(|()| Answer::Heard),
            Self::KeyOwner(key) => Ok(Answer::KeyOwner(chat::account_of_key(reader, &key)?)),
            Self::PasswordOf(name) => Ok(Answer::Password(chat::password_of(reader, &name)?)),
            Self::OwnPassword(user, id) => Ok(match chat::first_password_change(reader, user, id)? {
                Some(reply) => Answer::Changed(reply),
                None => Answer::OwnPassword(chat::password_of_user(reader, user)?),
            }),
            Self::RoomPassword(name) => Ok(Answer::RoomPassword(chat::room_password(reader, &name)?.flatten())),
            Self::Devices(user) => Ok(Answer::Devices(chat::devices(reader, user)?)),
            Self::Profile(name) => chat::profile(reader, &name)?.map(Answer::Profile),
            Self::Rooms(user, search) => Ok(Answer::Rooms(chat::rooms(reader, user, &search)?)),
            Self::RoomSettings(user, room) => chat::room_settings(reader, user, &room)?.map(Answer::RoomSettings),
            Self::Reports(user, room, after) => chat::reports(reader, user, &room, after)?.map(Answer::Reports),
            Self::Audit(user, room, before) => chat::audit(reader, user, &room, before)?.map(Answer::History),
            Self::Ignored(user) => Ok(Answer::Ignored(chat::ignored(reader, user)?)),
            Self::Who(user, room, after) => chat::who(reader, user, &room, after)?.map(Answer::Members),
            Self::Memberships(user, after) => Ok(Answer::Memberships(chat::memberships(reader, user, after)?)),
            Self::BeginFollow(user, request) => chat::begin_follow(reader, user, &request)?.map(Answer::Beginning),
            Self::FollowPage(user, log, after) => {
                chat::follow_page(reader, user, log, after, FOLLOW_PAGE_LEN_MAX)?.map(Answer::FollowPage)
            }
            Self::File(user, request) => chat::file_of(reader, user, &request)?.map(Answer::File),
            Self::Search(user, request) => chat::search(reader, user, &request, HISTORY_PAGE_LEN_MAX)?.map(Answer::Found),
            Self::History(user, request) => chat::history(reader, user, &request, HISTORY_PAGE_LEN_MAX)?.map(Answer::History),
            Self::Scheduled(user, after) => Ok(Answer::Scheduled(chat::scheduled(reader, user, after)?)),
            Self::Recipients(user, target, seq, now_ms) => {
                chat::recipients(reader, user, &target, seq, now_ms)?.map(Answer::Recipients)
            }
            Self::Pick(user, request) => chat::pick(reader, user, &request, HISTORY_PAGE_LEN_MAX)?.map(Answer::Picked),
        })
    }
}
